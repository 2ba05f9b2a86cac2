# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that long work prints: when, and with which words."""

from __future__ import annotations

import threading
import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common import progress
from ansible_collections.immuta.integrations.plugins.module_utils._common.progress import State
from ansible_collections.immuta.integrations.plugins.plugin_utils import _progress
from ansible_collections.immuta.integrations.plugins.plugin_utils._in_process import in_child
from ansible_collections.immuta.integrations.plugins.plugin_utils._progress import line, lines, printing, subject


def test_a_line_follows_each_pause_and_shows_the_state_of_that_time() -> None:
    states = [None, State("creating", 600), State("creating", 600), None, State("deleting", 1200)]
    passed: list[State | None] = []

    def pause() -> bool:
        if len(passed) == len(states):
            return True
        passed.append(states[len(passed)])
        return False

    assert list(lines("c", lambda: passed[-1], pause, lambda: 10.04 * len(passed))) == [
        "c: creating, 20 s of 600 s",
        "c: creating, 30 s of 600 s",
        "c: deleting, 50 s of 1,200 s",
    ]


def test_a_state_without_a_limit_has_the_seconds_alone() -> None:
    assert line("c", progress.running(120, 2000), 1234.5) == "c: statement 120 of 2,000, 1,234 s"


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ("creating", "creating"),
        ("aStatusOfTomorrow", "aStatusOfTomorrow"),
        ("creating: password=hunter2", "in progress"),
        ("\x1b[2Jcreating", "in progress"),
        ("creating\n", "in progress"),
        ("", "in progress"),
        ("x" * 31, "in progress"),
    ],
)
def test_a_status_is_shown_if_it_is_one_word(status: str, shown: str) -> None:
    assert progress.waiting_for(status, 600) == State(shown, 600)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"config": {"host": "cluster.example.com"}}, "[localhost] cluster.example.com"),
        ({"login_host": "cluster.example.com", "config": None}, "[localhost] cluster.example.com"),
        ({"login_host": None, "cluster_identifier": "sales"}, "[localhost] sales"),
        ({"login_host": "localhost"}, "localhost"),
        ({"login_host": "admin:hunter2@cluster.example.com"}, "localhost"),
        ({"config": {"host": "a\nb"}}, "localhost"),
        ({"config": "text"}, "localhost"),
        ({}, "localhost"),
    ],
)
def test_a_line_names_the_cluster_and_another_inventory_host(params: dict[str, t.Any], expected: str) -> None:
    assert subject("localhost", params) == expected


class Screen:
    """Stands for Ansible's Display; ``full`` is set once it has a line."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, bool]] = []
        self.full = threading.Event()

    def display(self, text: str, stderr: bool) -> None:
        self.lines.append((text, stderr))
        self.full.set()


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    screen = Screen()
    monkeypatch.setattr(_progress, "Display", lambda: screen)
    monkeypatch.setattr(_progress, "INTERVAL", 0.001)
    return screen


def test_lines_go_to_the_error_stream_without_secrets_until_the_work_ends(screen: Screen) -> None:
    threads = threading.active_count()
    with printing("hunter2.example.com", {"hunter2"}):
        progress.show(State("creating", 600))
        assert screen.full.wait(60)
    assert set(screen.lines) == {("********.example.com: creating, 0 s of 600 s", True)}
    printed = len(screen.lines)
    progress.show(State("deleting", 600))
    assert len(screen.lines) == printed
    assert threading.active_count() == threads


def test_work_that_reports_nothing_starts_no_thread() -> None:
    threads = threading.active_count()
    with printing("c", set()):
        progress.show(None)
        assert threading.active_count() == threads


def test_a_controller_that_has_ended_disturbs_no_work(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_text: str, stderr: bool) -> None:
        screen.full.set()
        raise BrokenPipeError

    monkeypatch.setattr(screen, "display", broken)
    with printing("c", set()):
        progress.show(State("creating", 600))
        assert screen.full.wait(60)
        progress.show(State("deleting", 600))


def test_the_states_of_a_child_reach_its_parent() -> None:
    def work(_params: t.Any, _check_mode: bool, _environ: t.Any) -> dict[str, t.Any]:
        for state in (progress.running(1, 2), progress.running(2, 2), None):
            progress.show(state)
        return {"changed": True}

    heard: list[State | None] = []
    with progress.listening(heard.append):
        assert in_child(work, {}, False, {}) == {"changed": True}
    assert heard == [None, State("statement 1 of 2"), State("statement 2 of 2"), None]
