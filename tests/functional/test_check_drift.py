# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook check_drift: its report for each cluster, its requests, and its required variables."""

from __future__ import annotations

import json
import os
import pathlib
import re
import stat
import typing as t

import pytest
import yaml

from tests.support.paths import ROOT
from tests.support.playbooks import Run, asked, ended, program
from tests.support.standin import Standins

FAILED_TEST = {"name": "Connection", "status": "failed", "message": "The cluster does not answer."}


class Check:
    """A runner of the playbook on an inventory of clusters without passwords that reads the report."""

    def __init__(self, directory: pathlib.Path, standins: Standins) -> None:
        self.directory = directory
        self.standins = standins
        self.report_file = directory / "drift.json"

    def run(self, clusters: dict[str, dict[str, t.Any]], *options: str) -> Run:
        """Run the playbook; ``clusters`` are the role's variables by host."""
        inventory = self.directory / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": clusters}}), encoding="utf-8")
        return ended(
            [
                program("ansible-playbook"),
                "immuta.integrations.check_drift",
                "-i",
                inventory,
                "-e",
                "immuta_redshift_hosts=all",
                *options,
            ],
            {
                "PATH": os.environ["PATH"],
                "HOME": str(self.directory),
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
                "IMMUTA_URL": self.standins.immuta.url,
                "IMMUTA_API_KEY": self.standins.immuta.api_key,
                "ANSIBLE_STRATEGY": "free",  # has no task for all hosts, so the playbook cannot rely on it
            },
            self.directory,
        )

    def report(self) -> dict[str, t.Any]:
        return json.loads(self.report_file.read_text(encoding="utf-8"))


@pytest.fixture
def check(tmp_path: pathlib.Path, standins: Standins) -> Check:
    standins.reset()
    return Check(tmp_path, standins)


def variables(standins: Standins, name: str, **config: t.Any) -> dict[str, t.Any]:
    """Return a cluster without credentials, as export_integrations writes it."""
    credentials = {name: f"{{{{ immuta_redshift_secret_{name} }}}}" for name in ("username", "password")}
    config = standins.config(host=f"{name}.example.com", **credentials, **config)
    return {"immuta_redshift_config": config}


def test_clusters_are_compared_independently(check: Check, standins: Standins) -> None:
    seeds: dict[str, dict[str, t.Any]] = {
        "in_order": {},
        "disabled": {"status": "disabled"},
        "creation_failed": {"status": "createError"},
        "changed": {"config": {"port": 5440, "initialDatabase": "other"}},
        "changed_while_busy": {"status": "editing", "config": {"initialDatabase": "other"}},
        "busy": {"status": "editing"},
        "beyond_change": {"config": {"database": "other"}},
        "ill": {
            "status": "recurringValidationError",
            "validationResults": {
                "status": "failed",
                "validationTests": [FAILED_TEST, {"name": "x", "status": "passed"}],
            },
        },
        "unwanted": {},
    }
    for name, seed in seeds.items():
        config = {**standins.config(host=f"{name.upper()}.example.com"), **seed.get("config", {})}
        standins.immuta.seed(**{**seed, "config": config})
    clusters = {name: variables(standins, name) for name in [*seeds, "missing"]}
    clusters["unwanted"]["immuta_redshift_state"] = "absent"
    clusters["nameless"] = {}
    clusters["broken"] = variables(standins, "broken", database="{{ nobody }}")
    clusters["elsewhere"] = {
        **variables(standins, "in_order"),
        "immuta_redshift_api": {"url": f"{standins.immuta.url}/gone"},
    }

    run = check.run(clusters)

    report = check.report()
    found = {cluster["name"]: cluster for cluster in report["clusters"]}
    assert {
        name: (cluster["result"], cluster["status"], cluster["differences"]) for name, cluster in found.items()
    } == {
        "in_order": ("in_order", "enabled", []),
        "disabled": ("drifted", None, []),
        "creation_failed": ("drifted", "createError", []),
        "changed": ("drifted", "enabled", ["initial_database"]),
        "changed_while_busy": ("drifted", "editing", ["initial_database"]),
        "busy": ("not_enabled", "editing", []),
        "beyond_change": ("drifted", "enabled", ["database"]),
        "ill": ("not_enabled", "recurringValidationError", []),
        "unwanted": ("drifted", "enabled", []),
        "missing": ("drifted", None, []),
        "nameless": ("failed", None, []),
        "broken": ("failed", None, []),
        "elsewhere": ("failed", None, []),
    }
    assert (run.status, report["exit_code"]) == (2, 2)
    assert report["totals"] == {
        "clusters": 13,
        "drifted": 7,
        "failed": 3,
        "in_order": 1,
        "not_enabled": 2,
        "unmanaged": 0,
    }
    assert found["ill"] == {
        "name": "ill",
        "host": "ill.example.com",
        "tenant": standins.immuta.url,
        "id": "8",
        "action": "none",
        "values": {},
        "result": "not_enabled",
        "status": "recurringValidationError",
        "differences": [],
        "failing_tests": [FAILED_TEST],
        "message": None,
    }
    assert "the database cannot be changed" in found["beyond_change"]["message"]
    assert found["beyond_change"]["host"] == "beyond_change.example.com"
    assert "immuta_redshift_config" in found["nameless"]["message"]
    assert found["broken"]["message"] == "immuta_redshift_config.database: 'nobody' is undefined"
    assert found["broken"]["host"] == "broken.example.com"
    assert "404" in found["elsewhere"]["message"]
    assert asked(standins) == ["GET /integrations", "GET /gone/integrations"]
    assert re.findall(r"^(\w+) .*failed=1", run.output, re.MULTILINE) == ["broken", "elsewhere", "nameless"]
    assert "13 clusters: 1 in sync, 2 not enabled, 7 drifted, 3 failed; 0 unmanaged." in run.output


@pytest.mark.parametrize("limit", [[], ["--limit", "ill"]], ids=["all", "limited"])
def test_run_without_clusters_deletes_the_old_report(check: Check, limit: list[str]) -> None:
    check.report_file.write_text('{"exit_code": 0}', encoding="utf-8")

    check.run({"ill": {}}, "-e", "immuta_redshift_hosts=nobody", *limit)

    assert check.report()["exit_code"] == 2


def test_unknown_integration_is_unmanaged(check: Check, standins: Standins) -> None:
    for name in ("sales", "finance", "stray"):
        standins.immuta.seed(config=standins.config(host=f"{name}.example.com"))
    standins.immuta.seed(type="Snowflake", config={"host": "other.example.com"})
    clusters = {name: variables(standins, name) for name in ("sales", "finance")}

    run = check.run(clusters, "--limit", "localhost,sales")

    stray = {"tenant": standins.immuta.url, "id": "3", "host": "stray.example.com", "status": "enabled"}
    report = check.report()
    assert (run.status, report["exit_code"], report["unmanaged"]) == (0, 0, [stray])
    assert report["other_types"] == {"Snowflake": 1}
    assert [cluster["name"] for cluster in report["clusters"]] == ["sales"]

    assert "stray.example.com" in run.output

    run = check.run(clusters, "-e", "drift_count_unmanaged=true", "-e", "drift_show=false")

    assert check.report()["exit_code"] == 5
    assert "stray.example.com" not in run.output


def test_unreadable_variables_fail_their_host(check: Check, standins: Standins) -> None:
    standins.immuta.seed(config=standins.config(host="a.example.com"))
    (check.directory / "host_vars").mkdir()
    (check.directory / "host_vars" / "b.yml").write_text("immuta_redshift_config: [", encoding="utf-8")

    run = check.run({name: variables(standins, name) for name in ("a", "b")})

    assert run.status != 0
    assert [cluster["result"] for cluster in check.report()["clusters"]] == ["in_order", "failed"]


def test_reports_of_one_cluster_without_an_inventory(check: Check, standins: Standins) -> None:
    standins.immuta.seed(config=standins.config(host="sales.example.com", initialDatabase="other"))
    files = [check.directory / name for name in ("drift.json", "drift.xml", "drift.html")]
    extra = {**variables(standins, "sales"), "immuta_redshift_hosts": "localhost"}

    run = check.run(
        {}, "-e", json.dumps(extra), "-e", "drift_junit=drift.xml", "-e", "drift_html=drift.html", "--check"
    )

    assert (run.status, check.report()["totals"]["drifted"]) == (0, 1)
    assert "initial_database: desired dev, current other" in run.output
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600] * 3
    assert all("initial_database" in file.read_text(encoding="utf-8") for file in files)


def test_unwritable_report_fails_the_run(check: Check, standins: Standins) -> None:
    run = check.run({"sales": variables(standins, "sales")}, "-e", "drift_html=missing/drift.html")

    assert run.status == 2
    assert "missing/drift.html cannot be written: No such file or directory" in run.output
