# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Split a SQL script into statements, as psql does, and classify them.

Amazon Redshift descends from PostgreSQL 8.0.2: a backslash inside ``'...'`` escapes the character after it. Later
PostgreSQL reads it as an ordinary character. Both readings are known here; which one applies is the server's to say.
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

# The lookahead after a closing quote keeps an unclosed literal from being cut short at a doubled quote.
_ESCAPED = r"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'(?!')"

_PLAIN = r"'[^']*(?:''[^']*)*'(?!')"

# One token and the run of harmless characters before it. The groups are the kinds above, in their order; the last two,
# a backslash and a quote that nothing closes, are BROKEN.
_TOKEN = r"""[^'"$\-/();\\]*(?:(--[^\r\n]*)|((?<![{prefixes}]){literal})|("[^"]*(?:""[^"]*)*"(?!"))|(;)|(\()|(\))"""

_TOKEN += r"""|(/\*)|(\$)|(')|(\\)|(")|[-/])"""

_VISIBLE = re.compile(f"[^{_SPACE}]")

_IDENT_CHAR = re.compile(f"[{_IDENT}$]")

_IDENT_REST = re.compile(f"[{_IDENT}$]*")

_DOLLAR_DELIMITER = re.compile(rf"\$(?:[{_IDENT_START}][{_IDENT}]*)?\$")

_BLOCK_EDGE = re.compile(r"/\*|\*/")


class Reading(t.NamedTuple):
    """One way to read a backslash; letters that, right before a quote, call for another way to read what follows."""

    token: re.Pattern[str]
    literal: re.Pattern[str]
    prefixes: str
    prefixed: re.Pattern[str]


def _reading(literal: str, prefixes: str, prefixed: str) -> Reading:
    token = _TOKEN.format(literal=literal, prefixes=prefixes)
    return Reading(re.compile(token, re.S), re.compile(literal, re.S), prefixes, re.compile(prefixed, re.S))


REDSHIFT = _reading(_ESCAPED, "bBxX", "'[^']*'")

POSTGRESQL = _reading(_PLAIN, "eE", _ESCAPED)

# What `Statement.command` may show: a verb, and where the verb has one, the kind of object; never a name.
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

# Further words that a message of the server may repeat from a statement.
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

# Amazon Redshift's documentation, "SVL_MULTI_STATEMENT_VIOLATIONS" and the pages of the commands: what cannot run in a
# transaction block. In `Statement.code` a quoted name is two quotes, so \S+ is any name. The list ages: what it misses,
# the server reports as 25001.
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

# PostgreSQL's documentation, "psql", meta-commands of more than one letter: others are not repeated in a message.
_META_COMMANDS = frozenset(
    """bind cd conninfo connect copy copyright crosstabview echo edit ef elif else encoding endif errverbose ev gdesc
    getenv gexec gset gx help html if include include_relative ir list lo_export lo_import lo_list lo_unlink out
    password print prompt pset qecho quit reset set setenv sf sv timing unset warn watch write""".split()
)

_META_COMMAND = re.compile(r"\\([A-Za-z_]*)")


@dataclasses.dataclass(frozen=True)
class Statement:
    """One statement: ``index`` and ``line`` (of its first word) count from 1; ``text`` is without its semicolon."""

    index: int
    line: int
    text: str = dataclasses.field(repr=False)

    @functools.cached_property
    def command(self) -> str:
        """The keywords it begins with, in upper case, such as ``CREATE USER``; never a name or a literal."""
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
        """Whether it begins a transaction."""
        return bool(_OPENS.match(" ".join(self._start)))

    @property
    def commits(self) -> bool:
        """Whether it ends a transaction, and what was done in it stays."""
        return bool(_COMMITS.match(" ".join(self._start)))

    @property
    def rolls_back(self) -> bool:
        """Whether it ends a transaction, and nothing of what was done in it stays."""
        return bool(_ROLLS_BACK.match(" ".join(self._start)))

    @property
    def is_control(self) -> bool:
        """Whether it begins or ends a transaction and does nothing else."""
        return self.opens or self.rolls_back or (self.commits and self._start[0] != "TRUNCATE")

    @property
    def ends(self) -> bool:
        """Whether no transaction goes on after it."""
        return self.commits or self.rolls_back

    @property
    def code(self) -> str:
        """Its text in upper case, spaces squeezed, without comments; a name or text in quotes is the quotes alone."""
        parts, position = [], 0
        for kind, start, end in lex(self.text, REDSHIFT):
            if kind in _EMPTIED:
                parts += [self.text[position:start], _EMPTIED[kind]]
                position = end
        return " ".join("".join([*parts, self.text[position:]]).upper().split())


_EMPTIED = {COMMENT: " ", BLOCK: " ", LITERAL: "''", IDENTIFIER: '""', DOLLAR: "''"}


def reads_backslash_as_escape(server_version: str | None, standard_conforming_strings: str | None) -> bool:
    """Whether a server reads a backslash in a plain literal as an escape, from what it reported at the login.

    Amazon Redshift reports version 8.0.2. PostgreSQL has reported ``standard_conforming_strings`` since 8.1.
    """
    return standard_conforming_strings != "on" or (server_version or "").startswith("8.0.")


def readings_differ(script: str | bytes) -> bool:
    """Whether a backslash makes the two readings find other statements, or other literals, in the script."""
    return _doubtful(decode(script)) is not None


def split(script: str | bytes, backslash_escapes: bool = True) -> list[Statement]:
    """The statements of a script, in order; empty ones, and comments alone, are left out.

    ``backslash_escapes`` selects Redshift's reading (True) or that of PostgreSQL's standard_conforming_strings.
    Raises ScriptError for what psql would not send to the server, or what no server would understand: a quote, comment
    or parenthesis that is never closed, a psql meta-command, NUL, invalid UTF-8, a statement over 16 MB.
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
    """False for a statement that cannot run in a transaction block, or that ends, begins or commits one."""
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
    """The text of a script, without a byte order mark at its start. Raises ScriptError for what is no UTF-8 text."""
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
    """The tokens that matter as (kind, start, end); the first that is BROKEN is the last, and goes on to the end."""
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


def _end_of_literal(text: str, run: int, start: int, reading: Reading) -> int:
    """Where the literal ends that begins at ``start``; -1: nowhere."""
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
    """What to do where a refusal at ``position`` may come from how the server reads a backslash before it."""
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
    """Where the first literal stands that ends elsewhere in the other reading of a backslash; None: there is none."""
    if "\\" not in text:
        return None
    for token, other in itertools.zip_longest(lex(text, REDSHIFT), lex(text, POSTGRESQL)):
        if token != other:
            starts: list[int] = [start for _kind, start, _end in filter(None, (token, other))]
            return min(starts)
    return None


def refusal(text: str, position: int, reason: str) -> ScriptError:
    """The error for what is at ``position`` of a script; ``reason`` is the sentence after the line, without its end."""
    line = text.count("\n", 0, position) + 1
    return ScriptError(f"Line {line} of the script: {reason}.", line=line)
