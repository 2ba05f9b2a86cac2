# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry points of the role, run separately, as in a workflow with an approval."""

from __future__ import annotations

import typing as t

from tests.support.playbooks import Run, Workspace, asked, statuses
from tests.support.standin import Standins, scripts


def part(workspace: Workspace, name: str, **variables: t.Any) -> Run:
    """Run one entry point."""
    role = {"name": "immuta.integrations.immuta_redshift", "tasks_from": name}
    return workspace.tasks({"ansible.builtin.include_role": role}, **workspace.variables(**variables))


def test_setup_and_removal_in_parts(workspace: Workspace, standins: Standins) -> None:
    directory = workspace.directory / "scripts"
    scripted = {"immuta_redshift_script_dir": str(directory)}
    before = standins.catalog()

    ready = part(workspace, "preflight")
    assert ready.succeeded, ready.output
    assert asked(standins) == []

    generated = part(workspace, "generate", **scripted)
    assert generated.succeeded, generated.output
    assert len(list(directory.glob("*.sql"))) == 2
    assert standins.catalog() == before

    executed = part(workspace, "execute", **scripted)
    assert executed.succeeded, executed.output
    assert set(standins.catalog()["schemas"]["immuta"]) == set(scripts.SCHEMAS)
    assert standins.immuta.records() == []

    registered = part(workspace, "register")
    assert registered.succeeded, registered.output
    assert statuses(standins) == ["enabled"]

    removed = part(workspace, "remove")
    assert removed.succeeded, removed.output
    assert standins.immuta.records() == []
    assert standins.catalog()["users"] == before["users"]
