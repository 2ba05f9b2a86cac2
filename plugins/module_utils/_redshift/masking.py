# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Masking of secrets in SQL scripts and in messages of the server.

A password is found by the text before it (``PASSWORD 'x'``, ``secret_access_key=x``, ``scheme://user:x@host``), in
code, literals, dollar quotes and comments alike. So a text need not be well-formed.
"""

from __future__ import annotations

import bisect
import json
import re
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import MASK
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import (
    BLOCK,
    BROKEN,
    COMMENT,
    DOLLAR,
    IDENTIFIER,
    KEYWORDS,
    LITERAL,
    REDSHIFT,
    lex,
)

# Redshift's refusal of a Python function since its patch 198, as users reported it in June 2026: AWS's solution
# clickstream-analytics-on-aws, issue 1609.
PYTHON_REFUSED = "Create function is not supported for language plpythonu anymore"

Span = tuple[int, int]

# The maximum nesting of dollar quotes; deeper ones are treated as a literal.
_MOST_LEVELS = 3

# The word for a secret, the end of a name that contains it, and the text between it and the secret: the quote of a
# JSON key, and "=", ":" or a word.
_NAMED = re.compile(
    r"(?<!\d:)(?:passw(?:or)?d|passphrase|passcode|pwd|secret|token|credentials?|bearer|identified\s{1,9}by"
    r"|(?:api|access|account|encryption|master_symmetric|private|shared|signing|symmetric)[_-]?key)"
    r"(?!_arn\b)(?:[_-]?(?:access[_-]?)?(?:key|id|value|hash)){0,3}s?[_-]?\d{0,3}(?![\w$])"
    r"""(?:[\\"'`\]]{0,4}\s{0,99}(?P<sign>[:=]+>?)|\s{1,99}(?P<word>is|to|by|as)\b)?\s{0,99}""",
    re.IGNORECASE,
)

# The end of a literal, and the start of an appended one.
_APPENDED = re.compile(r"'{1,9}\s{0,99}\|\|\s{0,99}(?:[\w.]{1,64}\s{0,9}\(\s{0,9}){0,2}")

_CALL = re.compile(r"(?:[A-Za-z_][\w.]{0,63}\s{0,9}\(\s{0,9}){1,3}(?=['$\"eE])")

_CONTINUED = re.compile(r"\s{0,999}(?:\|\|\s{0,99})?(?=')")

_PREFIX = re.compile(r"[eEnNbBxX](?=')|[uU]&(?=['\"])")

_DOLLARS = re.compile(r"\$\w*\$")

_QUOTES = re.compile(r"\\*(?:'+|\"+|`)")

_BARE = re.compile(r"[^\s;,'\"`()<>]+")

# The start of an unquoted value shows whether it is a secret.
_BARE_START = re.compile(r"[^\s;,'\"`()<>]{1,100}")

# An unquoted value that is neither a word of prose nor a name in code.
_LOOKS_SECRET = re.compile(r"(?=.{4})(?=.*(?:\d|[!@#%^&*+?~]|[a-z][A-Z]))(?!(?:int|float|varchar|utf)\d+\Z)", re.DOTALL)

_LAST_OF_LINE = re.compile(r"[.!]?[^\S\r\n]{0,99}(?:\*/|[\r\n]|\Z)")

_PASSWORD_WORD = re.compile(r"passw(?:or)?d|passphrase|passcode|pwd", re.IGNORECASE)

_OF_USER = re.compile(r"(?:CREATE|ALTER)\s{1,99}(?:USER|ROLE)\b[^;]*\Z", re.IGNORECASE)

_OF_USER_LENGTH = 300

_NO_VALUE = frozenset({"DISABLE", "NULL", "TRUE", "FALSE", "DEFAULT"})

_URL = re.compile(r"://(?:[^\s/:@'\"]{0,256}:)?([^\s/@'\"]{1,256})@")

_AWS_KEY = re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")

_QUOTED_IN_COMMENT = re.compile(r"(?<!\w)'([^'\r\n]+)'(?!\w)")

# An object in a message of the server: PostgreSQL quotes its name, and also a value.
_NAMED_OBJECT = re.compile(
    r"\b(aggregate|attribute|catalog|column|constraint|cursor|database|datashare|domain|extension|function|group|index"
    r"|language|library|model|namespace|operator|parameter|policy|portal|procedure|provider|relation|role|rule|schema"
    r"|sequence|server|statement|table|tablespace|trigger|type|user|variable|view)"
    r' "([^"]{1,300})"(?=[\s,;:.)]|\Z)',
    re.IGNORECASE,
)

_NEAR = re.compile(r'\b(at or near) "(\w{1,30}|[^\w\s"\']{1,3})"(?=[\s,;:.)]|\Z)')

# Not an apostrophe within a word.
_QUOTE_MARK = re.compile(r"""["`\u201c-\u201e\u00ab\u00bb\u2039\u203a]|(?<!\w)['\u2018\u2019\u201a]|['\u2019](?!\w)""")

_HELD = re.compile("\0(\\d+)\0")

_WORDS = re.compile(r"\w+")

# Shorter literals or parts of a secret match by chance; this many words in a row do not.
_TELLING_LENGTH, _TELLING_WORDS = 4, 5

_LONGEST_SENTENCE = 500


def secret_spans(text: str, secrets: t.Iterable[str] = (), words: t.Iterable[str] = ()) -> list[Span]:
    """Return the positions of secrets in SQL text, as (start, end) in order and without overlaps.

    A secret is the value after a word such as PASSWORD or ACCESS_KEY, a password in a URL, an AWS access key, quoted
    text in a comment, each of ``secrets``, however it is escaped, and each of ``words`` that is not part of another
    word.
    """
    zones = _Zones(text)
    found = _positions(text, zones)
    for start, end in zones.comments:
        found += [match.span(1) for match in _QUOTED_IN_COMMENT.finditer(text, start, end)]
    for form in {form for secret in secrets for form in _escaped_forms(secret)}:
        found += [match.span() for match in re.finditer(form, text)]
    for form in {form for word in words for form in _escaped_forms(word)}:
        found += [match.span() for match in re.finditer(rf"(?<!\w){form}(?!\w)", text)]
    return _merged(found)


def mask(script: str | bytes, secrets: t.Iterable[str] = (), words: t.Iterable[str] = ()) -> str:
    """Return the script with asterisks for the secrets, for people to read; it can no longer run.

    It has the same number of lines, even if a secret has a line break.
    """
    text = script.decode("utf-8", "replace") if isinstance(script, bytes) else script
    parts, position = [], 0
    for start, end in secret_spans(text, secrets, words):
        parts += [text[position:start], MASK, "\n" * text.count("\n", start, end)]
        position = end
    return "".join([*parts, text[position:]])


def server_sentence(message: str, text: str) -> str | None:
    """Return the server's message about the statement ``text``, without values or text of the statement.

    Names of objects and keywords remain. Return None if the rest may contain part of a secret or of the statement. A
    refusal of a Python function is always `PYTHON_REFUSED`, whatever the statement contains.
    """
    if PYTHON_REFUSED.lower() in " ".join(message.split()).lower():
        return PYTHON_REFUSED
    source = _Source(text)
    held: list[str] = []

    def hold(match: re.Match[str]) -> str:
        held.append(f'"{match[2]}"')
        return f"{match[1]} \0{len(held) - 1}\0"

    sentence = " ".join(message.replace("\0", " ").split())
    sentence = _NAMED_OBJECT.sub(lambda match: hold(match) if source.is_object(match) else match[0], sentence)
    sentence = _NEAR.sub(lambda match: hold(match) if _is_keyword(match[2]) else match[0], sentence)
    for literal in sorted((" ".join(literal.split()) for literal in source.literals), key=len, reverse=True):
        if len(literal) >= _TELLING_LENGTH and literal in sentence:
            sentence = re.sub(rf"(?<!\w){re.escape(literal)}(?!\w)", MASK, sentence)
    # Quoted text in a message can contain quotes, so only the first and the last quote are certain.
    marks = [match.start() for match in _QUOTE_MARK.finditer(sentence)]
    if marks:
        end = marks[-1] + 1 if len(marks) > 1 else len(sentence)
        sentence = f'{sentence[: marks[0]]}"{MASK}"{sentence[end:]}'
    if source.is_repeated(sentence):
        return None
    sentence = _HELD.sub(lambda match: held[int(match[1])], sentence)
    return sentence if len(sentence) <= _LONGEST_SENTENCE else f"{sentence[:_LONGEST_SENTENCE]} ..."


def _is_keyword(word: str) -> bool:
    return word.upper() in KEYWORDS or not _WORDS.search(word)


class _Source:
    """A statement, for checks of a message about it."""

    def __init__(self, text: str) -> None:
        zones = _Zones(text)
        names = [text[start + 1 : end - 1].replace('""', '"').lower() for start, end in zones.names]
        self._quoted_names = set(names)
        self._words = {word.lower() for part in _between(text, zones.quiet) for word in _WORDS.findall(part)}
        self.literals = {form for start, end in zones.literals for form in _contents(text[start:end])} - {""}
        self._secrets = [text[start:end].lower() for start, end in _positions(text, zones)]
        self._everything = "\0".join([text, *self.literals]).lower()

    def is_object(self, match: re.Match[str]) -> bool:
        """Return whether quoted text in a message is the name of an object, and not a value."""
        kind, name = match[1].lower(), match[2].lower()
        if any(name in secret or secret in name for secret in self._secrets):
            return False
        # For a value in double quotes, Redshift looks for a column.
        if kind == "column" and name in self._quoted_names:
            return False
        if all(part in self._words or part in self._quoted_names for part in name.split(".")):
            return True
        pieces = (literal.lower() for literal in self.literals if len(literal) >= _TELLING_LENGTH)
        return name not in self._everything and not any(piece in name for piece in pieces)

    def is_repeated(self, sentence: str) -> bool:
        """Return whether a sentence has part of a secret, or many words of the statement in a row."""
        words = [word.lower() for word in _WORDS.findall(sentence)]
        if any(len(word) >= _TELLING_LENGTH and word in secret for word in words for secret in self._secrets):
            return True
        if any(len(secret) >= _TELLING_LENGTH and secret in sentence.lower() for secret in self._secrets):
            return True
        statement = f" {' '.join(_WORDS.findall(self._everything))} "
        runs = (words[place : place + _TELLING_WORDS] for place in range(len(words) - _TELLING_WORDS + 1))
        return any(f" {' '.join(run)} " in statement for run in runs)


def _contents(literal: str) -> list[str]:
    """Return the content of a string literal, for both readings of a backslash."""
    plain = literal[1:-1].replace("''", "'")
    return [plain, re.sub(r"\\(.)", r"\1", plain, flags=re.DOTALL)]


class _Zones:
    """The parts of a text: ``comments``, ``literals``, quoted ``names``; ``quiet`` has no code.

    ``quiet`` excludes the last quote of a literal. Dollar quotes are parsed inside.
    """

    def __init__(self, text: str) -> None:
        self.comments: list[Span] = []
        self.literals: list[Span] = []
        self.names: list[Span] = []
        self.quiet: list[Span] = []
        self._read(text, 0, len(text), 1)
        self._starts = [start for start, _end in self.quiet]

    def _read(self, text: str, begin: int, end: int, level: int) -> None:
        for kind, start, stop in lex(text[begin:end] if level > 1 else text, REDSHIFT):
            span = (begin + start, begin + stop)
            if kind in (COMMENT, BLOCK):
                self.comments.append(span)
                self.quiet.append((span[0], span[1] - 2 if kind == BLOCK else span[1]))
            elif kind == DOLLAR and level < _MOST_LEVELS:
                delimiter = text.index("$", span[0] + 1) + 1 - span[0]
                self._read(text, span[0] + delimiter, span[1] - delimiter, level + 1)
                self.quiet.append((span[1] - delimiter, span[1]))
            elif kind in (LITERAL, DOLLAR):
                self.literals.append(span)
                self.quiet.append((span[0], span[1] - 1))
            elif kind == IDENTIFIER:
                self.names.append(span)
            elif kind == BROKEN:
                self.comments.append(span)

    def quiet_around(self, position: int) -> Span | None:
        """Return the comment or literal around a position, or None in code."""
        place = bisect.bisect_right(self._starts, position) - 1
        return self.quiet[place] if place >= 0 and position < self.quiet[place][1] else None


def _positions(text: str, zones: _Zones) -> list[Span]:
    """Return the positions of secrets, by preceding text or by shape; they can overlap."""
    found: list[Span] = []
    covered = 0
    for match in _NAMED.finditer(text):
        # A keyword inside a known secret is ignored, unless its own secret starts after that.
        if match.end() >= covered:
            found += _named(text, match, zones)
            covered = max([covered, *(end for _start, end in found[-1:])])
    found += [match.span(1) for match in _URL.finditer(text)]
    return found + [match.span() for match in _AWS_KEY.finditer(text)]


def _named(text: str, match: re.Match[str], zones: _Zones) -> list[Span]:
    """Return the value of the keyword at ``match``."""
    quiet = zones.quiet_around(match.start())
    position = match.end()
    if quiet:
        appended = _APPENDED.match(text, position)
        if appended:
            position = appended.end()
            return _in_code(text, position, match, zones) if text.startswith(("'", "$"), position) else []
        # PostgreSQL ends a literal at \', so code can start where Redshift's literal ends.
        if position < quiet[1] or "\\'" not in text[quiet[0] : quiet[1]]:
            return _in_quiet(text, position, quiet[1], match)
    called = _CALL.match(text, position)
    return _in_code(text, called.end() if called else position, match, zones)


def _in_code(text: str, position: int, match: re.Match[str], zones: _Zones) -> list[Span]:
    prefix = _PREFIX.match(text, position)
    position = prefix.end() if prefix else position
    if text.startswith("'", position):
        return _literals(text, position)
    if text.startswith('"', position):
        return [_until(text, '"', position + 1)]
    dollars = _DOLLARS.match(text, position)
    if dollars:
        # A closing delimiter starts no value.
        return [] if zones.quiet_around(position) else [_until(text, dollars[0], dollars.end())]
    bare = _BARE_START.match(text, position)
    if not bare or bare[0].upper() in _NO_VALUE:
        return []
    is_password = _PASSWORD_WORD.match(match[0])
    is_of_user = is_password and _OF_USER.search(text[max(0, match.start() - _OF_USER_LENGTH) : match.start()])
    if is_of_user or ((match["sign"] or is_password) and _LOOKS_SECRET.match(bare[0])):
        return [_bare(text, position, len(text))]
    return []


def _bare(text: str, position: int, end: int) -> Span:
    return t.cast("re.Match[str]", _BARE.match(text, position, end)).span()


def _until(text: str, closer: str, start: int) -> Span:
    end = text.find(closer, start)
    return start, end if end >= 0 else len(text)


def _literals(text: str, position: int) -> list[Span]:
    """Return the literal at ``position``, and its continuations."""
    spans: list[Span] = []
    while text.startswith("'", position):
        literal = REDSHIFT.literal.match(text, position)
        if not literal:
            return [*spans, (position + 1, len(text))]
        spans.append((position + 1, literal.end() - 1))
        continued = _CONTINUED.match(text, literal.end())
        position = continued.end() if continued else len(text)
    return spans


def _in_quiet(text: str, position: int, quiet_end: int, match: re.Match[str]) -> list[Span]:
    """Return a value inside a comment or a literal, whose quotes may be escaped once more."""
    quotes = _DOLLARS.match(text, position, quiet_end) or _QUOTES.match(text, position, quiet_end)
    if quotes:
        start = quotes.end()
        end = text.find(quotes[0], start, quiet_end)
        while end >= 0:
            run = _run(text, end, quiet_end)
            # Each level of quoting doubles a quote inside the value.
            is_inside = quotes[0][-1] in "'\"" and run % (2 * len(quotes[0])) < len(quotes[0])
            if quotes[0].startswith("\\") or (text[end - 1] != "\\" and not is_inside):
                break
            end = text.find(quotes[0], end + (run if is_inside else 1), quiet_end)
        return [(start, end if end >= 0 else quiet_end)]
    bare = _BARE_START.match(text, position, quiet_end)
    if not bare or bare[0].upper() in _NO_VALUE:
        return []
    is_value = match["sign"] or _LOOKS_SECRET.match(bare[0])
    if is_value or (match["word"] and _LAST_OF_LINE.match(text, bare.end(), quiet_end)):
        return [_bare(text, position, quiet_end)]
    return []


def _run(text: str, position: int, end: int) -> int:
    """Return how often the character at a position is repeated."""
    stop = position
    while stop < end and text[stop] == text[position]:
        stop += 1
    return stop - position


def _between(text: str, spans: t.Iterable[Span]) -> list[str]:
    """Return the parts of a text around the spans; one more than there are spans."""
    parts, position = [], 0
    for start, end in spans:
        parts.append(text[position:start])
        position = end
    return [*parts, text[position:]]


def _merged(spans: t.Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif start < end:
            merged.append((start, end))
    return merged


_ESCAPED = "'\"\\"

_ANY_ESCAPED = r"['\"\\]"


def _escaped_forms(secret: str) -> set[str]:
    """Return patterns of a secret in SQL and JSON spelling."""
    backslashed = secret.replace("\\", "\\\\")
    forms = {form for text in (secret, backslashed) for form in (text, text.replace("'", "''"))}
    forms |= {backslashed.replace("'", "\\'"), secret.replace('"', '""'), json.dumps(secret)[1:-1]}
    return {re.escape(form) for form in forms - {""}} | _nested_forms(secret)


def _nested_forms(secret: str) -> set[str]:
    """Return a pattern for any depth of quoting, which lengthens each run of quotes and backslashes.

    It excludes the runs at both ends, which cannot be told from the quotes around the secret.
    """
    core = secret.strip(_ESCAPED)
    parts = re.split(f"({_ANY_ESCAPED}+)", core)
    if not core or len(secret) == len(parts[0]):
        return set()
    before, after = len(secret) - len(secret.lstrip(_ESCAPED)), len(secret) - len(secret.rstrip(_ESCAPED))
    inner = (f"{_ANY_ESCAPED}{{{len(part)},}}" if part[0] in _ESCAPED else re.escape(part) for part in parts)
    return {f"(?<={_ANY_ESCAPED}{{{before}}}){''.join(inner)}(?={_ANY_ESCAPED}{{{after}}})"}
