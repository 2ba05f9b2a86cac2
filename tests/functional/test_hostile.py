# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unusual names, passwords and sizes: a sample of the fault-injection tests."""

from __future__ import annotations

import pathlib

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


def test_endless_compressed_body_is_cut_off(workspace: Workspace) -> None:
    with endless_server() as url:
        result, peak = measured(workspace, "immuta_integration_info", url=f"{url}/packed")
    assert "is larger than 67108864 bytes: check that url" in result["msg"]
    assert peak < 150


def test_large_scripts(workspace: Workspace) -> None:
    """Larger ones are among the fault-injection tests."""
    options = {"path": str(workspace.directory / "script.sql"), "ssl_mode": "disable"}
    script = pathlib.Path(options["path"])
    script.write_bytes(b"SELECT 1;\n" * 30_000)
    many, peak = measured(workspace, "redshift_script", check_mode=True, **options)
    assert many["statement_count"] == len(many["statements"]) == 30_000
    assert many["statements"][-1]["line"] == 30_000
    assert peak < MEMORY
    script.write_bytes(b"SELECT length('" + b"x;" * 2_500_000 + b"')")
    long, peak = measured(workspace, "redshift_script", **options)
    assert [entry["outcome"] for entry in long["statements"]] == ["ok"]
    assert peak < MEMORY
