# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired integration in the variables of a host, without secrets."""

from __future__ import annotations

import json
import typing as t

import ansible.template
import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.immuta.integrations.plugins.module_utils._drift.compare import Cluster
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import Tenant
from ansible_collections.immuta.integrations.plugins.plugin_utils._fleet import HostReader

CONNECTION = {"url": "https://tenant.example.com", "api_key": "Secret-Key-1"}
CONFIG = {
    "host": "sales.example.com",
    "database": "immuta",
    "initial_database": "dev",
    "authentication_type": "userPassword",
    "username": "immuta_system",
    "password": "Pa55word-of-Sales",
}
OKTA = {
    **{name: value for name, value in CONFIG.items() if name not in ("username", "password")},
    "authentication_type": "okta",
    "okta": {**dict.fromkeys(("username", "password", "app_id"), "{{ nobody }}"), "idp_host": "idp", "role": "r"},
}


def trusted(value: t.Any) -> t.Any:
    """Mark the templates below ``value`` as trusted, as an inventory does; required since ansible-core 2.19."""
    if isinstance(value, dict):
        return {name: trusted(item) for name, item in value.items()}
    return getattr(ansible.template, "trust_as_template", str)(value) if isinstance(value, str) else value


def reader(**connection: t.Any) -> HostReader:
    return HostReader(ansible.template.Templar(loader=DataLoader()), {**CONNECTION, **connection}, {})


def read(config: t.Any = None, **variables: t.Any) -> tuple[Cluster, Tenant | None]:
    return reader().read("sales", trusted({"immuta_redshift_config": config or CONFIG, **variables}))


def described(config: t.Any = None, **variables: t.Any) -> dict[str, t.Any]:
    """Return the facts of the host, under the API's names; fail for invalid variables."""
    cluster, tenant = read(config, **variables)
    assert cluster.error is None
    assert cluster.desired is not None
    assert tenant is not None
    return cluster.desired.config


def refusal(config: t.Any = None, **variables: t.Any) -> str:
    cluster, tenant = read(config, **variables)
    assert tenant is None
    return cluster.error or ""


def test_secrets_are_not_read():
    assert described() == {
        "host": "sales.example.com",
        "database": "immuta",
        "initialDatabase": "dev",
        "authenticationType": "userPassword",
        "username": "immuta_system",
    }


@pytest.mark.parametrize(
    ("config", "variables"),
    [
        ({**CONFIG, "password": "{{ vault_password }}"}, {}),
        (json.dumps(CONFIG), {}),
        (json.dumps({**CONFIG, "password": "{{ vault_password }}"}), {}),
        ({**CONFIG, "password": "{{ lookup('ansible.builtin.file', '/nonexistent/secret') }}"}, {}),
        ({**CONFIG, "username": "{{ immuta_redshift_secret_username }}"}, {}),
        ({**CONFIG, "username": "{{ lookup('ansible.builtin.file', '/nonexistent/user') }}"}, {}),
        ("{{ common }}", {"common": {**CONFIG, "password": "{{ vault_password }}"}}),
        (
            "{{ common | combine({'database': 'immuta'}) }}",
            {"common": {**CONFIG, "username": "{{ vault.user }}", "password": "{{ vault.password }}"}},
        ),
        ("{{ common | combine({'password': vault_password}) }}", {"common": CONFIG}),
        ("{{ common | combine({'password': vault.sales['password'], 'username': vault_user}) }}", {"common": CONFIG}),
        ("{{ alias | combine({'password': vault_password}) }}", {"alias": "{{ common }}", "common": CONFIG}),
    ],
)
def test_credentials_are_optional(config: t.Any, variables: dict[str, t.Any]):
    found = described(config, **variables)
    assert {**found, "username": ""} == {**described(), "username": ""}


def test_okta_options_are_optional():
    assert described(OKTA)["okta"] == {"idpHost": "idp", "role": "r"}
    assert described({**OKTA, "okta": "{{ nobody }}"}).get("okta") is None
    assert described("{{ c | combine({'okta': {'role': 'r', 'appId': nobody}}) }}", c=OKTA)["okta"] == {"role": "r"}


def test_omitted_values_are_left_out():
    omitted = {"omit": "__omit_place_holder__1"} if before_marks() else {}
    impersonation = {"role": "{{ r | default(omit) }}"}
    config = {**CONFIG, "port": "{{ sales_port | default(omit) }}", "impersonation": impersonation}
    assert described(config, **omitted) == described()


def before_marks() -> bool:
    """Return whether this ansible-core has a value for omitted arguments, as before 2.19."""
    return not hasattr(ansible.template, "trust_as_template")


@pytest.mark.parametrize("config", [{**CONFIG, "database": "{{ text }}"}, "{{ c | combine({'database': text}) }}"])
def test_computed_values_are_not_templates(config: t.Any):
    variables = {"c": CONFIG, "text": "{{ '{' ~ '{ secret }' ~ '}' }}", "secret": "revealed"}
    assert described(config, **variables)["database"] == "{{ secret }}"


def test_secrets_in_extra_are_optional():
    extra = {"secretKey": "{{ nobody }}", "handle": "{{ nobody }}", "roleArn": "arn"}
    cluster, _tenant = read({**CONFIG, "extra": extra})
    assert cluster.desired is not None
    assert cluster.desired.extra == {"roleArn": "arn"}


@pytest.mark.parametrize(
    ("config", "variables", "said"),
    [
        ({**CONFIG, "database": "{{ nobody }}"}, {}, "immuta_redshift_config.database: 'nobody' is undefined"),
        ({**CONFIG, "impersonation": {"enabled": "{{ nobody }}"}}, {}, "impersonation.enabled: 'nobody' is undefined"),
        ({**CONFIG, "database": "{{ 1 / 0 }}"}, {}, "immuta_redshift_config.database: "),
        ({**CONFIG, "database": "{{ broken"}, {}, "immuta_redshift_config.database: "),
        ({**CONFIG, "port": "many"}, {}, "argument 'port' is of type"),
        ({**CONFIG, "prot": 5439}, {}, "Unsupported parameters: config.prot"),
        ({**CONFIG, "host": "https://sales.example.com"}, {}, "config.host is not a host name"),
        ({"host": "sales.example.com"}, {}, "also needs config.database"),
        ("nonsense", {}, "immuta_redshift_config is not a dictionary"),
        ("{{ nobody }}", {}, "immuta_redshift_config: 'nobody' is undefined"),
        ("{{ c | combine({'database': nobody}) }}", {"c": CONFIG}, "immuta_redshift_config: 'nobody' is undefined"),
        (CONFIG, {"immuta_redshift_setup": "auto"}, "immuta_redshift_setup is auto: set manual or automatic"),
        (CONFIG, {"immuta_redshift_state": "gone"}, "value of state must be one of: present, absent, got: gone"),
        (CONFIG, {"immuta_redshift_state": "{{ nobody }}"}, "immuta_redshift_state: 'nobody' is undefined"),
        (CONFIG, {"immuta_redshift_api": {"urll": "x"}}, "immuta_redshift_api contains urll"),
        (CONFIG, {"immuta_redshift_api": "x"}, "immuta_redshift_api is not a dictionary"),
        (CONFIG, {"immuta_redshift_api": {"api_key": "{{ nobody }}"}}, "immuta_redshift_api: 'nobody' is undefined"),
        (CONFIG, {"immuta_redshift_api": {"url": "http://tenant.example.com"}}, "plain http"),
    ],
)
def test_broken_variables_are_reported(config: t.Any, variables: dict[str, t.Any], said: str):
    assert said in refusal(config, **variables)


def test_host_without_config_is_reported():
    cluster, tenant = reader().read("sales", {})
    assert (cluster.host, tenant) == (None, None)
    assert "immuta_redshift_config is not defined" in (cluster.error or "")
    assert read({**CONFIG, "port": "many"})[0].host == "sales.example.com"


@pytest.mark.parametrize(
    "config",
    [
        "{{ common | combine({'database': nobody}) }}",
        "{{ common | combine([1]) }}",
        "{{ common.nobody }}",
        "{{ common | mandatory | from_json }}",
    ],
)
def test_refusal_shows_no_secret(config: str):
    assert "Pa55word-of-Sales" not in refusal(config, common={**CONFIG, "port": "{{ nobody }}"})


@pytest.mark.parametrize(
    "api", [{"url": "{{ address }}", "timeout": "7"}, '{"url": "{{ address }}", "timeout": 7}'], ids=["dict", "text"]
)
def test_host_options_override_task_options(api: t.Any):
    variables = {
        "immuta_redshift_config": CONFIG,
        "immuta_redshift_setup": "automatic",
        "immuta_redshift_state": "absent",
        "immuta_redshift_api": api,
        "address": "https://other.example.com/",
    }
    cluster, tenant = reader(timeout=5, retries=1).read("sales", trusted(variables))
    assert tenant is not None
    assert (tenant.url, tenant.api_key) == ("https://other.example.com", "Secret-Key-1")
    assert (tenant.timeout, tenant.retries) == (7, 1)
    assert cluster.tenant == "https://other.example.com"
    assert cluster.desired is not None
    assert (cluster.desired.state, cluster.desired.auto_bootstrap) == ("absent", True)
