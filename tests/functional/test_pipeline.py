# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline example: each job's script runs unchanged, with the documented exit status and report."""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import textwrap

import pytest
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


def test_main_is_applied_as_reviewed(runner: Runner, clusters: list[Postgres], standins: Standins) -> None:
    before = [postgres.catalog() for postgres in clusters]
    jobs = runner.run(**PUSH, stop_after="review")

    assert outcome(jobs) == [("review", 0)], logs(jobs)
    files = sorted(path.name for path in (runner.checkout / "review").iterdir())
    assert [name.split(".")[0] for name in files if name.endswith(".review.html")] == ["finance", "sales"]
    assert [name for name in files if name.endswith(".sql")] == []
    check_secrets(runner, "".join((runner.checkout / "review" / name).read_text(encoding="utf-8") for name in files))

    standins.immuta.set(replaced=("DEFAULT 'bim'", "DEFAULT 'bin'"))
    jobs += runner.run(**PUSH, start_with="apply")
    assert jobs[-1].status != 0
    assert "is not the one that was reviewed, and nothing was run" in " ".join(jobs[-1].log.split())
    assert ([postgres.catalog() for postgres in clusters], standins.immuta.records()) == (before, [])

    standins.immuta.set(replaced=("", ""))
    jobs += runner.run(**PUSH, start_with="apply")
    assert outcome(jobs[-1:]) == [("apply", 0)], jobs[-1].log
    assert [record["status"] for record in standins.immuta.records()] == ["enabled", "enabled"]
    assert all("immuta" in postgres.catalog()["databases"] for postgres in clusters)

    standins.immuta.clear_requests()
    jobs += runner.run(**NIGHT)
    assert outcome(jobs[-1:]) == [("drift", 0)], jobs[-1].log
    assert {request["method"] for request in standins.immuta.requests()} == {"GET"}
    assert (runner.report()["exit_code"], runner.report()["totals"]["in_order"]) == (0, 2)
    check_secrets(runner, logs(jobs))


def test_nightly_job_reports_drift(runner: Runner, standins: Standins) -> None:
    expected = json.loads(shown_in_guide("json").replace("https://tenant.example.com", standins.immuta.url))
    for cluster, enabled in zip(expected["clusters"], (False, True), strict=True):
        standins.immuta.seed(config=standins.config(host=cluster["host"], impersonation={"enabled": enabled}))

    jobs = runner.run(**NIGHT)
    assert outcome(jobs) == [("drift", 3)], logs(jobs)
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
