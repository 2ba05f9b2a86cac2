# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A manually configured tenant is exported in one run, and the next run changes nothing."""

from __future__ import annotations

import stat
import typing as t

import yaml

from tests.support.playbooks import Workspace, asked
from tests.support.standin import Standins

CONFIGURE = "immuta.integrations.configure_redshift"
EXPORT = "immuta.integrations.export_integrations"
SECRETS = {
    "immuta_redshift_secret_username": "somebody",
    "immuta_redshift_secret_password": "Some-Pa55word",
    "immuta_redshift_secret_app_id": "Okta",
}
OKTA = {
    "authenticationType": "okta",
    "okta": {
        "username": "taylor@example.com",
        "password": "0kta-Pa55word",
        "appId": "Okta",
        "idpHost": "organization.okta.com",
        "role": "admin",
    },
}


def shapes() -> list[dict[str, t.Any]]:
    """Return integrations as in Immuta's documentation, and variants of them."""
    account = {"authenticationType": "userPassword", "username": "u", "password": "p"}
    impersonation = {"impersonation": {"enabled": True, "role": "immuta_impersonation"}}
    undocumented = {"someUndocumentedField": {"inside": [1, 2]}, "database": "My DB: 'quoted' #1 {{ x }}"}
    odd = {"authenticationType": "odd: {{ kind }}", "a: b": ["{{ x }}"], "deep": {"flag": True}}
    configs: dict[str, tuple[bool, str, dict[str, t.Any]]] = {
        "plain": (False, "enabled", account),
        "UPPER": (True, "enabled", {**account, "port": 5439, "impersonation": {"enabled": False}, **undocumented}),
        "untyped": (False, "editError", {"username": "u", "password": "p", "port": 5440, **impersonation}),
        "okta": (True, "enabled", {**OKTA, **impersonation}),
        "hidden": (False, "recurringValidationError", {**OKTA, "okta": {**OKTA["okta"], "appId": "REDACTED"}}),
        "odd": (False, "enabled", odd),
    }
    common = {"database": "immuta", "initialDatabase": "dev"}
    return [
        {"autoBootstrap": automatic, "status": status, "config": {"host": f"{name}.example.com", **common, **config}}
        for name, (automatic, status, config) in configs.items()
    ]


def test_export_is_in_sync(workspace: Workspace, standins: Standins) -> None:
    for shape in shapes():
        standins.immuta.seed(**shape)
    standins.immuta.seed(type="Snowflake", config={"host": "snow.example.com"})
    standins.immuta.seed(status="deleted", config={"host": "gone.example.com"})
    inventory = workspace.directory / "inventory"
    host_vars = inventory / "host_vars"
    inventory.mkdir()

    exported = workspace.play(EXPORT, export_dir=str(host_vars))

    assert exported.succeeded, exported.output
    assert asked(standins) == ["GET /integrations"]
    hosts = sorted(shape["config"]["host"] for shape in shapes())
    assert sorted(path.name for path in host_vars.iterdir()) == [f"{host}.yml" for host in hosts]
    assert {stat.S_IMODE(path.stat().st_mode) for path in host_vars.iterdir()} == {0o600}
    edited = host_vars / "plain.example.com.yml"
    text = edited.read_text(encoding="utf-8")
    edited.write_text(text.replace("'{{ immuta_redshift_secret_password }}'", "Some-Pa55word"), encoding="utf-8")
    edited.chmod(0o644)
    again = workspace.play(EXPORT, "--diff", export_dir=str(host_vars))
    assert again.changed == 1
    assert "password: ********" in again.output
    assert "Some-Pa55word" not in again.output
    assert (edited.read_text(encoding="utf-8"), stat.S_IMODE(edited.stat().st_mode)) == (text, 0o600)
    unchanged = workspace.play(EXPORT, "--check", export_dir=str(host_vars), immuta_redshift_api='{"timeout": 50}')
    assert (unchanged.succeeded, unchanged.changed) == (True, 0), unchanged.output
    for path in host_vars.iterdir():
        text = path.read_text(encoding="utf-8").replace("!unsafe ", "")
        assert yaml.safe_load(text)["immuta_redshift_config"]["host"] == path.stem

    standins.immuta.clear_requests()
    (inventory / "hosts").write_text("\n".join(hosts) + "\n", encoding="utf-8")
    run = workspace.play(CONFIGURE, "-i", str(inventory), immuta_redshift_hosts="all", **SECRETS)

    assert run.succeeded, run.output
    assert run.changed == 0
    assert asked(standins) == ["GET /integrations"]


def test_export_requires_a_directory(workspace: Workspace, standins: Standins) -> None:
    run = workspace.play(EXPORT)

    assert not run.succeeded
    assert "export_dir" in run.output
    assert asked(standins) == []
