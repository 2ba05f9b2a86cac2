# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook configure_redshift on a fleet: the results of the role, with fewer requests."""

from __future__ import annotations

import json
import re
import typing as t

import pytest

from tests.support.playbooks import Run, Workspace, asked, temporary_script
from tests.support.standin import Standins

CONFIGURE = "immuta.integrations.configure_redshift"
ROLE = "immuta.integrations.immuta_redshift"
LOCAL = {"connection": "local", "gather_facts": False}


class Fleet:
    """A runner of plays for an inventory of existing clusters that reads the result fact of each host."""

    def __init__(self, workspace: Workspace, standins: Standins) -> None:
        self.workspace = workspace
        self.standins = standins
        self.facts: dict[str, t.Any] = {}
        self.failures: dict[str, str] = {}

    def seed(self, name: str, **record: t.Any) -> None:
        """Add the integration of a host's cluster to Immuta."""
        config = self.standins.config(host=f"{name}.example.com")
        self.standins.immuta.seed(**{**record, "config": {**config, **record.get("config", {})}})

    def host(self, name: str, config: dict[str, t.Any] | None = None, **variables: t.Any) -> dict[str, t.Any]:
        """Return the role's variables for the cluster of a host."""
        described = {**self.standins.config(host=f"{name}.example.com"), **(config or {})}
        return {"immuta_redshift_login": self.workspace.login, "immuta_redshift_config": described, **variables}

    def run(self, hosts: dict[str, t.Any], *plays: dict[str, t.Any], options: t.Sequence[str] = ()) -> Run:
        """Run plays; ``facts`` and ``failures`` are those of each host afterwards."""
        inventory, facts = self.workspace.directory / "inventory.json", self.workspace.directory / "facts.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
        fact = "immuta_redshift_integration"
        found = f"groups.all | map('extract', hostvars) | map(attribute='{fact}', default='none')"
        copy = {"content": f"{{{{ dict(groups.all | zip({found})) | to_json }}}}", "dest": str(facts), "mode": "0600"}
        report = {**LOCAL, "hosts": "localhost", "tasks": [{"ansible.builtin.copy": copy, "check_mode": False}]}
        playbook = self.workspace.directory / "fleet.json"
        playbook.write_text(json.dumps([*plays, report]), encoding="utf-8")
        run = self.workspace.play(str(playbook), "-i", str(inventory), *options)
        self.facts = json.loads(facts.read_text(encoding="utf-8"))
        fatal = re.findall(r"^fatal: \[([^] ]+)[^]]*\]: FAILED! => (\{.*\})$", run.output, re.MULTILINE)
        self.failures = {host: json.loads(failure)["msg"] for host, failure in fatal}
        return run

    def configure(self, hosts: dict[str, t.Any], *options: str) -> Run:
        """Run the playbook for all hosts."""
        play = {"import_playbook": CONFIGURE, "vars": {"immuta_redshift_hosts": "all"}}
        return self.run(hosts, play, options=options)

    def role(self, hosts: dict[str, t.Any], *options: str) -> Run:
        """Run only the role for all hosts."""
        python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
        return self.run(hosts, {**LOCAL, "hosts": "all", "vars": python, "roles": [ROLE]}, options=options)


@pytest.fixture
def fleet(workspace: Workspace, standins: Standins) -> Fleet:
    return Fleet(workspace, standins)


def every_kind(fleet: Fleet) -> dict[str, t.Any]:
    """A fleet with a host of every kind, the first with invalid variables."""
    bootstrap = fleet.standins.bootstrap
    privileged = {"username": bootstrap.user, "password": bootstrap.password}
    automatic = {"immuta_redshift_setup": "automatic"}
    hosts = {
        "first": fleet.host("first", ansible_connection="{{ nobody }}"),
        "same": fleet.host("same"),
        "upper": fleet.host("UPPER"),
        "text": fleet.host("text"),
        "ill": fleet.host("ill"),
        "gone": fleet.host("gone", immuta_redshift_state="absent"),
        "cleanup": fleet.host("cleanup", immuta_redshift_state="absent", immuta_redshift_on_partial="cleanup"),
        "busy": fleet.host("busy", immuta_redshift_wait=False),
        "secrets": fleet.host("secrets", privileged, immuta_redshift_update_secrets="always", **automatic),
        "changed": fleet.host("changed", {**privileged, "initialDatabase": "new"}, **automatic),
        "left": fleet.host("left"),
        "password": fleet.host("password", {"password": "{{ nobody }}"}),
        "login": {**fleet.host("login"), "immuta_redshift_login": "{{ nobody }}"},
        "choice": fleet.host("choice", immuta_redshift_on_partial="sometimes"),
        "time": fleet.host("time", immuta_redshift_wait_timeout=-1),
        "beyond": fleet.host("beyond", {"database": "other"}),
        "nameless": {},
        "elsewhere_1": fleet.host("same", immuta_redshift_api={"url": f"{fleet.standins.immuta.url}/gone"}),
        "elsewhere_2": fleet.host("same", immuta_redshift_api={"url": f"{fleet.standins.immuta.url}/gone"}),
        "unreachable_1": fleet.host("same", immuta_redshift_api={"url": "http://127.0.0.1:1", "retries": 0}),
        "unreachable_2": fleet.host("same", immuta_redshift_api={"url": "http://127.0.0.1:1", "retries": 0}),
        "python": fleet.host("python", ansible_become=True, ansible_become_method="nonexistent"),
    }
    hosts["text"]["immuta_redshift_config"] = json.dumps(hosts["text"]["immuta_redshift_config"])
    special: dict[str, dict[str, t.Any]] = {
        "ill": {
            "status": "recurringValidationError",
            "validationResults": {
                "status": "failed",
                "validationTests": [{"name": "x", "status": "failed", "message": "{{ 7 * 7 }} 'quoted' \"twice\""}],
            },
        },
        "busy": {"status": "editing"},
        "secrets": {"autoBootstrap": True},
        "changed": {"autoBootstrap": True},
    }
    fleet.standins.reset()
    redshift = fleet.standins.redshift
    fleet.standins.immuta.set(hosts={f"{name}.example.com": (redshift.host, redshift.port) for name in hosts})
    for name in hosts:
        if name not in ("gone", "cleanup", "nameless") and "immuta_redshift_api" not in hosts[name]:
            fleet.seed(name, **special.get(name, {}))
    leave_script(fleet)
    return hosts


def leave_script(fleet: Fleet) -> None:
    """Leave a script of the host "left", as a killed run does."""
    left = temporary_script(fleet.workspace, "create", host="left.example.com")
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text("SELECT 1;", encoding="utf-8")


def test_fleet_results_equal_those_of_the_role(fleet: Fleet) -> None:
    alone = fleet.role(every_kind(fleet))
    facts, failures = fleet.facts, fleet.failures
    writes = sorted(one for one in asked(fleet.standins) if not one.startswith("GET"))
    lists = asked(fleet.standins).count("GET /integrations")

    run = fleet.configure(every_kind(fleet))

    assert fleet.facts == facts
    assert fleet.failures == failures
    assert run.status == alone.status
    assert sorted(one for one in asked(fleet.standins) if not one.startswith("GET")) == writes
    in_sync = ["same", "upper", "text", "ill", "gone"]
    assert asked(fleet.standins).count("GET /integrations") == lists - len(in_sync) + 1


def pair(fleet: Fleet) -> dict[str, t.Any]:
    """Two hosts with clusters in sync."""
    for name in ("one", "two"):
        fleet.seed(name)
    return {name: fleet.host(name) for name in ("one", "two")}


def test_fleet_in_sync_is_one_request(fleet: Fleet) -> None:
    """In check mode, the script of a killed run stays, so that host is in sync too."""
    fleet.workspace.environment.update(ANSIBLE_STRATEGY="free", ANSIBLE_ANY_ERRORS_FATAL="true")
    hosts = {**pair(fleet), "left": fleet.host("left")}
    fleet.seed("left")
    leave_script(fleet)

    run = fleet.configure(hosts, "--check")

    assert run.succeeded, run.output
    assert asked(fleet.standins) == ["GET /integrations"]
    assert [fleet.facts[name]["host"] for name in hosts] == [f"{name}.example.com" for name in hosts]
    assert re.findall(r"^(one|two|left) .*failed=0", run.output, re.MULTILINE) == sorted(hosts)


def test_role_runs_for_drifted_hosts_only(fleet: Fleet) -> None:
    """Also for a host with the name of a group, which a pattern cannot exclude alone."""
    hosts = {**pair(fleet), "named": fleet.host("named")}
    fleet.seed("named")
    hosts["gone"] = fleet.host("gone", immuta_redshift_state="absent", immuta_redshift_on_partial="cleanup")
    groups = fleet.workspace.directory / "groups.json"
    groups.write_text(json.dumps({"named": {"hosts": {"named": {}, "gone": {}}}}), encoding="utf-8")

    run = fleet.configure(hosts, "-i", str(groups))

    assert run.succeeded, run.output
    assert asked(fleet.standins) == ["GET /integrations"] * 3
    planned = run.output.partition("plan the run]")[2].partition("TASK")[0]
    assert sorted(re.findall(r"^ok: \[(\w+)\]", planned, re.MULTILINE)) == ["gone", "named"]
    assert [fleet.facts[name]["host"] for name in hosts] == [f"{name}.example.com" for name in hosts]


def test_single_host_is_one_request(fleet: Fleet) -> None:
    run = fleet.configure(pair(fleet), "--limit", "localhost,two")

    assert run.succeeded, run.output
    assert asked(fleet.standins) == ["GET /integrations"]
    assert [fleet.facts["one"], fleet.facts["two"]["host"]] == ["none", "two.example.com"]


def test_modules_in_their_own_process_compare_alone(fleet: Fleet) -> None:
    fleet.workspace.environment["IMMUTA_IN_PROCESS"] = "false"

    run = fleet.configure(pair(fleet))

    assert run.succeeded, run.output
    assert asked(fleet.standins) == ["GET /integrations"] * 2


def test_second_import_compares_again(fleet: Fleet) -> None:
    hosts = pair(fleet)
    first = {"import_playbook": CONFIGURE, "vars": {"immuta_redshift_hosts": "all"}}
    privileged = {"immuta_redshift_state": "absent", "immuta_redshift_on_partial": "cleanup"}
    again = {"import_playbook": CONFIGURE, "vars": {"immuta_redshift_hosts": "all", **privileged}}
    single = {"import_playbook": CONFIGURE, "vars": {"immuta_redshift_hosts": "one", **privileged}}

    run = fleet.run(hosts, first, single, again, options=["--check"])

    assert run.succeeded, run.output
    assert [fleet.facts[name]["action"] for name in hosts] == ["delete", "delete"]
