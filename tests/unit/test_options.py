# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validation of the options of modules that use Immuta."""

from __future__ import annotations

import typing as t

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import api_config
from ansible_collections.immuta.integrations.plugins.module_utils._modules import (
    immuta_integration_info,
    immuta_integration_script,
    immuta_redshift_integration,
)

ARGUMENTS = {
    "integration": immuta_redshift_integration.arguments(),
    "script": immuta_integration_script.arguments(),
    "info": immuta_integration_info.arguments(),
}
TENANT = {"url": "https://tenant.example.com", "api_key": "846e9e43"}
# Immuta's documentation, "Configure a Redshift Integration", the config of the examples with Okta.
PASTED = {
    "host": "organization.aws.amazon.com",
    "database": "immuta",
    "initialDatabase": "REDSHIFT_SAMPLE_DATA",
    "impersonation": {"enabled": True, "role": "immuta_impersonation"},
    "authenticationType": "okta",
    "okta": {
        "username": "taylor@redshift.com",
        "password": "abc1234",
        "appId": "Okta",
        "idpHost": "organization.okta.com",
        "role": "admin",
    },
}


def validated(module: str, options: dict[str, t.Any]) -> t.Any:
    return ArgumentSpecValidator(**ARGUMENTS[module]).validate({**TENANT, **options})


def test_config_can_be_pasted_from_the_api_docs():
    result = validated("integration", {"auto_bootstrap": True, "config": PASTED})
    assert result.error_messages == []
    assert api_config(result.validated_parameters["config"]) == (PASTED, {})


@pytest.mark.parametrize(
    ("module", "options", "missing"),
    [
        ("integration", {"config": PASTED}, "auto_bootstrap"),
        ("integration", {"auto_bootstrap": True, "id": "7"}, "config"),
        ("integration", {"state": "absent"}, "id, config"),
        ("script", {"script": "create", "dest": "/s"}, "config"),
        ("script", {"script": "initial_create", "dest": "/s"}, "config"),
        ("script", {"script": "cleanup", "dest": "/s"}, "config"),
        ("script", {"script": "edit", "dest": "/s", "config": PASTED}, "id"),
        ("script", {"script": "delete", "dest": "/s"}, "id"),
        ("script", {"script": "delete", "id": "7"}, "dest"),
        ("script", {"script": "delete", "id": "7", "dest": "/s"}, None),
        ("integration", {"state": "absent", "id": "7"}, None),
        ("integration", {"state": "absent", "config": {"host": "h"}}, None),
        ("info", {}, None),
    ],
)
def test_missing_options_are_named(module: str, options: dict[str, t.Any], missing: str | None):
    messages = validated(module, options).error_messages
    assert [message.rpartition(": ")[2] for message in messages] == ([missing] if missing else [])


def test_tenant_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMMUTA_URL", "https://other.example.com")
    monkeypatch.setenv("IMMUTA_API_KEY", "from-the-environment")
    monkeypatch.setenv("IMMUTA_VALIDATE_CERTS", "no")
    result = ArgumentSpecValidator(**ARGUMENTS["info"]).validate({})
    assert result.error_messages == []
    found = result.validated_parameters
    assert (found["url"], found["api_key"]) == ("https://other.example.com", "from-the-environment")
    assert found["validate_certs"] is False
