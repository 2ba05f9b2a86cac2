# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Rendering of a drift report as a self-contained HTML page."""

from __future__ import annotations

import html
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._drift.compare import EXIT_CODES, Finding, Report
from ansible_collections.immuta.integrations.plugins.module_utils._drift.table import (
    LABELS,
    counted,
    details,
    shown,
    sorted_findings,
)

# The page loads nothing and sends nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

_STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --muted: #57606a; --back: #f6f8fa; --card: #fff; --line: #d0d7de;
  --failed: #b3201d; --drifted: #8a4b00; --not_enabled: #6639ba; --in_order: #116329; --unmanaged: #0a5a9c; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --muted: #9da7b3; --back: #0d1117; --card: #161b22;
  --line: #30363d; --failed: #ff8a82; --drifted: #f0b45b; --not_enabled: #c8a6ff; --in_order: #5fd07a;
  --unmanaged: #79b8ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem; max-width: 80rem; background: var(--back); color: var(--text);
  font: 0.9375rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }
h1 { margin: 0; font-size: 1.5rem; } h2 { margin: 2rem 0 0.75rem; font-size: 1.125rem; }
p { margin: 0.25rem 0 0; color: var(--muted); }
.totals { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 1.25rem 0 0.75rem; padding: 0; list-style: none; }
.totals li { display: flex; }
.totals button, .totals span.total { min-width: 6.75rem; padding: 0.5rem 0.75rem; border: 1px solid var(--line);
  border-radius: 0.5rem; background: var(--card); color: inherit; font: inherit; text-align: left; }
.totals button:enabled, th button:enabled { cursor: pointer; }
.totals button:enabled:hover { border-color: currentColor; }
.totals button[aria-pressed="true"] { outline: 2px solid currentColor; }
.totals b { display: block; font-size: 1.375rem; line-height: 1.2; }
.failed { color: var(--failed); } .drifted { color: var(--drifted); } .not_enabled { color: var(--not_enabled); }
.in_order { color: var(--in_order); } .unmanaged { color: var(--unmanaged); } .none { color: var(--muted); }
.tools { margin: 0 0 0.75rem; } .tools input { width: 100%; max-width: 24rem; padding: 0.5rem 0.75rem; font: inherit;
  color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; }
.tools p { margin: 0.375rem 0 0; }
table { width: 100%; border-collapse: collapse; background: var(--card); border: 1px solid var(--line); }
th, td { padding: 0.5rem 0.75rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
th { white-space: nowrap; } th button { all: unset; } th button:focus-visible { outline: 2px solid; }
th[aria-sort] button::after { content: " \\2191"; } th[aria-sort="descending"] button::after { content: " \\2193"; }
td.name { font-weight: 600; min-width: 15rem; } td.name small { display: block; font-weight: 400; color: var(--muted); }
td.result { font-weight: 600; white-space: nowrap; } td.status { overflow-wrap: normal; }
td ul { margin: 0; padding: 0; list-style: none; }
td li + li { margin-top: 0.375rem; } code { font: 0.875em ui-monospace, "DejaVu Sans Mono", monospace; }
.side { color: var(--muted); } [hidden] { display: none !important; }
@media (max-width: 40rem) {
  body { padding: 1rem 0.75rem; } .totals { gap: 0.375rem; }
  .totals li { flex: 1 1 30%; }
  .totals button, .totals span.total { width: 100%; min-width: 0; padding: 0.375rem 0.5rem; }
  table, tbody, tr, td { display: block; } table { border: 0; background: none; }
  thead { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; } thead tr { display: contents; }
  th { padding: 0.25rem 0; border: 0; text-decoration: underline; } table:not(#clusters) thead { display: none; }
  #clusters thead::before { content: "Sort by"; padding: 0.25rem 0; color: var(--muted); }
  tbody tr { margin: 0.5rem 0; padding: 0.5rem 0.75rem; background: var(--card); border: 1px solid var(--line);
    border-radius: 0.5rem; }
  td { padding: 0.125rem 0; border: 0; } td:empty { display: none; }
  td[data-label]::before { content: attr(data-label) ": "; color: var(--muted); font-weight: 400; }
}
@media print {
  :root { color-scheme: light; --text: #000; --muted: #444; --back: #fff; --card: #fff; --line: #999; --failed: #900;
    --drifted: #630; --not_enabled: #408; --in_order: #040; --unmanaged: #036; }
  body { max-width: none; padding: 0; font-size: 9pt; } .tools { display: none; } tr { break-inside: avoid; }
  thead { display: table-header-group; } th[aria-sort] button::after { content: none !important; }
}
"""

_SCRIPT = """
"use strict";
const table = document.getElementById("clusters"), input = document.querySelector(".tools input");
const buttons = [...document.querySelectorAll(".totals button")];
const rows = table ? [...table.tBodies[0].rows] : [];
let result = "";
function filter() {
  const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = (result && row.dataset.result !== result) || !words.every(word => text.includes(word));
    count += row.hidden ? 0 : 1;
  }
  document.getElementById("count").textContent = `${count} of ${rows.length} shown.`;
}
function sort(heading) {
  const column = heading.cellIndex, down = heading.getAttribute("aria-sort") === "ascending";
  const key = row => row.cells[column].dataset.key || row.cells[column].textContent;
  rows.sort((a, b) => (down ? -1 : 1) * key(a).localeCompare(key(b), undefined, { numeric: true }));
  for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  table.tBodies[0].append(...rows);
}
if (table) {
  document.querySelector(".tools").hidden = false;
  for (const button of document.querySelectorAll("button")) button.disabled = false;
  input.addEventListener("input", filter);
  for (const button of buttons) button.addEventListener("click", () => {
    result = button.getAttribute("aria-pressed") === "true" ? "" : button.dataset.result;
    for (const other of buttons)
      other.setAttribute("aria-pressed", String(other.dataset.result === result));
    filter();
  });
  for (const heading of table.tHead.rows[0].cells)
    heading.firstChild.addEventListener("click", () => sort(heading));
  filter();
}
"""


def page(report: Report) -> str:
    """Return the report as a page: totals, a row for each cluster (worst first), and unmanaged integrations.

    The page shows everything without scripts. With scripts, the rows can be sorted and filtered.
    """
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>Drift report: {_headline(report)}</title>",
        f"<style>{_STYLE}</style>\n</head>\n<body>",
        "<h1>Drift report</h1>",
        f"<p>Redshift clusters of the inventory compared with Immuta on {_time(report)}.</p>",
        *_tenants(report),
        *_totals(report),
        *_clusters(report),
        *_unmanaged(report),
        f"<script>{_SCRIPT}</script>\n</body>\n</html>\n",
    ]
    return "\n".join(parts)


def _headline(report: Report) -> str:
    totals = report["totals"]
    return f"{totals['in_order']} of {counted(totals['clusters'], 'cluster')} in sync"


def _time(report: Report) -> str:
    """Return the time of the comparison to the minute."""
    day, _separator, time = report["compared_at"].partition("T")
    return _text(f"{day} {time[:5]} UTC")


def _addresses(report: Report) -> list[str]:
    return sorted({finding["tenant"] for finding in report["clusters"] if finding["tenant"]})


def _tenants(report: Report) -> t.Iterator[str]:
    """Yield the tenant if all clusters share one. Otherwise each row has its own."""
    if len(_addresses(report)) == 1:
        yield f"<p>Tenant: {_text(_addresses(report)[0])}</p>"


def _totals(report: Report) -> t.Iterator[str]:
    yield '<ul class="totals">'
    yield f'<li><span class="total"><b>{report["totals"]["clusters"]}</b>clusters</span></li>'
    for result in EXIT_CODES:
        count = report["totals"][result]
        look = result if count else "none"
        yield (
            f'<li><button type="button" data-result="{result}" aria-pressed="false" disabled>'
            f'<b class="{look}">{count}</b>{LABELS[result]}</button></li>'
        )
    count = report["totals"]["unmanaged"]
    look = "unmanaged" if count else "none"
    yield f'<li><span class="total"><b class="{look}">{count}</b>unmanaged</span></li>'
    yield "</ul>"


def _clusters(report: Report) -> t.Iterator[str]:
    if not report["clusters"]:
        yield "<p>No cluster was compared.</p>"
        return
    yield (
        '<div class="tools" hidden><input type="search" placeholder="Filter by text" aria-label="Filter by text">'
        '<p><span id="count" role="status"></span> Select a total to filter by result, a heading to sort.</p></div>'
    )
    headings = "".join(f'<th scope="col"><button type="button" disabled>{name}</button></th>' for name in _HEADINGS)
    yield f'<table id="clusters"><thead><tr>{headings}</tr></thead><tbody>'
    several = len(_addresses(report)) > 1
    yield from (_row(finding, several) for finding in sorted_findings(report))
    yield "</tbody></table>"


_HEADINGS = ("Cluster", "Result", "Status", "Details")


def _row(finding: Finding, has_tenant: bool) -> str:
    result = finding["result"]
    lines = [finding["host"], finding["tenant"] if has_tenant else None]
    where = "".join(f"<small>{_text(line)}</small>" for line in lines if line)
    return (
        f'<tr data-result="{result}">'
        f'<td class="name">{_text(finding["name"])}{where}</td>'
        f'<td class="result {result}" data-key="{list(EXIT_CODES).index(result)}">{LABELS[result]}</td>'
        f'<td class="status" data-label="Status">{_text(finding["status"] or "none")}</td>'
        f"<td>{_details(finding)}</td></tr>"
    )


def _details(finding: Finding) -> str:
    items = [
        f"<code>{_text(name)}</code>: "
        + ", ".join(
            f'<span class="side">{side}</span> <code>{_text(shown(sides[side]))}</code>'
            for side in ("desired", "current")
        )
        for name, sides in finding["values"].items()
    ]
    items += [_text(line) for line in details({**finding, "values": {}})]
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>" if items else ""


def _unmanaged(report: Report) -> t.Iterator[str]:
    if report["unmanaged"]:
        yield "<h2>Unmanaged integrations</h2>"
        yield "<p>Redshift integrations in Immuta that no inventory host describes.</p>"
        yield "<table><thead><tr><th>Host</th><th>Id</th><th>Status</th><th>Tenant</th></tr></thead><tbody>"
        for one in report["unmanaged"]:
            yield (
                f'<tr><td class="name">{_text(one["host"] or "no host")}</td>'
                f'<td data-label="Id">{_text(one["id"])}</td><td data-label="Status">{_text(one["status"])}</td>'
                f'<td data-label="Tenant">{_text(one["tenant"])}</td></tr>'
            )
        yield "</tbody></table>"
    if report["other_types"]:
        others = ", ".join(f"{_text(kind)}: {count}" for kind, count in report["other_types"].items())
        yield f"<h2>Other integrations</h2>\n<p>Not compared: {others}.</p>"


def _text(value: str) -> str:
    return html.escape(value.replace("\x00", "\N{REPLACEMENT CHARACTER}"))
