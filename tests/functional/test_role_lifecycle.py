# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes after the setup through the role: change, removal, half-done work, review, automatic setup."""

from __future__ import annotations

import pytest

from tests.support.by_hand import run_by_hand, set_up
from tests.support.playbooks import Desk, Run, asked, statuses
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


def check_then_run(desk: Desk, **variables: object) -> Run:
    """Run in check mode, really, and again: the first foretells the second, and the third changes nothing."""
    standins = desk.standins
    before, records = standins.catalog(), standins.immuta.records()
    foretold = desk.configure("--check", "--diff", **variables)
    assert foretold.succeeded, foretold.output
    assert (standins.catalog(), standins.immuta.records()) == (before, records)
    run = desk.configure(**variables)
    assert run.succeeded, run.output
    assert (foretold.changed > 0) == (run.changed > 0)
    again = desk.configure(**variables)
    assert again.succeeded, again.output
    assert again.changed == 0
    for secret in ("Sy5tem-Pa55word", "0kta-Pa55word", standins.immuta.api_key, standins.bootstrap.password):
        assert secret not in foretold.output + run.output + again.output
    return run


def test_impersonation_is_enabled_and_disabled(desk: Desk, standins: Standins) -> None:
    set_up(standins)
    before = standins.catalog()

    standins.immuta.clear_requests()
    check_then_run(desk, config=standins.config(impersonation=IMPERSONATION))
    assert standins.catalog()["groups"] == [GROUP]
    writes = [request for request in standins.immuta.requests() if request["method"] in ("POST", "PUT")]
    script, put = writes[-2:]
    assert (script["path"], put["method"]) == ("/integrations/1/scripts/edit", "PUT")
    assert script["body"] == put["body"]

    check_then_run(desk, config=standins.config(impersonation={"enabled": False}))
    assert standins.catalog() == before
    assert statuses(standins) == ["enabled"]


def test_change_from_password_to_okta(desk: Desk, standins: Standins) -> None:
    """Immuta's documentation, "Configure a Redshift Integration", Manual update: its own example."""
    set_up(standins)

    check_then_run(desk, config=okta_config(standins))

    assert statuses(standins) == ["enabled"]
    assert "okta_account" in standins.catalog()["users"]
    assert "immuta_system_account" not in standins.catalog()["users"]
    assert standins.immuta.records()[0]["config"]["authenticationType"] == "okta"
    assert "username" not in standins.immuta.records()[0]["config"]


def test_new_password_is_set_in_redshift_and_immuta(desk: Desk, standins: Standins) -> None:
    set_up(standins)
    config = standins.config(password="N3w-Pa55word")
    assert desk.configure(config=config).changed == 0

    run = desk.configure(config=config, immuta_redshift_update_secrets="always")

    assert run.succeeded, run.output
    assert standins.immuta.records()[0]["config"]["password"] == "N3w-Pa55word"
    with desk.session(Login("immuta_system_account", "N3w-Pa55word"), "immuta") as session:
        assert session.execute("SELECT 1").fetchone() == (1,)
    assert "N3w-Pa55word" not in run.output


def test_interrupted_change_is_finished(desk: Desk, standins: Standins) -> None:
    set_up(standins)
    wanted = standins.config(impersonation=IMPERSONATION)
    standins.immuta.add_fault("status", method="PUT", status=500, times=None)
    assert not desk.configure(config=wanted).succeeded
    assert standins.catalog()["groups"] == [GROUP]
    standins.immuta.clear_faults()

    run = desk.configure(config=wanted)

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert standins.catalog()["groups"] == [GROUP]


def test_interrupted_reducing_change_is_finished(desk: Desk, standins: Standins) -> None:
    set_up(standins, standins.config(impersonation=IMPERSONATION))
    wanted = okta_config(standins) | {"impersonation": {"enabled": False}}
    standins.immuta.add_fault("status", method="PUT", status=500, times=None)
    assert not desk.configure(config=wanted).succeeded
    assert standins.catalog()["groups"] == []
    standins.immuta.clear_faults()

    run = desk.configure(config=wanted)

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert "immuta_system_account" not in standins.catalog()["users"]


def test_removal_leaves_only_the_empty_database(desk: Desk, standins: Standins) -> None:
    before = standins.catalog()
    set_up(standins, standins.config(impersonation=IMPERSONATION))
    standins.immuta.clear_requests()
    foretold = desk.remove("--check", "--diff")
    assert foretold.succeeded, foretold.output
    assert foretold.changed > 0
    assert {request.split()[0] for request in asked(standins)} == {"GET", "POST"}
    assert statuses(standins) == ["enabled"]

    standins.immuta.clear_requests()
    run = desk.remove()

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
    assert desk.files() == []
    again = desk.remove()
    assert again.succeeded, again.output
    assert again.changed == 0


def test_interrupted_removal_is_finished(desk: Desk, standins: Standins) -> None:
    set_up(standins)
    standins.immuta.add_fault("status", method="DELETE", status=500, times=None)
    assert not desk.remove().succeeded
    standins.immuta.clear_faults()

    run = desk.remove()

    assert run.succeeded, run.output
    assert standins.immuta.records() == []


def test_removal_without_the_database_lists_leftovers(desk: Desk, standins: Standins) -> None:
    set_up(standins)
    standins.postgres.run("DROP DATABASE immuta")
    standins.immuta.clear_requests()

    run = desk.remove()

    assert run.succeeded, run.output
    assert not any("scripts" in request for request in asked(standins))
    assert standins.immuta.records() == []
    assert "Immuta's delete script is skipped" in run.output
    assert 'DROP USER \\"immuta_system_account\\";' in run.output


def test_failed_creation_is_removed_by_cleanup(desk: Desk, standins: Standins) -> None:
    before = standins.catalog()
    run_by_hand(standins, scripts.initial_create(standins.config()), "dev")
    standins.immuta.seed(status="createError", config=standins.config())

    run = desk.remove()

    assert run.succeeded, run.output
    assert "POST /integrations/scripts/cleanup" in asked(standins)
    assert standins.immuta.records() == []
    assert standins.catalog()["users"] == before["users"]


def test_leftovers_without_a_record_are_removed(desk: Desk, standins: Standins) -> None:
    before = standins.catalog()
    run_by_hand(standins, scripts.initial_create(standins.config()), "dev")
    untouched = desk.remove()
    assert untouched.succeeded, untouched.output
    assert untouched.changed == 0

    run = desk.remove(immuta_redshift_on_partial="cleanup")

    assert run.succeeded, run.output
    assert standins.catalog()["users"] == before["users"]
    assert asked(standins)[-1] == "POST /integrations/scripts/cleanup"


@pytest.mark.parametrize("done", ["account", "first script", "part of the second script"])
def test_cleanup_then_new_setup(desk: Desk, standins: Standins, done: str) -> None:
    """Also where the account has another password, which resuming cannot mend."""
    config = standins.config(password="An0ther-Pa55word")
    first = scripts.initial_create(config)
    run_by_hand(standins, first[:1] if done == "account" else first, "dev")
    if done.startswith("part"):
        run_by_hand(standins, scripts.create(config)[:3], "immuta")

    run = desk.configure(immuta_redshift_on_partial="cleanup")

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert set(standins.catalog()["schemas"]["immuta"]) == set(scripts.SCHEMAS)


def test_manual_execution_of_a_setup(desk: Desk, standins: Standins) -> None:
    folder = desk.folder / "scripts"
    review = {"immuta_redshift_execute": False, "immuta_redshift_script_dir": str(folder)}
    before = standins.catalog()

    stopped = desk.configure(**review)
    assert stopped.succeeded, stopped.output
    assert standins.catalog() == before
    assert standins.immuta.records() == []
    first, second = folder / "cluster.example.com.initial_create.sql", folder / "cluster.example.com.create.sql"
    said = stopped.output
    assert said.index(f"{first} in the database dev") < said.index(f"{second} in the database immuta")

    desk.psql(first, "dev")
    desk.psql(second, "immuta")
    run = desk.configure(**review)

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert desk.configure(**review).changed == 0


def test_role_runs_reviewed_scripts(desk: Desk, standins: Standins) -> None:
    folder = {"immuta_redshift_script_dir": str(desk.folder / "scripts")}
    assert desk.configure(immuta_redshift_execute=False, **folder).succeeded

    run = desk.configure(**folder)

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]


def test_manual_execution_of_a_change(desk: Desk, standins: Standins) -> None:
    set_up(standins)
    folder = desk.folder / "scripts"
    wanted = {
        "config": standins.config(impersonation=IMPERSONATION),
        "immuta_redshift_execute": False,
        "immuta_redshift_script_dir": str(folder),
    }
    assert desk.configure(**wanted).succeeded
    assert standins.immuta.records()[0]["config"].get("impersonation") != IMPERSONATION
    desk.psql(folder / "cluster.example.com.edit.sql", "immuta")

    run = desk.configure(**wanted, immuta_redshift_executed=True)

    assert run.succeeded, run.output
    assert standins.immuta.records()[0]["config"]["impersonation"] == IMPERSONATION
    assert desk.configure(**wanted).changed == 0


def test_automatic_setup_change_and_removal(desk: Desk, standins: Standins) -> None:
    before = standins.catalog()
    account = {"username": standins.bootstrap.user, "password": standins.bootstrap.password}
    automatic = {"immuta_redshift_setup": "automatic"}

    check_then_run(desk, config=standins.config(**account), **automatic)
    assert set(standins.catalog()["schemas"]["immuta"]) == set(scripts.SCHEMAS)
    check_then_run(desk, config=standins.config(**account, impersonation=IMPERSONATION), **automatic)
    assert standins.catalog()["groups"] == [GROUP]
    run = desk.remove(config=standins.config(**account), **automatic)

    assert run.succeeded, run.output
    assert standins.immuta.records() == []
    assert standins.catalog() == before
    assert not [request for request in asked(standins) if "scripts" in request]


def test_existing_database(desk: Desk, standins: Standins) -> None:
    """Immuta's documentation, "Configure a Redshift Integration", Requirements: Redshift Spectrum."""
    standins.postgres.run(f'CREATE DATABASE lake OWNER "{standins.bootstrap.user}"')
    standins.postgres.run("CREATE TABLE orders (id int)", database="lake")
    config = standins.config(database="lake")

    check_then_run(desk, config=config, immuta_redshift_single_database=True)

    assert statuses(standins) == ["enabled"]
    assert set(standins.catalog()["schemas"]["lake"]) == set(scripts.SCHEMAS)
    run = desk.remove(config=config, immuta_redshift_single_database=True)
    assert run.succeeded, run.output
    assert standins.catalog()["schemas"]["lake"] == []
    assert "DROP DATABASE" not in run.output


def test_busy_record_is_waited_for(desk: Desk, standins: Standins) -> None:
    standins.immuta.set(settle=3600)
    assert desk.configure(immuta_redshift_wait=False).succeeded
    assert statuses(standins) == ["creating"]
    # It ends as soon as the next run has seen it.
    standins.immuta.wire.on_reply = lambda entry: standins.immuta.set(settle=0)

    run = desk.configure(config=standins.config(impersonation=IMPERSONATION))

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert standins.catalog()["groups"] == [GROUP]
