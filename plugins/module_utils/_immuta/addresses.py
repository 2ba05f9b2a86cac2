# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Comparison of addresses: host names, IP addresses and URLs."""

from __future__ import annotations

import contextlib
import ipaddress
import typing as t
from urllib.parse import urlsplit


def same_address(shown: t.Any, asked: str) -> bool:
    """Return whether ``shown`` and ``asked`` are the same address.

    The case of a host name, a final dot and the spelling of an IP address are ignored. A port is compared if both have
    one, a path and a query if ``asked`` has them, a scheme never.
    """
    if not isinstance(shown, str):
        return False
    host, port, rest = _parts(shown)
    asked_host, asked_port, asked_rest = _parts(asked)
    same_port = port is None or asked_port is None or port == asked_port
    return host == asked_host and same_port and asked_rest in ("", rest)


def _parts(address: str) -> tuple[str, int | None, str]:
    """Return host, port, and the path with the query."""
    address = address.strip()
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(address)), None, ""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return address.lower(), None, ""
    with contextlib.suppress(ValueError):
        host = str(ipaddress.ip_address(host))
    query = f"?{parts.query}" if parts.query else ""
    return host, port, parts.path.rstrip("/") + query
