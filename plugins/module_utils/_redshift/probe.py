# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Diagnosis of an unreachable server: the network or TLS. It never logs in."""

from __future__ import annotations

import importlib
import os
import socket
import ssl
import struct

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    Caught,
    InputError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.login import (
    Login,
)

# PostgreSQL's documentation, "Message Formats", SSLRequest.
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)

# Debian's name for the file of all certificates in OpenSSL's directory.
_BUNDLE = "ca-certificates.crt"


class NotADatabaseError(OSError):
    """An error for a server that does not speak the database protocol."""


def obstacle(login: Login) -> OSError | None:
    """Return the error of the network or of TLS on the way to the server, or None."""
    if not login.host:
        return None
    with Caught() as caught:
        _reach(login, login.host)
    return caught.error if isinstance(caught.error, OSError) else None


def _reach(login: Login, host: str) -> None:
    with socket.create_connection((host, login.port), login.connect_timeout) as connection:
        if login.ssl_mode == "disable":
            return
        connection.sendall(_SSL_REQUEST)
        answer = connection.recv(1)
        if answer == b"N":
            raise ssl.SSLError("no TLS offered")
        if answer not in (b"S", b""):
            raise NotADatabaseError
        # redshift_connector has its own certificates and reports an untrusted one itself.
        if answer and login.driver == "psycopg":
            context = ssl.create_default_context(cafile=certificates(login))
            context.check_hostname = login.ssl_mode == "verify-full"
            context.wrap_socket(connection, server_hostname=host).close()


def has_ipv6_only(host: str | None) -> bool:
    """Return whether a host has an address, but no IPv4 address."""
    try:
        return {found[0] for found in socket.getaddrinfo(host, None)} == {socket.AF_INET6}
    except (OSError, UnicodeError):
        return False


def certificates(login: Login) -> str:
    """Return the path of the certificates for psycopg: ``ca_path``, the operating system's, or those of certifi.

    Raise InputError if there are none.
    """
    paths = ssl.get_default_verify_paths()
    bundle = os.path.join(paths.capath or "", _BUNDLE)
    found = login.ca_path or paths.cafile or (bundle if paths.capath and os.path.isfile(bundle) else None)
    if found:
        return found
    try:
        return str(importlib.import_module("certifi").where())
    except ImportError:
        raise InputError("This machine has no file of trusted certificates: set ca_path to one.") from None
