# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules redshift_script and redshift_info, checked by the state of the database.

Both drivers run where they differ: tests/unit/test_drivers.py, test_execute.py and test_login.py have all other cases.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import pathlib
import re
import socket
import typing as t

import pytest
import trustme

from tests.support.fake_aws import FakeAws
from tests.support.preloaded import run_module
from tests.support.standin import Standins
from tests.support.standin import scripts as immuta_scripts
from tests.support.standin.relay import Relay
from tests.support.standin.relay import Statement as Sent

PASSWORD = "Sy5tem-Pa55word"
YESTERDAY = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
HARMLESS = re.compile(r"SELECT|SHOW|SET", re.IGNORECASE)

Outcome = dict[str, t.Any]


@dataclasses.dataclass
class Shell:
    """A runner of modules as Ansible does it: in a separate process, with arguments on standard input."""

    standins: Standins
    directory: pathlib.Path
    driver: str
    environment: dict[str, str]

    def __call__(self, module: str, *, check_mode: bool = False, **options: t.Any) -> Outcome:
        login = {"login_host": self.standins.redshift.host, "login_port": self.standins.redshift.port}
        account = {"login_user": self.standins.bootstrap.user, "login_password": self.standins.bootstrap.password}
        defaults = {**login, **account, "login_db": "dev", "ssl_mode": "disable", "driver": self.driver}
        arguments = {**defaults, **options, "_ansible_check_mode": check_mode}
        run = run_module(module, arguments, {**os.environ, **self.environment}, self.directory)
        assert run.stderr == ""
        result = json.loads(run.stdout)
        result.pop("invocation", None)
        assert PASSWORD not in json.dumps(result)
        return result

    def script(self, *statements: str, **options: t.Any) -> Outcome:
        """Run statements with redshift_script, each on its own line."""
        path = self.directory / "script.sql"
        path.write_text("".join(f"{statement};\n" for statement in statements), encoding="utf-8")
        return self("redshift_script", path=str(path), **options)

    def sent(self, since: int) -> list[str]:
        """Return the statements of the server after the first ``count``."""
        return [statement.text for statement in self.standins.postgres.statements()[since:]]

    def sent_so_far(self) -> int:
        return len(self.standins.postgres.statements())


@pytest.fixture
def shell(request: pytest.FixtureRequest, standins: Standins, tmp_path: pathlib.Path) -> Shell:
    return Shell(standins, tmp_path, getattr(request, "param", "redshift_connector"), {})


BOTH_DRIVERS = pytest.mark.parametrize("shell", ["redshift_connector", "psycopg"], indirect=True)


@pytest.fixture
def first(standins: Standins) -> list[str]:
    return immuta_scripts.initial_create(standins.config())


@pytest.fixture
def second(standins: Standins) -> list[str]:
    return immuta_scripts.create(standins.config())


def outcomes(result: Outcome) -> list[str]:
    return [statement["outcome"] for statement in result["statements"]]


@BOTH_DRIVERS
def test_setup_scripts_run_once(shell: Shell, first: list[str], second: list[str]) -> None:
    schemas = sorted(immuta_scripts.SCHEMAS)

    def set_up() -> tuple[Outcome, Outcome]:
        started = shell.script(*first, creates={"database": "IMMUTA", "user": "immuta_system_account"})
        return started, shell.script(*second, login_db="immuta", creates={"schema": schemas})

    started, ended = set_up()
    catalog = shell.standins.catalog()
    assert catalog["schemas"] == {"dev": [], "immuta": schemas}
    assert "immuta_system_account" in catalog["users"]
    assert started["changed"]
    assert started["transaction"] == "none"
    assert [entry["command"] for entry in started["statements"]][:2] == ["CREATE USER", "CREATE DATABASE"]
    assert ended["changed"]
    assert ended["transaction"] == "single"
    assert outcomes(ended) == ["ok"] * len(second)
    started, ended = set_up()
    assert not started["changed"]
    assert started["already_created"]
    assert not ended["changed"]
    assert set(outcomes(ended)) == {"not_run"}
    assert shell.standins.catalog() == catalog


def test_failed_transaction_leaves_nothing(shell: Shell) -> None:
    result = shell.script("CREATE SCHEMA a", "CREATE TABLE a.t (n int)", "CREATE TABLE nowhere.t (n int)", "SELECT 1")
    assert shell.standins.catalog()["schemas"] == {"dev": []}
    assert outcomes(result) == ["rolled_back", "rolled_back", "failed", "not_run"]
    assert result["failed_statement"] == {"index": 3, "line": 3, "command": "CREATE TABLE"}
    assert result["sqlstate"] == "3F000"
    assert result["state"] == "unchanged"
    assert 'schema "nowhere" does not exist' in result["msg"]


def test_partial_script_continues(shell: Shell, first: list[str]) -> None:
    result = shell.script(first[0], first[1], "CREATE TABLE nowhere.t (n int)", first[2])
    assert shell.standins.catalog()["databases"] == ["dev", "immuta"]
    assert outcomes(result) == ["ok", "ok", "failed", "not_run"]
    assert result["state"] == "partial"
    assert "2 of the 2 statements before it have taken effect." in result["msg"]
    result = shell.script(*first, on_existing="skip")
    assert outcomes(result) == ["skipped", "skipped", "ok"]
    assert result["changed"]
    assert result["user_skipped"]
    assert result["skipped_count"] == 2
    assert "exists already and keeps its password" in json.dumps(result["warnings"])
    assert not shell.script(*first[:2], on_existing="skip")["changed"]


def test_existing_objects_are_skipped_in_transactions(shell: Shell) -> None:
    shell.script("CREATE SCHEMA b")
    result = shell.script("CREATE SCHEMA a", "CREATE SCHEMA b", "CREATE SCHEMA c", on_existing="skip")
    assert result["transaction"] == "single"
    assert outcomes(result) == ["ok", "skipped", "ok"]
    result = shell.script("BEGIN", "CREATE SCHEMA a", "CREATE SCHEMA d", "COMMIT", on_existing="skip")
    assert outcomes(result) == ["ok", "skipped", "ok", "ok"]
    assert shell.standins.catalog()["schemas"] == {"dev": ["a", "b", "c", "d"]}


PROCEDURE = "CREATE SCHEMA own;\nCREATE PROCEDURE own.p() AS $$ BEGIN CREATE SCHEMA a; COMMIT; END $$ LANGUAGE plpgsql"


def test_committing_procedure_runs_alone(shell: Shell) -> None:
    assert outcomes(shell.script(PROCEDURE)) == ["ok", "ok"]
    alone = shell.script("CALL own.p()")
    assert (outcomes(alone), alone["transaction"]) == (["ok"], "none")


def test_nontransactional_statement_changes_the_mode(shell: Shell) -> None:
    script = [PROCEDURE, "CALL own.p()", "CREATE SCHEMA b"]
    refused = shell.script(*script, transaction="single")
    assert refused["sqlstate"] == "2D000"
    assert "cannot run inside a transaction: use transaction 'none'" in refused["msg"]
    assert shell.standins.catalog()["schemas"] == {"dev": []}
    result = shell.script(*script)
    assert (outcomes(result), result["transaction"]) == (["ok"] * 4, "none")
    assert "Statement 3 (line 3, CALL) cannot run inside a transaction" in json.dumps(result["warnings"])
    assert shell.standins.catalog()["schemas"] == {"dev": ["a", "b", "own"]}


def test_backslash_follows_the_server_setting(shell: Shell) -> None:
    script = [r"CREATE SCHEMA a", r"COMMENT ON SCHEMA a IS 'where s=\'OH;\' '", "CREATE SCHEMA b"]
    assert outcomes(shell.script(*script)) == ["ok"] * 3
    assert shell.standins.catalog()["schemas"] == {"dev": ["a", "b"]}


def test_backslash_is_literal_in_postgresql(standins: Standins, tmp_path: pathlib.Path) -> None:
    shell = Shell(standins, tmp_path, "psycopg", {})
    user = standins.bootstrap.user
    standins.postgres.run(f"ALTER USER {user} SET standard_conforming_strings = on")
    try:
        kept = shell.script(r"CREATE SCHEMA a", r"COMMENT ON SCHEMA a IS 'b\'", login_port=standins.postgres.port)
        refused = shell.script(r"COMMENT ON SCHEMA a IS 'it\'s'", login_port=standins.postgres.port)
    finally:
        standins.postgres.run(f"ALTER USER {user} RESET standard_conforming_strings")
    assert outcomes(kept) == ["ok", "ok"]
    assert "reads the backslash in the string on line 1 as a plain character: write '' for a quote" in refused["msg"]
    missing = shell.script(r"COMMENT ON SCHEMA a IS 'b\'")
    assert "Redshift reads the backslash in the string on line 1 as an escape" in missing["msg"]


@BOTH_DRIVERS
def test_statements_that_a_driver_cannot_handle(shell: Shell) -> None:
    parameter = shell.script("CREATE SCHEMA a", "SELECT 1 WHERE 'a' = $1", transaction="none")
    assert (parameter["state"], outcomes(parameter)) == ("partial", ["ok", "failed"])
    assert "it has a parameter such as $1" in parameter["msg"]
    unreadable = shell.script("SELECT '24:00:00'::time", "SELECT '10000-01-01'::date", "CREATE TABLE a.t (n int)")
    assert outcomes(unreadable) == ["ok", "ok", "ok"]
    copied = shell.script("SELECT 1", "COPY a.t FROM STDIN", transaction="none")
    assert outcomes(copied)[0] == "ok"
    assert "Statement 2 of 2 (line 2, COPY)" in copied["msg"]
    assert "None" not in copied["msg"]


def test_script_without_statements_warns(shell: Shell) -> None:
    result = shell.script("-- nothing", "/* nothing */")
    assert not result["changed"]
    assert "has no statements: there is nothing to run." in json.dumps(result["warnings"])


def test_refused_script_is_not_sent(shell: Shell) -> None:
    before = shell.sent_so_far()
    result = shell.script("CREATE SCHEMA a", "CREATE SCHEMA b -- x\n\\c immuta")
    assert result["failed"]
    assert result["line"] == 3
    assert "script.sql was not run. Line 3 of the script: \\c is a psql meta-command" in result["msg"]
    assert shell.sent(before) == []


def test_check_mode_only_reads(shell: Shell, first: list[str], second: list[str]) -> None:
    before = shell.sent_so_far()
    result = shell.script(*first, creates={"database": "immuta"}, check_mode=True)
    assert result["changed"]
    assert set(outcomes(result)) == {"not_run"}
    assert "line 2: CREATE USER\n" in result["diff"]["after"]
    later = shell.script(*second, login_db="immuta", creates={"schema": "immuta_system"}, check_mode=True)
    assert later["changed"]
    assert not later["database_exists"]
    sent = shell.sent(before)
    assert sent
    assert all(HARMLESS.match(text) for text in sent)
    assert shell.standins.catalog()["databases"] == ["dev"]


@BOTH_DRIVERS
def test_failed_login_gives_the_reason(shell: Shell) -> None:
    cases: list[tuple[Outcome, str, set[str]]] = [
        ({"login_password": "wrong"}, "did not accept the account", {"authentication_failed"}),
        ({"login_user": "nobody"}, "did not accept the account", {"authentication_failed"}),
        ({"login_db": "nowhere"}, "there is no such database", {"database_missing"}),
        ({"login_port": 1, "connect_retries": 0}, "the connection was refused", set()),
        ({"login_host": "nowhere.invalid"}, "the host name is not known", set()),
        ({"ssl_mode": "verify-full"}, "offers no usable TLS", set()),
    ]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        late = {"login_port": silent.getsockname()[1], "connect_timeout": 1, "connect_retries": 0}
        for options, reason, facts in [*cases, (late, "no answer within 1 seconds", set())]:
            result = shell("redshift_info", **options)
            assert result["failed"]
            assert reason in result["msg"]
            assert {name for name, value in result.items() if value is True} - {"failed"} == facts, options


def test_unreadable_script(shell: Shell) -> None:
    missing = shell("redshift_script", path=str(shell.directory / "nowhere.sql"))
    assert f"The script {shell.directory}/nowhere.sql was not found on the host" in missing["msg"]
    pipe = shell.directory / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, shell.directory):
        result = shell("redshift_script", path=str(path))
        assert result["msg"] == f"The script {path} is not a regular file: save the script in a file."
    assert "The option path is empty" in shell("redshift_script", path="")["msg"]


@pytest.mark.parametrize(
    ("action", "said"),
    [("drop_before", "was lost while reading the catalog"), ("fail 57014", "failed with SQLSTATE 57014")],
)
def test_failed_catalog_query(shell: Shell, action: str, said: str) -> None:
    shell.standins.redshift.on_statement = lambda statement: action if "pg_group" in statement.text else None
    result = shell("redshift_info")
    assert said in result["msg"]
    assert f"database 'dev' at {shell.standins.redshift.host}" in result["msg"]


@BOTH_DRIVERS
@pytest.mark.parametrize(
    ("transaction", "met", "when", "became", "schemas"),
    [
        ("single", "commit", "drop_before", ["unknown", "unknown"], []),
        ("single", "commit", "drop_after", ["unknown", "unknown"], ["a", "b"]),
        ("single", "create schema b", "drop_after", ["rolled_back", "failed"], []),
        ("none", "create schema b", "drop_after", ["ok", "unknown"], ["a", "b"]),
    ],
)
def test_connection_lost(
    shell: Shell, transaction: str, met: str, when: str, became: list[str], schemas: list[str]
) -> None:
    def drop(statement: Sent) -> str | None:
        return when if statement.text.lower().startswith(met) else None

    shell.standins.redshift.on_statement = drop
    result = shell.script("CREATE SCHEMA a", "CREATE SCHEMA b", transaction=transaction)
    assert outcomes(result) == became
    assert result["state"] == ("unknown" if "unknown" in became else "unchanged")
    assert shell.standins.catalog()["schemas"] == {"dev": schemas}


def test_statement_timeout(shell: Shell) -> None:
    cancelled = shell.script("SELECT pg_sleep(20)", statement_timeout=1)
    assert cancelled["sqlstate"] == "57014"
    assert "statement_timeout" in cancelled["msg"]


def test_names_differing_in_case_are_distinct(shell: Shell) -> None:
    shell.standins.postgres.run('CREATE SCHEMA "ETL"', database="dev")
    result = shell.script("CREATE SCHEMA etl", creates={"schema": "etl"})
    assert outcomes(result) == ["ok"]
    assert "The schema 'etl' does not exist, but 'ETL' does" in json.dumps(result["warnings"])
    info = shell("redshift_info", database="dev", schemas=["etl", "ETL", "Etl"])
    assert [entry["name"] for entry in info["schemas"]] == ["etl", "ETL", "etl"]
    assert info.get("warnings", []) == []


@BOTH_DRIVERS
def test_current_objects(shell: Shell, first: list[str], second: list[str]) -> None:
    names = {"schemas": ["Immuta_System", "other"], "users": ["BOOTSTRAP", "zoe"], "groups": ["immuta_impersonation"]}
    result = shell("redshift_info", database="immuta", **names)
    assert not result["changed"]
    assert not result["database_exists"]
    assert result["missing_schemas"] == names["schemas"]
    assert result["missing_users"] == ["zoe"]
    assert result["missing_groups"] == names["groups"]
    assert result["current_user"] == {"name": "bootstrap", "superuser": False, "createdb": True, "createuser": True}
    assert "Redshift" in result["version"]
    assert {"name": "dev", "owner": "admin", "exists": True} in result["databases"]
    shell.script(*first)
    shell.script(*second, "CREATE GROUP immuta_impersonation", login_db="immuta")
    result = shell("redshift_info", database="immuta", **names)
    assert result["database_exists"]
    assert result["schemas"][0] == {"name": "immuta_system", "owner": "bootstrap", "exists": True}
    assert result["missing_schemas"] == ["other"]
    assert result["missing_groups"] == []
    everything = shell("redshift_info", database="immuta")
    assert {entry["name"] for entry in everything["schemas"]} == {*immuta_scripts.SCHEMAS, "public"}
    assert {entry["name"] for entry in everything["users"]} >= {"bootstrap", "immuta_system_account"}
    assert [entry["name"] for entry in everything["groups"]] == ["immuta_impersonation"]


def failed_tests(result: Outcome, status: str = "failed") -> list[str]:
    return [test["name"] for test in result["requirements"]["validation_tests"] if test["status"] == status]


def test_requirements_of_a_setup(shell: Shell, first: list[str]) -> None:
    new = {"database": "immuta", "system_user": "immuta_system_account"}
    result = shell("redshift_info", **new)
    assert result["requirements_met"]
    assert failed_tests(result) == []
    nobody = shell.standins.unprivileged
    result = shell("redshift_info", **new, login_user=nobody.user, login_password=nobody.password)
    assert not result["requirements_met"]
    assert failed_tests(result) == [
        "CREATE DATABASE",
        "CREATE USER",
        "REVOKE ALL PRIVILEGES ON DATABASE",
        "GRANT TEMP ON DATABASE",
    ]
    shell.script(*first)
    result = shell("redshift_info", **new)
    assert result["requirements_met"]
    assert {"Immuta database", "System account"} <= set(failed_tests(result, "warning"))
    shell.standins.postgres.run("CREATE TABLE public.t (n int)", database="immuta")
    assert failed_tests(shell("redshift_info", **new)) == ["Immuta database"]
    assert shell("redshift_info", **new, single_database=True)["requirements_met"]


def test_single_database_requires_privileges_only(shell: Shell) -> None:
    run, user = shell.standins.postgres.run, shell.standins.bootstrap.user
    lake: dict[str, t.Any] = {"database": "lake", "single_database": True}
    run("CREATE DATABASE lake", database="dev")
    run("CREATE SCHEMA spectrum", database="lake")
    assert "ALL PRIVILEGES ON DATABASE" in failed_tests(shell("redshift_info", **lake), "warning")
    run(f"GRANT ALL PRIVILEGES ON DATABASE lake TO {user}", database="dev")
    result = shell("redshift_info", **lake)
    assert result["requirements_met"]
    assert "ALL PRIVILEGES ON DATABASE" in failed_tests(result, "passed")
    # PostgreSQL lacks these views, so their content is unknown.
    assert "GRANT TEMP ON DATABASE" in failed_tests(result, "skipped")
    for kind, privilege, name in (("database", "TEMP", "lake"), ("language", "USAGE", "plpythonu")):
        columns = f"'{name}' AS {kind}_name, '{privilege}' AS privilege_type, 'user' AS identity_type"
        view = f"svv_{kind}_privileges AS SELECT {columns}, '{user}' AS identity_name, true AS admin_option"
        run(f"CREATE VIEW public.{view}; GRANT SELECT ON public.svv_{kind}_privileges TO PUBLIC", database="lake")
    assert {"GRANT TEMP ON DATABASE", "USAGE ON LANGUAGE plpythonu"} <= set(
        failed_tests(shell("redshift_info", **lake), "passed")
    )


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> trustme.CA:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    return authority


@pytest.fixture
def tls_port(
    request: pytest.FixtureRequest, standins: Standins, authority: trustme.CA, tmp_path: pathlib.Path
) -> t.Iterator[int]:
    certificate = authority.issue_cert("localhost", not_after=getattr(request, "param", None))
    certificate.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    with Relay(standins.postgres.port, tls=(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))) as relay:
        yield relay.port


@BOTH_DRIVERS
def test_certificate_is_verified(shell: Shell, tls_port: int) -> None:
    """The options alone decide, in any environment."""
    shell.environment.update(
        SSL_CERT_FILE="/nowhere", SSL_CERT_DIR="/nowhere", PGSSLROOTCERT="/nowhere", PGSSLMODE="disable"
    )
    for host, mode, trusted, is_accepted in [
        ("localhost", "verify-full", True, True),
        ("127.0.0.1", "verify-ca", True, True),
        ("127.0.0.1", "verify-full", True, False),
        ("localhost", "verify-full", False, False),
        ("localhost", "verify-ca", False, False),
        ("127.0.0.1", "disable", False, True),
    ]:
        ca_path = str(shell.directory / "authority.pem") if trusted else None
        result = shell("redshift_info", login_host=host, login_port=tls_port, ssl_mode=mode, ca_path=ca_path)
        assert ("version" in result) is is_accepted, (host, mode, trusted)
        assert is_accepted or "cannot be trusted" in result["msg"]


@BOTH_DRIVERS
@pytest.mark.parametrize("tls_port", [YESTERDAY], indirect=True, ids=["yesterday"])
def test_expired_certificate_is_refused(shell: Shell, tls_port: int) -> None:
    authority = str(shell.directory / "authority.pem")
    for mode in ("verify-full", "verify-ca"):
        result = shell("redshift_info", login_host="localhost", login_port=tls_port, ssl_mode=mode, ca_path=authority)
        assert "cannot be trusted (certificate has expired)" in result["msg"]


@pytest.fixture
def aws(standins: Standins, shell: Shell, tls_port: int) -> t.Iterator[FakeAws]:
    certificate = str(shell.directory / "cert.pem"), str(shell.directory / "key.pem")
    account = standins.bootstrap
    with FakeAws(certificate, "localhost", tls_port, account.user, account.password) as aws:
        shell.environment.update(aws.environment(str(shell.directory / "authority.pem")))
        yield aws


NO_LOGIN = {"login_host": None, "login_user": None, "login_password": None, "ssl_mode": "verify-full"}
CLUSTER = {"cluster_identifier": "analytics", "db_user": "bootstrap"}
OKTA = {"auth_method": "okta", "app_id": "x1", "login_user": "zoe", "login_password": "Okta-Pa55word"}


def test_credentials_come_from_aws(shell: Shell, aws: FakeAws) -> None:
    login = {**NO_LOGIN, "ca_path": str(shell.directory / "authority.pem"), "login_port": aws.facts["port"]}
    cases: list[tuple[Outcome, list[str]]] = [
        ({"auth_method": "iam", **CLUSTER}, ["GetClusterCredentials", "DescribeClusters"]),
        ({"auth_method": "iam", "workgroup": "analytics", "login_host": "localhost"}, ["GetCredentials"]),
        (
            {**OKTA, **CLUSTER},
            ["/api/v1/authn", "/home/amazon_aws_redshift/x1", "AssumeRoleWithSAML", "GetClusterCredentials"],
        ),
    ]
    for options, asked in cases:
        aws.asked.clear()
        result = shell("redshift_info", **{**login, "idp_host": aws.address, **options})
        assert result["current_user"]["name"] == "bootstrap"
        assert [name for name in aws.asked if name in asked] == asked


def test_aws_returns_no_credentials(shell: Shell, aws: FakeAws) -> None:
    def message(**options: t.Any) -> str:
        result = shell("redshift_info", **{**NO_LOGIN, "auth_method": "iam", **CLUSTER, **options})
        assert aws.facts["password"] not in result["msg"]
        return result["msg"]

    aws.endpoint = False
    assert "the cluster or workgroup is being created, paused or resized, or does not exist" in message()
    aws.refuse = "AccessDenied"
    assert "AWS gave no credentials for the database (AccessDenied)" in message()
    assert "AWS gave no credentials for the database (Profile" in message(profile="nowhere")
    assert "Okta or AWS gave no credentials for the database (HTTPError)" in message(**OKTA, idp_host=aws.address)
    del shell.environment["AWS_DEFAULT_REGION"]
    assert "AWS gave no credentials for the database (NoRegionError): set region." in message()


def test_script_is_removed_after_reading(shell: Shell) -> None:
    path = shell.directory / "script.sql"
    assert shell.script("CREATE SCHEMA one", remove=True, check_mode=True)["changed"]
    assert path.exists()
    assert shell.script("CREATE SCHEMA one", remove=True)["changed"]
    assert not path.exists()
    assert shell.script("CREATE SCHEMA one", remove=True)["failed"]
    assert not path.exists()
    assert shell.script("CREATE SCHEMA 'one", remove=True)["failed"]
    assert path.exists(), "a refused script is kept"


def test_dropping_missing_objects_can_be_skipped(shell: Shell) -> None:
    script = ["CREATE SCHEMA one", "DROP SCHEMA gone", 'DROP GROUP "gone"', 'REVOKE ALL ON SCHEMA one FROM "gone"']
    assert shell.script(*script)["sqlstate"] == "3F000"
    assert shell.standins.catalog()["schemas"]["dev"] == []

    result = shell.script(*script, on_missing="skip")

    assert [statement["outcome"] for statement in result["statements"]] == ["ok", "skipped", "skipped", "skipped"]
    assert shell.standins.catalog()["schemas"]["dev"] == ["one"]
