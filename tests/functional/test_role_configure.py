# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual setup through the role, judged by what Immuta received, what the database has, and what is on disk."""

from __future__ import annotations

import stat

import psycopg
import pytest

from tests.support.by_hand import run_by_hand, set_up
from tests.support.playbooks import Desk, Unsafe, asked, statuses
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
# What a look into the catalog consists of.
READING = ("SELECT", "SHOW", "SET", "BEGIN", "COMMIT", "ROLLBACK")


def first_id(standins: Standins) -> str:
    return standins.immuta.records()[0]["id"]


def relative(requests: list[str], integration: str) -> list[str]:
    """The requests with the integration's id as 1."""
    return [request.replace(f"/integrations/{integration}", "/integrations/1") for request in requests]


def test_new_cluster_is_enabled_and_second_run_is_idle(desk: Desk, standins: Standins) -> None:
    before = standins.catalog()

    first = desk.configure()
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
    assert desk.files() == []

    standins.immuta.clear_requests()
    statements = len(standins.postgres.statements())
    second = desk.configure()
    assert second.succeeded, second.output
    assert second.changed == 0
    assert asked(standins) == LOOK
    assert len(standins.postgres.statements()) == statements


def test_special_characters_in_passwords(desk: Desk, standins: Standins) -> None:
    password = Unsafe("Pä$$w%rd{{ x }}#: 'q' \\ \"Ω\" ;--")

    run = desk.configure(config=standins.config(password=password))

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    with psycopg.connect(
        host=standins.redshift.host,
        port=standins.redshift.port,
        user="immuta_system_account",
        password=str(password),
        dbname="immuta",
    ) as session:
        assert session.execute("SELECT current_user").fetchone() == ("immuta_system_account",)
    assert "Ω" not in run.output


def test_both_drivers_give_the_same_result(desk: Desk, standins: Standins) -> None:
    run = desk.configure(immuta_redshift_login={**desk.login, "driver": "psycopg"})

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]


def test_kept_scripts_are_private(desk: Desk, standins: Standins) -> None:
    folder = desk.folder / "scripts"

    run = desk.configure(immuta_redshift_script_dir=str(folder))

    assert run.succeeded, run.output
    assert sorted(path.name for path in folder.iterdir()) == [
        "cluster.example.com.create.sql",
        "cluster.example.com.initial_create.sql",
    ]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    first = (folder / "cluster.example.com.initial_create.sql").read_text(encoding="utf-8")
    assert first == scripts.text("initial-create", scripts.initial_create(standins.config()))


def test_check_mode_changes_nothing(desk: Desk, standins: Standins) -> None:
    before = standins.catalog()
    seen = len(standins.postgres.statements())

    run = desk.configure("--check", "--diff")

    assert run.succeeded, run.output
    assert run.changed > 0
    assert [request for request in asked(standins) if not request.startswith("GET")] == SETUP[1:3]
    assert standins.immuta.records() == []
    assert standins.catalog() == before
    statements = standins.postgres.statements()[seen:]
    assert statements
    assert [s.text for s in statements if not s.text.lstrip("( \n").upper().startswith(READING)] == []
    assert desk.files() == []
    assert standins.config()["password"] not in run.output


def test_check_mode_of_a_cluster_in_sync(desk: Desk, standins: Standins) -> None:
    set_up(standins)
    standins.immuta.clear_requests()

    run = desk.configure("--check", "--diff")

    assert run.succeeded, run.output
    assert run.changed == 0
    assert asked(standins) == LOOK


@pytest.mark.parametrize("done", ["account", "first script", "second script"])
def test_run_resumes_a_partial_setup(desk: Desk, standins: Standins, done: str) -> None:
    config = standins.config()
    first, second = scripts.initial_create(config), scripts.create(config)
    run_by_hand(standins, first[:1] if done == "account" else first, "dev")
    if done == "second script":
        run_by_hand(standins, second, "immuta")

    run = desk.configure()

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert set(standins.catalog()["schemas"]["immuta"]) == set(scripts.SCHEMAS)
    generated = [request for request in asked(standins) if "scripts" in request]
    assert generated == ([] if done == "second script" else SETUP[1:3])


def test_account_with_another_password_stops_early(desk: Desk, standins: Standins) -> None:
    run_by_hand(standins, scripts.initial_create(standins.config(password="An0ther-Pa55word")), "dev")

    run = desk.configure()

    assert not run.succeeded
    assert "already exists on cluster.example.com with a different password" in run.output
    assert "POST /integrations" not in asked(standins)
    assert standins.config()["password"] not in run.output
    assert desk.files() == []


def test_on_partial_fail_lists_existing_objects(desk: Desk, standins: Standins) -> None:
    run_by_hand(standins, scripts.initial_create(standins.config()), "dev")

    run = desk.configure(immuta_redshift_on_partial="fail")

    assert not run.succeeded
    assert "database immuta" in run.output
    assert asked(standins) == LOOK


def test_failed_creation_is_repaired(desk: Desk, standins: Standins) -> None:
    number = standins.immuta.seed(status="createError", config=standins.config())

    run = desk.configure()

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert f"PUT /integrations/{number}" in asked(standins)
    assert "POST /integrations" not in asked(standins)


def test_missing_privileges_stop_the_run_early(desk: Desk, standins: Standins) -> None:
    before = standins.catalog()
    desk.environment["REDSHIFT_USER"] = standins.unprivileged.user
    desk.environment["REDSHIFT_PASSWORD"] = standins.unprivileged.password

    run = desk.configure()

    assert not run.succeeded
    assert "is not ready for Immuta" in run.output
    assert "CREATEDB" in run.output
    assert standins.catalog() == before
    assert asked(standins) == LOOK


def test_database_with_other_objects_is_refused(desk: Desk, standins: Standins) -> None:
    standins.postgres.run("CREATE DATABASE immuta")
    standins.postgres.run("CREATE TABLE orders (id int)", database="immuta")

    run = desk.configure()

    assert not run.succeeded
    assert "is not ready for Immuta" in run.output
    assert asked(standins) == LOOK


def test_next_run_recovers_from_a_lost_connection(desk: Desk, standins: Standins) -> None:
    standins.redshift.on_statement = lambda statement: "drop_before" if "CREATE VIEW" in statement.text else None
    broken = desk.configure()
    assert not broken.succeeded
    assert "POST /integrations" not in asked(standins)
    assert standins.catalog()["schemas"]["immuta"] == []
    assert desk.files() == []

    standins.redshift.on_statement = None
    run = desk.configure()

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert set(standins.catalog()["schemas"]["immuta"]) == set(scripts.SCHEMAS)


def test_next_run_deletes_scripts_of_a_killed_run(desk: Desk, standins: Standins) -> None:
    assert desk.configure().succeeded
    folder = desk.home / ".ansible" / "tmp" / "immuta_redshift"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for name in ("cluster.example.com.create.sql", ".cluster.example.com.edit.sql.4194305.part", "other.create.sql"):
        (folder / name).write_text("SELECT 1", encoding="utf-8")

    run = desk.configure()

    assert run.succeeded, run.output
    assert run.changed == 0
    assert [path.name for path in folder.iterdir()] == ["other.create.sql"]
