# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Sessions in a Redshift database: who logs in and how, through which driver, and why it did not work."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
import random
import re
import socket
import ssl
import struct
import sys
import time
import types
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._errors import (
    InputError,
    LoginError,
    MissingLibraryError,
    StatementError,
)

APPLICATION_NAME = "immuta.integrations"
# A statement that the server does not end at its timeout is given up this many seconds later.
_GRACE = 30
# Databases that are there without anybody's doing, in Redshift and in PostgreSQL.
_USUAL_DATABASES = ("dev", "postgres", "template1")
# Seconds before the first and at most before any further attempt to connect.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0

_NO_SUCH_DATABASE = "3D000"
_AUTHENTICATION_FAILED = ("28000", "28P01")
_NOT_NOW = ("53300", "57P03")  # too many connections; starting up or shutting down

Rows = list[tuple[t.Any, ...]]


class DriverError(StatementError):
    """What became of one statement, in words that hold no secret.

    ``lost``: the connection is gone, so whether the statement took effect is not known. ``server_message``: what the
    server said; it can quote the statement, so it is not to be shown as it is.
    """

    def __init__(self, *, sqlstate: str | None, lost: bool, server_message: str | None = None) -> None:
        what = "The connection to the database was lost" if lost else "The database refused a statement"
        super().__init__(f"{what} (SQLSTATE {sqlstate})." if sqlstate else f"{what}.", sqlstate=sqlstate)
        self.lost = lost
        self.server_message = server_message


class Session(t.Protocol):
    """An open session; it commits each statement by itself, unless told BEGIN. Statements raise DriverError."""

    def execute(self, sql: str) -> None:
        """Run one statement."""

    def query(self, sql: str) -> Rows:
        """Run one statement and return its rows."""

    def parameter(self, name: str) -> str | None:
        """Return what the server reported under ``name`` at the log-in, or None."""

    def close(self) -> None:
        """End the session; what is not committed is lost."""


@dataclasses.dataclass(frozen=True)
class Login:
    """Options of action group ``redshift``, checked; see the documentation fragment for each."""

    database: str
    host: str | None
    port: int
    user: str | None
    password: str | None = dataclasses.field(repr=False)
    auth_method: str
    cluster_identifier: str | None
    workgroup: str | None
    region: str | None
    profile: str | None
    db_user: str | None
    idp_host: str | None
    app_id: str | None
    app_name: str | None
    preferred_role: str | None
    ssl_mode: str
    ca_path: str | None
    connect_timeout: int
    connect_retries: int
    statement_timeout: int
    driver: str

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> Login:
        """Read the options; raises InputError where the authentication method, or a file, lacks something."""
        options = {field.name: field.name for field in dataclasses.fields(cls)}
        options.update({name: f"login_{name}" for name in ("host", "port", "user", "password")}, database="login_db")
        login = cls(**{name: params[option] for name, option in options.items()})
        login._check()
        return login

    @property
    def where(self) -> str:
        """The server, for messages."""
        if self.host:
            return f"{self.host}:{self.port}"
        return f"workgroup {self.workgroup}" if self.workgroup else f"cluster {self.cluster_identifier}"

    @property
    def who(self) -> str:
        """The account, for messages."""
        return str(self.db_user or self.user or "the IAM identity")

    def _check(self) -> None:
        needed = {
            "password": ["login_host", "login_user", "login_password"],
            "iam": [],
            "okta": ["login_user", "login_password", "idp_host", "app_id"],
        }[self.auth_method]
        missing = [name for name in needed if not getattr(self, name.replace("login_", ""))]
        if missing:
            raise InputError(f"auth_method '{self.auth_method}' also needs {', '.join(missing)}.")
        if self.auth_method != "password":
            self._check_federated()
        if not self.database:
            raise InputError("login_db is empty: give the name of a database.")
        if self.host and not re.fullmatch(r"[A-Za-z0-9._:-]+", self.host):
            raise InputError("login_host is not a host name: give it without scheme, port and path.")
        if not 0 < self.port < 65536:
            raise InputError(f"login_port is {self.port}: give a number from 1 to 65535.")
        if self.connect_timeout < 1:
            raise InputError("connect_timeout must be 1 or more.")
        for name in ("connect_retries", "statement_timeout"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} must not be negative.")
        if self.ca_path and not os.access(self.ca_path, os.R_OK):
            raise InputError(f"The certificates in ca_path cannot be read: {self.ca_path}.")

    def _check_federated(self) -> None:
        if bool(self.cluster_identifier) == bool(self.workgroup):
            raise InputError(f"auth_method '{self.auth_method}' needs either cluster_identifier or workgroup.")
        if self.auth_method == "iam" and self.cluster_identifier and not self.db_user:
            raise InputError("auth_method 'iam' with cluster_identifier also needs db_user.")
        if self.driver != "redshift_connector":
            raise InputError(f"auth_method '{self.auth_method}' works with driver 'redshift_connector' only.")
        if self.ssl_mode == "disable":
            raise InputError(f"auth_method '{self.auth_method}' needs TLS: ssl_mode must not be 'disable'.")


class _NoSessionError(Exception):
    """Why a driver has no session: what the server answered, what went wrong on the way, or what AWS or Okta said."""

    def __init__(
        self,
        sqlstate: str | None = None,
        cause: OSError | None = None,
        identity: str | None = None,
        asked_password: bool = False,
    ) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate
        self.cause = cause
        self.identity = identity
        self.asked_password = asked_password


class _RedshiftConnector:
    """A session of AWS's own driver: it prepares every statement, which keeps two from passing as one."""

    def __init__(self, login: Login, database: str) -> None:
        driver = _library("redshift_connector", "2.1.14")
        aws = importlib.import_module("botocore.exceptions")
        self._error = driver.Error
        try:
            with _trusting(login.ca_path):
                self._connection = driver.connect(**self._arguments(login, database))
        except (aws.BotoCoreError, aws.ClientError) as error:
            raise _NoSessionError(identity=_identity_problem(error)) from None
        # struct.error: the connection ended within a message.
        except (driver.Error, OSError, struct.error) as error:
            raise self._no_session(error, login) from None
        self._connection.autocommit = True
        # The driver knows one timeout for connecting and for waiting for the end of a statement.
        self._connection._usock.settimeout(login.statement_timeout + _GRACE if login.statement_timeout else None)
        self._cursor = self._connection.cursor()

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

    @staticmethod
    def _no_session(error: Exception, login: Login) -> _NoSessionError:
        answer = _answer(error)
        if answer:
            return _NoSessionError(sqlstate=answer.get("C"))
        cause = next((part for part in (error, *error.args) if isinstance(part, OSError)), None)
        if cause or login.auth_method == "password":
            return _NoSessionError(cause=cause or _obstacle(login))
        return _NoSessionError(identity=_identity_problem(error))

    def execute(self, sql: str) -> None:
        try:
            self._cursor.execute(sql)
        except (self._error, OSError, struct.error) as error:
            answer = _answer(error)
            sqlstate = answer.get("C")
            lost = not answer or str(sqlstate).startswith(("08", "57P"))
            raise DriverError(sqlstate=sqlstate, lost=lost, server_message=answer.get("M")) from None

    def query(self, sql: str) -> Rows:
        self.execute(sql)
        return [tuple(row) for row in self._cursor.fetchall()]

    def parameter(self, name: str) -> str | None:
        reported = {key.decode(): value.decode() for key, value in self._connection.parameter_statuses}
        return reported.get(name)

    def close(self) -> None:
        with contextlib.suppress(self._error, OSError):
            self._connection.close()


class _Psycopg:
    """A session of psycopg 3, for accounts with a password."""

    def __init__(self, login: Login, database: str) -> None:
        self._driver = _library("psycopg", "3.3.5", extra="[binary]")
        tls: dict[str, t.Any] = {"sslmode": login.ssl_mode}
        if login.ssl_mode != "disable":
            tls["sslrootcert"] = _certificates(login)
        try:
            self._connection = self._driver.connect(
                host=login.host,
                port=login.port,
                user=login.user,
                password=login.password,
                dbname=database,
                connect_timeout=login.connect_timeout,
                application_name=APPLICATION_NAME,
                gssencmode="disable",
                # Redshift reports an encoding, UNICODE, that older releases of psycopg do not know.
                client_encoding="utf-8",
                prepare_threshold=None,
                autocommit=True,
                keepalives_idle=60,
                **tls,
            )
        except self._driver.Error as error:
            # libpq says no more than a text in the server's language.
            timed_out = isinstance(error, self._driver.errors.ConnectionTimeout)
            cause = socket.timeout() if timed_out else _obstacle(login)
            asked_password = bool(error.pgconn and error.pgconn.used_password)
            raise _NoSessionError(sqlstate=error.sqlstate, cause=cause, asked_password=asked_password) from None

    def execute(self, sql: str) -> None:
        self._run(sql)

    def query(self, sql: str) -> Rows:
        return t.cast(Rows, self._run(sql).fetchall())

    def _run(self, sql: str) -> t.Any:
        try:
            return self._connection.execute(sql)
        except self._driver.Error as error:
            lost = bool(self._connection.closed)
            message = error.diag.message_primary
            raise DriverError(sqlstate=error.sqlstate, lost=lost, server_message=message) from None

    def parameter(self, name: str) -> str | None:
        return t.cast(t.Optional[str], self._connection.info.parameter_status(name))

    def close(self) -> None:
        self._connection.close()


_DRIVERS: dict[str, t.Callable[[Login, str], Session]] = {
    "redshift_connector": _RedshiftConnector,
    "psycopg": _Psycopg,
}


@contextlib.contextmanager
def connect(
    login: Login, database: str | None = None, sleep: t.Callable[[float], None] = time.sleep
) -> t.Iterator[Session]:
    """Open a session in ``database`` (default: the login's) and close it at the end.

    Raises LoginError, whose facts ``authentication_failed`` and ``database_missing`` tell these two from the rest. What
    time may heal (refused, no answer, starting up) is tried ``connect_retries`` times more. Raises StatementError for a
    query that failed.
    """
    database = database or login.database
    session = _open(login, database, sleep)
    try:
        if login.statement_timeout:
            session.execute(f"SET statement_timeout TO {login.statement_timeout * 1000}")
        yield session
    except DriverError as error:
        raise _query_error(login, database, error) from None
    finally:
        session.close()


def _query_error(login: Login, database: str, error: DriverError) -> StatementError:
    where = f"database '{database}' at {login.where}"
    if error.lost:
        return StatementError(f"The connection to {where} was lost while it was looked into: run the task again.")
    return StatementError(
        f"A query of {where} as {login.who} failed with SQLSTATE {error.sqlstate}: check what the account may do, and "
        "statement_timeout.",
        sqlstate=error.sqlstate,
    )


def _open(login: Login, database: str, sleep: t.Callable[[float], None]) -> Session:
    attempt = 0
    while True:
        try:
            return _DRIVERS[login.driver](login, database)
        except _NoSessionError as problem:
            if attempt == login.connect_retries or not _may_pass(problem):
                raise _login_error(login, database, problem) from None
        sleep(min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1.0))
        attempt += 1


def _may_pass(problem: _NoSessionError) -> bool:
    if problem.sqlstate:
        return problem.sqlstate in _NOT_NOW or problem.sqlstate.startswith("08")
    if isinstance(problem.cause, socket.gaierror):
        return problem.cause.errno == socket.EAI_AGAIN
    return not (problem.identity or problem.asked_password or isinstance(problem.cause, ssl.SSLError))


def _login_error(login: Login, database: str, problem: _NoSessionError) -> LoginError:
    missing = problem.sqlstate == _NO_SUCH_DATABASE
    failed = problem.sqlstate in _AUTHENTICATION_FAILED
    reason = None
    if problem.asked_password and not problem.sqlstate and not problem.cause:
        exists = _database_exists(login, database)
        missing, failed = exists is False, exists is None
        reason = f"{login.who} may not connect to this database: grant it the CONNECT privilege" if exists else None
    if missing:
        reason = "there is no such database: check the name, or create it first"
    elif failed:
        reason = "the server did not accept the account: check the user name and the password"
    elif not reason:
        reason = _obstacle_sentence(login, problem)
    return LoginError(
        f"Could not log in to database '{database}' at {login.where} as {login.who}: {reason}.",
        authentication_failed=failed,
        database_missing=missing,
    )


def _obstacle_sentence(login: Login, problem: _NoSessionError) -> str:
    cause = problem.cause
    if problem.identity:
        source = "Okta or AWS" if login.auth_method == "okta" else "AWS"
        return f"{source} gave no credentials for the database ({problem.identity}): check the identity and its rights"
    if problem.sqlstate in _NOT_NOW:
        return f"the server admits nobody just now (SQLSTATE {problem.sqlstate}): run the task again later"
    if problem.sqlstate:
        return f"the server refused with SQLSTATE {problem.sqlstate}"
    if isinstance(cause, socket.gaierror):
        return "the host name is not known: check login_host"
    if isinstance(cause, socket.timeout):
        return f"no answer within {login.connect_timeout} seconds: check security groups, routing and login_port"
    if isinstance(cause, ConnectionRefusedError):
        return "the connection was refused: check login_port, and that the cluster is running"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted ({cause.verify_message}): check login_host and ca_path"
    if isinstance(cause, ssl.SSLError):
        return "the server offers no usable TLS; ssl_mode 'disable' goes without"
    if cause and cause.errno:
        return f"the connection failed: {os.strerror(cause.errno)}"
    return "the server ended the connection before the log-in: check that it is running and that it admits this client"


def _database_exists(login: Login, database: str) -> bool | None:
    """Ask another database of the same server; None when the account cannot log in to any."""
    for other in dict.fromkeys([login.database, *_USUAL_DATABASES]):
        if other == database:
            continue
        try:
            session = _DRIVERS[login.driver](login, other)
        except _NoSessionError:
            continue
        try:
            return any(name == database for (name,) in session.query("SELECT datname FROM pg_database"))
        finally:
            session.close()
    return None


def _obstacle(login: Login) -> OSError | None:
    """What stands between here and the server: the error of the network or of TLS, or None."""
    ssl_request = struct.pack("!ii", 8, 80877103)
    try:
        with socket.create_connection((login.host, login.port), login.connect_timeout) as connection:
            if login.ssl_mode == "disable":
                return None
            connection.sendall(ssl_request)
            if connection.recv(1) != b"S":
                return ssl.SSLError("no TLS offered")
            context = ssl.create_default_context(cafile=_certificates(login))
            context.check_hostname = login.ssl_mode == "verify-full"
            context.wrap_socket(connection, server_hostname=login.host).close()
    except OSError as error:
        return error
    return None


def _certificates(login: Login) -> str:
    path = login.ca_path or ssl.get_default_verify_paths().cafile
    if not path:
        raise InputError("This machine has no file of trusted certificates: name one in ca_path.")
    return path


@contextlib.contextmanager
def _trusting(ca_path: str | None) -> t.Iterator[None]:
    """Have OpenSSL trust the certificates in a file; the driver has no option for that."""
    if not ca_path:
        yield
        return
    before = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = ca_path
    try:
        yield
    finally:
        if before is None:
            del os.environ["SSL_CERT_FILE"]
        else:
            os.environ["SSL_CERT_FILE"] = before


def _answer(error: Exception) -> dict[str, str]:
    """The fields of the server's ErrorResponse (C: SQLSTATE, M: message); empty when it is not the server's."""
    return error.args[0] if error.args and isinstance(error.args[0], dict) else {}


def _identity_problem(error: BaseException) -> str:
    """The code that AWS gave, or the kind of the error that all began with; never its text."""
    inner: BaseException | None = error
    while inner:
        error = inner
        inner = error.__cause__ or next((part for part in error.args if isinstance(part, Exception)), None)
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return str(code or type(error).__name__)


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
