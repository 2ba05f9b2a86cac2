# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs make targets two at a time, a line for each: ``python -m tools.steps TARGET...``.

A target's output is kept in .cache/steps and shown when it fails, which ends the others at once. Exit status 1 then.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from tests.support.paths import ROOT

LOGS = ROOT / ".cache" / "steps"
AT_A_TIME = 2
POLL_SECONDS = 0.05
STOP_SECONDS = 60


class Step(t.NamedTuple):
    """A make target under way."""

    target: str
    process: subprocess.Popen[bytes]
    log: Path
    started: float


def purpose(target: str) -> str:
    """The help that stands beside the target in the Makefile."""
    return re.search(rf"^{target}:.*## (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]


def start(target: str) -> Step:
    """Start ``make TARGET`` in a process group of its own."""
    print(f"--> {target}: {purpose(target)}", flush=True)
    log = LOGS / f"{target}.log"
    # This make is a new one to its child, not the parent of a sub-make.
    env = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", "--no-print-directory", target],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Step(target, process, log, time.monotonic())


def stop(step: Step) -> None:
    """End the step and everything that it started, politely first."""
    for request in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(step.process.pid, request)
            step.process.wait(STOP_SECONDS)


def run(targets: list[str]) -> Step | None:
    """Run all targets; the first that fails, or None."""
    waiting, running = list(targets), []
    try:
        while waiting or running:
            while waiting and len(running) < AT_A_TIME:
                running.append(start(waiting.pop(0)))
            time.sleep(POLL_SECONDS)
            for step in [step for step in running if step.process.poll() is not None]:
                running.remove(step)
                word = "ok" if step.process.returncode == 0 else "FAILED"
                print(f"    {step.target}: {word}, {time.monotonic() - step.started:.1f} s", flush=True)
                if step.process.returncode != 0:
                    return step
        return None
    finally:
        for step in running:
            stop(step)


def main() -> int:
    """0 when every step passed."""
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit("The steps were stopped."))
    LOGS.mkdir(parents=True, exist_ok=True)
    failed = run(sys.argv[1:])
    if failed is None:
        return 0
    print(failed.log.read_text(errors="replace"))
    print(f"The step '{failed.target}' failed; its output is above. `make {failed.target}` runs it alone.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
