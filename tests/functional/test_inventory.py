# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin in ansible-inventory and playbooks."""

from __future__ import annotations

import json
import pathlib
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

    def hosts(self, *arguments: str, **options: t.Any) -> dict[str, dict[str, t.Any]]:
        return json.loads(self.run("--list", *arguments, **options).output)["_meta"]["hostvars"]


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


def test_hosts_have_the_variables_of_the_role(inventory: Inventory) -> None:
    variables = inventory.hosts()["sales.example.com"]

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


def test_no_secret_in_output_or_cache(inventory: Inventory) -> None:
    options = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(inventory.cache)}
    shown = inventory.run("--list", **options).output

    cached = "".join(file.read_text(encoding="utf-8") for file in inventory.cache.iterdir())
    assert "starburst" in shown.lower()
    assert "Starburst" in cached
    assert not [
        secret for secret in ("Trino-Secret-1", inventory.workspace.standins.immuta.api_key) if secret in shown + cached
    ]


def test_cache_is_used_until_flushed(inventory: Inventory, standins: Standins) -> None:
    options = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(inventory.cache)}

    assert inventory.hosts(**options) == inventory.hosts(**options)
    assert asked(standins) == ["GET /integrations"]

    inventory.hosts("--flush-cache", **options)
    assert asked(standins) == ["GET /integrations"] * 2


def test_filters_compose_and_groups(inventory: Inventory) -> None:
    listed = json.loads(
        inventory.run(
            "--list",
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


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strict": True, "compose": {"x": "nobody.x"}}, "Could not set x for host"),
        ({"filters": [{"exclude": "nobody"}]}, "Filter 1, exclude: nobody, fails for"),
        ({"filters": [{"only": "true"}]}, "Filter 1 must have one key, include or exclude"),
        ({"url": "http://tenant.example.com"}, "is plain http"),
        ({"api_key": "{{ lookup('ansible.builtin.env', 'NO_SUCH_KEY') }}"}, "The option api_key is empty"),
        ({"api_key": "wrong"}, "HTTP 401"),
    ],
)
def test_inventory_errors(inventory: Inventory, options: dict[str, t.Any], said: str) -> None:
    run = inventory.run("--list", **options)

    assert run.status != 0
    assert said in " ".join(run.output.split())
    assert "Traceback" not in run.output


def test_options_can_be_templates(inventory: Inventory) -> None:
    inventory.workspace.environment["MY_KEY"] = inventory.workspace.environment.pop("IMMUTA_API_KEY")

    assert inventory.hosts(api_key="{{ lookup('ansible.builtin.env', 'MY_KEY') }}")


def test_values_of_immuta_are_not_templates(inventory: Inventory, standins: Standins) -> None:
    text = "{{ lookup('ansible.builtin.env', 'HOME') }}"
    standins.immuta.seed(config=standins.config(host="evil.example.com", database=text))

    inventory.write()
    run = inventory.workspace.play(
        str(_playbook(inventory.workspace.directory)), "-i", str(inventory.file), "--limit", "evil.example.com"
    )

    assert run.succeeded, run.output
    assert "lookup(" in run.output


def _playbook(directory: pathlib.Path) -> pathlib.Path:
    play = {
        "hosts": "immuta_type_redshift",
        "connection": "local",
        "gather_facts": False,
        "tasks": [{"ansible.builtin.debug": {"msg": "{{ immuta_redshift_config.database }}"}}],
    }
    playbook = directory / "show.json"
    playbook.write_text(json.dumps([play]), encoding="utf-8")
    return playbook


def test_file_with_another_name_is_not_read(inventory: Inventory) -> None:
    inventory.file = inventory.workspace.directory / "tenant.yml"

    assert inventory.run("--list").status != 0


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
