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

from ansible_collections.immuta.integrations.plugins.module_utils._redshift.compare import checksum
from tests.support.playbooks import Run, Workspace, statuses, temporary_script
from tests.support.standin import Standins, scripts

ROLE = "immuta.integrations.immuta_redshift"
WRITES = ("CREATE", "GRANT", "REVOKE", "ALTER", "DROP", "BEGIN")


@pytest.fixture
def directory(workspace: Workspace) -> pathlib.Path:
    return workspace.directory / "scripts"


def part(workspace: Workspace, directory: pathlib.Path, name: str, *more: dict[str, t.Any], **variables: t.Any) -> Run:
    """Run one entry point."""
    role = {"ansible.builtin.include_role": {"name": ROLE, "tasks_from": name}}
    return workspace.tasks(role, *more, **workspace.variables(immuta_redshift_script_dir=str(directory), **variables))


def review(workspace: Workspace, directory: pathlib.Path) -> tuple[dict[str, str], str]:
    """Generate the scripts, and return their checksums and the output of the run."""
    sums = workspace.directory / "sums.json"
    content = "{{ immuta_redshift_integration.checksums | to_json }}"
    run = part(workspace, directory, "generate", {"ansible.builtin.copy": {"content": content, "dest": str(sums)}})
    assert run.succeeded, run.output
    return json.loads(sums.read_text(encoding="utf-8")), words(run)


@pytest.fixture
def reviewed(standins: Standins, directory: pathlib.Path) -> dict[str, str]:
    """The checksums of the scripts, which are in the directory as a review leaves them."""
    directory.mkdir(mode=0o700)
    checksums = {}
    for name, generate in (("initial-create", scripts.initial_create), ("create", scripts.create)):
        content, key = scripts.text(name, generate(standins.config())).encode(), name.replace("-", "_")
        script(directory, key).write_bytes(content)
        checksums[key] = checksum(content, standins.immuta.api_key)
    return checksums


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
    reviewed, _output = review(workspace, directory)

    assert sorted(reviewed) == ["create", "initial_create"]
    for extension in ("txt", "html"):
        path = directory / f"cluster.example.com.review.{extension}"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        text = path.read_text(encoding="utf-8")
        assert standins.config()["password"] not in text
        assert [name for name, digest in reviewed.items() if digest not in text] == []
        assert "DELETE FROM immuta_system.profile WHERE username = name;" in text
        assert f"to be run as {standins.bootstrap.user}" in " ".join(text.split())

    run = workspace.configure(immuta_redshift_reviewed=reviewed)

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert workspace.configure(immuta_redshift_reviewed={}).changed == 0


def test_changed_script_does_not_run(
    workspace: Workspace,
    standins: Standins,
    directory: pathlib.Path,
    reviewed: dict[str, str],
    written: t.Callable[[], list[str]],
) -> None:
    """Neither a changed file nor another text from Immuta; one byte differs."""
    content = script(directory).read_bytes()
    script(directory).write_bytes(content.replace(b"BEGIN\n", b"BEGIN \n", 1))
    changed_file = part(workspace, directory, "execute", immuta_redshift_reviewed=reviewed)

    script(directory).write_bytes(content)
    standins.immuta.set(replaced=("DEFAULT 'bim'", "DEFAULT 'bin'"))
    another_text = workspace.configure(immuta_redshift_reviewed=reviewed, immuta_redshift_script_dir=str(directory))

    for run, changed in (
        (changed_file, f"The script {script(directory)}"),
        (another_text, "The script create that Immuta generates now"),
    ):
        assert not run.succeeded
        assert f"{changed} is not the one that was reviewed, and nothing was run" in words(run)
        assert '"difference": ["@@ -' in words(run)
    assert written() == []


def test_wrong_checksum_is_refused_before_login(
    workspace: Workspace, reviewed: dict[str, str], directory: pathlib.Path
) -> None:
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


@pytest.mark.parametrize(("name", "is_reviewed"), [("initial_create", True), ("create", False)])
def test_file_changed_between_tasks_does_not_run(
    name: str,
    is_reviewed: bool,
    workspace: Workspace,
    standins: Standins,
    reviewed: dict[str, str],
    written: t.Callable[[], list[str]],
) -> None:
    """The task that runs a script compares the bytes that it reads, with and without a review."""
    more = {"immuta_redshift_reviewed": reviewed} if is_reviewed else {}
    plugins = workspace.directory / "plugins"
    plugins.mkdir()
    path = temporary_script(workspace, name)
    text = _CHANGES_A_FILE.format(path=str(path))
    (plugins / "changes_a_file.py").write_text(text, encoding="utf-8")
    workspace.environment["ANSIBLE_CALLBACK_PLUGINS"] = str(plugins)
    workspace.environment["ANSIBLE_INJECT_INVOCATION"] = "true"

    run = workspace.configure("-vvv", **more)

    assert not run.succeeded
    assert f"{name}.sql was not run: it does not match the expected checksum" in words(run)
    assert [text for text in written() if "canary" in text or "SCHEMA" in text] == []
    assert (written() == []) == (name == "initial_create")
    assert standins.immuta.api_key not in run.output
    assert list(path.parent.iterdir()) == []


def test_unreviewed_script_stops_the_run(
    workspace: Workspace, standins: Standins, written: t.Callable[[], list[str]]
) -> None:
    run = workspace.configure(immuta_redshift_reviewed="{}")

    assert not run.succeeded
    assert "immuta_redshift_reviewed has no checksum of" in words(run)
    assert written() == []


def test_empty_value_requires_no_review(workspace: Workspace) -> None:
    run = workspace.configure("--check", immuta_redshift_reviewed=None)

    assert run.succeeded, run.output


def test_unstable_scripts_are_reported_and_run_from_their_files(
    workspace: Workspace, standins: Standins, directory: pathlib.Path, written: t.Callable[[], list[str]]
) -> None:
    standins.immuta.set(salted=True)
    reviewed, output = review(workspace, directory)
    assert "Immuta generates a different script create each time" in output

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
