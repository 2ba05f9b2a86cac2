# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result of a module's work."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils import basic

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError
from ansible_collections.immuta.integrations.plugins.module_utils._common.runner import AnsibleModule, run_module
from ansible_collections.immuta.integrations.plugins.module_utils._modules import (
    immuta_integration_info,
    immuta_redshift_integration,
    redshift_info,
)

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
SECRET = "Hunter2-Pa55word"
LOGIN = {"login_host": "h", "login_user": "u", "login_db": "dev", "ssl_mode": "disable"}
IMMUTA = {"url": "https://tenant.example.com", "api_key": "846e9e43c86a4ct1be"}

Work = t.Callable[..., dict[str, t.Any]]
Outcome = tuple[dict[str, t.Any], list[str]]


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> t.Callable[..., Outcome]:
    """Run work as a module does; return its result, and its lines in the system log."""
    logged: list[str] = []

    def run(
        arguments: t.Callable[[], dict[str, t.Any]] | dict[str, t.Any],
        options: dict[str, t.Any],
        work: Work = lambda *_arguments: {"changed": False},
    ) -> Outcome:
        if "inject_invocation" in basic.PASS_VARS:  # ansible-core 2.21
            options = {**options, "_ansible_inject_invocation": True}
        monkeypatch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": options}).encode())
        monkeypatch.setattr(basic, "_ANSIBLE_PROFILE", "legacy", raising=False)
        monkeypatch.setattr(basic, "has_journal", False)
        monkeypatch.setattr(basic.AnsibleModule, "_log_to_syslog", lambda _module, text: logged.append(str(text)))
        spec = arguments() if callable(arguments) else {"argument_spec": arguments}
        with pytest.raises(SystemExit):
            run_module(AnsibleModule(supports_check_mode=True, **spec), work)
        return json.loads(capsys.readouterr().out), logged

    return run


def test_result_and_warnings(outcome: t.Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMMUTA_TEST_VARIABLE", "here")
    warnings: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _module, warning: warnings.append(warning))

    def work(params: t.Any, check_mode: bool, environ: t.Mapping[str, str]) -> dict[str, t.Any]:
        return {"params": params, "check": check_mode, "env": environ["IMMUTA_TEST_VARIABLE"], "warnings": ["Look."]}

    result, _logged = outcome({"a": {"type": "int"}}, {"a": 1, "_ansible_check_mode": True}, work)
    assert (result["params"], result["check"], result["env"]) == ({"a": 1}, True, "here")
    assert warnings == ["Look."]


def test_error_is_one_sentence_with_facts(outcome: t.Callable[..., Outcome]):
    def work(*_arguments: t.Any) -> t.NoReturn:
        raise InputError("No.", line=3, nothing=None)

    result, _logged = outcome({}, {}, work)
    assert result == {"failed": True, "msg": "No.", "line": 3, "invocation": {"module_args": {}}}


def test_unexpected_error_shows_only_its_place(outcome: t.Callable[..., Outcome]):
    def work(*_arguments: t.Any) -> t.NoReturn:
        raise ZeroDivisionError(SECRET)

    result, _logged = outcome({}, {}, work)
    assert "unexpected ZeroDivisionError (test_runner.py, line " in result["msg"]
    assert SECRET not in json.dumps(result)


def test_result_hides_secrets_and_keeps_words(outcome: t.Callable[..., Outcome]):
    spec = {"password": {"no_log": True}, "other": {"no_log": True}, "database": {}}
    options = {"password": "immuta", "other": SECRET, "database": "immuta"}
    result, logged = outcome(spec, options, lambda *_arguments: {"database": "immuta", "text": SECRET})
    assert result["database"] == "immuta"
    assert SECRET not in result["text"]
    assert result["invocation"] == {"module_args": {"password": HIDDEN, "other": HIDDEN, "database": "immuta"}}
    assert "database=immuta" in logged[0]


# An invalid argument of every kind


def integration(**options: t.Any) -> tuple[t.Any, dict[str, t.Any]]:
    return immuta_redshift_integration.arguments, {**IMMUTA, "auto_bootstrap": False, **options}


CONFIG = {"host": "h", "database": "d"}
# The rules are in test_redaction.py.
WRONG = {
    "extra": integration(config={**CONFIG, "extra": {"secretKey": SECRET, "list": [{"sharedKey": SECRET}]}}),
    "extra of a failed check": integration(config={**CONFIG, "extra": {"secretKey": SECRET}}, retries="many"),
    "extra as text": integration(config={**CONFIG, "extra": SECRET}),
    "login in the url of a failed check": integration(
        config=CONFIG, url=f"https://user:{SECRET}@tenant.example.com", retries="many"
    ),
    "okta as text": integration(config={**CONFIG, "password": SECRET, "okta": "text"}),
    "okta that is a secret": integration(config={**CONFIG, "okta": SECRET}),
    "password as a dict": integration(config={**CONFIG, "password": {"value": SECRET}}, retries="many"),
    "config as text": integration(config=f"password: {SECRET}"),
    "misspelt option": integration(config=CONFIG, api_keey=SECRET),
    "misspelt key of okta": integration(config={**CONFIG, "okta": {"pasword": SECRET}}),
    "misspelt password": (redshift_info.arguments, {**LOGIN, "login_pasword": SECRET}),
    "password where a number is due": (redshift_info.arguments, {**LOGIN, "login_password": SECRET, "login_port": "x"}),
    "address with a login": (redshift_info.arguments, {**LOGIN, "login_host": f"postgres://u:{SECRET}@h:5439/d"}),
    "key where a choice is due": (
        immuta_integration_info.arguments,
        {**IMMUTA, "api_key": SECRET, "auth_scheme": SECRET},
    ),
}


@pytest.mark.parametrize(("arguments", "options"), WRONG.values(), ids=WRONG)
def test_no_secret_is_logged_before_the_work_starts(
    arguments: t.Any, options: dict[str, t.Any], outcome: t.Callable[..., Outcome]
):
    result, logged = outcome(arguments, options)
    assert "invocation" in result
    assert SECRET not in json.dumps(result) + "".join(logged)
    assert result.get("failed") or len(logged) == 1
