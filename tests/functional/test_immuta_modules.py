# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of action group immuta, checked by requests to Immuta, the database, and files."""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import json
import stat
import threading
import time
import typing as t

import pytest

from tests.support.by_hand import automatic_config, run_scripts
from tests.support.howto import COMMANDS, EXAMPLES
from tests.support.playbooks import Workspace, asked, statuses
from tests.support.standin import HOST, Standins, scripts
from tests.support.standin.cluster import CONNECTION_TEST, results

Result = dict[str, t.Any]

LOOK = ["GET /integrations"]
LOG_IN = "POST /bim/apikey/authenticate"
DATABASE_SECRET = "Sy5tem-Pa55word"
# Defaults that GET adds.
DEFAULTS = {"port": 5439, "impersonation": {"enabled": False}}
IMPERSONATION = {"enabled": True, "role": "immuta_impersonation"}


def run(workspace: Workspace, module: str, **arguments: t.Any) -> Result:
    """Run a module and check that its output has no secret of the stand-ins."""
    result = workspace.module(module, **arguments)
    said = json.dumps(result, ensure_ascii=False)
    for secret in (workspace.standins.immuta.api_key, workspace.standins.bootstrap.password, DATABASE_SECRET):
        assert secret not in said
    return result


def manage(workspace: Workspace, **arguments: t.Any) -> Result:
    """Run immuta_redshift_integration for the manually set up cluster."""
    defaults = {"auto_bootstrap": False, "config": workspace.standins.config(), "wait_sleep": 0.1}
    return run(workspace, "immuta_redshift_integration", **{**defaults, **arguments})


def remove(workspace: Workspace, **arguments: t.Any) -> Result:
    defaults = {"state": "absent", "auto_bootstrap": None, "config": {"host": HOST}}
    return manage(workspace, **{**defaults, **arguments})


def generate(workspace: Workspace, script: str, **arguments: t.Any) -> Result:
    """Run immuta_integration_script, by default into a file with the name of the script."""
    defaults = {"config": workspace.standins.config(), "dest": str(workspace.directory / f"{script}.sql")}
    return run(workspace, "immuta_integration_script", script=script, **{**defaults, **arguments})


def ask(workspace: Workspace, **arguments: t.Any) -> list[Result]:
    result = run(workspace, "immuta_integration_info", **arguments)
    assert result["changed"] is False
    return result["integrations"]


def seed(standins: Standins, **members: t.Any) -> str:
    """Add the integration of the cluster, by default as `manage` desires it."""
    return standins.immuta.seed(**{"config": {**DEFAULTS, **standins.config()}, **members})


def writes(standins: Standins) -> list[tuple[str, t.Any]]:
    """Return method and body of requests for integrations except GET, in order."""
    return [
        (request["method"], request["body"])
        for request in standins.immuta.requests()
        if request["method"] != "GET" and request["path"].startswith("/integrations")
    ]


def payload(config: dict[str, t.Any], automatic: bool = False) -> dict[str, t.Any]:
    return {"type": "Redshift", "autoBootstrap": automatic, "config": config}


def warned(result: Result) -> str:
    return json.dumps(result.get("warnings", []))


def at_once(tasks: t.Sequence[t.Callable[..., Result]], **arguments: t.Any) -> list[Result]:
    """Run tasks in parallel, all with these additional arguments."""
    with concurrent.futures.ThreadPoolExecutor() as people:
        return [task.result() for task in [people.submit(task, **arguments) for task in tasks]]


@contextlib.contextmanager
def meanwhile(standins: Standins, request: str, act: t.Callable[[], t.Any]) -> t.Iterator[None]:
    """Do something once after the next request to Immuta."""
    over = threading.Event()

    def watch() -> None:
        while request not in asked(standins):
            if over.wait(0.005):
                return
        act()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


# immuta_integration_script


@pytest.mark.parametrize("shape", ["text", "string", "object"])
def test_scripts_are_written_byte_for_byte(workspace: Workspace, standins: Standins, shape: str) -> None:
    standins.immuta.set(script_reply=shape)
    config = standins.config(password="Pä$$w%rd{{ x }}#: 'q' \\ \"Ω\" ;--", impersonation=IMPERSONATION)
    before = standins.config()
    number = seed(standins, config=before)
    expected = {
        "initial_create": ("initial-create", scripts.initial_create(config)),
        "create": ("create", scripts.create(config)),
        "edit": ("edit", scripts.edit(before, config)),
        "delete": ("delete", scripts.delete(before)),
        "cleanup": ("cleanup", scripts.cleanup(config)),
    }
    for script, (name, statements) in expected.items():
        about = {"id": number} if script in ("edit", "delete") else {}
        about["config"] = None if script == "delete" else config

        result = generate(workspace, script, **about)

        content = scripts.text(name, statements).encode()
        file = workspace.directory / f"{script}.sql"
        assert file.read_bytes() == content, script
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert (result["changed"], result["dest"]) == (True, str(file))
        assert (result["size"], result["statement_count"]) == (len(content), len(statements))
        assert "Ω" not in json.dumps(result, ensure_ascii=False)
    same = ("POST", payload(config))
    assert writes(standins) == [same, same, same, ("POST", None), same]
    (record,) = standins.immuta.records()
    assert (record["status"], record["config"]) == ("enabled", before)


def test_script_file_is_written_only_if_it_differs(workspace: Workspace, standins: Standins) -> None:
    file = workspace.directory / "create.sql"
    content = scripts.text("create", scripts.create(standins.config())).encode()

    predicted = generate(workspace, "create", check_mode=True)
    assert predicted["changed"]
    assert not file.exists()
    assert generate(workspace, "create")["checksum"] == predicted["checksum"]
    written = file.stat()
    again = generate(workspace, "create")
    assert not again["changed"]
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)

    assert generate(workspace, "create", mode="0640")["changed"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert not generate(workspace, "create", mode="640")["changed"]

    file.write_text(f"ALTER USER me PASSWORD '{DATABASE_SECRET}'", encoding="utf-8")
    file.chmod(0o644)
    predicted = generate(workspace, "create", check_mode=True, backup=True)
    assert predicted["changed"]
    assert DATABASE_SECRET in file.read_text(encoding="utf-8")
    result = generate(workspace, "create", backup=True)
    assert file.read_bytes() == content
    assert result["diff"]["before"] == "ALTER USER me PASSWORD '********'"
    assert "CREATE SCHEMA immuta_system" in result["diff"]["after"]
    (kept,) = workspace.directory.glob("create.sql.*~")
    assert result["backup_file"] == str(kept)
    assert DATABASE_SECRET in kept.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert sorted(path.name for path in workspace.directory.iterdir() if path.is_file()) == [file.name, kept.name]


def test_edit_script_keeps_unset_options(workspace: Workspace, standins: Standins) -> None:
    before = {**DEFAULTS, **standins.config(impersonation=IMPERSONATION, futureSetting={"level": 3})}
    number = seed(standins, config=before)

    generate(workspace, "edit", id=number, config=standins.config(host=HOST.upper(), password="An0ther-Pa55word"))

    after = {**before, "password": "An0ther-Pa55word"}
    assert writes(standins) == [("POST", payload(after))]
    content = (workspace.directory / "edit.sql").read_text(encoding="utf-8")
    assert content == scripts.text("edit", scripts.edit(before, after))


# immuta_redshift_integration


@pytest.mark.parametrize("authentication", ["userPassword", "okta"])
def test_automatic_setup_lifecycle(workspace: Workspace, standins: Standins, authentication: str) -> None:
    account = standins.bootstrap
    config = automatic_config(standins)
    credentials: dict[str, t.Any] = {"username": account.user, "password": account.password}
    if authentication == "okta":
        login = {**COMMANDS[1].payload["config"]["okta"], **credentials}
        credentials = {"okta": login}
        config = {**COMMANDS[1].payload["config"], "host": HOST, "initialDatabase": "dev", **credentials}
    credentials["authenticationType"] = authentication
    before = standins.catalog()
    options = {"auto_bootstrap": True, "config": config}

    predicted = manage(workspace, check_mode=True, **options)
    assert asked(standins) == LOOK
    assert standins.catalog() == before
    result = manage(workspace, **options)
    assert asked(standins) == [*LOOK, *LOOK, "POST /integrations", "GET /integrations/1"]
    assert writes(standins) == [("POST", payload(config, automatic=True))]
    assert statuses(standins) == ["enabled"]
    assert standins.catalog()["schemas"]["immuta"] == sorted(scripts.SCHEMAS)
    for name in ("changed", "would_change", "action", "differences", "secrets_updated", "config", "diff"):
        assert predicted[name] == result[name], name
    assert (result["changed"], result["action"], result["secrets_updated"]) == (True, "create", True)
    assert (predicted["exists"], result["exists"], result["settled"]) == (False, True, True)
    assert result["integration"]["config"]["initial_database"] == "dev"
    assert result["validation_results"]["status"] == "passed"

    standins.immuta.clear_requests()
    again = manage(workspace, **options)
    assert (again["changed"], again["action"], again["integration"]) == (False, "none", result["integration"])
    assert asked(standins) == LOOK

    standins.immuta.clear_requests()
    gone = remove(workspace, config={"host": HOST, **credentials})
    assert (gone["changed"], gone["exists"], gone["integration"]) == (True, False, None)
    assert writes(standins) == [("DELETE", credentials)]
    assert standins.catalog() == before
    standins.immuta.clear_requests()
    assert not remove(workspace)["changed"]
    assert asked(standins) == LOOK


def test_manual_setup_lifecycle(workspace: Workspace, standins: Standins) -> None:
    refused = manage(workspace, auth_scheme="bearer")
    assert refused["failed"]
    assert (refused["status"], refused["method"], refused["path"]) == (422, "POST", "/integrations")
    assert f"failing validation tests: {CONNECTION_TEST} (" in refused["msg"]
    assert refused["validation_results"]["validation_tests"][0]["status"] == "failed"
    assert standins.immuta.records() == []

    run_scripts(standins, standins.config())
    standins.immuta.clear_requests()
    assert manage(workspace, auth_scheme="bearer")["changed"]
    assert asked(standins) == [LOG_IN, *LOOK, "POST /integrations", "GET /integrations/1"]
    assert writes(standins) == [("POST", payload(standins.config()))]

    standins.immuta.clear_requests()
    assert not manage(workspace, auth_scheme="bearer")["changed"]
    assert asked(standins) == [LOG_IN, *LOOK]

    standins.immuta.clear_requests()
    predicted = remove(workspace, check_mode=True)
    assert predicted["changed"]
    assert writes(standins) == []
    assert remove(workspace, config=standins.config())["changed"]
    assert writes(standins) == [("DELETE", None)]
    assert standins.immuta.records() == []


def test_expired_token_is_renewed(workspace: Workspace, standins: Standins) -> None:
    run_scripts(standins, standins.config())
    standins.immuta.set(token_uses=1)

    result = manage(workspace, auth_scheme="bearer")

    assert result["changed"]
    assert statuses(standins) == ["enabled"]
    acted = [request for request in standins.immuta.requests() if request["status"] == 200]
    assert [f"{request['method']} {request['path']}" for request in acted] == [
        LOG_IN,
        *LOOK,
        LOG_IN,
        "POST /integrations",
        LOG_IN,
        "GET /integrations/1",
    ]


def test_wait_in_the_same_or_a_later_task(workspace: Workspace, standins: Standins) -> None:
    run_scripts(standins, standins.config())
    standins.immuta.set(settle=3600)
    # Ends after the first query of the module.
    standins.immuta.wire.on_reply = lambda entry: (
        standins.immuta.set(settle=0) if entry["path"] == "/integrations/1" else None
    )
    result = manage(workspace)
    assert (result["settled"], result["integration"]["status"]) == (True, "enabled")
    assert asked(standins).count("GET /integrations/1") >= 2

    changed = {"config": standins.config(impersonation=IMPERSONATION)}
    standins.immuta.set(settle=0, stuck=["editing"])
    begun = manage(workspace, wait=False, **changed)
    assert (begun["changed"], begun["settled"], begun["integration"]["status"]) == (True, False, "editing")
    standins.immuta.clear_requests()
    same = manage(workspace, wait=False, **changed)
    assert (same["changed"], same["settled"], same["action"]) == (False, False, "wait")
    busy = remove(workspace, wait=False)
    assert busy["failed"]
    assert f"The Redshift integration on {HOST} (id 1) is editing" in busy["msg"]
    assert "set wait to true" in busy["msg"]
    assert busy["last_status"] == "editing"
    assert writes(standins) == []


def test_wait_timeout_and_failure_name_the_status(workspace: Workspace, standins: Standins) -> None:
    run_scripts(standins, standins.config())
    standins.immuta.set(stuck=["creating"])
    stuck = manage(workspace, wait_timeout=1)
    assert stuck["failed"]
    assert f"The Redshift integration on {HOST} (id 1) was still creating after 1 s: raise wait_timeout" in stuck["msg"]
    assert (stuck["last_status"], stuck["integration"]["status"]) == ("creating", "creating")

    standins.immuta.reset()
    standins.immuta.set(failing=["creating"])
    failed = manage(workspace)
    assert failed["failed"]
    assert f"{CONNECTION_TEST} (The connection to the cluster was lost." in failed["msg"]
    assert failed["last_status"] == "createError"
    assert failed["validation_results"]["status"] == "failed"
    standins.immuta.set(failing=[])
    standins.immuta.clear_requests()
    repaired = manage(workspace)
    assert (repaired["changed"], repaired["action"]) == (True, "update")
    assert [method for method, unused in writes(standins)] == ["PUT"]
    assert statuses(standins) == ["enabled"]

    standins.immuta.set(failing=["editing", "deleting"])
    assert manage(workspace, config=standins.config(impersonation=IMPERSONATION))["last_status"] == "editError"
    assert remove(workspace)["last_status"] == "deleteError"
    standins.immuta.set(failing=[])
    assert remove(workspace)["changed"]


def test_documented_authentication_type(workspace: Workspace, standins: Standins) -> None:
    account = standins.bootstrap
    config = automatic_config(standins)
    assert manage(workspace, auto_bootstrap=True, config=config)["changed"]
    example = COMMANDS[10].payload["config"]
    okta = {**example["okta"], "username": account.user, "password": account.password}
    changed = {**example, "host": HOST, "initialDatabase": "dev", "okta": okta}
    standins.immuta.clear_requests()

    result = manage(workspace, auto_bootstrap=True, config=changed)

    assert (result["action"], result["differences"]) == ("update", ["authentication_type"])
    assert writes(standins) == [("PUT", payload({**DEFAULTS, **changed}, automatic=True))]
    assert statuses(standins) == ["enabled"]
    assert result["diff"]["before"]["config"]["authentication_type"] == "userPassword"
    assert result["diff"]["after"]["config"]["okta"]["password"] == "********"
    standins.immuta.clear_requests()
    assert not manage(workspace, auto_bootstrap=True, config=changed)["changed"]
    assert asked(standins) == LOOK


def test_secrets_are_resent_only_on_request(workspace: Workspace, standins: Standins) -> None:
    run_scripts(standins, standins.config())
    seed(standins, config={**DEFAULTS, **standins.config(password="0ld-Pa55word")})
    assert not manage(workspace)["changed"]
    standins.immuta.clear_requests()

    predicted = manage(workspace, update_secrets="always", check_mode=True)
    results = [manage(workspace, update_secrets="always") for unused in range(2)]

    for result in (predicted, *results):
        assert (result["changed"], result["secrets_updated"], result["differences"]) == (True, True, [])
    sent = ("PUT", payload({**DEFAULTS, **standins.config()}))
    assert writes(standins) == [sent, sent]


SNAKE = {
    "host": "host",
    "database": "database",
    "initialDatabase": "initial_database",
    "authenticationType": "authentication_type",
    "username": "username",
    "password": "password",
    "impersonation": "impersonation",
    "enabled": "enabled",
    "role": "role",
    "okta": "okta",
    "appId": "app_id",
    "idpHost": "idp_host",
}


def in_snake_case(document: t.Any) -> t.Any:
    if not isinstance(document, dict):
        return document
    return {SNAKE[name]: in_snake_case(value) for name, value in document.items()}


@pytest.mark.parametrize("example", [0, 1, 6, 7])
def test_documented_payload_is_sent_unchanged(workspace: Workspace, standins: Standins, example: int) -> None:
    command = COMMANDS[example]
    assert (command.method, command.path) == ("POST", "/integrations")
    pasted = command.payload
    options = {"auto_bootstrap": pasted["autoBootstrap"], "check_mode": False}

    # The database has no such account.
    answers = [
        manage(workspace, config=config, **options) for config in (pasted["config"], in_snake_case(pasted["config"]))
    ]

    assert [answer["status"] for answer in answers] == [422, 422]
    assert writes(standins) == [("POST", pasted), ("POST", pasted)]
    assert "abc1234" not in json.dumps(answers)


def test_extra_settings_are_sent_and_secrets_hidden(workspace: Workspace, standins: Standins) -> None:
    run_scripts(standins, standins.config())
    extra = {"futureSetting": {"level": 3, "names": ["a", "b"]}, "sessionToken": "T0ken-canary", "clusterId": "c1"}
    config = {**standins.config(), "extra": extra}

    result = manage(workspace, config=config)

    assert writes(standins) == [("POST", payload({**standins.config(), **extra}))]
    assert result["config"]["extra"] == {**extra, "sessionToken": "********"}
    assert "T0ken-canary" not in json.dumps(result)
    standins.immuta.clear_requests()
    assert not manage(workspace, config=config)["changed"]
    assert asked(standins) == LOOK
    other = manage(workspace, config={**config, "extra": {**extra, "clusterId": "c2", "sessionToken": "0ther-canary"}})
    assert other["differences"] == ["extra.clusterId"]
    assert standins.immuta.records()[0]["config"] == {**DEFAULTS, **standins.config(), **extra} | {
        "clusterId": "c2",
        "sessionToken": "0ther-canary",
    }


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "truncate_headers", "truncate_body"])
def test_write_with_a_lost_reply_takes_effect_once(workspace: Workspace, standins: Standins, fault: str) -> None:
    run_scripts(standins, standins.config())
    for host in ("changed", "removed"):
        seed(standins, config={**DEFAULTS, **standins.config(host=host)})
    for method in ("POST", "PUT", "DELETE"):
        standins.immuta.add_fault(fault, method=method)
    changed = {"config": standins.config(host="changed", impersonation=IMPERSONATION)}

    results = at_once(
        [
            functools.partial(manage, workspace),
            functools.partial(manage, workspace, **changed),
            functools.partial(remove, workspace, config={"host": "removed"}),
        ]
    )

    assert [result.get("msg") for result in results if result.get("changed") is not True] == []
    sent = [method for method, unused in writes(standins)]
    assert sorted(sent) == sorted(["POST", "PUT", "DELETE"] * (2 if fault == "drop_before" else 1))
    records = {record["config"]["host"]: record for record in standins.immuta.records()}
    assert {host: record["status"] for host, record in records.items()} == {HOST: "enabled", "changed": "enabled"}
    assert records["changed"]["config"]["impersonation"] == IMPERSONATION


def test_failed_writes_give_one_sentence(workspace: Workspace, standins: Standins) -> None:
    run_scripts(standins, standins.config())
    standins.immuta.add_fault("drop_before", method="POST", times=None)

    result = manage(workspace, retries=0)

    assert result["failed"]
    assert "the connection was lost before the reply was complete" in result["msg"]
    assert "Run the task again" in result["msg"]
    assert [method for method, unused in writes(standins)] == ["POST"]
    assert standins.immuta.records() == []


def test_busy_tenant_is_retried(workspace: Workspace, standins: Standins) -> None:
    seed(standins)
    standins.immuta.add_fault("status", status=429, headers={"Retry-After": "1"}, method="GET")
    start = time.monotonic()

    result = manage(workspace)

    assert not result["changed"]
    assert asked(standins) == LOOK * 2
    assert time.monotonic() - start >= 1


@pytest.mark.parametrize(("status", "answer", "then"), [("enabled", 409, []), ("createError", 400, ["PUT"])])
def test_concurrently_created_integration_is_adopted(
    workspace: Workspace, standins: Standins, status: str, answer: int, then: list[str]
) -> None:
    run_scripts(standins, standins.config())
    standins.immuta.add_fault("latency", seconds=0.3, method="POST")

    with meanwhile(standins, "POST /integrations", lambda: seed(standins, status=status)):
        result = manage(workspace)

    assert result["changed"] is bool(then), result.get("msg")
    assert "another run may be changing it" in warned(result)
    assert [request["status"] for request in standins.immuta.requests() if request["method"] == "POST"] == [answer]
    assert [method for method, unused in writes(standins)] == ["POST", *then]
    assert statuses(standins) == ["enabled"]


def test_parallel_runs_create_one_integration(workspace: Workspace, standins: Standins) -> None:
    run_scripts(standins, standins.config())
    standins.immuta.set(settle=0.3)
    standins.immuta.add_fault("latency", seconds=1, method="POST", times=None)

    results = at_once([functools.partial(manage, workspace)] * 2)

    assert sorted(result["changed"] for result in results) == [False, True], results
    assert [result["integration"]["id"] for result in results] == ["1", "1"]
    assert statuses(standins) == ["enabled"]


def test_numeric_ids_and_deleted_records(workspace: Workspace, standins: Standins) -> None:
    run_scripts(standins, standins.config())
    standins.immuta.set(numeric_ids=True, keep_deleted=True)
    first = manage(workspace)
    assert first["integration"]["id"] == "1"
    standins.immuta.clear_requests()
    assert not manage(workspace, id=1)["changed"]
    assert asked(standins) == ["GET /integrations/1"]
    assert [entry["id"] for entry in ask(workspace, id=1)] == ["1"]

    gone = remove(workspace, id=1, config=None)
    assert (gone["changed"], gone["exists"], gone["integration"]) == (True, False, None)
    assert statuses(standins) == ["deleted"]
    standins.immuta.clear_requests()
    assert not remove(workspace)["changed"]
    assert not remove(workspace, id=1)["changed"]
    assert writes(standins) == []
    again = manage(workspace)
    assert (again["changed"], again["integration"]["id"]) == (True, "2")
    assert statuses(standins) == ["deleted", "enabled"]


DEGRADED = ("editError", "deleteError", "migrateError", "recurringValidationError")
# Status, its final status, and the writes for: present and equal, present and different, absent.
STATES = [
    (None, None, ["POST"], ["POST"], []),
    ("deleted", None, ["POST"], ["POST"], []),
    ("disabled", None, ["POST"], ["POST"], []),
    ("creating", "enabled", [], ["PUT"], ["DELETE"]),
    ("editing", "enabled", [], ["PUT"], ["DELETE"]),
    ("migrating", "enabled", [], ["PUT"], ["DELETE"]),
    ("polishing", "enabled", [], ["PUT"], ["DELETE"]),
    ("enabled", None, [], ["PUT"], ["DELETE"]),
    ("createError", None, ["PUT"], ["PUT"], ["DELETE"]),
    ("editError", None, [], ["PUT"], ["DELETE"]),
    ("deleteError", None, [], ["PUT"], ["DELETE"]),
    ("migrateError", None, [], ["PUT"], ["DELETE"]),
    ("recurringValidationError", None, [], ["PUT"], ["DELETE"]),
    ("deleting", "deleted", ["POST"], ["POST"], []),
]


@pytest.mark.parametrize(
    ("status", "becomes", "equal", "different", "absent"), STATES, ids=[str(row[0] or "nothing") for row in STATES]
)
def test_each_status_converges_as_planned(
    workspace: Workspace,
    standins: Standins,
    status: str | None,
    becomes: str | None,
    equal: list[str],
    different: list[str],
    absent: list[str],
) -> None:
    hosts = ("equal", "different", "absent")
    configs = [standins.config(host=host) for host in hosts]
    tasks = [
        functools.partial(manage, workspace, config=configs[0]),
        functools.partial(manage, workspace, config={**configs[1], "impersonation": IMPERSONATION}),
        functools.partial(remove, workspace, config={"host": hosts[2]}),
    ]
    expected = dict(zip(hosts, (equal, different, absent)))
    validation = results(CONNECTION_TEST, "No route to the cluster.")
    run_scripts(standins, standins.config())
    if status:
        for config in configs:
            standins.immuta.seed(config={**DEFAULTS, **config}, status=status, validationResults=validation)

    predicted = at_once(tasks, check_mode=True)
    assert asked(standins) == LOOK * 3
    with contextlib.ExitStack() as stack:
        for number, config in enumerate(configs if becomes else [], start=1):
            settle = functools.partial(standins.immuta.seed, id=number, config={**DEFAULTS, **config}, status=becomes)
            stack.enter_context(meanwhile(standins, f"GET /integrations/{number}", settle))
        done = at_once(tasks)
    sent: dict[str, list[str]] = {host: [] for host in hosts}
    for request in standins.immuta.requests():
        if request["method"] == "POST":
            sent[request["body"]["config"]["host"]].append("POST")
        elif request["method"] != "GET":
            sent[hosts[int(request["path"].rpartition("/")[2]) - 1]].append(request["method"])
    assert sent == expected, [result.get("msg") for result in done]
    assert [result["exists"] for result in done] == [True, True, False]
    for before, result, needed in zip(predicted, done, expected.values()):
        assert (before["action"] == "wait") == bool(becomes)
        assert before["changed"] == result["changed"] == bool(needed)
        assert before["differences"] == result["differences"]
        assert (CONNECTION_TEST in warned(result)) == (status in DEGRADED and not needed)
        assert ("may still exist" in warned(result)) == (status == "disabled")

    standins.immuta.clear_requests()
    changing = [task for task, needed in zip(tasks, expected.values()) if needed]
    assert [result["changed"] for result in at_once(changing)] == [False] * len(changing)
    assert asked(standins) == LOOK * len(changing)


# immuta_integration_info


def test_integrations_of_every_type_are_shown_masked(workspace: Workspace, standins: Standins) -> None:
    snowflake, databricks = EXAMPLES[3]
    trino = {
        "type": "Trino",
        "validationResults": [],
        "config": {"apiKey": "Tr1no-canary", "host": "trino.example.com"},
    }
    for record in (snowflake, databricks, trino):
        standins.immuta.seed(**record)
    seed(standins, status="editError")

    shown = ask(workspace)

    assert asked(standins) == LOOK
    assert "Tr1no-canary" not in json.dumps(shown)
    assert [entry["type"] for entry in shown] == ["Snowflake", "Databricks", "Trino", "Redshift"]
    assert [entry["id"] for entry in shown] == ["1", "2", "3", "4"]
    assert shown[0]["config"] == {
        **{name: value for name, value in snowflake["config"].items() if name != "authenticationType"},
        "authentication_type": "userPassword",
    }
    assert shown[0]["validation_results"]["validation_tests"] == snowflake["validationResults"]["validationTests"]
    assert shown[1]["config"]["token"] == "REDACTED"
    assert shown[1]["config"]["workspace_url"] == databricks["config"]["workspaceUrl"]
    assert shown[2]["config"] == {"api_key": "********", "host": "trino.example.com"}
    assert shown[3]["config"]["password"] == "<REDACTED>"
    filters: list[tuple[dict[str, t.Any], list[str]]] = [
        ({"type": "redshift"}, ["4"]),
        ({"host": HOST.upper()}, ["4"]),
        ({"host": databricks["config"]["workspaceUrl"]}, ["2"]),
        ({"status": ["createError", "editerror"]}, ["4"]),
        ({"type": "Trino", "status": "editError"}, []),
        ({"id": 3, "check_mode": True}, ["3"]),
        ({"id": "5"}, []),
    ]
    for options, expected in filters:
        assert [entry["id"] for entry in ask(workspace, **options)] == expected, options
