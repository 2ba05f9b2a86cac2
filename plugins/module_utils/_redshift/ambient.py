# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Isolation of drivers from environment variables that would override the options."""

from __future__ import annotations

import contextlib
import os
import typing as t

# PostgreSQL's documentation, "libpq - C Library", "Environment Variables" and "Database Connection Control Functions":
# all variables have this prefix, and a path that cannot exist keeps libpq from using the file in the home directory.
_LIBPQ_PREFIX = "PG"

_NO_FILE = os.path.join(os.devnull, "none")

LIBPQ_FILES = {"passfile": _NO_FILE, "sslcert": _NO_FILE, "sslkey": _NO_FILE, "sslcrl": _NO_FILE}


@contextlib.contextmanager
def environment(changes: t.Mapping[str, str | None]) -> t.Iterator[None]:
    """Change environment variables while the context lasts; None unsets one."""
    before = {name: os.environ.get(name) for name in changes}
    _set(changes)
    try:
        yield
    finally:
        _set(before)


def without_libpq() -> dict[str, str | None]:
    """Return the changes that keep libpq from reading the environment."""
    return {name: None for name in os.environ if name.startswith(_LIBPQ_PREFIX)}


def trusting(ca_path: str | None) -> dict[str, str | None]:
    """Return the changes that make OpenSSL trust only the certificates in a file."""
    return {"SSL_CERT_FILE": ca_path, "SSL_CERT_DIR": _NO_FILE} if ca_path else {}


def without_netrc() -> dict[str, str | None]:
    """Return the changes that keep requests, which logs in to Okta, from reading ``.netrc``."""
    return {"NETRC": os.devnull}


def _set(values: t.Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
