# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runners of playbooks, tasks and modules, and their results."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import typing as t

import psycopg
import yaml

from tests.support.by_hand import connect
from tests.support.paths import COLLECTIONS
from tests.support.preloaded import TIME_LIMIT, run_module, run_program
from tests.support.psql_recorder import find_psql
from tests.support.standin import Login, Standins


class Unsafe(str):
    """A text that Ansible must not render as a template."""


class _Dumper(yaml.SafeDumper):
    pass


_Dumper.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text)))


@dataclasses.dataclass(frozen=True)
class Run:
    """The output and the exit status of a playbook."""

    status: int
    output: str

    @property
    def changed(self) -> int:
        return self._recap("changed")

    @property
    def succeeded(self) -> bool:
        return self.status == 0

    def _recap(self, word: str) -> int:
        return sum(int(count) for count in re.findall(rf"\b{word}=(\d+)", self.output.partition("PLAY RECAP")[2]))


def environment(home: pathlib.Path, **variables: str) -> dict[str, str]:
    """Return the environment in which Ansible keeps its files below ``home`` and prints plain text."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        # Ansible finds the home of a local account in the list of accounts, not in the environment.
        "ANSIBLE_REMOTE_TEMP": str(home / ".ansible" / "tmp"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_NOCOLOR": "true",
        **variables,
    }


def program(name: str) -> str:
    """Return the path of a program in this environment."""
    return str(pathlib.Path(sys.executable).with_name(name))


def ended(command: t.Sequence[str | pathlib.Path], environment: dict[str, str], directory: pathlib.Path) -> Run:
    """Run a command in a directory, and wait for its end."""
    run = run_program(command, environment, directory, merge=True)
    return Run(run.status, run.stdout)


class Workspace:
    """The working environment of a user: a home, a directory with variables, and ansible-playbook."""

    def __init__(self, directory: pathlib.Path, standins: Standins) -> None:
        self.directory = directory
        self.home = directory / "home"
        self.home.mkdir()
        self.standins = standins
        self.environment = environment(self.home, ANSIBLE_COLLECTIONS_PATH=str(COLLECTIONS), **standins.environment())
        # Variables set the address of the login; the account comes from the environment, as in a pipeline.
        self.login = standins.login()

    def variables(self, config: dict[str, t.Any] | None = None, **variables: t.Any) -> dict[str, t.Any]:
        """Return the role's variables for a new cluster, with the changes."""
        return {
            "immuta_redshift_config": config or self.standins.config(),
            "immuta_redshift_login": self.login,
            "immuta_redshift_wait_sleep": 0.1,
            **variables,
        }

    def configure(self, *options: str, **variables: t.Any) -> Run:
        """Run the playbook configure_redshift."""
        return self.play("immuta.integrations.configure_redshift", *options, **self.variables(**variables))

    def remove(self, *options: str, **variables: t.Any) -> Run:
        """Run the playbook remove_redshift."""
        return self.play("immuta.integrations.remove_redshift", *options, **self.variables(**variables))

    def play(self, playbook: str, *options: str, **variables: t.Any) -> Run:
        """Run a playbook with extra variables."""
        file = self.directory / "variables.yml"
        file.write_text(yaml.dump(variables, Dumper=_Dumper), encoding="utf-8")
        command = [program("ansible-playbook"), playbook, "-e", f"@{file}", *options]
        return ended(command, self.environment, self.directory)

    def tasks(self, *tasks: dict[str, t.Any], options: t.Sequence[str] = (), **variables: t.Any) -> Run:
        """Run tasks on localhost."""
        play = [{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks)}]
        playbook = self.directory / "playbook.json"
        playbook.write_text(json.dumps(play), encoding="utf-8")
        return self.play(str(playbook), *options, **variables)

    def module(self, name: str, *, check_mode: bool = False, **arguments: t.Any) -> dict[str, t.Any]:
        """Run a module as Ansible does, in a separate process, and return its result, failed or not."""
        options = {**arguments, "_ansible_check_mode": check_mode, "_ansible_diff": True}
        run = run_module(name, options, self.environment, self.directory)
        assert "Traceback" not in run.stdout + run.stderr, run.stdout + run.stderr
        return json.loads(run.stdout)

    def session(self, login: Login, database: str) -> psycopg.Connection:
        """Open a session through the relay."""
        return connect("psycopg", self.standins, login, database)

    def psql(self, script: pathlib.Path, database: str) -> None:
        """Run a script as a user does with psql."""
        redshift, login = self.standins.redshift, self.standins.bootstrap
        address = f"host={redshift.host} port={redshift.port} user={login.user} dbname={database}"
        subprocess.run(
            [find_psql(), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", script, address],
            env={"PGPASSWORD": login.password, "LC_ALL": "C", "PATH": os.environ["PATH"]},
            timeout=TIME_LIMIT,
            check=True,
        )

    def files(self) -> list[str]:
        """Return the files below the home, without those of Ansible itself."""
        found = [path.relative_to(self.home) for path in self.home.rglob("*") if path.is_file()]
        return sorted(str(path) for path in found if "galaxy" not in path.parts)


# Without a daemon, the log of a module is lost.
_SYSLOG = """\
import syslog

def record(*arguments):
    with open({path!r}, "a") as file:
        print(arguments[-1], file=file)

syslog.openlog = lambda *unused: None
syslog.syslog = record
"""


def temporary_script(workspace: Workspace, name: str, host: str = "cluster.example.com") -> pathlib.Path:
    """Return the path of a temporary script of the role, for the tenant of the stand-in."""
    tenant = workspace.standins.immuta.url.removeprefix("http://").replace(":", "%3A")
    return workspace.home / ".ansible" / "tmp" / "immuta_redshift" / f"{tenant}@{host}.{name}.sql"


def record_syslog(workspace: Workspace) -> pathlib.Path:
    """Make modules write their log to a file below the home; return its path."""
    path, directory = workspace.home / "syslog", workspace.directory / "recorder"
    directory.mkdir()
    (directory / "sitecustomize.py").write_text(_SYSLOG.format(path=str(path)), encoding="utf-8")
    workspace.environment["PYTHONPATH"] = str(directory)
    return path


def asked(standins: Standins) -> list[str]:
    """Return the requests to Immuta, in order, as "METHOD /path"."""
    return [f"{request['method']} {request['path']}" for request in standins.immuta.requests()]


def statuses(standins: Standins) -> list[str]:
    """Return the status of every integration in Immuta."""
    return [record["status"] for record in standins.immuta.records()]
