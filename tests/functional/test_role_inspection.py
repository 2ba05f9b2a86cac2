# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role inspects scripts before the first one runs, and stops if the server refuses a statement.

Amazon Redshift's documentation: no new Python functions from patch 198 on.
"""

from __future__ import annotations

import pytest

from tests.support.by_hand import set_up
from tests.support.playbooks import Workspace, asked, statuses
from tests.support.standin import Standins, relay, scripts

PYTHON = "CREATE FUNCTION immuta_functions.f(a int) RETURNS int STABLE AS $$ return a $$ LANGUAGE plpythonu"
CREATE, EDIT = scripts.create, scripts.edit


@pytest.mark.parametrize("options", [[], ["--check"]], ids=["run", "check"])
def test_python_function_stops_a_setup_early(
    workspace: Workspace, standins: Standins, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setattr(scripts, "create", lambda config: [*CREATE(config), PYTHON])
    before, logged = standins.catalog(), len(standins.postgres.statements())

    run = workspace.configure(*options)

    assert not run.succeeded
    said = " ".join(run.output.split())
    assert "creates a Python function, which this server refuses" in said
    assert "Running the script again does not help" in said
    assert (standins.catalog(), standins.immuta.records(), workspace.files()) == (before, [], [])
    ran = [one.text for one in standins.postgres.statements()[logged:]]
    assert not [text for text in ran if text.startswith(("CREATE", "GRANT"))]


def test_python_function_stops_a_change(
    workspace: Workspace, standins: Standins, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(standins)
    monkeypatch.setattr(scripts, "edit", lambda before, after: [PYTHON, *EDIT(before, after)])
    before = standins.catalog()

    run = workspace.configure(config=standins.config(impersonation={"enabled": True, "role": "g"}))

    assert not run.succeeded
    assert "creates a Python function" in " ".join(run.output.split())
    assert standins.catalog() == before
    assert "PUT /integrations/1" not in asked(standins)


def test_python_function_on_an_unknown_server(
    workspace: Workspace, standins: Standins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "create", lambda config: [*CREATE(config), PYTHON])
    rules = [
        (pattern, "(SELECT text 'PostgreSQL 8.0.2' AS version)" if "version" in pattern.pattern else text)
        for pattern, text in relay.REWRITES
    ]
    monkeypatch.setattr(relay, "REWRITES", rules)
    standins.redshift.python_functions = True

    run = workspace.configure()

    assert run.succeeded, run.output
    assert "the version of this server does not show" in " ".join(run.output.split())
    assert statuses(standins) == ["enabled"]
