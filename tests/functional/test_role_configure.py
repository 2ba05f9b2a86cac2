# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual setup by the role, checked by requests to Immuta, the database, and files."""

from __future__ import annotations

import stat

import pytest

from tests.support.by_hand import run_by_hand, run_scripts
from tests.support.playbooks import Workspace, asked, statuses, temporary_script
from tests.support.standin import Standins, scripts

SETUP = [
    "GET /integrations",
    "POST /integrations/scripts/initial-create",
    "POST /integrations/scripts/create",
    "GET /integrations",
    "POST /integrations",
    "GET /integrations/1",
]
LOOK = ["GET /integrations"]
# The requests of a catalog query.
READING = ("SELECT", "SHOW", "SET", "BEGIN", "COMMIT", "ROLLBACK")


def first_id(standins: Standins) -> str:
    return standins.immuta.records()[0]["id"]


def relative(requests: list[str], integration: str) -> list[str]:
    """Return the requests with 1 as the integration's id."""
    return [request.replace(f"/integrations/{integration}", "/integrations/1") for request in requests]


def test_new_cluster_is_enabled_and_second_run_is_idle(workspace: Workspace, standins: Standins) -> None:
    before = standins.catalog()

    first = workspace.configure()
    assert first.succeeded, first.output
    assert relative(asked(standins), first_id(standins)) == SETUP
    payloads = [request["body"] for request in standins.immuta.requests() if request["method"] == "POST"]
    assert payloads[0] == payloads[1] == payloads[2]
    assert payloads[0] == {"type": "Redshift", "autoBootstrap": False, "config": standins.config()}
    assert statuses(standins) == ["enabled"]
    after = standins.catalog()
    assert set(after["databases"]) - set(before["databases"]) == {"immuta"}
    assert set(after["users"]) - set(before["users"]) == {"immuta_system_account"}
    assert set(after["schemas"]["immuta"]) == set(scripts.SCHEMAS)
    assert first.changed > 0
    assert standins.config()["password"] not in first.output
    assert "WARNING" not in first.output
    assert workspace.files() == []
    assert stat.S_IMODE(temporary_script(workspace, "create").parent.stat().st_mode) == 0o700

    standins.immuta.clear_requests()
    statements = len(standins.postgres.statements())
    second = workspace.configure()
    assert second.succeeded, second.output
    assert second.changed == 0
    assert asked(standins) == LOOK
    assert len(standins.postgres.statements()) == statements


def test_psycopg_and_kept_scripts(workspace: Workspace, standins: Standins) -> None:
    directory = workspace.directory / "scripts"

    run = workspace.configure(
        immuta_redshift_login={**workspace.login, "driver": "psycopg"}, immuta_redshift_script_dir=str(directory)
    )

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert sorted(path.name for path in directory.iterdir()) == [
        "cluster.example.com.create.sql",
        "cluster.example.com.initial_create.sql",
    ]
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}
    first = (directory / "cluster.example.com.initial_create.sql").read_text(encoding="utf-8")
    assert first == scripts.text("initial-create", scripts.initial_create(standins.config()))


def test_check_mode_changes_nothing(workspace: Workspace, standins: Standins) -> None:
    before = standins.catalog()
    seen = len(standins.postgres.statements())

    run = workspace.configure("--check", "--diff")

    assert run.succeeded, run.output
    assert run.changed > 0
    assert [request for request in asked(standins) if not request.startswith("GET")] == SETUP[1:3]
    assert standins.immuta.records() == []
    assert standins.catalog() == before
    statements = standins.postgres.statements()[seen:]
    assert statements
    assert [s.text for s in statements if not s.text.lstrip("( \n").upper().startswith(READING)] == []
    assert workspace.files() == []
    assert standins.config()["password"] not in run.output


def test_check_mode_of_a_cluster_in_sync(workspace: Workspace, standins: Standins) -> None:
    standins.immuta.seed(config=standins.config())

    run = workspace.configure("--check", "--diff")

    assert run.succeeded, run.output
    assert run.changed == 0
    assert "WARNING" not in run.output
    assert asked(standins) == LOOK


@pytest.mark.parametrize("done", ["account", "both scripts", "both scripts with another account"])
def test_run_resumes_a_partial_setup(workspace: Workspace, standins: Standins, done: str) -> None:
    if done == "account":
        run_by_hand(standins, scripts.initial_create(standins.config())[:1], "dev")
    else:
        account = "immuta_sytem" if "another" in done else standins.config()["username"]
        run_scripts(standins, standins.config(username=account))

    run = workspace.configure()

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert set(standins.catalog()["schemas"]["immuta"]) == set(scripts.SCHEMAS)
    generated = [request for request in asked(standins) if "scripts" in request]
    assert generated == ([] if done == "both scripts" else SETUP[1:3])


def test_account_with_another_password_is_refused_or_recreated(workspace: Workspace, standins: Standins) -> None:
    run_scripts(standins, standins.config(password="An0ther-Pa55word"))
    seen = len(standins.postgres.statements())

    refused = workspace.configure()

    assert not refused.succeeded
    assert "already exists on cluster.example.com with a different password" in refused.output
    assert asked(standins) == LOOK
    changes = ("CREATE", "GRANT", "DROP")
    assert [one.text for one in standins.postgres.statements()[seen:] if one.text.startswith(changes)] == []
    assert standins.config()["password"] not in refused.output
    assert workspace.files() == []

    run = workspace.configure(immuta_redshift_on_partial="cleanup")

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert set(standins.catalog()["schemas"]["immuta"]) == set(scripts.SCHEMAS)


def test_failed_creation_is_repaired(workspace: Workspace, standins: Standins) -> None:
    number = standins.immuta.seed(status="createError", config=standins.config())

    run = workspace.configure()

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert f"PUT /integrations/{number}" in asked(standins)
    assert "POST /integrations" not in asked(standins)


def test_missing_privileges_stop_the_run_early(workspace: Workspace, standins: Standins) -> None:
    before = standins.catalog()
    workspace.environment["REDSHIFT_USER"] = standins.unprivileged.user
    workspace.environment["REDSHIFT_PASSWORD"] = standins.unprivileged.password

    run = workspace.configure()

    assert not run.succeeded
    assert "is not ready for Immuta" in run.output
    assert "CREATEDB" in run.output
    assert standins.catalog() == before
    assert asked(standins) == LOOK


def test_next_run_recovers_from_a_lost_connection(workspace: Workspace, standins: Standins) -> None:
    standins.redshift.on_statement = lambda statement: "drop_before" if "CREATE VIEW" in statement.text else None
    broken = workspace.configure()
    assert not broken.succeeded
    assert "POST /integrations" not in asked(standins)
    assert standins.catalog()["schemas"]["immuta"] == []
    assert workspace.files() == []

    standins.redshift.on_statement = None
    run = workspace.configure()

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert set(standins.catalog()["schemas"]["immuta"]) == set(scripts.SCHEMAS)


def test_next_run_deletes_scripts_of_a_killed_run(workspace: Workspace, standins: Standins) -> None:
    standins.immuta.seed(config=standins.config())
    left, partial, other = (temporary_script(workspace, name) for name in ("create", "edit", "other"))
    left.parent.mkdir(parents=True)
    for path in (left, partial.with_name(f".{partial.name}.4194305.part"), other):
        path.write_text("SELECT 1", encoding="utf-8")

    run = workspace.configure()

    assert run.succeeded, run.output
    assert run.changed == 0
    assert list(left.parent.iterdir()) == [other]
