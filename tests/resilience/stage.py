# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The basis of all groups: stand-ins, flows, runs that can be killed, and checks of the state."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time
import typing as t
import uuid

from tests.support.by_hand import set_up
from tests.support.playbooks import Run, Workspace, ended, program
from tests.support.standin import Standins
from tests.support.standin.relay import Statement

CONFIGURE = "immuta.integrations.configure_redshift"
REMOVE = "immuta.integrations.remove_redshift"
MARK = "IMMUTA_TORTURE_RUN"
# The prefixes of events that are no requests.
LOGIN, SQL = "LOGIN", "SQL"
TIME_LIMIT = 120  # seconds for one run

IMPERSONATION = {"enabled": True, "role": "immuta_impersonation"}
OKTA = {
    "username": "okta_account",
    "password": "0kta-Pa55word",
    "appId": "Okta",
    "idpHost": "organization.okta.com",
    "role": "admin",
}


class TortureError(Exception):
    """A point that was not survived, in a sentence or two."""


@dataclasses.dataclass(frozen=True)
class Flow:
    """A playbook, and the state before it."""

    playbook: str
    is_prepared: bool
    okta: bool = False
    automatic: bool = False

    @property
    def variables(self) -> dict[str, t.Any]:
        """Return the role's variables of the flow, without the config."""
        return {"immuta_redshift_setup": "automatic"} if self.automatic else {}

    def config(self, standins: Standins) -> dict[str, t.Any]:
        """Return the config of the playbook."""
        config = standins.config()
        if self.automatic:
            config.update(username=standins.bootstrap.user, password=standins.bootstrap.password)
        if self.okta:
            config.update(authenticationType="okta", okta=dict(OKTA), impersonation=IMPERSONATION)
            del config["username"], config["password"]
        return config

    def prepare(self, standins: Standins) -> None:
        """Create the initial state of the flow: as after `setup`, but by hand."""
        if not self.is_prepared:
            return
        config = dataclasses.replace(self, okta=False).config(standins)
        set_up(standins, config, automatic=self.automatic)


FLOWS = {
    "setup": Flow(CONFIGURE, is_prepared=False),
    "change": Flow(CONFIGURE, is_prepared=True, okta=True),
    "removal": Flow(REMOVE, is_prepared=True),
    "automatic-setup": Flow(CONFIGURE, is_prepared=False, automatic=True),
    "automatic-removal": Flow(REMOVE, is_prepared=True, automatic=True),
}


class Stage:
    """Context manager: a pair of stand-ins, reset for each point."""

    def __enter__(self) -> Stage:
        with contextlib.ExitStack() as stack:
            self.standins = stack.enter_context(Standins())
            self.directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="immuta-torture-")))
            self._stack = stack.pop_all()
        self._workspaces = 0
        return self

    def __exit__(self, *unused: object) -> None:
        self._stack.close()

    def begin(self, flow: Flow, **environment: str) -> Play:
        """Reset everything and return a runner of the flow."""
        self.standins.reset()
        flow.prepare(self.standins)
        return Play(self._workspace(environment), flow)

    def another(self, play: Play) -> Play:
        """Return the same from another workspace."""
        return Play(self._workspace({}), play.flow)

    def _workspace(self, environment: dict[str, str]) -> Workspace:
        self._workspaces += 1
        directory = self.directory / str(self._workspaces)
        directory.mkdir()
        workspace = Workspace(directory, self.standins)
        # A killed module leaves its unpacked files in TMPDIR.
        workspace.environment.update(TMPDIR=str(directory), **environment)
        return workspace

    def state(self) -> dict[str, t.Any]:
        """Return the state of Redshift and Immuta, without ids, validation results and passwords of the stage."""
        kept = ("type", "autoBootstrap", "status", "config")
        records = [{key: record[key] for key in kept} for record in self.standins.immuta.records()]
        for record in records:
            if record["config"].get("password") == self.standins.bootstrap.password:
                record["config"]["password"] = "the bootstrap account's"
        return {**self.standins.catalog(), "records": records}


class Play:
    """A runner of a flow from one workspace."""

    def __init__(self, workspace: Workspace, flow: Flow) -> None:
        self.workspace = workspace
        self.flow = flow
        self.variables: dict[str, t.Any] = {}
        self._runs = 0

    def start(self, *options: str) -> Running:
        """Start ansible-playbook, in processes that can be found and killed."""
        return Running(self._command(options), self.workspace.environment, self.workspace.directory)

    def run(self, *options: str) -> Run:
        """Run ansible-playbook and wait for its end."""
        return ended(self._command(options), self.workspace.environment, self.workspace.directory)

    def _command(self, options: t.Sequence[str]) -> list[str]:
        self._runs += 1
        config = self.flow.config(self.workspace.standins)
        variables = {**self.workspace.variables(config=config), **self.flow.variables, **self.variables}
        file = self.workspace.directory / f"variables-{self._runs}.json"
        file.write_text(json.dumps(variables), encoding="utf-8")
        return [program("ansible-playbook"), self.flow.playbook, "-e", f"@{file}", *options]

    def check_ends_as(self, expected: dict[str, t.Any], stage: Stage, what: str, rerun: Run) -> None:
        """Raise TortureError unless the state is that of an undisturbed run, and another run changes nothing."""
        if not rerun.succeeded:
            raise TortureError(f"{what} failed: {said(rerun)}")
        again = self.run()
        if not again.succeeded or again.changed:
            raise TortureError(f"the run after {what} had {again.changed} changes: {said(again)}")
        found = stage.state()
        if found != expected:
            raise TortureError(f"after {what}, the state differs: {differing(found, expected)}")
        left = self.left()
        if left:
            raise TortureError(f"after {what}, files remain: {', '.join(left)}")

    def left(self) -> list[str]:
        """Return the collection's files in the home directory that a run must not leave."""
        home = self.workspace.home
        patterns = (".ansible/tmp/immuta_redshift/*", "**/*.part", "**/*.sql")
        return sorted(str(path.relative_to(home)) for pattern in patterns for path in home.glob(pattern))


class Running:
    """A run of ansible-playbook with all its processes, in any group or session."""

    def __init__(self, command: list[str], environment: dict[str, str], directory: pathlib.Path) -> None:
        mark = uuid.uuid4().hex
        self._mark = f"{MARK}={mark}".encode()
        self._output = directory / f"output-{mark}"
        with self._output.open("wb") as output:
            self._main = subprocess.Popen(
                command,
                env={**environment, MARK: mark},
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def end(self, time_limit: float = TIME_LIMIT) -> Run:
        """Wait for the end of ansible-playbook. Raise TortureError after the time limit."""
        try:
            self._main.wait(time_limit)
        except subprocess.TimeoutExpired:
            self.kill_all()
            output = self._output.read_text(encoding="utf-8", errors="replace")
            raise TortureError(f"a run did not end within {time_limit} s: ...{output[-1000:]}") from None
        return Run(self._main.returncode, self._output.read_text(encoding="utf-8", errors="replace"))

    def kill_main(self) -> None:
        """Kill only ansible-playbook itself."""
        self._main.kill()
        self._main.wait()

    def kill_all(self) -> None:
        """Kill every process of the run. All are stopped first, so none sees another one end."""
        stopped: set[int] = set()
        while True:
            new = set(self.processes()) - stopped
            if not new:
                break
            for pid in new:
                send(pid, signal.SIGSTOP)
            stopped |= new
        for pid in stopped:
            send(pid, signal.SIGKILL)
        self._main.wait()
        self.await_nobody()

    def processes(self) -> list[int]:
        """Return the living processes of the run."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):  # Not readable for us, or ended.
                if entry.name.isdecimal() and self._mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    def await_nobody(self, time_limit: float = 30.0) -> None:
        """Wait until no process of the run remains. Raise TortureError if one does."""
        deadline = time.monotonic() + time_limit
        while self.processes():
            if time.monotonic() > deadline:
                self.kill_all()
                raise TortureError(f"a process of a killed run still exists after {time_limit} s")
            time.sleep(0.02)


def send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class Trap:
    """A counter of the events of a run (requests, logins and statements) that acts at one of them.

    ``act`` is called once at event number ``at`` (from 0): with ``after``, between its execution and its reply, which a
    login does not have; otherwise before its execution. It returns whether to close the connection.
    """

    def __init__(
        self, standins: Standins, at: int | None = None, after: bool = False, act: t.Callable[[], bool] = lambda: False
    ) -> None:
        self.events: list[str] = []
        self.is_sprung = False
        self._at, self._after, self._act = at, after, act
        self._lock = threading.Lock()
        standins.immuta.wire.on_request = lambda entry: self._came(f"{entry['method']} {entry['path']}", "drop")
        standins.immuta.wire.on_reply = lambda entry: self._done("drop")
        standins.redshift.on_login = self._login
        standins.redshift.on_statement = self._statement
        standins.redshift.on_result = self._result

    def check_sprung(self) -> None:
        """Raise TortureError unless the run reached the event."""
        if not self.is_sprung:
            raise TortureError("the run ended before the event")

    def _login(self, settings: dict[str, str]) -> str | None:
        if settings.get("application_name") == "immuta":
            return None
        return self._came(f"{LOGIN} {settings['user']} {settings['database']}", "drop")

    def _statement(self, statement: Statement) -> str | None:
        if statement.application == "immuta":
            return None
        return self._came(f"{SQL} " + " ".join(statement.text.split()[:3]), "drop_before")

    def _result(self, statement: Statement) -> str | None:
        return None if statement.application == "immuta" else self._done("drop")

    def _came(self, event: str, drop: str) -> str | None:
        with self._lock:
            self.events.append(event)
        return None if self._after else self._spring(drop)

    def _done(self, drop: str) -> str | None:
        return self._spring(drop) if self._after else None

    def _spring(self, drop: str) -> str | None:
        with self._lock:
            if self.is_sprung or self._at is None or len(self.events) != self._at + 1:
                return None
            self.is_sprung = True
        return drop if self._act() else None


def said(run: Run) -> str:
    """Return the reason of a failed run, or the end of its output."""
    messages = failures(run)
    return " / ".join(messages) if messages else f"rc {run.status}, ...{run.output[-1500:]}"


def failures(run: Run) -> list[str]:
    """Return the messages of failed tasks."""
    found = []
    for match in re.finditer(r"^(?:fatal|failed): \[.*? => (?=\{)", run.output, re.MULTILINE):
        result = json.JSONDecoder().raw_decode(run.output, match.end())[0]
        found.append(str(result.get("msg")))
    return found


def differing(found: dict[str, t.Any], expected: dict[str, t.Any]) -> str:
    parts = [f"{key} {found[key]} in place of {expected[key]}" for key in expected if found[key] != expected[key]]
    return "; ".join(parts)


@dataclasses.dataclass(frozen=True)
class Point:
    """A point to survive; ``attempt`` raises TortureError if it fails."""

    label: str
    attempt: t.Callable[[Stage], None]
