# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""A time limit for a whole reply, headers included.

The timeouts of requests and urllib3 are for each read from the socket. A server that sends a byte now and then never
exceeds them.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
import typing as t

try:
    from requests.adapters import HTTPAdapter
except ImportError:
    HTTPAdapter = object  # type: ignore[assignment, misc]


_BUFFER = 65536  # bytes


class DeadlineAdapter(HTTPAdapter):
    """An adapter that requires the end of a reply before ``deadline`` (as `time.monotonic`)."""

    deadline = 0.0

    def init_poolmanager(self, *args: t.Any, **kwargs: t.Any) -> None:
        """Create the connection pools of a server."""
        super().init_poolmanager(*args, **kwargs)
        self._bound(self.poolmanager)

    def proxy_manager_for(self, *args: t.Any, **kwargs: t.Any) -> t.Any:
        """Return the connection pools of a proxy."""
        return self._bound(super().proxy_manager_for(*args, **kwargs))

    def _bound(self, manager: t.Any) -> t.Any:
        """Make a manager create connections with a time limit."""
        adapter = self

        def response(sock: socket.socket, *args: t.Any, **kwargs: t.Any) -> http.client.HTTPResponse:
            return http.client.HTTPResponse(t.cast(socket.socket, _Reader(sock, adapter)), *args, **kwargs)

        def bounded(pool: t.Any) -> t.Any:
            connection = type("Connection", (pool.ConnectionCls,), {"response_class": staticmethod(response)})
            return type("Pool", (pool,), {"ConnectionCls": connection})

        if not hasattr(manager, "unbounded_pools"):
            manager.unbounded_pools = manager.pool_classes_by_scheme
            manager.pool_classes_by_scheme = {scheme: bounded(pool) for scheme, pool in manager.unbounded_pools.items()}
        return manager


class _Reader:
    """The part of a socket that `http.client.HTTPResponse` needs: a file to read."""

    def __init__(self, sock: socket.socket, adapter: DeadlineAdapter) -> None:
        self._sock = sock
        self._adapter = adapter

    def makefile(self, *_args: t.Any, **_kwargs: t.Any) -> io.BufferedReader:
        """Return a file of the socket's bytes."""
        return io.BufferedReader(_Stream(self._sock, self._adapter), _BUFFER)


class _Stream(io.RawIOBase):
    def __init__(self, sock: socket.socket, adapter: DeadlineAdapter) -> None:
        self._sock = sock
        self._adapter = adapter
        self._raw = t.cast(io.RawIOBase, sock.makefile("rb", buffering=0))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: t.Any) -> int | None:
        left = self._adapter.deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
