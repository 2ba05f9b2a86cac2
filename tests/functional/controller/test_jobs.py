# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effect of the jobs of a controller on Immuta and Redshift, without secrets in their output."""

from __future__ import annotations

import concurrent.futures
import copy
import json
import pathlib
import typing as t

import pytest
import yaml

from tests.support.controller.jobs import Job, Jobs, hosts_of, questions
from tests.support.controller.runs import PROJECT, command
from tests.support.controller.standin import Controller, Fields
from tests.support.standin import Standins, scripts

HOST = "cluster.example.com"
WORKFLOW = "Immuta Redshift reviewed"
GROUP = "immuta_impersonation"
SCHEMAS = set(scripts.SCHEMAS)


def text_of(job: Job) -> str:
    """Return the output of a job on one line."""
    return " ".join(job.output.split())


@pytest.fixture
def checked(secrets: list[str]) -> t.Callable[[Job], Job]:
    """Return a job after checking that it succeeded, left no file and shows no secret."""

    def check(job: Job) -> Job:
        assert job.succeeded, job.output
        assert job.leftovers() == []
        assert job.disclosures(secrets) == []
        return job

    return check


def test_credential_without_a_field_uses_the_default(jobs: Jobs, tmp_path: pathlib.Path) -> None:
    template = jobs.controller.find("job_templates", "Immuta Redshift configure")
    jobs.credentials["Immuta"] = {"url": "https://tenant.example.com", "api_key": "key"}
    jobs.credentials["Amazon Redshift for Immuta"] = {"system_username": "name", "system_password": "word"}

    assert (
        jobs.environment(template, tmp_path).items()
        >= {
            "IMMUTA_URL": "https://tenant.example.com",
            "IMMUTA_API_KEY": "key",
            "IMMUTA_AUTH_SCHEME": "api_key",
            "IMMUTA_VALIDATE_CERTS": "true",
            "IMMUTA_CA_PATH": "",
            "REDSHIFT_PORT": "5439",
            "REDSHIFT_DB": "dev",
            "IMMUTA_SYSTEM_USERNAME": "name",
            "IMMUTA_SYSTEM_PASSWORD": "word",
        }.items()
    )


def test_jobs_configure_change_and_remove_a_cluster(
    jobs: Jobs, standins: Standins, secrets: list[str], tmp_path: pathlib.Path, checked: t.Callable[[Job], Job]
) -> None:
    before = standins.catalog()

    checked(jobs.run(tmp_path / "1", "Immuta Redshift configure", cluster_host=HOST))
    [record] = standins.immuta.records()
    assert (record["status"], record["config"]["host"], record["config"]["port"]) == ("enabled", HOST, 5439)
    assert record["config"]["password"] == secrets[2]
    assert set(standins.catalog()["schemas"]["immuta"]) == SCHEMAS

    checked(jobs.run(tmp_path / "2", "Immuta Redshift change", cluster_host=HOST, cluster_impersonation="enabled"))
    assert standins.immuta.records()[0]["config"]["impersonation"] == {"enabled": True, "role": GROUP}
    assert standins.catalog()["groups"] == [GROUP]

    checked(jobs.run(tmp_path / "3", "Immuta Redshift remove", cluster_host=HOST))
    assert standins.immuta.records() == []
    assert standins.catalog()["users"] == before["users"]
    assert standins.catalog()["groups"] == []


def test_approved_scripts_run(
    jobs: Jobs, standins: Standins, tmp_path: pathlib.Path, checked: t.Callable[[Job], Job]
) -> None:
    before = standins.catalog()
    shown: list[str] = []

    def approve(job: Job) -> bool:
        shown.append(job.output)
        assert (standins.catalog(), standins.immuta.records()) == (before, [])
        return True

    ended = jobs.review(tmp_path, WORKFLOW, approve, cluster_host=HOST)

    generated, _executed = (checked(ended[node]) for node in ("generate", "execute"))
    assert [word for word in ("CREATE USER", "CREATE DATABASE", "CREATE SCHEMA") if word not in shown[0]] == []
    reviewed = generated.artifacts["immuta_redshift_reviewed"]
    assert sorted(reviewed) == ["create", "initial_create"]
    assert len(set(reviewed.values())) == 2
    assert [record["status"] for record in standins.immuta.records()] == ["enabled"]
    assert set(standins.catalog()["schemas"]["immuta"]) == SCHEMAS


# Workflow jobs whose last job must not continue, each as a change of an approved one.
UNAPPROVED: dict[str, t.Callable[[Fields, Fields, Fields], object]] = {
    "undecided": lambda generate, approve, execute: approve["summary_fields"]["job"].update(status="pending"),
    "denied": lambda generate, approve, execute: approve["summary_fields"]["job"].update(status="failed"),
    "no approval": lambda generate, approve, execute: approve["summary_fields"]["job"].update(type="job"),
    "not generated": lambda generate, approve, execute: generate["summary_fields"]["job"].update(status="failed"),
    "beside a denial": lambda generate, approve, execute: generate["always_nodes"].append(execute["id"]),
    "after a denial": lambda generate, approve, execute: approve["failure_nodes"].append(execute["id"]),
    "after any decision": lambda generate, approve, execute: approve["always_nodes"].append(execute["id"]),
    "without an edge": lambda generate, approve, execute: approve["success_nodes"].clear(),
    "past the approval": lambda generate, approve, execute: generate["success_nodes"].append(execute["id"]),
    "another job": lambda generate, approve, execute: execute.update(job=1),
}


def test_c2_only_the_approved_job_continues(gateway: Controller, tmp_path: pathlib.Path) -> None:
    """The tasks of the last job that check its approval; for a changed workflow job, the task that compares it."""
    number = gateway.start_workflow(gateway.find("workflow_job_templates", WORKFLOW))
    nodes = gateway.workflow_jobs[number]["nodes"]
    job = [gateway.note_job(node, "successful") for node in nodes][-1]

    def changed(change: t.Callable[[Fields, Fields, Fields], object]) -> Fields:
        changed = copy.deepcopy(nodes)
        change(*changed)
        return {"awx_job_id": job, "immuta_workflow": {"json": {"results": changed}}}

    approved = {"awx_workflow_job_id": number, "awx_job_id": job, "immuta_redshift_reviewed": {}}
    whole: dict[str, Fields] = {
        "approved": {**approved, "immuta_token": gateway.token},
        "alone": {"immuta_redshift_reviewed": {}, "immuta_token": gateway.token},
        "without token": {**approved, "immuta_token": ""},
        "with another token": {**approved, "immuta_token": "Another-T0ken"},
    }
    file = PROJECT / "tasks" / "approved.yml"
    comparison = yaml.safe_load(file.read_text(encoding="utf-8"))[-1]
    include = {"ansible.builtin.include_tasks": str(file)}
    cases = [
        ("unchanged", comparison, changed(lambda *unchanged: None)),
        *((name, comparison, changed(change)) for name, change in UNAPPROVED.items()),
        *((name, include, case) for name, case in whole.items()),  # last: sets immuta_workflow
    ]

    def noted(refusal: str) -> Fields:
        return {"ansible.builtin.set_fact": {"refusals": f"{{{{ refusals | combine({{case: {refusal}}}) }}}}"}}

    tasks: list[Fields] = [
        {"vars": {"case": name, **case}, "block": [task, noted("''")], "rescue": [noted("ansible_failed_result.msg")]}
        for name, task, case in cases
    ]
    found = tmp_path / "refusals.json"
    tasks.append({"ansible.builtin.copy": {"dest": str(found), "content": "{{ refusals | to_json }}"}})
    play = {"hosts": "localhost", "gather_facts": False, "vars": {"refusals": {}}, "tasks": tasks}
    (tmp_path / "play.json").write_text(json.dumps([play]), encoding="utf-8")
    prefix = gateway.prefix.removesuffix("v2")  # as awx.awx spells it
    options = ("-vvvv", f"-eimmuta_controller_prefix={prefix}")
    status, output = command(tmp_path, "ansible-playbook", "play.json", *options, CONTROLLER_HOST=gateway.url)
    assert status == 0, output
    assert [token for token in (gateway.token, "Another-T0ken") if token in output] == []

    refusals = json.loads(found.read_text(encoding="utf-8"))
    assert [name for name, refusal in refusals.items() if not refusal] == ["unchanged", "approved"]
    for case in ("alone", "without token"):
        assert "this playbook runs what was approved in the workflow" in refusals[case]
    assert "the controller did not show the workflow of this job (status 401)" in refusals["with another token"]
    for case in UNAPPROVED:
        assert "this job was not reached through the approval of its workflow" in refusals[case], case


def test_c2_nothing_runs_beside_a_denial(
    jobs: Jobs, standins: Standins, secrets: list[str], tmp_path: pathlib.Path
) -> None:
    """The last job refuses to run although the workflow was changed by hand."""
    before, controller = standins.catalog(), jobs.controller
    workflow = controller.find("workflow_job_templates", WORKFLOW)
    number = controller.start_workflow(workflow)
    generate, approve, execute = controller.workflow_jobs[number]["nodes"]
    generate["always_nodes"].append(execute["id"])
    controller.note_job(generate, "successful")
    controller.note_job(approve, "failed")
    own = {"awx_job_id": controller.note_job(execute, "running"), "awx_workflow_job_id": number}
    given = {"immuta_redshift_reviewed": {}, **questions(workflow, {"cluster_host": HOST}), **own}

    job = jobs.start(tmp_path / "job", controller.get(execute["unified_job_template"]), given)()

    assert not job.succeeded
    assert "this job was not reached through the approval of its workflow" in text_of(job)
    assert (job.leftovers(), job.disclosures(secrets)) == ([], [])
    assert (standins.catalog(), standins.immuta.records()) == (before, [])


def test_credential_changed_after_the_approval(
    jobs: Jobs, standins: Standins, secrets: list[str], tmp_path: pathlib.Path
) -> None:
    """Immuta generates other scripts than the approved ones."""
    before = standins.catalog()

    def approve(job: Job) -> bool:
        jobs.credentials["Amazon Redshift for Immuta"]["system_username"] = "another_account"
        return True

    ended = jobs.review(tmp_path, WORKFLOW, approve, cluster_host=HOST)

    assert not ended["execute"].succeeded
    assert "is not the one that was reviewed, and nothing was run" in text_of(ended["execute"])
    assert (standins.catalog(), standins.immuta.records()) == (before, [])
    assert (ended["execute"].leftovers(), ended["execute"].disclosures(secrets)) == ([], [])


def test_export_is_published_as_artifacts(
    jobs: Jobs, standins: Standins, tmp_path: pathlib.Path, checked: t.Callable[[Job], Job]
) -> None:
    standins.immuta.seed(config=standins.config())

    job = checked(jobs.run(tmp_path / "1", "Immuta Redshift export"))

    [(name, text)] = job.artifacts["immuta_exported"].items()
    assert name == f"{HOST}.yml"
    assert yaml.safe_load(text)["immuta_redshift_config"]["host"] == HOST
    assert standins.config()["password"] not in text


def test_parallel_slices_set_up_each_cluster_once(
    jobs: Jobs, standins: Standins, tmp_path: pathlib.Path, checked: t.Callable[[Job], Job]
) -> None:
    """One database server serves all clusters, so names distinguish their objects."""
    template = jobs.controller.find("job_templates", "Immuta Redshift fleet")
    hosts = hosts_of(jobs.inventory)
    for number, host in enumerate(hosts):
        own = {"cluster_database": f"immuta_{number}", "cluster_username": f"system_{number}"}
        jobs.inventory["_meta"]["hostvars"].setdefault(host, {}).update(own)
    parts = template.fields["job_slice_count"]
    assert parts == 2

    started = [
        jobs.start(tmp_path / str(part), template, {"fleet_batch": "2"}, part, parts) for part in range(1, parts + 1)
    ]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for job in pool.map(lambda wait: wait(), started):
            checked(job)

    records = {record["config"]["host"]: record for record in standins.immuta.records()}
    assert sorted(records) == hosts
    assert {record["status"] for record in records.values()} == {"enabled"}
    assert standins.immuta.writes == ["creating"] * len(hosts)
    catalog = standins.catalog()["schemas"]
    assert [set(catalog[f"immuta_{number}"]) for number in range(len(hosts))] == [SCHEMAS] * len(hosts)
    assert records["finance.example.com"]["config"]["port"] == 5440
    assert records["research.example.com"]["config"]["impersonation"]["enabled"] is True
