# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Splits a SQL script into statements, as psql would, and masks it for display.

Amazon Redshift descends from PostgreSQL 8.0.2: a backslash inside ``'...'`` escapes the character after it. Later
PostgreSQL reads it as an ordinary character. Both readings are known here; a script that they would split differently
is refused by `split_script`.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import re
import sys
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ScriptError,
)

MASK = "********"

# Amazon Redshift's documentation, "Quotas and limits": the maximum size of a single SQL statement.
MAX_STATEMENT_BYTES = 16 * 1024 * 1024

_SPACE = " \t\n\r\f\v"

_IDENT_START = r"A-Za-z_\x80-\U0010ffff"

_IDENT = _IDENT_START + "0-9"

_COMMENT, _LITERAL, _IDENTIFIER, _SEMICOLON, _OPEN, _CLOSE, _BLOCK, _DOLLAR, _QUOTE, _BROKEN = range(1, 11)

# The lookahead after a closing quote keeps an unclosed literal from being cut short at a doubled quote.
_ESCAPED = r"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'(?!')"

_PLAIN = r"'[^']*(?:''[^']*)*'(?!')"

# One token and the run of harmless characters before it. The groups are the kinds above, in their order; the last two,
# a backslash and a quote that nothing closes, are _BROKEN.
_TOKEN = r"""[^'"$\-/();\\]*(?:(--[^\r\n]*)|((?<![{prefixes}]){literal})|("[^"]*(?:""[^"]*)*"(?!"))|(;)|(\()|(\))"""

_TOKEN += r"""|(/\*)|(\$)|(')|(\\)|(")|[-/])"""

_VISIBLE = re.compile(f"[^{_SPACE}]")

_IDENT_CHAR = re.compile(f"[{_IDENT}$]")

_IDENT_REST = re.compile(f"[{_IDENT}$]*")

_DOLLAR_DELIMITER = re.compile(rf"\$(?:[{_IDENT_START}][{_IDENT}]*)?\$")

_BLOCK_EDGE = re.compile(r"/\*|\*/")


class _Reading(t.NamedTuple):
    """One way to read a backslash; letters that, right before a quote, call for another way to read what follows."""

    token: re.Pattern[str]
    literal: re.Pattern[str]
    prefixes: str
    prefixed: re.Pattern[str]


def _reading(literal: str, prefixes: str, prefixed: str) -> _Reading:
    token = _TOKEN.format(literal=literal, prefixes=prefixes)
    return _Reading(re.compile(token, re.S), re.compile(literal, re.S), prefixes, re.compile(prefixed, re.S))


_REDSHIFT = _reading(_ESCAPED, "bBxX", "'[^']*'")

_POSTGRESQL = _reading(_PLAIN, "eE", _ESCAPED)

# What `Statement.command` may show: never a name, and never something that was meant as one.
_KEYWORDS = frozenset(
    """ABORT ALL ALTER ANALYZE BEGIN CALL CLOSE CLUSTER COMMENT COMMIT COPY CREATE DATABASE DATASHARE DEALLOCATE DECLARE
    DEFAULT DELETE DO DROP END EXECUTE EXPLAIN EXTERNAL FETCH FUNCTION GRANT GROUP IDENTITY INDEX INDEXCAT INSERT INTO
    LANGUAGE LIBRARY LOCK MASKING MATERIALIZED MERGE MODEL OR POLICY PREPARE PRIVILEGES PROCEDURE PROVIDER REBUILDCAT
    REFRESH REINDEX REPLACE RESET REVOKE RLS ROLE ROLLBACK RULE SCHEMA SECURITY SELECT SEQUENCE SESSION SET SHOW START
    SYSTEM TABLE TABLESPACE TEMP TEMPORARY TRANSACTION TRIGGER TRUNCATE TYPE UNLOAD UPDATE USE USER VACUUM VALUES VIEW
    WITH WORK""".split()
)

_WORD = re.compile(r"(?:[\s(]|--[^\r\n]*|/\*.*?\*/)*([A-Za-z_]+)", re.S)

_COMMAND_WORDS = 4

# Amazon Redshift's documentation, "SVL_MULTI_STATEMENT_VIOLATIONS": what must not run in a transaction block.
_ALONE = re.compile(
    r"(?:CREATE|DROP) (?:DATABASE|LIBRARY|TABLESPACE)|(?:CREATE|DROP|ALTER|RENAME) EXTERNAL|VACUUM|REINDEX DATABASE"
    r"|REBUILDCAT|INDEXCAT|CLUSTER|ALTER TABLE (?:.* )?APPEND FROM|(?:GRANT|REVOKE) .* EXTERNAL\b"
    r"|DROP SCHEMA .* EXTERNAL|ALTER DATABASE .* (?:ISOLATION|COLLATE)"
)

_OPENS = re.compile(r"BEGIN\b|START TRANSACTION\b")

_CLOSES = re.compile(r"(?:COMMIT|END|ROLLBACK|ABORT|TRUNCATE)\b")

_QUOTED = re.compile(r"'[^']*(?:''[^']*)*'")

_BLANK = re.compile(r"\s")

_PASSWORD_IN_COMMENT = re.compile(r"'[^'\r\n]*'?|\"[^\"\r\n]*\"?|(?<=password)([^\w'\"\r\n]{1,3})(?!['\"])\S+", re.I)


@dataclasses.dataclass(frozen=True)
class Statement:
    """One statement: ``index`` and ``line`` (of its first word) count from 1; ``text`` is without its semicolon."""

    index: int
    line: int
    text: str = dataclasses.field(repr=False)

    @functools.cached_property
    def command(self) -> str:
        """The keywords it begins with, in upper case, such as ``CREATE USER``; never a name or a literal."""
        words = list(itertools.takewhile(_KEYWORDS.__contains__, _words(self.text, _COMMAND_WORDS)))
        return sys.intern(" ".join(words) or "unknown command")

    @functools.cached_property
    def start(self) -> str:
        """Its first two words in upper case, which tell what it does to a transaction."""
        return sys.intern(" ".join(_words(self.text, 2)))

    @property
    def code(self) -> str:
        """Its text in upper case, spaces squeezed, without comments and without what stands in quotes of any kind."""
        parts, position = [], 0
        for kind, start, end in _lex(self.text, _REDSHIFT):
            if kind in (_COMMENT, _BLOCK, _LITERAL, _IDENTIFIER, _DOLLAR):
                parts.append(self.text[position:start])
                position = end
        return " ".join(" ".join([*parts, self.text[position:]]).upper().split())

    @property
    def literals(self) -> list[str]:
        """What its string literals say, in both readings of a backslash."""
        inner = [self.text[start + 1 : end - 1] for kind, start, end in _lex(self.text, _REDSHIFT) if kind == _LITERAL]
        plain = [value.replace("''", "'") for value in inner]
        return [*plain, *(re.sub(r"\\(.)", r"\1", value, flags=re.S) for value in plain if "\\" in value)]


def split(script: str | bytes, backslash_escapes: bool = True) -> list[Statement]:
    """The statements of a script, in order; empty ones, and comments alone, are left out.

    ``backslash_escapes`` selects Redshift's reading (True) or that of PostgreSQL's standard_conforming_strings.
    Raises ScriptError for what psql would not send to the server, or what no server would understand: a quote, comment
    or parenthesis that is never closed, a psql meta-command, NUL, invalid UTF-8, a statement over 16 MB.
    """
    text = _decode(script)
    reading = _REDSHIFT if backslash_escapes else _POSTGRESQL
    statements: list[Statement] = []
    open_parentheses: list[int] = []
    begin: int | None = None
    position, line, counted = 0, 1, 0
    for kind, start, end in itertools.chain(_lex(text, reading), [(_SEMICOLON, len(text), len(text))]):
        if begin is None:
            visible = _VISIBLE.search(text, position, start)
            if visible:
                begin = visible.start()
            elif kind not in (_COMMENT, _BLOCK, _SEMICOLON):
                begin = start
        position = end
        if kind == _OPEN:
            open_parentheses.append(start)
        elif kind == _CLOSE and open_parentheses:
            open_parentheses.pop()
        elif kind == _BROKEN:
            raise refusal(text, start, _why_broken(text[start : start + 2]))
        elif kind == _SEMICOLON and begin is not None and (not open_parentheses or start == len(text)):
            if open_parentheses:
                raise refusal(text, open_parentheses[-1], "a parenthesis is opened here and never closed")
            line += text.count("\n", counted, begin)
            counted = begin
            body = text[begin:start].rstrip(_SPACE)
            if len(body) > MAX_STATEMENT_BYTES // 4 and len(body.encode()) > MAX_STATEMENT_BYTES:
                raise refusal(text, begin, "a statement begins here that is longer than the 16 MB Redshift accepts")
            statements.append(Statement(len(statements) + 1, line, body))
            begin = None
    return statements


def split_script(script: str | bytes) -> list[Statement]:
    """As `split` with Redshift's reading; refuses text as well that the two readings would split differently."""
    text = _decode(script)
    doubtful = _doubtful(text)
    if doubtful is None:
        return split(text)
    redshift, postgresql = _split_or_error(text, True), _split_or_error(text, False)
    if isinstance(redshift, ScriptError) and isinstance(postgresql, ScriptError):
        raise redshift
    if isinstance(redshift, ScriptError) or redshift != postgresql:
        reason = "a backslash stands in a literal such that it is not certain where the statement ends"
        raise refusal(text, doubtful, reason)
    return redshift


def runs_in_transaction(statement: Statement) -> bool:
    """False for a statement that must not run in a transaction block, or that ends, begins or commits one."""
    if _OPENS.match(statement.start) or _CLOSES.match(statement.start):
        return False
    return not _ALONE.match(statement.code)


def transaction_after(opened: Statement | None, statement: Statement) -> Statement | None:
    """Which statement opened the transaction that goes on after ``statement``, given the one that went on before it."""
    if _OPENS.match(statement.start):
        return opened or statement
    return None if _CLOSES.match(statement.start) else opened


def mask(script: str | bytes, secrets: t.Iterable[str] = ()) -> str:
    """The script with nothing in it that could be a password, for people to read; it can no longer be run.

    Every string literal, everything in dollar quotes, and what looks like a password in a comment become asterisks, and
    so does each of ``secrets`` wherever it stands and however it is escaped. Of text that cannot be read for certain
    nothing is shown.
    """
    text = _lenient(script)
    for form in sorted({form for secret in secrets for form in _escaped_forms(secret)}, key=len, reverse=True):
        text = text.replace(form, MASK)
    masked = _masked(text, lambda _body: MASK)
    return "(a script that cannot be shown: it is not certain where its literals end)\n" if masked is None else masked


def fingerprint(script: str | bytes) -> str:
    """SHA-256 of the script without its string literals, so that nobody can try passwords against it."""
    masked = _masked(_lenient(script), lambda body: _QUOTED.sub(MASK, body) if _BLANK.search(body) else MASK)
    return hashlib.sha256((masked or "").encode("utf-8", "replace")).hexdigest()


def _lenient(script: str | bytes) -> str:
    return script.decode("utf-8", "replace") if isinstance(script, bytes) else script


def _masked(text: str, mask_body: t.Callable[[str], str]) -> str | None:
    """The text without its literals; None where it cannot be read for certain."""
    if _doubtful(text) is not None:
        return None
    parts, position = [], 0
    for kind, start, end in _lex(text, _REDSHIFT):
        token = text[start:end]
        if kind == _BROKEN:
            return None
        if kind == _LITERAL:
            token = f"'{MASK}'"
        elif kind == _DOLLAR:
            delimiter = token[: token.index("$", 1) + 1]
            token = delimiter + mask_body(token[len(delimiter) : -len(delimiter)]) + delimiter
        elif kind in (_COMMENT, _BLOCK):
            token = _PASSWORD_IN_COMMENT.sub(lambda found: (found[1] or "") + MASK, token)
        parts += [text[position:start], token]
        position = end
    return "".join([*parts, text[position:]])


def _escaped_forms(secret: str) -> set[str]:
    backslashed = secret.replace("\\", "\\\\")
    forms = {form for text in (secret, backslashed) for form in (text, text.replace("'", "''"))}
    return {*forms, backslashed.replace("'", "\\'"), secret.replace('"', '""')} - {""}


def _words(text: str, count: int) -> t.Iterator[str]:
    position = 0
    while count:
        count -= 1
        found = _WORD.match(text, position)
        if not found:
            return
        yield found[1].upper()
        position = found.end()


def _decode(script: str | bytes) -> str:
    try:
        text = script if isinstance(script, str) else script.decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        reason = "it is not valid UTF-8: save it in that encoding"
        raise ScriptError(f"Line {line} of the script: {reason}.", line=line) from None
    text = text[1:] if text.startswith("\ufeff") else text
    nul = text.find("\0")
    if nul >= 0:
        raise refusal(text, nul, "there is a NUL character: save the script as UTF-8 text")
    return text


def _split_or_error(text: str, backslash_escapes: bool) -> list[Statement] | ScriptError:
    try:
        return split(text, backslash_escapes)
    except ScriptError as error:
        return error


def _lex(text: str, reading: _Reading) -> t.Iterator[tuple[int, int, int]]:
    """The tokens that matter as (kind, start, end); the first that is _BROKEN is the last."""
    match_token, position = reading.token.match, 0
    while True:
        found = match_token(text, position)
        if not found:
            return
        kind, run, position = found.lastindex, position, found.end()
        if kind is None:
            continue
        start, end = found.span(kind)
        if kind >= _BLOCK:
            if kind == _BLOCK:
                end = _end_of_block(text, end)
            elif kind == _DOLLAR:
                is_quote, end = _end_of_dollar(text, run, start)
                if not is_quote:
                    position = end
                    continue
            elif kind == _QUOTE:
                kind, end = _LITERAL, _end_of_literal(text, run, start, reading)
            else:
                end = -1
            if end < 0:
                yield _BROKEN, start, len(text)
                return
            position = end
        yield kind, start, end


def _end_of_block(text: str, position: int) -> int:
    depth = 1
    for edge in _BLOCK_EDGE.finditer(text, position):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    return -1


def _end_of_dollar(text: str, run: int, start: int) -> tuple[bool, int]:
    """Whether dollar quotes begin at ``start``, and where they end (-1: nowhere); ``run`` is the last token's end."""
    word = start
    while word > run and _IDENT_CHAR.match(text, word - 1):
        word -= 1
    if not text[word:start].strip("0123456789"):
        delimiter = _DOLLAR_DELIMITER.match(text, start)
        if not delimiter:
            return False, start + 1
        close = text.find(delimiter[0], delimiter.end())
        return True, close + len(delimiter[0]) if close >= 0 else -1
    rest = _IDENT_REST.match(text, start)
    return False, rest.end() if rest else start + 1


def _end_of_literal(text: str, run: int, start: int, reading: _Reading) -> int:
    """Where the literal ends that begins at ``start``; -1: nowhere."""
    before = start - 1
    has_prefix = before >= run and text[before] in reading.prefixes
    is_word_end = before > run and _IDENT_CHAR.match(text, before - 1)
    pattern = reading.prefixed if has_prefix and not is_word_end else reading.literal
    found = pattern.match(text, start)
    return found.end() if found else -1


def _why_broken(token: str) -> str:
    if token[0] == "\\":
        name = token if token[1:].isalpha() else "\\"
        return f"{name} is a psql meta-command, which no server understands"
    what = {"'": "a string", '"': "a quoted name", "/": "a comment"}.get(token[0], "dollar-quoted text")
    return f"{what} begins here and never ends"


def _doubtful(text: str) -> int | None:
    """Where the first literal stands that ends elsewhere in the other reading of a backslash; None: there is none."""
    if "\\" not in text:
        return None
    for token, other in itertools.zip_longest(_lex(text, _REDSHIFT), _lex(text, _POSTGRESQL)):
        if token != other:
            return min(start for _kind, start, _end in filter(None, (token, other)))
    return None


def refusal(text: str, position: int, reason: str) -> ScriptError:
    line = text.count("\n", 0, position) + 1
    return ScriptError(f"Line {line} of the script: {reason}.", line=line)
