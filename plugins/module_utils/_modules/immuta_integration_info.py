# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The work of the module `immuta_integration_info`: list integrations of every type, masked."""

from __future__ import annotations

import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._immuta.addresses import same_address
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.api import IntegrationsApi
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import immuta_spec, tenant_from
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import Record
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import session
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.integration import (
    for_display,
    hidden_settings,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.reconcile import Poller, Waiting, wait_spec


def arguments() -> dict[str, t.Any]:
    """Return the arguments for AnsibleModule and an action plugin."""
    return {
        "argument_spec": {
            **immuta_spec(),
            **wait_spec(wait=False),
            "id": {"type": "str"},
            "type": {"type": "str"},
            "host": {"type": "str"},
            "status": {"type": "list", "elements": "str"},
        },
    }


def run(params: t.Mapping[str, t.Any], _check_mode: bool, environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return the integrations that match the filters. Raise IntegrationsError."""
    waiting = Waiting.from_params(params)
    tenant, warnings = tenant_from(params, environ)
    with session(tenant) as http:
        api = IntegrationsApi(http)
        records = api.records() if params["id"] is None else filter(None, [api.get(params["id"])])
        matches = [record for record in records if _matches(record, params)]
        if waiting.enabled:
            poller = Poller(api, waiting)
            settled = [poller.settled(record, f"The {record.get('type')} integration") for record in matches]
            matches = [record for record in settled if record is not None]
    matches = [record for record in matches if _has_status(record, params["status"])]
    return {"changed": False, "integrations": list(map(_shown, matches)), "warnings": warnings}


def _shown(record: Record) -> dict[str, t.Any]:
    shown = t.cast(dict[str, t.Any], for_display(record))
    return {**shown, "hidden": hidden_settings(shown["config"])}


def _matches(record: Record, params: t.Mapping[str, t.Any]) -> bool:
    """Return whether ``record`` matches the filters type and host, which ignore case."""
    if params["type"] is not None and str(record.get("type") or "").lower() != params["type"].lower():
        return False
    # Databricks has a workspaceUrl instead of a host.
    addresses = [record["config"].get(name) for name in ("host", "workspaceUrl")]
    return params["host"] is None or any(same_address(address, params["host"]) for address in addresses)


def _has_status(record: Record, statuses: t.Sequence[str] | None) -> bool:
    return not statuses or record["status"].lower() in [status.lower() for status in statuses]
