# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for Immuta and for Redshift, for tests and demos."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import typing as t

from psycopg import sql

from tests.support.standin.immuta import Immuta
from tests.support.standin.postgres import Postgres
from tests.support.standin.relay import Relay

HOST = "cluster.example.com"
"""The name of the cluster for payloads; the Immuta stand-in maps every host to the database stand-in."""


@dataclasses.dataclass(frozen=True)
class Login:
    """An account of the database stand-in."""

    user: str
    password: str


class Standins:
    """Context manager: both stand-ins, by default on free ports of 127.0.0.1.

    - ``immuta``: see `Immuta`, with ``url``, ``api_key``, ``requests()``, ``set()``, ``seed()``, ``add_fault()``
    - ``redshift``: see `Relay`, with ``host``, ``port``, ``on_login`` and ``on_statement``
    - ``postgres``: the server behind it, see `Postgres`, with ``catalog()`` and ``statements()``
    - ``bootstrap``: a login that may create databases and users, schemas in `dev`, grant usage on the language
      plpythonu, and is no superuser
    - ``unprivileged``: a login without privileges

    ``immuta_tls`` is a pair of paths, certificate chain and key in PEM. Other arguments are the settings of the Immuta
    stand-in.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        immuta_port: int = 0,
        immuta_tls: tuple[str, str] | None = None,
        **settings: t.Any,
    ) -> None:
        self._port = port
        self._immuta_options = {"port": immuta_port, "tls": immuta_tls, **settings}
        self.bootstrap = Login("bootstrap", "Bootstrap-" + secrets.token_hex(6))
        self.unprivileged = Login("unprivileged", "Unprivileged-" + secrets.token_hex(6))

    def __enter__(self) -> Standins:
        with contextlib.ExitStack() as stack:
            self.postgres = Postgres()
            # A port in use is reported before the slow start of the server.
            self.redshift = stack.enter_context(Relay(self.postgres.port, port=self._port))
            stack.enter_context(self.postgres)
            self.immuta = stack.enter_context(
                Immuta(
                    (self.redshift.host, self.redshift.port),
                    (self.postgres.admin_user, self.postgres.admin_password),
                    **self._immuta_options,
                )
            )
            self.postgres.create_user(self.bootstrap.user, self.bootstrap.password, createdb=True, createrole=True)
            self.postgres.create_user(self.unprivileged.user, self.unprivileged.password)
            self._grant()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *unused: object) -> None:
        self._stack.close()

    def _grant(self) -> None:
        self.postgres.run(sql.SQL("GRANT CREATE ON DATABASE dev TO {}").format(sql.Identifier(self.bootstrap.user)))

    def catalog(self) -> dict[str, t.Any]:
        """Return the objects in the database, see `Postgres.catalog`."""
        return self.postgres.catalog()

    def reset(self) -> None:
        """Reset both to their initial state, except the log of statements; much faster than a restart."""
        self.immuta.reset()
        self.redshift.on_login = self.redshift.on_statement = self.redshift.on_result = None
        self.redshift.python_functions = False
        self.postgres.reset(keep_users=[self.bootstrap.user, self.unprivileged.user])
        self._grant()

    def config(self, **changes: t.Any) -> dict[str, t.Any]:
        """Return a payload's `config` for a manual setup, with the changes."""
        return {
            "host": HOST,
            "database": "immuta",
            "initialDatabase": "dev",
            "authenticationType": "userPassword",
            "username": "immuta_system_account",
            "password": "Sy5tem-Pa55word",
            **changes,
        }

    def login(self) -> dict[str, t.Any]:
        """Return the role's variable with the address of the database stand-in; its account comes from elsewhere."""
        return {"login_host": self.redshift.host, "login_port": self.redshift.port, "ssl_mode": "disable"}

    def environment(self) -> dict[str, str]:
        """Return the environment variables with both addresses for the collection's modules."""
        return {
            "IMMUTA_URL": self.immuta.url,
            "IMMUTA_API_KEY": self.immuta.api_key,
            "REDSHIFT_HOST": self.redshift.host,
            "REDSHIFT_PORT": str(self.redshift.port),
            "REDSHIFT_USER": self.bootstrap.user,
            "REDSHIFT_PASSWORD": self.bootstrap.password,
            "REDSHIFT_DB": "dev",
        }
