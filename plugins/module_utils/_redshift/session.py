# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Sessions in a Redshift database, with the reason of a failure."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import ssl
import time
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    LoginError,
    StatementError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.drivers import (
    DRIVERS,
    NO_ADDRESS,
    DriverError,
    NoSessionError,
    Session,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.login import (
    Login,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.probe import (
    NotADatabaseError,
    has_ipv6_only,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.transient import (
    is_conflict,
    is_transient_login,
)

# Seconds before the first retry, and the maximum before any other.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0

_NO_SUCH_DATABASE = "3D000"

_AUTHENTICATION_FAILED = ("28000", "28P01")

_INSUFFICIENT_PRIVILEGE = "42501"


@contextlib.contextmanager
def connect(
    login: Login, database: str | None = None, sleep: t.Callable[[float], None] = time.sleep
) -> t.Iterator[Session]:
    """Open a session in ``database`` (default: the login's) and close it at the end.

    Raise LoginError, whose facts ``authentication_failed`` and ``database_missing`` mark these two reasons. A transient
    error (connection refused or lost, no reply, server starting) is retried ``connect_retries`` times. A refusal of the
    account never is, to avoid locking it. Raise StatementError for a failed query.
    """
    database = database or login.database
    session = _open(login, database, sleep)
    try:
        yield session
    except DriverError as error:
        raise _query_error(login, database, error) from None
    finally:
        session.close()


def _query_error(login: Login, database: str, error: DriverError) -> StatementError:
    where = f"database '{database}' at {login.where}"
    if error.lost:
        return StatementError(f"The connection to {where} was lost while reading the catalog: run the task again.")
    advice = "check the account's privileges and statement_timeout"
    if is_conflict(error.sqlstate, error.server_message):
        advice = "other sessions keep changing the catalog: run the task again later"
    return StatementError(
        f"A query of {where} as {login.who} failed with {error.what}: {advice}.",
        sqlstate=error.sqlstate,
    )


def _open(login: Login, database: str, sleep: t.Callable[[float], None]) -> Session:
    attempt = 0
    while True:
        try:
            return _session(login, database)
        except NoSessionError as problem:
            if attempt == login.connect_retries or not _is_retryable(problem):
                raise _login_error(login, database, problem) from None
        sleep(min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1.0))
        attempt += 1


def _session(login: Login, database: str) -> Session:
    """Open a session with its time limit. Raise NoSessionError."""
    session = DRIVERS[login.driver](login, database)
    if login.statement_timeout:
        try:
            session.execute(f"SET statement_timeout TO {login.statement_timeout * 1000}")
        except DriverError as error:
            session.close()
            kind = None if error.lost or error.sqlstate else error.kind
            raise NoSessionError(sqlstate=error.sqlstate, refused=not error.lost, kind=kind) from None
    return session


def _is_retryable(problem: NoSessionError) -> bool:
    if problem.refused:
        return is_transient_login(problem.sqlstate)
    if isinstance(problem.cause, socket.gaierror):
        return problem.cause.errno == socket.EAI_AGAIN
    if isinstance(problem.cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return True
    return not (problem.identity or problem.kind or isinstance(problem.cause, (ssl.SSLError, NotADatabaseError)))


def _login_error(login: Login, database: str, problem: NoSessionError) -> LoginError:
    return LoginError(
        f"Could not log in to database '{database}' at {login.where} as {login.who}: {_reason(login, problem)}.",
        authentication_failed=problem.sqlstate in _AUTHENTICATION_FAILED,
        database_missing=problem.sqlstate == _NO_SUCH_DATABASE,
    )


def _reason(login: Login, problem: NoSessionError) -> str:
    if problem.identity:
        return _identity_reason(login, problem.identity)
    if problem.kind:
        return (
            f"the driver failed with {problem.kind}: check login_host and login_port, and that the server is Redshift"
        )
    if problem.refused:
        return _refusal_reason(login, problem.sqlstate)
    return _network_reason(login, problem.cause)


def _refusal_reason(login: Login, sqlstate: str | None) -> str:
    if sqlstate == _NO_SUCH_DATABASE:
        return "there is no such database: check the name, or create it first"
    if sqlstate in _AUTHENTICATION_FAILED:
        return "the server did not accept the account: check the user name and the password"
    if sqlstate == _INSUFFICIENT_PRIVILEGE:
        return f"{login.who} may not connect to this database: grant it the CONNECT privilege"
    if is_transient_login(sqlstate):
        return f"the server does not accept connections now (SQLSTATE {sqlstate}): run the task again later"
    if sqlstate:
        return f"the server refused with SQLSTATE {sqlstate}"
    return (
        "the server refused the login, and the driver does not report why: check the user name, the password and the "
        "database"
    )


# Codes of AWS, and the equivalent exceptions of botocore.
_IDENTITY_ADVICE = {
    NO_ADDRESS: "the cluster or workgroup is being created, paused or resized, or does not exist: wait until it is "
    "available",
    "NoRegionError": "set region",
    **dict.fromkeys(
        ("ClusterNotFound", "ClusterNotFoundFault", "ResourceNotFoundException"),
        "check cluster_identifier or workgroup, and region",
    ),
    **dict.fromkeys(
        (
            *("EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError"),
            *("ProxyConnectionError", "SSLError", "ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError"),
        ),
        "check the network and the proxy between this host and AWS or Okta, and region",
    ),
}


def _identity_reason(login: Login, problem: str) -> str:
    source = "Okta or AWS" if login.auth_method == "okta" else "AWS"
    advice = _IDENTITY_ADVICE.get(problem, "check the identity and its permissions")
    return f"{source} gave no credentials for the database ({problem}): {advice}"


def _network_reason(login: Login, cause: OSError | None) -> str:
    if isinstance(cause, socket.gaierror):
        if login.driver == "redshift_connector" and has_ipv6_only(login.host):
            return (
                "the host has no IPv4 address, and driver 'redshift_connector' uses no other: use an IPv4 address or "
                "driver 'psycopg'"
            )
        return "the host name is not known: check login_host"
    if isinstance(cause, socket.timeout):
        return (
            f"no answer within {login.connect_timeout} seconds: check security groups, routing and login_port, and "
            "that the cluster is not paused"
        )
    if isinstance(cause, ConnectionRefusedError):
        return "the connection was refused: check login_port, and that the cluster is running, not paused or resizing"
    if isinstance(cause, NotADatabaseError):
        return "the server is not a database: check login_host and login_port"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted ({cause.verify_message}): check login_host and ca_path"
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return "the server offers no usable TLS; ssl_mode 'disable' connects without it"
    if cause and cause.errno and cause.errno > 0 and not isinstance(cause, ssl.SSLError):
        return f"the connection failed: {os.strerror(cause.errno)}"
    return "the server ended the connection before the login: check that it is running and that it accepts this client"
