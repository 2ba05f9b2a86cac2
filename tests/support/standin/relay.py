# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP relay in front of PostgreSQL that makes it speak enough Redshift for Redshift's own driver.

What it changes, and nothing else:

- start-up: settings that PostgreSQL does not know (Redshift's driver sends its version and such) are dropped;
- the parameters ``server_version`` and ``client_encoding`` are reported as Redshift does (8.0.2, UNICODE), and how a
  backslash is read is not, see `UNREPORTED`;
- a few pieces of SQL, see `REWRITES`;
- a new Python function is refused, see `Relay`;
- TLS ends here, when a certificate is given.

It proves the plumbing between a client and a server, not that a statement is one that Redshift would take.
"""

from __future__ import annotations

import contextlib
import re
import select
import socket
import ssl
import struct
import threading
import typing as t

from tests.support.standin.postgres import Statement

# Redshift's spelling on the left, the PostgreSQL equivalent on the right.
REWRITES = [
    # A late-binding view: PostgreSQL only has bound views.
    (re.compile(r"\s+WITH\s+NO\s+SCHEMA\s+BINDING\b", re.IGNORECASE), ""),
    # An account without password login.
    (re.compile(r"\bPASSWORD\s+DISABLE\b", re.IGNORECASE), "PASSWORD NULL"),
    # Privileges on languages, as far as Redshift's view shows them for users.
    (
        re.compile(r"\b(?:pg_catalog\.)?svv_language_privileges\b", re.IGNORECASE),
        """(
            SELECT lanname AS language_name, privilege_type, grantee AS identity_id, rolname AS identity_name,
                text 'user' AS identity_type, is_grantable AS admin_option
            FROM pg_language, aclexplode(lanacl), pg_roles WHERE pg_roles.oid = grantee
        ) AS svv_language_privileges""",
    ),
    # The version query. AWS's page "Cluster versions": a build of patch 198.
    (
        re.compile(r"\b(?:pg_catalog\.)?version\(\)", re.IGNORECASE),
        "(SELECT text 'PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, Redshift 1.0.219674' AS version)",
    ),
    # Redshift has no savepoints: in quotes the word is a syntax error (42601) for PostgreSQL too, which also aborts
    # an open transaction as any other error does.
    (re.compile(r"\A(\s*)(SAVEPOINT|RELEASE|ROLLBACK(?=\s+(?:WORK\s+)?TO\b))", re.IGNORECASE), r'\1"\2"'),
]
FAILURE = "DO $$ BEGIN RAISE 'The relay was told to fail.' USING ERRCODE = '{}'; END $$"
BODY = re.compile(r"(\$\w*\$).*?\1", re.DOTALL)
PYTHON_FUNCTION = re.compile(
    r"\bCREATE\s+(?:OR\s+REPLACE\s+)?FUNCTION\b[^;]*\bLANGUAGE\s+[\"']?plpythonu", re.IGNORECASE
)
# The message of Redshift Serverless in June 2026 (issue 1609 of clickstream-analytics-on-aws). The SQLSTATE is not
# public; this is PostgreSQL's for an unsupported feature.
PYTHON_REFUSAL = """\
DO $$ BEGIN
    RAISE 'Create function is not supported for language plpythonu anymore.' USING ERRCODE = '0A000';
END $$"""
STARTUP_SETTINGS = {"user", "database", "options", "application_name", "client_encoding"}
REPORTED = {"server_version": "8.0.2", "client_encoding": "UNICODE"}
# Redshift reads a backslash in a string as an escape and has no setting for it. The server behind does so, too.
UNREPORTED = {"standard_conforming_strings"}

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102


# Called with each statement before the server gets it, in the connection's own thread, so it may wait. It closes the
# connection if it returns "drop_before" (the server does not get the statement) or "drop_after" (the server runs it
# but the client gets no reply). With "fail " and a SQLSTATE the statement fails with that instead.
OnStatement = t.Callable[[Statement], t.Optional[str]]
# Called after the server has run or refused a statement, and before the client gets the reply; closes the connection
# if it returns "drop".
OnResult = t.Callable[[Statement], t.Optional[str]]
# Called with the settings of each login before the server gets it; it may wait. It closes the connection if it
# returns "drop", and refuses the login with "fail " and a SQLSTATE.
OnLogin = t.Callable[[dict[str, str]], t.Optional[str]]


class Relay:
    """Context manager: listens on ``host``:``port`` (0: any free one) and relays to a PostgreSQL on 127.0.0.1.

    ``python_functions``: new Python functions are accepted, as by Redshift before its patch 198. ``tls`` is a pair of
    paths, certificate chain and key in PEM. ``on_login``, ``on_statement`` and ``on_result`` can be set at any time.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        server_port: int,
        *,
        port: int = 0,
        tls: tuple[str, str] | None = None,
    ) -> None:
        self.server_port = server_port
        self.on_statement: OnStatement | None = None
        self.python_functions = False
        self.on_result: OnResult | None = None
        self.on_login: OnLogin | None = None
        self._tls = None
        if tls:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*tls)
        self._listener = socket.create_server((self.host, port), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._connections: set[socket.socket] = set()

    def __enter__(self) -> Relay:
        threading.Thread(target=self._accept, name="relay", daemon=True).start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):  # It has ended.
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], name="relay", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), contextlib.ExitStack() as stack:
            stack.enter_context(client)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client, startup = self._negotiate(client, stack)
            self._connections.add(client)
            stack.callback(self._connections.discard, client)
            action = self.on_login(startup) if self.on_login and isinstance(startup, dict) else None
            if action:
                client.sendall(refusal(action[len("fail ") :]) if action.startswith("fail ") else b"")
                return
            server = stack.enter_context(socket.create_connection((self.host, self.server_port)))
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if isinstance(startup, bytes):
                server.sendall(startup)
            else:
                Session(self, client, server, startup).run()

    def _negotiate(
        self, client: socket.socket, stack: contextlib.ExitStack
    ) -> tuple[socket.socket, dict[str, str] | bytes]:
        """Return the client, with TLS on request, and its settings, or its whole cancel request."""
        while True:
            head = receive(client, 8)
            length, code = struct.unpack("!ii", head)
            if code in (SSL_REQUEST, GSS_REQUEST):
                if code == SSL_REQUEST and self._tls:
                    client.sendall(b"S")
                    client = stack.enter_context(self._tls.wrap_socket(client, server_side=True))
                else:
                    client.sendall(b"N")
                continue
            body = receive(client, length - 8)
            if code == CANCEL_REQUEST:
                return client, head + body
            words = body.decode("utf-8").split("\0")
            return client, dict(zip(words[0::2], words[1::2]))


class Session:
    """A connection that relays messages until either side closes it."""

    def __init__(self, relay: Relay, client: socket.socket, server: socket.socket, startup: dict[str, str]) -> None:
        self.relay = relay
        self.client = client
        self.server = server
        self.startup = startup
        self.prepared: dict[bytes, str] = {}
        self.current: Statement | None = None
        self.drop_at_result = False
        self.held = b""
        self.skips_to_sync = False

    def run(self) -> None:
        """Relay until the end. Raise EOFError or OSError at the end of the connection."""
        known = "".join(f"{key}\0{value}\0" for key, value in self.startup.items() if key in STARTUP_SETTINGS)
        body = struct.pack("!i", 196608) + known.encode() + b"\0"
        self.server.sendall(struct.pack("!i", len(body) + 4) + body)
        buffers = {self.client: bytearray(), self.server: bytearray()}
        while True:
            # Data that TLS has already read from the socket is not visible there.
            waiting = isinstance(self.client, ssl.SSLSocket) and self.client.pending()
            readable = [self.client] if waiting else select.select([self.client, self.server], [], [])[0]
            for source in readable:
                received = source.recv(1 << 20)
                if not received:
                    self.client.sendall(self.held)
                    return
                buffers[source] += received
                from_client = source is self.client
                for kind, body in messages(buffers[source]):
                    out = self._from_client(kind, body) if from_client else self._from_server(kind, body)
                    (self.server if from_client else self.client).sendall(out)

    def _from_client(self, kind: bytes, body: bytes) -> bytes:
        if self.skips_to_sync:
            self.skips_to_sync = kind != b"S"
            return b""
        if kind == b"Q":
            text = body[:-1].decode("utf-8")
            body = (self._announce(text) or rewrite(text)).encode() + b"\0"
        elif kind == b"P":
            name, query, rest = body.split(b"\0", 2)
            self.prepared[name] = query.decode("utf-8")
            body = name + b"\0" + rewrite(self.prepared[name]).encode() + b"\0" + rest
        elif kind == b"B":
            failure = self._announce(self.prepared.get(body.split(b"\0", 2)[1], ""))
            if failure:
                # The reply is an error and the message that the server is ready.
                self.skips_to_sync = True
                kind, body = b"Q", failure.encode() + b"\0"
        return pack(kind, body)

    def _announce(self, text: str) -> str:
        """Announce a statement; return its replacement, if any."""
        user = self.startup["user"]
        database, application = self.startup.get("database", user), self.startup.get("application_name", "")
        self.current = Statement(user, database, application, text)
        action = self.relay.on_statement(self.current) if self.relay.on_statement else None
        if action == "drop_before":
            raise EOFError
        self.drop_at_result = action == "drop_after"
        if action and action.startswith("fail "):
            return FAILURE.format(action[len("fail ") :])
        is_python = PYTHON_FUNCTION.search(BODY.sub("''", text))
        return PYTHON_REFUSAL if is_python and not self.relay.python_functions else ""

    def _from_server(self, kind: bytes, body: bytes) -> bytes:
        if kind == b"S":
            name, value = body.decode("utf-8").split("\0")[:2]
            if name in UNREPORTED:
                return b""
            body = f"{name}\0{REPORTED.get(name, value)}\0".encode()
        if not self.held and (kind not in (b"C", b"E") or not self.current):
            return pack(kind, body)
        # The effects of a statement are visible to others when the server is ready, not when it reports the result.
        self.held += pack(kind, body)
        if kind != b"Z":
            return b""
        statement, self.current = self.current, None
        if self.drop_at_result or (self.relay.on_result and self.relay.on_result(statement) == "drop"):
            raise EOFError
        held, self.held = self.held, b""
        return held


def refusal(sqlstate: str) -> bytes:
    """Return a server's refusal of a login."""
    fields = {"S": "FATAL", "V": "FATAL", "C": sqlstate, "M": "The relay was told to refuse."}
    return pack(b"E", b"".join(f"{name}{text}\0".encode() for name, text in fields.items()) + b"\0")


def rewrite(text: str) -> str:
    for pattern, replacement in REWRITES:
        text = pattern.sub(replacement, text)
    return text


def messages(buffer: bytearray) -> t.Iterator[tuple[bytes, bytes]]:
    """Take the complete messages from a buffer, as pairs of kind and body."""
    while len(buffer) >= 5:
        end = 1 + struct.unpack_from("!i", buffer, 1)[0]
        if len(buffer) < end:
            return
        kind, body = bytes(buffer[:1]), bytes(buffer[5:end])
        del buffer[:end]
        yield kind, body


def pack(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def receive(source: socket.socket, length: int) -> bytes:
    """Return exactly that many bytes. Raise EOFError if there are fewer."""
    data = b""
    while len(data) < length:
        received = source.recv(length - len(data))
        if not received:
            raise EOFError
        data += received
    return data
