# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The address and the token of a controller's API."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from urllib.parse import urlsplit

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    InputError,
)

# The variables of awx.awx and ansible.controller, in their order.
HOST_VARIABLES = ("CONTROLLER_HOST", "AAP_HOSTNAME", "TOWER_HOST")
TOKEN_VARIABLES = ("CONTROLLER_OAUTH_TOKEN", "AAP_TOKEN", "TOWER_OAUTH_TOKEN")
VERIFY_VARIABLES = ("CONTROLLER_VERIFY_SSL", "AAP_VALIDATE_CERTS", "TOWER_VERIFY_SSL")
PREFIX_VARIABLE = "CONTROLLER_OPTIONAL_API_URLPATTERN_PREFIX"

LOOPBACK = re.compile(r"localhost|127\.\d+\.\d+\.\d+|::1")


@dataclasses.dataclass(frozen=True)
class Connection:
    """A controller. ``root`` is its URL and ``path`` that of its API, without a trailing slash."""

    root: str
    path: str
    token: str
    verify: bool = True

    @property
    def caution(self) -> str | None:
        """Return a warning if others on the network can read the token."""
        parts = urlsplit(self.root)
        if parts.scheme == "https" or LOOPBACK.fullmatch(parts.hostname or ""):
            return None
        return f"The token goes to {self.root} unencrypted. Use https."


def connection(host: str | None, token: str | None, prefix: str | None, verify: bool) -> Connection:
    """Return the connection for these texts. Raise InputError, which never quotes the token.

    ``host`` may lack the scheme (https); ``prefix`` may lack slashes and the version.
    """
    host, token = (host or "").strip().rstrip("/"), (token or "").strip()
    if not host or not token:
        raise InputError("Set CONTROLLER_HOST and CONTROLLER_OAUTH_TOKEN in the environment.")
    if not re.fullmatch(r"[!-~]+", token):
        raise InputError(
            "CONTROLLER_OAUTH_TOKEN contains a character that no token has, such as a space or a line break. Copy the "
            "token from the controller again."
        )
    root = host if "://" in host else f"https://{host}"
    if not is_web_address(root):
        raise InputError(
            "CONTROLLER_HOST is not the address of a controller, such as https://controller.example.com, without a "
            "user, a password or a query."
        )
    return Connection(root, api_path(prefix), token, verify)


def is_web_address(url: str) -> bool:
    """Return whether ``url`` has http or https, and only host, port and path."""
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        return False
    allowed = parts.scheme in ("http", "https") and bool(parts.hostname) and re.fullmatch(r"[!-~]+", url)
    return bool(allowed) and not (parts.username or parts.password or parts.query or parts.fragment)


def api_path(prefix: str | None) -> str:
    """Return the path of the API, by default ``/api/v2``, with or without slashes and version."""
    segments = [segment for segment in (prefix or "").strip().split("/") if segment] or ["api"]
    if not re.fullmatch(r"v\d+", segments[-1]):
        segments.append("v2")
    return "/" + "/".join(segments)


def first_of(names: t.Iterable[str], environment: t.Mapping[str, str]) -> str | None:
    """Return the first non-empty variable."""
    return next((environment[name] for name in names if environment.get(name, "").strip()), None)
