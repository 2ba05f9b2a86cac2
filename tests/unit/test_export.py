# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's variables of existing integrations."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import Record
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.export import Literal, exports

LOGIN = {"username": "{{ immuta_redshift_secret_username }}", "password": "{{ immuta_redshift_secret_password }}"}


def record(config: dict[str, t.Any], **members: t.Any) -> Record:
    full = {"id": "7", "type": "Redshift", "status": "enabled", "autoBootstrap": False, **members, "config": config}
    return t.cast(Record, full)


@pytest.mark.parametrize(
    ("config", "exported"),
    [
        pytest.param(
            {"database": "immuta", "host": "h", "impersonation": None},
            {"host": "h", "database": "immuta", "authentication_type": "userPassword", **LOGIN},
            id="no authentication type",
        ),
        pytest.param(
            {"authenticationType": "userPassword", "username": "shown", "password": "Some-Pa55word", "okta": {}},
            {"authentication_type": "userPassword", "username": "shown", "password": LOGIN["password"]},
            id="visible user, and a setting of another type",
        ),
        pytest.param(
            {"authenticationType": "okta", "okta": {"username": "<REDACTED>", "appId": None, "role": "admin"}},
            {
                "authentication_type": "okta",
                "okta": {
                    **LOGIN,
                    "app_id": "{{ immuta_redshift_secret_app_id }}",
                    "idp_host": "{{ immuta_redshift_secret_idp_host }}",
                    "role": "admin",
                },
            },
            id="okta",
        ),
        pytest.param(
            {"authenticationType": "okta", "okta": None},
            {
                "authentication_type": "okta",
                "okta": {
                    name: f"{{{{ immuta_redshift_secret_{name} }}}}"
                    for name in ("username", "password", "app_id", "idp_host", "role")
                },
            },
            id="okta without settings",
        ),
        pytest.param(
            {
                "authenticationType": "accessKey",
                "awsSecretAccessKey": "[REDACTED]",
                "stage": {"handle": "REDACTED", "names": ["{{ x }}", {"apiKey": "Api-Key-1"}], "none": None},
            },
            {
                "authentication_type": "accessKey",
                "extra": {
                    "awsSecretAccessKey": "{{ immuta_redshift_secret_aws_secret_access_key }}",
                    "stage": {
                        "handle": "{{ immuta_redshift_secret_stage_handle }}",
                        "names": [Literal("{{ x }}"), {"apiKey": "{{ immuta_redshift_secret_stage_names_2_api_key }}"}],
                    },
                },
            },
            id="undocumented type",
        ),
    ],
)
def test_hidden_settings_are_references(config: dict[str, t.Any], exported: dict[str, t.Any]):
    (export,) = exports([record(config)])
    shown = export.variables["immuta_redshift_config"]
    assert shown == exported
    assert list(shown) == list(exported)


def test_only_text_that_looks_like_a_template_is_literal():
    (export,) = exports([record({"host": "h", "database": "{% x", "initialDatabase": "a {b} #c"})])
    config = export.variables["immuta_redshift_config"]
    assert [name for name, value in config.items() if isinstance(value, Literal)] == ["database"]


@pytest.mark.parametrize(("automatic", "setup"), [(True, "automatic"), (False, "manual"), (None, "manual")])
def test_setup(automatic: bool | None, setup: str):
    (export,) = exports([record({"host": "h"}, autoBootstrap=automatic)])
    assert export.variables["immuta_redshift_setup"] == setup


def test_file_names_are_unique():
    hosts = ["Sales.example.com", "a/b:1", "a_b_1", None, "gone.example.com"]
    records = [record({"host": host}, id=str(number)) for number, host in enumerate(hosts, 1)]
    records[-1]["status"] = "disabled"
    records.append(record({"host": "snow.example.com"}, type="Snowflake"))
    assert [export.name for export in exports(records)] == ["Sales.example.com", "a_b_1", "a_b_1-3", "4"]


def test_undocumented_types_are_reported():
    (export,) = exports([record({"authenticationType": "accessKey", "key": "[REDACTED]"})])
    assert "authentication type accessKey. Immuta hides extra.key." in str(export.gap)
    (export,) = exports([record({"authenticationType": "accessKey", "region": "x"})])
    assert "Immuta hides none of those that it returns." in str(export.gap)
    (export,) = exports([record({"authenticationType": "okta"})])
    assert export.gap is None
