# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed at every request, log-in and statement, whole or in part: the next run ends as if nothing had been.

*Whole*: every process of the run at once. *In part*: ansible-playbook alone, so that the next run meets the task that
was under way, which goes on by itself.
"""

from __future__ import annotations

import threading
import typing as t

from tests.resilience.stage import FLOWS, LOGIN, Play, Point, Stage, Trap
from tests.support.playbooks import Run

# The seconds that the event at which ansible-playbook died is held back: the next run is at work by then.
ORPHAN_HOLD = 2.5
# The seconds that a record stays in motion, where it does.
MOTION = 1.0

# Starts the flow, kills it at an event, before or after that is carried out, and gives the next run.
Kill = t.Callable[[Play, int, bool], Run]


def whole(name: str, **environment: str) -> t.Callable[[Stage], list[Point]]:
    """The points of a flow at each of which the whole run is killed."""
    return lambda stage: _points(stage, name, _kill_whole, environment)


def in_part(name: str, **environment: str) -> t.Callable[[Stage], list[Point]]:
    """The points of a flow at each of which ansible-playbook alone is killed."""
    return lambda stage: _points(stage, name, _kill_main, environment)


def undisturbed(stage: Stage, name: str) -> tuple[list[str], dict[str, t.Any]]:
    """The events of a flow and what stands after it."""
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
            # Every other pair meets a record that is still in motion.
            motion = MOTION if number % 2 else 0.0
            label = f"{number + 1:2} {'after' if after else 'before'} {event}{', in motion' if motion else ''}"
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
