# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work inside the controller process prints progress lines and changes nothing else."""

from __future__ import annotations

import json
import re
import sys
import typing as t

from tests.support.playbooks import Workspace, program
from tests.support.preloaded import run_program
from tests.support.standin import Standins

# Loaded by the process that all tasks are forked from.
_SHORT_INTERVAL = """\
from ansible.plugins.callback import CallbackBase
from ansible_collections.immuta.integrations.plugins.plugin_utils import _progress

_progress.INTERVAL = 0.05

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "short_interval"
"""

HOSTS = ("one", "two")


def script(workspace: Workspace, count: int, seconds: float) -> dict[str, t.Any]:
    """Return a task whose script has ``count`` statements; the second one is slow."""
    path = workspace.directory / f"{count}.sql"
    rest = "SELECT 'hunter2-Secret';" * (count - 2)
    path.write_text(f"SELECT 1; SELECT pg_sleep({seconds}); {rest}", encoding="utf-8")
    return {"immuta.integrations.redshift_script": {**workspace.login, "login_db": "dev", "path": str(path)}}


def integration(standins: Standins) -> dict[str, t.Any]:
    config = standins.config(username=standins.bootstrap.user, password=standins.bootstrap.password)
    return {"immuta.integrations.immuta_redshift_integration": {"auto_bootstrap": True, "config": config}}


def play(workspace: Workspace, *tasks: dict[str, t.Any], **environment: str) -> tuple[dict[str, t.Any], str, list[str]]:
    """Run tasks on both hosts; return the results of each host, the standard output and the error lines."""
    plugins = workspace.directory / "callbacks"
    plugins.mkdir(exist_ok=True)
    (plugins / "short_interval.py").write_text(_SHORT_INTERVAL, encoding="utf-8")
    registered = [{**task, "register": f"result_{number}"} for number, task in enumerate(tasks)]
    content = "{{ [" + ", ".join(f"result_{number}" for number in range(len(tasks))) + "] | to_json }}"
    file = str(workspace.directory / "{{ inventory_hostname }}.json")
    save = {"ansible.builtin.copy": {"content": content, "dest": file, "mode": "0600"}, "check_mode": False}
    playbook = workspace.directory / "playbook.json"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [*registered, save]}]))
    inventory = {"all": {"hosts": dict.fromkeys(HOSTS), "vars": {"ansible_connection": "local"}}}
    inventory["all"]["vars"]["ansible_python_interpreter"] = sys.executable
    (workspace.directory / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
    command = [program("ansible-playbook"), "-i", "inventory.json", str(playbook)]
    run = run_program(
        command,
        {
            **workspace.environment,
            "ANSIBLE_ASYNC_DIR": str(workspace.directory / "async"),
            "ANSIBLE_CALLBACK_PLUGINS": str(plugins),
            **environment,
        },
        workspace.directory,
    )
    assert run.status == 0, run.stdout + run.stderr
    files = {host: workspace.directory / f"{host}.json" for host in HOSTS}
    results = {host: json.loads(path.read_text(encoding="utf-8")) for host, path in files.items()}
    for path in files.values():
        path.unlink()  # The task that writes it is changed again.
    return results, run.stdout, run.stderr.splitlines()


def test_progress_lines_are_complete(workspace: Workspace, standins: Standins) -> None:
    address = re.escape(workspace.login["login_host"])
    loop = script(workspace, 2, 1)
    loop["immuta.integrations.redshift_script"]["path"] = str(workspace.directory / "{{ item }}.sql")
    script(workspace, 3, 1)
    tasks = [
        {**loop, "loop": [2, 3]},
        {**script(workspace, 4, 0.3), "no_log": True},
        {**script(workspace, 5, 0.3), "no_log": "{{ true }}"},
        {**script(workspace, 6, 0.3), "async": 60, "poll": 1},
        {**script(workspace, 7, 0.3), "environment": {"IMMUTA_PROGRESS": False}},
        {**script(workspace, 8, 0.3), "environment": {"IMMUTA_IN_PROCESS": False}},
    ]

    _results, _output, printed = play(workspace, *tasks)

    found = [re.fullmatch(rf"\[(one|two)\] {address}: statement \d of (\d), \d s", text) for text in printed]
    assert all(found), printed
    assert {match.groups() for match in found if match} == {(host, count) for host in HOSTS for count in "23"}


def test_progress_setting_changes_only_the_lines(workspace: Workspace, standins: Standins) -> None:
    """A script and a slow integration, also in check mode, which does not wait."""
    preview = {**integration(standins), "check_mode": True}
    tasks = [preview, {**integration(standins), "run_once": True}, script(workspace, 2, 0.3)]
    standins.immuta.set(settle=1.0)
    results, output, printed = play(workspace, *tasks)
    waits = [text for text in printed if re.fullmatch(r"\[one\] \S+: creating, \d s of 600 s", text)]
    assert waits, printed
    standins.reset()
    standins.immuta.set(settle=1.0)

    silent, silent_output, nothing = play(workspace, *tasks, IMMUTA_PROGRESS="false")

    assert nothing == []
    assert sorted(silent_output.splitlines()) == sorted(output.splitlines())
    assert silent == results
