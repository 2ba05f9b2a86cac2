# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tenant and which cluster, from the environment."""

from __future__ import annotations

import dataclasses
import typing as t

# What the suite needs to know. Those without LIVE in their name the collection reads too.
NEEDED = {
    "IMMUTA_URL": "the tenant",
    "IMMUTA_API_KEY": "an API key of a user with the permission APPLICATION_ADMIN",
    "REDSHIFT_HOST": "the cluster, which Immuta must be able to reach by that name",
    "REDSHIFT_USER": "an account that may create databases and users there",
    "REDSHIFT_PASSWORD": "its password",
    "REDSHIFT_DB": "the database to log in to at first, such as dev",
    "IMMUTA_LIVE_DATABASE": "the database that the suite makes and drops; it must not exist",
    "IMMUTA_LIVE_USERNAME": "the account that the suite makes for Immuta and drops; it must not exist",
    "IMMUTA_LIVE_PASSWORD": "a password for it",
}
CONSENT = "IMMUTA_LIVE"


class SkippedError(Exception):
    """The suite is not to run, and why."""


class LiveError(Exception):
    """Something did not come out as promised, or cannot be tried."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the environment says. Secrets are not here: everything that is run reads them from the environment too."""

    host: str
    port: int
    initial_database: str
    database: str
    username: str
    ssl_mode: str

    @property
    def group(self) -> str:
        """The group of the change that the suite makes; it must not exist."""
        return f"{self.database}_impersonation"

    @classmethod
    def from_environment(cls, environ: t.Mapping[str, str]) -> Settings:
        """Raises SkippedError unless all is set and the consent to write is given, LiveError for what cannot be."""
        unset = [f"{name} ({what})" for name, what in NEEDED.items() if not environ.get(name)]
        if environ.get(CONSENT) != "yes":
            unset.insert(0, f"{CONSENT}=yes (the consent to make an integration, a database and an account)")
        if unset:
            raise SkippedError(f"Not run, since these are not set: {', '.join(unset)}.")
        port = environ.get("REDSHIFT_PORT") or "5439"
        if not port.isdecimal():
            raise LiveError(f"REDSHIFT_PORT is {port}: give a number.")
        return cls(
            host=environ["REDSHIFT_HOST"],
            port=int(port),
            initial_database=environ["REDSHIFT_DB"],
            database=environ["IMMUTA_LIVE_DATABASE"],
            username=environ["IMMUTA_LIVE_USERNAME"],
            ssl_mode=environ.get("IMMUTA_LIVE_SSL_MODE") or "verify-full",
        )

    def config(self, password: str, *, impersonation: bool = False) -> dict[str, t.Any]:
        """The integration, as the API spells it, which the collection understands too."""
        return {
            "host": self.host,
            "port": self.port,
            "database": self.database,
            "initialDatabase": self.initial_database,
            "authenticationType": "userPassword",
            "username": self.username,
            "password": password,
            "impersonation": {"enabled": True, "role": self.group} if impersonation else {"enabled": False},
        }
