# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database stand-in: its behavior for both drivers, and its refusals like Redshift's."""

from __future__ import annotations

import contextlib

import psycopg
import pytest
import redshift_connector
import trustme

from tests.support.by_hand import connect, payload, run_by_hand, run_scripts
from tests.support.standin import scripts
from tests.support.standin.relay import Relay

DRIVERS = pytest.mark.parametrize("driver", ["psycopg", "redshift_connector"])


def sqlstate(error: Exception) -> str:
    return error.sqlstate if isinstance(error, psycopg.Error) else error.args[0]["C"]


@DRIVERS
def test_setup_scripts_satisfy_immuta(standins, api, driver):
    password = 'it\'s "quoted"; \\ -- pässwörd$$'
    config = standins.config(password=password, impersonation={"enabled": True, "role": 'may "be" others\''})
    run_scripts(standins, config, driver)
    assert api.post("/integrations", json=payload(config)).json()["status"] == "creating"
    assert api.get("/integrations").json()[0]["status"] == "enabled"
    assert standins.catalog() == {
        "databases": ["dev", "immuta"],
        "users": ["bootstrap", "immuta_system_account", "unprivileged"],
        "groups": ['may "be" others\''],
        "schemas": {"dev": [], "immuta": sorted(scripts.SCHEMAS)},
    }


@DRIVERS
def test_savepoint_is_a_syntax_error(standins, driver):
    with contextlib.closing(connect(driver, standins, standins.bootstrap, "dev")) as session:
        cursor = session.cursor()
        cursor.execute("BEGIN")
        for statement, code in (("SAVEPOINT here", "42601"), ("SELECT 1", "25P02")):
            with pytest.raises((psycopg.Error, redshift_connector.Error)) as caught:
                cursor.execute(statement)
            assert sqlstate(caught.value) == code


def test_statements_are_logged_in_order(standins):
    before = len(standins.postgres.statements())
    run_by_hand(standins, ["SELECT 1 -- it's;\n\t+ 1", "CREATE SCHEMA something"], "dev", driver="redshift_connector")
    standins.catalog()
    with connect("psycopg", standins, standins.unprivileged, "dev") as session:
        session.execute("SELECT 3")
    assert [(entry.user, entry.database, entry.text) for entry in standins.postgres.statements()[before:]] == [
        ("bootstrap", "dev", "SELECT 1 -- it's;\n\t+ 1"),
        ("bootstrap", "dev", "CREATE SCHEMA something"),
        ("unprivileged", "dev", "SELECT 3"),
    ]


@DRIVERS
def test_statement_can_be_cut_at_its_end(standins, driver):
    found = []

    def on_result(statement):
        found.append((statement.text, standins.catalog()["schemas"]["dev"]))
        return "drop" if statement.text.startswith("CREATE") else None

    standins.redshift.on_result = on_result
    with pytest.raises((psycopg.OperationalError, redshift_connector.Error, OSError)):
        run_by_hand(standins, ["SELECT 1", "CREATE SCHEMA something"], "dev", driver=driver)
    assert found == [("SELECT 1", []), ("CREATE SCHEMA something", ["something"])]


@DRIVERS
def test_statement_can_be_made_to_fail(standins, driver):
    standins.redshift.on_statement = lambda statement: "fail 40001" if statement.text == "SELECT 2" else None
    session = connect(driver, standins, standins.bootstrap, "dev")
    cursor = session.cursor()
    cursor.execute("BEGIN")
    cursor.execute("CREATE SCHEMA something")
    for statement, expected in (("SELECT 2", "40001"), ("SELECT 3", "25P02")):
        with pytest.raises((psycopg.Error, redshift_connector.Error)) as caught:
            cursor.execute(statement)
        assert sqlstate(caught.value) == expected
    cursor.execute("ROLLBACK")
    cursor.execute("SELECT 4")
    assert [list(row) for row in cursor.fetchall()] == [[4]]
    session.close()


def test_large_message_over_tls(standins, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "server.pem")
    with Relay(standins.postgres.port, tls=(tmp_path / "server.pem", tmp_path / "server.pem")) as relay:
        address = {"host": "localhost", "port": relay.port, "dbname": "dev"}
        login = {"user": standins.unprivileged.user, "password": standins.unprivileged.password}
        with psycopg.connect(**address, **login, sslmode="verify-full", sslrootcert=tmp_path / "ca.pem") as session:
            long = "ä" * 200_000
            assert session.execute("SELECT %s::text", [long]).fetchone() == (long,)
