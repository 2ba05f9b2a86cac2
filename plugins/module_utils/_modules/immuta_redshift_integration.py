# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The work of the module `immuta_redshift_integration`."""

from __future__ import annotations

import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    InputError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.api import (
    IntegrationsApi,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import (
    immuta_spec,
    tenant_from,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import (
    check_config,
    config_spec,
    wanted_from,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import (
    session,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.reconcile import (
    Course,
    Waiting,
    wait_spec,
)


def arguments() -> dict[str, t.Any]:
    """The arguments of ``immuta_redshift_integration``, as AnsibleModule and an action plugin take them."""
    return {
        "argument_spec": {
            **immuta_spec(),
            **wait_spec(),
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "id": {"type": "str"},
            "auto_bootstrap": {"type": "bool"},
            "config": {"type": "dict", "options": config_spec()},
            "update_secrets": {
                "type": "str",
                "choices": ["on_create", "always"],
                "default": "on_create",
                "no_log": False,
            },
        },
        "required_if": [("state", "present", ["auto_bootstrap", "config"])],
        "required_one_of": [("id", "config")],
    }


def run(params: t.Mapping[str, t.Any], check_mode: bool, environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    """The work of ``immuta_redshift_integration``. Raises IntegrationsError."""
    wanted = wanted_from(params)
    check_config(wanted, complete=wanted.state == "present" and wanted.id is None)
    waiting = Waiting(params["wait"], params["wait_timeout"], params["wait_sleep"])
    if waiting.timeout <= 0 or waiting.sleep <= 0:
        raise InputError("The options wait_timeout and wait_sleep are seconds: give numbers larger than 0.")
    tenant, cautions = tenant_from(params, environ)
    with session(tenant) as http:
        course = Course(IntegrationsApi(http), wanted, waiting, tenant.retries)
        result = course.foretell() if check_mode else course.follow()
    result["warnings"] = cautions + result["warnings"]
    return result
