# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the molecule scenarios two at a time, each with its own stand-ins: ``python -m tools.run_molecule``.

Arguments are names of scenarios; the default is all. A failed scenario prints its output. The exit status is 1 if a
scenario failed or left objects in its tenant or cluster.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.standin import Standins

HOME = ROOT / ".cache" / "home"
SCENARIOS = ROOT / "extensions" / "molecule"
AT_A_TIME = 2
POLL_SECONDS = 0.05


class Scenario:
    """A running ``molecule test`` with its own stand-ins and home directory, as a context manager."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> t.Self:
        with contextlib.ExitStack() as stack:
            self._started = time.monotonic()
            self._standins = stack.enter_context(Standins())
            self._before = self._stands()
            home = stack.enter_context(tempfile.TemporaryDirectory(prefix="molecule-", dir=HOME))
            self._output = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))
            self._process = subprocess.Popen(
                ["molecule", "test", "--scenario-name", self.name],
                cwd=ROOT,
                env={
                    **os.environ,
                    **self._standins.environment(),
                    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
                    "HOME": home,
                    # Molecule's own files.
                    "ANSIBLE_HOME": f"{home}/.ansible",
                    "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
                    "NO_COLOR": "1",
                },
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            stack.callback(self._stop)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *unused: object) -> None:
        self._stack.close()

    @property
    def is_over(self) -> bool:
        return self._process.poll() is not None

    def passed(self) -> bool:
        """Print the result, with the output of a failure, and return whether the scenario passed."""
        problem = ""
        if self._process.returncode != 0:
            problem = f"exit status {self._process.returncode}"
        elif self._stands() != self._before:
            problem = f"objects remain: {self._stands()}"
        if problem:
            self._output.seek(0)
            print(self._output.read())
        print(f"{self.name}: {problem or 'ok'}, {time.monotonic() - self._started:.1f} s", flush=True)
        return not problem

    def _stands(self) -> tuple[t.Any, ...]:
        return self._standins.immuta.records(), self._standins.catalog()

    def _stop(self) -> None:
        """Stop molecule and its child processes if they still run."""
        if not self.is_over:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait()


def run(names: list[str]) -> int:
    """Run the scenarios and return how many failed."""
    waiting, failures = list(names), 0
    with contextlib.ExitStack() as stack:
        running: list[Scenario] = []
        while waiting or running:
            while waiting and len(running) < AT_A_TIME:
                running.append(stack.enter_context(Scenario(waiting.pop(0))))
            time.sleep(POLL_SECONDS)
            for scenario in [scenario for scenario in running if scenario.is_over]:
                running.remove(scenario)
                failures += not scenario.passed()
    return failures


def main() -> int:
    """Return 0 if every scenario passed."""
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit("The scenarios were stopped."))
    HOME.mkdir(parents=True, exist_ok=True)
    names = sys.argv[1:] or sorted(file.parent.name for file in SCENARIOS.glob("*/molecule.yml"))
    return 1 if run(names) else 0


if __name__ == "__main__":
    sys.exit(main())
