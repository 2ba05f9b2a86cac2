# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Opens a session in a Redshift database, and says why it did not work."""

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
    DriverError,
    NoSessionError,
    Session,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.login import (
    Login,
)

# Databases that are there without anybody's doing, in Redshift and in PostgreSQL.
_USUAL_DATABASES = ("dev", "postgres", "template1")

# Seconds before the first and at most before any further attempt to connect.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0

_NO_SUCH_DATABASE = "3D000"

_AUTHENTICATION_FAILED = ("28000", "28P01")

_NOT_NOW = ("53300", "57P03")  # too many connections; starting up or shutting down


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
            return DRIVERS[login.driver](login, database)
        except NoSessionError as problem:
            if attempt == login.connect_retries or not _may_pass(problem):
                raise _login_error(login, database, problem) from None
        sleep(min(_FIRST_PAUSE * 2**attempt, _LONGEST_PAUSE) * random.uniform(0.5, 1.0))
        attempt += 1


def _may_pass(problem: NoSessionError) -> bool:
    if problem.sqlstate:
        return problem.sqlstate in _NOT_NOW or problem.sqlstate.startswith("08")
    if isinstance(problem.cause, socket.gaierror):
        return problem.cause.errno == socket.EAI_AGAIN
    return not (problem.identity or problem.asked_password or isinstance(problem.cause, ssl.SSLError))


def _login_error(login: Login, database: str, problem: NoSessionError) -> LoginError:
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


def _obstacle_sentence(login: Login, problem: NoSessionError) -> str:
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
            session = DRIVERS[login.driver](login, other)
        except NoSessionError:
            continue
        try:
            return any(name == database for (name,) in session.query("SELECT datname FROM pg_database"))
        finally:
            session.close()
    return None
