# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""What the user set for a Redshift integration: the keys of `config`, their API names, and their checks."""

from __future__ import annotations

import functools
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    InputError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    is_redacted,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import (
    Spec,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import (
    Config,
)


def config_spec() -> Spec:
    """The API's ``config`` object in snake_case, each key with its API name as an alias."""
    return {
        "host": {"type": "str"},
        "port": {"type": "int"},
        "database": {"type": "str"},
        "initial_database": {"type": "str", "aliases": ["initialDatabase"]},
        "authentication_type": {
            "type": "str",
            "choices": ["userPassword", "okta"],
            "aliases": ["authenticationType"],
        },
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "okta": {
            "type": "dict",
            "options": {
                "username": {"type": "str"},
                "password": {"type": "str", "no_log": True},
                "app_id": {"type": "str", "aliases": ["appId"]},
                "idp_host": {"type": "str", "aliases": ["idpHost"]},
                "role": {"type": "str"},
            },
        },
        "impersonation": {
            "type": "dict",
            "options": {"enabled": {"type": "bool"}, "role": {"type": "str"}},
        },
        "extra": {"type": "dict"},
    }


_API_NAMES = {
    "host": "host",
    "port": "port",
    "database": "database",
    "initial_database": "initialDatabase",
    "authentication_type": "authenticationType",
    "username": "username",
    "password": "password",
    "okta": "okta",
    "impersonation": "impersonation",
}

API_SUBNAMES = {
    "okta": {
        "username": "username",
        "password": "password",
        "app_id": "appId",
        "idp_host": "idpHost",
        "role": "role",
    },
    "impersonation": {"enabled": "enabled", "role": "role"},
}

CREDENTIALS = {"userPassword": ("username", "password"), "okta": ("okta",)}

_REQUIRED = ("host", "database", "initialDatabase", "authenticationType")


@dataclass(frozen=True)
class Wanted:
    """What the user asked for. ``config`` holds just what was set, under the API's names."""

    state: str
    id: str | None
    auto_bootstrap: bool | None
    config: Config = field(repr=False)
    extra: Config = field(repr=False)
    update_secrets: bool

    @property
    def host(self) -> str | None:
        return self.config.get("host")

    @property
    def target(self) -> str:
        """The integration in the words of a message."""
        return f"the Redshift integration on {self.host}" if self.host else f"integration {self.id}"

    @property
    def subject(self) -> str:
        """The same at the beginning of a sentence."""
        return self.target[0].upper() + self.target[1:]


def wanted_from(params: t.Mapping[str, t.Any]) -> Wanted:
    """What the options ask for."""
    config, extra = api_config(params["config"] or {})
    return Wanted(
        state=params["state"],
        id=params["id"],
        auto_bootstrap=params["auto_bootstrap"],
        config=config,
        extra=extra,
        update_secrets=params["update_secrets"] == "always",
    )


def api_config(options: t.Mapping[str, t.Any]) -> tuple[Config, Config]:
    """The option ``config`` under the API's names, without what was not set; and its ``extra`` part.

    Raises InputError for an ``extra`` member that is an option of its own.
    """
    config: Config = {}
    for option, name in _API_NAMES.items():
        value = options.get(option)
        if isinstance(value, dict):
            subnames = API_SUBNAMES[option]
            value = {subnames[key]: value[key] for key in subnames if value.get(key) is not None}
        if value not in (None, {}):
            config[name] = value
    extra = dict(options.get("extra") or {})
    for name in extra:
        if name in config or name in _API_NAMES or name in _API_NAMES.values():
            raise InputError(f"config.extra holds {name}, which is a setting of config itself: give it there.")
    return config, extra


def check_config(wanted: Wanted, *, complete: bool) -> None:
    """Refuse, before any request, what no integration can have; ``complete`` asks for all that a payload needs.

    Raises InputError.
    """
    config = wanted.config
    if wanted.host is None and wanted.id is None:
        raise InputError("Neither config.host nor id is given: name the integration by one of them.")
    if wanted.state == "present" and wanted.auto_bootstrap is None:
        raise InputError("The option auto_bootstrap is empty: say whether Immuta prepares the cluster itself.")
    settings = dict(flat(config))
    for name, value in settings.items():
        if value == "":
            raise InputError(f"{option_name(name)} is empty: give a value or leave it out.")
    named = [(option_name(name), value) for name, value in settings.items()]
    for option, value in [*named, *flat(wanted.extra, "config.extra.")]:
        if is_redacted(value):
            raise InputError(f"{option} is what Immuta shows in place of the real value: give the real one.")
    for name in ("host", "okta.idpHost"):
        if name in settings and not re.fullmatch(r"[A-Za-z0-9._-]+", settings[name]):
            raise InputError(
                f"{option_name(name)} is not a host name: give it without scheme, port and path, as in "
                "cluster.example.com."
            )
    if not 0 < config.get("port", 5439) < 65536:
        raise InputError(f"config.port is {config['port']}: give a number from 1 to 65535.")
    _check_credentials(config)
    missing = [option_name(name) for name in _REQUIRED if name not in config] or missing_credentials(config)
    if complete and missing:
        raise InputError(f"The config of a Redshift integration also needs {listed(missing)}.")


def _check_credentials(config: Config) -> None:
    """Refuse the credentials of another authentication type."""
    kind = config.get("authenticationType")
    if kind == "userPassword" and "okta" in config:
        raise InputError("config.okta is given with authentication_type userPassword: leave out one of them.")
    if kind == "okta" and ("username" in config or "password" in config):
        raise InputError(
            "config.username or config.password is given with authentication_type okta: give them inside config.okta."
        )


def missing_credentials(config: Config) -> list[str]:
    """The options, among those that the authentication type in ``config`` needs, that it lacks."""
    kind = config.get("authenticationType")
    if kind == "okta":
        given = config.get("okta", {})
        return [f"config.okta.{option}" for option, name in API_SUBNAMES["okta"].items() if name not in given]
    needed = ("username", "password") if kind == "userPassword" else ()
    return [f"config.{name}" for name in needed if name not in config]


def snake_case(document: t.Any) -> t.Any:
    """A copy with every key in snake_case."""
    if isinstance(document, dict):
        return {snake_name(name): snake_case(value) for name, value in document.items()}
    if isinstance(document, list):
        return [snake_case(item) for item in document]
    return document


@functools.lru_cache(maxsize=1000, typed=True)  # so that ten thousand records share their keys
def snake_name(name: t.Any) -> t.Any:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower() if isinstance(name, str) else name


def flat(config: Config, prefix: str = "") -> t.Iterator[tuple[str, t.Any]]:
    for name, value in config.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def option_name(name: str) -> str:
    return "config." + ".".join(snake_name(part) for part in name.split("."))


def listed(options: list[str]) -> str:
    *most, last = options
    return f"{', '.join(most)} and {last}" if most else last
