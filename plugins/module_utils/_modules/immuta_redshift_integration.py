# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The work of the module `immuta_redshift_integration`."""

from __future__ import annotations

import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._immuta.api import IntegrationsApi
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import immuta_spec, tenant_from
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import (
    check_config,
    config_spec,
    desired_from,
    update_secrets_spec,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import session
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.reconcile import (
    Reconciliation,
    Waiting,
    wait_spec,
)


def arguments() -> dict[str, t.Any]:
    """Return the arguments for AnsibleModule and an action plugin."""
    return {
        "argument_spec": {
            **immuta_spec(),
            **wait_spec(),
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "id": {"type": "str"},
            "auto_bootstrap": {"type": "bool"},
            "config": {"type": "dict", "options": config_spec()},
            "update_secrets": update_secrets_spec(),
        },
        "required_if": [("state", "present", ["auto_bootstrap", "config"])],
        "required_one_of": [("id", "config")],
    }


def run(params: t.Mapping[str, t.Any], check_mode: bool, environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Create, update or delete the integration and return the result. Raise IntegrationsError."""
    desired = desired_from(params)
    check_config(desired, complete=desired.state == "present" and desired.id is None)
    waiting = Waiting.from_params(params)
    tenant, warnings = tenant_from(params, environ)
    with session(tenant) as http:
        reconciliation = Reconciliation(IntegrationsApi(http), desired, waiting, tenant.retries)
        result = reconciliation.plan() if check_mode else reconciliation.apply()
    result["warnings"] = warnings + result["warnings"]
    return result
