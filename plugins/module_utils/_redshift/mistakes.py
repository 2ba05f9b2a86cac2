# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Detection of files and values that are used as a SQL script by mistake."""

from __future__ import annotations

import re
import typing as t
import unicodedata

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ScriptError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.masking import (
    secret_spans,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import (
    BLOCK,
    COMMENT,
    DOLLAR,
    IDENTIFIER,
    LITERAL,
    REDSHIFT,
    Statement,
    decode,
    lex,
    refusal,
)

_QUOTED = (COMMENT, BLOCK, LITERAL, IDENTIFIER, DOLLAR)

_NOT_ASCII = re.compile(r"[^\t\n\v\f\r -~]")

# Invisible characters, spaces, and quotes and dashes of word processors. A server reads each as a letter.
_MISTAKEN = ("Cc", "Cf", "Zs", "Zl", "Zp", "Pi", "Pf", "Pd")

# Blank, although Unicode classifies them as letters or symbols.
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"

# Expressions of Jinja and of a shell.
_TEMPLATE = re.compile(r"\{\{[^{}\r\n]*\}\}|\{%[^%\r\n]*%\}")

_VARIABLE = re.compile(r"\$\{\w{1,100}\}|<[\w -]{0,40}pass[\w -]{0,40}>", re.IGNORECASE)


def check_file(script: str | bytes) -> None:
    """Raise ScriptError for a file whose start is not SQL."""
    text = decode(script)
    start = len(text) - len(text.lstrip())
    first = text[start : start + 1]
    if first and first in "\"'{[":
        raise refusal(
            text, start, "it starts with a quote or bracket, as JSON does: save the decoded text of the script"
        )
    if first == "<":
        raise refusal(text, start, "it starts with <, as a web page does: save the text of the script")


def check(statements: t.Sequence[Statement]) -> list[str]:
    """Return warnings about suspicious text. Raise ScriptError for certain mistakes."""
    return [warning for statement in statements for warning in _check_values(statement, _check_code(statement))]


def _check_code(statement: Statement) -> list[tuple[int, int]]:
    """Return the positions of literals. Raise ScriptError for an odd character or template expression in code."""
    text, position = statement.text, 0
    literals = []
    for kind, start, end in [*lex(text, REDSHIFT), (COMMENT, len(text), len(text))]:
        if kind in (LITERAL, DOLLAR):
            literals.append((start, end))
        if kind not in _QUOTED:
            continue
        for found in _NOT_ASCII.finditer(text, position, start):
            if unicodedata.category(found[0]) in _MISTAKEN or found[0] in _BLANK:
                name = unicodedata.name(found[0], "CONTROL CHARACTER")
                reason = f"the character {name} (U+{ord(found[0]):04X}) is between the words: replace or remove it"
                raise _refused(statement, found.start(), reason)
        template = _TEMPLATE.search(text, position, start)
        if template:
            raise _refused(statement, template.start(), "a template expression is not rendered: render the template")
        position = end
    return literals


def _check_values(statement: Statement, literals: t.Sequence[tuple[int, int]]) -> list[str]:
    """Return warnings about literals. Raise ScriptError for a password that is only a template expression."""
    text = statement.text
    inside = [found.start() for start, end in literals for found in _TEMPLATE.finditer(text, start, end)]
    variables = [found.span() for start, end in literals for found in _VARIABLE.finditer(text, start, end)]
    secrets = secret_spans(text) if inside or variables else []
    for start, end in secrets:
        if inside and _TEMPLATE.fullmatch(text[start:end].strip()):
            position = start
            reason = "a template expression would become the password: render the template"
            raise _refused(statement, position, reason)
    lines = {_line(statement, position) for position in inside}
    warnings = [
        f"Line {line} of the script has a template expression, which runs unrendered." for line in sorted(lines)
    ]
    return warnings + [
        f"The password on line {_line(statement, span[0])} of the script looks like a placeholder."
        for span in variables
        if span in secrets
    ]


def _line(statement: Statement, position: int) -> int:
    return statement.line + statement.text.count("\n", 0, position)


def _refused(statement: Statement, position: int, reason: str) -> ScriptError:
    return refusal("\n" * (statement.line - 1) + statement.text, statement.line - 1 + position, reason)
