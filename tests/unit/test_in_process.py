# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layer between a task inside the controller process and the work of a module."""

from __future__ import annotations

import datetime
import multiprocessing
import os
import re
import signal
import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError, MissingLibraryError
from ansible_collections.immuta.integrations.plugins.plugin_utils._in_process import (
    as_sent,
    attempt,
    in_child,
    objection,
    validate,
)

ARGUMENTS = {
    "argument_spec": {"host": {"type": "str"}, "password": {"type": "str", "no_log": True}, "port": {"type": "int"}},
    "required_one_of": [("host", "port")],
}


def work(params: dict[str, t.Any], check_mode: bool, environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    if params.get("raises"):
        raise params["raises"]
    if params.get("computes"):
        os.write(params["computes"], str(os.getpid()).encode())
        re.match(r"(?:a+)+b", "a" * 100)  # It never ends, and holds the interpreter's lock.
    if params.get("dies"):
        os.kill(os.getpid(), signal.SIGKILL)
    return {"changed": not check_mode, "home": environ["HOME"]}


def test_arguments_are_validated_like_a_module() -> None:
    validation = validate(ARGUMENTS, {"port": "5439", "password": "hush"})
    assert validation.validated_parameters == {"port": 5439, "password": "hush", "host": None}
    assert validation._no_log_values == {"hush"}
    assert validate(ARGUMENTS, {"port": "many"}).error_messages
    assert objection("a.b.c", validate(ARGUMENTS, {})) == "one of the following is required: host, port"
    misspelt = objection("a.b.c", validate(ARGUMENTS, {"port": 1, "prot": 1}))
    assert misspelt.startswith("Unsupported parameters for (a.b.c) module: prot. Supported parameters include: ")
    assert ARGUMENTS["argument_spec"]


@pytest.mark.parametrize("way", [attempt, in_child])
def test_result_and_failure_equal_those_of_a_module(way: t.Callable[..., dict[str, t.Any]]) -> None:
    assert way(work, {}, False, {"HOME": "/h"}) == {"changed": True, "home": "/h"}
    refused = way(work, {"raises": InputError("It is wrong: mend it.", line=3)}, False, {})
    assert refused == {"failed": True, "msg": "It is wrong: mend it.", "line": 3}
    unforeseen = way(work, {"raises": KeyError("Hunter2")}, False, {})
    assert "unexpected KeyError (test_in_process.py, line " in unforeseen["msg"]
    assert unforeseen["failed"]
    assert "Hunter2" not in str(unforeseen)
    with pytest.raises(MissingLibraryError):
        way(work, {"raises": MissingLibraryError("It is missing.")}, False, {})


def test_crashing_driver_fails_only_its_task() -> None:
    result = in_child(work, {"dies": True}, False, {})
    assert result["failed"]
    assert "exit status -9" in result["msg"]


def task(sender: int) -> None:
    in_child(work, {"computes": sender}, False, {})


def controller(sender: int) -> None:
    worker = multiprocessing.get_context("fork").Process(target=task, args=(sender,))
    worker.start()
    worker.join()


@pytest.mark.parametrize("killed", [task, controller])
def test_child_ends_with_its_parent(killed: t.Callable[[int], None]) -> None:
    receiver, sender = os.pipe()
    process = multiprocessing.get_context("fork").Process(target=killed, args=(sender,))
    process.start()
    os.close(sender)
    assert int(os.read(receiver, 20)) != process.pid
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    assert os.read(receiver, 20) == b"", "the others have the other end, until they end"
    os.close(receiver)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ({1: {None: "a", True: 2.5}}, {"1": {"null": "a", "true": 2.5}}),
        ({"when": datetime.date(2026, 1, 2)}, {"when": "2026-01-02"}),
        (
            {"when": datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.timezone.utc)},
            {"when": "2026-01-02T03:00:00+00:00"},
        ),
        ({"both": ("a", {"b"})}, {"both": ["a", ["b"]]}),
    ],
)
def test_arguments_equal_those_of_a_module(value: dict[t.Any, t.Any], sent: dict[str, t.Any]) -> None:
    assert as_sent(value) == sent
