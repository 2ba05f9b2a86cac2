# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline example: each job's script runs unchanged, with the documented exit status and report."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import textwrap
import typing as t

import pytest
import requests
import yaml

from tests.support.paths import ROOT
from tests.support.pipeline import EXAMPLE, Job, Runner
from tests.support.playbooks import program
from tests.support.standin import Standins
from tests.support.standin.postgres import Postgres

MERGE_REQUEST = {"CI_PIPELINE_SOURCE": "merge_request_event"}
PUSH = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"}
NIGHT = {"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "main"}
GUIDE = ROOT / "docs" / "docsite" / "rst" / "pipelines_guide.rst"
WORKFLOW = EXAMPLE / ".github" / "workflows" / "clusters.yml"
IN_ORDER: dict[str, t.Any] = {
    "action": "none",
    "differences": [],
    "failing_tests": [],
    "message": None,
    "result": "in_order",
    "status": "enabled",
    "values": {},
}


def outcome(jobs: list[Job]) -> list[tuple[str, int]]:
    return [(job.name, job.status) for job in jobs]


def logs(jobs: list[Job]) -> str:
    return "\n".join(job.log for job in jobs)


def check_secrets(runner: Runner, text: str) -> None:
    secrets = [value for name, value in runner.variables.items() if "KEY" in name or "PASSWORD" in name]
    assert len(secrets) == 4
    assert not [secret for secret in secrets if secret in text]


def shown_in_guide(language: str) -> str:
    """Return the first example of that language in the guide."""
    block = GUIDE.read_text(encoding="utf-8").split(f".. code-block:: {language}\n")[1]
    return textwrap.dedent(re.split(r"\n(?=\S)", block)[0])


@pytest.mark.parametrize(
    ("schema", "file"), [("gitlab-ci", EXAMPLE / ".gitlab-ci.yml"), ("github-workflows", WORKFLOW)]
)
def test_pipeline_file_is_valid(schema: str, file: pathlib.Path) -> None:
    run = subprocess.run(
        [program("check-jsonschema"), "--builtin-schema", f"vendor.{schema}", file],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    ("event", "same"),
    [("pull_request", MERGE_REQUEST), ("push", PUSH), ("schedule", NIGHT)],
    ids=["merge request", "push", "night"],
)
def test_github_and_gitlab_run_the_same(runner: Runner, event: str, same: dict[str, str]) -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    lines = []
    for job in workflow["jobs"].values():
        installation, *others = [step for step in job["steps"] if "run" in step]
        assert installation["run"].splitlines() == runner.pipeline["default"]["before_script"]
        condition = f"github.event_name == '{event}'"
        lines += [step["run"].splitlines() for step in others if step.get("if", job.get("if")) == condition]

    assert lines == list(runner.scripts(**same).values())


def test_guide_shows_the_pipeline_file(runner: Runner) -> None:
    assert yaml.safe_load(shown_in_guide("yaml")) == runner.pipeline


def test_merge_request_is_checked_without_changes(runner: Runner, clusters: list[Postgres], standins: Standins) -> None:
    before = [postgres.catalog() for postgres in clusters]

    jobs = runner.run(**MERGE_REQUEST)

    assert outcome(jobs) == [("lint", 0), ("preview", 0)], logs(jobs)
    assert "scripts would run on finance" in logs(jobs)
    assert "scripts would run on sales" in logs(jobs)
    assert [postgres.catalog() for postgres in clusters] == before
    assert standins.immuta.writes == []
    check_secrets(runner, logs(jobs))


def test_invalid_merge_request_sends_no_request(runner: Runner, standins: Standins) -> None:
    variables = runner.checkout / "group_vars" / "redshift.yml"
    variables.write_text(variables.read_text(encoding="utf-8") + "immuta_redshift_wait: yes\n", encoding="utf-8")

    (job,) = runner.run(**MERGE_REQUEST)

    assert (job.name, job.status != 0) == ("lint", True)
    assert "truthy value should be one of" in job.log
    assert standins.immuta.requests() == []


def test_main_is_applied_and_nightly_job_reports_drift(
    runner: Runner, clusters: list[Postgres], standins: Standins
) -> None:
    immuta = standins.immuta
    jobs = runner.run(**PUSH)

    assert outcome(jobs) == [("review", 0), ("apply", 0)], logs(jobs)
    pages = sorted(path.name.split(".")[0] for path in (runner.checkout / "review").glob("*.review.html"))
    assert pages == ["finance", "sales"]
    assert list((runner.checkout / "review").glob("*.sql")) == []
    check_secrets(runner, "".join(path.read_text(encoding="utf-8") for path in (runner.checkout / "review").iterdir()))
    finance, sales = sorted(immuta.records(), key=lambda record: record["config"]["host"])
    assert [record["status"] for record in (finance, sales)] == ["enabled", "enabled"]
    assert all("immuta" in postgres.catalog()["databases"] for postgres in clusters)

    immuta.clear_requests()
    jobs += runner.run(**NIGHT)
    assert outcome(jobs[-1:]) == [("drift", 0)], jobs[-1].log
    assert {request["method"] for request in immuta.requests()} == {"GET"}
    report = runner.report()
    assert (report["exit_code"], report["totals"]["in_order"]) == (0, 2)
    assert report["clusters"] == [
        {
            "name": name,
            "host": f"{name}.{rest}.eu-central-1.redshift.amazonaws.com",
            "tenant": immuta.url,
            "id": record["id"],
            **IN_ORDER,
        }
        for name, rest, record in (("finance", "abc123", finance), ("sales", "def456", sales))
    ]

    # Impersonation is enabled with curl.
    changed = {**sales["config"], "impersonation": {"enabled": True, "role": "somebody"}}
    requests.put(
        f"{immuta.url}/integrations/{sales['id']}",
        json={"type": "Redshift", "autoBootstrap": False, "config": changed},
        headers={"Authorization": immuta.api_key},
        timeout=10,
    ).raise_for_status()
    jobs += runner.run(**NIGHT)
    assert outcome(jobs[-1:]) == [("drift", 3)], jobs[-1].log
    expected = json.loads(shown_in_guide("json").replace("https://tenant.example.com", immuta.url))
    # The two hosts are registered in parallel, in either order.
    for cluster, record in zip(expected["clusters"], (finance, sales), strict=True):
        cluster["id"] = record["id"]
    assert runner.report() == {**expected, "compared_at": runner.report()["compared_at"]}
    assert 'name="sales"' in (runner.checkout / "drift.xml").read_text(encoding="utf-8")
    assert "impersonation.enabled" in (runner.checkout / "drift.html").read_text(encoding="utf-8")

    # The tenant is unreachable now.
    runner.variables["IMMUTA_URL"] += "/gone"
    jobs += runner.run(**NIGHT)
    assert outcome(jobs[-1:]) == [("drift", 2)], jobs[-1].log
    report = runner.report()
    assert (report["exit_code"], report["totals"]["failed"]) == (2, 2)
    assert "404" in report["clusters"][0]["message"]
    check_secrets(runner, logs(jobs))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("WHERE username = name;", "WHERE username > name;"),
        ("DEFAULT 'bim'", "DEFAULT 'bin'"),
        ("Don't keep the old", "Don't keep the odd"),
        ("BEGIN\n", "BEGIN \n"),
    ],
    ids=["body", "literal", "comment", "white space"],
)
def test_unreviewed_scripts_do_not_run(
    runner: Runner, clusters: list[Postgres], standins: Standins, before: str, after: str
) -> None:
    catalogs = [postgres.catalog() for postgres in clusters]
    jobs = runner.run(**PUSH, stop_after="review")
    assert outcome(jobs) == [("review", 0)], logs(jobs)
    standins.immuta.set(replaced=(before, after))

    (job,) = runner.run(**PUSH, start_with="apply")

    assert job.status != 0
    assert "is not the one that was reviewed, and nothing was run" in " ".join(job.log.split())
    assert [postgres.catalog() for postgres in clusters] == catalogs
    assert standins.immuta.records() == []
    check_secrets(runner, job.log)
