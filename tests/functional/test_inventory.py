# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin in ansible-inventory and playbooks."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml

from tests.support.playbooks import Run, Workspace, asked, ended, program
from tests.support.standin import Standins


class Inventory:
    """A file for the plugin, and a tenant with three integrations in use."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.file = workspace.directory / "tenant.immuta.yml"
        self.cache = workspace.directory / "cache"
        immuta = workspace.standins.immuta
        immuta.seed(
            config={
                **workspace.standins.config(host="Sales.example.com"),
                "impersonation": {"enabled": False},
                "port": 5439,
            }
        )
        immuta.seed(status="createError", autoBootstrap=True, config=workspace.standins.config(host="hr.example.com"))
        immuta.seed(type="Starburst (Trino)", config={"immutaApiKey": "Trino-Secret-1"})
        immuta.seed(status="disabled", config=workspace.standins.config(host="gone.example.com"))
        immuta.seed(status="deleting", config=workspace.standins.config(host="going.example.com"))
        immuta.clear_requests()

    def write(self, **options: t.Any) -> None:
        self.file.write_text(yaml.safe_dump({"plugin": "immuta.integrations.tenant", **options}), encoding="utf-8")

    def run(self, *arguments: str, **options: t.Any) -> Run:
        self.write(**options)
        environment = {**self.workspace.environment, "ANSIBLE_INVENTORY_UNPARSED_FAILED": "true"}
        return ended([program("ansible-inventory"), "-i", self.file, *arguments], environment, self.workspace.directory)

    def hosts(self, **options: t.Any) -> dict[str, dict[str, t.Any]]:
        return json.loads(self.run("--list", **options).output)["_meta"]["hostvars"]


@pytest.fixture
def inventory(workspace: Workspace) -> Inventory:
    return Inventory(workspace)


def test_inventory_graph_of_a_tenant(inventory: Inventory, standins: Standins) -> None:
    graph = inventory.run("--graph").output

    assert (
        graph.split("\n", 1)[1]
        == """\
  |--@ungrouped:
  |--@immuta_type_redshift:
  |  |--sales.example.com
  |  |--hr.example.com
  |--@immuta_status_enabled:
  |  |--sales.example.com
  |  |--starburst_trino-3
  |--@immuta_setup_manual:
  |  |--sales.example.com
  |  |--starburst_trino-3
  |--@immuta_status_create_error:
  |  |--hr.example.com
  |--@immuta_setup_automatic:
  |  |--hr.example.com
  |--@immuta_type_starburst_trino:
  |  |--starburst_trino-3
"""
    )
    assert asked(standins) == ["GET /integrations"]


def test_hosts_are_cached_without_secrets_until_flushed(inventory: Inventory, standins: Standins) -> None:
    options = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(inventory.cache)}
    shown = inventory.run("--list", **options).output

    hosts = json.loads(shown)["_meta"]["hostvars"]
    variables = hosts["sales.example.com"]
    assert variables["immuta_redshift_setup"] == "manual"
    assert variables["immuta_redshift_config"] == {
        "authentication_type": "userPassword",
        "database": "immuta",
        "host": "Sales.example.com",
        "impersonation": {"enabled": False},
        "initial_database": "dev",
        "port": 5439,
    }
    assert (variables["immuta_id"], variables["immuta_status"]) == ("1", "enabled")
    cached = "".join(file.read_text(encoding="utf-8") for file in inventory.cache.iterdir())
    assert "starburst" in shown.lower()
    assert "Starburst" in cached
    assert [secret for secret in ("Trino-Secret-1", standins.immuta.api_key) if secret in shown + cached] == []

    assert inventory.hosts(**options) == hosts
    assert asked(standins) == ["GET /integrations"]

    run = inventory.workspace.tasks(options=["-i", str(inventory.file), "--flush-cache"])
    assert run.succeeded, run.output
    assert asked(standins) == ["GET /integrations"] * 2


def test_filters_compose_and_groups(inventory: Inventory) -> None:
    environment = inventory.workspace.environment
    environment["MY_KEY"] = environment.pop("IMMUTA_API_KEY")
    listed = json.loads(
        inventory.run(
            "--list",
            api_key="{{ lookup('ansible.builtin.env', 'MY_KEY') }}",
            filters=[
                {"exclude": "immuta_status == 'createError'"},
                {"include": "immuta_type == 'Redshift'"},
                {"exclude": True},
            ],
            compose={"cluster": "immuta_redshift_config.host.split('.')[0]"},
            keyed_groups=[{"key": "immuta_redshift_config.database", "prefix": "database"}],
            groups={"healthy": "immuta_status == 'enabled'"},
        ).output
    )

    assert list(listed["_meta"]["hostvars"]) == ["sales.example.com"]
    # ansible-inventory marks the result of an expression since ansible-core 2.19.
    assert listed["_meta"]["hostvars"]["sales.example.com"]["cluster"] in ("Sales", {"__ansible_unsafe": "Sales"})
    assert listed["database_immuta"]["hosts"] == listed["healthy"]["hosts"] == ["sales.example.com"]


def test_inventory_errors(inventory: Inventory) -> None:
    """Each file of a run has one error; a file with another name is not read."""
    errors: dict[str, dict[str, t.Any]] = {
        "Could not set x for host": {"strict": True, "compose": {"x": "nobody.x"}},
        "Filter 1, exclude: nobody, fails for": {"filters": [{"exclude": "nobody"}]},
        "Filter 1 must have one key, include or exclude": {"filters": [{"only": "true"}]},
        "is plain http": {"url": "http://tenant.example.com"},
        "The option api_key is empty": {"api_key": "{{ lookup('ansible.builtin.env', 'NO_SUCH_KEY') }}"},
        "HTTP 401": {"api_key": "wrong"},
    }
    more = []
    for number, options in enumerate(errors.values()):
        inventory.file = inventory.workspace.directory / f"{number}.immuta.yml"
        inventory.write(**options)
        more += ["-i", str(inventory.file)]
    inventory.file = inventory.workspace.directory / "tenant.yml"

    run = inventory.run("--list", *more)

    assert run.status != 0
    output = "".join(run.output.split())  # Ansible wraps a warning anywhere, even in a path.
    expected = [*errors, "tenant.yml' could not be verified by"]
    assert [error for error in expected if error.replace(" ", "") not in output] == []
    assert "Traceback" not in output


def test_values_of_immuta_are_not_templates(inventory: Inventory, standins: Standins) -> None:
    text = "{{ lookup('ansible.builtin.env', 'HOME') }}"
    standins.immuta.seed(config=standins.config(host="evil.example.com", database=text))
    inventory.write()
    playbook = inventory.workspace.directory / "show.json"
    task = {"ansible.builtin.debug": {"msg": "{{ immuta_redshift_config.database }}"}}
    play = {"hosts": "immuta_type_redshift", "connection": "local", "gather_facts": False, "tasks": [task]}
    playbook.write_text(json.dumps([play]), encoding="utf-8")

    run = inventory.workspace.play(str(playbook), "-i", str(inventory.file), "--limit", "evil.example.com")

    assert run.succeeded, run.output
    assert "lookup(" in run.output


def test_adopted_tenant_is_in_sync(inventory: Inventory, standins: Standins) -> None:
    inventory.write(filters=[{"include": "inventory_hostname == 'sales.example.com'"}, {"exclude": True}])
    options = ("-i", str(inventory.file))

    drift = inventory.workspace.play("immuta.integrations.check_drift", *options, immuta_redshift_hosts="all")
    adopted = inventory.workspace.play("immuta.integrations.configure_redshift", *options, immuta_redshift_hosts="all")

    assert "1 cluster: 1 in sync" in drift.output
    assert (adopted.status, adopted.changed) == (0, 0), adopted.output
    assert standins.immuta.writes == []


def test_policy_for_all_clusters(inventory: Inventory) -> None:
    policy = "immuta_redshift_config | combine({'impersonation': {'enabled': true}})"
    inventory.write(compose={"immuta_redshift_config": policy})

    drift = inventory.workspace.play(
        "immuta.integrations.check_drift", "-i", str(inventory.file), immuta_redshift_hosts="immuta_type_redshift"
    )

    assert "impersonation.enabled: desired true, current false" in drift.output
