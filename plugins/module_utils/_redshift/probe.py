# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Finds out why a server cannot be reached: the network, or TLS. Never logs in."""

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

# The name that Debian gives to the file of all certificates in OpenSSL's directory.
_BUNDLE = "ca-certificates.crt"


class NotADatabaseError(OSError):
    """What answers does not speak the protocol of a database."""


def obstacle(login: Login) -> OSError | None:
    """The error of the network or of TLS on the way to the server, or None if none is found."""
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
        # An untrusted certificate is reported by redshift_connector itself, which has certificates of its own.
        if answer and login.driver == "psycopg":
            context = ssl.create_default_context(cafile=certificates(login))
            context.check_hostname = login.ssl_mode == "verify-full"
            context.wrap_socket(connection, server_hostname=host).close()


def has_ipv6_only(host: str | None) -> bool:
    """Whether a host is known, but not with an IPv4 address."""
    try:
        return {found[0] for found in socket.getaddrinfo(host, None)} == {socket.AF_INET6}
    except (OSError, UnicodeError):
        return False


def certificates(login: Login) -> str:
    """Path of the certificates that psycopg is to trust: ``ca_path``, the operating system's, or those of certifi.

    Raises InputError if there are none.
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
