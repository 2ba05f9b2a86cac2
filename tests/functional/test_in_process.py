# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks inside the controller process and tasks as modules have the same results."""

from __future__ import annotations

import json
import sys
import typing as t

from tests.support.playbooks import Workspace, asked, record_syslog
from tests.support.standin import Standins

INFO, INTEGRATION = "immuta_integration_info", "immuta_redshift_integration"
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


def test_in_process_and_module_results_are_equal(workspace: Workspace, standins: Standins) -> None:
    """Every module: success, failure, invalid argument, check mode, and the environment of a task."""
    config = standins.config()
    script, dest = workspace.directory / "script.sql", workspace.directory / "create.sql"
    script.write_text("CREATE SCHEMA one; CREATE SCHEMA two;", encoding="utf-8")
    login = {**workspace.login, "login_db": "dev"}
    info, integration = (f"immuta.integrations.{name}" for name in (INFO, INTEGRATION))
    manual: dict[str, t.Any] = {"auto_bootstrap": False}
    tasks: list[dict[str, t.Any]] = [
        {info: {"type": "Redshift"}},
        {info: {"retries": 0}, "environment": {"IMMUTA_URL": "http://127.0.0.1:1", "IMMUTA_VALIDATE_CERTS": False}},
        {"immuta.integrations.immuta_integration_script": {"script": "create", "dest": str(dest), "config": config}},
        {integration: {**manual, "wait_timeout": "long", "config": config}},
        {integration: {**manual, "config": {**config, "pasword": "extra-s3cret", "okta": "extra-s3cret"}}},
        {
            integration: {**manual, "config": {**config, "extra": {"secretKey": "extra-s3cret", "odd": "{{ odd }}"}}},
            "check_mode": True,
            "vars": {"odd": "{{ '{1: {2: true}, when: 2026-01-02, then: 2026-01-02 03:04:05}' | from_yaml }}"},
        },
        # A password that is also a word of the result.
        {integration: {**manual, "config": standins.config(password="immuta")}, "check_mode": True},
        {"immuta.integrations.redshift_script": {**login, "path": str(script)}},
        {"immuta.integrations.redshift_info": {**login, "login_password": "wr0ng-Pa55word", "driver": "psycopg"}},
    ]
    workspace.environment.update(ANSIBLE_INJECT_INVOCATION="true", ANSIBLE_PIPELINING="true")
    inside, printed = results(workspace, *tasks, in_process=True)
    assert STARTED not in "".join(line for line in printed.splitlines() if "immuta" in line)
    requests = asked(standins)
    standins.reset()
    dest.unlink()

    outside, printed_outside = results(workspace, *tasks, in_process=False)

    assert inside == outside
    assert asked(standins) == requests
    assert printed_outside.count(STARTED) >= len(tasks)
    assert [result.get("failed", False) for result in inside] == [number in (1, 3, 4, 8) for number in range(9)]
    for secret in (config["password"], "wr0ng-Pa55word", "extra-s3cret", standins.immuta.api_key):
        assert secret not in json.dumps(inside) + printed + printed_outside
    assert inside[6]["config"]["database"] == "immuta"
    assert inside[6]["config"]["password"] == "********"
    for output in (printed, printed_outside):
        assert '"password": "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"' in output


def test_task_can_request_a_separate_process(workspace: Workspace, standins: Standins) -> None:
    own = {"vars": {"ansible_python_interpreter": sys.executable}}
    separate: list[dict[str, t.Any]] = [
        {"vars": {"ansible_python_interpreter": "/nonexistent/python"}},
        {"async": 30, "poll": 1},
        {"become": True, "become_method": "ansible.builtin.su"},
    ]
    task = {f"immuta.integrations.{INFO}": {}, "ignore_errors": True}

    run = workspace.tasks(*({**task, **keywords} for keywords in (own, *separate)), options=["-vvv"])

    first, *others = run.output.split("TASK [")[1:]
    assert STARTED not in first
    assert [STARTED in output for output in others] == [True] * len(separate)


def test_invalid_arguments_log_no_secret(workspace: Workspace, standins: Standins) -> None:
    """The task becomes another user, as which no module runs in the process of the controller."""
    secret = "extra-s3cret"
    su = workspace.directory / "su"
    su.write_text('#!/bin/sh\nshift\nexec /bin/sh "$@"\n', encoding="utf-8")  # It runs as the current user.
    su.chmod(0o700)
    keywords = {"become": True, "become_method": "ansible.builtin.su", "become_exe": str(su), "check_mode": True}
    syslog = record_syslog(workspace)
    right = {"auto_bootstrap": False, "config": {**standins.config(), "extra": {"sharedKey": secret}}}
    arguments = [right, {**right, "api_keey": secret}, {**right, "config": {**right["config"], "okta": secret}}]
    tasks = [{f"immuta.integrations.{INTEGRATION}": one, **keywords} for one in arguments]

    outcomes, printed = results(workspace, *tasks, in_process=True)

    assert [outcome.get("failed", False) for outcome in outcomes] == [False, True, True]
    logged = syslog.read_text(encoding="utf-8")
    assert "Invoked with" in logged
    assert "sharedKey" in logged
    assert secret not in logged + printed + json.dumps(outcomes)


def test_loop_items_share_connection_and_login(workspace: Workspace, standins: Standins) -> None:
    task = {
        f"immuta.integrations.{INFO}": {"auth_scheme": "bearer", "host": "{{ item }}"},
        "loop": ["one.example.com", "two.example.com", "three.example.com"],
    }

    run = workspace.tasks(task)

    assert run.succeeded, run.output
    requests = standins.immuta.requests()
    assert [request["path"] for request in requests] == ["/bim/apikey/authenticate", *["/integrations"] * 3]
    assert len({request["connection"] for request in requests}) == 1
