# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both drivers: every exception, and every reply of a server, becomes one sentence without a secret."""

from __future__ import annotations

import contextlib
import gc
import os
import pathlib
import socket
import ssl
import struct
import threading
import traceback
import typing as t
from unittest import mock

import psycopg
import pytest
import redshift_connector

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import LoginError, StatementError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift import catalog, execute
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.drivers import DRIVERS, NoSessionError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.login import Login, login_spec
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.session import connect
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import split
from tests.support.standin.relay import pack

# redshift_connector does not close the socket of a failed connection.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:ssl:DeprecationWarning"),
]

BOTH = ["redshift_connector", "psycopg"]
SECRET = "Hunter2-Pa55word"


def login(driver: str, **options: t.Any) -> Login:
    defaults = {name: spec.get("default") for name, spec in login_spec().items()}
    account = {"login_host": "127.0.0.1", "login_user": "u", "login_password": SECRET, "login_db": "dev"}
    return Login.from_params({**defaults, **account, "ssl_mode": "disable", "driver": driver, **options})


@pytest.fixture(autouse=True, scope="module")
def _forgotten() -> t.Iterator[None]:
    yield
    gc.collect()  # while warnings about those sockets are ignored


# Exceptions of a driver


def broken_connection(place: str, error: Exception) -> mock.MagicMock:
    """Return a connection, cursor and libpq connection of either driver that raises ``error`` at a ``place``."""
    double = mock.MagicMock(attempts=0, closed=False, parameter_statuses=[], socket=-1, _usock=socket.socket())
    double.cursor.return_value = double.connect.return_value = double.connect_start.return_value = double
    double.connect_poll.return_value = psycopg.pq.PollingStatus.OK
    double.fetchall.return_value = [("x",)]

    def at(reached: str) -> t.Any:
        if reached == place:
            double.attempts += 1
            raise error
        return mock.DEFAULT

    def execute(sql: str) -> mock.MagicMock:
        places = {"version()": "version", "pg_group": "catalog", "CREATE": "statement", "COMMIT": "commit"}
        for word, reached in places.items():
            if word in sql:
                at(reached)
        return double

    double.execute.side_effect = execute
    double.connect.side_effect = double.connect_start.side_effect = lambda *_arguments, **_settings: at("connect")
    double.fetchall.side_effect = lambda: at("fetch")
    double.close.side_effect = lambda: at("close")
    return double


LOST = "lost"  # the connection is lost, certainly or possibly
OWN = "own"  # the driver itself refuses

EXCEPTIONS: list[tuple[Exception, str]] = [
    (UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, SECRET), LOST),
    (UnicodeEncodeError("utf-8", SECRET, 0, 1, SECRET), LOST),
    *((kind(SECRET), LOST) for kind in (KeyError, IndexError, ValueError, TypeError, AttributeError, OverflowError)),
    *((kind(SECRET), LOST) for kind in (MemoryError, RecursionError, AssertionError)),
    (struct.error(SECRET), LOST),
    (ConnectionResetError(104, SECRET), LOST),
    (socket.timeout(SECRET), LOST),
    (ssl.SSLEOFError(8, SECRET), LOST),
    (redshift_connector.InterfaceError(SECRET), LOST),
    (redshift_connector.OperationalError(SECRET), LOST),
    (redshift_connector.ProgrammingError(SECRET), OWN),
    (redshift_connector.DataError(SECRET), OWN),
    (redshift_connector.NotSupportedError(SECRET), OWN),
    (psycopg.OperationalError(SECRET), LOST),
    (psycopg.DataError(SECRET), OWN),
    (psycopg.ProgrammingError(SECRET), OWN),
]
OF_NETWORK = (struct.error, OSError, redshift_connector.Error)
PLACES = ["connect", "version", "catalog", "statement", "commit", "fetch", "close"]


def work(session: t.Any) -> None:
    statements = split(b"CREATE SCHEMA a;")
    catalog.version(session)
    catalog.entries(session, "group")
    execute.run(session, statements, single=False)
    execute.run(session, statements, single=True)


@pytest.mark.parametrize("driver", BOTH)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("error", "kind"), EXCEPTIONS, ids=lambda value: getattr(type(value), "__name__", value))
def test_any_driver_error_is_handled(
    error: Exception,
    kind: str,
    place: str,
    driver: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    broken = broken_connection(place, error)
    monkeypatch.setattr(redshift_connector, "connect", broken.connect)
    monkeypatch.setattr(psycopg.pq, "PGconn", broken)
    monkeypatch.setattr(psycopg, "Connection", lambda _pgconn: broken)
    # psycopg knows itself whether its connection is lost.
    request.addfinalizer(broken._usock.close)
    broken.closed = isinstance(error, psycopg.OperationalError) and place != "fetch"
    own = {"redshift_connector": redshift_connector.Error, "psycopg": psycopg.Error}[driver]
    kind = kind if isinstance(error, own) else LOST
    pauses: list[float] = []
    ended: LoginError | StatementError | None = None

    try:
        with connect(login(driver, login_port=1), sleep=pauses.append) as session:
            work(session)
    except (LoginError, StatementError) as caught:
        ended = caught

    if place == "close":
        assert ended is None
        return
    assert ended is not None
    assert SECRET not in repr(ended.as_failure())
    assert ended.message.endswith(".")
    assert SECRET not in "".join(traceback.format_exception(type(ended), ended, ended.__traceback__))
    if place == "connect":
        assert isinstance(ended, LoginError)
        retried = driver == "redshift_connector" and isinstance(error, OF_NETWORK)
        assert len(pauses) == broken.attempts - 1 == (3 if retried else 0)
    else:
        assert isinstance(ended, StatementError)
        assert pauses == []
        assert broken.attempts == 1
    state = "unknown" if kind == LOST else "unchanged"
    assert ended.facts.get("state") == (state if place in ("statement", "commit") else None)
    if kind == OWN and place not in ("connect", "fetch"):
        assert type(error).__name__ in ended.message


# Replies of a server


class Server:
    """A server that asks each client for its password, sends the same bytes, and closes the connection."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.passwords: list[bytes] = []
        self.settings: list[bytes] = []
        self.logins = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept)
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._held.close()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._listener.accept()
                with contextlib.suppress(OSError, struct.error):
                    self._serve(connection)
                if self.answer.endswith(READY):
                    self._held.enter_context(connection)
                else:
                    connection.close()

    def _serve(self, connection: socket.socket) -> None:
        (length,) = struct.unpack("!i", connection.recv(4))
        self.settings = connection.recv(length - 4)[4:].split(b"\0")
        self.logins += 1
        connection.sendall(b"R" + struct.pack("!ii", 8, 3))
        (_kind, length) = struct.unpack("!ci", connection.recv(5))
        self.passwords.append(connection.recv(length - 4).rstrip(b"\0"))
        connection.sendall(self.answer)


def refusal(**fields: bytes) -> bytes:
    return pack(b"E", b"".join(name.encode() + text + b"\0" for name, text in fields.items()) + b"\0")


READY = pack(b"Z", b"I")
ACCEPTED = pack(b"R", struct.pack("!i", 0))


def reported(**parameters: bytes) -> bytes:
    return b"".join(pack(b"S", name.encode() + b"\0" + value + b"\0") for name, value in parameters.items())


@pytest.mark.parametrize("driver", BOTH)
@pytest.mark.parametrize(
    ("answer", "refused", "sqlstate"),
    [
        (refusal(S=b"FATAL", C=b"28P01", M=b"no"), True, "28P01"),
        (refusal(S=b"FATAL", C=b"28P01", M=b"Kennwort f\xfcr u"), True, "28P01"),
        (refusal(S=b"FATAL", C=b"3D000", M=b"no"), True, "3D000"),
        (refusal(S=b"FATAL", C=b"57P03", M=b"starting"), True, "57P03"),
        (refusal(S=b"FATAL", M=b"no state"), True, None),
        (refusal(), True, None),
        # Before a server has a process for the client; redshift_connector waits for a message of a gigabyte.
        (b"EOf protocol 2\n\0", None, None),
        (b"", False, None),
        (b"R\0\0", False, None),
    ],
    ids=["password", "not UTF-8", "database", "starting", "no SQLSTATE", "no fields", "old protocol", "end", "cut off"],
)
def test_login_ended_by_the_server(driver: str, answer: bytes, refused: bool | None, sqlstate: str | None) -> None:
    with Server(answer) as server, pytest.raises(NoSessionError) as caught:
        DRIVERS[driver](login(driver, login_port=server.port), "dev")
    problem = caught.value
    refused = driver == "psycopg" if refused is None else refused
    assert (problem.refused, problem.sqlstate, problem.kind) == (refused, sqlstate, None)
    assert server.logins == 1


def test_login_without_a_reason_is_not_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")  # as on macOS
    with (
        Server(refusal(S=b"FATAL", C=b"28P01", M=b"no")) as server,
        pytest.raises(LoginError, match="the driver does not report why") as caught,
        connect(login("psycopg", login_port=server.port)),
    ):
        pass
    assert caught.value.facts == {"authentication_failed": False, "database_missing": False}
    assert server.logins == 1


@pytest.mark.parametrize("driver", BOTH)
def test_server_is_no_database(driver: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as web:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _address = web.accept()
                    with connection:
                        connection.recv(8)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        there = login(driver, login_port=web.getsockname()[1], ssl_mode="verify-full")
        with pytest.raises(LoginError, match="the server is not a database") as caught, connect(there):
            pass
        web.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert not caught.value.facts["authentication_failed"]


PARAMETERS = {"server_version": b"8.0.2", "client_encoding": b"UNICODE", "odd": b"f\xfcr", "datashare_enabled": b"on"}


@pytest.mark.parametrize("driver", BOTH)
@pytest.mark.parametrize("version", [b"8.0.2", b"not a number", b"15.18 (Debian)"])
def test_session_settings_are_equal_for_all_drivers(
    driver: str, version: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGHOSTADDR", "PGOPTIONS", "PGSERVICE"):
        monkeypatch.setenv(name, "127.0.0.7")
    with Server(ACCEPTED + reported(**{**PARAMETERS, "server_version": version}) + READY) as server:
        session: t.Any = DRIVERS[driver](login(driver, login_port=server.port), "dev")
        if driver == BOTH[0]:
            descriptor = session._connection._usock.fileno()
            assert session._connection._usock.gettimeout() > 600, "longer than statement_timeout, not connect_timeout"
        else:
            descriptor = session._connection.pgconn.socket
        with socket.socket(fileno=os.dup(descriptor)) as connection:
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        assert session.parameter("datashare_enabled") == "on"
        assert session.parameter("odd") == "f\ufffdr"
        assert session.parameter("missing") is None
        session.close()
        session.close()
    assert server.passwords == [SECRET.encode()]
    assert os.environ["PGHOSTADDR"] == "127.0.0.7"


# PostgreSQL's documentation, "libpq - C Library", "Environment Variables".
HOSTILE = {
    **dict.fromkeys(("PGHOST", "PGHOSTADDR"), "127.0.0.7"),
    "PGPORT": "1",
    **dict.fromkeys(("PGUSER", "PGPASSWORD", "PGDATABASE", "PGAPPNAME", "PGSERVICE", "PGSSLNEGOTIATION"), "another"),
    **dict.fromkeys(("PGPASSFILE", "PGSERVICEFILE", "PGSYSCONFDIR", "PGSSLROOTCERT", "PGSSLCERT"), "/nowhere"),
    **dict.fromkeys(("PGSSLKEY", "PGSSLCRL", "PGSSLCRLDIR", "PGREQUIREPEER"), "/nowhere"),
    "PGOPTIONS": "-c default_transaction_read_only=on",
    **dict.fromkeys(("PGSSLMODE", "PGCHANNELBINDING", "PGGSSENCMODE", "PGSSLCERTMODE"), "require"),
    "PGREQUIREAUTH": "none",
    "PGTARGETSESSIONATTRS": "read-only",
    "PGCLIENTENCODING": "SQL_ASCII",
    "PGCONNECT_TIMEOUT": "another",
    "PGLOADBALANCEHOSTS": "another",
    **dict.fromkeys(("PGMINPROTOCOLVERSION", "PGSSLMINPROTOCOLVERSION"), "another"),
    **dict.fromkeys(("PGTZ", "PGDATESTYLE", "PGGEQO", "PGLOCALEDIR", "PGKRBSRVNAME", "PGGSSLIB"), "another"),
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:1"),
    **dict.fromkeys(("SSL_CERT_FILE", "SSL_CERT_DIR", "NETRC", "AWS_CONFIG_FILE", "AWS_CA_BUNDLE"), "/nowhere"),
    **dict.fromkeys(("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL"), "another"),
}


@pytest.mark.parametrize("driver", BOTH)
@pytest.mark.parametrize("name", HOSTILE)
def test_options_override_the_environment(driver: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, HOSTILE[name])
    with Server(ACCEPTED + reported(**PARAMETERS) + READY) as server:
        DRIVERS[driver](login(driver, login_port=server.port), "dev").close()
    settings = dict(zip(server.settings[::2], server.settings[1::2]))
    assert server.passwords == [SECRET.encode()]
    assert {name: settings[name] for name in (b"user", b"database", b"application_name")} == {
        b"user": b"u",
        b"database": b"dev",
        b"application_name": b"immuta.integrations",
    }
    assert not settings.keys() & {b"options", b"TimeZone", b"DateStyle", b"geqo"}
    assert settings.get(b"client_encoding", b"utf-8") == b"utf-8"


def test_files_in_the_home_directory_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "postgresql.crt").write_text("not a certificate")
    (tmp_path / ".pgpass").write_text("*:*:*:*:another")
    (tmp_path / ".pgpass").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    with Server(ACCEPTED + READY) as server:
        DRIVERS["psycopg"](login("psycopg", login_port=server.port), "dev").close()
    assert server.passwords == [SECRET.encode()]
