# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The integrations of a tenant as hosts of an inventory."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import Record
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.inventory import (
    hosts_of,
    in_use,
    role_config,
)


def record(config: dict[str, t.Any], **members: t.Any) -> Record:
    full = {"id": "7", "type": "Redshift", "status": "enabled", "autoBootstrap": False, **members, "config": config}
    return t.cast(Record, full)


@pytest.mark.parametrize(
    ("config", "members", "name"),
    [
        ({"host": "Sales.Example.com."}, {}, "sales.example.com"),
        ({"host": "sales.example.com:5439"}, {}, "sales.example.com"),
        ({"host": "a b,c[0:9]"}, {}, "a_b_c_0"),
        ({"workspaceUrl": "https://adb-1.azuredatabricks.net/x"}, {"type": "Databricks"}, "adb-1.azuredatabricks.net"),
        ({"workspaceUrl": "adb-1.azuredatabricks.net"}, {"type": "Databricks"}, "adb-1.azuredatabricks.net"),
        ({}, {"type": "Azure Synapse Analytics"}, "azure_synapse_analytics-7"),
        ({"host": None}, {"type": None}, "unknown-7"),
    ],
)
def test_name(config: dict[str, t.Any], members: dict[str, t.Any], name: str):
    assert [host.name for host in hosts_of([record(config, **members)])] == [name]


def test_names_have_the_id_if_a_host_is_shared():
    shared = {"host": "sales.example.com"}
    hosts = hosts_of([record(shared, id="1", type="Snowflake"), record(shared, id="2"), record(shared, id="3")])
    assert [(host.name, host.variables["immuta_id"]) for host in hosts] == [
        ("sales.example.com", "2"),
        ("sales.example.com-3", "3"),
        ("sales.example.com-1", "1"),
    ]


@pytest.mark.parametrize(
    ("members", "groups"),
    [
        ({}, ["immuta_type_redshift", "immuta_status_enabled", "immuta_setup_manual"]),
        ({"status": "createError"}, ["immuta_type_redshift", "immuta_status_create_error", "immuta_setup_manual"]),
        ({"autoBootstrap": True}, ["immuta_type_redshift", "immuta_status_enabled", "immuta_setup_automatic"]),
        (
            {"type": "Starburst (Trino)", "autoBootstrap": None},
            ["immuta_type_starburst_trino", "immuta_status_enabled"],
        ),
    ],
)
def test_groups(members: dict[str, t.Any], groups: list[str]):
    (host,) = hosts_of([record({}, **members)])
    assert host.groups == groups


def test_deleted_integrations_are_left_out():
    statuses = ["enabled", "deleted", "disabled", "deleting", "deleteError", "creating"]
    records = in_use(record({}, id=status, status=status) for status in statuses)
    assert [one["id"] for one in records] == ["enabled", "deleteError", "creating"]


def test_cached_data_has_no_secret():
    (kept,) = in_use([record({"immutaApiKey": "Trino-Secret-1"})])
    assert "Trino-Secret-1" not in str(kept)


@pytest.mark.parametrize(
    ("config", "known"),
    [
        ({}, {"authentication_type": "userPassword"}),
        (
            {"host": "h", "port": 5439, "username": "<REDACTED>", "password": "<REDACTED>", "haEnabled": True},
            {"authentication_type": "userPassword", "host": "h", "port": 5439, "extra": {"haEnabled": True}},
        ),
        (
            {
                "authenticationType": "accessKey",
                "awsAccessKeyId": "AKIAEXAMPLE",
                "awsSecretAccessKey": "<REDACTED>",
                "stage": {"arn": "a", "handle": "[REDACTED]", "tokens": ["********"], "names": ["n", "REDACTED"]},
            },
            {
                "authentication_type": "accessKey",
                "extra": {"awsAccessKeyId": "AKIAEXAMPLE", "stage": {"arn": "a", "names": ["n"]}},
            },
        ),
        (
            {
                "authenticationType": "okta",
                "okta": {"username": "<REDACTED>", "password": "x", "appId": "a", "idpHost": "i", "role": None},
                "impersonation": {"enabled": False},
            },
            {
                "authentication_type": "okta",
                "okta": {"app_id": "a", "idp_host": "i"},
                "impersonation": {"enabled": False},
            },
        ),
        (
            {"okta": "text", "extra": {"a": 1}},
            {"authentication_type": "userPassword", "extra": {"extra": {"a": 1}}},
        ),
    ],
)
def test_config_of_the_role(config: dict[str, t.Any], known: dict[str, t.Any]):
    assert role_config(record(config)) == known
