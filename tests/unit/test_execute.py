# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of execution with failing statements, and the report of the resulting state."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common import progress
from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ScriptError, StatementError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.drivers import DriverError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.execute import plan, run
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.inspection import PYTHON_ADVICE
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import split


def refused(sqlstate: str, message: str | None = None) -> DriverError:
    return DriverError(sqlstate=sqlstate, lost=False, server_message=message)


LOST = DriverError(sqlstate=None, lost=True)
CONFLICT = refused("40001")
EXISTS = refused("42710")


class FakeSession:
    """A session that raises the prepared errors of a statement, one at a time, and records statements."""

    def __init__(self, **errors: t.Sequence[DriverError]) -> None:
        self.errors = {text.replace("_", " "): list(raised) for text, raised in errors.items()}
        self.executed: list[str] = []

    def execute(self, sql: str) -> None:
        self.executed.append(sql)
        if self.errors.get(sql):
            raise self.errors[sql].pop(0)


class Result(t.NamedTuple):
    outcomes: list[str]
    executed: str
    message: str = ""
    facts: t.Mapping[str, t.Any] = types.MappingProxyType({})


def execute(
    script: str, transaction: str = "auto", skip: t.Collection[str] = (), **errors: t.Sequence[DriverError]
) -> Result:
    statements = split(script)
    session = FakeSession(**errors)
    single = plan(statements, transaction)
    outcomes, message, facts = [], "", {}
    try:
        found = run(session, statements, single, skip, transaction == "auto", lambda _seconds: None).outcomes
        outcomes = [found[statement.index] for statement in statements]
    except StatementError as error:
        message, facts = error.message, error.facts
        outcomes = [entry["outcome"] for entry in facts["statements"]]
    return Result(outcomes, "; ".join(session.executed), message, facts)


@pytest.mark.parametrize(
    ("script", "transaction", "single"),
    [
        ("CREATE SCHEMA a; GRANT b TO c", "auto", True),
        ("CREATE SCHEMA a; GRANT b TO c", "single", True),
        ("CREATE SCHEMA a; GRANT b TO c", "none", False),
        ("CREATE USER a; CREATE DATABASE b", "auto", False),
        ("BEGIN; CREATE SCHEMA a; COMMIT", "auto", False),
        ("", "auto", True),
        ("CREATE SCHEMA a", "auto", False),
        ("CALL p()", "single", False),
        ("CREATE DATABASE a", "single", False),
    ],
)
def test_transaction_mode_depends_on_statements(script: str, transaction: str, single: bool) -> None:
    assert plan(split(script), transaction) is single


@pytest.mark.parametrize(
    ("script", "transaction", "line"), [("CREATE USER a;\nDROP DATABASE b", "single", 2), ("A;\n\nBEGIN; B", "auto", 3)]
)
def test_impossible_transaction_mode_is_refused(script: str, transaction: str, line: int) -> None:
    with pytest.raises(ScriptError) as caught:
        plan(split(script), transaction)
    assert caught.value.facts == {"line": line}


def test_end_without_begin_is_an_ordinary_statement() -> None:
    assert execute("A; END; B") == Result(["ok", "ok", "ok"], "A; END; B")


def test_failure_rolls_the_transaction_back() -> None:
    result = execute("A; CREATE B;\nC", CREATE_B=[refused("42501")])
    assert result.executed == "BEGIN; A; CREATE B; ROLLBACK"
    assert result.outcomes == ["rolled_back", "failed", "not_run"]
    assert result.message == (
        "Statement 2 of 3 (line 1, CREATE) failed with SQLSTATE 42501: the account lacks a privilege for it. "
        "The script ran in one transaction, so nothing has taken effect."
    )
    assert result.facts["failed_statement"] == {"index": 2, "line": 1, "command": "CREATE"}
    assert result.facts["sqlstate"] == "42501"
    assert result.facts["state"] == "unchanged"


def test_failure_of_one_statement_keeps_earlier_ones() -> None:
    result = execute("A; B; C; D", "none", C=[refused("42601")])
    assert result.executed == "A; B; C"
    assert result.outcomes == ["ok", "ok", "failed", "not_run"]
    assert result.facts["state"] == "partial"
    assert "2 of the 2 statements before it have taken effect." in result.message
    first = execute("A; B", "none", A=[refused("42601")])
    assert first.facts["state"] == "unchanged"
    assert "Nothing has taken effect." in first.message


@pytest.mark.parametrize(
    ("statement", "outcome"),
    [
        ("DROP_GROUP", "skipped"),
        ("REVOKE_ALL", "skipped"),
        ("ALTER_DEFAULT_PRIVILEGES_REVOKE", "skipped"),
        ("ALTER_GROUP_DROP_USER", "skipped"),
        ("GRANT_ALL", "failed"),
    ],
)
@pytest.mark.parametrize("transaction", ["single", "none"])
def test_dropping_a_missing_object_can_be_skipped(statement: str, outcome: str, transaction: str) -> None:
    def outcome_with(skip: str, sqlstate: str) -> str:
        script = f"A; {statement.replace('_', ' ')}; B"
        return execute(script, transaction, [skip], **{statement: [refused(sqlstate)]}).outcomes[1]

    assert outcome_with("missing", "42704") == outcome
    assert outcome_with("missing", "42501") == "failed"
    assert outcome_with("existing", "42704") == "failed"


def test_transaction_in_the_script_is_detected() -> None:
    result = execute("A; BEGIN; B; C; COMMIT", C=[EXISTS])
    assert result.outcomes == ["ok", "rolled_back", "rolled_back", "failed", "not_run"]
    assert result.executed == "A; BEGIN; B; C; ROLLBACK"
    assert "The transaction that line 1 opened has been rolled back." in result.message
    assert "1 of the 3 statements before it has taken effect." in result.message


@pytest.mark.parametrize("sqlstate", ["42710", "42P04", "42P06", "42P07", "42723"])
def test_existing_objects_are_skipped_on_request(sqlstate: str) -> None:
    result = execute("A; B; C", "none", ["existing"], B=[refused(sqlstate)])
    assert result == Result(["ok", "skipped", "ok"], "A; B; C")


def test_existing_object_restarts_the_transaction() -> None:
    result = execute("SET A; CREATE B; CREATE C; D", "auto", ["existing"], CREATE_B=[EXISTS], CREATE_C=[EXISTS])
    assert result.outcomes == ["ok", "skipped", "skipped", "ok"]
    assert result.executed == (
        "BEGIN; SET A; CREATE B; ROLLBACK; BEGIN; CREATE C; ROLLBACK; BEGIN; D; ROLLBACK; BEGIN; SET A; D; COMMIT"
    )


@pytest.mark.parametrize("transaction", ["auto", "none"])
def test_existing_object_fails_by_default(transaction: str) -> None:
    result = execute("A; B", transaction, A=[EXISTS])
    assert result.outcomes[0] == "failed"
    assert "on_existing 'skip' skips such statements" in result.message
    assert execute("A; B", transaction, ["existing"], A=[refused("42601")]).outcomes[0] == "failed"


@pytest.mark.parametrize(
    ("script", "transaction", "at", "conflict", "executed"),
    [
        ("A; B", "auto", "B", CONFLICT, "BEGIN; A; B; ROLLBACK; BEGIN; A; B; COMMIT"),
        ("A; B", "auto", "COMMIT", CONFLICT, "BEGIN; A; B; COMMIT; ROLLBACK; BEGIN; A; B; COMMIT"),
        ("A; B", "none", "B", refused("XX000", "tuple concurrently updated"), "A; B; B"),
        ("A; BEGIN; B; COMMIT", "auto", "B", CONFLICT, "A; BEGIN; B; ROLLBACK; BEGIN; B; COMMIT"),
        ("CREATE SCHEMA a", "none", "CREATE SCHEMA a", refused("23505"), "CREATE SCHEMA a; CREATE SCHEMA a"),
    ],
    ids=["in a transaction", "at commit", "of one statement", "in a transaction of the script", "of two creations"],
)
def test_conflict_repeats_as_little_as_possible(
    script: str, transaction: str, at: str, conflict: DriverError, executed: str
) -> None:
    result = execute(script, transaction, **{at: [conflict]})
    assert result == Result(["ok"] * len(split(script)), executed)


@pytest.mark.parametrize("transaction", ["auto", "none"])
def test_conflict_retries_are_limited(transaction: str) -> None:
    result = execute("A; B", transaction, A=[CONFLICT] * 100)
    assert result.outcomes[0] == "failed"
    assert result.executed.split("; ").count("A") == 6
    assert "another session was changing the same" in result.message


@pytest.mark.parametrize(
    ("transaction", "at", "error", "outcomes", "state", "said"),
    [
        ("auto", "BEGIN", LOST, ["not_run"] * 2, "unchanged", "was lost before the script's transaction started"),
        ("auto", "B", LOST, ["rolled_back", "failed"], "unchanged", ": the connection was lost while it ran."),
        ("auto", "COMMIT", LOST, ["unknown"] * 2, "unknown", "completely or not at all"),
        ("auto", "COMMIT", refused("53100", "x"), ["rolled_back"] * 2, "unchanged", "committed with SQLSTATE 53100."),
        ("none", "A", LOST, ["unknown", "not_run"], "unknown", "query the catalog"),
    ],
)
def test_state_after_a_lost_connection_or_a_failed_commit(
    transaction: str, at: str, error: DriverError, outcomes: list[str], state: str, said: str
) -> None:
    result = execute("A; B", transaction, **{at: [error], "ROLLBACK": [LOST]})
    assert (result.outcomes, result.facts["state"]) == (outcomes, state)
    assert said in result.message


NO_TRANSACTION = refused("25001", "A cannot run inside a transaction block")


@pytest.mark.parametrize(
    "error",
    [
        NO_TRANSACTION,
        refused("2D000", "invalid transaction termination"),
        refused("0A000", "TRUNCATE cannot be invoked from a procedure that is executing in an atomic context."),
    ],
)
def test_nontransactional_statement_runs_alone(error: DriverError) -> None:
    result = execute("A; B; C", B=[error])
    assert result == Result(["ok", "ok", "ok"], "BEGIN; A; B; ROLLBACK; A; B; C")


def test_nontransactional_statement_is_reported() -> None:
    statements = split("A; B")
    outcome = run(FakeSession(B=[NO_TRANSACTION]), statements, True, fall_back=True)
    assert outcome.fell_back_for == statements[1]
    failure = execute("A;\nB; C", B=[NO_TRANSACTION], C=[refused("42501")])
    assert failure.outcomes == ["ok", "ok", "failed"]
    assert failure.facts["state"] == "partial"
    assert "Statement 2 (line 2, unknown command) cannot run inside a transaction" in failure.message


def test_repeats_only_after_rollback() -> None:
    result = execute("A; B", B=[NO_TRANSACTION], ROLLBACK=[LOST])
    assert result.executed == "BEGIN; A; B; ROLLBACK"
    assert result.outcomes == ["rolled_back", "failed"]


def test_requested_transaction_is_kept() -> None:
    result = execute("A; B", "single", B=[NO_TRANSACTION])
    assert result.executed == "BEGIN; A; B; ROLLBACK"
    assert "it cannot run inside a transaction: use transaction 'none'" in result.message


def test_transaction_of_the_script_is_kept_or_rolled_back() -> None:
    result = execute("BEGIN; B; ROLLBACK; bad", bad=[refused("42601")])
    assert result.outcomes == ["rolled_back", "rolled_back", "ok", "failed"]
    assert result.facts["state"] == "unchanged"
    assert result.message.endswith("Nothing has taken effect.")
    assert execute("BEGIN; B; ROLLBACK").outcomes == ["rolled_back", "rolled_back", "ok"]
    result = execute("BEGIN; B; COMMIT; bad", bad=[refused("42601")])
    assert result.outcomes == ["ok", "ok", "ok", "failed"]
    assert "1 of the 3 statements before it has taken effect." in result.message


def test_failed_procedure_has_an_unknown_outcome() -> None:
    result = execute("A; CALL p()", "none", **{"CALL p()": [refused("P0001")]})
    assert result.facts["state"] == "unknown"
    assert "Anything that the procedure committed before is kept. 1 of the 1 statements before it has" in result.message


@pytest.mark.parametrize(
    ("end", "outcomes", "state"),
    [
        ("COMMIT", ["ok", "unknown", "unknown", "unknown"], "unknown"),
        ("TRUNCATE t", ["ok", "unknown", "unknown", "unknown"], "unknown"),
        ("ROLLBACK WORK", ["ok", "rolled_back", "rolled_back", "failed"], "partial"),
    ],
)
def test_connection_lost_at_own_commit(end: str, outcomes: list[str], state: str) -> None:
    result = execute(f"A; BEGIN; B; {end}", **{end: [LOST]})
    assert result.outcomes == outcomes
    assert result.facts["state"] == state
    assert ("It took effect completely or not at all" in result.message) is (state == "unknown")


def test_existing_objects_skipped_in_own_transaction() -> None:
    result = execute("A; BEGIN; B; C; D; COMMIT; C", skip=["existing"], C=[EXISTS, EXISTS])
    assert result.outcomes == ["ok", "ok", "ok", "skipped", "ok", "ok", "skipped"]
    assert result.executed == "A; BEGIN; B; C; ROLLBACK; BEGIN; D; ROLLBACK; BEGIN; B; D; COMMIT; C"


@pytest.mark.parametrize(
    ("kind", "error", "needless"),
    [("existing", EXISTS, "CREATE USER a{}"), ("missing", refused("42704"), "DROP GROUP a{}")],
)
def test_many_skips_need_few_statements(kind: str, error: DriverError, needless: str) -> None:
    names = [needless.format(number) for number in range(200)]
    grants = [f"GRANT b{number} TO c" for number in range(200)]
    result = execute("; ".join(names + grants), skip=[kind], **{name: [error] * 200 for name in names})
    assert result.outcomes == ["skipped"] * 200 + ["ok"] * 200
    assert len(result.executed.split("; ")) < 3 * 400 + 10


class Catalog:
    """A session with one kind of object, and transactions."""

    def __init__(self, *names: str) -> None:
        self.committed, self.names = set(names), set(names)

    def execute(self, sql: str) -> None:
        verb, _kind, name = f"{sql} - -".split()[:3]
        if verb == "BEGIN" or verb == "ROLLBACK":
            self.names = set(self.committed)
        elif verb == "COMMIT":
            self.committed = set(self.names)
        elif verb == "CREATE" and name in self.names:
            raise EXISTS
        elif verb == "CREATE":
            self.names.add(name)
        elif verb == "DROP" and name not in self.names:
            raise refused("42704")
        elif verb == "DROP":
            self.names.remove(name)


@pytest.mark.parametrize(
    ("script", "outcomes", "left"),
    [
        ("DROP USER t; CREATE USER x; CREATE USER t", ["ok", "skipped", "ok"], {"t", "x"}),
        ("CREATE USER g; DROP USER y; DROP USER g", ["ok", "skipped", "ok"], {"t", "x"}),
        ("CREATE USER x; CREATE USER t; CREATE USER z", ["skipped", "skipped", "ok"], {"t", "x", "z"}),
        ("DROP USER y; DROP USER z; DROP USER t; DROP USER t", ["skipped", "skipped", "ok", "skipped"], {"x"}),
        ("CREATE USER x; DROP USER t; CREATE USER t; DROP USER y", ["skipped", "ok", "ok", "skipped"], {"t", "x"}),
    ],
)
def test_skips_equal_those_of_single_statements(script: str, outcomes: list[str], left: set[str]) -> None:
    statements = split(script)
    for single in (True, False):
        catalog = Catalog("t", "x")
        found = run(t.cast(t.Any, catalog), statements, single, ["existing", "missing"]).outcomes
        assert [found[statement.index] for statement in statements] == outcomes
        assert (catalog.committed if single else catalog.names) == left


PYTHON = f"this server does not accept Python functions. {PYTHON_ADVICE}"


NO_PYTHON = refused("42704", 'language "plpythonu" does not exist')
NO_LANGUAGE = "the server does not have this language, or does not"


@pytest.mark.parametrize(
    ("statement", "error", "advice"),
    [
        ("A", refused("2D000"), "it cannot run inside a transaction"),
        ("A", NO_PYTHON, PYTHON),
        ("A", refused("P0001", "Create function is not supported\n for language plpythonu anymore."), PYTHON),
        ("A", refused("0A000", "Not supported for language plperl"), NO_LANGUAGE),
        ("GRANT USAGE ON LANGUAGE l TO a", NO_PYTHON, NO_LANGUAGE),
        ("REVOKE USAGE ON LANGUAGE l FROM a", NO_PYTHON, NO_LANGUAGE),
        ("A", refused("08P01"), "it has a parameter such as $1"),
        ("A", refused("42P02"), "it has a parameter such as $1"),
        ("A", refused("42P01"), "it names an object that does not exist: check the name, and that login_db"),
    ],
)
def test_failure_includes_advice(statement: str, error: DriverError, advice: str) -> None:
    assert f": {advice}" in execute(statement, **{statement: [error]}).message


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE FUNCTION f() RETURNS int AS $$ token = password(1) $$ LANGUAGE plpythonu",
        "CALL p('the token: language')",
        "DO $$ BEGIN RAISE 'Create function is not supported for language plpythonu anymore'; END $$",
    ],
)
def test_python_function_refusal_includes_advice(statement: str) -> None:
    said = "Create function is not supported for language plpythonu anymore"
    message = execute(statement, **{statement: [refused("XX000", f"{said}.")]}).message
    assert f" failed with SQLSTATE XX000 ({said}): {PYTHON}." in message


def test_server_message_omits_the_statement() -> None:
    message = execute("A 'x'", **{"A 'x'": [refused("42P01", 'relation "s.a" near "x\' does not exist')]}).message
    assert ' failed with SQLSTATE 42P01 (relation "s.a" near "********" does not exist): ' in message
    assert "SQLSTATE" not in execute("A", A=[DriverError(sqlstate=None, lost=False)]).message


@pytest.mark.parametrize(
    ("script", "skip", "numbers"),
    [
        ("CREATE USER a; CREATE DATABASE b; BEGIN; GRANT c; COMMIT", (), [1, 2, 4]),
        ("CREATE SCHEMA a; CREATE SCHEMA b", (), [1, 2]),
        ("CREATE USER a; CREATE SCHEMA b", ("existing",), [1, 2, 2]),
    ],
)
def test_progress_reports_each_statement(script: str, skip: t.Collection[str], numbers: list[int]) -> None:
    heard: list[progress.State | None] = []
    with progress.listening(heard.append):
        execute(script, skip=skip, CREATE_USER_a=[EXISTS] if skip else [])
    count = script.count(";") + 1
    assert heard == [progress.running(number, count) for number in numbers]
