# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The desired Redshift integration: the keys of ``config``, their API names, and their checks."""

from __future__ import annotations

import functools
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import is_redacted
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import Config

Spec = dict[str, dict[str, t.Any]]

# All keys of config. The API name is the camelCase form of the option and its alias.
_KEYS: Spec = {
    "host": {"type": "str"},
    "port": {"type": "int"},
    "database": {"type": "str"},
    "initial_database": {"type": "str"},
    "authentication_type": {"type": "str"},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "okta": {
        "type": "dict",
        "options": {
            "username": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "app_id": {"type": "str"},
            "idp_host": {"type": "str"},
            "role": {"type": "str"},
        },
    },
    "impersonation": {"type": "dict", "options": {"enabled": {"type": "bool"}, "role": {"type": "str"}}},
}
_REQUIRED = ("host", "database", "initialDatabase", "authenticationType")
# The documented authentication types and their credentials
# ("Configure a Redshift Integration"). Those of other types are in config.extra.
CREDENTIALS = {"userPassword": ("username", "password"), "okta": ("okta",)}


@dataclass(frozen=True)
class Desired:
    """The desired integration. ``config`` has only the settings of the user, under their API names."""

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
        """Return the integration as a phrase for messages."""
        return f"the Redshift integration on {self.host}" if self.host else f"integration {self.id}"

    @property
    def subject(self) -> str:
        """Return the same phrase for the start of a sentence."""
        return self.target[0].upper() + self.target[1:]


def config_spec() -> Spec:
    """Return the argument spec of ``config``."""
    return {**_with_aliases(_KEYS), "extra": {"type": "dict"}}


def update_secrets_spec() -> dict[str, t.Any]:
    """Return the argument spec of ``update_secrets``."""
    return {"type": "str", "choices": ["on_create", "always"], "default": "on_create", "no_log": False}


def desired_from(params: t.Mapping[str, t.Any]) -> Desired:
    """Read the options of ``immuta_redshift_integration``. Raise InputError as `api_config` does."""
    config, extra = api_config(params["config"] or {})
    return Desired(
        state=params["state"],
        id=params["id"],
        auto_bootstrap=params["auto_bootstrap"],
        config=config,
        extra=extra,
        update_secrets=params["update_secrets"] == "always",
    )


def check_as_given(args: t.Mapping[str, t.Any]) -> None:
    """Raise InputError for a ``config`` that Ansible would alter: a duplicate key, or a value that is no text.

    ``args`` are the arguments of a task before Ansible validates and converts them.
    """
    config = args.get("config")
    if isinstance(config, dict):
        _check_keys(_KEYS, config, "config.")


def _check_keys(keys: Spec, given: t.Mapping[str, t.Any], prefix: str) -> None:
    for option, described in keys.items():
        spellings = [name for name in dict.fromkeys((option, api_name(option))) if given.get(name) is not None]
        values = [given[name] for name in spellings]
        if len(values) > 1 and values[0] != values[1]:
            raise InputError(f"{prefix}{spellings[0]} and {prefix}{spellings[1]} differ: set one of them.")
        for name, value in zip(spellings, values):
            if described["type"] == "str" and isinstance(value, (dict, list)):
                kind = "a dictionary" if isinstance(value, dict) else "a list"
                raise InputError(f"{prefix}{name} is {kind}: set it to text.")
            if isinstance(value, dict):
                _check_keys(described["options"], value, f"{prefix}{name}.")


def api_config(options: t.Mapping[str, t.Any]) -> tuple[Config, Config]:
    """Return ``config`` under the API's names, without unset options, and its ``extra`` part.

    Raise InputError for a member of ``extra`` that is a known option.
    """
    config = _under_api_names(_KEYS, options)
    extra = dict(options.get("extra") or {})
    for name in extra:
        if name in _KEYS or name in map(api_name, _KEYS):
            raise InputError(f"config.extra contains {name}, which is a setting of config itself: set it there.")
    return config, extra


def check_config(desired: Desired, *, complete: bool) -> None:
    """Raise InputError, before any request, for a config that no integration can have.

    ``complete`` requires every setting of a payload, except credentials. The write that sends them requires them.
    """
    config = desired.config
    if desired.host is None and desired.id is None:
        raise InputError("Neither config.host nor id is set: identify the integration by one of them.")
    if desired.state == "present" and desired.auto_bootstrap is None:
        raise InputError("The option auto_bootstrap is empty: set whether Immuta sets up the cluster itself.")
    settings = dict(flat(config))
    for name, value in settings.items():
        if value == "":
            raise InputError(f"{option_name(name)} is empty: set a value or leave it out.")
    named = [(option_name(name), value) for name, value in settings.items()]
    for option, value in [*named, *flat(desired.extra, "config.extra.")]:
        if is_redacted(value):
            raise InputError(f"{option} is the placeholder that Immuta shows for a secret: set the real value.")
    for name in ("host", "okta.idpHost"):
        if name in settings and not re.fullmatch(r"[A-Za-z0-9._-]+", settings[name]):
            raise InputError(
                f"{option_name(name)} is not a host name: set it without scheme, port and path, as in "
                "cluster.example.com."
            )
    if not 0 < config.get("port", 5439) < 65536:
        raise InputError(f"config.port is {config['port']}: set a number from 1 to 65535.")
    _check_authentication(config)
    missing = [option_name(name) for name in _REQUIRED if name not in config]
    if complete and missing:
        raise InputError(f"The config of a Redshift integration also needs {listed(missing)}.")


def _check_authentication(config: Config) -> None:
    """Raise InputError for credentials of another documented authentication type."""
    kind = config.get("authenticationType")
    if kind == "userPassword" and "okta" in config:
        raise InputError("config.okta is set with authentication_type userPassword: leave out one of them.")
    if kind == "okta" and ("username" in config or "password" in config):
        raise InputError(
            "config.username or config.password is set with authentication_type okta: set them inside config.okta."
        )


def missing_credentials(config: Config) -> list[str]:
    """Return the missing options of a documented authentication type."""
    kind = config.get("authenticationType")
    if kind == "okta":
        given = config.get("okta", {})
        options = _KEYS["okta"]["options"]
        return [f"config.okta.{option}" for option in options if api_name(option) not in given]
    return [f"config.{name}" for name in CREDENTIALS.get(kind or "", ()) if name not in config]


def option_name(name: str) -> str:
    """Return the option of a setting; its API name has dots between levels."""
    return "config." + ".".join(snake_name(part) for part in name.split("."))


def listed(options: list[str]) -> str:
    """Return the names as a phrase."""
    *most, last = options
    return f"{', '.join(most)} and {last}" if most else last


def snake_case(document: t.Any) -> t.Any:
    """Return a copy with every key in snake_case."""
    if isinstance(document, dict):
        return {snake_name(name): snake_case(value) for name, value in document.items()}
    if isinstance(document, list):
        return [snake_case(item) for item in document]
    return document


def as_option(config: Config) -> dict[str, t.Any]:
    """Return a config of the API in the shape of the option ``config``.

    Known settings have keys in snake_case. All others are under ``extra``, with the API's spelling.
    """
    known = set(map(api_name, _KEYS))
    settings: dict[str, t.Any] = snake_case({name: value for name, value in config.items() if name in known})
    extra = {name: value for name, value in config.items() if name not in known}
    return {**settings, "extra": extra} if extra else settings


@functools.lru_cache(maxsize=1000, typed=True)  # ten thousand records share their keys
def snake_name(name: t.Any) -> t.Any:
    """Return a key in snake_case; a key that is no text stays unchanged."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower() if isinstance(name, str) else name


def api_name(option: str) -> str:
    """Return the name of an option in camelCase."""
    first, *rest = option.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _with_aliases(keys: Spec) -> Spec:
    spec: Spec = {}
    for option, described in keys.items():
        spec[option] = dict(described)
        if api_name(option) != option:
            spec[option]["aliases"] = [api_name(option)]
        if "options" in described:
            spec[option]["options"] = _with_aliases(described["options"])
    return spec


def _under_api_names(keys: Spec, options: t.Mapping[str, t.Any]) -> Config:
    config: Config = {}
    for option, described in keys.items():
        value = options.get(option)
        if isinstance(value, dict):
            value = _under_api_names(described["options"], value)
        if value not in (None, {}):
            config[api_name(option)] = value
    return config


def flat(value: t.Any, prefix: str = "") -> t.Iterator[tuple[str, t.Any]]:
    """Yield every setting below ``value`` with its dotted name. Items of a list have the name of the list."""
    items = value.items() if isinstance(value, dict) else [("", item) for item in value]
    for name, item in items:
        path = f"{prefix}{name}"
        if isinstance(item, (dict, list)):
            yield from flat(item, f"{path}." if isinstance(item, dict) else path)
        else:
            yield path.rstrip("."), item
