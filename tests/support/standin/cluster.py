# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the Immuta stand-in in the database with a payload's account: checks, and automatic setups."""

from __future__ import annotations

import secrets
import typing as t

import psycopg
from psycopg import sql

from tests.support.standin import scripts
from tests.support.standin.payload import without_credentials

CONNECTION_TEST = "Initial Validation: Basic Connection Test"
DATABASE_TEST = "Validate Automatic Bootstrap: Immuta Database Does Not Exist"

Payload = dict[str, t.Any]
Config = dict[str, t.Any]


class Cluster:
    """The database behind the host names: ``address`` maps one to host and port.

    ``admin``, user and password of a superuser, is for all but passwords: a superuser can act as any Okta account.
    """

    def __init__(self, address: t.Callable[[str], tuple[str, int]], admin: tuple[str, str]) -> None:
        self.address = address
        self.admin = admin

    def connect(self, config: Config, database: str) -> psycopg.Connection:
        """Log in with the payload's credentials. An Okta account must exist; its password is not checked.

        An undocumented authentication type uses the superuser.
        """
        okta = config["authenticationType"] == "okta"
        by_password = config["authenticationType"] == "userPassword"
        user, password = (config["username"], config["password"]) if by_password else self.admin
        session = self._login(config["host"], user, password, database)
        if okta:
            try:
                session.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Literal(config["okta"]["username"])))
            except psycopg.Error:
                session.close()
                raise
        return session

    def _login(self, name: str, user: str, password: str, database: str) -> psycopg.Connection:
        host, port = self.address(name)
        return psycopg.connect(
            host=host,
            port=port,
            user=user,
            password=password,
            dbname=database,
            autocommit=True,
            application_name="immuta",
            connect_timeout=5,
        )

    def validate(self, payload: Payload, new: bool) -> dict[str, t.Any]:
        """Return validation results.

        Manual: the account must be able to log in to the database with its three schemas. Automatic: it must be able to
        log in to the initial database, and for a new integration the database must not exist yet.
        """
        config, automatic = payload["config"], payload["autoBootstrap"]
        try:
            with self.connect(config, config["initialDatabase" if automatic else "database"]) as session:
                if automatic and new and exists(session, config["database"]):
                    return results(DATABASE_TEST, f"The database {config['database']} exists already.")
                schemas = {name for (name,) in session.execute("SELECT nspname FROM pg_namespace")}
                missing = [schema for schema in scripts.SCHEMAS if schema not in schemas]
                if missing and not automatic:
                    return results(CONNECTION_TEST, f"No such schemas: {', '.join(missing)}. Run both scripts.")
        except psycopg.Error as error:
            return results(CONNECTION_TEST, str(error).split("\n", 1)[0])
        return results()

    def bootstrap(self, payload: Payload) -> None:
        """Run both scripts, also on a partial setup."""
        config = payload["config"]
        own = own_account(config)
        self.remove(payload)
        with self.connect(config, config["initialDatabase"]) as session:
            run(session, scripts.initial_create(own))
        with self.connect(config, config["database"]) as session, session.transaction():
            run(session, scripts.create(own))

    def edit(self, payload: Payload, before: Config) -> None:
        """Run the edit script."""
        config = payload["config"]
        with self.connect(config, config["database"]) as session, session.transaction():
            run(session, scripts.edit(own_account(before), own_account(config)))

    def add_source(self, config: Config, schema: str, view: str) -> None:
        """Create the schema and view of a data source that was registered after the setup.

        Immuta's documentation, "Redshift Overview": views for each source, which join `immuta_system.user_profile`.
        Their owner is not documented; here it is the owner of the database.
        """
        with self._login(config["host"], *self.admin, config["database"]) as session:
            owner = session.execute(
                "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
            ).fetchone()[0]
            session.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Literal(owner)))
            run(session, scripts.source(schema, view))

    def remove(self, payload: Payload) -> None:
        """Drop all objects of an automatic setup, complete or not, including the database."""
        config = payload["config"]
        own = own_account(config)
        with self.connect(config, config["initialDatabase"]) as session:
            if exists(session, config["database"]):
                with self.connect(config, config["database"]) as inside:
                    run(inside, scripts.cleanup(own))
                session.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(config["database"])))
            session.execute(sql.SQL("DROP USER IF EXISTS {}").format(sql.Identifier(own["username"])))


def own_account(config: Config) -> Config:
    """Return the config with the system account that Immuta creates in an automatic setup."""
    return {
        **without_credentials(config),
        "authenticationType": "userPassword",
        "username": f"{config['database']}_automatic",
        "password": secrets.token_hex(16),
    }


def exists(session: psycopg.Connection, database: str) -> bool:
    return session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone() is not None


def run(session: psycopg.Connection, statements: list[str]) -> None:
    for statement in statements:
        session.execute(statement)


def results(failing: str = "", message: str = "") -> dict[str, t.Any]:
    """Return the validation results of the documentation's examples, or the same with a failed test."""
    tests: list[dict[str, t.Any]] = [
        {"name": CONNECTION_TEST, "result": [None], "status": "passed"},
        {"name": DATABASE_TEST, "result": [], "status": "passed"},
    ]
    if failing:
        tests = [
            {"name": test["name"], "status": "failed", "message": message} if test["name"] == failing else test
            for test in tests
        ]
    return {"status": "failed" if failing else "passed", "validationTests": tests}
