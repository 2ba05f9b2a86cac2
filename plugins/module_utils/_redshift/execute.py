# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Execution of a script's statements in a session, with a report of the resulting state."""

from __future__ import annotations

import re
import time
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common import progress
from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ScriptError,
    StatementError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.drivers import (
    DriverError,
    Session,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.inspection import (
    PYTHON_ADVICE,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.masking import (
    server_sentence,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import (
    Statement,
    runs_in_transaction,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.transient import (
    CONFLICT_BACKOFF,
    CONFLICT_RETRIES,
    is_conflict,
)

# PostgreSQL's documentation, "Error Codes": duplicate object (also user), database, schema, table, function.
_DUPLICATE = ("42710", "42P04", "42P06", "42P07", "42723")

# Undefined database, schema, object (also user or group), table, function.
_UNDEFINED = ("3D000", "3F000", "42704", "42P01", "42883")

_TAKES_AWAY = re.compile(r"(?:DROP|REVOKE)\b|ALTER DEFAULT PRIVILEGES .*\bREVOKE\b|ALTER GROUP .*\bDROP USER\b")

# Whether an object exists does not depend on these. Before a statement, the third kind can create the object, the
# second can remove it; other commands can do both.
_NEUTRAL = ("GRANT", "REVOKE", "COMMENT", "SET", "SELECT", "SHOW", "ANALYZE", "INSERT", "UPDATE", "DELETE", "COPY")

_KEEPS = {"existing": ("CREATE", "ALTER DEFAULT PRIVILEGES", *_NEUTRAL), "missing": ("DROP", *_NEUTRAL)}

# An active transaction where none is allowed; a procedure that commits, called inside one. Redshift's own wording with
# another code: Amazon Redshift's documentation, "TRUNCATE" and "Managing transactions".
_NO_TRANSACTION = ("25001", "2D000")

_NO_TRANSACTION_WORDS = re.compile(r"(?:inside|within) a transaction block|executing in an atomic context", re.I)

# A procedure can commit, and one that is NONATOMIC commits each of its statements (Amazon Redshift's documentation,
# "Managing transactions").
_COMMIT_INSIDE = ("CALL", "DO")

_LANGUAGE = re.compile(r"\blanguage \S+ does not exist|not supported for language", re.I)

_PYTHON = re.compile(r"\blanguage \W?plpython", re.I)

# A privilege on a language is no function in it.
_PRIVILEGES = ("GRANT", "REVOKE")

_NO_PARAMETER = "it has a parameter such as $1, which has no value: write the value itself"

_ADVICE = {
    "08P01": _NO_PARAMETER,
    "42P02": _NO_PARAMETER,
    "42601": "the server does not understand it: check that line, and that the file is a script for Redshift",
    "42501": "the account lacks a privilege for it",
    "55006": "the object is in use by other sessions: end them, then run the script again",
    "57014": "it was canceled, most likely at statement_timeout",
    **dict.fromkeys(_DUPLICATE, "the object exists already: on_existing 'skip' skips such statements"),
    **dict.fromkeys(
        _UNDEFINED,
        "it names an object that does not exist: check the name, and that login_db is the script's database",
    ),
}

_CONFLICT_ADVICE = "another session was changing the same objects: run the script again after it has finished"

_NO_TRANSACTION_ADVICE = (
    "it cannot run inside a transaction: use transaction 'none', and move it out of any BEGIN and COMMIT in the script"
)

_LANGUAGE_ADVICE = (
    "the server does not have this language, or does not accept functions in it: get a script that does not use it"
)

_PYTHON_ADVICE = f"this server does not accept Python functions. {PYTHON_ADVICE}"

Outcomes = dict[int, str]


class Run(t.NamedTuple):
    """The outcome of each statement by index, and the statement that could not run in the transaction."""

    outcomes: Outcomes
    fell_back_for: Statement | None = None


class _Block(t.NamedTuple):
    """Statements that take effect together.

    These are one statement, a transaction of the script from ``opener`` to ``ender``, or the ``whole`` script between
    our BEGIN and COMMIT. ``total`` is the number of statements of the script.
    """

    total: int
    body: t.Sequence[Statement]
    opener: Statement | None = None
    ender: Statement | None = None
    whole: bool = False

    @property
    def begin(self) -> str:
        return self.opener.text if self.opener else "BEGIN"

    @property
    def end(self) -> str:
        return self.ender.text if self.ender else "COMMIT"

    @property
    def indices(self) -> list[int]:
        return [statement.index for statement in (self.opener, *self.body, self.ender) if statement]


class _StoppedError(Exception):
    """A block that failed: the error, its statement (None: ours), and whether it was the last one."""

    def __init__(
        self, error: DriverError, current: Statement | None, at_end: bool = False, skipped: t.Collection[int] = ()
    ) -> None:
        super().__init__()
        self.error = error
        self.current = current
        self.at_end = at_end
        self.skipped = skipped
        self.is_rolled_back = False


def plan(statements: t.Sequence[Statement], transaction: str) -> bool:
    """Return whether the statements run as one transaction (``auto``: if all of them can). A single one needs none.

    Raise ScriptError for a script that cannot run: a statement that cannot run inside a transaction with ``single``, or
    a transaction of the script without an end.
    """
    unfit = next((statement for statement in statements if not runs_in_transaction(statement)), None)
    if transaction == "single" and unfit and len(statements) > 1:
        reason = "cannot run inside one transaction with the others: use transaction 'auto' or 'none'"
        raise ScriptError(f"Line {unfit.line} of the script: {unfit.command} {reason}.", line=unfit.line)
    for block in _blocks(statements):
        if block.opener and not block.ender:
            line = block.opener.line
            reason = "opens a transaction that the script does not end, so nothing after it would stay"
            raise ScriptError(f"Line {line} of the script: {block.opener.command} {reason}.", line=line)
    return transaction != "none" and not unfit and len(statements) != 1


def run(
    session: Session,
    statements: t.Sequence[Statement],
    single: bool,
    skip: t.Collection[str] = (),
    fall_back: bool = False,
    sleep: t.Callable[[float], None] = time.sleep,
) -> Run:
    """Run the statements in order, as one transaction or each by itself.

    The outcomes are ``ok``, ``skipped``, or ``rolled_back`` if the script itself rolls back. ``skip`` may have
    ``existing``, to skip statements whose object exists, and ``missing``, to skip those that remove a missing object.
    With ``fall_back``, a script that cannot run in one transaction runs statement by statement. Conflicts with other
    sessions are retried. Raise StatementError that reports what ran, what remains, and what to do.
    """
    if not single:
        return Run(_run_each(session, statements, skip, sleep, None))
    block = _Block(len(statements), statements, whole=True)
    try:
        return Run(_outcomes(block, _run_block(session, block, skip, sleep)))
    except _StoppedError as stopped:
        unfit = stopped.current if fall_back and stopped.is_rolled_back else None
        if not unfit or not _wants_no_transaction(stopped.error):
            raise _failed(stopped, statements, block, {}, None) from None
    return Run(_run_each(session, statements, skip, sleep, unfit), unfit)


def report(statements: t.Sequence[Statement], outcomes: Outcomes) -> list[dict[str, t.Any]]:
    """Return the statements for a result, without their text."""
    return [
        {"index": s.index, "line": s.line, "command": s.command, "outcome": outcomes.get(s.index, "not_run")}
        for s in statements
    ]


def _blocks(statements: t.Sequence[Statement]) -> list[_Block]:
    """Return the transactions of the script, and each statement outside of them, in order."""
    blocks: list[_Block] = []
    total = len(statements)
    opener: Statement | None = None
    body: list[Statement] = []
    for statement in statements:
        if opener and statement.ends:
            blocks.append(_Block(total, body, opener, statement))
            opener, body = None, []
        elif opener:
            body.append(statement)
        elif statement.opens:
            opener = statement
        else:
            blocks.append(_Block(total, [statement]))
    return [*blocks, _Block(total, body, opener)] if opener else blocks


def _run_each(
    session: Session,
    statements: t.Sequence[Statement],
    skip: t.Collection[str],
    sleep: t.Callable[[float], None],
    unfit: Statement | None,
) -> Outcomes:
    outcomes: Outcomes = {}
    for block in _blocks(statements):
        try:
            if block.opener:
                outcomes.update(_outcomes(block, _run_block(session, block, skip, sleep)))
            else:
                progress.show(progress.running(block.body[0].index, block.total))
                outcomes[block.body[0].index] = _run_one(session, block.body[0], skip, sleep)
        except _StoppedError as stopped:
            raise _failed(stopped, statements, block, outcomes, unfit) from None
    return outcomes


def _run_one(session: Session, statement: Statement, skip: t.Collection[str], sleep: t.Callable[[float], None]) -> str:
    for attempt in range(CONFLICT_RETRIES + 1):
        try:
            session.execute(statement.text)
        except DriverError as error:
            if _needless(error, statement, skip):
                return "skipped"
            if error.lost or not _is_conflict(error, statement) or attempt == CONFLICT_RETRIES:
                raise _StoppedError(error, statement) from None
            sleep(CONFLICT_BACKOFF)
        else:
            break
    return "ok"


def _run_block(session: Session, block: _Block, skip: t.Collection[str], sleep: t.Callable[[float], None]) -> set[int]:
    """Run it; return the indices of skipped statements. Raise _StoppedError, if possible after a rollback."""
    skipped: set[int] = set()
    conflicts = 0
    while True:
        try:
            needless = _attempt(session, block, skipped, skip)
        except _StoppedError as stopped:
            stopped.is_rolled_back = not stopped.error.lost and _roll_back(session)
            is_conflict = stopped.is_rolled_back and _is_conflict(stopped.error, stopped.current)
            if not is_conflict or conflicts == CONFLICT_RETRIES:
                raise
            conflicts += 1
            sleep(CONFLICT_BACKOFF)
        else:
            if not needless:
                return skipped
            skipped |= needless


def _attempt(session: Session, block: _Block, skipped: set[int], skip: t.Collection[str]) -> set[int]:
    """Run a transaction without ``skipped``; return further statements to skip, or nothing after its end.

    Redshift has no savepoints: the first error aborts the transaction. To find all needless statements in one pass, the
    statements after the first one run in further transactions, which are rolled back. They lack the effects of earlier
    statements, so an error counts only if no rolled back statement could have caused it.
    """
    current: Statement | None = block.opener
    needless: set[int] = set()
    kept: list[Statement] = []
    undone: list[Statement] = []
    try:
        session.execute(block.begin)
        for current in (statement for statement in block.body if statement.index not in skipped):
            progress.show(progress.running(current.index, block.total))
            try:
                session.execute(current.text)
                kept.append(current)
            except DriverError as error:
                kind = _needless(error, current, skip)
                if error.lost or not (kind or needless):
                    raise
                undone += kept
                kept = []
                if not kind:
                    undone.append(current)
                elif all(statement.command.startswith(_KEEPS[kind]) for statement in undone) or not needless:
                    needless.add(current.index)
                else:
                    break
                session.execute("ROLLBACK")
                session.execute(block.begin)
    except DriverError as error:
        raise _StoppedError(error, current, skipped=skipped) from None
    try:
        session.execute("ROLLBACK" if needless else block.end)
    except DriverError as error:
        raise _StoppedError(error, None if needless else block.ender, not needless, skipped) from None
    return needless


def _needless(error: DriverError, statement: Statement, skip: t.Collection[str]) -> str | None:
    """Return ``existing`` or ``missing`` if that is why a statement failed and such statements can be skipped."""
    if "existing" in skip and error.sqlstate in _DUPLICATE:
        return "existing"
    if "missing" in skip and error.sqlstate in _UNDEFINED and _TAKES_AWAY.match(statement.code):
        return "missing"
    return None


def _roll_back(session: Session) -> bool:
    """Roll back; return False if the session and its transaction are lost."""
    try:
        session.execute("ROLLBACK")
    except DriverError:
        return False
    return True


def _is_conflict(error: DriverError, statement: Statement | None) -> bool:
    """Return whether another session caused the error."""
    return not error.lost and is_conflict(error.sqlstate, error.server_message, statement.command if statement else "")


def _wants_no_transaction(error: DriverError) -> bool:
    return error.sqlstate in _NO_TRANSACTION or bool(_NO_TRANSACTION_WORDS.search(error.server_message or ""))


def _outcomes(block: _Block, skipped: set[int]) -> Outcomes:
    """Return the outcomes of the statements of an ended transaction."""
    is_undone = block.ender is not None and block.ender.rolls_back
    outcomes = dict.fromkeys(block.indices, "rolled_back" if is_undone else "ok")
    outcomes.update(dict.fromkeys(skipped, "skipped"))
    if block.ender:
        outcomes[block.ender.index] = "ok"
    return outcomes


def _failed(
    stopped: _StoppedError,
    statements: t.Sequence[Statement],
    block: _Block,
    before: Outcomes,
    unfit: Statement | None,
) -> StatementError:
    """Return the error: what failed, what remains of the script, and what to do."""
    error, current = stopped.error, stopped.current
    is_alone = not (block.whole or block.opener)
    commits = is_alone or (stopped.at_end and not (block.ender and block.ender.rolls_back))
    outcomes = {**before, **dict.fromkeys(block.indices, "rolled_back")}
    if error.lost and commits:
        outcomes.update(dict.fromkeys(block.indices, "unknown"))
    elif current:
        outcomes.update({index: "not_run" for index in block.indices if index > current.index})
        outcomes[current.index] = "failed"
    elif not stopped.at_end:
        outcomes.update(dict.fromkeys(block.indices, "not_run"))
    outcomes.update(dict.fromkeys(stopped.skipped, "skipped"))
    stay = sum(outcomes.get(s.index) == "ok" and not s.is_control for s in statements)
    sentences = [_what_happened(stopped, statements)]
    state = "partial" if stay else "unchanged"
    if error.lost and commits:
        state = "unknown"
        sentences.append(
            "It is not known whether it took effect: query the catalog before you run the script again."
            if is_alone
            else "It took effect completely or not at all: query the catalog before you run the script again."
        )
    elif block.whole:
        sentences.append("The script ran in one transaction, so nothing has taken effect.")
    elif block.opener:
        sentences.append(f"The transaction that line {block.opener.line} opened has been rolled back.")
    elif current and current.command in _COMMIT_INSIDE:
        state = "unknown"
        sentences.append("Anything that the procedure committed before is kept.")
    if stay:
        verb = "has taken effect" if stay == 1 else "have taken effect"
        sentences.append(f"{stay} of the {current.index - 1 if current else 0} statements before it {verb}.")
    elif state == "unchanged" and not block.whole:
        sentences.append("Nothing has taken effect.")
    if unfit:
        which = f"Statement {unfit.index} (line {unfit.line}, {unfit.command})"
        sentences.append(f"{which} cannot run inside a transaction, so the statements ran one by one.")
    failed = {"index": current.index, "line": current.line, "command": current.command} if current else None
    facts = {"failed_statement": failed, "statements": report(statements, outcomes), "state": state}
    return StatementError(" ".join(sentences), sqlstate=error.sqlstate, **facts)


def _what_happened(stopped: _StoppedError, statements: t.Sequence[Statement]) -> str:
    error, current = stopped.error, stopped.current
    if current:
        which = f"Statement {current.index} of {len(statements)} (line {current.line}, {current.command})"
        if error.lost:
            return f"{which}: the connection was lost while it ran."
        return f"{which} failed{_cause(error, current)}."
    if error.lost and stopped.at_end:
        return "The connection was lost while the script's transaction was being committed."
    if error.lost:
        return "The connection was lost before the script's transaction started: run the script again."
    return f"The script's transaction could not be started or committed{_cause(error, None)}."


def _cause(error: DriverError, statement: Statement | None) -> str:
    parts = [f" with {error.what}"]
    sentence = statement and error.server_message and server_sentence(error.server_message, statement.text)
    if sentence:
        parts.append(f" ({sentence.rstrip('.')})")
    advice = _advice(error, statement)
    return "".join(parts) + (f": {advice}" if advice else "")


def _advice(error: DriverError, statement: Statement | None) -> str | None:
    if _is_conflict(error, statement):
        return _CONFLICT_ADVICE
    if _wants_no_transaction(error):
        return _NO_TRANSACTION_ADVICE
    message = " ".join((error.server_message or "").split())
    if _LANGUAGE.search(message):
        is_function = not (statement and statement.command.startswith(_PRIVILEGES))
        return _PYTHON_ADVICE if is_function and _PYTHON.search(message) else _LANGUAGE_ADVICE
    return _ADVICE.get(error.sqlstate or "")
