# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""What stands between this machine and a server: the network, or TLS."""

from __future__ import annotations

import socket
import ssl
import struct

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    InputError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.login import (
    Login,
)


def obstacle(login: Login) -> OSError | None:
    """What stands between here and the server: the error of the network or of TLS, or None."""
    ssl_request = struct.pack("!ii", 8, 80877103)
    try:
        with socket.create_connection((login.host, login.port), login.connect_timeout) as connection:
            if login.ssl_mode == "disable":
                return None
            connection.sendall(ssl_request)
            if connection.recv(1) != b"S":
                return ssl.SSLError("no TLS offered")
            context = ssl.create_default_context(cafile=certificates(login))
            context.check_hostname = login.ssl_mode == "verify-full"
            context.wrap_socket(connection, server_hostname=login.host).close()
    except OSError as error:
        return error
    return None


def certificates(login: Login) -> str:
    path = login.ca_path or ssl.get_default_verify_paths().cafile
    if not path:
        raise InputError("This machine has no file of trusted certificates: name one in ca_path.")
    return path
