# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sample of each kind of fault injection, for every change; `make torture` runs many more."""

from __future__ import annotations

import re
import typing as t

import pytest

from tests.resilience.stage import Stage
from tools.torture import GROUPS

# The group, and a pattern for the label of a point. One point runs as real modules, the shortest.
SAMPLE = [
    ("kill-setup", r"before POST /integrations\b"),
    ("orphan-setup", r"after SQL CREATE DATABASE"),
    ("network-setup", r"drop_after once POST /integrations\b"),
    ("database-setup", r"too many connections once LOGIN"),
    ("race-setup", r"0\.0 s later, latency 0\.0 s, .* two homes"),
    ("secrets", r"setup, in-process, request 2, echo$"),
    ("secrets", r"setup, modules, iam refuses"),
    ("words", r"setup, in-process, 'a'"),
]


@pytest.fixture(scope="module")
def stage() -> t.Iterator[Stage]:
    with Stage() as stage:
        yield stage


@pytest.fixture(scope="module")
def points(stage: Stage) -> t.Callable[[str], dict[str, t.Any]]:
    known: dict[str, dict[str, t.Any]] = {}

    def by_label(group: str) -> dict[str, t.Any]:
        if group not in known:
            known[group] = {point.label: point.attempt for point in GROUPS[group].points(stage)}
        return known[group]

    return by_label


@pytest.mark.parametrize(("group", "label"), SAMPLE)
def test_point_is_survived(stage: Stage, points: t.Callable[[str], dict[str, t.Any]], group: str, label: str) -> None:
    attempt = next(attempt for name, attempt in points(group).items() if re.search(label, name))
    attempt(stage)
