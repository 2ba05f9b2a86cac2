# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Rendering of scripts for review: a summary, then every line, as text and as an HTML page.

All input is masked, so no output contains a secret.
"""

from __future__ import annotations

import collections
import dataclasses
import html
import re
import textwrap
import typing as t
import unicodedata

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ScriptError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import MASK
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.compare import (
    visible,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import (
    BLOCK,
    COMMENT,
    DOLLAR,
    REDSHIFT,
    Statement,
    lex,
    split,
)

WIDTH = 80

_GUTTER = 8

_NAME = r"""(?:"(?:[^"]|"")*"|[^\s"(),;.]+)(?:\.(?:"(?:[^"]|"")*"|[^\s"(),;.]+))*"""

_KINDS = (
    "USER|ROLE|GROUP|DATABASE|EXTERNAL SCHEMA|SCHEMA|EXTERNAL TABLE|TABLE|MATERIALIZED VIEW|VIEW|FUNCTION|PROCEDURE"
    "|LIBRARY|MODEL|DATASHARE|IDENTITY PROVIDER|MASKING POLICY|RLS POLICY"
)

_CREATES = re.compile(
    rf"CREATE (?:OR REPLACE )?(?:(?:LOCAL |GLOBAL )?TEMP(?:ORARY)? )?({_KINDS}) (?:IF NOT EXISTS )?({_NAME})", re.I
)

_CHANGES = re.compile(rf"ALTER ({_KINDS}) (.*)", re.I | re.S)

_DROPS = re.compile(rf"DROP ({_KINDS}) (?:IF EXISTS )?(.*)", re.I | re.S)

_GRANTS = re.compile(r"GRANT\b|ALTER DEFAULT PRIVILEGES\b(?!.*\bREVOKE\b)", re.I | re.S)

_REVOKES = re.compile(r"REVOKE\b|ALTER DEFAULT PRIVILEGES\b", re.I)

_TO_PUBLIC = re.compile(r"\bTO\b(?:[^\"]|\"[^\"]*\")*?(?<![\w\"$])PUBLIC(?![\w\"$])", re.I)

# Special privileges of a created account or procedure (Amazon Redshift's documentation, "CREATE USER" and "CREATE
# PROCEDURE").
_POWERS = {
    "CREATEUSER": "superuser",
    "CREATEDB": "may create databases",
    "SYSLOG ACCESS UNRESTRICTED": "sees the queries of others",
    "SECURITY DEFINER": "runs with the privileges of its owner",
}

_HEADINGS = {
    "public": "Grants to PUBLIC",
    "creates": "Creates",
    "changes": "Changes",
    "drops": "Drops",
    "grants": "Grants",
    "revokes": "Revokes",
    "other": "Other statements",
}


@dataclasses.dataclass(frozen=True)
class Mark:
    """The statement that starts on ``line``, counted from 1."""

    index: int
    line: int
    command: str


@dataclasses.dataclass(frozen=True)
class Script:
    """A script for review. ``text`` is masked; ``refusal`` is the reason if ``redshift_script`` refuses it."""

    name: str
    database: str
    checksum: str
    text: str
    marks: tuple[Mark, ...]
    effects: tuple[Effect, ...]
    refusal: str = ""

    @property
    def lines(self) -> list[str]:
        """Return the lines with invisible characters escaped."""
        text = self.text[:-1] if self.text.endswith("\n") else self.text
        return [visible(line[:-1] if line.endswith("\r") else line) for line in text.split("\n")]


class Effect(t.NamedTuple):
    """The effect of a statement: ``group`` is a key of the headings."""

    group: str
    what: str
    line: int


def script_for_review(name: str, database: str, checksum: str, script: bytes, text: str) -> Script:
    """Return a script for review; ``text`` is ``script`` as `masking.mask` returns it."""
    try:
        statements = split(script)
    except ScriptError as error:
        return Script(name, database, checksum, text, (), (), error.message)
    marks = tuple(Mark(statement.index, statement.line, statement.command) for statement in statements)
    try:
        masked = split(text)
    except ScriptError:
        masked = []
    if [(one.line, one.command) for one in masked] == [(one.line, one.command) for one in statements]:
        effects = tuple(map(_effect, masked))
    else:
        effects = tuple(Effect("other", mark.command, mark.line) for mark in marks)
    return Script(name, database, checksum, text, marks, effects)


def as_text(host: str, login: str, scripts: t.Sequence[Script]) -> str:
    """Return the review as text of 80 columns."""
    title = f"Review of {visible(host)}"
    lines = [title, "=" * len(title), ""]
    lines += textwrap.wrap(_introduction(login, scripts), WIDTH, break_on_hyphens=False)
    for group, rows in _summary(scripts):
        heading = _HEADINGS[group]
        lines += ["", heading, "-" * len(heading)]
        for what, where in rows:
            lines += _wrapped(f"{what}  [{where}]" if where else what, "  ")
    for number, script in enumerate(scripts, 1):
        heading = f"{number}. {script.name}, in the database {visible(script.database)}"
        lines += ["", "", *_wrapped(heading, ""), "=" * min(len(heading), WIDTH), f"checksum: {script.checksum}"]
        lines += _wrapped(f"This script will be refused. {script.refusal}", "") if script.refusal else []
        starts = _starts(script)
        for line, text in enumerate(script.lines, 1):
            for mark in starts.get(line, ()):
                lines += ["", *_wrapped(f"[{mark.index}] {mark.command}, line {line}", "")]
            first, *others = _chunks(text, WIDTH - _GUTTER)
            lines += [f"{line:>5} | {first}".rstrip(), *(f"{'':>5} : {other}".rstrip() for other in others)]
    lines += ["", "", "To approve these scripts", "------------------------", "", *_approval(scripts)]
    return "\n".join(lines) + "\n"


def as_html(host: str, login: str, scripts: t.Sequence[Script]) -> str:
    """Return the review as an HTML page that loads nothing and runs nothing."""
    shown = html.escape(visible(host))
    body = [f"<h1>Review of {shown}</h1>", f"<p>{html.escape(_introduction(login, scripts))}</p>"]
    for group, rows in _summary(scripts):
        items = "".join(
            f"<li><code>{_marked(what)}</code>{f' <small>{html.escape(where)}</small>' if where else ''}</li>"
            for what, where in rows
        )
        body.append(f'<section class="{group}"><h2>{_HEADINGS[group]}</h2><ul>{items}</ul></section>')
    for number, script in enumerate(scripts, 1):
        body.append(f"<h2>{number}. {html.escape(f'{script.name}, in the database {visible(script.database)}')}</h2>")
        body.append(f'<p class="sum">checksum: <code>{html.escape(script.checksum)}</code></p>')
        if script.refusal:
            body.append(f'<p class="public">This script will be refused. {html.escape(script.refusal)}</p>')
        starts = _starts(script)
        shown_lines: list[str] = []
        for line, text in enumerate(script.lines, 1):
            shown_lines += [
                f"<h3>{mark.index}. {html.escape(mark.command)} <small>line {line}</small></h3>"
                for mark in starts.get(line, ())
            ]
            shown_lines.append(f"<div><b>{line}</b><code>{_marked(text)}</code></div>")
        body.append(f'<div class="script">{"".join(shown_lines)}</div>')
    approval = html.escape("\n".join(_approval(scripts)))
    body.append(f"<h2>To approve these scripts</h2><pre>{approval}</pre>")
    return _PAGE.format(title=shown, style=_STYLE, body="\n".join(body))


def _introduction(login: str, scripts: t.Sequence[Script]) -> str:
    count = sum(len(script.marks) for script in scripts)
    who = visible(login) or "the login of redshift_script"
    order = ", ".join(f"{script.name} in the database {visible(script.database)}" for script in scripts)
    return (
        f"{count} statements, to be run as {who}, in this order: {order}. Passwords, keys and tokens are shown as "
        f"{MASK}. Everything else is shown unchanged. The summary does not cover the effects of a body, such as that "
        "of a procedure, when it is called."
    )


def _approval(scripts: t.Sequence[Script]) -> list[str]:
    """Return the role's option that approves the scripts, as lines of YAML."""
    checksums = [line for script in scripts for line in (f"  {script.name}:", f"    {script.checksum}")]
    return ["immuta_redshift_reviewed:", *checksums]


def _starts(script: Script) -> dict[int, list[Mark]]:
    starts: dict[int, list[Mark]] = collections.defaultdict(list)
    for mark in script.marks:
        starts[mark.line].append(mark)
    return starts


def _groups(scripts: t.Sequence[Script]) -> list[str]:
    """Return the effect groups of the scripts, in order, always with that of PUBLIC."""
    present = {effect.group for script in scripts for effect in script.effects}
    return [group for group in _HEADINGS if group in present or group == "public"]


def _summary(scripts: t.Sequence[Script]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the effect groups of the scripts, each with rows of effect and position."""
    sections = []
    for group in _groups(scripts):
        found = [(effect, script.name) for script in scripts for effect in script.effects if effect.group == group]
        if group == "other":
            counts = collections.Counter(effect.what for effect, _name in found)
            rows = [(f"{command}: {count}", "") for command, count in counts.items()]
        else:
            rows = [(visible(effect.what), f"{name}, line {effect.line}") for effect, name in found]
        sections.append((group, rows or [("None", "")]))
    return sections


def _effect(statement: Statement) -> Effect:
    """Return the effect of a masked statement."""
    text = _flat(statement.text)
    created = _CREATES.match(text)
    if created:
        powers = [power for words, power in _POWERS.items() if words in statement.code]
        what = f"{_kind(created[1])} {created[2]}" + (f" ({', '.join(powers)})" if powers else "")
        return Effect("creates", what, statement.line)
    if _GRANTS.match(text):
        group = "public" if _TO_PUBLIC.search(text) else "grants"
        return Effect(group, text, statement.line)
    if _REVOKES.match(text):
        return Effect("revokes", text, statement.line)
    for group, pattern in (("drops", _DROPS), ("changes", _CHANGES)):
        found = pattern.match(text)
        if found:
            return Effect(group, f"{_kind(found[1])} {found[2]}", statement.line)
    return Effect("other", statement.command, statement.line)


def _kind(word: str) -> str:
    return "account" if word.upper() == "USER" else word.lower()


def _flat(text: str) -> str:
    """Return a statement on one line, without comments and dollar-quoted text."""
    parts, position = [], 0
    for kind, start, end in lex(text, REDSHIFT):
        if kind in (COMMENT, BLOCK, DOLLAR):
            parts += [text[position:start], "$$...$$" if kind == DOLLAR else " "]
            position = end
    return " ".join("".join([*parts, text[position:]]).split())


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False)


def _chunks(text: str, width: int) -> list[str]:
    """Split a line into pieces of a maximum display width."""
    chunks: list[str] = []
    chunk = ""
    for char in text.replace("\t", "    "):
        if _columns(chunk + char) > width:
            place = chunk.rstrip(" ").rfind(" ") + 1
            cut = place if place > width // 2 else len(chunk)
            chunks.append(chunk[:cut])
            chunk = chunk[cut:]
        chunk += char
    return [*chunks, chunk]


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    widths = (
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
    return sum(widths)


def _marked(text: str) -> str:
    return html.escape(text).replace(MASK, f"<mark>{MASK}</mark>")


_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Review of {title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 0 auto; padding: 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .875rem; overflow-wrap: anywhere; white-space: pre-wrap; }
h1, h2 { line-height: 1.2; overflow-wrap: anywhere; }
h1 { font-size: clamp(1.25rem, 5vw, 2rem); }
h2 { font-size: 1.25rem; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .25rem; }
section h2 { font-size: 1rem; margin: 1rem 0 .25rem; }
ul { margin: 0; padding-left: 1.25rem; }
small { opacity: .75; font-weight: normal; white-space: nowrap; }
.public { border-left: .25rem solid #d97706; padding-left: .75rem; }
.script { border-top: 1px solid #8886; }
.script div { display: grid; grid-template-columns: 3rem 1fr; }
.script b { font: .875rem/1.5 ui-monospace, monospace; opacity: .6; text-align: right; padding-right: .75rem;
  user-select: none; }
mark { border-radius: .2rem; padding: 0 .15rem; }
"""
