# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""A session in a Redshift database, through either of two drivers."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import socket
import struct
import sys
import types
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    MissingLibraryError,
    StatementError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.login import (
    Login,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.probe import (
    certificates,
    obstacle,
)

APPLICATION_NAME = "immuta.integrations"

# A statement that the server does not end at its timeout is given up this many seconds later.
_GRACE = 30

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


class NoSessionError(Exception):
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
            raise NoSessionError(identity=_identity_problem(error)) from None
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
    def _no_session(error: Exception, login: Login) -> NoSessionError:
        answer = _answer(error)
        if answer:
            return NoSessionError(sqlstate=answer.get("C"))
        cause = next((part for part in (error, *error.args) if isinstance(part, OSError)), None)
        if cause or login.auth_method == "password":
            return NoSessionError(cause=cause or obstacle(login))
        return NoSessionError(identity=_identity_problem(error))

    def execute(self, sql: str) -> None:
        try:
            self._cursor.execute(sql)
        except (self._error, OSError, struct.error) as error:
            answer = _answer(error)
            sqlstate = answer.get("C")
            # 08P01, such as a parameter without a value, is an error of the statement.
            lost = not answer or (str(sqlstate).startswith(("08", "57P")) and sqlstate != "08P01")
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
            tls["sslrootcert"] = certificates(login)
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
            cause = socket.timeout() if timed_out else obstacle(login)
            asked_password = bool(error.pgconn and error.pgconn.used_password)
            raise NoSessionError(sqlstate=error.sqlstate, cause=cause, asked_password=asked_password) from None

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


DRIVERS: dict[str, t.Callable[[Login, str], Session]] = {
    "redshift_connector": _RedshiftConnector,
    "psycopg": _Psycopg,
}


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
