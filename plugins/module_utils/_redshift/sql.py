# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Splitting of a SQL script into statements, as psql does, and their classification.

Amazon Redshift descends from PostgreSQL 8.0.2: a backslash inside ``'...'`` escapes the next character. Later
PostgreSQL reads it as an ordinary character. This module supports both; the server determines which one applies.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
import sys
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ScriptError,
)

# Amazon Redshift's documentation, "Quotas and limits": the maximum size of a single SQL statement.
MAX_STATEMENT_BYTES = 16 * 1024 * 1024

_SPACE = " \t\n\r\f\v"

_IDENT_START = r"A-Za-z_\x80-\U0010ffff"

_IDENT = _IDENT_START + "0-9"

COMMENT, LITERAL, IDENTIFIER, _SEMICOLON, _OPEN, _CLOSE, BLOCK, DOLLAR, _QUOTE, BROKEN = range(1, 11)

# The lookahead after a closing quote prevents a match of an unclosed literal up to a doubled quote.
_ESCAPED = r"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'(?!')"

_PLAIN = r"'[^']*(?:''[^']*)*'(?!')"

# One token and the run of harmless characters before it. The groups are the kinds above, in order; the last two,
# a backslash and a quote without an end, are BROKEN.
_TOKEN = r"""[^'"$\-/();\\]*(?:(--[^\r\n]*)|((?<![{prefixes}]){literal})|("[^"]*(?:""[^"]*)*"(?!"))|(;)|(\()|(\))"""

_TOKEN += r"""|(/\*)|(\$)|(')|(\\)|(")|[-/])"""

_VISIBLE = re.compile(f"[^{_SPACE}]")

_IDENT_CHAR = re.compile(f"[{_IDENT}$]")

_IDENT_REST = re.compile(f"[{_IDENT}$]*")

_DOLLAR_DELIMITER = re.compile(rf"\$(?:[{_IDENT_START}][{_IDENT}]*)?\$")

_BLOCK_EDGE = re.compile(r"/\*|\*/")


class Reading(t.NamedTuple):
    """One way to read a backslash, and the letters before a quote that select another one."""

    token: re.Pattern[str]
    literal: re.Pattern[str]
    prefixes: str
    prefixed: re.Pattern[str]


def _reading(literal: str, prefixes: str, prefixed: str) -> Reading:
    token = _TOKEN.format(literal=literal, prefixes=prefixes)
    return Reading(re.compile(token, re.S), re.compile(literal, re.S), prefixes, re.compile(prefixed, re.S))


REDSHIFT = _reading(_ESCAPED, "bBxX", "'[^']*'")

POSTGRESQL = _reading(_PLAIN, "eE", _ESCAPED)

# The possible values of `Statement.command`: a verb, with the kind of object if it has one; never a name.
_VERBS = frozenset(
    """ABORT ALTER ANALYZE ATTACH BEGIN CALL CANCEL CLOSE CLUSTER COMMENT COMMIT COPY CREATE DEALLOCATE DECLARE DELETE
    DESC DESCRIBE DETACH DO DROP END EXECUTE EXPLAIN FETCH GRANT INDEXCAT INSERT LOCK MERGE PREPARE REBUILDCAT REFRESH
    REINDEX RELEASE RESET REVOKE ROLLBACK SAVEPOINT SECURITY SELECT SET SHOW START TRUNCATE UNLOAD UPDATE USE VACUUM
    VALUES WITH""".split()
)

_VERBS_WITH_OBJECT = frozenset(
    """ABORT ALTER ATTACH BEGIN COMMIT CREATE DETACH DROP END GRANT INSERT REFRESH REINDEX REVOKE ROLLBACK
    START""".split()
)

_MODIFIERS = frozenset(
    """ALL DEFAULT EXTERNAL IDENTITY LOCAL MASKING MATERIALIZED OR REPLACE RLS TEMP TEMPORARY UNIQUE""".split()
)

_OBJECTS = frozenset(
    """DATABASE DATASHARE FUNCTION GROUP INDEX INTO LANGUAGE LIBRARY MODEL POLICY PRIVILEGES PROCEDURE PROVIDER ROLE
    RULE SCHEMA SEQUENCE SYSTEM TABLE TABLESPACE TRANSACTION TRIGGER TYPE USER VIEW WORK""".split()
)

# Other words of a statement that may be repeated from a message of the server.
KEYWORDS = (
    _VERBS
    | _MODIFIERS
    | _OBJECTS
    | frozenset(
        """ADD AND AS BETWEEN BY CASCADE CASE CREATEDB CREATEUSER CROSS DISABLE DISTINCT ELSE EXCEPT EXISTS FOR FOREIGN
        FROM FULL HAVING IF ILIKE IN INNER INTERSECT IS JOIN KEY LEFT LIKE LIMIT NOT NULL OFFSET ON ORDER OUTER OWNER
        PASSWORD PRIMARY PUBLIC REFERENCES RENAME RESTRICT RETURNS RIGHT THEN TO UNION USAGE USING WHEN WHERE""".split()
    )
)

_COMMAND_WORDS = 4

_GAP = re.compile(rf"[{_SPACE}(]*")

_LINE_END = re.compile(r"[\r\n]|\Z")

_WORD = re.compile(rf"[A-Za-z_][{_IDENT}$]*")

# Amazon Redshift's documentation, "SVL_MULTI_STATEMENT_VIOLATIONS" and the pages of the commands: statements that
# cannot run in a transaction block. In `Statement.code` a quoted name is two quotes, so \S+ is any name. The server
# reports statements that are missing in this list as 25001.
_ALONE = re.compile(
    r"(?:CREATE|DROP) (?:DATABASE|LIBRARY|TABLESPACE)\b|CREATE OR REPLACE LIBRARY\b"
    r"|(?:CREATE|ALTER|DROP|RENAME) EXTERNAL TABLE\b|(?:CREATE|ALTER|DROP) IDENTITY PROVIDER\b"
    r"|VACUUM\b|REINDEX DATABASE\b|REBUILDCAT\b|INDEXCAT\b|CLUSTER\b"
    r"|ALTER TABLE (?:IF EXISTS )?(?:ONLY )?\S+ (?:APPEND FROM|ALTER (?:COLUMN )?\S+ TYPE)\b"
    r"|ALTER DATASHARE \S+ SET PUBLICACCESSIBLE\b|(?:GRANT|REVOKE) .* ON EXTERNAL (?:TABLE|COLUMN|SCHEMA)\b"
    r"|DROP SCHEMA .* DROP EXTERNAL DATABASE\b|ALTER DATABASE \S+ (?:ISOLATION LEVEL|COLLATE)\b"
)

_OPENS = re.compile(r"BEGIN\b|START TRANSACTION\b")

_COMMITS = re.compile(r"(?:COMMIT|END|TRUNCATE)\b")

# ROLLBACK TO returns to a savepoint, which PostgreSQL has and Redshift lacks, and ends nothing.
_ROLLS_BACK = re.compile(r"(?:ROLLBACK|ABORT)\b(?! (?:(?:WORK|TRANSACTION) )?TO\b)")

# PostgreSQL's documentation, "psql", meta-commands of more than one letter: messages repeat no others.
_META_COMMANDS = frozenset(
    """bind cd conninfo connect copy copyright crosstabview echo edit ef elif else encoding endif errverbose ev gdesc
    getenv gexec gset gx help html if include include_relative ir list lo_export lo_import lo_list lo_unlink out
    password print prompt pset qecho quit reset set setenv sf sv timing unset warn watch write""".split()
)

_META_COMMAND = re.compile(r"\\([A-Za-z_]*)")


@dataclasses.dataclass(frozen=True)
class Statement:
    """A statement: ``index`` and ``line`` (of its first word) count from 1; ``text`` has no semicolon."""

    index: int
    line: int
    text: str = dataclasses.field(repr=False)

    @functools.cached_property
    def command(self) -> str:
        """Return its leading keywords in upper case, such as ``CREATE USER``; never a name or a literal."""
        verb, *rest = self._start or ("",)
        if verb not in _VERBS:
            return "unknown command"
        words = [verb]
        for word in rest if verb in _VERBS_WITH_OBJECT else ():
            if word in _MODIFIERS or word in _OBJECTS:
                words.append(word)
            if word not in _MODIFIERS:
                break
        return sys.intern(" ".join(words))

    @functools.cached_property
    def _start(self) -> tuple[str, ...]:
        return tuple(map(sys.intern, _words(self.text, _COMMAND_WORDS)))

    @property
    def opens(self) -> bool:
        """Return whether it starts a transaction."""
        return bool(_OPENS.match(" ".join(self._start)))

    @property
    def commits(self) -> bool:
        """Return whether it commits a transaction."""
        return bool(_COMMITS.match(" ".join(self._start)))

    @property
    def rolls_back(self) -> bool:
        """Return whether it rolls a transaction back."""
        return bool(_ROLLS_BACK.match(" ".join(self._start)))

    @property
    def is_control(self) -> bool:
        """Return whether it only starts or ends a transaction."""
        return self.opens or self.rolls_back or (self.commits and self._start[0] != "TRUNCATE")

    @property
    def ends(self) -> bool:
        """Return whether no transaction continues after it."""
        return self.commits or self.rolls_back

    @property
    def code(self) -> str:
        """Return its text in upper case, with single spaces and no comments; quoted names and texts are only quotes."""
        parts, position = [], 0
        for kind, start, end in lex(self.text, REDSHIFT):
            if kind in _EMPTIED:
                parts += [self.text[position:start], _EMPTIED[kind]]
                position = end
        return " ".join("".join([*parts, self.text[position:]]).upper().split())


_EMPTIED = {COMMENT: " ", BLOCK: " ", LITERAL: "''", IDENTIFIER: '""', DOLLAR: "''"}


def reads_backslash_as_escape(server_version: str | None, standard_conforming_strings: str | None) -> bool:
    """Return whether a server reads a backslash in a plain literal as an escape, from its parameters at login.

    Amazon Redshift reports version 8.0.2. PostgreSQL has reported ``standard_conforming_strings`` since 8.1.
    """
    return standard_conforming_strings != "on" or (server_version or "").startswith("8.0.")


def readings_differ(script: str | bytes) -> bool:
    """Return whether the two readings of a backslash give different statements or literals."""
    return _doubtful(decode(script)) is not None


def split(script: str | bytes, backslash_escapes: bool = True) -> list[Statement]:
    """Return the statements of a script in order, without empty ones and comments alone.

    ``backslash_escapes`` selects Redshift's reading (True) or that of PostgreSQL's standard_conforming_strings. Raise
    ScriptError for text that psql would not send or no server would understand: a quote, comment or parenthesis without
    an end, a psql meta-command, NUL, invalid UTF-8, a statement over 16 MB.
    """
    text = decode(script)
    reading = REDSHIFT if backslash_escapes else POSTGRESQL
    statements: list[Statement] = []
    open_parentheses: list[int] = []
    begin: int | None = None
    position, line, counted = 0, 1, 0
    for kind, start, end in itertools.chain(lex(text, reading), [(_SEMICOLON, len(text), len(text))]):
        if begin is None:
            visible = _VISIBLE.search(text, position, start)
            if visible:
                begin = visible.start()
            elif kind not in (COMMENT, BLOCK, _SEMICOLON):
                begin = start
        position = end
        if kind == _OPEN:
            open_parentheses.append(start)
        elif kind == _CLOSE and open_parentheses:
            open_parentheses.pop()
        elif kind == BROKEN:
            raise refusal(text, start, _why_broken(text, start) + _backslash_advice(text, start, backslash_escapes))
        elif kind == _SEMICOLON and begin is not None and (not open_parentheses or start == len(text)):
            if open_parentheses:
                raise refusal(text, open_parentheses[-1], "a parenthesis is opened here and never closed")
            line += text.count("\n", counted, begin)
            counted = begin
            body = text[begin:start].rstrip(_SPACE)
            if len(body) > MAX_STATEMENT_BYTES // 4 and len(body.encode()) > MAX_STATEMENT_BYTES:
                raise refusal(text, begin, "a statement starts here that is longer than the 16 MB Redshift accepts")
            statements.append(Statement(len(statements) + 1, line, body))
            begin = None
    return statements


def runs_in_transaction(statement: Statement) -> bool:
    """Return False for a statement that cannot run in a transaction block, or that ends, starts or commits one."""
    return not (statement.opens or statement.ends or _ALONE.match(statement.code))


def _words(text: str, count: int) -> t.Iterator[str]:
    position = 0
    while count:
        position = t.cast("re.Match[str]", _GAP.match(text, position)).end()
        if text.startswith("--", position):
            position = t.cast("re.Match[str]", _LINE_END.search(text, position)).end()
        elif text.startswith("/*", position):
            position = _end_of_block(text, position + 2)
            if position < 0:
                return
        else:
            word = _WORD.match(text, position)
            if not word:
                return
            yield word[0].upper()
            position = word.end()
            count -= 1


def decode(script: str | bytes) -> str:
    """Return the text of a script, without a leading byte order mark. Raise ScriptError for invalid UTF-8."""
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


def lex(text: str, reading: Reading) -> t.Iterator[tuple[int, int, int]]:
    """Yield the tokens as (kind, start, end); the first BROKEN one is the last, and extends to the end."""
    match_token, position = reading.token.match, 0
    while True:
        found = match_token(text, position)
        if not found:
            return
        kind, run, position = found.lastindex, position, found.end()
        if kind is None:
            continue
        start, end = found.span(kind)
        if kind >= BLOCK:
            if kind == BLOCK:
                end = _end_of_block(text, end)
            elif kind == DOLLAR:
                is_quote, end = _end_of_dollar(text, run, start)
                if not is_quote:
                    position = end
                    continue
            elif kind == _QUOTE:
                kind, end = LITERAL, _end_of_literal(text, run, start, reading)
            else:
                end = -1
            if end < 0:
                yield BROKEN, start, len(text)
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
    """Return whether dollar quotes start at ``start``, and their end (-1: none); ``run`` is the last token's end."""
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


def _end_of_literal(text: str, run: int, start: int, reading: Reading) -> int:
    """Return the end of the literal that starts at ``start``, or -1."""
    before = start - 1
    has_prefix = before >= run and text[before] in reading.prefixes
    is_word_end = before > run and _IDENT_CHAR.match(text, before - 1)
    pattern = reading.prefixed if has_prefix and not is_word_end else reading.literal
    found = pattern.match(text, start)
    return found.end() if found else -1


def _why_broken(text: str, start: int) -> str:
    command = _META_COMMAND.match(text, start)
    if command:
        name = command[0] if len(command[1]) == 1 or command[1] in _META_COMMANDS else "\\"
        return f"{name} is a psql meta-command, which no server understands"
    what = {"'": "a string", '"': "a quoted name", "/": "a comment"}.get(text[start], "dollar-quoted text")
    return f"{what} starts here and never ends"


def _backslash_advice(text: str, position: int, backslash_escapes: bool) -> str:
    """Return advice if a refusal at ``position`` may depend on how the server reads an earlier backslash."""
    doubtful = _doubtful(text)
    if doubtful is None or doubtful > position:
        return ""
    line = text.count("\n", 0, doubtful) + 1
    if backslash_escapes:
        return (
            f". Redshift reads the backslash in the string on line {line} as an escape: write '' for a quote and "
            "\\\\ for a backslash"
        )
    return f". This server reads the backslash in the string on line {line} as a plain character: write '' for a quote"


def _doubtful(text: str) -> int | None:
    """Return the position of the first literal with another end in the other reading, or None."""
    if "\\" not in text:
        return None
    for token, other in itertools.zip_longest(lex(text, REDSHIFT), lex(text, POSTGRESQL)):
        if token != other:
            starts: list[int] = [start for _kind, start, _end in filter(None, (token, other))]
            return min(starts)
    return None


def refusal(text: str, position: int, reason: str) -> ScriptError:
    """Return the error at ``position`` of a script; ``reason`` is the sentence after the line, without its end."""
    line = text.count("\n", 0, position) + 1
    return ScriptError(f"Line {line} of the script: {reason}.", line=line)
