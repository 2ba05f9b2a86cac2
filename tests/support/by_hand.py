# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Setup with psql and curl, without the collection."""

from __future__ import annotations

import typing as t

import psycopg
import redshift_connector
import requests

from tests.support.standin import Login, Standins, scripts


def connect(driver: str, standins: Standins, login: Login, database: str) -> t.Any:
    """Return an autocommit session through the relay."""
    address: dict[str, t.Any] = {"host": standins.redshift.host, "port": standins.redshift.port}
    address.update(user=login.user, password=login.password)
    if driver == "psycopg":
        return psycopg.connect(**address, dbname=database, autocommit=True, sslmode="disable")
    session = redshift_connector.connect(**address, database=database, ssl=False)
    session.autocommit = True
    return session


def run_by_hand(
    standins: Standins, statements: list[str], database: str, *, driver: str = "psycopg", transaction: bool = False
) -> None:
    """Run statements as the bootstrap account."""
    session = connect(driver, standins, standins.bootstrap, database)
    try:
        cursor = session.cursor()
        for statement in ["BEGIN", *statements, "COMMIT"] if transaction else statements:
            cursor.execute(statement)
    finally:
        session.close()


def run_scripts(standins: Standins, config: dict[str, t.Any], driver: str = "psycopg") -> None:
    """Run both scripts of a manual setup."""
    run_by_hand(standins, scripts.initial_create(config), config["initialDatabase"], driver=driver)
    run_by_hand(standins, scripts.create(config), config["database"], driver=driver, transaction=True)


def set_up(standins: Standins, config: dict[str, t.Any] | None = None, *, automatic: bool = False) -> None:
    """Create an enabled integration, as the collection would, and clear the requests."""
    config = config or standins.config()
    if not automatic:
        run_scripts(standins, config)
    with requests.Session() as session:
        session.trust_env = False
        session.post(
            f"{standins.immuta.url}/integrations",
            json=payload(config, automatic),
            headers={"Authorization": standins.immuta.api_key},
            timeout=30,
        ).raise_for_status()
    assert [record["status"] for record in standins.immuta.records()][-1] == "enabled"
    standins.immuta.clear_requests()
    standins.immuta.writes.clear()


def payload(config: dict[str, t.Any], automatic: bool = False) -> dict[str, t.Any]:
    """Return the payload of POST and PUT."""
    return {"type": "Redshift", "autoBootstrap": automatic, "config": config}


def automatic_config(standins: Standins, **changes: t.Any) -> dict[str, t.Any]:
    """Return the config of an automatic setup."""
    return standins.config(username=standins.bootstrap.user, password=standins.bootstrap.password, **changes)
