# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A runner with a checkout of the example in docs/examples/pipeline, and a tenant with its two clusters."""

from __future__ import annotations

import json
import os
import pathlib
import sys
import typing as t

import yaml

from tests.support.paths import COLLECTIONS, ROOT
from tests.support.playbooks import ended, environment

EXAMPLE = ROOT / "docs" / "examples" / "pipeline"


class Job(t.NamedTuple):
    """A finished job."""

    name: str
    status: int
    log: str


class Runner:
    """A runner of the jobs in a .gitlab-ci.yml, with the project's variables and the event.

    The ``script`` of a job runs unchanged. The installations in ``before_script`` are skipped.
    """

    def __init__(self, checkout: pathlib.Path, home: pathlib.Path, variables: dict[str, str]) -> None:
        self.checkout = checkout
        self.variables = variables
        self.pipeline: dict[str, t.Any] = yaml.safe_load((checkout / ".gitlab-ci.yml").read_text(encoding="utf-8"))
        self._environment = {
            **environment(home, ANSIBLE_COLLECTIONS_PATH=str(COLLECTIONS)),
            "PATH": os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]]),
            "CI_DEFAULT_BRANCH": "main",
            **self.pipeline["variables"],
        }

    def scripts(self, **event: str) -> dict[str, list[str]]:
        """Return the scripts of the jobs after an event, in the order of their stages."""
        given = {"CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BRANCH": "", **event}
        jobs = [(name, job) for name, job in self.pipeline.items() if isinstance(job, dict) and "script" in job]
        jobs.sort(key=lambda item: self.pipeline["stages"].index(item[1]["stage"]))
        return {name: job["script"] for name, job in jobs if any(holds(rule["if"], given) for rule in job["rules"])}

    def run(self, start_with: str | None = None, stop_after: str | None = None, **event: str) -> list[Job]:
        """Run the pipeline after an event, with manual jobs, up to the first failure."""
        done: list[Job] = []
        jobs = list(self.scripts(**event).items())
        names = [name for name, _script in jobs]
        first = names.index(start_with) if start_with else 0
        last = names.index(stop_after) if stop_after else len(names)
        for name, script in jobs[first : last + 1]:
            done.append(self._job(name, script, event))
            if done[-1].status:
                break
        return done

    def _job(self, name: str, script: list[str], event: dict[str, str]) -> Job:
        command = ["bash", "-e", "-o", "pipefail", "-c", "\n".join(script)]
        job = ended(command, {**self._environment, **self.variables, **event}, self.checkout)
        return Job(name, job.status, job.output)

    def report(self) -> dict[str, t.Any]:
        """Return the report of the drift check."""
        return json.loads((self.checkout / "drift.json").read_text(encoding="utf-8"))


def holds(rule: str, variables: dict[str, str]) -> bool:
    """Return whether an ``if`` with only ``==`` and ``&&`` is true."""

    def value(word: str) -> str:
        return variables[word[1:]] if word.startswith("$") else word.strip('"')

    sides = [term.split(" == ") for term in rule.split(" && ")]
    return all(value(left) == value(right) for left, right in sides)
