# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requirements of a login, retries, and the message of a failure.

Tests in tests/functional cover the drivers with a server.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import pathlib
import socket
import ssl
import sys
import types
import typing as t
from unittest import mock

import certifi
import pytest
import redshift_connector
from botocore.exceptions import ClientError, NoCredentialsError

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    InputError,
    LoginError,
    MissingLibraryError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift import ambient, drivers, probe
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.drivers import DriverError, NoSessionError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.login import Login, login_spec
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.probe import NotADatabaseError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.session import connect

PASSWORD = {"login_host": "h", "login_user": "u", "login_password": "hunter2"}
IAM = {"auth_method": "iam", "cluster_identifier": "c", "db_user": "d"}
SERVERLESS = {"auth_method": "iam", "workgroup": "w", "region": "r", "profile": "p"}
OKTA = {"auth_method": "okta", "workgroup": "w", "idp_host": "i", "app_id": "a", **PASSWORD}


def login(**options: t.Any) -> Login:
    defaults = {name: spec.get("default") for name, spec in login_spec().items()}
    return Login.from_params({**defaults, "login_db": "dev", **options})


def refusal(cause: OSError | None = None, **reason: t.Any) -> NoSessionError:
    return NoSessionError(cause=cause, refused="sqlstate" in reason, **reason)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., mock.Mock]:
    """Install a driver that refuses logins with the prepared errors; ``at_first`` is that of each first statement."""

    def install(*problems: NoSessionError, at_first: DriverError | None = None) -> mock.Mock:
        driver = mock.Mock()
        driver.session.execute.side_effect = at_first
        driver.side_effect = [*problems, *[driver.session] * 9]
        monkeypatch.setitem(drivers.DRIVERS, "redshift_connector", driver)
        return driver

    return install


def failed_login(database: str | None = None, **options: t.Any) -> tuple[LoginError, list[float]]:
    pauses: list[float] = []
    with pytest.raises(LoginError) as caught, connect(login(**{**PASSWORD, **options}), database, sleep=pauses.append):
        pass
    return caught.value, pauses


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "auth_method 'password' also needs login_host, login_user, login_password."),
        ({**PASSWORD, "login_password": ""}, "auth_method 'password' also needs login_password."),
        ({**OKTA, "idp_host": None}, "auth_method 'okta' also needs idp_host."),
        ({**OKTA, "workgroup": None}, "auth_method 'okta' needs either cluster_identifier or workgroup."),
        ({**IAM, "workgroup": "w"}, "auth_method 'iam' needs either cluster_identifier or workgroup."),
        ({**IAM, "db_user": None}, "auth_method 'iam' with cluster_identifier also needs db_user."),
        ({**IAM, "driver": "psycopg"}, "auth_method 'iam' works with driver 'redshift_connector' only."),
        ({**OKTA, "ssl_mode": "disable"}, "auth_method 'okta' needs TLS: ssl_mode must not be 'disable'."),
        ({**PASSWORD, "login_db": ""}, "login_db is empty: set the name of a database."),
        ({**OKTA, "login_host": "a/b"}, "login_host is not a host name: set it without scheme, port and path."),
        ({**PASSWORD, "connect_timeout": 0}, "connect_timeout is 0: set a number from 1 to 86400."),
        ({**PASSWORD, "login_port": 0}, "login_port is 0: set a number from 1 to 65535."),
        ({**PASSWORD, "connect_retries": 10**12}, f"connect_retries is {10**12}: set a number from 0 to 100."),
        ({**PASSWORD, "statement_timeout": -1}, "statement_timeout is -1: set a number from 0 to 2147483."),
        ({**PASSWORD, "login_password": "a\0b"}, "login_password contains a NUL character, which no server accepts."),
        ({**PASSWORD, "ca_path": "/no/such/file"}, "The certificates in ca_path cannot be read: /no/such/file."),
    ],
)
def test_insufficient_options(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        login(**options)
    assert caught.value.message == message


@pytest.mark.parametrize("options", [PASSWORD, IAM, SERVERLESS, OKTA, {**IAM, "login_host": "h"}])
def test_driver_accepts_each_argument(options: dict[str, t.Any]) -> None:
    arguments = drivers._RedshiftConnector._arguments(login(**options), "immuta")
    inspect.signature(redshift_connector.connect).bind(**arguments)
    assert "hunter2" not in repr(login(**options))
    assert arguments["database"] == "immuta"


@pytest.mark.parametrize(("seconds", "executed"), [(5, ["SET statement_timeout TO 5000"]), (0, [])])
def test_session_has_a_timeout_and_is_closed(
    seconds: int, executed: list[str], use: t.Callable[..., mock.Mock]
) -> None:
    driver = use()
    with pytest.raises(KeyError), connect(login(**PASSWORD, statement_timeout=seconds)):
        raise KeyError
    assert [call.args[0] for call in driver.session.execute.call_args_list] == executed
    assert driver.session.close.call_count == 1


@pytest.mark.parametrize(
    "problem",
    [
        refusal(),
        *map(refusal, (ConnectionRefusedError(), ConnectionResetError(), socket.timeout())),
        *map(refusal, (socket.gaierror(socket.EAI_AGAIN, ""), ssl.SSLEOFError(), ssl.SSLZeroReturnError())),
        *(refusal(sqlstate=sqlstate) for sqlstate in ("57P03", "53300", "57P01", "08006")),
    ],
)
def test_transient_errors_are_retried(problem: NoSessionError, use: t.Callable[..., mock.Mock]) -> None:
    use(problem, problem)
    pauses: list[float] = []
    with connect(login(**PASSWORD), sleep=pauses.append):
        assert len(pauses) == 2
    use(*[problem] * 9)
    pauses = failed_login(connect_retries=7)[1]
    assert len(pauses) == 7
    assert 0.5 <= pauses[0] <= 1
    assert 7.5 <= pauses[-1] <= 15


UNTRUSTED = ssl.SSLCertVerificationError()
UNTRUSTED.verify_message = "self-signed certificate"


@pytest.mark.parametrize(
    ("problem", "reason", "fact"),
    [
        (refusal(sqlstate="28P01"), "the server did not accept the account", "authentication_failed"),
        (refusal(sqlstate="28000"), "the server did not accept the account", "authentication_failed"),
        (refusal(sqlstate="3D000"), "there is no such database", "database_missing"),
        (refusal(sqlstate="42501"), "u may not connect to this database: grant it the CONNECT", None),
        (refusal(sqlstate="0A000"), "the server refused with SQLSTATE 0A000", None),
        (refusal(sqlstate=None), "refused the login, and the driver does not report why", None),
        (refusal(kind="KeyError"), "the driver failed with KeyError", None),
        (refusal(NotADatabaseError()), "the server is not a database", None),
        (refusal(socket.gaierror(socket.EAI_NONAME, "")), "the host name is not known", None),
        (refusal(UNTRUSTED), "cannot be trusted (self-signed certificate): check login_host and ca_path", None),
        (refusal(ssl.SSLError()), "the server offers no usable TLS", None),
        (refusal(identity="AccessDenied"), "gave no credentials for the database (AccessDenied)", None),
    ],
)
def test_permanent_errors_fail_at_once(
    problem: NoSessionError, reason: str, fact: str | None, use: t.Callable[..., mock.Mock]
) -> None:
    driver = use(*[problem] * 9)
    error, pauses = failed_login()
    assert pauses == []
    assert driver.call_count == 1
    assert error.message.startswith("Could not log in to database 'dev' at h:5439 as u: ")
    assert reason in error.message
    assert error.facts == {name: name == fact for name in ("authentication_failed", "database_missing")}


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (ConnectionRefusedError(), "the connection was refused"),
        (socket.timeout(), "no answer within 30 seconds"),
        (ConnectionResetError(104, ""), "the connection failed: Connection reset by peer"),
        (None, "the server ended the connection before the login"),
    ],
)
def test_lasting_transient_error_is_reported(
    cause: OSError | None, reason: str, use: t.Callable[..., mock.Mock]
) -> None:
    use(refusal(cause))
    assert reason in failed_login(connect_retries=0)[0].message


@pytest.mark.parametrize(
    ("error", "is_retried", "said"),
    [
        (DriverError(sqlstate=None, lost=True, kind="InterfaceError"), True, "ended the connection before the login"),
        (DriverError(sqlstate="42501", lost=False), False, "grant it the CONNECT privilege"),
        (DriverError(sqlstate=None, lost=False, kind="ValueError"), False, "the driver failed with ValueError"),
    ],
)
def test_session_that_breaks_at_once(
    error: DriverError, is_retried: bool, said: str, use: t.Callable[..., mock.Mock]
) -> None:
    driver = use(at_first=error)
    failed, pauses = failed_login()
    assert (len(pauses), driver.session.close.call_count) == ((3, 4) if is_retried else (0, 1))
    assert said in failed.message


@pytest.mark.parametrize(
    ("options", "identity", "said"),
    [
        (IAM, "no endpoint", "the cluster or workgroup is being created, paused or resized, or does not exist: wait"),
        (IAM, "NoRegionError", "set region."),
        (IAM, "ClusterNotFound", "check cluster_identifier or workgroup, and region."),
        (IAM, "EndpointConnectionError", "check the network and the proxy between this host and AWS or Okta, and reg"),
        (SERVERLESS, "AccessDenied", "check the identity and its permissions."),
    ],
)
def test_aws_credential_errors(
    options: dict[str, t.Any], identity: str, said: str, use: t.Callable[..., mock.Mock]
) -> None:
    use(refusal(identity=identity))
    where = "cluster c as d" if options is IAM else "workgroup w as the IAM identity"
    with pytest.raises(LoginError) as caught, connect(login(**options)):
        pass
    assert f"at {where}: AWS gave no credentials for the database ({identity}): {said}" in caught.value.message


def test_host_without_ipv4_is_known(use: t.Callable[..., mock.Mock]) -> None:
    use(refusal(socket.gaierror(socket.EAI_NONAME, "")))
    assert "has no IPv4 address, and driver 'redshift_connector'" in failed_login(login_host="::1")[0].message


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (ClientError({"Error": {"Code": "ClusterNotFound", "Message": "hunter2"}}, "x"), "ClusterNotFound"),
        (NoCredentialsError(), "NoCredentialsError"),
        (KeyError("Endpoint"), "no endpoint"),
        (KeyError("address"), "no endpoint"),
        (KeyError("hunter2"), "KeyError"),
        (IndexError("list index out of range"), "no endpoint"),
    ],
)
def test_aws_error_shows_only_its_code(error: Exception, problem: str) -> None:
    assert drivers._identity_problem(error) == problem


def test_missing_library_names_its_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingLibraryError) as caught, connect(login(**PASSWORD, driver="psycopg")):
        pass
    advice = f"install it there: {sys.executable} -m pip install 'psycopg[binary]>=3.3.5'."
    assert caught.value.message == f"{sys.executable} lacks the Python library psycopg; {advice}"


@pytest.mark.parametrize(("version", "is_enough"), [("2.1.9", False), ("2.1.14", True), ("2.10.1", True), ("3", True)])
def test_library_version_is_checked(monkeypatch: pytest.MonkeyPatch, version: str, is_enough: bool) -> None:
    monkeypatch.setitem(sys.modules, "driver", types.SimpleNamespace(__version__=version))
    if is_enough:
        drivers._library("driver", "2.1.14")
    else:
        with pytest.raises(MissingLibraryError, match=r"has driver 2\.1\.9, which is too old"):
            drivers._library("driver", "2.1.14")


def test_certificates_trusted_by_psycopg(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = types.SimpleNamespace(cafile="/system.pem", capath=str(tmp_path))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: system)
    there = login(**PASSWORD)
    assert probe.certificates(dataclasses.replace(there, ca_path="/mine.pem")) == "/mine.pem"
    assert probe.certificates(there) == "/system.pem"
    system.cafile = None
    assert probe.certificates(there) == certifi.where()
    (tmp_path / "ca-certificates.crt").touch()
    assert probe.certificates(there) == f"{tmp_path}/ca-certificates.crt"


def test_driver_environment_during_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/before")
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.7")
    before = dict(os.environ)
    with ambient.environment({**ambient.trusting("/those"), **ambient.without_libpq()}):
        assert os.environ["SSL_CERT_FILE"] == "/those"
        assert os.environ["SSL_CERT_DIR"] == "/dev/null/none"
        assert "PGHOSTADDR" not in os.environ
    assert dict(os.environ) == before
    assert ambient.trusting(None) == {}
