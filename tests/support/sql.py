# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several tests of the stand-ins do with the database."""

from __future__ import annotations

import typing as t

import psycopg
import redshift_connector

from tests.support.standin import Login, Standins, scripts


def connect(driver: str, standins: Standins, login: Login, database: str) -> t.Any:
    """Return an autocommit session through the relay."""
    if driver == "psycopg":
        return psycopg.connect(
            host=standins.redshift.host,
            port=standins.redshift.port,
            user=login.user,
            password=login.password,
            dbname=database,
            autocommit=True,
            sslmode="disable",
        )
    session = redshift_connector.connect(
        host=standins.redshift.host,
        port=standins.redshift.port,
        user=login.user,
        password=login.password,
        database=database,
        ssl=False,
    )
    session.autocommit = True
    return session


def run(
    standins: Standins, database: str, statements: list[str], *, driver: str = "psycopg", transaction: bool = False
) -> None:
    """Run statements as the bootstrap account."""
    session = connect(driver, standins, standins.bootstrap, database)
    try:
        cursor = session.cursor()
        for statement in ["BEGIN", *statements, "COMMIT"] if transaction else statements:
            cursor.execute(statement)
    finally:
        session.close()


def set_up(standins: Standins, config: dict[str, t.Any], driver: str = "psycopg") -> None:
    """Run both scripts, as a person would in a manual setup."""
    run(standins, config["initialDatabase"], scripts.initial_create(config), driver=driver)
    run(standins, config["database"], scripts.create(config), driver=driver, transaction=True)


def payload(config: dict[str, t.Any], automatic: bool = False) -> dict[str, t.Any]:
    """Return what POST and PUT take."""
    return {"type": "Redshift", "autoBootstrap": automatic, "config": config}


def automatic_config(standins: Standins, **changes: t.Any) -> dict[str, t.Any]:
    """Return a payload's config for an automatic setup."""
    return standins.config(username=standins.bootstrap.user, password=standins.bootstrap.password, **changes)
