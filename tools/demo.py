# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.demo``: the lifecycle of an integration on the stand-ins, step by step, with checks."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import typing as t

import requests

from tests.support.by_hand import payload, run_by_hand
from tests.support.paths import COLLECTIONS
from tests.support.playbooks import environment, program
from tests.support.standin import Standins, scripts

TASK = re.compile(r"^TASK \[(?:[\w.]+ : )?(.*)\] \**$", re.MULTILINE)
INCLUDED = re.compile(r"^included: .*\n?", re.MULTILINE)
GROUP = "immuta_impersonation"


def condensed(output: str) -> t.Iterator[str]:
    """Return the output of ansible-playbook without the tasks that only include others."""
    play, separator, recap = output.partition("PLAY RECAP")
    if not separator:
        yield from output.splitlines()
        return
    parts = TASK.split(play)[1:]
    for name, result in zip(parts[::2], parts[1::2], strict=True):
        lines = INCLUDED.sub("", result).strip().splitlines()
        if not lines or name.startswith(("Set the fact", "Validating arguments")):
            continue
        if len(lines) == 1:
            yield f"{name}: {lines[0].partition(':')[0]}"
        else:
            yield f"{name}:"
            yield from (f"    {line}" for line in lines)
    yield "recap " + " ".join(recap.replace("*", "").split())


class Tour:
    """A runner of playbooks against the stand-ins that prints the changes."""

    def __init__(self, standins: Standins, directory: pathlib.Path) -> None:
        self._standins = standins
        self._variables = directory / "cluster.yml"
        self._environment = {
            **os.environ,
            **environment(directory, **standins.environment()),
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
            "ANSIBLE_HOME": str(directory / "ansible"),
        }
        self.failures: list[str] = []

    def describe(self, config: dict[str, t.Any]) -> None:
        """Write the variables with the desired state of the cluster."""
        variables = {
            "immuta_redshift_config": config,
            "immuta_redshift_login": self._standins.login(),
        }
        self._variables.touch(0o600)
        self._variables.write_text(json.dumps(variables), encoding="utf-8")

    def step(self, title: str) -> None:
        """Print the title of a step."""
        print(f"\n=== {title}\n", flush=True)

    def play(self, name: str, *options: str) -> int:
        """Run a playbook, print its tasks and the requests to Immuta, and return the number of changed tasks."""
        self._standins.immuta.clear_requests()
        playbook = f"immuta.integrations.{name}_redshift"
        print("  $ ansible-playbook", playbook, "-e @cluster_vars.yml", *options, flush=True)
        run = subprocess.run(
            [program("ansible-playbook"), playbook, "-e", f"@{self._variables}", *options],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        for line in condensed(run.stdout):
            print("   ", line)
        requests_sent = [f"{request['method']} {request['path']}" for request in self._standins.immuta.requests()]
        print("  Requests to Immuta:", ", ".join(requests_sent) or "none", flush=True)
        recap = re.search(r"changed=(\d+).*failed=0", run.stdout)
        if run.returncode != 0 or recap is None:
            print(run.stderr, file=sys.stderr)
            self.failures.append(f"{name} ended with exit status {run.returncode}")
            return -1
        return int(recap.group(1))

    def show(self) -> dict[str, t.Any]:
        """Print the current state of Immuta and of the database; return the latter."""
        for record in self._standins.immuta.records() or [None]:
            state = "integration {id} on {config[host]}, {status}".format(**record) if record else "no integration"
            print(f"  Immuta: {state}")
        catalog = self._standins.catalog()
        for kind in ("databases", "users", "groups"):
            print(f"  Redshift {kind}: {', '.join(catalog[kind]) or 'none'}")
        if catalog["schemas"].get("immuta"):
            print(f"  Schemas of the database immuta: {', '.join(catalog['schemas']['immuta'])}")
        sys.stdout.flush()
        return catalog

    def expect(self, holds: bool, what: str) -> None:
        """Print the result of a check, and record a failure."""
        print(f"  {'ok' if holds else 'FAILED'}: {what}", flush=True)
        if not holds:
            self.failures.append(what)


def meddle(standins: Standins, config: dict[str, t.Any]) -> None:
    """Enable impersonation by hand as documented: run the edit script, then PUT."""
    changed = {**config, "impersonation": {"enabled": True, "role": GROUP}}
    run_by_hand(standins, scripts.edit(config, changed), "immuta")
    reply = requests.put(
        f"{standins.immuta.url}/integrations/1",
        json=payload(changed),
        headers={"Authorization": standins.immuta.api_key},
        timeout=10,
    )
    reply.raise_for_status()


def walk(tour: Tour, standins: Standins) -> None:
    """Run all steps and record failed checks."""
    config = standins.config(impersonation={"enabled": False})
    tour.describe(config)
    tour.step("An empty tenant and a new cluster (stand-ins on this machine)")
    before = tour.show()

    tour.step("1. Set up the cluster: requirements, scripts, SQL, registration")
    changed = tour.play("configure")
    after = tour.show()
    statuses = [record["status"] for record in standins.immuta.records()]
    tour.expect(changed > 0 and statuses == ["enabled"], "the integration is enabled")

    tour.step("2. Run the playbook again")
    changed = tour.play("configure")
    tour.expect(changed == 0 and len(standins.immuta.requests()) == 1, "changed=0, one request")

    tour.step("3. Enable impersonation by hand, and preview the next run")
    meddle(standins, config)
    drifted = tour.show()
    changed = tour.play("configure", "--check", "--diff")
    tour.expect(changed > 0 and standins.catalog() == drifted, "check mode reports the drift and changes nothing")

    tour.step("4. Revert the drift")
    changed = tour.play("configure")
    tour.expect(changed > 0 and tour.show() == after, "the cluster is in sync")
    tour.expect(tour.play("configure") == 0, "second run: changed=0")

    tour.step("5. Remove the cluster")
    changed = tour.play("remove")
    end = tour.show()
    tour.expect(changed > 0 and standins.immuta.records() == [], "Immuta has no integration")
    tour.expect(end["users"] == before["users"] and end["groups"] == before["groups"], "users and groups are as before")
    tour.expect(tour.play("remove") == 0, "second run: changed=0")


def main() -> int:
    """Return 0 if every check passed."""
    with tempfile.TemporaryDirectory(prefix="immuta-demo-") as directory, Standins() as standins:
        tour = Tour(standins, pathlib.Path(directory))
        walk(tour, standins)
    print()
    if tour.failures:
        print("Demo failed:", "; ".join(tour.failures), file=sys.stderr)
        return 1
    print("Demo passed. Both stand-ins are stopped, and their files are deleted. The environment stays in .venv.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
