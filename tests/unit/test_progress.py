# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress lines of long work: their time and their words."""

from __future__ import annotations

import os
import threading
import typing as t
from unittest import mock

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common import progress
from ansible_collections.immuta.integrations.plugins.module_utils._common.progress import State
from ansible_collections.immuta.integrations.plugins.plugin_utils import _progress
from ansible_collections.immuta.integrations.plugins.plugin_utils._in_process import in_child
from ansible_collections.immuta.integrations.plugins.plugin_utils._progress import (
    described,
    printer,
    subject,
    telling,
    texts,
)


def test_line_after_each_interval_has_the_state() -> None:
    states = [None, State("creating", 600), State("creating", 600), None, State("deleting", 1200)]
    passed: list[State | None] = []

    def pause() -> bool:
        if len(passed) == len(states):
            return True
        passed.append(states[len(passed)])
        return False

    assert list(texts(lambda: passed[-1], pause, lambda: 10.04 * len(passed))) == [
        "creating, 20 s of 600 s",
        "creating, 30 s of 600 s",
        "deleting, 50 s of 1,200 s",
    ]


def test_state_without_a_limit_shows_seconds() -> None:
    assert described(progress.running(120, 2000), 1234.5) == "statement 120 of 2,000, 1,234 s"


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
def test_one_word_status_is_shown(status: str, shown: str) -> None:
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
def test_line_names_the_cluster_and_host(params: dict[str, t.Any], expected: str) -> None:
    assert subject("localhost", params) == expected


class Screen:
    """A double of Ansible's Display; ``full`` is set once it has a line."""

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


def test_lines_go_to_stderr_without_secrets(screen: Screen) -> None:
    threads = threading.active_count()
    with telling(printer("hunter2.example.com", {"hunter2"})):
        progress.show(State("creating", 600))
        assert screen.full.wait(60)
    assert set(screen.lines) == {("********.example.com: creating, 0 s of 600 s", True)}
    printed = len(screen.lines)
    progress.show(State("deleting", 600))
    assert len(screen.lines) == printed
    assert threading.active_count() == threads


@pytest.mark.parametrize(("tell", "state"), [(None, State("creating", 600)), (print, None)])
def test_short_or_silent_work_starts_no_thread(tell: _progress.Tell | None, state: State | None) -> None:
    threads = threading.active_count()
    with telling(tell):
        progress.show(state)
        assert threading.active_count() == threads


def test_closed_controller_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    display = mock.Mock(side_effect=BrokenPipeError)
    monkeypatch.setattr(_progress, "Display", lambda: mock.Mock(display=display))
    printer("c", set())("creating, 10 s")
    display.assert_called_once()


def test_child_lines_are_printed_by_the_parent(screen: Screen) -> None:
    receiver, sender = os.pipe()

    def work(_params: t.Any, _check_mode: bool, _environ: t.Any) -> dict[str, t.Any]:
        progress.show(progress.running(1, 2))
        os.read(receiver, 1)  # Until the parent has a line.
        return {"changed": True}

    heard: list[tuple[int, str]] = []

    def tell(text: str) -> None:
        if not heard:
            os.write(sender, b".")
        heard.append((os.getpid(), text))

    assert in_child(work, {}, False, {}, tell) == {"changed": True}
    assert set(heard) == {(os.getpid(), "statement 1 of 2, 0 s")}
    os.close(receiver)
    os.close(sender)
