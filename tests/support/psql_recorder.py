# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorder of psql's statements: a server with a minimum of PostgreSQL's protocol."""

from __future__ import annotations

import pathlib
import shutil
import socket
import struct
import subprocess
import threading
import typing as t

from tests.support.standin.postgres import find_binaries
from tests.support.standin.relay import GSS_REQUEST, SSL_REQUEST, pack


def find_psql() -> str | None:
    """Return the psql on the path, or the one next to the server's binaries, or None."""
    try:
        beside = find_binaries() / "psql"
    except FileNotFoundError:
        return shutil.which("psql")
    return shutil.which("psql") or (str(beside) if beside.exists() else None)


def queries(psql: str, scripts: t.Sequence[str], directory: pathlib.Path, backslash_escapes: bool) -> list[list[str]]:
    """Return the text of each query that psql sends for each script, in order; one psql runs all scripts."""
    arguments = []
    for number, script in enumerate(scripts):
        path = directory / f"{number}.sql"
        path.write_bytes(script.encode())
        arguments += ["-f", path.name, "-c", f"end of script {number}"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        recorded: list[str] = []
        server = threading.Thread(target=_record, args=(listener, recorded, backslash_escapes))
        server.start()
        command = [psql, "-X", "-q", "-h", "127.0.0.1", "-p", str(listener.getsockname()[1]), "-U", "x", "-d", "x"]
        run = subprocess.run(
            command + arguments, cwd=directory, capture_output=True, text=True, timeout=60, check=False
        )
        server.join(timeout=10)
    assert run.returncode == 0, run.stderr
    found: list[list[str]] = [[]]
    for query in recorded:
        if query == f"end of script {len(found) - 1}":
            found.append([])
        else:
            found[-1].append(query)
    return found[:-1]


def _record(listener: socket.socket, recorded: list[str], backslash_escapes: bool) -> None:
    connection = listener.accept()[0]
    with connection, connection.makefile("rb") as stream:
        while True:
            (length, code) = struct.unpack("!ii", stream.read(8))
            stream.read(length - 8)
            if code not in (SSL_REQUEST, GSS_REQUEST):
                break
            connection.sendall(b"N")
        settings = {
            "server_version": "15.0",
            "client_encoding": "UTF8",
            "standard_conforming_strings": "off" if backslash_escapes else "on",
        }
        ready = pack(b"Z", b"I")
        status = [pack(b"S", f"{name}\0{value}\0".encode()) for name, value in settings.items()]
        connection.sendall(pack(b"R", struct.pack("!i", 0)) + b"".join(status) + ready)
        while True:
            kind, length = struct.unpack("!ci", stream.read(5))
            body = stream.read(length - 4)
            if kind != b"Q":
                return
            recorded.append(body[:-1].decode())
            connection.sendall(pack(b"C", b"SET\0") + ready)
