# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The work of `immuta_redshift_fleet`, except reading host variables, which its action plugin does."""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError, IntegrationsError
from ansible_collections.immuta.integrations.plugins.module_utils._drift.compare import (
    by_host,
    comparison_of,
    current_of,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.api import IntegrationsApi
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import Tenant, tenant_from
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import Desired
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import Record
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import session
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.reconcile import Waiting
from ansible_collections.immuta.integrations.plugins.module_utils._modules.immuta_redshift_plan import (
    desired_of,
    options_from,
    planned_run,
)
from ansible_collections.immuta.integrations.plugins.module_utils._role.plan import Options

_Run = tuple[str, Options, Desired]
_Records = t.Mapping[str, list[Record]]


def arguments() -> dict[str, t.Any]:
    """Return the arguments for an action plugin."""
    return {"argument_spec": {}}


def check_place(is_in_role: bool) -> None:
    """Raise InputError for a task outside the role, which sets the required variables."""
    if not is_in_role:
        raise InputError(
            "immuta_redshift_fleet is part of the role immuta_redshift: run the playbook configure_redshift instead."
        )


def results_in_sync(
    runs: t.Mapping[str, t.Mapping[str, t.Any]], check_mode: bool, environ: t.Mapping[str, str]
) -> tuple[dict[str, dict[str, t.Any]], list[str]]:
    """Return the result facts of hosts in sync, by host, and their warnings.

    ``runs`` are the validated options of `immuta_redshift_plan` by host. Each tenant is queried once, and not at all
    for a single run, which sends its own query. A run that fails, that may wait for Immuta, or whose tenant is
    unreachable is omitted: the role then reports the result.
    """
    tenants: list[tuple[Tenant, list[_Run]]] = []
    warnings: list[str] = []
    for host, params in runs.items():
        with contextlib.suppress(IntegrationsError):
            options = options_from(params, check_mode)
            desired = desired_of(options, params)
            Waiting.from_params(params)
            tenant, cautions = tenant_from(params, environ)
            warnings += cautions
            members = next((members for known, members in tenants if known == tenant), None)
            if members is None:
                members = []
                tenants.append((tenant, members))
            members.append((host, options, desired))
    results = {}
    for tenant, members in tenants:
        if len(members) == 1:
            continue
        with contextlib.suppress(IntegrationsError), session(tenant) as http:
            records = by_host(IntegrationsApi(http).records())
            for run in members:
                with contextlib.suppress(IntegrationsError):
                    outcome = _outcome(run, records)
                    if outcome["comparison"]["settled"] and not outcome["has_work"]:
                        results[run[0]] = {**outcome["result"], "changed": False}
                        warnings += outcome["warnings"]
    return results, list(dict.fromkeys(warnings))


def _outcome(run: _Run, records: _Records) -> dict[str, t.Any]:
    _host, options, desired = run
    comparison = comparison_of(current_of(desired, records), desired)
    return planned_run(options, comparison, None, comparison.pop("warnings"))
