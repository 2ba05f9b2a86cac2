# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of requests to the Immuta stand-in, and the replies of refusals.

The payloads are those of Immuta's documentation, "Configure a Redshift Integration". The texts of the errors are the
stand-in's own.
"""

from __future__ import annotations

import json
import types
import typing as t

ERRORS = {400: "Bad request", 401: "Unauthorized", 404: "Not found", 409: "Conflict", 422: "Unprocessable entity"}


class RefusedError(Exception):
    """A request that gets Immuta's error envelope, with validation results if there are any."""

    def __init__(self, status: int, message: str, validation: dict[str, t.Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"statusCode": status, "error": ERRORS[status], "message": message}
        if validation:
            self.body["validationResults"] = validation


def parse(body: bytes) -> t.Any:
    """Return a parsed body, None for an empty one."""
    try:
        return json.loads(body or b"null")
    except ValueError as error:
        raise RefusedError(400, "Invalid request payload.") from error


Types = t.Mapping[str, t.Mapping[str, bool]]
"""Undocumented authentication types: the members of ``config`` that each needs, and whether GET redacts them."""


def checked(body: t.Any, manual: bool = False, types: Types = types.MappingProxyType({})) -> dict[str, t.Any]:
    """Return a payload with the defaults of GET. Raise RefusedError unless it is as documented.

    Undocumented members of ``config`` are accepted. ``manual``: it must not be an automatic one. ``types`` are accepted
    in addition to the documented ones.
    """
    require(
        isinstance(body, dict) and set(body) == {"type", "autoBootstrap", "config"},
        "payload",
        "an object of type, autoBootstrap and config",
    )
    require(body["type"] == "Redshift", "type", "[Redshift]")
    require(isinstance(body["autoBootstrap"], bool), "autoBootstrap", "a boolean")
    require(not (manual and body["autoBootstrap"]), "autoBootstrap", "[false]")
    require(isinstance(body["config"], dict), "config", "an object")
    config = {"port": 5439, "impersonation": {"enabled": False}, **body["config"]}
    require_texts(config, "config.", "host", "database", "initialDatabase")
    require("/" not in config["host"], "config.host", "a valid hostname")
    port = config["port"]
    is_number = isinstance(port, int) and not isinstance(port, bool)
    require(is_number and 0 <= port <= 65535, "config.port", "a port number")
    impersonation = config["impersonation"]
    require(
        isinstance(impersonation, dict)
        and isinstance(impersonation.get("enabled", False), bool)
        and isinstance(impersonation.get("role", ""), str),
        "config.impersonation",
        "an object with the boolean enabled and the string role",
    )
    check_credentials(config, "config.", types)
    return {**body, "config": {**config, "impersonation": {"enabled": False, **impersonation}}}


def check_credentials(owner: t.Any, where: str = "", types: Types = types.MappingProxyType({})) -> None:
    """Raise RefusedError unless there are an authentication type and its credentials."""
    require(isinstance(owner, dict), "payload", "an object")
    kind = owner.get("authenticationType")
    kinds = ["userPassword", "okta", *types]
    require(kind in kinds, f"{where}authenticationType", f"one of [{', '.join(kinds)}]")
    if kind in types:
        require_texts(owner, where, *types[kind])
    elif kind == "userPassword":
        require_texts(owner, where, "username", "password")
    else:
        require(isinstance(owner.get("okta"), dict), f"{where}okta", "an object")
        require_texts(owner["okta"], f"{where}okta.", "username", "password", "appId", "idpHost", "role")


def require_texts(owner: dict[str, t.Any], where: str, *names: str) -> None:
    for name in names:
        require(isinstance(owner.get(name), str) and owner[name] != "", where + name, "a non-empty string")


def require(holds: bool, member: str, what: str) -> None:
    if not holds:
        raise RefusedError(400, f'Invalid request payload: "{member}" must be {what}.')


def without_credentials(config: dict[str, t.Any]) -> dict[str, t.Any]:
    return {
        key: value for key, value in config.items() if key not in ("authenticationType", "username", "password", "okta")
    }
