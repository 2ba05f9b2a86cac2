# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effect of the jobs of a controller on Immuta and Redshift, without secrets in their output."""

from __future__ import annotations

import concurrent.futures
import copy
import pathlib
import typing as t

import pytest
import yaml

from tests.support.controller.jobs import Job, Jobs, hosts_of
from tests.support.controller.standin import Thing
from tests.support.standin import Standins, scripts

HOST = "cluster.example.com"
WORKFLOW = "Immuta Redshift reviewed"
EXECUTE = "Immuta Redshift execute reviewed scripts"
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


@pytest.mark.parametrize(
    ("decision", "tamper"),
    [
        (False, None),
        (None, None),
        (False, lambda nodes: nodes["generate"].edges["always_nodes"].append(nodes["execute"].id)),
        (False, lambda nodes: nodes["approve"].edges.update(success_nodes=[], failure_nodes=[nodes["execute"].id])),
        (False, lambda nodes: nodes["approve"].edges.update(success_nodes=[], always_nodes=[nodes["execute"].id])),
        (True, lambda nodes: nodes["generate"].edges.update(success_nodes=[nodes["execute"].id])),
    ],
    ids=["denied", "undecided", "beside a denial", "after a denial", "after any decision", "past the approval"],
)
def test_c2_nothing_runs_without_approval(
    jobs: Jobs,
    standins: Standins,
    secrets: list[str],
    tmp_path: pathlib.Path,
    decision: bool | None,
    tamper: t.Callable[[dict[str, Thing]], None] | None,
) -> None:
    """The last job refuses to run, however the workflow was changed by hand."""
    before = standins.catalog()
    nodes = {
        name: jobs.controller.find("workflow_job_template_nodes", name) for name in ("generate", "approve", "execute")
    }
    edges = {name: copy.deepcopy(node.edges) for name, node in nodes.items()}
    if tamper:
        tamper(nodes)
    try:
        ended = jobs.review(tmp_path, WORKFLOW, lambda job: decision, cluster_host=HOST)
    finally:
        for name, node in nodes.items():
            node.edges = edges[name]

    assert list(ended) == (["generate", "execute"] if tamper else ["generate"])
    if tamper:
        assert not ended["execute"].succeeded
        assert "this job was not reached through the approval of its workflow" in text_of(ended["execute"])
        assert (ended["execute"].leftovers(), ended["execute"].disclosures(secrets)) == ([], [])
    assert (standins.catalog(), standins.immuta.records()) == (before, [])


def test_last_job_alone_runs_nothing(jobs: Jobs, standins: Standins, tmp_path: pathlib.Path) -> None:
    before = standins.catalog()
    template = jobs.controller.find("job_templates", EXECUTE)

    job = jobs.start(tmp_path, template, {"cluster_host": HOST, "immuta_redshift_reviewed": {"create": "0"}})()

    assert not job.succeeded
    assert "this playbook runs what was approved in the workflow" in text_of(job)
    assert (standins.catalog(), standins.immuta.records()) == (before, [])


def test_token_without_access_to_the_workflow(
    jobs: Jobs, standins: Standins, secrets: list[str], tmp_path: pathlib.Path
) -> None:
    before = standins.catalog()
    jobs.credentials["Immuta Redshift approvals"]["oauth_token"] = "Another-T0ken"

    ended = jobs.review(tmp_path, WORKFLOW, lambda job: True, cluster_host=HOST)

    assert "the controller did not show the workflow of this job (status 401)" in text_of(ended["execute"])
    assert ended["execute"].disclosures([*secrets, "Another-T0ken"]) == []
    assert (standins.catalog(), standins.immuta.records()) == (before, [])


CHANGES = {
    "body": ("WHERE username = name;", "WHERE username > name;"),
    "literal": ("DEFAULT 'bim'", "DEFAULT 'bin'"),
    "comment": ("Don't keep the old row", "Don't keep the odd row"),
    "white space": ("BEGIN\n", "BEGIN \n"),
}


@pytest.mark.parametrize("change", [*CHANGES, "credential"])
def test_changes_after_the_approval_do_not_run(
    change: str, jobs: Jobs, standins: Standins, secrets: list[str], tmp_path: pathlib.Path
) -> None:
    before = standins.catalog()

    def approve(job: Job) -> bool:
        if change == "credential":
            jobs.credentials["Amazon Redshift for Immuta"]["system_username"] = "another_account"
        else:
            assert CHANGES[change][0].strip() in job.output
            standins.immuta.set(replaced=CHANGES[change])
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
