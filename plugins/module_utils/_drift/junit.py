# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Rendering of a drift report as JUnit XML, which GitLab, GitHub actions and Jenkins show as test results."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from ansible_collections.immuta.integrations.plugins.module_utils._drift.compare import (
    Finding,
    Report,
    Unmanaged,
)
from ansible_collections.immuta.integrations.plugins.module_utils._drift.table import LABELS, details, sorted_findings

_SUITE = "immuta.integrations.check_drift"
# Characters that XML 1.0 cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(report: Report) -> str:
    """Return the report as XML: a test case per cluster, and a skipped or failed one for unmanaged integrations."""
    root = ET.Element("testsuites", name=_SUITE)
    clusters = ET.SubElement(root, "testsuite", name="Redshift clusters", timestamp=report["compared_at"])
    for finding in sorted_findings(report):
        _add_cluster(clusters, finding)
    if report["unmanaged"]:
        others = ET.SubElement(root, "testsuite", name="Unmanaged integrations", timestamp=report["compared_at"])
        for one in report["unmanaged"]:
            _add_unmanaged(others, one, report["count_unmanaged"])
    for element in (*root, root):
        element.set("tests", str(len(element.findall(".//testcase"))))
        for tag, total in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            element.set(total, str(len(element.findall(f".//{tag}"))))
        element.set("time", "0")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _add_cluster(suite: ET.Element, finding: Finding) -> None:
    case = _case(suite, finding["name"])
    if finding["result"] != "in_order":
        lines = details(finding)
        head = f"{LABELS[finding['result']]}, status {finding['status'] or 'none'}"
        _outcome(case, "error" if finding["result"] == "failed" else "failure", finding["result"], [head, *lines])


def _add_unmanaged(suite: ET.Element, one: Unmanaged, counts: bool) -> None:
    case = _case(suite, f"{one['host'] or 'no host'} (id {one['id']})")
    lines = [f"Not described by any inventory host, status {one['status']}, tenant {one['tenant']}"]
    _outcome(case, "failure" if counts else "skipped", "unmanaged", lines)


def _case(suite: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(suite, "testcase", classname=_SUITE, name=_text(name), time="0")


def _outcome(case: ET.Element, tag: str, kind: str, lines: list[str]) -> None:
    message = _text("; ".join(lines))
    if tag == "skipped":
        ET.SubElement(case, tag, message=message)
        return
    ET.SubElement(case, tag, type=kind, message=message).text = _text("\n".join(lines))


def _text(value: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", value)
