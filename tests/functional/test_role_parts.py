# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry points of the role, each run alone, as the steps of a workflow with an approval between them."""

from __future__ import annotations

import typing as t

from tests.support.playbooks import Desk, Run, asked, statuses
from tests.support.standin import Standins, scripts


def part(desk: Desk, name: str, **variables: t.Any) -> Run:
    """Run one entry point."""
    role = {"name": "immuta.integrations.immuta_redshift", "tasks_from": name}
    return desk.tasks({"ansible.builtin.include_role": role}, **desk.variables(**variables))


def test_setup_and_removal_in_parts(desk: Desk, standins: Standins) -> None:
    folder = desk.folder / "scripts"
    scripted = {"immuta_redshift_script_dir": str(folder)}
    before = standins.catalog()

    ready = part(desk, "preflight")
    assert ready.succeeded, ready.output
    assert asked(standins) == []

    generated = part(desk, "generate", **scripted)
    assert generated.succeeded, generated.output
    assert len(list(folder.glob("*.sql"))) == 2
    assert standins.catalog() == before

    executed = part(desk, "execute", **scripted)
    assert executed.succeeded, executed.output
    assert set(standins.catalog()["schemas"]["immuta"]) == set(scripts.SCHEMAS)
    assert standins.immuta.records() == []
    assert part(desk, "execute", **scripted).changed == 0

    registered = part(desk, "register")
    assert registered.succeeded, registered.output
    assert statuses(standins) == ["enabled"]
    assert part(desk, "generate", **scripted).changed == 0

    removed = part(desk, "remove")
    assert removed.succeeded, removed.output
    assert standins.immuta.records() == []
    assert standins.catalog()["users"] == before["users"]


def test_keeping_scripts_requires_a_directory(desk: Desk, standins: Standins) -> None:
    run = part(desk, "generate")

    assert not run.succeeded
    assert "Set immuta_redshift_script_dir to a directory" in run.output
    assert asked(standins) == ["GET /integrations"]


def test_review_requires_a_directory(desk: Desk, standins: Standins) -> None:
    run = desk.configure(immuta_redshift_execute=False)

    assert not run.succeeded
    assert "Set immuta_redshift_script_dir to a directory" in run.output
    assert asked(standins) == ["GET /integrations"]
