# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the work of a module becomes its result."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError
from ansible_collections.immuta.integrations.plugins.module_utils._common.runner import run_module


class EndError(Exception):
    pass


class Module:
    """Stands in for AnsibleModule."""

    def __init__(self, params: dict[str, t.Any], argument_spec: dict[str, t.Any] | None = None) -> None:
        self.params = params
        self.argument_spec = argument_spec or {}
        self.check_mode = True
        self.no_log_values: set[str] = set()
        self.warnings: list[str] = []
        self.warn = self.warnings.append

    def exit_json(self, **result: t.Any) -> t.NoReturn:
        raise EndError("exit", result)

    def fail_json(self, **result: t.Any) -> t.NoReturn:
        raise EndError("fail", result)


def outcome(module: Module, work: t.Any) -> tuple[str, dict[str, t.Any]]:
    with pytest.raises(EndError) as caught:
        run_module(t.cast(t.Any, module), work)
    return caught.value.args


def test_result_and_warnings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMMUTA_TEST_VARIABLE", "here")

    def work(params: t.Any, check_mode: bool, environ: t.Mapping[str, str]) -> dict[str, t.Any]:
        return {"params": params, "check": check_mode, "env": environ["IMMUTA_TEST_VARIABLE"], "warnings": ["Look."]}

    module = Module({"a": 1})
    ended, result = outcome(module, work)
    assert ended == "exit"
    assert {**result, "invocation": None} == {"params": {"a": 1}, "check": True, "env": "here", "invocation": None}
    assert module.warnings == ["Look."]


def test_error_is_one_sentence_and_its_facts():
    def work(*_arguments: t.Any) -> t.NoReturn:
        raise InputError("No.", line=3, nothing=None)

    assert outcome(Module({}), work) == ("fail", {"msg": "No.", "line": 3, "invocation": {"module_args": {}}})


def test_a_result_shows_arguments_without_secrets_and_is_not_garbled_by_words():
    spec = {"password": {"no_log": True}, "database": {}}
    module = Module({"password": "immuta", "database": "immuta"}, spec)
    module.no_log_values = {"immuta", "D1stinctive-Pa55word"}
    ended, result = outcome(module, lambda *_arguments: {"database": "immuta"})
    assert ended == "exit"
    assert result == {
        "database": "immuta",
        "invocation": {"module_args": {"password": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER", "database": "immuta"}},
    }
    assert module.no_log_values == {"D1stinctive-Pa55word"}
