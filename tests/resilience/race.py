# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two parallel runs of a playbook: one integration at the end, and the second run succeeds or reports the reason."""

from __future__ import annotations

import time
import typing as t

from tests.resilience.faults import check_sentence
from tests.resilience.kill import undisturbed
from tests.resilience.stage import FLOWS, Point, Stage, TortureError, said

# Seconds of head start, of latency per request, and in which a record stays busy.
HEAD_STARTS = (0.0, 0.3, 0.8, 1.5, 2.2)
PACES = ((0.0, 0.0), (0.3, 0.0), (0.0, 1.0), (0.3, 1.0))


def two(name: str) -> t.Callable[[Stage], list[Point]]:
    """Return points: two runs with the same home directory, or with two."""

    def points(stage: Stage) -> list[Point]:
        _events, expected = undisturbed(stage, name)
        found = []
        for head_start in HEAD_STARTS:
            for latency, motion in PACES:
                for shared in (True, False):
                    home = "one home" if shared else "two homes"
                    label = f"{head_start} s later, latency {latency} s, busy {motion} s, {home}"
                    found.append(Point(label, _attempt(name, head_start, latency, motion, shared, expected)))
        return found

    return points


def _attempt(
    name: str, head_start: float, latency: float, motion: float, shared: bool, expected: dict[str, t.Any]
) -> t.Callable[[Stage], None]:
    def attempt(stage: Stage) -> None:
        play = stage.begin(FLOWS[name])
        stage.standins.immuta.set(settle=motion)
        if latency:
            stage.standins.immuta.add_fault("latency", seconds=latency, times=None)
        other = play if shared else stage.another(play)
        first = play.start()
        time.sleep(head_start)
        second = other.start()
        runs = [first.end(), second.end()]
        stage.standins.immuta.clear_faults()
        if stage.standins.immuta.writes.count("creating") > 1:
            raise TortureError("two integrations were created")
        for run in runs:
            if not run.succeeded:
                check_sentence(run)
        rerun = play.run()
        if rerun.changed and any(run.succeeded for run in runs):
            raise TortureError(f"the next run had changes; before it: {[said(run)[-600:] for run in runs]}")
        play.check_ends_as(expected, stage, "the run after both", rerun)
        left = other.left()
        if left:
            raise TortureError(f"the second run left {', '.join(left)}")

    return attempt
