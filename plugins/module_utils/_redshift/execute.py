# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Runs the statements of a script in a session, and knows what state it leaves."""

from __future__ import annotations

import contextlib
import functools
import re
import time
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ScriptError,
    StatementError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.drivers import (
    DriverError,
    Session,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import (
    MASK,
    Statement,
    runs_in_transaction,
    transaction_after,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.transient import (
    is_conflict,
)

# PostgreSQL's documentation, "Error Codes": duplicate object (so a user), database, schema, table, function.
_DUPLICATE = ("42710", "42P04", "42P06", "42P07", "42723")

# Undefined database, schema, object (so a user or group), table, function.
_UNDEFINED = ("3D000", "3F000", "42704", "42P01", "42883")

_TAKES_AWAY = re.compile(r"(?:DROP|REVOKE)\b|ALTER DEFAULT PRIVILEGES .*\bREVOKE\b|ALTER GROUP .*\bDROP USER\b")

_CONFLICT_TRIES, _CONFLICT_PAUSE = 5, 2.0

_ADVICE = {
    "25001": "it must not run inside a transaction: use transaction 'none'",
    "42601": "the server does not understand it: look at that line, and whether the file is a script for Redshift",
    "42501": "the account lacks a privilege for it",
    "55006": "the object is in use by other sessions: end them, then run the script again",
    "57014": "it was cancelled, most likely at statement_timeout",
    **dict.fromkeys(_DUPLICATE, "the object exists already: on_existing 'skip' goes past it"),
}

_CONFLICT_ADVICE = "another session was changing the same: run the script again when that has ended"

# A server's message about a statement with one of these words in it is not shown.
_SENSITIVE = re.compile(r"PASSWORD|CREDENTIAL|SECRET|ACCESS_KEY|TOKEN|IDENTIFIED|MASTER_SYMMETRIC_KEY", re.I)

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")

Outcomes = dict[int, str]


def plan(statements: t.Sequence[Statement], transaction: str) -> bool:
    """Whether the statements will run as one transaction (``auto``: where each of them may).

    Raises ScriptError for a script that cannot: a statement that must not run inside a transaction with ``single``, or
    a transaction of the script's own that it never ends.
    """
    unfit = next((statement for statement in statements if not runs_in_transaction(statement)), None)
    if transaction == "single" and unfit:
        reason = "must not run inside one transaction with the others: use transaction 'auto' or 'none'"
        raise ScriptError(f"Line {unfit.line} of the script: {unfit.command} {reason}.", line=unfit.line)
    nothing: Statement | None = None
    opened = functools.reduce(transaction_after, statements, nothing)
    if opened:
        reason = "opens a transaction that the script does not end, so nothing after it would stay"
        raise ScriptError(f"Line {opened.line} of the script: {opened.command} {reason}.", line=opened.line)
    return transaction != "none" and not unfit


def run(
    session: Session,
    statements: t.Sequence[Statement],
    single: bool,
    skip: t.Collection[str] = (),
    sleep: t.Callable[[float], None] = time.sleep,
) -> Outcomes:
    """Run the statements in order, as one transaction or each by itself; return ``ok`` or ``skipped`` by their index.

    ``skip`` may hold ``existing``, to go past a statement whose object exists already, and ``missing``, to go past one
    that takes away what is not there. What another session's transaction got in the way of is tried again. Raises
    StatementError that says what ran, what is left, and what to do.
    """
    return (_run_as_one if single else _run_each)(session, statements, skip, sleep)


def report(statements: t.Sequence[Statement], outcomes: Outcomes) -> list[dict[str, t.Any]]:
    """The statements as a result shows them: never their text."""
    return [
        {"index": s.index, "line": s.line, "command": s.command, "outcome": outcomes.get(s.index, "not_run")}
        for s in statements
    ]


def _run_as_one(
    session: Session, statements: t.Sequence[Statement], skip: t.Collection[str], sleep: t.Callable[[float], None]
) -> Outcomes:
    skipped: set[int] = set()
    conflicts = 0
    while True:
        current: Statement | None = None
        committing = False
        try:
            session.execute("BEGIN")
            for current in (statement for statement in statements if statement.index not in skipped):
                session.execute(current.text)
            current, committing = None, True
            session.execute("COMMIT")
        except DriverError as error:
            if error.lost and committing:
                raise _lost_at_commit(error, statements) from None
            _roll_back(session)
            if _is_conflict(error, current) and conflicts < _CONFLICT_TRIES:
                conflicts += 1
                sleep(_CONFLICT_PAUSE)
            elif current and _is_needless(error, current, skip):
                # Redshift has no savepoints: start over without this statement.
                skipped.add(current.index)
            else:
                raise _failed_as_one(error, statements, current, skipped) from None
        else:
            return {s.index: "skipped" if s.index in skipped else "ok" for s in statements}


def _run_each(
    session: Session, statements: t.Sequence[Statement], skip: t.Collection[str], sleep: t.Callable[[float], None]
) -> Outcomes:
    outcomes: Outcomes = {}
    opened: Statement | None = None
    for statement in statements:
        conflicts = 0
        while statement.index not in outcomes:
            try:
                session.execute(statement.text)
                outcomes[statement.index] = "ok"
            except DriverError as error:
                if not opened and _is_conflict(error, statement) and conflicts < _CONFLICT_TRIES:
                    conflicts += 1
                    sleep(_CONFLICT_PAUSE)
                elif not opened and _is_needless(error, statement, skip):
                    outcomes[statement.index] = "skipped"
                else:
                    raise _failed_each(error, statements, statement, outcomes, opened) from None
        opened = transaction_after(opened, statement)
    return outcomes


def _is_needless(error: DriverError, statement: Statement, skip: t.Collection[str]) -> bool:
    """Whether what the statement is for stands already, and such a statement is to be gone past."""
    if "existing" in skip and error.sqlstate in _DUPLICATE:
        return True
    return "missing" in skip and error.sqlstate in _UNDEFINED and bool(_TAKES_AWAY.match(statement.code))


def _roll_back(session: Session) -> None:
    # A session that cannot even do this is gone, and its transaction with it.
    with contextlib.suppress(DriverError):
        session.execute("ROLLBACK")


def _is_conflict(error: DriverError, statement: Statement | None) -> bool:
    """Whether another session got in the way."""
    return not error.lost and is_conflict(error.sqlstate, error.server_message, statement.command if statement else "")


def _lost_at_commit(error: DriverError, statements: t.Sequence[Statement]) -> StatementError:
    sentence = (
        "The connection was lost while the script's one transaction was committed. It took effect wholly or not at "
        "all: look whether what the script creates exists before you run it again."
    )
    return _failure(error, [sentence], statements, None, {s.index: "unknown" for s in statements}, "unknown")


def _failed_as_one(
    error: DriverError, statements: t.Sequence[Statement], current: Statement | None, skipped: set[int]
) -> StatementError:
    outcomes = {s.index: "skipped" if s.index in skipped else "rolled_back" for s in statements}
    if current:
        what = _what_happened(error, statements, current)
        outcomes.update({s.index: "not_run" for s in statements if s.index > current.index})
        outcomes[current.index] = "failed"
    elif error.lost:
        what = "The connection was lost when the script's one transaction was to begin: run the script again."
    else:
        what = f"The script's one transaction could not be begun or committed{_cause(error, None)}."
    sentences = [what, "The script ran as one transaction, so nothing of it stays."]
    return _failure(error, sentences, statements, current, outcomes, "unchanged")


def _failed_each(
    error: DriverError,
    statements: t.Sequence[Statement],
    current: Statement,
    outcomes: Outcomes,
    opened: Statement | None,
) -> StatementError:
    sentences = [_what_happened(error, statements, current)]
    undone = [index for index in outcomes if opened and index >= opened.index]
    stay = [index for index, outcome in outcomes.items() if outcome == "ok" and index not in undone]
    uncertain = error.lost and not opened
    if uncertain:
        sentences.append("Whether it took effect is not known: look in the catalog before you run the script again.")
    if undone:
        sentences.append(f"The transaction that line {opened.line if opened else 0} opened has been rolled back.")
    if stay:
        sentences.append(f"{len(stay)} of the {current.index - 1} statements before it have taken effect and stay.")
    elif not uncertain:
        sentences.append("Nothing has taken effect.")
    outcomes = {**outcomes, **dict.fromkeys(undone, "rolled_back"), current.index: "unknown" if uncertain else "failed"}
    state = "unknown" if uncertain else "partial" if stay else "unchanged"
    return _failure(error, sentences, statements, current, outcomes, state)


def _failure(
    error: DriverError,
    sentences: t.Sequence[str],
    statements: t.Sequence[Statement],
    current: Statement | None,
    outcomes: Outcomes,
    state: str,
) -> StatementError:
    failed = {"index": current.index, "line": current.line, "command": current.command} if current else None
    facts = {"failed_statement": failed, "statements": report(statements, outcomes), "state": state}
    return StatementError(" ".join(sentences), sqlstate=error.sqlstate, **facts)


def _what_happened(error: DriverError, statements: t.Sequence[Statement], current: Statement) -> str:
    which = f"Statement {current.index} of {len(statements)} (line {current.line}, {current.command})"
    if error.lost:
        return f"{which}: the connection was lost while it ran."
    return f"{which} failed{_cause(error, current)}."


def _cause(error: DriverError, statement: Statement | None) -> str:
    parts = [f" with {error.what}"]
    message = error.server_message and statement and _shown(error.server_message, statement)
    if message:
        parts.append(f" ({message})")
    advice = _CONFLICT_ADVICE if _is_conflict(error, statement) else _ADVICE.get(error.sqlstate or "")
    return "".join(parts) + (f": {advice}" if advice else "")


def _shown(message: str, statement: Statement) -> str | None:
    """The server's message, if the statement has no password in it; what it quotes only if that is no literal."""
    if _SENSITIVE.search(statement.text):
        return None
    for literal in sorted(filter(None, statement.literals), key=len, reverse=True):
        message = message.replace(literal, MASK)
    code = statement.code
    return _QUOTED.sub(lambda found: found[0] if found[0][1:-1].upper() in code else f'"{MASK}"', message)
