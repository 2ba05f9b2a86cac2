# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reviewed scripts: exactly the approved bytes run, or none."""

from __future__ import annotations

import json
import pathlib
import re
import stat
import typing as t

import pytest

from tests.support.playbooks import Run, Workspace, statuses
from tests.support.standin import Standins

ROLE = "immuta.integrations.immuta_redshift"
WRITES = ("CREATE", "GRANT", "REVOKE", "ALTER", "DROP", "BEGIN")


@pytest.fixture
def directory(workspace: Workspace) -> pathlib.Path:
    return workspace.directory / "scripts"


def part(workspace: Workspace, directory: pathlib.Path, name: str, *more: dict[str, t.Any], **variables: t.Any) -> Run:
    """Run one entry point."""
    role = {"ansible.builtin.include_role": {"name": ROLE, "tasks_from": name}}
    return workspace.tasks(role, *more, **workspace.variables(immuta_redshift_script_dir=str(directory), **variables))


def review(workspace: Workspace, directory: pathlib.Path) -> dict[str, str]:
    """Generate the scripts, and return their checksums."""
    sums = workspace.directory / "sums.json"
    content = "{{ immuta_redshift_integration.checksums | to_json }}"
    run = part(workspace, directory, "generate", {"ansible.builtin.copy": {"content": content, "dest": str(sums)}})
    assert run.succeeded, run.output
    return json.loads(sums.read_text(encoding="utf-8"))


def script(directory: pathlib.Path, name: str = "create") -> pathlib.Path:
    return directory / f"cluster.example.com.{name}.sql"


@pytest.fixture
def written(standins: Standins) -> t.Callable[[], list[str]]:
    """Return the changes of the database since the start of the test."""
    seen = len(standins.postgres.statements())

    def statements() -> list[str]:
        texts = [one.text for one in standins.postgres.statements()[seen:]]
        return [text for text in texts if re.sub(r"--.*|/\*.*?\*/", "", text).lstrip().upper().startswith(WRITES)]

    return statements


def words(run: Run) -> str:
    return " ".join(run.output.split())


def test_reviewed_scripts_are_run(workspace: Workspace, standins: Standins, directory: pathlib.Path) -> None:
    reviewed = review(workspace, directory)
    assert sorted(reviewed) == ["create", "initial_create"]

    run = workspace.configure(immuta_redshift_reviewed=reviewed)

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert workspace.configure(immuta_redshift_reviewed={}).changed == 0


def test_review_is_written_next_to_the_scripts(
    workspace: Workspace, standins: Standins, directory: pathlib.Path
) -> None:
    reviewed = review(workspace, directory)
    password = standins.config()["password"]
    for extension in ("txt", "html"):
        path = directory / f"cluster.example.com.review.{extension}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        text = path.read_text(encoding="utf-8")
        assert password not in text
        assert [name for name, checksum in reviewed.items() if checksum not in text] == []
        assert "DELETE FROM immuta_system.profile WHERE username = name;" in text
        assert f"to be run as {standins.bootstrap.user}" in " ".join(text.split())
    assert review(workspace, directory) == reviewed


CHANGES = {
    "body": (b"WHERE username = name;", b"WHERE username > name;"),
    "literal": (b"DEFAULT 'bim'", b"DEFAULT 'bin'"),
    "comment": (b"Don't keep the old row", b"Don't keep the odd row"),
    "white space": (b"BEGIN\n", b"BEGIN \n"),
    "end": (b"-- the end", b"-- the end\n"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_file_does_not_run(
    change: str, workspace: Workspace, standins: Standins, directory: pathlib.Path, written: t.Callable[[], list[str]]
) -> None:
    reviewed = review(workspace, directory)
    before, after = CHANGES[change]
    content = script(directory).read_bytes()
    assert before in content
    script(directory).write_bytes(content.replace(before, after, 1))

    run = part(workspace, directory, "execute", immuta_redshift_reviewed=reviewed)

    assert not run.succeeded
    assert "create.sql is not the one that was reviewed, and nothing was run" in words(run)
    assert '"difference": ["@@ -' in words(run)
    assert written() == []


@pytest.mark.parametrize("change", CHANGES)
def test_changed_generated_script_does_not_run(
    change: str, workspace: Workspace, standins: Standins, directory: pathlib.Path, written: t.Callable[[], list[str]]
) -> None:
    """The reviewed text is an earlier generated script with other bytes, approved by checksum."""
    reviewed = review(workspace, directory)
    before, after = CHANGES[change]
    standins.immuta.set(replaced=(before.decode(), after.decode()))

    run = workspace.configure(immuta_redshift_reviewed=reviewed, immuta_redshift_script_dir=str(directory))

    assert not run.succeeded
    assert "that Immuta generates now is not the one that was reviewed, and nothing was run" in words(run)
    assert '"difference": ["@@ -' in words(run)
    assert written() == []


def test_wrong_checksum_is_refused_before_login(
    workspace: Workspace, standins: Standins, directory: pathlib.Path
) -> None:
    reviewed = review(workspace, directory)
    login = {"login_host": "nowhere.invalid", "login_user": "u", "login_password": "p", "login_db": "dev"}
    for options, sentence in (
        ({"checksum": reviewed["initial_create"]}, "it does not match the expected checksum"),
        ({"checksum": reviewed["create"], "checksum_key": "another"}, "it does not match the expected checksum"),
        ({"checksum": reviewed["create"], "checksum_key": ""}, "set checksum_key to the API key of Immuta"),
    ):
        result = workspace.module("redshift_script", path=str(script(directory)), **login, **options)
        assert sentence in result["msg"]


_CHANGES_A_FILE = """\
import os

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_NAME = "changes_a_file"

    def v2_playbook_on_task_start(self, task, is_conditional):
        if task.get_name().endswith("Run the scripts") and os.path.exists({path!r}):
            with open({path!r}, "a") as file:
                file.write("CREATE SCHEMA canary;")
"""


@pytest.mark.parametrize("name", ["initial_create", "create"])
@pytest.mark.parametrize("is_reviewed", [True, False])
def test_file_changed_between_tasks_does_not_run(
    name: str,
    is_reviewed: bool,
    workspace: Workspace,
    standins: Standins,
    directory: pathlib.Path,
    written: t.Callable[[], list[str]],
) -> None:
    """The task that runs a script compares the bytes that it reads, with and without a review."""
    more = {"immuta_redshift_reviewed": review(workspace, directory)} if is_reviewed else {}
    plugins = workspace.directory / "plugins"
    plugins.mkdir()
    private = workspace.home / ".ansible" / "tmp" / "immuta_redshift"
    text = _CHANGES_A_FILE.format(path=str(script(private, name)))
    (plugins / "changes_a_file.py").write_text(text, encoding="utf-8")
    workspace.environment["ANSIBLE_CALLBACK_PLUGINS"] = str(plugins)
    workspace.environment["ANSIBLE_INJECT_INVOCATION"] = "true"

    run = workspace.configure("-vvv", **more)

    assert not run.succeeded
    assert f"{name}.sql was not run: it does not match the expected checksum" in words(run)
    assert [text for text in written() if "canary" in text or "SCHEMA" in text] == []
    assert (written() == []) == (name == "initial_create")
    assert standins.immuta.api_key not in run.output
    assert list(private.iterdir()) == []


@pytest.mark.parametrize("reviewed", ["{}", {}, {"initial_create": "0" * 64}], ids=str)
def test_unreviewed_script_stops_the_run(
    reviewed: t.Any, workspace: Workspace, standins: Standins, written: t.Callable[[], list[str]]
) -> None:
    run = workspace.configure(immuta_redshift_reviewed=reviewed)

    assert not run.succeeded
    assert "immuta_redshift_reviewed has no checksum of" in words(run)
    assert written() == []


def test_empty_value_requires_no_review(workspace: Workspace, standins: Standins) -> None:
    run = workspace.configure(immuta_redshift_reviewed=None)

    assert run.succeeded, run.output


def test_unstable_scripts_run_from_their_files(
    workspace: Workspace, standins: Standins, directory: pathlib.Path, written: t.Callable[[], list[str]]
) -> None:
    standins.immuta.set(salted=True)
    reviewed = review(workspace, directory)

    run = workspace.configure(
        immuta_redshift_reviewed=reviewed, immuta_redshift_script_dir=str(workspace.directory / "other")
    )
    assert not run.succeeded
    assert "Immuta generates a different text each time. Keep the reviewed file" in words(run)
    assert written() == []

    run = part(workspace, directory, "execute", immuta_redshift_reviewed=reviewed)
    assert run.succeeded, run.output
    run = part(workspace, directory, "register")
    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]


def test_unstable_scripts_are_reported(workspace: Workspace, standins: Standins, directory: pathlib.Path) -> None:
    standins.immuta.set(salted=True)

    run = part(workspace, directory, "generate")

    assert run.succeeded, run.output
    assert "Immuta generates a different script create each time" in words(run)
