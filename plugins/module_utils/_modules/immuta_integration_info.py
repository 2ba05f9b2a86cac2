# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The work of the module `immuta_integration_info`: list integrations of every type, masked."""

from __future__ import annotations

import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._immuta.addresses import (
    same_address,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.api import (
    IntegrationsApi,
    Record,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import (
    immuta_spec,
    tenant_from,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import (
    session,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.integration import (
    shown,
)


def arguments() -> dict[str, t.Any]:
    """The arguments of ``immuta_integration_info``."""
    return {
        "argument_spec": {
            **immuta_spec(),
            "id": {"type": "str"},
            "type": {"type": "str"},
            "host": {"type": "str"},
            "status": {"type": "list", "elements": "str"},
        },
    }


def run(params: t.Mapping[str, t.Any], _check_mode: bool, environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    """The work of ``immuta_integration_info``. Raises IntegrationsError."""
    tenant, cautions = tenant_from(params, environ)
    with session(tenant) as http:
        api = IntegrationsApi(http)
        records = api.records() if params["id"] is None else filter(None, [api.get(params["id"])])
        matches = [record for record in records if _matches(record, params)]
    return {"changed": False, "integrations": [shown(record) for record in matches], "warnings": cautions}


def _matches(record: Record, params: t.Mapping[str, t.Any]) -> bool:
    """Whether ``record`` passes the filters type, host and status; names have no case."""
    if params["type"] is not None and str(record.get("type") or "").lower() != params["type"].lower():
        return False
    if params["status"] and record["status"].lower() not in [status.lower() for status in params["status"]]:
        return False
    # Databricks has a workspaceUrl where others have a host.
    addresses = [record["config"].get(name) for name in ("host", "workspaceUrl")]
    return params["host"] is None or any(same_address(address, params["host"]) for address in addresses)
