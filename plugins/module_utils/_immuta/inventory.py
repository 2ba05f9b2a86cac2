# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Description of integrations as hosts of an inventory, as functions of plain data."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from urllib.parse import urlsplit

from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    is_redacted,
    is_secret_name,
    masked,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import (
    Spec,
    as_option,
    config_spec,
    snake_name,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import TYPE, Record, is_gone
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.integration import (
    bare_host,
    config_for_display,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.results import results_of


@dataclass(frozen=True)
class InventoryHost:
    """A host with its groups and variables, without secrets."""

    name: str
    groups: list[str]
    variables: dict[str, t.Any]


def in_use(records: t.Iterable[Record]) -> list[Record]:
    """Return the masked records of integrations that are in use."""
    return [masked(record) for record in records if not is_gone(record) and record["status"] != "deleting"]


def hosts_of(records: t.Iterable[Record]) -> list[InventoryHost]:
    """Return a host for each record. A Redshift integration has the name of its cluster, even on a shared host."""
    hosts: dict[str, InventoryHost] = {}
    for record in sorted(records, key=lambda record: record.get("type") != TYPE):
        name = _name(record)
        if name in hosts:
            name = f"{name}-{record['id']}"
        hosts[name] = InventoryHost(name, _groups(record), _variables(record))
    return list(hosts.values())


def _name(record: Record) -> str:
    config = record["config"]
    host = config.get("host")
    if not isinstance(host, str) or not host:
        # Databricks has a workspaceUrl instead of a host.
        url = str(config.get("workspaceUrl") or "")
        host = urlsplit(url if "//" in url else f"//{url}").netloc.rpartition("@")[2]
    return re.sub(r"[^a-z0-9._-]", "_", bare_host(host) or f"{_word(record.get('type'))}-{record['id']}")


def _groups(record: Record) -> list[str]:
    groups = [f"immuta_type_{_word(record.get('type'))}", f"immuta_status_{_word(record['status'])}"]
    setup = _setup(record)
    return [*groups, f"immuta_setup_{setup}"] if setup else groups


def _word(value: t.Any) -> str:
    """Return a value as a part of a group name."""
    return re.sub(r"\W+", "_", snake_name(str(value or "unknown")), flags=re.ASCII).strip("_")


def _setup(record: Record) -> str | None:
    automatic = record.get("autoBootstrap")
    if not isinstance(automatic, bool):
        return None
    return "automatic" if automatic else "manual"


def _variables(record: Record) -> dict[str, t.Any]:
    variables = {
        "immuta_id": record["id"],
        "immuta_type": record.get("type"),
        "immuta_status": record["status"],
        "immuta_auto_bootstrap": record.get("autoBootstrap"),
        "immuta_config": config_for_display(record),
        "immuta_validation_results": results_of(record),
    }
    if record.get("type") == TYPE:
        variables["immuta_redshift_setup"] = role_setup(record)
        variables["immuta_redshift_config"] = role_config(record)
    return variables


def role_setup(record: Record) -> str:
    """Return the role's ``immuta_redshift_setup`` of a Redshift integration."""
    return _setup(record) or "manual"


def role_config(record: Record) -> dict[str, t.Any]:
    """Return the role's ``immuta_redshift_config`` of a Redshift integration, without hidden settings.

    That an integration without an authentication type has a password is an assumption.
    """
    settings = _known(config_spec(), as_option(record["config"]))
    return {"authentication_type": "userPassword", **settings}


def _known(spec: Spec, settings: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the settings that are options, without secrets."""
    known = {}
    for name, option in spec.items():
        value = settings.get(name)
        if "options" in option:
            value = _known(option["options"], value) if isinstance(value, dict) else None
        elif name == "extra":
            value = _visible(value)
        if value not in (None, {}) and not is_redacted(value) and not is_secret_name(name):
            known[name] = value
    return known


def _visible(value: t.Any) -> t.Any:
    """Return a copy without secrets at any level."""
    if isinstance(value, dict):
        return {
            name: _visible(item)
            for name, item in value.items()
            if not is_redacted(item) and not is_secret_name(name) and item is not None
        }
    if isinstance(value, list):
        return [_visible(item) for item in value if not is_redacted(item)]
    return value
