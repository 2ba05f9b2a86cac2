# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of integrations: its filters and its display."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._modules import immuta_integration_info

# Immuta's documentation, "Configure a Redshift Integration", the replies of GET; "Configure a Starburst (Trino)
# Integration" shows the live API key.
RECORDS: list[dict[str, t.Any]] = [
    {"id": "1", "status": "enabled", "type": "Redshift", "config": {"host": "Organization.aws.com", "port": 5439}},
    {"id": "2", "status": "createError", "type": "Databricks", "config": {"workspaceUrl": "www.cloud.databricks.com"}},
    {"id": "3", "status": "enabled", "type": "Trino", "config": {"immutaApiKey": "hush", "host": None}},
    {"id": "4", "status": "disabled", "config": {}},
    {"id": "5", "status": "disabled", "config": {"workspaceUrl": "https://adb-1.azuredatabricks.net/?o=1"}},
    {"id": "6", "status": "disabled", "config": {"workspaceUrl": "https://adb-1.azuredatabricks.net/?o=2"}},
    {"id": "7", "status": "disabled", "config": {"host": "2001:DB8::1"}},
    {"id": "8", "status": "disabled", "config": {"host": "2001:db8::2"}},
]


class Immuta:
    def __init__(self, _http: object) -> None:
        pass

    def records(self) -> list[dict[str, t.Any]]:
        return RECORDS

    def get(self, integration_id: str) -> dict[str, t.Any] | None:
        return next((record for record in RECORDS if record["id"] == integration_id), None)


def listed(**filters: t.Any) -> list[dict[str, t.Any]]:
    spec = immuta_integration_info.arguments()["argument_spec"]
    defaults = {name: option.get("default") for name, option in spec.items()}
    tenant = {"url": "https://tenant.example.com", "api_key": "846e9e43"}
    options = {**defaults, **tenant, "wait_timeout": 1, "wait_sleep": 0.001, **filters}
    result = immuta_integration_info.run(options, False, {})
    assert (result["changed"], result["warnings"]) == (False, [])
    return result["integrations"]


@pytest.fixture(autouse=True)
def immuta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(immuta_integration_info, "IntegrationsApi", Immuta)


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ({}, "12345678"),
        ({"id": "2"}, "2"),
        ({"id": "9"}, ""),
        ({"id": "2", "type": "Redshift"}, ""),
        ({"type": "redshift"}, "1"),
        ({"type": "None"}, ""),
        ({"host": "organization.AWS.com."}, "1"),
        ({"host": "www.cloud.databricks.com"}, "2"),
        ({"host": "None"}, ""),
        ({"status": ["ENABLED"]}, "13"),
        ({"status": ["enabled", "createError"], "type": "Databricks"}, "2"),
        ({"status": []}, "12345678"),
        ({"host": "organization.aws.com:5439"}, "1"),
        ({"host": "https://organization.aws.com"}, "1"),
        ({"host": "https://adb-1"}, ""),
        ({"host": "https://"}, ""),
        ({"host": "adb-1.azuredatabricks.net"}, "56"),
        ({"host": "https://ADB-1.azuredatabricks.net/?o=2"}, "6"),
        ({"host": "https://adb-1.azuredatabricks.net/?o=3"}, ""),
        ({"host": "2001:db8:0::1"}, "7"),
        ({"host": "[2001:db8::2]:443"}, "8"),
        ({"host": "[2001"}, ""),
    ],
)
def test_filters(filters: dict[str, t.Any], ids: str):
    assert "".join(record["id"] for record in listed(**filters)) == ids


def test_api_key_in_a_record_is_masked():
    (trino,) = listed(id="3")
    assert trino["config"] == {"immuta_api_key": "********", "host": None}


class Settling:
    """A tenant whose integrations take their next status with every query."""

    def __init__(self, **statuses: list[str | None]) -> None:
        self.statuses = {name[2:]: list(values) for name, values in statuses.items()}
        self.queries = 0

    def records(self) -> list[dict[str, t.Any]]:
        return [self._record(number, values.pop(0)) for number, values in self.statuses.items()]

    def get(self, integration_id: str) -> dict[str, t.Any] | None:
        self.queries += 1
        status = self.statuses[integration_id].pop(0)
        return None if status is None else self._record(integration_id, status)

    @staticmethod
    def _record(number: str, status: str | None) -> dict[str, t.Any]:
        return {"id": number, "status": status, "type": "Redshift", "config": {"host": f"h{number}"}}


@pytest.mark.parametrize(
    ("filters", "found"), [({}, ["enabled", "editError"]), ({"status": ["editError"]}, ["editError"])]
)
def test_wait_returns_settled_integrations(
    filters: dict[str, t.Any], found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = Settling(id1=["enabled"], id2=["editing", "editing", "editError"], id3=["deleting", None])
    monkeypatch.setattr(immuta_integration_info, "IntegrationsApi", lambda _http: tenant)
    assert [record["status"] for record in listed(wait=True, **filters)] == found
    assert tenant.queries == 3
