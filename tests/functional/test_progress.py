# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work inside the controller process prints progress lines and changes nothing else."""

from __future__ import annotations

import json
import re
import sys
import time
import typing as t

from tests.support.playbooks import Workspace, program
from tests.support.preloaded import TIME_LIMIT, run_program
from tests.support.standin import Standins
from tests.support.standin.relay import Statement

# Loaded by the process that all tasks are forked from: a short interval, and a copy of the lines in a file.
_CALLBACK = """\
from ansible.plugins.callback import CallbackBase
from ansible.utils.display import Display
from ansible_collections.immuta.integrations.plugins.plugin_utils import _progress

class Copying:
    def display(self, text, stderr):
        Display().display(text, stderr=stderr)
        with open("lines", "a") as file:
            file.write(text + "\\n")

_progress.INTERVAL = 0.05
_progress.Display = Copying

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "short_interval"
"""

HOSTS = ("one", "two")


def script(workspace: Workspace, name: str) -> dict[str, t.Any]:
    """Return a task that runs a script in the directory of the workspace."""
    path = str(workspace.directory / f"{name}.sql")
    return {"immuta.integrations.redshift_script": {**workspace.login, "login_db": "dev", "path": path}}


def play(workspace: Workspace, *tasks: dict[str, t.Any], **environment: str) -> tuple[dict[str, t.Any], str, list[str]]:
    """Run tasks on both hosts; return the results of each host, the standard output and the error lines."""
    plugins = workspace.directory / "callbacks"
    plugins.mkdir(exist_ok=True)
    (plugins / "short_interval.py").write_text(_CALLBACK, encoding="utf-8")
    registered = [{**task, "register": f"result_{number}"} for number, task in enumerate(tasks)]
    content = "{{ [" + ", ".join(f"result_{number}" for number in range(len(tasks))) + "] | to_json }}"
    file = str(workspace.directory / "{{ inventory_hostname }}.json")
    save = {"ansible.builtin.copy": {"content": content, "dest": file, "mode": "0600"}}
    playbook = workspace.directory / "playbook.json"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [*registered, save]}]))
    inventory = {"all": {"hosts": dict.fromkeys(HOSTS), "vars": {"ansible_connection": "local"}}}
    inventory["all"]["vars"]["ansible_python_interpreter"] = sys.executable
    (workspace.directory / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
    run = run_program(
        [program("ansible-playbook"), "-i", "inventory.json", str(playbook)],
        {**workspace.environment, "ANSIBLE_CALLBACK_PLUGINS": str(plugins), **environment},
        workspace.directory,
    )
    assert run.status == 0, run.stdout + run.stderr
    files = {host: workspace.directory / f"{host}.json" for host in HOSTS}
    results = {host: json.loads(path.read_text(encoding="utf-8")) for host, path in files.items()}
    for path in files.values():
        path.unlink()  # The task that writes it is changed again.
    return results, run.stdout, run.stderr.splitlines()


def test_progress_lines_change_nothing_else(workspace: Workspace, standins: Standins) -> None:
    """Only a task that may print does so; a setting that disables the lines changes nothing else."""
    config = standins.config(username=standins.bootstrap.user, password=standins.bootstrap.password)
    options = {"auto_bootstrap": True, "config": config, "wait_sleep": 0.1}
    integration = {"immuta.integrations.immuta_redshift_integration": options, "run_once": True}
    files = {"long": "SELECT 'hunter2-Secret'; SELECT pg_sleep(0.2); SELECT 1; SELECT 1"}
    for host in HOSTS:
        files[f"{host}-2"] = f"SELECT 'hunter2-Secret'; SELECT 'line of {host} 2'"
        files[f"{host}-3"] = f"SELECT 'hunter2-Secret'; SELECT 'line of {host} 3'; SELECT 1"
    for name, content in files.items():
        (workspace.directory / f"{name}.sql").write_text(content, encoding="utf-8")
    tasks = [
        {**integration, "check_mode": True},
        integration,
        {**script(workspace, "{{ inventory_hostname }}-{{ item }}"), "loop": [2, 3]},
        {**script(workspace, "long"), "no_log": True},
        {**script(workspace, "long"), "no_log": "{{ true }}"},
        {**script(workspace, "long"), "environment": {"IMMUTA_PROGRESS": False}},
    ]
    lines = workspace.directory / "lines"
    lines.touch()

    def settle(entry: dict[str, t.Any]) -> None:
        if entry["path"] == "/integrations/1" and "creating" in lines.read_text(encoding="utf-8"):
            standins.immuta.set(settle=0)

    def wait_for_line(statement: Statement) -> None:
        deadline = time.monotonic() + TIME_LIMIT
        if match := re.fullmatch(r"SELECT 'line of (\w+) (\d)'", statement.text):
            expected = rf"\[{match[1]}\] .*: statement 2 of {match[2]},"
            while not re.search(expected, lines.read_text(encoding="utf-8")) and time.monotonic() < deadline:
                time.sleep(0.01)

    standins.immuta.set(settle=3600)
    standins.immuta.wire.on_reply = settle
    standins.redshift.on_statement = wait_for_line

    results, output, printed = play(workspace, *tasks)

    address = re.escape(workspace.login["login_host"])
    creating, statement = rf"{config['host']}: (creating), \d+ s of 600 s", rf"{address}: statement \d of (\d), \d+ s"
    line = re.compile(rf"\[(one|two)\] (?:{creating}|{statement})")
    found = [line.fullmatch(text) for text in printed]
    assert all(found), printed
    assert {tuple(filter(None, match.groups())) for match in found if match} == {
        ("one", "creating"),
        *((host, count) for host in HOSTS for count in "23"),
    }

    standins.reset()
    silent = play(workspace, *tasks, IMMUTA_PROGRESS="false")

    assert silent[2] == []
    assert sorted(silent[1].splitlines()) == sorted(output.splitlines())
    assert silent[0] == results
