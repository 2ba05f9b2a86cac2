# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run make targets two at a time, with a line for each: ``python -m tools.steps TARGET...``.

The output of a target is in .cache/steps. A failed target prints its output and stops the others; the exit status is 1.
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
    """A running make target."""

    target: str
    process: subprocess.Popen[bytes]
    log: Path
    started: float


def purpose(target: str) -> str:
    """Return the help text of a target in the Makefile."""
    return re.search(rf"^{target}:.*## (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]


def start(target: str) -> Step:
    """Start ``make TARGET`` in a process group of its own."""
    print(f"--> {target}: {purpose(target)}", flush=True)
    log = LOGS / f"{target}.log"
    # The child is an independent make, not a sub-make.
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
    """Stop the step and all its processes: SIGTERM first, then SIGKILL."""
    for request in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(step.process.pid, request)
            step.process.wait(STOP_SECONDS)


def run(targets: list[str]) -> Step | None:
    """Run all targets, and return the first that fails, or None."""
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
    """Return 0 if every step passed."""
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit("Stopped."))
    LOGS.mkdir(parents=True, exist_ok=True)
    failed = run(sys.argv[1:])
    if failed is None:
        return 0
    print(failed.log.read_text(errors="replace"))
    print(f"The step '{failed.target}' failed; its output is above. Run it alone with `make {failed.target}`.")
    return 1


if __name__ == "__main__":
    sys.exit(main())
