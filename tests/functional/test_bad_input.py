# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""User errors end in one sentence that explains them, without changes and without secrets.

One case for each way through a module; the tables of invalid values are in tests/unit: test_integration.py and
test_reconcile.py (integrations), test_http.py (tenants), test_integration_script.py (destinations), test_sql.py
(scripts) and test_login.py (logins).
"""

from __future__ import annotations

import dataclasses
import json
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
OKTA = {"username": "taylor@example.com", "app_id": "Okta", "idp_host": "organization.okta.com", "role": "admin"}
INTEGRATION, SCRIPT, INFO = "immuta_redshift_integration", "immuta_integration_script", "immuta_integration_info"
RUN = "redshift_script"

# DIRECTORY is the directory of the test.
DEFAULTS: dict[str, dict[str, t.Any]] = {
    INTEGRATION: {"auto_bootstrap": False, "config": CONFIG},
    SCRIPT: {"script": "create", "config": CONFIG, "dest": "DIRECTORY/create.sql"},
    INFO: {"retries": 0},
    RUN: {"path": "DIRECTORY/script.sql", "ssl_mode": "disable", "connect_retries": 0},
}
LIST = "GET /integrations"


@dataclasses.dataclass
class Case:
    """A task that must fail.

    ``says`` are parts of the sentence, ``facts`` some of the result's other keys. ``asked`` is the expected request to
    Immuta. ``fault`` and ``record`` set up Immuta. ``environment`` has changed variables, None for a removed one.
    """

    name: str
    module: str
    arguments: dict[str, t.Any]
    says: list[str]
    facts: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    asked: str | None = None
    fault: dict[str, t.Any] | None = None
    record: dict[str, t.Any] | None = None
    environment: dict[str, str | None] = dataclasses.field(default_factory=dict)


def config(**changes: t.Any) -> dict[str, t.Any]:
    return {"config": {**CONFIG, **changes}}


CASES = [
    Case("no key", INFO, {}, ["missing required arguments: api_key"], environment={"IMMUTA_API_KEY": None}),
    Case(
        "a password that is a dictionary",
        INTEGRATION,
        config(authentication_type="okta", username=None, password=None, okta={**OKTA, "password": {"a": CANARY}}),
        ["config.okta.password is a dictionary"],
    ),
    Case("no password", INTEGRATION, config(password=None), ["Set config.password to create or change"], asked=LIST),
    Case(
        "another database",
        INTEGRATION,
        config(database="other"),
        ["has the database immuta, not other", "delete the integration and create another"],
        {"differences": ["database"]},
        asked=LIST,
        record={"config": {"host": HOST, "database": "immuta"}},
    ),
    Case(
        "a wrong key",
        INFO,
        {},
        ["did not accept the API key", "check api_key"],
        {"status": 401, "method": "GET", "path": "/integrations"},
        asked=LIST,
        environment={"IMMUTA_API_KEY": f"{CANARY}-key"},
    ),
    Case(
        "a redirect",
        INTEGRATION,
        {},
        ["HTTP 307", "redirected to https://elsewhere.example.com/integrations", "set url to the tenant itself"],
        {"status": 307},
        asked=LIST,
        fault={"kind": "redirect", "location": f"https://elsewhere.example.com/integrations?session={CANARY}"},
    ),
    Case("an empty dest", SCRIPT, {"dest": ""}, ["dest"]),
    Case(
        "a page as script",
        SCRIPT,
        {},
        ["is not a script", "check that url"],
        {"path": "/integrations/scripts/create"},
        asked="POST /integrations/scripts/create",
        fault={"kind": "html"},
    ),
    Case("an open quote", RUN, {}, ["Line 3", "a string starts here and never ends"], {"line": 3}),
    Case("no user", RUN, {}, ["also needs login_user"], environment={"REDSHIFT_USER": None}),
]


def files(directory: pathlib.Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def failure(workspace: Workspace, module: str, arguments: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the result of a failing module: one sentence, and no secret."""
    result = workspace.module(module, **arguments)
    assert result["failed"] is True
    assert "\n" not in result["msg"]
    said = json.dumps(result)
    for secret in (CANARY, workspace.standins.immuta.api_key, workspace.standins.bootstrap.password):
        assert secret not in said
    return result


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_bad_input_fails_without_changes(workspace: Workspace, standins: Standins, case: Case) -> None:
    script = workspace.directory / "script.sql"
    script.write_text(f"SELECT 1;\nCREATE USER immuta\nPASSWORD '{CANARY};\n", encoding="utf-8")
    if case.record:
        standins.immuta.seed(**case.record)
    if case.fault:
        standins.immuta.add_fault(**case.fault)
    for name, value in case.environment.items():
        workspace.environment.pop(name)
        if value is not None:
            workspace.environment[name] = value
    arguments = {
        name: value.replace("DIRECTORY", str(workspace.directory)) if isinstance(value, str) else value
        for name, value in {**DEFAULTS[case.module], **case.arguments}.items()
    }

    def state() -> tuple[t.Any, ...]:
        immuta, postgres = standins.immuta, standins.postgres
        return files(workspace.directory), standins.catalog(), immuta.records(), len(postgres.statements())

    before = state()

    result = failure(workspace, case.module, arguments)

    assert [part for part in case.says if part not in result["msg"]] == []
    assert result["msg"].endswith(".") or result["msg"].startswith("missing required arguments")
    assert {name: result.get(name) for name in case.facts} == case.facts
    assert asked(standins) == [case.asked] * bool(case.asked)
    assert state() == before


def test_missing_library_is_named(workspace: Workspace) -> None:
    stub = workspace.directory / "requests.py"
    stub.write_text("raise ImportError('not installed')", encoding="utf-8")
    workspace.environment.update(PYTHONPATH=str(workspace.directory), PYTHONDONTWRITEBYTECODE="1")
    message = failure(workspace, INFO, {})["msg"]
    assert "Failed to import the required Python library (requests)" in message
