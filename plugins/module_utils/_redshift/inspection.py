# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Detection of statements in a generated script that the server refuses, before any statement runs."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ScriptError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift import mistakes
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import (
    BLOCK,
    COMMENT,
    DOLLAR,
    LITERAL,
    REDSHIFT,
    Statement,
    lex,
    readings_differ,
    split,
)

# Amazon Redshift's documentation, banner of every page since 2026: no new Python functions from patch 198 on. Its page
# "Cluster versions": patch 198 has the builds 1.0.204436, 1.0.212832 and 1.0.219674, patch 197 goes up to 1.0.179517.
# Builds do not strictly rise with patches, so builds between the two numbers are unknown.
LAST_WITH_PYTHON, FIRST_WITHOUT_PYTHON = 179517, 204436

# The advice for a Python function that a server refuses.
PYTHON_ADVICE = "Ask Immuta for a script without Python functions. Running the script again does not help"

_BUILD = re.compile(r"\bRedshift\s+\d+\.\d+\.(\d+)", re.IGNORECASE)


def _pattern(text: str) -> re.Pattern[str]:
    """Compile a pattern for `_code`, in which a space is any white space."""
    return re.compile(text.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)


_PYTHON_FUNCTION = _pattern(r"CREATE (?:OR REPLACE )?FUNCTION .*\bLANGUAGE [\"']?plpython")

_LIBRARY = _pattern(r"CREATE (?:OR REPLACE )?LIBRARY\b")

_BODY = _pattern(r"CREATE (?:OR REPLACE )?PROCEDURE\b")

# Not a privilege, as in GRANT USAGE ON LANGUAGE.
_PYTHON_IN_BODY = _pattern(r"(?<!\bON\s)\bLANGUAGE [\\\"']*plpython")

_NAME = r'(?:"(?:[^"]|"")*"|[^\s,;"\']+)'

_OF_DATABASE = _pattern(
    rf"(?:(?:CREATE|ALTER|DROP) DATABASE (?:IF (?:NOT )?EXISTS )?|COMMENT ON DATABASE |USE )({_NAME})"
    rf"|(?:GRANT|REVOKE) .*\b(?:ON|IN) DATABASE ({_NAME}(?:\s*,\s*{_NAME})*)"
)

# A script without statements is an error if a setup cannot continue without them.
_NEVER_EMPTY = ("initial_create", "create")


class Finding(t.NamedTuple):
    """A finding: ``severity`` is error or warning; ``line`` counts from 1, or is None for the whole script.

    ``command`` is that of the statement. ``message`` is a sentence without text of the statement, except the name of a
    database.
    """

    severity: str
    line: int | None
    command: str | None
    message: str


class Inspection(t.NamedTuple):
    """The findings in the order of their lines, and the number of statements, or None if the text cannot be split."""

    findings: list[Finding]
    statement_count: int | None

    @property
    def errors(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity == "error"]


def accepts_python(server_version: str | None) -> bool | None:
    """Return whether a Redshift accepts new Python functions, from its ``version()``, or None if unknown."""
    found = _BUILD.search(server_version or "")
    build = int(found[1]) if found else None
    if build is None or LAST_WITH_PYTHON < build < FIRST_WITHOUT_PYTHON:
        return None
    return build <= LAST_WITH_PYTHON


def inspect(name: str, script: bytes, server_version: str | None, databases: t.Collection[str] = ()) -> Inspection:
    """Inspect the script that Immuta generated under ``name`` for a server with that ``version()``.

    ``databases`` are those of the settings; without any, names of databases are not compared.
    """
    statements = None
    try:
        statements = split(script)
        mistakes.check_file(script)
        mistakes.check(statements)
    except ScriptError as error:
        return Inspection([_refused(script, error)], None if statements is None else len(statements))
    if not statements:
        severity = "error" if name in _NEVER_EMPTY else "warning"
        message = "The script that Immuta generated has no statements: there is nothing to run."
        return Inspection([Finding(severity, None, None, message)], 0)
    known = {database.lower() for database in databases}
    accepts = accepts_python(server_version)
    findings = [
        finding
        for statement in statements
        for finding in (*_python(statement, accepts), *(_databases(statement, known) if known else ()))
    ]
    return Inspection(findings, len(statements))


def _refused(script: bytes, error: ScriptError) -> Finding:
    """Return the finding for a script that `redshift_script` refuses. It is a warning if the session decides."""
    message = f"redshift_script refuses this script. {error}"
    try:
        severity = "warning" if readings_differ(script) else "error"
    except ScriptError:
        severity = "error"
    return Finding(severity, error.facts.get("line"), None, message)


def _python(statement: Statement, accepts: bool | None) -> t.Iterator[Finding]:
    """Yield the findings for statements that need Python on the server."""
    if accepts:
        return
    code = _code(statement.text)
    if _PYTHON_FUNCTION.match(code):
        what = "creates a Python function"
    elif _LIBRARY.match(code):
        what = "creates a library for Python functions"
    elif _BODY.match(code) and _PYTHON_IN_BODY.search(statement.text):
        yield Finding(
            "warning",
            statement.line,
            statement.command,
            f"Line {statement.line} of the script, {statement.command}: its text seems to create a Python function, "
            "which Redshift refuses since patch 198. It would fail when called.",
        )
        return
    else:
        return
    where = f"Line {statement.line} of the script, {statement.command}, {what}"
    if accepts is None:
        message = (
            f"{where}. Redshift refuses that since patch 198, and the version of this server does not show whether it "
            "is older."
        )
        yield Finding("warning", statement.line, statement.command, message)
    else:
        message = f"{where}, which this server refuses, like every Redshift since patch 198. {PYTHON_ADVICE}."
        yield Finding("error", statement.line, statement.command, message)


def _databases(statement: Statement, known: t.Collection[str]) -> t.Iterator[Finding]:
    """Yield the findings for statements about another database than those of the settings."""
    found = _OF_DATABASE.match(_code(statement.text))
    if not found:
        return
    for name in re.findall(_NAME, found[1] or found[2]):
        plain = name[1:-1].replace('""', '"') if name.startswith('"') else name
        if plain.lower() not in known:
            yield Finding(
                "error",
                statement.line,
                statement.command,
                f"Line {statement.line} of the script, {statement.command}, is about the database {plain}, which is "
                "neither config.database nor config.initial_database. Check the settings and generate the script "
                "again.",
            )


def _code(text: str) -> str:
    """Return the text of a statement without comments and literals, except a language name, which can be a literal."""
    parts, position = [], 0
    for kind, start, end in lex(text, REDSHIFT):
        if kind in (COMMENT, BLOCK, DOLLAR, LITERAL):
            is_language = kind == LITERAL and text[position:start].rstrip().upper().endswith("LANGUAGE")
            parts += [text[position:start], text[start:end] if is_language else " "]
            position = end
    return "".join([*parts, text[position:]])
