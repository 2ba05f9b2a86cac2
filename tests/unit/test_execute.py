# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is run in which order when statements fail, and what is said about the state that is left."""

from __future__ import annotations

import types
import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ScriptError, StatementError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.drivers import DriverError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.execute import plan, run
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import split


def refused(sqlstate: str, message: str | None = None) -> DriverError:
    return DriverError(sqlstate=sqlstate, lost=False, server_message=message)


LOST = DriverError(sqlstate=None, lost=True)
CONFLICT = refused("40001")
EXISTS = refused("42710")


class FakeSession:
    """Raises, for a statement, the errors that it was given for it, one a time; keeps what it was told to run."""

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
    try:
        outcomes = run(session, statements, single, skip, sleep=lambda _seconds: None)
    except StatementError as error:
        return Result(
            [entry["outcome"] for entry in error.facts["statements"]],
            "; ".join(session.executed),
            error.message,
            error.facts,
        )
    return Result([outcomes[statement.index] for statement in statements], "; ".join(session.executed))


@pytest.mark.parametrize(
    ("script", "transaction", "single"),
    [
        ("CREATE SCHEMA a; GRANT b TO c", "auto", True),
        ("CREATE SCHEMA a; GRANT b TO c", "single", True),
        ("CREATE SCHEMA a; GRANT b TO c", "none", False),
        ("CREATE USER a; CREATE DATABASE b", "auto", False),
        ("BEGIN; CREATE SCHEMA a; COMMIT", "auto", False),
        ("", "auto", True),
    ],
)
def test_the_transaction_mode_follows_from_the_statements(script: str, transaction: str, single: bool) -> None:
    assert plan(split(script), transaction) is single


@pytest.mark.parametrize(
    ("script", "transaction", "line"), [("CREATE USER a;\nDROP DATABASE b", "single", 2), ("A;\n\nBEGIN; B", "auto", 3)]
)
def test_a_script_that_cannot_run_as_asked_is_refused(script: str, transaction: str, line: int) -> None:
    with pytest.raises(ScriptError) as caught:
        plan(split(script), transaction)
    assert caught.value.facts == {"line": line}


def test_one_transaction_is_committed_at_its_end() -> None:
    assert execute("A; B") == Result(["ok", "ok"], "BEGIN; A; B; COMMIT")


def test_each_statement_can_stand_alone() -> None:
    assert execute("A; B", "none") == Result(["ok", "ok"], "A; B")


def test_a_failure_rolls_one_transaction_back() -> None:
    result = execute("A; CREATE B;\nC", CREATE_B=[refused("42501")])
    assert result.executed == "BEGIN; A; CREATE B; ROLLBACK"
    assert result.outcomes == ["rolled_back", "failed", "not_run"]
    assert result.message == (
        "Statement 2 of 3 (line 1, CREATE) failed with SQLSTATE 42501: the account lacks a privilege for it. "
        "The script ran as one transaction, so nothing of it stays."
    )
    assert result.facts["failed_statement"] == {"index": 2, "line": 1, "command": "CREATE"}
    assert result.facts["sqlstate"] == "42501"
    assert result.facts["state"] == "unchanged"


def test_a_failure_of_one_of_many_leaves_what_ran() -> None:
    result = execute("A; B; C; D", "none", C=[refused("42601")])
    assert result.executed == "A; B; C"
    assert result.outcomes == ["ok", "ok", "failed", "not_run"]
    assert result.facts["state"] == "partial"
    assert "2 of the 2 statements before it have taken effect and stay." in result.message


def test_a_failure_of_the_first_leaves_nothing() -> None:
    result = execute("A; B", "none", A=[refused("42601")])
    assert result.facts["state"] == "unchanged"
    assert "Nothing has taken effect." in result.message


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
def test_what_takes_away_something_that_is_not_there_can_be_gone_past(
    statement: str, outcome: str, transaction: str
) -> None:
    script = f"A; {statement.replace('_', ' ')}; B"
    outcomes = execute(script, transaction, skip=["missing"], **{statement: [refused("42704")]}).outcomes
    assert outcomes[1] == outcome
    assert execute(script, transaction, skip=["existing"], **{statement: [refused("42704")]}).outcomes[1] == "failed"


def test_a_transaction_of_the_script_itself_is_known() -> None:
    result = execute("A; BEGIN; B; C; COMMIT", skip=["existing"], C=[EXISTS])
    assert result.outcomes == ["ok", "rolled_back", "rolled_back", "failed", "not_run"]
    assert "The transaction that line 1 opened has been rolled back." in result.message
    assert "1 of the 3 statements before it" in result.message


@pytest.mark.parametrize("sqlstate", ["42710", "42P04", "42P06", "42P07", "42723"])
def test_what_exists_is_skipped_when_asked(sqlstate: str) -> None:
    result = execute("A; B; C", "none", ["existing"], B=[refused(sqlstate)])
    assert result == Result(["ok", "skipped", "ok"], "A; B; C")


def test_what_exists_starts_one_transaction_over_without_it() -> None:
    result = execute("A; B; C; D", "auto", ["existing"], B=[EXISTS], C=[EXISTS])
    assert result.outcomes == ["ok", "skipped", "skipped", "ok"]
    assert result.executed == "BEGIN; A; B; ROLLBACK; BEGIN; A; C; ROLLBACK; BEGIN; A; D; COMMIT"


@pytest.mark.parametrize("transaction", ["auto", "none"])
def test_what_exists_is_a_failure_otherwise(transaction: str) -> None:
    result = execute("A", transaction, A=[EXISTS])
    assert result.outcomes == ["failed"]
    assert "on_existing 'skip' goes past it" in result.message


@pytest.mark.parametrize("transaction", ["auto", "none"])
def test_another_error_is_never_skipped(transaction: str) -> None:
    assert execute("A", transaction, ["existing"], A=[refused("42601")]).outcomes == ["failed"]


@pytest.mark.parametrize(
    "conflict",
    [
        CONFLICT,
        refused("40P01"),
        refused("XX000", "1023 \nDETAIL: Serializable isolation violation"),
        refused("XX000", "tuple concurrently updated"),
    ],
)
def test_a_conflict_starts_one_transaction_over(conflict: DriverError) -> None:
    result = execute("A; B", B=[conflict])
    assert result == Result(["ok", "ok"], "BEGIN; A; B; ROLLBACK; BEGIN; A; B; COMMIT")


def test_a_conflict_at_the_commit_starts_over() -> None:
    assert execute("A", COMMIT=[CONFLICT]).executed == "BEGIN; A; COMMIT; ROLLBACK; BEGIN; A; COMMIT"


def test_a_conflict_of_one_of_many_repeats_that_one() -> None:
    assert execute("A; B", "none", B=[CONFLICT]) == Result(["ok", "ok"], "A; B; B")


def test_what_two_sessions_create_at_once_is_a_conflict() -> None:
    """The catalog's index refuses the second; a row that a script inserts twice is none."""
    at_once = refused("23505")
    assert execute("CREATE SCHEMA a", "none", **{"CREATE SCHEMA a": [at_once]}).outcomes == ["ok"]
    assert execute("INSERT INTO a VALUES (1)", **{"INSERT INTO a VALUES (1)": [at_once]}).outcomes == ["failed"]


@pytest.mark.parametrize("transaction", ["auto", "none"])
def test_conflicts_do_not_repeat_for_ever(transaction: str) -> None:
    result = execute("A", transaction, A=[CONFLICT] * 100)
    assert result.outcomes == ["failed"]
    assert result.executed.split("; ").count("A") == 6
    assert "another session was changing the same" in result.message


def test_a_connection_lost_before_the_transaction_leaves_nothing() -> None:
    result = execute("A", BEGIN=[LOST])
    assert result.facts["state"] == "unchanged"
    assert "The connection was lost when the script's one transaction was to begin: run" in result.message


def test_a_commit_that_fails_leaves_nothing() -> None:
    result = execute("A", COMMIT=[refused("53100")])
    assert result.outcomes == ["rolled_back"]
    assert result.facts["state"] == "unchanged"
    assert "could not be begun or committed with SQLSTATE 53100" in result.message


def test_a_connection_lost_before_the_commit_leaves_nothing() -> None:
    result = execute("A; B", B=[LOST], ROLLBACK=[LOST])
    assert result.outcomes == ["rolled_back", "failed"]
    assert result.facts["state"] == "unchanged"
    assert "Statement 2 of 2 (line 1, unknown command): the connection was lost while it ran." in result.message


def test_a_connection_lost_at_the_commit_leaves_it_open() -> None:
    result = execute("A; B", COMMIT=[LOST])
    assert result.executed == "BEGIN; A; B; COMMIT"
    assert result.outcomes == ["unknown", "unknown"]
    assert result.facts["state"] == "unknown"
    assert "wholly or not at all" in result.message


def test_a_connection_lost_in_one_of_many_leaves_that_one_open() -> None:
    result = execute("A; B; C", "none", B=[LOST])
    assert result.outcomes == ["ok", "unknown", "not_run"]
    assert result.facts["state"] == "unknown"
    assert "look in the catalog" in result.message


@pytest.mark.parametrize(
    ("statement", "message", "shown"),
    [
        ("SELECT * FROM Nope", 'relation "nope" does not exist', '(relation "nope" does not exist)'),
        ("SELECT 'hunter2'::int", 'invalid: "hunter2"', '(invalid: "********")'),
        ("SELECT 'hunter2'::int", "invalid: hunter2 there", "(invalid: ******** there)"),
        ("SELECT 'it''s hunter2'::int", "invalid: it's hunter2", "(invalid: ********)"),
        ("SELECT 1", "quoted: \"hunter2\", 'hunter2'", '(quoted: "********", "********")'),
        ("CREATE USER a PASSWORD 'hunter2'", "invalid: hunter", None),
    ],
)
def test_a_servers_message_is_shown_without_literals(statement: str, message: str, shown: str | None) -> None:
    result = execute(statement, "none", **{statement: [refused("22P02", message)]})
    assert "hunter2" not in result.message
    assert shown in result.message if shown else "invalid" not in result.message
