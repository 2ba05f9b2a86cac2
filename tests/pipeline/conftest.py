# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A runner with a checkout of the example in docs/examples/pipeline, and a tenant with its two clusters."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import sys
import typing as t

import pytest
import yaml
from psycopg import sql

from tests.flows.conftest import ended
from tests.standin import Standins
from tests.standin.postgres import Postgres
from tests.standin.relay import Relay

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "pipeline"


@pytest.fixture(scope="session")
def standins() -> t.Iterator[Standins]:
    with Standins() as standins:
        yield standins


@pytest.fixture(scope="session")
def second_cluster(standins: Standins) -> t.Iterator[tuple[Postgres, Relay]]:
    """Another cluster, with the same account to set it up."""
    login = standins.bootstrap
    with Postgres() as postgres, Relay(postgres.port) as relay:
        postgres.create_user(login.user, login.password, createdb=True, createrole=True)
        yield postgres, relay


class Job(t.NamedTuple):
    """A job that has ended."""

    name: str
    status: int
    log: str


class Runner:
    """Runs the jobs of a .gitlab-ci.yml in a checkout, as the project's variables and the event have it.

    A job's ``script`` runs as written. What installs things, ``before_script``, has been done before.
    """

    def __init__(self, checkout: pathlib.Path, home: pathlib.Path, variables: dict[str, str]) -> None:
        self.checkout = checkout
        self.variables = variables
        self.pipeline: dict[str, t.Any] = yaml.safe_load((checkout / ".gitlab-ci.yml").read_text(encoding="utf-8"))
        self._environment = {
            "PATH": os.pathsep.join([str(pathlib.Path(sys.executable).parent), os.environ["PATH"]]),
            "HOME": str(home),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
            "CI_DEFAULT_BRANCH": "main",
            **self.pipeline["variables"],
        }

    def scripts(self, **event: str) -> dict[str, list[str]]:
        """The scripts of the jobs that run after an event, in the order of their stages."""
        given = {"CI_DEFAULT_BRANCH": "main", "CI_COMMIT_BRANCH": "", **event}
        jobs = [(name, job) for name, job in self.pipeline.items() if isinstance(job, dict) and "script" in job]
        jobs.sort(key=lambda item: self.pipeline["stages"].index(item[1]["stage"]))
        return {name: job["script"] for name, job in jobs if any(holds(rule["if"], given) for rule in job["rules"])}

    def run(self, **event: str) -> list[Job]:
        """Run the pipeline after an event, up to the first job that fails."""
        done: list[Job] = []
        for name, script in self.scripts(**event).items():
            done.append(self._job(name, script, event))
            if done[-1].status:
                break
        return done

    def _job(self, name: str, script: list[str], event: dict[str, str]) -> Job:
        command = ["bash", "-e", "-o", "pipefail", "-c", "\n".join(script)]
        job = ended(command, {**self._environment, **self.variables, **event}, self.checkout)
        return Job(name, job.status, job.output)

    def report(self) -> dict[str, t.Any]:
        """The report of the drift check."""
        return json.loads((self.checkout / "drift.json").read_text(encoding="utf-8"))


def holds(rule: str, variables: dict[str, str]) -> bool:
    """Whether an ``if`` holds that has nothing but ``==`` and ``&&``."""

    def value(word: str) -> str:
        return variables[word[1:]] if word.startswith("$") else word.strip('"')

    sides = [term.split(" == ") for term in rule.split(" && ")]
    return all(value(left) == value(right) for left, right in sides)


@pytest.fixture
def runner(tmp_path: pathlib.Path, standins: Standins) -> Runner:
    """The stand-ins as they began, and a checkout whose project has the variables for them."""
    standins.reset()
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    shutil.copytree(EXAMPLE, checkout)
    home.mkdir()
    names = ("IMMUTA_URL", "IMMUTA_API_KEY", "REDSHIFT_USER", "REDSHIFT_PASSWORD")
    variables = {name: standins.environment()[name] for name in names}
    for host in ("FINANCE", "SALES"):
        variables[f"IMMUTA_PASSWORD_{host}"] = f"{host.title()}-Pa55word"
    return Runner(checkout, home, variables)


@pytest.fixture
def clusters(runner: Runner, standins: Standins, second_cluster: tuple[Postgres, Relay]) -> list[Postgres]:
    """The two clusters of the inventory, at the addresses of the stand-ins instead of their own, and without TLS."""
    postgres, relay = second_cluster
    user = standins.bootstrap.user
    postgres.reset(keep_users=[user])
    postgres.run(sql.SQL("GRANT CREATE ON DATABASE dev TO {}").format(sql.Identifier(user)))
    inventory = yaml.safe_load((runner.checkout / "inventory.yml").read_text(encoding="utf-8"))
    (runner.checkout / "host_vars").mkdir()
    addresses = {}
    for (name, variables), address in zip(
        inventory["redshift"]["hosts"].items(), (standins.redshift, relay), strict=True
    ):
        login = {"login_host": address.host, "login_port": address.port, "ssl_mode": "disable"}
        with (runner.checkout / "host_vars" / f"{name}.yml").open("w", encoding="utf-8") as file:
            yaml.safe_dump({"immuta_redshift_login": login}, file, explicit_start=True)
        addresses[variables["cluster_host"]] = (address.host, address.port)
    standins.immuta.set(hosts=addresses)
    return [standins.postgres, postgres]
