# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of a fleet, and each format of its report."""

from __future__ import annotations

import os
import pathlib
import typing as t
import xml.etree.ElementTree as ET

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ApiError, InputError
from ansible_collections.immuta.integrations.plugins.module_utils._drift.compare import (
    Cluster,
    Finding,
    Report,
    by_host,
    compare,
    not_compared,
    report_of,
    unmanaged,
)
from ansible_collections.immuta.integrations.plugins.module_utils._drift.junit import junit
from ansible_collections.immuta.integrations.plugins.module_utils._drift.page import page
from ansible_collections.immuta.integrations.plugins.module_utils._drift.table import table, totals_line
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import Tenant
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import Desired
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import Record
from ansible_collections.immuta.integrations.plugins.module_utils._modules import immuta_redshift_drift
from tests.support.html_page import HtmlPage

HOST = "Cluster.Example.com"
URL = "https://tenant.example.com"
CONFIG = {"host": HOST, "database": "immuta", "initialDatabase": "dev", "authenticationType": "userPassword"}
FAILED_TEST = {"name": "Connection", "status": "failed", "message": "The cluster does not answer."}


def record(status: str = "enabled", **members: t.Any) -> Record:
    config = {**CONFIG, "host": HOST.lower(), **members.pop("config", {})}
    full = {"id": "7", "type": "Redshift", "autoBootstrap": False, "status": status, **members, "config": config}
    return t.cast(Record, full)


def cluster(state: str = "present", *, name: str = "sales", tenant: str = URL, **changes: t.Any) -> Cluster:
    extra = changes.pop("extra", {})
    desired = Desired(state, None, changes.pop("auto_bootstrap", False), {**CONFIG, **changes}, extra, False)
    return Cluster(name, desired.host, tenant, desired)


@pytest.mark.parametrize(
    ("described", "records", "result", "action"),
    [
        (cluster(), [record()], "in_order", "none"),
        (cluster(), [record(type="Snowflake"), record()], "in_order", "none"),
        (cluster("absent"), [], "in_order", "none"),
        (cluster(), [], "drifted", "create"),
        (cluster(), [record("disabled")], "drifted", "create"),
        (cluster(), [record("createError")], "drifted", "update"),
        (cluster("absent"), [record()], "drifted", "delete"),
        (cluster(), [record("deleting")], "drifted", "wait"),
        (cluster(), [record("editing")], "not_enabled", "wait"),
        (cluster(), [record("recurringValidationError")], "not_enabled", "none"),
        (cluster(), [record(), record(id="8")], "failed", None),
    ],
)
def test_result(described: Cluster, records: list[Record], result: str, action: str | None):
    found = compare(described, by_host(records))
    assert (found["result"], found["action"]) == (result, action)
    assert ("several Redshift integrations" in (found["message"] or "")) == (result == "failed")


@pytest.mark.parametrize(
    ("described", "current", "values"),
    [
        (cluster(port=5440), {}, {"port": {"desired": 5440, "current": 5439}}),
        (
            cluster(impersonation={"enabled": True}),
            {"impersonation": {"enabled": False}, "initialDatabase": "other"},
            {
                "initial_database": {"desired": "dev", "current": "other"},
                "impersonation.enabled": {"desired": True, "current": False},
            },
        ),
        (
            cluster(extra={"sslMode": "on", "secretKey": "s"}),
            {"sslMode": "off", "secretKey": "t"},
            {"extra.sslMode": {"desired": "on", "current": "off"}},
        ),
    ],
)
def test_difference_has_both_values(described: Cluster, current: dict[str, t.Any], values: dict[str, t.Any]):
    found = compare(described, by_host([record(config=current)]))
    assert (found["values"], found["differences"]) == (values, list(values))


@pytest.mark.parametrize(
    ("described", "name", "values"),
    [
        (cluster(database="other"), "database", {"desired": "other", "current": "immuta"}),
        (cluster(auto_bootstrap=True), "auto_bootstrap", {"desired": True, "current": False}),
    ],
)
def test_unchangeable_difference_is_drift(described: Cluster, name: str, values: dict[str, t.Any]):
    found = compare(described, by_host([record()]))
    assert (found["result"], found["host"], found["status"], found["id"]) == ("drifted", HOST, "enabled", "7")
    assert found["values"] == {name: values}
    assert "cannot be changed" in (found["message"] or "")


def test_only_failing_tests_are_reported():
    tests = [FAILED_TEST, {"name": "Schemas", "status": "passed"}]
    current = record("recurringValidationError", validationResults={"status": "failed", "validationTests": tests})
    assert compare(cluster(), by_host([current]))["failing_tests"] == [FAILED_TEST]


def test_unmanaged_integrations():
    records = {
        URL: [
            record(),
            record(id="8", config={"host": "old.example.com"}),
            record("disabled", id="9", config={"host": "gone.example.com"}),
            record(id="10", config={"host": "broken.example.com"}),
            record(id="11", type="Snowflake"),
            record(id="12", config={"host": None}),
        ],
        "https://other.example.com": [record(id="13"), record(id="14", type="Snowflake")],
    }
    clusters = [cluster(), Cluster("broken", host="broken.example.com", error="broken"), Cluster("worse", error="?")]
    found, others = unmanaged(records, clusters)
    assert [(one["tenant"], one["id"], one["host"]) for one in found] == [
        (URL, "8", "old.example.com"),
        (URL, "12", None),
        ("https://other.example.com", "13", HOST.lower()),
    ]
    assert others == {"Snowflake": 2}


def test_tenant_with_two_keys_is_counted_once():
    found, others = unmanaged({URL: [record(), record(), record(id="8", type="S"), record(id="8", type="S")]}, [])
    assert ([one["id"] for one in found], others) == (["7"], {"S": 1})


# One request per tenant


class Api:
    """The records of tenants by address, with a count of lists."""

    def __init__(self, tenants: dict[str, list[Record] | ApiError]) -> None:
        self.tenants = tenants
        self.lists: list[tuple[str, str]] = []

    def __call__(self, http: t.Any) -> Api:
        self.tenant = http.tenant
        return self

    def records(self) -> t.Iterator[Record]:
        self.lists.append((self.tenant.url, self.tenant.api_key))
        answer = self.tenants[self.tenant.url]
        if isinstance(answer, ApiError):
            raise answer
        return iter(answer)


def tenant(url: str = URL, key: str = "key") -> Tenant:
    return Tenant(url, key, "api_key", True, {}, 60, 3)


def test_one_list_request_per_key(monkeypatch: pytest.MonkeyPatch):
    other = "https://other.example.com"
    api = Api({URL: [record()], other: ApiError("HTTP 500")})
    monkeypatch.setattr(immuta_redshift_drift, "IntegrationsApi", api)
    described: list[tuple[Cluster, Tenant | None]] = [
        (cluster(name="a"), tenant()),
        (cluster(name="b", tenant=other), tenant(other)),
        (Cluster("c", error="database is undefined"), None),
        (cluster(name="d"), tenant()),
        (cluster(name="e"), tenant(key="another")),
    ]
    findings, records = immuta_redshift_drift.compare_fleet(described)
    assert api.lists == [(URL, "key"), (other, "key"), (URL, "another")]
    assert [(found["name"], found["result"], found["message"]) for found in findings] == [
        ("a", "in_order", None),
        ("b", "failed", "HTTP 500"),
        ("c", "failed", "database is undefined"),
        ("d", "in_order", None),
        ("e", "in_order", None),
    ]
    assert list(records) == [URL]


# Reports


def finding(name: str, result: str = "in_order", **members: t.Any) -> Finding:
    plain = not_compared(Cluster(name, f"{name}.example.com", URL), "")
    return t.cast(
        Finding, {**plain, "result": result, "status": "enabled", "action": "none", "message": None, **members}
    )


def report(*findings: Finding, count_unmanaged: bool = False, others: t.Sequence[str] = ()) -> Report:
    return report_of(
        list(findings),
        [{"tenant": URL, "id": host, "host": host, "status": "enabled"} for host in others],
        {"Snowflake": 3} if others else {},
        compared_at="2026-11-25T03:15:00+00:00",
        count_unmanaged=count_unmanaged,
    )


@pytest.mark.parametrize(
    ("results", "others", "count_unmanaged", "exit_code"),
    [
        (["in_order"], [], True, 0),
        (["in_order"], ["old"], False, 0),
        (["in_order"], ["old"], True, 5),
        (["in_order", "not_enabled"], ["old"], True, 4),
        (["not_enabled", "drifted"], [], False, 3),
        (["drifted", "failed"], [], False, 2),
        ([], [], False, 2),
    ],
)
def test_exit_code_is_that_of_the_worst_cluster(
    results: list[str], others: list[str], count_unmanaged: bool, exit_code: int
):
    made = report(*(finding(result, result) for result in results), others=others, count_unmanaged=count_unmanaged)
    assert made["exit_code"] == exit_code
    assert made["totals"]["clusters"] == len(results)
    assert made["totals"]["unmanaged"] == len(others)


def test_report_does_not_replace_a_device(tmp_path: pathlib.Path):
    device = tmp_path / "null"
    os.mkfifo(device)
    with pytest.raises(InputError, match="null cannot be written: it is a directory or a device"):
        immuta_redshift_drift.write_reports(report(), {"json": str(device), "junit": None, "html": None})
    assert device.is_fifo()


HOSTILE = "</script><script>alert(1)</script>\x1b[2J\x00\u202e\ud800'\""
PORT = {"port": {"desired": 5439, "current": 5440}}
EVERY_KIND = [
    finding("fine"),
    finding("sales", "drifted", action="update", differences=["port"], values=PORT),
    finding("hr", "drifted", status=None, action="create"),
    finding("old", "drifted", action="delete"),
    finding("new", "drifted", status="createError", action="update"),
    finding("ill", "not_enabled", status="editError", failing_tests=[{"name": HOSTILE, "message": HOSTILE}]),
    finding(HOSTILE, "failed", host=HOSTILE, status=HOSTILE, action=None, message=HOSTILE),
]


def test_table_lists_drift_worst_first():
    lines = table(report(*EVERY_KIND[:5], finding("ill", "not_enabled", failing_tests=[FAILED_TEST]), others=["x"]))
    assert lines == [
        "CLUSTER  RESULT       STATUS       DETAILS",
        "hr       drifted      -            no integration in Immuta",
        "new      drifted      createError  its creation failed",
        "old      drifted      enabled      exists in Immuta, but state is absent",
        "sales    drifted      enabled      port: desired 5439, current 5440",
        "ill      not enabled  enabled      failing test Connection: The cluster does not answer.",
        "-        unmanaged    enabled      x, id x",
    ]
    assert table(report(finding("fine"))) == []


def test_table_escapes_control_characters():
    text = "".join(table(report(*EVERY_KIND)))
    assert not [character for character in text if character in "\x1b\x00\u202e\n"]


def test_totals_in_one_line():
    made = report(finding("a"), finding("b", "drifted"), others=["x"])
    totals = "2 clusters: 1 in sync, 0 not enabled, 1 drifted, 0 failed; 1 unmanaged, 3 of type Snowflake."
    assert totals_line(made) == totals


def test_junit_has_a_case_for_each_cluster():
    root = ET.fromstring(junit(report(*EVERY_KIND, others=["x"])))
    counts = {"tests": "8", "failures": "5", "errors": "1", "skipped": "1"}
    assert {name: root.get(name) for name in counts} == counts
    assert root.get("time") == "0"
    outcomes = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert outcomes["fine"] == []
    assert outcomes["ill"] == ["failure"]
    assert outcomes["x (id x)"] == ["skipped"]
    (failure,) = root.findall(".//testcase[@name='sales']/failure")
    assert "port: desired 5439, current 5440" in (failure.text or "")


@pytest.mark.parametrize("result", ["in_order", "failed"])
def test_junit_fails_for_unmanaged_integrations(result: str):
    root = ET.fromstring(junit(report(finding("a", result), others=["x"], count_unmanaged=True)))
    assert root.get("failures") == "1"


def test_page_has_escaped_rows_for_each_cluster():
    shown = HtmlPage(page(report(*EVERY_KIND, others=["x"])))
    assert shown.tags.count("tr") == len(EVERY_KIND) + 1 + 2
    assert shown.tags.count("script") == 1
    assert not {"src", "href", "action", "srcset"} & set(shown.attributes)
    assert HOSTILE.replace("\x00", "\N{REPLACEMENT CHARACTER}") in shown.texts
    assert {"5439", "5440", "no integration in Immuta", "Not compared: Snowflake: 3."} <= set(shown.texts)


def test_page_names_tenants_if_there_are_several():
    other = finding("b", tenant="https://other.example.com")
    assert page(report(finding("a"), finding("c"))).count(URL) == 1
    assert page(report(finding("a"), finding("c"), other)).count(URL) == 2
    assert "No cluster was compared." in HtmlPage(page(report())).texts
