# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.demo``: the life of an integration against the stand-ins, step by step, judged from outside."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import typing as t

import psycopg
import requests

from tests.support.paths import COLLECTIONS
from tests.support.playbooks import environment, program
from tests.support.standin import Standins, scripts

PLAYBOOKS = {
    "configure": "immuta.integrations.configure_redshift",
    "remove": "immuta.integrations.remove_redshift",
}
TASK = re.compile(r"^TASK \[(?:[\w.]+ : )?(.*)\] \**$", re.MULTILINE)
INCLUDED = re.compile(r"^included: .*\n?", re.MULTILINE)
GROUP = "immuta_impersonation"


def condensed(output: str) -> t.Iterator[str]:
    """What ansible-playbook prints, less the tasks that only lead to others."""
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
    """Runs playbooks against the stand-ins and says what they changed there."""

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
        """Write the variables that say how the cluster shall be."""
        variables = {
            "immuta_redshift_config": config,
            "immuta_redshift_login": {
                "login_host": self._standins.redshift.host,
                "login_port": self._standins.redshift.port,
                "ssl_mode": "disable",
            },
        }
        self._variables.touch(0o600)
        self._variables.write_text(json.dumps(variables), encoding="utf-8")

    def step(self, title: str) -> None:
        """Begin a chapter."""
        print(f"\n=== {title}\n", flush=True)

    def play(self, name: str, *options: str) -> int:
        """Run a playbook, show what it did and what Immuta was asked, and return how many tasks changed something."""
        self._standins.immuta.clear_requests()
        print("  $ ansible-playbook", PLAYBOOKS[name], "-e @cluster.yml", *options, flush=True)
        run = subprocess.run(
            [
                program("ansible-playbook"),
                PLAYBOOKS[name],
                "-e",
                f"@{self._variables}",
                *options,
            ],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        for line in condensed(run.stdout):
            print("   ", line)
        asked = [f"{request['method']} {request['path']}" for request in self._standins.immuta.requests()]
        print("  Immuta was asked", ", ".join(asked) or "nothing", flush=True)
        recap = re.search(r"changed=(\d+).*failed=0", run.stdout)
        if run.returncode != 0 or recap is None:
            print(run.stderr, file=sys.stderr)
            self.failures.append(f"{name} ended with exit status {run.returncode}")
            return -1
        return int(recap.group(1))

    def show(self) -> dict[str, t.Any]:
        """Say what stands in Immuta and in the database; return the latter."""
        for record in self._standins.immuta.records() or [None]:
            what = "integration {id} on {config[host]}, {status}".format(**record) if record else "nothing"
            print(f"  Immuta has {what}")
        catalog = self._standins.catalog()
        for kind in ("databases", "users", "groups"):
            print(f"  Redshift has the {kind} {', '.join(catalog[kind]) or '(none)'}")
        if catalog["schemas"].get("immuta"):
            print(f"  In the database immuta are the schemas {', '.join(catalog['schemas']['immuta'])}")
        sys.stdout.flush()
        return catalog

    def expect(self, holds: bool, what: str) -> None:
        """Note a promise of the demonstration that does not hold."""
        print(f"  {'ok' if holds else 'NOT SO'}: {what}", flush=True)
        if not holds:
            self.failures.append(what)


def meddle(standins: Standins, config: dict[str, t.Any]) -> None:
    """What somebody does who turns impersonation on by hand as documented: run the edit script, then PUT."""
    changed = {**config, "impersonation": {"enabled": True, "role": GROUP}}
    login = {"user": standins.bootstrap.user, "password": standins.bootstrap.password}
    address = {"host": standins.redshift.host, "port": standins.redshift.port}
    with psycopg.connect(dbname="immuta", autocommit=True, **address, **login) as session:
        for statement in scripts.edit(config, changed):
            session.execute(statement.encode())
    reply = requests.put(
        f"{standins.immuta.url}/integrations/1",
        json={"type": "Redshift", "autoBootstrap": False, "config": changed},
        headers={"Authorization": standins.immuta.api_key},
        timeout=10,
    )
    reply.raise_for_status()


def walk(tour: Tour, standins: Standins) -> None:
    """Go through it all, noting what does not come out as promised."""
    config = standins.config(impersonation={"enabled": False})
    tour.describe(config)
    tour.step("An empty tenant and a new cluster (stand-ins on this machine)")
    before = tour.show()

    tour.step("1. Put the cluster under Immuta: requirements, scripts, SQL, registration")
    changed = tour.play("configure")
    after = tour.show()
    statuses = [record["status"] for record in standins.immuta.records()]
    tour.expect(changed > 0 and statuses == ["enabled"], "the integration is enabled")

    tour.step("2. The same again")
    changed = tour.play("configure")
    tour.expect(changed == 0 and len(standins.immuta.requests()) == 1, "changed=0, and one request")

    tour.step("3. Somebody turns impersonation on by hand: what would the next run do about it?")
    meddle(standins, config)
    drifted = tour.show()
    changed = tour.play("configure", "--check", "--diff")
    tour.expect(changed > 0 and standins.catalog() == drifted, "check mode says so and changes nothing")

    tour.step("4. The next run")
    changed = tour.play("configure")
    tour.expect(changed > 0 and tour.show() == after, "all is as it was described")
    tour.expect(tour.play("configure") == 0, "the same again: changed=0")

    tour.step("5. Take the cluster out of Immuta")
    changed = tour.play("remove")
    end = tour.show()
    tour.expect(changed > 0 and standins.immuta.records() == [], "Immuta has no integration")
    tour.expect(end["users"] == before["users"] and end["groups"] == before["groups"], "users and groups are as before")
    tour.expect(tour.play("remove") == 0, "the same again: changed=0")


def main() -> int:
    """0 when everything came out as promised."""
    with tempfile.TemporaryDirectory(prefix="immuta-demo-") as directory, Standins() as standins:
        tour = Tour(standins, pathlib.Path(directory))
        walk(tour, standins)
    print()
    if tour.failures:
        print("Not as promised:", "; ".join(tour.failures), file=sys.stderr)
        return 1
    print("All came out as promised. Both stand-ins are stopped, and nothing is left.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
