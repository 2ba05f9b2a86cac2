# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The work of `immuta_redshift_drift`, except reading host variables, which its action plugin does."""

from __future__ import annotations

import json
import os
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import IntegrationsError
from ansible_collections.immuta.integrations.plugins.module_utils._common.files import write_file
from ansible_collections.immuta.integrations.plugins.module_utils._drift.compare import (
    Cluster,
    Finding,
    Report,
    by_host,
    compare,
    not_compared,
)
from ansible_collections.immuta.integrations.plugins.module_utils._drift.junit import junit
from ansible_collections.immuta.integrations.plugins.module_utils._drift.page import page
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.api import IntegrationsApi
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import Tenant, immuta_spec
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import Record
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import session


def arguments() -> dict[str, t.Any]:
    """Return the arguments for an action plugin."""
    return {
        "argument_spec": {
            **immuta_spec(required=False),
            "hosts": {"type": "list", "elements": "str"},
            "json": {"type": "path"},
            "junit": {"type": "path"},
            "html": {"type": "path"},
            "count_unmanaged": {"type": "bool", "default": False},
            "show": {"type": "bool", "default": True},
        },
    }


def compare_fleet(
    clusters: t.Sequence[tuple[Cluster, Tenant | None]],
) -> tuple[list[Finding], dict[str, list[Record]]]:
    """Compare each cluster with its tenant, with one query per tenant.

    Return a finding for each cluster, in order, and the records of each tenant by address.
    """
    tenants: list[Tenant] = []
    for _cluster, tenant in clusters:
        if tenant is not None and tenant not in tenants:
            tenants.append(tenant)
    found: dict[str, Finding] = {}
    records: dict[str, list[Record]] = {}
    for tenant in tenants:
        members = [cluster for cluster, of_cluster in clusters if of_cluster == tenant]
        try:
            with session(tenant) as http:
                listed = list(IntegrationsApi(http).records())
        except IntegrationsError as error:
            found.update((cluster.name, not_compared(cluster, error.message)) for cluster in members)
            continue
        records.setdefault(tenant.url, []).extend(listed)
        index = by_host(listed)
        found.update((cluster.name, compare(cluster, index)) for cluster in members)
    for cluster, tenant in clusters:
        if tenant is None:
            found[cluster.name] = not_compared(cluster, cluster.error or "")
    return [found[cluster.name] for cluster, _tenant in clusters], records


def write_reports(report: Report, params: t.Mapping[str, t.Any]) -> None:
    """Write the report to the files of the options. Raise InputError if one is not writable."""
    formats: dict[str, t.Callable[[Report], str]] = {"json": _as_json, "junit": junit, "html": page}
    for option, render in formats.items():
        if params[option]:
            write_file(os.path.realpath(params[option]), render(report).encode(errors="replace"), 0o600)


def _as_json(report: Report) -> str:
    return json.dumps(report, indent=4, sort_keys=True, default=str) + "\n"
