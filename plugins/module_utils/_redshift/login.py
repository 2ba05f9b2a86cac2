# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The login to Redshift: the options of action group ``redshift``."""

from __future__ import annotations

import dataclasses
import os
import re
import typing as t

from ansible.module_utils.basic import env_fallback

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    InputError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import Spec


def login_spec() -> Spec:
    """Return the argument spec of action group ``redshift``."""
    return {
        "login_host": {"type": "str", "fallback": (env_fallback, ["REDSHIFT_HOST"])},
        "login_port": {"type": "int", "default": 5439, "fallback": (env_fallback, ["REDSHIFT_PORT"])},
        "login_user": {"type": "str", "fallback": (env_fallback, ["REDSHIFT_USER"])},
        "login_password": {"type": "str", "no_log": True, "fallback": (env_fallback, ["REDSHIFT_PASSWORD"])},
        "login_db": {"type": "str", "required": True, "fallback": (env_fallback, ["REDSHIFT_DB"])},
        "auth_method": {"type": "str", "choices": ["password", "iam", "okta"], "default": "password"},
        "cluster_identifier": {"type": "str"},
        "workgroup": {"type": "str"},
        "region": {"type": "str"},
        "profile": {"type": "str"},
        "db_user": {"type": "str"},
        "idp_host": {"type": "str"},
        "app_id": {"type": "str"},
        "app_name": {"type": "str"},
        "preferred_role": {"type": "str"},
        "ssl_mode": {"type": "str", "choices": ["verify-full", "verify-ca", "disable"], "default": "verify-full"},
        "ca_path": {"type": "path"},
        "connect_timeout": {"type": "int", "default": 30},
        "connect_retries": {"type": "int", "default": 3},
        "statement_timeout": {"type": "int", "default": 600},
        "driver": {"type": "str", "choices": ["redshift_connector", "psycopg"], "default": "redshift_connector"},
    }


# A day; more than ten minutes of attempts; the maximum in milliseconds (Amazon Redshift's documentation,
# "statement_timeout").
_RANGES = {"connect_timeout": (1, 86_400), "connect_retries": (0, 100), "statement_timeout": (0, 2_147_483)}


@dataclasses.dataclass(frozen=True)
class Login:
    """The checked options of action group ``redshift``; see the documentation fragment for each."""

    database: str
    host: str | None
    port: int
    user: str | None
    password: str | None = dataclasses.field(repr=False)
    auth_method: str
    cluster_identifier: str | None
    workgroup: str | None
    region: str | None
    profile: str | None
    db_user: str | None
    idp_host: str | None
    app_id: str | None
    app_name: str | None
    preferred_role: str | None
    ssl_mode: str
    ca_path: str | None
    connect_timeout: int
    connect_retries: int
    statement_timeout: int
    driver: str

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> Login:
        """Read the options. Raise InputError if the authentication method, or a file, is incomplete."""
        options = {field.name: field.name for field in dataclasses.fields(cls)}
        options.update({name: f"login_{name}" for name in ("host", "port", "user", "password")}, database="login_db")
        login = cls(**{name: params[option] for name, option in options.items()})
        login._check()
        return login

    @property
    def where(self) -> str:
        """Return the server, for messages."""
        if self.host:
            return f"{self.host}:{self.port}"
        return f"workgroup {self.workgroup}" if self.workgroup else f"cluster {self.cluster_identifier}"

    @property
    def who(self) -> str:
        """Return the account, for messages."""
        return str(self.db_user or self.user or "the IAM identity")

    def as_user(self, user: str, password: str) -> Login:
        """Return the login of another account, with its password, on the same server."""
        return dataclasses.replace(
            self, user=user, password=password, auth_method="password", cluster_identifier=None, workgroup=None
        )

    def _check(self) -> None:
        needed = {
            "password": ["login_host", "login_user", "login_password"],
            "iam": [],
            "okta": ["login_user", "login_password", "idp_host", "app_id"],
        }[self.auth_method]
        missing = [name for name in needed if not getattr(self, name.replace("login_", ""))]
        if missing:
            raise InputError(f"auth_method '{self.auth_method}' also needs {', '.join(missing)}.")
        if self.auth_method != "password":
            self._check_federated()
        if not self.database:
            raise InputError("login_db is empty: set the name of a database.")
        if self.host and not re.fullmatch(r"[A-Za-z0-9._:-]+", self.host):
            raise InputError("login_host is not a host name: set it without scheme, port and path.")
        for name, text in {"login_user": self.user, "login_password": self.password, "login_db": self.database}.items():
            if "\0" in (text or ""):
                raise InputError(f"{name} contains a NUL character, which no server accepts.")
        if not 0 < self.port < 65536:
            raise InputError(f"login_port is {self.port}: set a number from 1 to 65535.")
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise InputError(f"{name} is {value}: set a number from {least} to {most}.")
        if self.ca_path and not os.access(self.ca_path, os.R_OK):
            raise InputError(f"The certificates in ca_path cannot be read: {self.ca_path}.")

    def _check_federated(self) -> None:
        if bool(self.cluster_identifier) == bool(self.workgroup):
            raise InputError(f"auth_method '{self.auth_method}' needs either cluster_identifier or workgroup.")
        if self.auth_method == "iam" and self.cluster_identifier and not self.db_user:
            raise InputError("auth_method 'iam' with cluster_identifier also needs db_user.")
        if self.driver != "redshift_connector":
            raise InputError(f"auth_method '{self.auth_method}' works with driver 'redshift_connector' only.")
        if self.ssl_mode == "disable":
            raise InputError(f"auth_method '{self.auth_method}' needs TLS: ssl_mode must not be 'disable'.")
