# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Rendering of a drift report as lines of text, with the words that all formats share."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._drift.compare import EXIT_CODES, Finding, Report

LABELS = {"failed": "failed", "drifted": "drifted", "not_enabled": "not enabled", "in_order": "in sync"}

_ACTIONS = {"create": "no integration in Immuta", "delete": "exists in Immuta, but state is absent"}
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def sorted_findings(report: Report) -> list[Finding]:
    """Return the findings, worst first, then by name."""
    order = list(EXIT_CODES)
    return sorted(report["clusters"], key=lambda finding: (order.index(finding["result"]), finding["name"]))


def details(finding: Finding) -> list[str]:
    """Return the problems of a cluster, one line each; none if it is in sync."""
    lines = [
        f"{name}: desired {shown(sides['desired'])}, current {shown(sides['current'])}"
        for name, sides in finding["values"].items()
    ]
    if finding["action"] in _ACTIONS:
        lines.append(_ACTIONS[finding["action"]])
    elif finding["result"] == "drifted" and finding["status"] == "createError":
        lines.append("its creation failed")
    lines += [
        f"failing test {test.get('name') or 'without a name'}: {test.get('message') or 'no message'}"
        for test in finding["failing_tests"]
    ]
    if finding["message"]:
        lines.append(finding["message"])
    return lines


def shown(value: t.Any) -> str:
    """Return a value as JSON, text without quotes."""
    return value if isinstance(value, str) and value else json.dumps(value, default=str, ensure_ascii=False)


def totals_line(report: Report) -> str:
    """Return the totals as one sentence."""
    totals = report["totals"]
    results = ", ".join(f"{totals[result]} {LABELS[result]}" for result in reversed(EXIT_CODES))
    others = "".join(f", {count} of type {kind}" for kind, count in report["other_types"].items())
    return f"{counted(totals['clusters'], 'cluster')}: {results}; {totals['unmanaged']} unmanaged{others}."


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as in "1 cluster" and "2 clusters"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def table(report: Report) -> list[str]:
    """Return drifted clusters and unmanaged integrations as a table, empty without any.

    A cluster has one line per problem.
    """
    rows: list[tuple[str, ...]] = []
    for finding in sorted_findings(report):
        if finding["result"] != "in_order":
            head = (finding["name"], LABELS[finding["result"]], finding["status"] or "-")
            first, *more = details(finding) or ["-"]
            rows += [(*head, first), *(("", "", "", line) for line in more)]
    for one in report["unmanaged"]:
        rows.append(("-", "unmanaged", one["status"], f"{one['host'] or 'no host'}, id {one['id']}"))
    if not rows:
        return []
    rows = [("CLUSTER", "RESULT", "STATUS", "DETAILS"), *(tuple(map(_printable, row)) for row in rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[3]]).rstrip() for row in rows]


def _printable(text: str) -> str:
    """Return text without control characters and line breaks."""
    return _UNPRINTABLE.sub(" ", text)
