# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs killed at every request, login and statement, whole or in part. The next run must end undisturbed.

*Whole*: all processes of the run. *In part*: only ansible-playbook, so the next run meets the running task.
"""

from __future__ import annotations

import functools
import threading
import typing as t

from tests.resilience.stage import FLOWS, LOGIN, Play, Point, Stage, Trap
from tests.support.playbooks import Run

# Seconds of delay for the event at which ansible-playbook is killed; the next run is active by then.
ORPHAN_HOLD = 2.5
# Seconds in which a record stays busy, if it does.
MOTION = 1.0

# Start the flow, kill it before or after an event, and run it again.
Kill = t.Callable[[Play, int, bool], Run]


def whole(name: str, **environment: str) -> t.Callable[[Stage], list[Point]]:
    """Return a point for each event of a flow at which the whole run is killed."""
    return lambda stage: _points(stage, name, _kill_whole, environment)


def in_part(name: str, **environment: str) -> t.Callable[[Stage], list[Point]]:
    """Return a point for each event of a flow at which only ansible-playbook is killed."""
    return lambda stage: _points(stage, name, _kill_main, environment)


@functools.cache
def undisturbed(stage: Stage, name: str) -> tuple[list[str], dict[str, t.Any]]:
    """Return the events of a flow and the final state."""
    play = stage.begin(FLOWS[name])
    trap = Trap(stage.standins)
    run = play.run()
    events = list(trap.events)
    expected = stage.state()
    play.check_ends_as(expected, stage, "an undisturbed run", run)
    return events, expected


def _points(stage: Stage, name: str, kill: Kill, environment: dict[str, str]) -> list[Point]:
    events, expected = undisturbed(stage, name)
    points = []
    for number, event in enumerate(events):
        for after in (False,) if event.startswith(LOGIN) else (False, True):
            # Every other pair meets a busy record.
            motion = MOTION if number % 2 else 0.0
            label = f"{number + 1:2} {'after' if after else 'before'} {event}{', busy' if motion else ''}"
            points.append(Point(label, _attempt(kill, name, number, after, motion, expected, environment)))
    return points


def _attempt(
    kill: Kill,
    name: str,
    number: int,
    after: bool,
    motion: float,
    expected: dict[str, t.Any],
    environment: dict[str, str],
) -> t.Callable[[Stage], None]:
    def attempt(stage: Stage) -> None:
        play = stage.begin(FLOWS[name], **environment)
        stage.standins.immuta.set(settle=motion)
        play.check_ends_as(expected, stage, "the run after the kill", kill(play, number, after))

    return attempt


def _kill_whole(play: Play, number: int, after: bool) -> Run:
    def act() -> bool:
        running.kill_all()
        return True

    trap = Trap(play.workspace.standins, number, after, act)
    running = play.start()
    running.end()
    trap.check_sprung()
    return play.run()


def _kill_main(play: Play, number: int, after: bool) -> Run:
    is_killed, is_over = threading.Event(), threading.Event()

    def act() -> bool:
        running.kill_main()
        is_killed.set()
        is_over.wait(ORPHAN_HOLD)
        return False

    trap = Trap(play.workspace.standins, number, after, act)
    running = play.start()
    running.end()
    trap.check_sprung()
    is_killed.wait()
    rerun = play.run()
    is_over.set()
    running.await_nobody()
    return rerun
