# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook check_drift, cluster by cluster: what it says of each, what it asks, and what it needs to know."""

from __future__ import annotations

import json
import os
import pathlib
import stat
import sys
import typing as t

import pytest
import yaml

from tests.flows.conftest import ended
from tests.pipeline.conftest import ROOT
from tests.standin import Standins

FAILED_TEST = {"name": "Connection", "status": "failed", "message": "The cluster does not answer."}


class Check:
    """Runs the playbook on an inventory of clusters, whose passwords nobody knows, and reads its report."""

    def __init__(self, folder: pathlib.Path, standins: Standins) -> None:
        self.folder = folder
        self.standins = standins
        self.report_file = folder / "drift.json"

    def run(self, clusters: dict[str, dict[str, t.Any]], *options: str) -> int:
        """Return the exit status; ``clusters`` are the role's variables by the name of the host."""
        inventory = self.folder / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": clusters}}), encoding="utf-8")
        program = pathlib.Path(sys.executable).with_name("ansible-playbook")
        return ended(
            [program, "immuta.integrations.check_drift", "-i", inventory, "-e", "immuta_redshift_hosts=all", *options],
            {
                "PATH": os.environ["PATH"],
                "HOME": str(self.folder),
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
                "IMMUTA_URL": self.standins.immuta.url,
                "IMMUTA_API_KEY": self.standins.immuta.api_key,
            },
            self.folder,
        ).status

    def report(self) -> dict[str, t.Any]:
        return json.loads(self.report_file.read_text(encoding="utf-8"))


@pytest.fixture
def check(tmp_path: pathlib.Path, standins: Standins) -> Check:
    standins.reset()
    return Check(tmp_path, standins)


def variables(standins: Standins, name: str, **config: t.Any) -> dict[str, t.Any]:
    return {"immuta_redshift_config": standins.config(host=f"{name}.example.com", password="", **config)}


def test_each_cluster_is_judged_by_itself(check: Check, standins: Standins) -> None:
    seeds: dict[str, dict[str, t.Any]] = {
        "in_order": {},
        "disabled": {"status": "disabled"},
        "creation_failed": {"status": "createError"},
        "changed": {"config": {"port": 5440, "initialDatabase": "other"}},
        "changed_while_busy": {"status": "editing", "config": {"initialDatabase": "other"}},
        "busy": {"status": "editing"},
        "beyond_change": {"config": {"database": "other"}},
        "unwanted": {},
    }
    for name, seed in seeds.items():
        config = {**standins.config(host=f"{name.upper()}.example.com"), **seed.get("config", {})}
        standins.immuta.seed(**{**seed, "config": config})
    clusters = {name: variables(standins, name) for name in [*seeds, "missing"]}
    clusters["unwanted"]["immuta_redshift_state"] = "absent"
    clusters["nameless"] = {}

    status = check.run(clusters)

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
        "unwanted": ("drifted", "enabled", []),
        "missing": ("drifted", None, []),
        "nameless": ("failed", None, []),
    }
    assert (status, report["exit_code"]) == (2, 2)
    assert report["totals"] == {"clusters": 10, "drifted": 7, "failed": 1, "in_order": 1, "not_enabled": 1}
    assert "the database cannot be changed" in found["beyond_change"]["message"]
    assert "immuta_redshift_config" in found["nameless"]["message"]
    asked = [f"{request['method']} {request['path']}" for request in standins.immuta.requests()]
    assert asked == ["GET /integrations"] * 9


def test_an_error_status_is_no_drift_but_has_an_exit_code_of_its_own(check: Check, standins: Standins) -> None:
    standins.immuta.seed(
        status="recurringValidationError",
        validationResults={"status": "failed", "validationTests": [FAILED_TEST, {"name": "x", "status": "passed"}]},
        config=standins.config(host="ill.example.com"),
    )

    status = check.run({"ill": variables(standins, "ill")})

    report = check.report()
    assert (status, report["exit_code"]) == (0, 4)
    assert report["clusters"] == [
        {
            "name": "ill",
            "host": "ill.example.com",
            "result": "not_enabled",
            "status": "recurringValidationError",
            "differences": [],
            "failing_tests": [FAILED_TEST],
            "message": None,
        }
    ]
    assert stat.S_IMODE(check.report_file.stat().st_mode) == 0o600


def test_a_run_that_met_no_cluster_leaves_no_report_of_an_earlier_one(check: Check) -> None:
    check.report_file.write_text('{"exit_code": 0}', encoding="utf-8")

    check.run({"ill": {}}, "-e", "immuta_redshift_hosts=nobody")

    assert check.report()["exit_code"] == 2
