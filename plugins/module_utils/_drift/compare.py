# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Comparison of a fleet with the integrations of its tenants, as functions of plain data."""

from __future__ import annotations

import collections
import typing as t
from dataclasses import dataclass, field

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import masked
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import Desired, snake_case
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import TYPE, Record, is_gone
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.integration import (
    bare_host,
    decide,
    find,
    visible_config,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.reconcile import planned
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.results import results_of

# Worst first. The first one that any cluster has sets the exit code.
EXIT_CODES = {"failed": 2, "drifted": 3, "not_enabled": 4, "in_order": 0}
UNMANAGED_EXIT_CODE = 5


@dataclass(frozen=True)
class Cluster:
    """A host of the inventory and the integration in its variables.

    ``error`` is the reason if they could not be read; ``desired`` is None then, and the other fields may be incomplete.
    ``tenant`` is the address of the tenant.
    """

    name: str
    host: str | None = None
    tenant: str | None = None
    desired: Desired | None = field(default=None, repr=False)
    error: str | None = None


class Finding(t.TypedDict):
    """The result of one cluster, as in the report."""

    name: str
    host: str | None
    tenant: str | None
    id: str | None
    result: str
    status: str | None
    action: str | None
    differences: list[str]
    values: dict[str, dict[str, t.Any]]
    failing_tests: list[dict[str, t.Any]]
    message: str | None


class Unmanaged(t.TypedDict):
    """A Redshift integration that is not in the inventory."""

    tenant: str
    id: str
    host: str | None
    status: str


class Report(t.TypedDict):
    """The comparison of a fleet."""

    exit_code: int
    compared_at: str
    count_unmanaged: bool
    totals: dict[str, int]
    clusters: list[Finding]
    unmanaged: list[Unmanaged]
    other_types: dict[str, int]


def by_host(records: t.Iterable[Record]) -> dict[str, list[Record]]:
    """Return the Redshift integrations of a tenant by host, for `current_of`."""
    found: dict[str, list[Record]] = collections.defaultdict(list)
    for record in records:
        if record.get("type") == TYPE:
            found[bare_host(str(record["config"].get("host")))].append(record)
    return found


def current_of(desired: Desired, records: t.Mapping[str, list[Record]]) -> Record | None:
    """Return the integration of a cluster. Raise InputError if there are several."""
    return find(records.get(bare_host(desired.host or ""), []), desired.host or "")


def comparison_of(current: Record | None, desired: Desired) -> dict[str, t.Any]:
    """Return the check mode result of `immuta_redshift_integration`. Raise InputError as it does."""
    return planned(current, desired, decide(current, desired))


def compare(cluster: Cluster, records: t.Mapping[str, list[Record]]) -> Finding:
    """Compare a cluster with the integrations of its tenant."""
    desired = t.cast(Desired, cluster.desired)
    current: Record | None = None
    try:
        current = current_of(desired, records)
        outcome = comparison_of(current, desired)
    except InputError as error:
        # A difference that Immuta cannot change is also drift.
        outcome = error.as_failure()
    used = None if is_gone(current) else current
    differences = outcome.get("differences", [])
    if differences or outcome.get("would_change"):
        result = "drifted"
    elif "msg" in outcome:
        result = "failed"
    else:
        result = "not_enabled" if used is not None and used["status"] != "enabled" else "in_order"
    return {
        "name": cluster.name,
        "host": cluster.host,
        "tenant": cluster.tenant,
        "id": None if used is None else used["id"],
        "result": result,
        "status": None if used is None else used["status"],
        "action": outcome.get("action"),
        "differences": differences,
        "values": {name: _both(name, t.cast(Record, current), desired) for name in differences},
        "failing_tests": [test for test in results_of(used)["validation_tests"] if test.get("status") == "failed"],
        "message": outcome.get("msg"),
    }


def not_compared(cluster: Cluster, message: str) -> Finding:
    """Return the finding of a cluster whose variables or tenant could not be read."""
    return {
        "name": cluster.name,
        "host": cluster.host,
        "tenant": cluster.tenant,
        "id": None,
        "result": "failed",
        "status": None,
        "action": None,
        "differences": [],
        "values": {},
        "failing_tests": [],
        "message": message,
    }


def _both(name: str, current: Record, desired: Desired) -> dict[str, t.Any]:
    """Return both values of a setting, masked; ``name`` is that of `differences`."""
    if name == "auto_bootstrap":
        return {"desired": desired.auto_bootstrap, "current": current.get("autoBootstrap")}
    if name.startswith("extra."):
        sides = {"desired": masked(desired.extra), "current": masked(current["config"])}
        path = name[len("extra.") :].split(".")
    else:
        sides = {"desired": snake_case(masked(desired.config)), "current": snake_case(masked(visible_config(current)))}
        path = name.split(".")
    return {side: _member(settings, path) for side, settings in sides.items()}


def _member(settings: t.Any, path: t.Sequence[str]) -> t.Any:
    for name in path:
        settings = settings.get(name) if isinstance(settings, dict) else None
    return settings


def unmanaged(
    records: t.Mapping[str, t.Iterable[Record]], clusters: t.Iterable[Cluster]
) -> tuple[list[Unmanaged], dict[str, int]]:
    """Return the unmanaged Redshift integrations in use, and the number of each other type.

    ``records`` are those of each tenant by its address. A cluster with an unknown tenant counts for every tenant.
    """
    described = {(cluster.tenant, bare_host(cluster.host)) for cluster in clusters if cluster.host}
    found: dict[tuple[str, str], Unmanaged] = {}
    others: dict[tuple[str, str], str] = {}
    for tenant, of_tenant in records.items():
        for record in of_tenant:
            kind, host = record.get("type"), record["config"].get("host")
            bare = bare_host(str(host))
            if is_gone(record):
                continue
            if kind != TYPE:
                others[tenant, record["id"]] = str(kind)
            elif (tenant, bare) not in described and (None, bare) not in described:
                found[tenant, record["id"]] = {
                    "tenant": tenant,
                    "id": record["id"],
                    "host": host if isinstance(host, str) else None,
                    "status": record["status"],
                }
    return list(found.values()), dict(sorted(collections.Counter(others.values()).items()))


def report_of(
    findings: list[Finding],
    unmanaged: list[Unmanaged],
    other_types: dict[str, int],
    *,
    compared_at: str,
    count_unmanaged: bool,
) -> Report:
    """Return the report. ``compared_at`` is a time as text; a report without clusters is a failed one."""
    results = collections.Counter(finding["result"] for finding in findings)
    totals = {"clusters": len(findings), **{result: results[result] for result in sorted(EXIT_CODES)}}
    worst = next((result for result in EXIT_CODES if results[result]), "failed")
    exit_code = EXIT_CODES[worst]
    if not exit_code and count_unmanaged and unmanaged:
        exit_code = UNMANAGED_EXIT_CODE
    return {
        "exit_code": exit_code,
        "compared_at": compared_at,
        "count_unmanaged": count_unmanaged,
        "totals": {**totals, "unmanaged": len(unmanaged)},
        "clusters": findings,
        "unmanaged": unmanaged,
        "other_types": other_types,
    }
