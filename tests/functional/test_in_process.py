# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks inside the controller process and tasks as modules have the same results."""

from __future__ import annotations

import json
import sys
import typing as t

import pytest

from tests.support.playbooks import Workspace, asked, record_syslog
from tests.support.standin import Standins

# Ansible's message when it starts a process for a module.
STARTED = "Using module file"


def results(workspace: Workspace, *tasks: dict[str, t.Any], in_process: bool) -> tuple[list[dict[str, t.Any]], str]:
    """Return the result of every task, and Ansible's output."""
    workspace.environment["IMMUTA_IN_PROCESS"] = str(in_process).lower()
    file = workspace.directory / "results.json"
    registered = [{**task, "register": f"result_{number}", "ignore_errors": True} for number, task in enumerate(tasks)]
    content = "{{ [" + ", ".join(f"result_{number}" for number in range(len(tasks))) + "] | to_json }}"
    copy = {"content": content, "dest": str(file), "mode": "0600"}
    run = workspace.tasks(*registered, {"ansible.builtin.copy": copy, "check_mode": False}, options=["-vvv"])
    assert run.succeeded, run.output
    return json.loads(file.read_text(encoding="utf-8")), run.output


def script(workspace: Workspace) -> str:
    path = workspace.directory / "script.sql"
    path.write_text("CREATE SCHEMA one; CREATE SCHEMA two;", encoding="utf-8")
    return str(path)


def test_in_process_and_module_results_are_equal(workspace: Workspace, standins: Standins) -> None:
    """Every module: success, failure, invalid argument, check mode, and the environment of a task."""
    config = standins.config()
    login = {**workspace.login, "login_db": "dev"}
    tasks = [
        {"immuta.integrations.immuta_integration_info": {"type": "Redshift"}},
        {"immuta.integrations.immuta_integration_info": {"nonsense": 1}},
        {"immuta.integrations.immuta_integration_info": {}, "environment": {"IMMUTA_URL": "http://127.0.0.1:1"}},
        {"immuta.integrations.immuta_integration_info": {}, "environment": {"IMMUTA_VALIDATE_CERTS": False}},
        {"immuta.integrations.immuta_integration_script": {"script": "create", "dest": "x/y", "config": config}},
        {
            "immuta.integrations.immuta_integration_script": {
                "script": "create",
                "dest": str(workspace.directory / "create.sql"),
                "config": config,
            }
        },
        {
            "immuta.integrations.immuta_redshift_integration": {
                "auto_bootstrap": False,
                "config": {**config, "extra": {"secretKey": "extra-s3cret"}},
            },
            "check_mode": True,
        },
        {"immuta.integrations.immuta_redshift_integration": {"wait_timeout": "long", "config": config}},
        {
            "immuta.integrations.immuta_redshift_integration": {
                "auto_bootstrap": False,
                "config": {**config, "pasword": "extra-s3cret", "okta": "extra-s3cret"},
            }
        },
        {
            "immuta.integrations.immuta_redshift_integration": {
                "auto_bootstrap": False,
                "config": {**config, "extra": "{{ odd }}"},
            },
            "check_mode": True,
            "vars": {"odd": "{{ '{1: {2: true}, when: 2026-01-02, then: 2026-01-02 03:04:05}' | from_yaml }}"},
        },
        {"immuta.integrations.redshift_script": {**login, "path": script(workspace)}},
        {"immuta.integrations.redshift_script": {**login, "path": script(workspace)}},
        {"immuta.integrations.redshift_info": {**login, "schemas": ["one", "three"], "driver": "psycopg"}},
        {"immuta.integrations.redshift_info": {**login, "login_password": "wr0ng-Pa55word"}},
    ]
    workspace.environment["ANSIBLE_INJECT_INVOCATION"] = "true"
    inside, printed = results(workspace, *tasks, in_process=True)
    assert STARTED not in "".join(line for line in printed.splitlines() if "immuta" in line)
    requests = asked(standins)
    standins.reset()
    (workspace.directory / "create.sql").unlink()

    outside, printed_outside = results(workspace, *tasks, in_process=False)

    assert inside == outside
    assert asked(standins) == requests
    assert printed_outside.count(STARTED) >= len(tasks)
    for secret in (config["password"], "wr0ng-Pa55word", "extra-s3cret", standins.immuta.api_key):
        assert secret not in json.dumps(inside) + printed + printed_outside


@pytest.mark.parametrize(
    ("keywords", "started"),
    [
        ({"vars": {"ansible_python_interpreter": sys.executable}}, False),
        ({"vars": {"ansible_python_interpreter": "/nonexistent/python"}}, True),
        ({"async": 30, "poll": 1}, True),
        ({"become": True, "become_method": "ansible.builtin.su"}, True),
    ],
)
def test_task_can_request_a_separate_process(
    workspace: Workspace, standins: Standins, keywords: dict[str, t.Any], started: bool
) -> None:
    task = {"immuta.integrations.immuta_integration_info": {}, "ignore_errors": True, **keywords}

    run = workspace.tasks(task, options=["-vvv"])

    assert (STARTED in run.output) == started


@pytest.mark.parametrize("become", [False, True])
def test_invalid_arguments_log_no_secret(workspace: Workspace, standins: Standins, become: bool) -> None:
    secret, module = "extra-s3cret", "immuta.integrations.immuta_redshift_integration"
    su = workspace.directory / "su"
    su.write_text('#!/bin/sh\nshift\nexec /bin/sh "$@"\n', encoding="utf-8")  # It runs as the current user.
    su.chmod(0o700)
    keywords = {"become": become, "become_method": "ansible.builtin.su", "become_exe": str(su)}
    syslog = record_syslog(workspace)
    right = {"auto_bootstrap": False, "config": {**standins.config(), "extra": {"sharedKey": secret}}}
    arguments = [
        right,
        {**right, "retries": "many"},
        {**right, "api_keey": secret},
        {**right, "url": f"https://user:{secret}@tenant.example.com"},
        {**right, "config": {**right["config"], "pasword": secret}},
        {**right, "config": {**right["config"], "okta": secret}},
    ]
    tasks = [{module: one, "check_mode": True, **keywords} for one in arguments]

    outcomes, printed = results(workspace, *tasks, in_process=False)

    assert [outcome.get("failed", False) for outcome in outcomes] == [False, True, True, True, True, True]
    logged = syslog.read_text(encoding="utf-8")
    assert "Invoked with" in logged
    assert "sharedKey" in logged
    assert secret not in logged + printed + json.dumps(outcomes)


@pytest.mark.parametrize("in_process", [True, False])
def test_common_word_password_keeps_output_intact(workspace: Workspace, standins: Standins, in_process: bool) -> None:
    workspace.environment["ANSIBLE_INJECT_INVOCATION"] = "true"
    task = {
        "immuta.integrations.immuta_redshift_integration": {
            "auto_bootstrap": False,
            "config": standins.config(password="immuta"),
        },
        "check_mode": True,
    }

    (result,), printed = results(workspace, task, in_process=in_process)

    assert result["config"]["database"] == "immuta"
    assert result["config"]["password"] == "********"
    assert '"password": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"' in printed


@pytest.mark.parametrize("auth_scheme", ["api_key", "bearer"])
def test_loop_items_share_connection_and_login(workspace: Workspace, standins: Standins, auth_scheme: str) -> None:
    task = {
        "immuta.integrations.immuta_integration_info": {"auth_scheme": auth_scheme, "host": "{{ item }}"},
        "loop": ["one.example.com", "two.example.com", "three.example.com"],
    }

    run = workspace.tasks(task)

    assert run.succeeded, run.output
    requests = standins.immuta.requests()
    assert [request["path"] for request in requests].count("/integrations") == 3
    assert len(requests) == 3 + (auth_scheme == "bearer")
    assert len({request["connection"] for request in requests}) == 1
