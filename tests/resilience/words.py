# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords that are common words: they are masked, and nothing else is."""

from __future__ import annotations

import re
import typing as t

from tests.resilience.stage import FLOWS, Point, Stage, TortureError, said

WORDS = ("update", "present", "immuta", "enabled", "changed", "dev", "true", "1", "a")
# Masks of Ansible and of the collection.
MASKS = re.compile(r"\*{3,}|VALUE_SPECIFIED_IN_NO_LOG_PARAMETER|HIDDEN|censored")
ODD = "Sy5tem-Pa55word-Of-None"


def points(_bench: Stage) -> list[Point]:
    """Return points: a setup and a removal, in both modes, with each word as the password of the account."""
    return [
        Point(f"{flow}, {'in-process' if way == 'true' else 'modules'}, {word!r}", _attempt(flow, way, word))
        for flow in ("setup", "removal")
        for way in ("true", "false")
        for word in WORDS
    ]


def _attempt(flow: str, way: str, word: str) -> t.Callable[[Stage], None]:
    def attempt(stage: Stage) -> None:
        odd, usual = (_masks(stage, flow, way, password) for password in (ODD, word))
        if odd != usual:
            differing = [f"{number} in {heading}" for heading, number in usual if (heading, number) not in odd]
            raise TortureError(f"other number of masks than with a distinctive password: {', '.join(differing)}")

    return attempt


def _masks(stage: Stage, flow: str, way: str, password: str) -> list[tuple[str, int]]:
    """Return the number of masks of each task of a run, in order."""
    play = stage.begin(FLOWS[flow], IMMUTA_IN_PROCESS=way)
    play.variables["immuta_redshift_config"] = stage.standins.config(password=password)
    run = play.run("-v", "--diff")
    if not run.succeeded:
        raise TortureError(f"the run failed: {said(run)}")
    tasks = [task.partition("\n")[::2] for task in run.output.split("\nTASK ")[1:]]
    return [(heading.strip(" *"), len(MASKS.findall(output))) for heading, output in tasks]
