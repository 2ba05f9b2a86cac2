# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""With the most verbose Ansible: no secret in its output, its log, a file, or the arguments of a process."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import threading
import typing as t

import trustme

from tests.resilience.stage import FLOWS, OKTA, Play, Point, Running, Stage, TortureError, said
from tests.support.fake_aws import FakeAws
from tests.support.playbooks import record_syslog
from tests.support.standin.relay import Relay, Statement

LOUD = ("-vvvv", "--diff")
# Registered results of the role, to be shown again.
REGISTERED = ["plan", "catalog", "generated", "ran", "registered"]
# Modules whose arguments contain secrets by Ansible's design, and which it keeps on request.
OF_ANSIBLE = "AnsiballZ_*.py"


@dataclasses.dataclass(frozen=True)
class Case:
    """How a flow runs, and with which fault."""

    flow: str
    environment: dict[str, str]
    auth_scheme: str = "api_key"
    fault: dict[str, t.Any] | None = None
    failing_word: str = ""
    """A statement with this text fails."""
    auth_method: str = "password"
    refusal: str | None = None
    """The error code of AWS, or Okta, for a refusal of credentials."""


def points(_bench: Stage) -> list[Point]:
    """Return points: every flow, in process and as modules, undisturbed and with a sample of the faults."""
    ways: dict[str, dict[str, str]] = {"in-process": {}, "modules": {"IMMUTA_IN_PROCESS": "false"}}
    cases = {}
    for way, environment in ways.items():
        for flow in FLOWS:
            for scheme in ("api_key", "bearer"):
                cases[f"{flow}, {way}, {scheme}"] = Case(flow, environment, scheme)
            for number in range(5):
                for kind in ("401", "echo", "echo page", "truncate_body", "drop_after", "redirect"):
                    fault = {"skip": number, "times": 3, "kind": kind}
                    cases[f"{flow}, {way}, request {number + 1}, {kind}"] = Case(flow, environment, fault=fault)
            for word in ("USER", "SCHEMA", "COMMIT"):
                cases[f"{flow}, {way}, {word} fails"] = Case(flow, environment, failing_word=word)
        for method in ("iam", "okta"):
            cases[f"setup, {way}, {method}"] = Case("setup", environment, auth_method=method)
            cases[f"setup, {way}, {method} refuses"] = Case(
                "setup", environment, auth_method=method, refusal="AccessDenied"
            )
    return [_point(label, case) for label, case in cases.items()]


def _point(label: str, case: Case) -> Point:
    return Point(label, lambda stage: _attempt(stage, case))


def _attempt(stage: Stage, case: Case) -> None:
    play = stage.begin(FLOWS[case.flow], ANSIBLE_KEEP_REMOTE_FILES="1", **case.environment)
    home = play.workspace.home
    record_syslog(play.workspace)
    play.workspace.environment.update(
        ANSIBLE_LOG_PATH=str(home / "ansible.log"),
        ANSIBLE_CALLBACKS_ENABLED="ansible.builtin.tree,ansible.builtin.junit",
        ANSIBLE_CALLBACK_TREE_DIR=str(home / "tree"),
        JUNIT_OUTPUT_DIR=str(home / "junit"),
        ANSIBLE_CACHE_PLUGIN="ansible.builtin.jsonfile",
        ANSIBLE_CACHE_PLUGIN_CONNECTION=str(home / "facts"),
    )
    # Values come from variables where possible, not from the environment.
    play.variables.update(
        immuta_redshift_api={
            "api_key": play.workspace.environment.pop("IMMUTA_API_KEY"),
            "auth_scheme": case.auth_scheme,
            "timeout": 1,
            "retries": 1,
        },
        immuta_redshift_login={
            **play.workspace.login,
            "login_user": play.workspace.environment.pop("REDSHIFT_USER"),
            "login_password": play.workspace.environment.pop("REDSHIFT_PASSWORD"),
        },
        immuta_redshift_wait_timeout=4,
        immuta_redshift_script_dir=str(play.workspace.directory / "scripts"),
    )
    play.flow = dataclasses.replace(play.flow, playbook=_revealing(play))
    canaries = secrets_of(stage)
    if case.fault:
        # A server can only echo what it received; the first request lists the integrations.
        config = json.dumps(play.flow.config(stage.standins)) if case.fault["skip"] else ""
        sent = {name: value for name, value in canaries.items() if name == "the API key" or value in config}
        stage.standins.immuta.add_fault(**_rule(case.fault, sent))
    if case.failing_word:
        stage.standins.redshift.on_statement = _failing(case.failing_word)
    with contextlib.ExitStack() as stack:
        if case.auth_method != "password":
            canaries.update(_ask_aws(play, stage, case, stack))
        running = play.start(*LOUD)
        watch = stack.enter_context(Watch(running))
        run = running.end()
    if not (case.fault or case.failing_word) and run.succeeded == bool(case.refusal):
        raise TortureError(f"the run should have {'failed' if case.refusal else 'succeeded'}: {said(run)}")
    canaries.update({f"token {number}": token for number, token in enumerate(stage.standins.immuta.tokens())})
    places = {"the output": run.output, "an argument of a process": watch.arguments, **_files(play)}
    found = [
        f"{name} in {place}" for place, text in places.items() for name, value in canaries.items() if value in text
    ]
    if found:
        raise TortureError(f"secrets found: {', '.join(found)}")


def _revealing(play: Play) -> str:
    """Write a playbook that runs the flow and shows registered results; return its path."""
    names = [f"__immuta_redshift_{name}" for name in REGISTERED] + ["immuta_redshift_integration"]
    reveal = {
        "name": "Show {{ item }}",
        "ansible.builtin.debug": {"msg": "{{ lookup('ansible.builtin.vars', item, default='') }}"},
        "loop": names,
    }
    playbook = [
        {"import_playbook": play.flow.playbook},
        {"hosts": "localhost", "gather_facts": False, "tasks": [reveal]},
    ]
    file = play.workspace.directory / "playbook.json"
    file.write_text(json.dumps(playbook), encoding="utf-8")
    return str(file)


def secrets_of(stage: Stage) -> dict[str, str]:
    """Return the secrets that must not appear, by kind."""
    return {
        "the API key": stage.standins.immuta.api_key,
        "the password of the config": str(stage.standins.config()["password"]),
        "the password for Okta": OKTA["password"],
        "the password of the login": stage.standins.bootstrap.password,
    }


def _ask_aws(play: Play, stage: Stage, case: Case, stack: contextlib.ExitStack) -> dict[str, str]:
    """Use AWS credentials for the login, with or without Okta; return their secrets."""
    directory, account = play.workspace.directory, stage.standins.bootstrap
    certificate = str(directory / "certificate.pem"), str(directory / "key.pem")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "authority.pem"))
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(certificate[0])
    issued.private_key_pem.write_to_path(certificate[1])
    relay = stack.enter_context(Relay(stage.standins.postgres.port, tls=certificate))
    aws = stack.enter_context(FakeAws(certificate, "localhost", relay.port, account.user, account.password))
    aws.refuse = case.refusal
    environment = aws.environment(str(directory / "authority.pem"))
    play.workspace.environment.update(environment)
    secrets = {name: environment[name] for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}
    del play.workspace.environment["REDSHIFT_HOST"], play.workspace.environment["REDSHIFT_PORT"]
    login = {
        "auth_method": case.auth_method,
        "cluster_identifier": "analytics",
        "db_user": account.user,
        "ca_path": str(directory / "authority.pem"),
        "login_host": "localhost",
        "login_port": relay.port,
    }
    if case.auth_method == "okta":
        aws.okta_login["password"] = secrets["the password that Okta is asked with"] = "0kta-L0gin-Pa55word"
        login.update(
            idp_host=aws.address,
            app_id="x1",
            login_user=aws.okta_login["username"],
            login_password=aws.okta_login["password"],
        )
    play.variables["immuta_redshift_login"] = login
    return secrets


def _rule(fault: dict[str, t.Any], canaries: dict[str, str]) -> dict[str, t.Any]:
    said_back = "Refused: " + " ".join(canaries.values())
    kinds: dict[str, dict[str, t.Any]] = {
        "401": {"kind": "status", "status": 401},
        "echo": {"kind": "status", "status": 400, "body": {"statusCode": 400, "error": "Bad", "message": said_back}},
        "echo page": {"kind": "status", "status": 502, "body": said_back},
        "redirect": {"kind": "redirect", "location": f"https://{canaries['the API key']}@elsewhere.example.com/?a=b"},
    }
    return {**fault, **kinds.get(fault["kind"], {})}


def _failing(word: str) -> t.Callable[[Statement], str | None]:
    def on_statement(statement: Statement) -> str | None:
        is_meant = statement.application != "immuta" and word in statement.text.upper() and "FROM" not in statement.text
        return "fail 42501" if is_meant else None

    return on_statement


def _files(play: Play) -> dict[str, str]:
    """Return the text of every file in the home directory, by name."""
    files = [path for path in play.workspace.home.rglob("*") if path.is_file() and not path.match(OF_ANSIBLE)]
    return {str(path.relative_to(play.workspace.home)): path.read_text("utf-8", "replace") for path in files}


class Watch:
    """Context manager that collects the ``arguments`` of the processes of a run."""

    def __init__(self, running: Running) -> None:
        self.arguments = ""
        self._running = running
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        seen: set[str] = set()
        while not self._is_over.wait(0.05):
            for pid in self._running.processes():
                try:
                    seen.add(os.fsdecode(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()))
                except OSError:  # The process has ended.
                    continue
        self.arguments = "\n".join(seen)
