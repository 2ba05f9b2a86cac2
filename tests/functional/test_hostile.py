# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unusual names, passwords and sizes: a sample of the fault-injection tests."""

from __future__ import annotations

import pathlib

import pytest

from tests.support.hostile import ODD_HOST, endless_server, hostile_config, measured
from tests.support.playbooks import Workspace, asked, statuses
from tests.support.standin import HOST, Login, Standins

MANY = 10_000
MEMORY = 100  # MB; Python 3.10 takes 30 % more than 3.11


def test_special_characters_in_names_and_password(workspace: Workspace, standins: Standins) -> None:
    config = hostile_config(standins)
    before = standins.catalog()

    run = workspace.configure(config=config)

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    catalog = standins.catalog()
    assert set(catalog["databases"]) - set(before["databases"]) == {config["database"]}
    assert set(catalog["users"]) - set(before["users"]) == {config["username"]}
    assert catalog["groups"] == [config["impersonation"]["role"]]
    with workspace.session(Login(config["username"], config["password"]), config["database"]) as session:
        assert session.execute("SELECT current_user").fetchone() == (config["username"],)
    again = workspace.configure("--diff", config={**config, "host": ODD_HOST.lower().rstrip(".")})
    assert again.succeeded, again.output
    assert again.changed == 0
    gone = workspace.remove("--diff", config=config, immuta_redshift_login={**workspace.login, "driver": "psycopg"})
    assert gone.succeeded, gone.output
    assert standins.immuta.records() == []
    assert standins.catalog()["users"] == before["users"]
    assert standins.catalog()["groups"] == []
    assert "Pa55" not in run.output + again.output + gone.output


def test_tenant_with_ten_thousand_integrations(workspace: Workspace, standins: Standins) -> None:
    for number in range(MANY - 1):
        standins.immuta.seed(type="Snowflake", config={"host": f"{number}.example.com", "database": "immuta"})
    standins.immuta.seed(config=standins.config())

    everything, peak = measured(workspace, "immuta_integration_info")
    assert len(everything["integrations"]) == MANY
    assert peak < MEMORY
    same, peak = measured(workspace, "immuta_redshift_integration", auto_bootstrap=False, config=standins.config())
    assert not same["changed"]
    assert same["integration"]["config"]["host"] == HOST
    assert peak < MEMORY
    assert asked(standins) == ["GET /integrations"] * 2


@pytest.mark.parametrize("path", ["", "/packed"])
def test_endless_body_is_cut_off(workspace: Workspace, path: str) -> None:
    with endless_server() as url:
        result, peak = measured(workspace, "immuta_integration_info", url=url + path)
    assert "is larger than 67108864 bytes: check that url" in result["msg"]
    assert peak < 150


@pytest.fixture
def script(workspace: Workspace) -> pathlib.Path:
    return workspace.directory / "script.sql"


def test_hundred_thousand_statements_are_split(workspace: Workspace, script: pathlib.Path) -> None:
    script.write_bytes(b"SELECT 1;\n" * 100_000)
    result, peak = measured(workspace, "redshift_script", check_mode=True, path=str(script), ssl_mode="disable")
    assert result["statement_count"] == len(result["statements"]) == 100_000
    assert result["statements"][-1]["line"] == 100_000
    assert peak < 160


def test_fifteen_megabyte_statement_runs(workspace: Workspace, script: pathlib.Path) -> None:
    script.write_bytes(b"SELECT length('" + b"x;" * 7_500_000 + b"')")
    result, peak = measured(workspace, "redshift_script", path=str(script), ssl_mode="disable")
    assert [entry["outcome"] for entry in result["statements"]] == ["ok"]
    assert peak < 200
