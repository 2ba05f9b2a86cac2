# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of the suite, from the environment."""

from __future__ import annotations

import dataclasses
import typing as t

# Required variables. The collection reads those without LIVE in their name, too.
NEEDED = {
    "IMMUTA_URL": "the tenant",
    "IMMUTA_API_KEY": "an API key of a user with the permission APPLICATION_ADMIN",
    "REDSHIFT_HOST": "the cluster, which Immuta must be able to reach by that name",
    "REDSHIFT_USER": "an account that may create databases and users in it",
    "REDSHIFT_PASSWORD": "its password",
    "REDSHIFT_DB": "the initial database, such as dev",
    "IMMUTA_LIVE_DATABASE": "the database that the suite creates and drops; it must not exist",
    "IMMUTA_LIVE_USERNAME": "the system account that the suite creates and drops; it must not exist",
    "IMMUTA_LIVE_PASSWORD": "the password of that account",
}
CONSENT = "IMMUTA_LIVE"


class SkippedError(Exception):
    """The reason why the suite does not run."""


class LiveError(Exception):
    """A failed check, or a step that cannot run."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings without secrets; playbooks and modules read those from the environment."""

    host: str
    port: int
    initial_database: str
    database: str
    username: str
    ssl_mode: str

    @property
    def group(self) -> str:
        """Return the name of the group that the suite creates; it must not exist."""
        return f"{self.database}_impersonation"

    @classmethod
    def from_environment(cls, environ: t.Mapping[str, str]) -> Settings:
        """Return the settings. Raise SkippedError without consent or settings, LiveError for an invalid value."""
        unset = [f"{name} ({what})" for name, what in NEEDED.items() if not environ.get(name)]
        if environ.get(CONSENT) != "yes":
            unset.insert(0, f"{CONSENT}=yes (your consent to create an integration, a database and an account)")
        if unset:
            raise SkippedError(f"Skipped. Not set: {', '.join(unset)}.")
        port = environ.get("REDSHIFT_PORT") or "5439"
        if not port.isdecimal():
            raise LiveError(f"REDSHIFT_PORT is {port}. Set it to a number.")
        return cls(
            host=environ["REDSHIFT_HOST"],
            port=int(port),
            initial_database=environ["REDSHIFT_DB"],
            database=environ["IMMUTA_LIVE_DATABASE"],
            username=environ["IMMUTA_LIVE_USERNAME"],
            ssl_mode=environ.get("IMMUTA_LIVE_SSL_MODE") or "verify-full",
        )

    def config(self, password: str, *, impersonation: bool = False) -> dict[str, t.Any]:
        """Return the config under the names of the API, which the collection accepts, too."""
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
