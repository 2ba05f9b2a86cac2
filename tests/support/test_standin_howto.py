# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of Immuta's how-to page "Configure a Redshift Integration", run against the stand-in."""

from __future__ import annotations

import typing as t

import pytest
from psycopg import sql

from tests.support.by_hand import run_by_hand, run_scripts
from tests.support.howto import COMMANDS, EXAMPLES, PAGE, Command
from tests.support.standin import Standins, scripts

CREATING, CREATING_MANUALLY, ENABLED, LIST, EDITING, EDITING_MANUALLY, DELETING = EXAMPLES
FIRST = COMMANDS[0].payload["config"]
CREDENTIALS = {key: FIRST[key] for key in ("authenticationType", "username", "password")}


def with_id(example: dict[str, t.Any], number: str) -> dict[str, t.Any]:
    return {**example, "id": number}


def a_cluster(standins: Standins, automatic: bool) -> None:
    """Create the page's database, and for an automatic setup its account, with the documented privileges."""
    database, user = sql.Identifier(FIRST["initialDatabase"]), sql.Identifier(FIRST["username"])
    standins.postgres.run(sql.SQL("CREATE DATABASE {}").format(database))
    if automatic:
        standins.postgres.create_user(FIRST["username"], FIRST["password"], createdb=True, createrole=True)
        standins.postgres.run(sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(database, user))


def send(api, command: Command, number: str = "", **changes: t.Any) -> t.Any:
    return api.request(
        command.method, command.path.replace("{id}", number), headers=command.headers, data=command.body, **changes
    )


def test_page_has_the_tested_commands():
    assert len(COMMANDS) == PAGE.count("curl ") == 13
    assert [(command.method, command.path) for command in COMMANDS] == [
        *[("POST", "/integrations")] * 2,
        *[("POST", "/integrations/scripts/initial-create")] * 2,
        *[("POST", "/integrations/scripts/create")] * 2,
        *[("POST", "/integrations")] * 2,
        ("GET", "/integrations/{id}"),
        ("GET", "/integrations"),
        ("PUT", "/integrations/{id}"),
        ("POST", "/integrations/{id}/scripts/edit"),
        ("PUT", "/integrations/{id}"),
    ]


@pytest.mark.parametrize("command", COMMANDS[:2], ids=["userPassword", "okta"])
def test_automatic_setup(standins, api, command):
    a_cluster(standins, automatic=True)
    reply = send(api, command).json()
    assert reply == with_id(CREATING, reply["id"])
    assert api.get(f"/integrations/{reply['id']}").json()["status"] == "enabled"
    assert standins.catalog()["schemas"]["immuta"] == sorted(scripts.SCHEMAS)


@pytest.mark.parametrize("example", [0, 1], ids=["userPassword", "okta"])
def test_manual_setup(standins, api, example):
    first, second, configure = COMMANDS[2 + example], COMMANDS[4 + example], COMMANDS[6 + example]
    a_cluster(standins, automatic=False)
    config = first.payload["config"]
    reply = send(api, first)
    assert reply.text == scripts.text("initial-create", scripts.initial_create(config))
    run_by_hand(standins, scripts.initial_create(config), config["initialDatabase"])
    reply = send(api, second)
    assert reply.text == scripts.text("create", scripts.create(config))
    # The second script needs no split: psycopg sends a text without parameters unchanged.
    run_by_hand(standins, [reply.text], config["database"])
    reply = send(api, configure).json()
    assert reply == with_id(CREATING_MANUALLY, reply["id"])
    assert api.get(f"/integrations/{reply['id']}").json()["status"] == "enabled"


def test_get_all(standins, api):
    for integration in LIST:
        standins.immuta.seed(**integration)
    assert send(api, COMMANDS[9]).json() == LIST
    assert {integration["type"] for integration in LIST} == {"Snowflake", "Databricks"}


def test_automatic_update(standins, api):
    a_cluster(standins, automatic=True)
    number = send(api, COMMANDS[0]).json()["id"]
    assert send(api, COMMANDS[8], number).json() == with_id(ENABLED, number)
    assert send(api, COMMANDS[10], number).json() == with_id(EDITING, number)
    integration = api.get(f"/integrations/{number}").json()
    assert (integration["status"], integration["config"]["authenticationType"]) == ("enabled", "okta")


def test_manual_update(standins, api):
    a_cluster(standins, automatic=False)
    configure, edit, update = COMMANDS[6], COMMANDS[11], COMMANDS[12]
    run_scripts(standins, configure.payload["config"])
    number = send(api, configure).json()["id"]
    reply = send(api, edit, number)
    assert reply.text == scripts.text("edit", scripts.edit(configure.payload["config"], edit.payload["config"]))
    run_by_hand(standins, [reply.text], "immuta")
    assert send(api, update, number).json() == with_id(EDITING_MANUALLY, number)
    assert api.get(f"/integrations/{number}").json()["status"] == "enabled"


def test_delete_automatic_integration(standins, api):
    """The page's command is missing; its description and example reply are not."""
    a_cluster(standins, automatic=True)
    before = standins.catalog()
    number = send(api, COMMANDS[0]).json()["id"]
    assert api.delete(f"/integrations/{number}", json=CREDENTIALS).json() == with_id(DELETING, number)
    assert api.get(f"/integrations/{number}").status_code == 404
    assert standins.catalog() == before


@pytest.mark.parametrize("registered", [True, False], ids=["the delete script", "the cleanup script"])
def test_delete_manual_integration(standins, api, registered):
    a_cluster(standins, automatic=False)
    run_scripts(standins, COMMANDS[6].payload["config"])
    number = send(api, COMMANDS[6]).json()["id"]
    script = (
        api.post(f"/integrations/{number}/scripts/delete")
        if registered
        else api.post("/integrations/scripts/cleanup", json=COMMANDS[6].payload)
    )
    run_by_hand(standins, [script.text], "immuta")
    assert api.delete(f"/integrations/{number}").json() == with_id(DELETING, number)
    assert standins.catalog()["schemas"]["immuta"] == []
    assert FIRST["username"] not in standins.catalog()["users"]
