# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""User errors end in one sentence that explains them, without changes and without secrets."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import typing as t

import pytest

from tests.support.playbooks import Workspace, asked
from tests.support.standin import HOST, Standins

# A part of every secret in this file.
CANARY = "C4nary"

CONFIG = {
    "host": HOST,
    "database": "immuta",
    "initial_database": "dev",
    "authentication_type": "userPassword",
    "username": "immuta_system_account",
    "password": f"{CANARY}-account",
}
OKTA = {
    "username": "taylor@example.com",
    "password": f"{CANARY}-okta",
    "app_id": "Okta",
    "idp_host": "organization.okta.com",
    "role": "admin",
}
NOT_USER = {"authentication_type": "okta", "username": None, "password": None}
INTEGRATION, SCRIPT, INFO = "immuta_redshift_integration", "immuta_integration_script", "immuta_integration_info"
RUN, LOOK = "redshift_script", "redshift_info"

# DIRECTORY is the directory of the test, HOST and PORT are the address of the database.
LOGIN = {"login_host": "HOST", "login_port": "PORT", "ssl_mode": "disable", "connect_retries": 0}
DEFAULTS: dict[str, dict[str, t.Any]] = {
    INTEGRATION: {"auto_bootstrap": False, "config": CONFIG},
    SCRIPT: {"script": "create", "config": CONFIG, "dest": "DIRECTORY/create.sql"},
    INFO: {"retries": 0},
    RUN: {"path": "DIRECTORY/script.sql", **LOGIN},
    LOOK: LOGIN,
}


@dataclasses.dataclass
class Case:
    """A task that must fail.

    ``says`` are parts of the sentence, ``facts`` some of the result's other keys. ``asked`` are the expected requests
    to Immuta; ``looks`` allows a login to the database. ``fault`` and ``records`` set up Immuta. ``environment`` has
    changed variables, None for a removed one. ``script`` is the content of script.sql, ``library`` one that is not
    installed.
    """

    name: str
    module: str
    arguments: dict[str, t.Any]
    says: list[str]
    facts: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    asked: list[str] = dataclasses.field(default_factory=list)
    looks: bool = False
    fault: dict[str, t.Any] | None = None
    records: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    environment: dict[str, str | None] = dataclasses.field(default_factory=dict)
    script: bytes = b"CREATE USER immuta PASSWORD 'C4nary-script';\n"
    library: str | None = None

    @property
    def is_known_before(self) -> bool:
        """Return whether the case needs no server, and so no stand-in of its own."""
        return not (self.asked or self.looks or self.library)


def config(**changes: t.Any) -> dict[str, t.Any]:
    return {"config": {**CONFIG, **changes}}


def okta(**changes: t.Any) -> dict[str, t.Any]:
    return config(**NOT_USER, okta={**OKTA, **changes})


def seeded(**changes: t.Any) -> dict[str, t.Any]:
    """Return an existing integration; ``config`` are changes to the default one."""
    names = {"initial_database": "initialDatabase", "authentication_type": "authenticationType"}
    usual = {names.get(name, name): value for name, value in CONFIG.items()}
    return {**changes, "config": {**usual, **changes.get("config", {})}}


LEFT_OUT = object()
ONE, ALL = ["GET /integrations/1"], ["GET /integrations"]
GONE = {"state": "absent", "auto_bootstrap": LEFT_OUT}

CASES = [
    # Invalid integrations
    Case("no url", INTEGRATION, {}, ["missing required arguments: url"], environment={"IMMUTA_URL": None}),
    Case("no key", INFO, {}, ["missing required arguments: api_key"], environment={"IMMUTA_API_KEY": None}),
    Case("no config", INTEGRATION, {"config": LEFT_OUT}, ["is required: id, config"]),
    Case("no auto_bootstrap", INTEGRATION, {"auto_bootstrap": LEFT_OUT}, ["state is present", "auto_bootstrap"]),
    Case("an empty auto_bootstrap", INTEGRATION, {"auto_bootstrap": None}, ["The option auto_bootstrap is empty"]),
    Case("neither id nor config", INTEGRATION, {**GONE, "config": LEFT_OUT}, ["one of the following is required: id"]),
    Case("neither id nor host", INTEGRATION, {**GONE, "config": {}}, ["Neither config.host nor id is set"]),
    Case("no host", INTEGRATION, config(host=None), ["Neither config.host nor id is set"]),
    Case("no database", INTEGRATION, config(database=None), ["also needs config.database."]),
    Case("an empty name", INTEGRATION, config(database=""), ["config.database is empty"]),
    Case("no password", INTEGRATION, config(password=None), ["Set config.password to create or change"], asked=ALL),
    Case(
        "half of Okta",
        INTEGRATION,
        okta(app_id=None, idp_host=None, role=None),
        ["Set config.okta.app_id, config.okta.idp_host and config.okta.role"],
        asked=ALL,
    ),
    Case("nothing of Okta", INTEGRATION, config(**NOT_USER), ["config.okta.username", "config.okta.role"], asked=ALL),
    Case("both credentials", INTEGRATION, config(okta=OKTA), ["config.okta", "userPassword", "leave out"]),
    Case(
        "the other credentials",
        INTEGRATION,
        config(authentication_type="okta", okta=OKTA),
        ["config.username", "authentication_type okta", "inside config.okta"],
    ),
    Case("a URL as host", INTEGRATION, config(host=f"https://{HOST}/"), ["config.host is not a host name", "scheme"]),
    Case("a host with port", INTEGRATION, config(host=f"{HOST}:5439"), ["config.host is not a host name", "port"]),
    Case("a URL as Okta's host", INTEGRATION, okta(idp_host="https://o.okta.com"), ["config.okta.idp_host is not"]),
    Case("port 70000", INTEGRATION, config(port=70000), ["config.port is 70000", "from 1 to 65535"]),
    Case("port 0", SCRIPT, config(port=0), ["config.port is 0", "from 1 to 65535"]),
    Case("a word as port", INTEGRATION, config(port="https"), ["'port'", "int"]),
    Case("a redacted password", INTEGRATION, config(password="<REDACTED>"), ["config.password", "set the real value"]),
    Case("a redacted user", INTEGRATION, okta(username="REDACTED"), ["config.okta.username", "set the real value"]),
    Case("a redacted extra", INTEGRATION, config(extra={"a": {"b": "[REDACTED]"}}), ["config.extra.a.b"]),
    Case("an unknown suboption", INTEGRATION, config(databse="immuta"), ["databse", "initial_database"]),
    Case("a known extra", INTEGRATION, config(extra={"initialDatabase": "dev"}), ["config.extra", "initialDatabase"]),
    Case("an option as extra", SCRIPT, config(extra={"port": 5439}), ["config.extra contains port", "set it there"]),
    Case("a config that is none", INTEGRATION, {"config": [HOST]}, ["dictionary"]),
    Case("no time to wait", INTEGRATION, {"wait_timeout": 0}, ["wait_timeout", "larger than 0"]),
    Case("a path as id", INTEGRATION, {"id": "1/../2"}, ["The option id is '1/../2'", "set its number"]),
    Case(
        "two spellings",
        INTEGRATION,
        config(initial_database="dev", initialDatabase="other"),
        ["config.initial_database and config.initialDatabase differ: set one of them."],
    ),
    Case("a password that is a list", INTEGRATION, config(password=[CANARY]), ["config.password is a list"]),
    Case("a user that is a dictionary", SCRIPT, config(username={"a": 1}), ["config.username is a dictionary"]),
    Case("a nested one", INTEGRATION, okta(password={"a": CANARY}), ["config.okta.password is a dictionary"]),
    # Conflicts with the current integration
    Case(
        "another database",
        INTEGRATION,
        config(database="other"),
        ["has the database immuta, not other", "delete the integration and create another"],
        asked=ALL,
        records=[seeded()],
    ),
    Case(
        "another setup",
        INTEGRATION,
        {"auto_bootstrap": True},
        ["was set up manually, and auto_bootstrap cannot be changed"],
        asked=ALL,
        records=[seeded()],
    ),
    Case(
        "the id of another host",
        INTEGRATION,
        {"id": "1"},
        [f"Integration 1 is on other.example.com, not on {HOST}"],
        asked=ONE,
        records=[seeded(config={"host": "other.example.com"})],
    ),
    Case(
        "the id of another type",
        INTEGRATION,
        {"id": "1"},
        ["Integration 1 is of type Snowflake, not Redshift"],
        asked=ONE,
        records=[seeded(type="Snowflake")],
    ),
    Case("an id of nothing", INTEGRATION, {"id": "1"}, ["no integration with id 1", "leave out id"], asked=ONE),
    Case(
        "several on the host",
        INTEGRATION,
        GONE,
        ["several Redshift integrations", "id to one of them (1, 2)"],
        asked=ALL,
        records=[seeded(), seeded()],
    ),
    Case(
        "a change without credentials",
        INTEGRATION,
        {"id": "1", "config": {"impersonation": {"enabled": True}}},
        ["Set config.username and config.password", "Immuta does not return credentials"],
        asked=ONE,
        records=[seeded()],
    ),
    Case(
        "a removal without credentials",
        INTEGRATION,
        {**GONE, "config": {"host": HOST}},
        ["was set up automatically", "set config.username and config.password."],
        asked=ALL,
        records=[seeded(autoBootstrap=True)],
    ),
    # Invalid tenants
    Case(
        "a wrong key",
        INFO,
        {},
        ["did not accept the API key", "check api_key"],
        {"status": 401, "method": "GET", "path": "/integrations"},
        asked=ALL,
        environment={"IMMUTA_API_KEY": f"{CANARY}-key"},
    ),
    Case(
        "a wrong key for a token",
        INFO,
        {"auth_scheme": "bearer", "api_key": f"{CANARY}-key"},
        ["did not accept the API key"],
        {"status": 401, "path": "/bim/apikey/authenticate"},
        asked=["POST /bim/apikey/authenticate"],
    ),
    Case("a key with a line break", INFO, {"api_key": f"{CANARY}\n-key"}, ["api_key", "line break", "the key alone"]),
    Case("an empty key", INFO, {"api_key": ""}, ["api_key is empty"]),
    Case("no address", INFO, {"url": "ftp://tenant"}, ["The option url", "https://tenant.example.com"]),
    Case("a user in the address", INFO, {"url": f"https://me:{CANARY}@tenant"}, ["url contains a user name"]),
    Case("plain http", INFO, {"url": "http://tenant.example.com"}, ["plain http", "use https", "validate_certs"]),
    Case(
        "https to plain http",
        INFO,
        {"url": "https://IMMUTA"},
        ["the server does not speak TLS", "check the port of url"],
    ),
    Case("no server", INFO, {"url": "http://127.0.0.1:1"}, ["the connection was refused", "check url"]),
    Case("no such name", INFO, {"url": "https://nowhere.invalid"}, ["the host name is not known", "check url"]),
    Case("no such proxy", INFO, {}, ["proxy"], environment={"http_proxy": f"http://me:{CANARY}@127.0.0.1:1"}),
    Case("no such ca_path", INFO, {"ca_path": "DIRECTORY/ca.pem"}, ["ca_path", "ca.pem", "No such file"]),
    Case(
        "a page",
        INFO,
        {},
        ["(text/html) is not JSON", "url is the root of an Immuta tenant", "login page"],
        {"status": 200, "method": "GET", "path": "/integrations"},
        asked=ALL,
        fault={"kind": "html"},
    ),
    Case(
        "a redirect",
        INTEGRATION,
        {},
        ["HTTP 307", "redirected to https://elsewhere.example.com/integrations", "set url to the tenant itself"],
        {"status": 307},
        asked=ALL,
        fault={"kind": "redirect", "location": f"https://elsewhere.example.com/integrations?session={CANARY}"},
    ),
    Case(
        "not allowed",
        INFO,
        {},
        ["APPLICATION_ADMIN"],
        {"status": 403},
        asked=ALL,
        fault={"kind": "status", "status": 403},
    ),
    Case(
        "another server",
        INFO,
        {},
        ["is not a list of integrations", "check that url"],
        asked=ALL,
        fault={"kind": "status", "status": 200, "body": {"hello": CANARY}},
    ),
    Case(
        "a broken gateway",
        INFO,
        {},
        ["HTTP 502", "try again"],
        {"status": 502},
        asked=ALL,
        fault={"kind": "status", "status": 502, "body": f"<html>{CANARY}</html>"},
    ),
    Case(
        "a silent tenant",
        INFO,
        {"timeout": 1},
        ["no complete reply within 1 s", "raise timeout"],
        asked=ALL,
        fault={"kind": "hang", "seconds": 2},
    ),
    # Invalid destinations of scripts
    Case("no dest", SCRIPT, {"dest": LEFT_OUT}, ["missing required arguments: dest"]),
    Case("an empty dest", SCRIPT, {"dest": ""}, ["dest"]),
    Case(
        "no directory",
        SCRIPT,
        {"dest": "DIRECTORY/no/create.sql"},
        ["The directory DIRECTORY/no of dest does not exist"],
    ),
    Case("a directory", SCRIPT, {"dest": "DIRECTORY"}, ["The dest DIRECTORY is not a file"]),
    Case("a file as directory", SCRIPT, {"dest": "DIRECTORY/script.sql/x"}, ["DIRECTORY/script.sql of dest"]),
    Case("a file for all", SCRIPT, {"mode": "0644"}, ["mode 0o644", "others no permissions"]),
    Case("a mode in decimal", SCRIPT, {"mode": 600}, ["mode", "0600"]),
    Case("a mode in words", SCRIPT, {"mode": "u=rw"}, ["The option mode is u=rw", "'0600'"]),
    Case("an unknown script", SCRIPT, {"script": "drop"}, ["drop", "initial_create"]),
    Case("no id to edit", SCRIPT, {"script": "edit"}, ["script is edit", "id"]),
    Case("no config to create", SCRIPT, {"config": LEFT_OUT}, ["script is create", "config"]),
    Case("half a config", SCRIPT, config(password=None), ["Set config.password to create or change"]),
    Case(
        "nothing to edit",
        SCRIPT,
        {"script": "edit", "id": "1"},
        ["no integration with id 1", "nothing to edit"],
        asked=ONE,
    ),
    Case(
        "nothing to delete",
        SCRIPT,
        {"script": "delete", "id": "1", "config": None},
        ["no integration with id 1", "nothing to delete"],
        asked=["POST /integrations/1/scripts/delete"],
    ),
    Case(
        "a page as script",
        SCRIPT,
        {},
        ["is not a script", "check that url"],
        {"path": "/integrations/scripts/create"},
        asked=["POST /integrations/scripts/create"],
        fault={"kind": "html"},
    ),
    Case(
        "a place for no file",
        SCRIPT,
        {"dest": "/proc/create.sql"},
        ["The file /proc/create.sql cannot be written"],
        asked=["POST /integrations/scripts/create"],
    ),
    # Invalid scripts
    Case("no path", RUN, {"path": LEFT_OUT}, ["missing required arguments: path"]),
    Case("no script", RUN, {"path": "DIRECTORY/no.sql"}, ["The script DIRECTORY/no.sql was not found"]),
    Case("a directory as script", RUN, {"path": "DIRECTORY"}, ["The script DIRECTORY is not a regular file"]),
    Case(
        "a meta-command",
        RUN,
        {},
        ["script.sql was not run", "Line 2", "is a psql meta-command"],
        {"line": 2},
        script=b"SELECT 'C4nary';\n\\connect immuta\n",
    ),
    Case(
        "an open quote",
        RUN,
        {},
        ["Line 3", "a string starts here and never ends"],
        {"line": 3},
        script=b"SELECT 1;\nCREATE USER immuta\nPASSWORD 'C4nary;\n",
    ),
    Case("a NUL", RUN, {}, ["Line 2", "NUL"], {"line": 2}, script=b"SELECT 1;\nSELECT 'C4nary\0';\n"),
    Case(
        "a database in a transaction",
        RUN,
        {"transaction": "single"},
        ["Line 2", "transaction"],
        script=b"SELECT 1;\nCREATE DATABASE immuta;\n",
    ),
    Case("an unknown kind", RUN, {"creates": {"table": "t"}}, ["table", "schema"]),
    # Unreachable databases
    Case("no user", RUN, {}, ["also needs login_user"], environment={"REDSHIFT_USER": None}),
    Case("no database", LOOK, {}, ["login_db"], environment={"REDSHIFT_DB": None}),
    Case("a port of 70000", RUN, {"login_port": 70000}, ["login_port", "65535"]),
    Case("a port of 0", RUN, {"login_port": 0}, ["login_port", "65535"]),
    Case("a URL to log in to", LOOK, {"login_host": "https://cluster"}, ["login_host is not a host name", "scheme"]),
    Case("an empty database", LOOK, {"login_db": ""}, ["login_db is empty"]),
    Case("no such cluster", LOOK, {"login_host": "nowhere.invalid"}, ["the host name is not known", "login_host"]),
    Case("no database server", RUN, {"login_port": 1}, ["the connection was refused", "login_port"]),
    *(
        case
        for driver in ("redshift_connector", "psycopg")
        for case in (
            Case(
                f"a wrong password with {driver}",
                RUN,
                {"driver": driver, "login_password": f"{CANARY}-login"},
                ["did not accept the account", "check the user name and the password"],
                {"authentication_failed": True, "database_missing": False},
                looks=True,
            ),
            Case(
                f"no such database with {driver}",
                RUN,
                {"driver": driver, "login_db": "nowhere"},
                ["Could not log in to database 'nowhere'", "there is no such database"],
                {"authentication_failed": False, "database_missing": True},
                looks=True,
            ),
        )
    ),
    Case(
        "AWS through psycopg",
        RUN,
        {"auth_method": "iam", "driver": "psycopg", "cluster_identifier": "c", "db_user": "u"},
        ["'iam'", "'redshift_connector' only"],
    ),
    Case("no cluster for AWS", LOOK, {"auth_method": "iam"}, ["either cluster_identifier or workgroup"]),
    Case(
        "AWS without TLS",
        LOOK,
        {"auth_method": "iam", "workgroup": "w"},
        ["needs TLS", "ssl_mode"],
    ),
    Case("half of Okta to log in", RUN, {"auth_method": "okta"}, ["'okta' also needs idp_host, app_id"]),
    # Missing libraries
    Case("no requests", INFO, {}, ["requests", "install"], library="requests"),
    Case("no driver", LOOK, {}, ["lacks", "redshift_connector", "pip install"], library="redshift_connector"),
    Case("no other driver", RUN, {"driver": "psycopg"}, ["lacks", "psycopg", "pip install"], library="psycopg"),
]

# Messages of Ansible without a full stop.
ANSIBLES = (
    "missing",
    "one of the following",
    "Unsupported parameters",
    "value of ",
    "argument ",
    "dictionary requested",
    "Failed to import",
)


def files(directory: pathlib.Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def state(standins: Standins) -> tuple[t.Any, ...]:
    return standins.catalog(), standins.immuta.records(), asked(standins), len(standins.postgres.statements())


def filled_in(value: t.Any, workspace: Workspace) -> t.Any:
    """Return an argument or a sentence with the names in capital letters replaced."""
    redshift = workspace.standins.redshift
    names = {
        "DIRECTORY": str(workspace.directory.resolve()),
        "IMMUTA": workspace.standins.immuta.url.rpartition("/")[2],
        "HOST": redshift.host,
        "PORT": str(redshift.port),
    }
    if isinstance(value, str):
        for name, text in names.items():
            value = value.replace(name, text)
    return value


def check(case: Case, workspace: Workspace) -> None:
    """Run the task and check its message and its files."""
    (workspace.directory / "script.sql").write_bytes(case.script)
    for name, value in case.environment.items():
        workspace.environment.pop(name, None)
        if value is not None:
            workspace.environment[name] = value
    before = files(workspace.directory)
    arguments = {
        name: value for name, value in {**DEFAULTS[case.module], **case.arguments}.items() if value != LEFT_OUT
    }

    result = workspace.module(case.module, **{name: filled_in(value, workspace) for name, value in arguments.items()})

    assert result["failed"] is True
    message = result["msg"]
    for part in case.says:
        assert filled_in(part, workspace) in message
    assert {name: result.get(name) for name in case.facts} == case.facts
    assert message.endswith(".") or any(start in message for start in ANSIBLES), message
    assert "\n" not in message
    said = json.dumps(result)
    for secret in (CANARY, workspace.standins.immuta.api_key, workspace.standins.bootstrap.password):
        assert secret not in said
    assert files(workspace.directory) == before


@pytest.fixture(scope="module")
def ended(
    request: pytest.FixtureRequest, running_standins: Standins, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, concurrent.futures.Future[None]]:
    """The results of cases without a server, run in parallel."""
    running_standins.reset()
    before = state(running_standins)
    chosen = [item.callspec.params["case"] for item in request.session.items if "ended" in item.fixturenames]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as people:
        tasks = {
            case.name: people.submit(check, case, Workspace(tmp_path_factory.mktemp("workspace"), running_standins))
            for case in chosen
        }
    assert state(running_standins) == before
    return tasks


def cases(known_before: bool) -> t.Any:
    some = [case for case in CASES if case.is_known_before is known_before]
    return pytest.mark.parametrize("case", some, ids=[case.name for case in some])


@cases(known_before=True)
def test_bad_input_fails_before_any_request(ended: dict[str, concurrent.futures.Future[None]], case: Case) -> None:
    ended[case.name].result()


@cases(known_before=False)
def test_server_errors_are_shown_without_changes(workspace: Workspace, standins: Standins, case: Case) -> None:
    for record in case.records:
        standins.immuta.seed(**record)
    if case.fault:
        standins.immuta.add_fault(**case.fault)
    if case.library:
        stub = workspace.directory / "stubs" / case.library / "__init__.py"
        stub.parent.mkdir(parents=True)
        stub.write_text("raise ImportError('not installed')", encoding="utf-8")
        workspace.environment["PYTHONPATH"] = str(workspace.directory / "stubs")
        workspace.environment["PYTHONDONTWRITEBYTECODE"] = "1"
    catalog, records, unused, statements = state(standins)

    check(case, workspace)

    after = state(standins)
    assert after[:3] == (catalog, records, case.asked)
    assert case.looks or after[3] == statements
