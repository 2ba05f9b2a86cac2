# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The address and the authentication of a tenant: the options of action group ``immuta``."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ansible.module_utils.basic import env_fallback

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    InputError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import Spec

try:
    import requests
except ImportError:
    requests = None  # type: ignore[assignment]


_RANGES = {"timeout": (1, 86_400), "retries": (0, 100)}  # at most a day, and an hour of retries


def immuta_spec(*, required: bool = True) -> Spec:
    """Return the argument spec of action group ``immuta``."""
    return {
        "url": {"type": "str", "required": required, "fallback": (env_fallback, ["IMMUTA_URL"])},
        "api_key": {
            "type": "str",
            "required": required,
            "no_log": True,
            "fallback": (env_fallback, ["IMMUTA_API_KEY"]),
        },
        "auth_scheme": {
            "type": "str",
            "choices": ["api_key", "bearer"],
            "default": "api_key",
            "fallback": (env_fallback, ["IMMUTA_AUTH_SCHEME"]),
        },
        "validate_certs": {"type": "bool", "default": True, "fallback": (env_fallback, ["IMMUTA_VALIDATE_CERTS"])},
        "ca_path": {"type": "path", "fallback": (env_fallback, ["IMMUTA_CA_PATH"])},
        "use_proxy": {"type": "bool", "default": True},
        "timeout": {"type": "int", "default": 60},
        "retries": {"type": "int", "default": 3},
    }


@dataclass(frozen=True)
class Tenant:
    """The address and the authentication of a tenant.

    ``timeout`` is for a whole request, to the end of its reply, in seconds.
    """

    url: str
    api_key: str = field(repr=False)
    auth_scheme: str
    verify: bool | str
    proxies: t.Mapping[str, str] = field(repr=False)
    timeout: float
    retries: int


def tenant_from(params: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> tuple[Tenant, list[str]]:
    """Read the options of action group ``immuta``; proxies come from ``environ``.

    Return the tenant and warnings. Raise InputError for an invalid address or key, or one that would send the key in
    clear text across a network.
    """
    url = _root(params["url"])
    cautions = []
    proxies = _proxies(url, environ) if params["use_proxy"] else {}
    if urlsplit(url).scheme == "http" and not all(_is_loopback(address) for address in (url, *proxies.values())):
        if params["validate_certs"]:
            to_proxy = " to a proxy" if _is_loopback(url) else ""
            way_out = "use_proxy to false" if to_proxy else "validate_certs to false to accept that"
            raise InputError(
                f"The address {url} is plain http, which would send the API key in clear text{to_proxy}: use https, or "
                f"set {way_out}."
            )
        cautions.append(f"The API key is sent in clear text, because {url} is plain http.")
    key = params["api_key"]
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise InputError(
            "The option api_key is empty or contains a line break, a space or a character that an HTTP header cannot "
            "carry: set the key alone."
        )
    for name, (least, most) in _RANGES.items():
        if not least <= params[name] <= most:
            raise InputError(f"The option {name} is {params[name]}: set a number from {least} to {most}.")
    tenant = Tenant(
        url=url,
        api_key=key,
        auth_scheme=params["auth_scheme"],
        verify=(params["ca_path"] or True) if params["validate_certs"] else False,
        proxies=proxies,
        timeout=params["timeout"],
        retries=params["retries"],
    )
    return tenant, cautions


def _root(url: str) -> str:
    address = url.strip()
    if "://" not in address:
        address = "https://" + address
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or any(character.isspace() for character in address):
        raise InputError("The option url is not the address of a tenant: set it as in https://tenant.example.com.")
    if parts.username is not None or parts.password is not None:
        raise InputError("The option url contains a user name: set the tenant's address alone, and the key as api_key.")
    return address.rstrip("/")


def _is_loopback(address: str) -> bool:
    """Return whether ``address`` is on this machine."""
    try:
        host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _proxies(url: str, environ: t.Mapping[str, str]) -> dict[str, str]:
    """Return the proxies that the environment sets for ``url``, in the format of ``requests``.

    A lower-case variable overrides an upper-case one, even if it is empty, as in Python's ``urllib``.
    """

    def lookup(name: str) -> str:
        return environ.get(name, environ.get(name.upper(), ""))

    if requests is None or requests.utils.should_bypass_proxies(url, no_proxy=lookup("no_proxy")):
        return {}
    scheme = urlsplit(url).scheme
    proxy = lookup(f"{scheme}_proxy") or lookup("all_proxy")
    return {scheme: proxy} if proxy else {}
