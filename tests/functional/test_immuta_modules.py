# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules of action group immuta, checked by requests to Immuta, the database, and files.

The tables of states, lost replies and refusals are in tests/unit: test_integration.py, test_reconcile.py, test_http.py.
"""

from __future__ import annotations

import concurrent.futures
import functools
import json
import stat
import threading
import typing as t

from tests.support.by_hand import automatic_config, payload, run_scripts
from tests.support.howto import COMMANDS, EXAMPLES
from tests.support.playbooks import Workspace, asked, statuses
from tests.support.standin import HOST, Standins, scripts
from tests.support.standin.cluster import CONNECTION_TEST

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


def warned(result: Result) -> str:
    return json.dumps(result.get("warnings", []))


def at_once(*tasks: t.Callable[[], Result]) -> list[Result]:
    """Run tasks in parallel."""
    with concurrent.futures.ThreadPoolExecutor() as people:
        return [task.result() for task in [people.submit(task) for task in tasks]]


# immuta_integration_script


def test_scripts_are_written_byte_for_byte(workspace: Workspace, standins: Standins) -> None:
    standins.immuta.set(script_reply="object")
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

        file = workspace.directory / f"{script}.sql"

        predicted = generate(workspace, script, **about, check_mode=True)
        assert not file.exists()
        result = generate(workspace, script, **about)
        assert predicted == result

        content = scripts.text(name, statements).encode()
        assert file.read_bytes() == content, script
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert (result["changed"], result["dest"]) == (True, str(file))
        assert (result["size"], result["statement_count"]) == (len(content), len(statements))
        assert "Ω" not in json.dumps(result, ensure_ascii=False)
    same = ("POST", payload(config))
    asked_for = [same, same, same, ("POST", None), same]
    assert writes(standins) == [request for request in asked_for for _check_mode in range(2)]
    (record,) = standins.immuta.records()
    assert (record["status"], record["config"]) == ("enabled", before)
    written = file.stat()
    assert not generate(workspace, "cleanup", config=config)["changed"]
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


# immuta_redshift_integration


def test_automatic_setup_lifecycle(workspace: Workspace, standins: Standins) -> None:
    config = automatic_config(standins)
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

    example = COMMANDS[10].payload["config"]
    okta = {**example["okta"], "username": standins.bootstrap.user, "password": standins.bootstrap.password}
    changed = {**example, "host": HOST, "initialDatabase": "dev", "okta": okta}
    standins.immuta.clear_requests()
    result = manage(workspace, auto_bootstrap=True, config=changed)
    assert (result["action"], result["differences"]) == ("update", ["authentication_type"])
    assert writes(standins) == [("PUT", payload({**DEFAULTS, **changed}, automatic=True))]
    assert statuses(standins) == ["enabled"]
    assert result["diff"]["before"]["config"]["authentication_type"] == "userPassword"
    assert result["diff"]["after"]["config"]["okta"]["password"] == "********"
    assert not manage(workspace, auto_bootstrap=True, config=changed)["changed"]

    standins.immuta.clear_requests()
    credentials = {"okta": okta, "authenticationType": "okta"}
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
    assert not manage(workspace, config=standins.config(password="An0ther-Pa55word"), auth_scheme="bearer")["changed"]
    assert asked(standins) == [LOG_IN, *LOOK]
    for check_mode in (True, False):
        assert writes(standins) == []
        result = manage(workspace, update_secrets="always", check_mode=check_mode)
        assert (result["changed"], result["secrets_updated"], result["differences"]) == (True, True, [])
    assert writes(standins) == [("PUT", payload({**DEFAULTS, **standins.config()}))]

    standins.immuta.clear_requests()
    predicted = remove(workspace, check_mode=True)
    assert predicted["changed"]
    assert writes(standins) == []
    assert remove(workspace, config=standins.config())["changed"]
    assert writes(standins) == [("DELETE", None)]
    assert standins.immuta.records() == []


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


def test_failed_creation_is_explained_and_repaired(workspace: Workspace, standins: Standins) -> None:
    run_scripts(standins, standins.config())
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


def test_documented_payload_is_sent_unchanged(workspace: Workspace, standins: Standins) -> None:
    for command in (COMMANDS[example] for example in (0, 1, 6, 7)):
        assert (command.method, command.path) == ("POST", "/integrations")
        standins.immuta.clear_requests()

        answer = manage(workspace, auto_bootstrap=command.payload["autoBootstrap"], config=command.payload["config"])

        assert answer["status"] == 422, "the database has no such account"
        assert writes(standins) == [("POST", command.payload)]
        assert "abc1234" not in json.dumps(answer)


def test_extra_settings_are_sent_and_secrets_hidden(workspace: Workspace, standins: Standins) -> None:
    run_scripts(standins, standins.config())
    extra = {"futureSetting": {"level": 3, "names": ["a", "b"]}, "sessionToken": "T0ken-canary", "clusterId": "c1"}
    config = {**standins.config(), "extra": extra}

    result = manage(workspace, config=config)

    assert writes(standins) == [("POST", payload({**standins.config(), **extra}))]
    assert result["config"]["extra"] == {**extra, "sessionToken": "********"}
    assert "T0ken-canary" not in json.dumps(result)
    other = manage(workspace, config={**config, "extra": {**extra, "clusterId": "c2", "sessionToken": "0ther-canary"}})
    assert other["differences"] == ["extra.clusterId"]
    assert standins.immuta.records()[0]["config"] == {**DEFAULTS, **standins.config(), **extra} | {
        "clusterId": "c2",
        "sessionToken": "0ther-canary",
    }


def test_write_with_a_lost_reply_takes_effect_once(workspace: Workspace, standins: Standins) -> None:
    run_scripts(standins, standins.config())
    for host in ("changed", "removed"):
        seed(standins, config={**DEFAULTS, **standins.config(host=host)})
    for method in ("POST", "PUT", "DELETE"):
        standins.immuta.add_fault("drop_after", method=method)
    changed = {"config": standins.config(host="changed", impersonation=IMPERSONATION)}

    results = at_once(
        functools.partial(manage, workspace),
        functools.partial(manage, workspace, **changed),
        functools.partial(remove, workspace, config={"host": "removed"}),
    )

    assert [result.get("msg") for result in results if result.get("changed") is not True] == []
    sent = [method for method, unused in writes(standins)]
    assert sorted(sent) == ["DELETE", "POST", "PUT"]
    records = {record["config"]["host"]: record for record in standins.immuta.records()}
    assert {host: record["status"] for host, record in records.items()} == {HOST: "enabled", "changed": "enabled"}
    assert records["changed"]["config"]["impersonation"] == IMPERSONATION


def test_parallel_runs_create_one_integration(workspace: Workspace, standins: Standins) -> None:
    run_scripts(standins, standins.config())
    both = threading.Barrier(2, timeout=60)

    def wait_for_the_other(entry: dict[str, t.Any]) -> None:
        if entry["method"] == "POST":
            both.wait()

    standins.immuta.wire.on_request = wait_for_the_other

    results = at_once(*[functools.partial(manage, workspace)] * 2)

    answers = [request["status"] for request in standins.immuta.requests() if request["method"] == "POST"]
    assert sorted(answers) == [200, 409]
    assert "another run may be changing it" in warned(results[0]) + warned(results[1])
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
    assert [entry["id"] for entry in ask(workspace, type="redshift", status=["editerror"])] == ["4"]
    assert [entry["id"] for entry in ask(workspace, id=3, check_mode=True)] == ["3"]
