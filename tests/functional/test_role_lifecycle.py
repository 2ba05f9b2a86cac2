# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lifecycle after a setup by the role: change, removal, partial setup, review, automatic setup."""

from __future__ import annotations

from tests.support.by_hand import run_by_hand, set_up
from tests.support.playbooks import Run, Workspace, asked, statuses
from tests.support.standin import Login, Standins, scripts

GROUP = "immuta_impersonation"
IMPERSONATION = {"enabled": True, "role": GROUP}
OKTA = {
    "authenticationType": "okta",
    "okta": {
        "username": "okta_account",
        "password": "0kta-Pa55word",
        "appId": "Okta",
        "idpHost": "organization.okta.com",
        "role": "admin",
    },
}


def okta_config(standins: Standins) -> dict[str, object]:
    config = standins.config(**OKTA)
    del config["username"], config["password"]
    return config


def check_then_run(workspace: Workspace, **variables: object) -> Run:
    """Run in check mode, for real, and again: check mode predicts the run, and the last run changes nothing."""
    standins = workspace.standins
    before, records = standins.catalog(), standins.immuta.records()
    predicted = workspace.configure("--check", "--diff", **variables)
    assert predicted.succeeded, predicted.output
    assert (standins.catalog(), standins.immuta.records()) == (before, records)
    run = workspace.configure(**variables)
    assert run.succeeded, run.output
    assert (predicted.changed > 0) == (run.changed > 0)
    again = workspace.configure(**variables)
    assert again.succeeded, again.output
    assert again.changed == 0
    for secret in ("Sy5tem-Pa55word", "0kta-Pa55word", standins.immuta.api_key, standins.bootstrap.password):
        assert secret not in predicted.output + run.output + again.output
    return run


def test_impersonation_is_enabled_and_disabled(workspace: Workspace, standins: Standins) -> None:
    """The database also has a schema and a view of its users."""
    set_up(standins)
    standins.postgres.run(f'CREATE SCHEMA sales AUTHORIZATION "{standins.bootstrap.user}"', database="immuta")
    standins.postgres.run("CREATE VIEW sales.orders AS SELECT 1 AS id", database="immuta")
    before = standins.catalog()

    check_then_run(workspace, config=standins.config(impersonation=IMPERSONATION))
    assert standins.catalog()["groups"] == [GROUP]
    writes = [request for request in standins.immuta.requests() if request["method"] in ("POST", "PUT")]
    script, put = writes[-2:]
    assert (script["path"], put["method"]) == ("/integrations/1/scripts/edit", "PUT")
    assert script["body"] == put["body"]

    run = workspace.configure(config=standins.config(impersonation={"enabled": False}))
    assert run.succeeded, run.output
    assert standins.catalog() == before
    assert statuses(standins) == ["enabled"]


def test_interrupted_change_from_password_to_okta_is_finished(workspace: Workspace, standins: Standins) -> None:
    """Immuta's documentation, "Configure a Redshift Integration", Manual update: its own example.

    It creates an account, and drops an account and a group. The script ran, and Immuta refused the change.
    """
    set_up(standins, standins.config(impersonation=IMPERSONATION))
    config = okta_config(standins) | {"impersonation": {"enabled": False}}
    standins.immuta.add_fault("status", method="PUT", status=500, times=None)
    assert not workspace.configure(config=config).succeeded
    assert standins.catalog()["groups"] == []
    standins.immuta.clear_faults()

    check_then_run(workspace, config=config)

    assert statuses(standins) == ["enabled"]
    assert "okta_account" in standins.catalog()["users"]
    assert "immuta_system_account" not in standins.catalog()["users"]
    assert standins.immuta.records()[0]["config"]["authenticationType"] == "okta"
    assert "username" not in standins.immuta.records()[0]["config"]


def test_new_password_is_set_in_redshift_and_immuta(workspace: Workspace, standins: Standins) -> None:
    set_up(standins)
    config = standins.config(password="N3w-Pa55word")

    run = workspace.configure(config=config, immuta_redshift_update_secrets="always")

    assert run.succeeded, run.output
    assert standins.immuta.records()[0]["config"]["password"] == "N3w-Pa55word"
    with workspace.session(Login("immuta_system_account", "N3w-Pa55word"), "immuta") as session:
        assert session.execute("SELECT 1").fetchone() == (1,)
    assert "N3w-Pa55word" not in run.output


def test_removal_leaves_only_the_empty_database(workspace: Workspace, standins: Standins) -> None:
    before = standins.catalog()
    set_up(standins, standins.config(impersonation=IMPERSONATION))
    standins.immuta.clear_requests()
    predicted = workspace.remove("--check", "--diff")
    assert predicted.succeeded, predicted.output
    assert predicted.changed > 0
    assert {request.split()[0] for request in asked(standins)} == {"GET", "POST"}
    assert statuses(standins) == ["enabled"]

    standins.immuta.clear_requests()
    run = workspace.remove()

    assert run.succeeded, run.output
    assert standins.immuta.records() == []
    delete = standins.immuta.requests()[-2]
    assert (delete["method"], delete["body"]) == ("DELETE", None)
    requests = asked(standins)
    assert requests.index("POST /integrations/1/scripts/delete") < requests.index("DELETE /integrations/1")
    after = standins.catalog()
    assert (after["users"], after["groups"]) == (before["users"], before["groups"])
    assert after["schemas"]["immuta"] == []
    assert 'DROP DATABASE \\"immuta\\";' in run.output
    assert workspace.files() == []


def test_removal_after_the_delete_script(workspace: Workspace, standins: Standins) -> None:
    set_up(standins)
    run_by_hand(standins, scripts.delete(standins.config()), "immuta")

    run = workspace.remove()

    assert run.succeeded, run.output
    assert standins.immuta.records() == []


def test_removal_without_the_database_lists_leftovers(workspace: Workspace, standins: Standins) -> None:
    set_up(standins)
    standins.postgres.run("DROP DATABASE immuta")
    standins.immuta.clear_requests()

    run = workspace.remove()

    assert run.succeeded, run.output
    assert not any("scripts" in request for request in asked(standins))
    assert standins.immuta.records() == []
    assert "Immuta's delete script is skipped" in run.output
    assert 'DROP USER \\"immuta_system_account\\";' in run.output


def test_failed_creation_is_removed_by_cleanup(workspace: Workspace, standins: Standins) -> None:
    before = standins.catalog()
    run_by_hand(standins, scripts.initial_create(standins.config()), "dev")
    standins.immuta.seed(status="createError", config=standins.config())

    run = workspace.remove()

    assert run.succeeded, run.output
    assert "POST /integrations/scripts/cleanup" in asked(standins)
    assert standins.immuta.records() == []
    assert standins.catalog()["users"] == before["users"]


def test_leftovers_without_a_record_are_removed(workspace: Workspace, standins: Standins) -> None:
    before = standins.catalog()
    run_by_hand(standins, scripts.initial_create(standins.config()), "dev")
    untouched = workspace.remove()
    assert untouched.succeeded, untouched.output
    assert untouched.changed == 0

    run = workspace.remove(immuta_redshift_on_partial="cleanup")

    assert run.succeeded, run.output
    assert standins.catalog()["users"] == before["users"]
    assert asked(standins)[-1] == "POST /integrations/scripts/cleanup"


def test_manual_execution_of_a_setup(workspace: Workspace, standins: Standins) -> None:
    directory = workspace.directory / "scripts"
    review = {"immuta_redshift_execute": False, "immuta_redshift_script_dir": str(directory)}
    before = standins.catalog()

    stopped = workspace.configure(**review)
    assert stopped.succeeded, stopped.output
    assert standins.catalog() == before
    assert standins.immuta.records() == []
    first, second = directory / "cluster.example.com.initial_create.sql", directory / "cluster.example.com.create.sql"
    said = stopped.output
    assert said.index(f"{first} in the database dev") < said.index(f"{second} in the database immuta")

    workspace.psql(first, "dev")
    workspace.psql(second, "immuta")
    run = workspace.configure(**review)

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]


def test_manual_execution_of_a_change(workspace: Workspace, standins: Standins) -> None:
    set_up(standins)
    directory = workspace.directory / "scripts"
    wanted = {
        "config": standins.config(impersonation=IMPERSONATION),
        "immuta_redshift_execute": False,
        "immuta_redshift_script_dir": str(directory),
    }
    assert workspace.configure(**wanted).succeeded
    assert standins.immuta.records()[0]["config"].get("impersonation") != IMPERSONATION
    workspace.psql(directory / "cluster.example.com.edit.sql", "immuta")

    run = workspace.configure(**wanted, immuta_redshift_executed=True)

    assert run.succeeded, run.output
    assert standins.immuta.records()[0]["config"]["impersonation"] == IMPERSONATION


def test_automatic_setup_change_and_removal(workspace: Workspace, standins: Standins) -> None:
    before = standins.catalog()
    account = {"username": standins.bootstrap.user, "password": standins.bootstrap.password}
    automatic = {"immuta_redshift_setup": "automatic"}

    check_then_run(workspace, config=standins.config(**account), **automatic)
    assert set(standins.catalog()["schemas"]["immuta"]) == set(scripts.SCHEMAS)
    changed = workspace.configure(config=standins.config(**account, impersonation=IMPERSONATION), **automatic)
    assert changed.succeeded, changed.output
    assert standins.catalog()["groups"] == [GROUP]
    run = workspace.remove(config=standins.config(**account), **automatic)

    assert run.succeeded, run.output
    assert standins.immuta.records() == []
    assert standins.catalog() == before
    assert not [request for request in asked(standins) if "scripts" in request]


def test_existing_database(workspace: Workspace, standins: Standins) -> None:
    """Immuta's documentation, "Configure a Redshift Integration", Requirements: Redshift Spectrum."""
    standins.postgres.run(f'CREATE DATABASE lake OWNER "{standins.bootstrap.user}"')
    standins.postgres.run("CREATE TABLE orders (id int)", database="lake")
    config = standins.config(database="lake")

    created = workspace.configure(config=config, immuta_redshift_single_database=True)

    assert created.succeeded, created.output
    assert statuses(standins) == ["enabled"]
    assert set(standins.catalog()["schemas"]["lake"]) == set(scripts.SCHEMAS)
    run = workspace.remove(config=config, immuta_redshift_single_database=True)
    assert run.succeeded, run.output
    assert standins.catalog()["schemas"]["lake"] == []
    assert "DROP DATABASE" not in run.output


def test_busy_integration_is_waited_for_then_changed(workspace: Workspace, standins: Standins) -> None:
    set_up(standins)
    standins.immuta.seed(id=1, status="creating", config=standins.config())

    def end(entry: dict[str, object]) -> None:
        """End the creation after the first query."""
        standins.immuta.wire.on_reply = None
        standins.immuta.seed(id=1, config=standins.config())

    standins.immuta.wire.on_reply = end

    run = workspace.configure(config=standins.config(impersonation=IMPERSONATION))

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert standins.catalog()["groups"] == [GROUP]


def test_wait_for_busy_integration_in_sync_times_out(workspace: Workspace, standins: Standins) -> None:
    set_up(standins)
    standins.immuta.seed(id=1, status="creating", config=standins.config())

    run = workspace.configure(immuta_redshift_wait_timeout=1, immuta_redshift_wait_sleep=5)

    assert not run.succeeded
    assert "was still creating after 1 s" in run.output
