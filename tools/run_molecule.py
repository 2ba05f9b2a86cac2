# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs molecule's scenarios two at a time, each against stand-ins of its own: ``python -m tools.run_molecule``.

Arguments are the names of scenarios, all of them by default. What a scenario prints is shown when it fails. Exit status
1 when one has failed, or has left anything in its tenant or its cluster.
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
    """Context manager: ``molecule test`` under way, with stand-ins and a home that end with it."""

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
                    # Where molecule has its own files.
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
        """Whether it succeeded and left nothing; says so, and if not, what it printed."""
        problem = ""
        if self._process.returncode != 0:
            problem = f"exit status {self._process.returncode}"
        elif self._stands() != self._before:
            problem = f"it has left something: {self._stands()}"
        if problem:
            self._output.seek(0)
            print(self._output.read())
        print(f"{self.name}: {problem or 'ok'}, {time.monotonic() - self._started:.1f} s", flush=True)
        return not problem

    def _stands(self) -> tuple[t.Any, ...]:
        return self._standins.immuta.records(), self._standins.catalog()

    def _stop(self) -> None:
        """End what molecule started, too, if it has not ended."""
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
    """0 when every scenario passed."""
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit("The scenarios were stopped."))
    HOME.mkdir(parents=True, exist_ok=True)
    names = sys.argv[1:] or sorted(file.parent.name for file in SCENARIOS.glob("*/molecule.yml"))
    return 1 if run(names) else 0


if __name__ == "__main__":
    sys.exit(main())
