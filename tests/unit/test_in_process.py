# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands between a task inside the controller process and the work of a module."""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError, MissingLibraryError
from ansible_collections.immuta.integrations.plugins.plugin_utils._in_process import attempt, in_child, validate

ARGUMENTS = {
    "argument_spec": {"host": {"type": "str"}, "password": {"type": "str", "no_log": True}, "port": {"type": "int"}},
    "required_one_of": [("host", "port")],
}


def work(params: dict[str, t.Any], check_mode: bool, environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    if params.get("raises"):
        raise params["raises"]
    if params.get("dies"):
        os.kill(os.getpid(), signal.SIGKILL)
    return {"changed": not check_mode, "home": environ["HOME"]}


def test_arguments_are_checked_and_converted_as_a_module_does_it() -> None:
    validation = validate(ARGUMENTS, {"port": "5439", "password": "hush"})
    assert validation.validated_parameters == {"port": 5439, "password": "hush", "host": None}
    assert validation._no_log_values == {"hush"}
    assert validate(ARGUMENTS, {"port": "many"}).error_messages
    assert validate(ARGUMENTS, {}).error_messages == ["one of the following is required: host, port"]
    assert ARGUMENTS["argument_spec"]


@pytest.mark.parametrize("way", [attempt, in_child])
def test_both_ways_give_the_result_or_the_failure(way: t.Callable[..., dict[str, t.Any]]) -> None:
    assert way(work, {}, False, {"HOME": "/h"}) == {"changed": True, "home": "/h"}
    refused = way(work, {"raises": InputError("It is wrong: mend it.", line=3)}, False, {})
    assert refused == {"failed": True, "msg": "It is wrong: mend it.", "line": 3}
    with pytest.raises(MissingLibraryError):
        way(work, {"raises": MissingLibraryError("It is missing.")}, False, {})


def test_a_driver_that_dies_fails_its_task_alone() -> None:
    result = in_child(work, {"dies": True}, False, {})
    assert result["failed"]
    assert "exit status -9" in result["msg"]


def test_a_child_does_not_outlive_its_parent() -> None:
    reading, writing = os.pipe()

    def compute(_params: dict[str, t.Any], _check_mode: bool, _environ: t.Mapping[str, str]) -> dict[str, t.Any]:
        os.write(writing, b"%d\n" % os.getpid())
        while True:
            pass

    parent = multiprocessing.get_context("fork").Process(target=in_child, args=[compute, {}, False, {}])
    parent.start()
    os.close(writing)
    child = int(os.read(reading, 20))
    os.kill(t.cast(int, parent.pid), signal.SIGKILL)
    parent.join()
    is_over = bool(select.select([reading], [], [], 30)[0])
    if not is_over:
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    assert is_over, "only the end of the child closes its end of the pipe"
