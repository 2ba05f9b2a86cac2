# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An integration that logs in with an AWS access key: list, export, compare, change, remove.

Immuta's documentation names neither the authentication type nor its settings. Those here are examples.
"""

from __future__ import annotations

import json
import typing as t

from tests.support.by_hand import set_up
from tests.support.playbooks import Workspace, asked
from tests.support.standin import HOST, Standins

CONFIGURE, REMOVE, EXPORT = (
    f"immuta.integrations.{name}" for name in ("configure_redshift", "remove_redshift", "export_integrations")
)
KEY_ID, SECRET, SESSION = "AKIAEXAMPLE", "s3cretAccess/Key", "Sess10n+Token"
KEY = {"awsAccessKeyId": KEY_ID, "awsSecretAccessKey": SECRET, "stage": {"handle": SESSION, "arn": "arn:aws:x"}}
SECRETS = {
    "immuta_redshift_secret_aws_secret_access_key": SECRET,
    "immuta_redshift_secret_stage_handle": SESSION,
}


def settings(standins: Standins) -> dict[str, t.Any]:
    account = ("username", "password")
    config = {name: value for name, value in standins.config().items() if name not in account}
    return {**config, "authenticationType": "accessKey", **KEY}


def desired(standins: Standins, *, automatic: bool) -> dict[str, t.Any]:
    """Return the payload of the change."""
    impersonation = {"enabled": True, "role": "impersonators"}
    config = {**settings(standins), "port": 5439, "impersonation": impersonation}
    return {"type": "Redshift", "autoBootstrap": automatic, "config": config}


def written(standins: Standins) -> list[tuple[str, t.Any]]:
    """Return the requests to Immuta except GET, with their bodies."""
    return [
        (f"{request['method']} {request['path']}", request["body"])
        for request in standins.immuta.requests()
        if request["method"] != "GET"
    ]


def add_tenant(standins: Standins, *, automatic: bool) -> None:
    """Add the integration, with a data source, to a tenant that accepts access keys."""
    members = {"awsAccessKeyId": False, "awsSecretAccessKey": True}
    standins.immuta.set(authentication_types={"accessKey": members}, redacted="[REDACTED]")
    config = settings(standins)
    # The stand-in stores it as it is shown.
    set_up(standins, {**config, "stage": {**config["stage"], "handle": "[REDACTED]"}}, automatic=automatic)
    standins.immuta.add_source("1", "sales", "orders")
    assert "sales" in standins.catalog()["schemas"]["immuta"]


def test_integration_with_an_access_key(workspace: Workspace, standins: Standins) -> None:
    add_tenant(standins, automatic=False)
    [listed] = workspace.module("immuta_integration_info")["integrations"]
    assert listed["config"]["extra"] == {
        "awsAccessKeyId": KEY_ID,
        "awsSecretAccessKey": "[REDACTED]",
        "stage": {"handle": "[REDACTED]", "arn": "arn:aws:x"},
    }
    assert listed["hidden"] == ["extra.awsSecretAccessKey", "extra.stage.handle"]
    standins.immuta.clear_requests()

    exported = workspace.play(EXPORT, export_dir=str(workspace.directory / "exported"))
    file = workspace.directory / "exported" / "cluster.example.com.yml"
    text = file.read_text(encoding="utf-8")
    play = {"immuta_redshift_login": workspace.login, "immuta_redshift_wait_sleep": 0.1}

    assert exported.succeeded, exported.output
    said = " ".join(exported.output.split())
    assert "The file of cluster.example.com is incomplete" in said
    assert "extra.awsSecretAccessKey, extra.stage.handle" in said
    assert "# INCOMPLETE" in text
    assert "awsAccessKeyId: AKIAEXAMPLE" in text
    assert not [secret for secret in (SECRET, SESSION) if secret in text + exported.output]

    unchanged = workspace.play(CONFIGURE, "-e", f"@{file}", **play, **SECRETS)

    assert unchanged.succeeded, unchanged.output
    assert unchanged.changed == 0
    assert set(asked(standins)) == {"GET /integrations"}

    changed = text.replace("enabled: false", "enabled: true\n    role: impersonators")
    file.write_text(changed, encoding="utf-8")
    incomplete = file.with_name("incomplete.yml")
    hidden = "    awsSecretAccessKey"
    incomplete.write_text("".join(line for line in changed.splitlines(True) if not line.startswith(hidden)))
    refused = workspace.play(CONFIGURE, "-e", f"@{incomplete}", **play, **SECRETS)

    assert not refused.succeeded
    assert "Set config.extra.awsSecretAccessKey to create or change" in " ".join(refused.output.split())
    assert written(standins) == []

    run = workspace.play(CONFIGURE, "-e", f"@{file}", **play, **SECRETS)

    assert run.succeeded, run.output
    wanted = desired(standins, automatic=False)
    assert written(standins) == [("POST /integrations/1/scripts/edit", wanted), ("PUT /integrations/1", wanted)]
    assert standins.immuta.records()[0]["config"] == wanted["config"]

    standins.immuta.clear_requests()
    removed = workspace.play(REMOVE, "-e", f"@{file}", **play, **SECRETS)

    assert removed.succeeded, removed.output
    assert written(standins) == [("POST /integrations/1/scripts/delete", None), ("DELETE /integrations/1", None)]
    assert standins.immuta.records() == []
    assert standins.catalog()["schemas"]["immuta"] == []
    assert not [secret for secret in (SECRET, SESSION) if secret in run.output + removed.output]


def test_automatic_setup_with_an_access_key(workspace: Workspace, standins: Standins) -> None:
    add_tenant(standins, automatic=True)
    account = {"initial_database": "dev", "authentication_type": "accessKey", "extra": KEY}
    impersonation = {"enabled": True, "role": "impersonators"}
    config = {"host": HOST, "port": 5439, "database": "immuta", **account, "impersonation": impersonation}

    changed = workspace.module("immuta_redshift_integration", config=config, auto_bootstrap=True, wait_sleep=0.1)
    removed = workspace.module("immuta_redshift_integration", config=config, state="absent", wait_sleep=0.1)

    wanted = desired(standins, automatic=True)
    sent = {"authenticationType": "accessKey", **KEY}
    assert written(standins) == [("PUT /integrations/1", wanted), ("DELETE /integrations/1", sent)]
    assert standins.immuta.records() == []
    assert "immuta" not in standins.catalog()["databases"]
    assert SECRET not in json.dumps([changed, removed])
