# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""A session in a Redshift database, with one of two drivers.

Every exception of a driver becomes a NoSessionError or a DriverError. Drivers raise more than their documented
exceptions: for text that is not UTF-8, for a message without a field, for a value that they cannot parse.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import re
import selectors
import socket
import struct
import sys
import time
import traceback
import types
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    Caught,
    MissingLibraryError,
    StatementError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift import ambient
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.login import (
    Login,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.probe import (
    certificates,
    obstacle,
)

APPLICATION_NAME = "immuta.integrations"

# Seconds of silence before a TCP keepalive probe. Gateways and load balancers drop idle
# connections after a few minutes.
KEEPALIVE_IDLE = 60

# If the server does not end a statement at its timeout, the session gives up this many seconds later.
_GRACE = 30

Rows = list[tuple[t.Any, ...]]


class DriverError(StatementError):
    """The failure of a statement, in words without a secret.

    ``lost``: the connection is lost, so the outcome is unknown. ``server_message``: the message of the server, which
    can quote the statement and must not be shown unmasked. ``kind`` is the name of the exception's type, for errors
    without an SQLSTATE.
    """

    def __init__(
        self, *, sqlstate: str | None, lost: bool, server_message: str | None = None, kind: str | None = None
    ) -> None:
        super().__init__("", sqlstate=sqlstate)
        self.lost = lost
        self.server_message = server_message
        self.kind = kind
        what = "The connection to the database was lost" if lost else "The database refused a statement"
        self.message = f"{what} ({self.what})."

    @property
    def what(self) -> str:
        """Return the error in a few words."""
        if self.sqlstate:
            return f"SQLSTATE {self.sqlstate}"
        return f"{self.kind or 'an error'} in the driver"


class Session(t.Protocol):
    """An open session that commits each statement, unless BEGIN starts a transaction. Statements raise DriverError."""

    def execute(self, sql: str) -> None:
        """Run a statement."""

    def query(self, sql: str) -> Rows:
        """Run a statement and return its rows."""

    def parameter(self, name: str) -> str | None:
        """Return the parameter that the server reported at login, or None."""

    def close(self) -> None:
        """Close the session without a commit. Never fails."""


class NoSessionError(Exception):
    """The reason for a failed login.

    ``refused``: the server replied with an error; its ``sqlstate`` is None if the server or the driver reports none.
    ``cause``: the error of the network or of TLS. ``identity``: the code of AWS or Okta, or the name of the exception's
    type. ``kind``: the name of any other exception's type. With none of them, the connection ended.
    """

    def __init__(
        self,
        sqlstate: str | None = None,
        cause: OSError | None = None,
        identity: str | None = None,
        refused: bool = False,
        kind: str | None = None,
    ) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate
        self.cause = cause
        self.identity = identity
        self.refused = refused
        self.kind = kind


class _RedshiftConnector:
    """A session of AWS's own driver, which prepares every statement, so two cannot pass as one."""

    def __init__(self, login: Login, database: str) -> None:
        self._driver = _library("redshift_connector", "2.1.14")
        environment = {**ambient.trusting(login.ca_path), **ambient.without_netrc()}
        with Caught() as caught:
            with ambient.environment(environment), _tolerant(self._driver):
                self._connection = self._driver.connect(**self._arguments(login, database))
            self._connection.autocommit = True
            # The driver has one timeout for connecting and for waiting for the end of a statement.
            self._connection._usock.settimeout(login.statement_timeout + _GRACE if login.statement_timeout else None)
            keep_alive(self._connection._usock)
            self._cursor = self._connection.cursor()
        if caught.error:
            problem = self._no_session(caught.error, login)
            # The variables of these frames hold the driver's connection, which it does not close.
            traceback.clear_frames(caught.error.__traceback__)
            raise problem

    @staticmethod
    def _arguments(login: Login, database: str) -> dict[str, t.Any]:
        tls = login.ssl_mode != "disable"
        arguments: dict[str, t.Any] = {
            "host": login.host,
            "port": login.port,
            "database": database,
            "user": login.user,
            "password": login.password,
            "ssl": tls,
            "sslmode": login.ssl_mode if tls else None,
            "timeout": login.connect_timeout,
            "application_name": APPLICATION_NAME,
        }
        if login.auth_method != "password":
            arguments.update(
                iam=True,
                cluster_identifier=login.cluster_identifier,
                is_serverless=bool(login.workgroup),
                serverless_work_group=login.workgroup,
                region=login.region,
                db_user=login.db_user,
            )
        if login.auth_method == "iam":
            arguments.update(user=None, password=None, profile=login.profile)
        if login.auth_method == "okta":
            arguments.update(
                credentials_provider="OktaCredentialsProvider",
                idp_host=login.idp_host,
                app_id=login.app_id,
                app_name=login.app_name,
                preferred_role=login.preferred_role,
            )
        return arguments

    def _no_session(self, error: Exception, login: Login) -> NoSessionError:
        answer = _answer(error)
        if answer is not None:
            return NoSessionError(sqlstate=answer.get("C"), refused=True)
        cause = next((part for part in (error, *error.args) if _is_of_network(part)), None)
        if cause:
            return NoSessionError(cause=cause)
        if login.auth_method != "password" and not _is_of_protocol(error):
            return NoSessionError(identity=_identity_problem(error))
        # struct.error: the connection ended within a message.
        if isinstance(error, (self._driver.Error, struct.error)):
            return NoSessionError(cause=obstacle(login))
        return NoSessionError(kind=type(error).__name__)

    def execute(self, sql: str) -> None:
        self._connection.unreadable = None
        with Caught() as caught:
            self._cursor.execute(sql)
        if caught.error:
            raise self._failure(caught.error)

    def _failure(self, error: Exception) -> DriverError:
        answer = _answer(error)
        kind = type(error).__name__
        if answer is not None:
            sqlstate = answer.get("C")
            return DriverError(sqlstate=sqlstate, lost=_ends_session(answer), server_message=answer.get("M"), kind=kind)
        # After any other exception, parts of the server's reply may be unread.
        own = isinstance(error, self._driver.Error) and not isinstance(
            error, (self._driver.InterfaceError, self._driver.OperationalError)
        )
        if not own:
            self.close()
        return DriverError(sqlstate=None, lost=not own, kind=kind)

    def query(self, sql: str) -> Rows:
        self.execute(sql)
        rows: Rows = []
        with Caught() as caught:
            rows = [tuple(row) for row in self._cursor.fetchall()]
        if caught.error:
            raise self._failure(caught.error)
        if self._connection.unreadable:
            raise DriverError(sqlstate=None, lost=False, kind=self._connection.unreadable)
        return rows

    def parameter(self, name: str) -> str | None:
        found = [value for key, value in self._connection.parameter_statuses if key == name.encode()]
        return found[-1].decode("utf-8", "replace") if found else None

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._connection.close()


class _Psycopg:
    """A session of psycopg 3, for accounts with a password."""

    def __init__(self, login: Login, database: str) -> None:
        self._driver = driver = _library("psycopg", "3.3.5", extra="[binary]")
        settings = self._settings(login, database)
        with Caught() as caught:
            with ambient.environment(ambient.without_libpq()):
                conninfo = importlib.import_module("psycopg.conninfo").make_conninfo("", **settings)
                pgconn = self._connected(driver, conninfo, login)
            self._connection = driver.Connection(pgconn)
            self._connection.autocommit = True
            self._connection.prepare_threshold = None
        if isinstance(caught.error, NoSessionError):
            raise caught.error
        if caught.error:
            raise NoSessionError(kind=type(caught.error).__name__)

    @staticmethod
    def _settings(login: Login, database: str) -> dict[str, t.Any]:
        tls: dict[str, t.Any] = {"sslmode": login.ssl_mode}
        if login.ssl_mode != "disable":
            tls["sslrootcert"] = certificates(login)
        return {
            "host": login.host,
            "port": login.port,
            "user": login.user,
            "password": login.password,
            "dbname": database,
            "application_name": APPLICATION_NAME,
            "gssencmode": "disable",
            # Redshift reports an encoding, UNICODE, that older releases of psycopg do not know.
            "client_encoding": "utf-8",
            "keepalives_idle": KEEPALIVE_IDLE,
            **ambient.LIBPQ_FILES,
            **tls,
        }

    @staticmethod
    def _connected(driver: types.ModuleType, conninfo: str, login: Login) -> t.Any:
        """Return a connection of libpq. Raise NoSessionError.

        libpq gives the reason of a refusal only as text in the server's language; its trace has the SQLSTATE.
        """
        polling, events = driver.pq.PollingStatus, (selectors.EVENT_READ, selectors.EVENT_WRITE)
        deadline = time.monotonic() + login.connect_timeout
        pgconn = driver.pq.PGconn.connect_start(conninfo.encode())
        with _trace(pgconn) as trace:
            status = pgconn.connect_poll()
            while status in (polling.READING, polling.WRITING):
                event = events[status == polling.WRITING]
                if not _is_ready(pgconn.socket, event, deadline - time.monotonic()):
                    raise NoSessionError(cause=socket.timeout())
                status = pgconn.connect_poll()
            conversation = trace()
        if status == polling.OK:
            pgconn.nonblocking = 1
            return pgconn
        used_password = pgconn.used_password
        pgconn.finish()
        refusals = _REFUSAL.findall(conversation or b"")
        if refusals or (conversation is None and used_password):
            raise NoSessionError(sqlstate=refusals[-1].decode() or None if refusals else None, refused=True)
        raise NoSessionError(cause=obstacle(login))

    def execute(self, sql: str) -> None:
        self._run(sql)

    def query(self, sql: str) -> Rows:
        cursor = self._run(sql)
        rows: Rows = []
        with Caught() as caught:
            rows = cursor.fetchall()
        if caught.error:
            raise self._failure(caught.error)
        return rows

    def _run(self, sql: str) -> t.Any:
        cursor = None
        with Caught() as caught:
            cursor = self._connection.execute(sql)
        if caught.error:
            is_known = isinstance(caught.error, self._driver.Error)
            if not is_known:
                self.close()
            raise self._failure(caught.error, lost=not is_known)
        return cursor

    def _failure(self, error: Exception, lost: bool = False) -> DriverError:
        return DriverError(
            sqlstate=getattr(error, "sqlstate", None),
            lost=lost or bool(self._connection.closed),
            server_message=getattr(getattr(error, "diag", None), "message_primary", None),
            kind=type(error).__name__,
        )

    def parameter(self, name: str) -> str | None:
        value = self._connection.pgconn.parameter_status(name.encode())
        return None if value is None else value.decode("utf-8", "replace")

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self._connection.close()


DRIVERS: dict[str, t.Callable[[Login, str], Session]] = {
    "redshift_connector": _RedshiftConnector,
    "psycopg": _Psycopg,
}


def keep_alive(connection: socket.socket) -> None:
    """Enable TCP keepalives after KEEPALIVE_IDLE seconds of silence, as the options of libpq do."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    option = getattr(socket, "TCP_KEEPIDLE", None) or getattr(socket, "TCP_KEEPALIVE", None)  # the latter on macOS
    if option:
        connection.setsockopt(socket.IPPROTO_TCP, option, KEEPALIVE_IDLE)


# The handlers of server messages with text.
_HANDLERS = (
    "handle_ERROR_RESPONSE",
    "handle_NOTICE_RESPONSE",
    "handle_PARAMETER_STATUS",
    "handle_COMMAND_COMPLETE",
    "handle_DATA_ROW",
)


@contextlib.contextmanager
def _tolerant(driver: types.ModuleType) -> t.Iterator[None]:
    """Make new connections of redshift_connector survive messages that it cannot parse.

    Otherwise it leaves the rest of the server's reply unread. An error keeps its readable fields; the name of any other
    exception is kept as ``unreadable``.
    """
    handlers = {name: getattr(driver.Connection, name) for name in _HANDLERS if hasattr(driver.Connection, name)}

    def handle(handler: t.Any, is_error: bool, connection: t.Any, data: bytes, *arguments: t.Any) -> None:
        with Caught() as caught:
            handler(connection, data, *arguments)
        if caught.error and is_error:
            connection.error = driver.ProgrammingError(_fields(data))
        elif caught.error:
            connection.unreadable = type(caught.error).__name__

    for name, handler in handlers.items():
        wrapped = functools.partialmethod(functools.partial(handle, handler, name == _HANDLERS[0]))
        setattr(driver.Connection, name, wrapped)
    try:
        yield
    finally:
        for name, handler in handlers.items():
            setattr(driver.Connection, name, handler)


def _fields(data: bytes) -> dict[str, str]:
    """Return the fields of an ErrorResponse (PostgreSQL's documentation, "Message Formats"), whatever its bytes."""
    texts = [part.decode("utf-8", "replace") for part in data.split(b"\0") if part]
    return {text[0]: text[1:] for text in texts}


def _answer(error: Exception) -> dict[str, str] | None:
    """Return the fields of the server's ErrorResponse (C: SQLSTATE, M: message), or None without a reply."""
    return error.args[0] if error.args and isinstance(error.args[0], dict) else None


def _ends_session(answer: t.Mapping[str, str]) -> bool:
    severity = answer.get("V") or answer.get("S")
    return severity in ("FATAL", "PANIC") or (answer.get("C") or "").startswith("57P")


def _is_of_network(error: t.Any) -> bool:
    """Return whether an error is of the database connection, and not of requests to Okta, which has similar errors."""
    return isinstance(error, OSError) and not type(error).__module__.startswith("requests")


def _is_of_protocol(error: Exception) -> bool:
    """Return whether redshift_connector had started the database protocol."""
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__") == "redshift_connector.core" for frame, _line in frames)


# Missing in AWS's description of a cluster or workgroup without an address.
_ADDRESS = ("endpoint", "address", "port")

NO_ADDRESS = "no endpoint"


def _identity_problem(error: BaseException) -> str:
    """Return NO_ADDRESS, the code of AWS, or the type of the first error; never its text."""
    inner: BaseException | None = error
    while inner:
        error = inner
        inner = error.__cause__ or next((part for part in error.args if isinstance(part, Exception)), None)
    if isinstance(error, IndexError) or (isinstance(error, KeyError) and str(error).strip("'").lower() in _ADDRESS):
        return NO_ADDRESS
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return str(code or type(error).__name__)


# An error of the server in a trace of libpq, and its SQLSTATE.
_REFUSAL = re.compile(rb'\tErrorResponse\t(?:[^\n]*? C "([0-9A-Z]{5})")?')


@contextlib.contextmanager
def _trace(pgconn: t.Any) -> t.Iterator[t.Callable[[], bytes | None]]:
    """Trace the messages of a connection in memory; yield a function that returns the trace, or None without one."""
    try:
        memory = os.memfd_create("libpq")
    except (AttributeError, OSError):
        yield lambda: None
        return
    stream = os.dup(memory)
    with Caught() as caught:  # psycopg traces only on Linux.
        pgconn.trace(stream)

    def read() -> bytes | None:
        if caught.error:
            return None
        pgconn.untrace()
        return os.pread(memory, os.fstat(memory).st_size, 0)

    try:
        yield read
    finally:
        with contextlib.suppress(Exception):
            pgconn.untrace()  # Flushes the buffer.
        os.close(stream)
        os.close(memory)


def _is_ready(descriptor: int, event: int, seconds: float) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, event)
        return seconds > 0 and bool(selector.select(seconds))


def _library(name: str, minimum: str, extra: str = "") -> types.ModuleType:
    advice = f"install it there: {sys.executable} -m pip install '{name}{extra}>={minimum}'"
    try:
        library = importlib.import_module(name)
    except ImportError:
        raise MissingLibraryError(f"{sys.executable} lacks the Python library {name}; {advice}.") from None
    version = str(library.__version__)
    if _numbers(version) < _numbers(minimum):
        raise MissingLibraryError(f"{sys.executable} has {name} {version}, which is too old; {advice}.")
    return library


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
