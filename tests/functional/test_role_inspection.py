# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role inspects scripts before the first one runs, and stops if the server refuses a statement.

Amazon Redshift's documentation: no new Python functions from patch 198 on.
"""

from __future__ import annotations

import pytest

from tests.support.playbooks import Workspace, asked, statuses
from tests.support.standin import Standins, relay, scripts

PYTHON = "CREATE FUNCTION immuta_functions.f(a int) RETURNS int STABLE AS $$ return a $$ LANGUAGE plpythonu"
CREATE, EDIT = scripts.create, scripts.edit


@pytest.fixture
def version(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Make the server report another version."""
    rules = [
        (pattern, f"(SELECT text '{request.param}' AS version)" if "version" in pattern.pattern else text)
        for pattern, text in relay.REWRITES
    ]
    monkeypatch.setattr(relay, "REWRITES", rules)


@pytest.fixture
def with_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make Immuta generate scripts with a Python function."""
    monkeypatch.setattr(scripts, "create", lambda config: [*CREATE(config), PYTHON])
    monkeypatch.setattr(scripts, "edit", lambda before, after: [PYTHON, *EDIT(before, after)])


@pytest.mark.parametrize("version", ["PostgreSQL 8.0.2, Redshift 1.0.219674"], indirect=True)
@pytest.mark.parametrize("options", [[], ["--check"]])
@pytest.mark.usefixtures("version", "with_python")
def test_python_function_stops_a_setup_early(workspace: Workspace, standins: Standins, options: list[str]) -> None:
    before, logged = standins.catalog(), len(standins.postgres.statements())

    run = workspace.configure(*options)

    assert not run.succeeded
    said = " ".join(run.output.split())
    assert "creates a Python function, which this server refuses" in said
    assert "Running the script again does not help" in said
    assert (standins.catalog(), standins.immuta.records(), workspace.files()) == (before, [], [])
    ran = [one.text for one in standins.postgres.statements()[logged:]]
    assert not [text for text in ran if text.startswith(("CREATE", "GRANT"))]


@pytest.mark.parametrize("version", ["PostgreSQL 8.0.2, Redshift 1.0.219674"], indirect=True)
@pytest.mark.usefixtures("version")
def test_python_function_stops_a_change(
    workspace: Workspace, standins: Standins, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert workspace.configure().succeeded
    monkeypatch.setattr(scripts, "edit", lambda before, after: [PYTHON, *EDIT(before, after)])
    before = standins.catalog()

    run = workspace.configure(config=standins.config(impersonation={"enabled": True, "role": "g"}))

    assert not run.succeeded
    assert "creates a Python function" in " ".join(run.output.split())
    assert standins.catalog() == before
    assert "PUT /integrations/1" not in asked(standins)


@pytest.mark.parametrize("version", ["PostgreSQL 8.0.2, Redshift 1.0.219674"], indirect=True)
@pytest.mark.usefixtures("version")
def test_python_function_in_a_procedure_is_named(
    workspace: Workspace, standins: Standins, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert workspace.configure().succeeded
    refusal = "RAISE 'Create function is not supported for language plpythonu anymore.'"
    edit = f"DO $$ BEGIN PERFORM 'the token: language'; {refusal}; END $$"
    monkeypatch.setattr(scripts, "edit", lambda before, after: [edit, *EDIT(before, after)])

    run = workspace.configure(config=standins.config(impersonation={"enabled": True, "role": "g"}))

    assert not run.succeeded
    said = " ".join(run.output.split())
    assert "(Create function is not supported for language plpythonu anymore): this server does not accept" in said
    assert "Running the script again does not help" in said
    assert "PUT /integrations/1" not in asked(standins)


@pytest.mark.parametrize(
    ("version", "accepts"),
    [("PostgreSQL 8.0.2, Redshift 1.0.77467", True), ("PostgreSQL 8.0.2", True), ("PostgreSQL 8.0.2", False)],
    indirect=["version"],
)
@pytest.mark.usefixtures("version", "with_python")
def test_python_function_on_an_unknown_server(
    workspace: Workspace, standins: Standins, request: pytest.FixtureRequest, accepts: bool
) -> None:
    standins.redshift.python_functions = accepts

    run = workspace.configure()

    assert run.succeeded is accepts
    is_unknown = "77467" not in request.node.callspec.params["version"]
    assert ("the version of this server does not show" in " ".join(run.output.split())) is is_unknown
    assert "immuta" in standins.catalog()["databases"]


@pytest.mark.parametrize("version", ["PostgreSQL 8.0.2, Redshift 1.0.219674"], indirect=True)
@pytest.mark.usefixtures("version", "with_python")
def test_preflight_false_skips_the_check(workspace: Workspace, standins: Standins) -> None:
    run = workspace.configure(immuta_redshift_preflight=False)

    assert not run.succeeded
    assert "immuta" in standins.catalog()["databases"]


@pytest.mark.parametrize("version", ["PostgreSQL 8.0.2, Redshift 1.0.219674"], indirect=True)
@pytest.mark.usefixtures("version")
def test_scripts_without_python_on_a_current_server(workspace: Workspace, standins: Standins) -> None:
    run = workspace.configure()

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
