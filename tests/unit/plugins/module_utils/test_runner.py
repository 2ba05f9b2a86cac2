# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the work of a module becomes its result."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._errors import InputError
from ansible_collections.immuta.integrations.plugins.module_utils._runner import run_module


class EndError(Exception):
    pass


class Module:
    """Stands in for AnsibleModule."""

    def __init__(self, params: dict[str, t.Any]) -> None:
        self.params = params
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
    assert outcome(module, work) == ("exit", {"params": {"a": 1}, "check": True, "env": "here"})
    assert module.warnings == ["Look."]


def test_error_is_one_sentence_and_its_facts():
    def work(*_arguments: t.Any) -> t.NoReturn:
        raise InputError("No.", line=3, nothing=None)

    assert outcome(Module({}), work) == ("fail", {"msg": "No.", "line": 3})


@pytest.mark.parametrize("ends", ["exit", "fail"])
def test_secrets_inside_extra_are_made_known_to_ansible_and_nothing_else(ends: str):
    def work(*_arguments: t.Any) -> dict[str, t.Any]:
        if ends == "fail":
            raise InputError("No.")
        return {}

    extra = {"secretKey": "hush", "deep": [{"sessionToken": 5}], "sslMode": "require"}
    module = Module({"config": {"username": "u", "password": "p", "extra": extra}})
    assert outcome(module, work)[0] == ends
    assert module.no_log_values == {"hush", "5"}


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        ("https://user:hush@tenant.example.com", {"hush"}),
        ("https://hush@tenant.example.com", {"hush"}),
        ("https://tenant.example.com/a@b", set()),
        ("tenant.example.com", set()),
        (None, set()),
    ],
)
def test_login_that_somebody_put_into_the_address_is_made_known_too(url: str | None, hidden: set[str]):
    module = Module({"url": url})
    outcome(module, lambda *_arguments: {})
    assert module.no_log_values == hidden


@pytest.mark.parametrize("params", [{}, {"config": None}, {"config": {}}, {"config": {"extra": None}}], ids=str)
def test_options_without_extra(params: dict[str, t.Any]):
    module = Module(params)
    outcome(module, lambda *_arguments: {})
    assert module.no_log_values == set()
