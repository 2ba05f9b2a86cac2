# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task from the first query to the result, on a tenant in memory: every request in every state, and faults."""

from __future__ import annotations

import types
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common import progress
from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ApiError,
    InputError,
    UnsettledError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta import reconcile
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import Desired, snake_case
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.reconcile import Reconciliation, Waiting
from ansible_collections.immuta.integrations.plugins.module_utils._modules import immuta_redshift_integration
from ansible_collections.immuta.integrations.plugins.module_utils._modules.immuta_redshift_integration import (
    arguments,
    run,
)

HOST = "organization.aws.amazon.com"
CONFIG: dict[str, t.Any] = {
    "host": HOST,
    "database": "immuta",
    "initialDatabase": "dev",
    "authenticationType": "userPassword",
    "username": "immuta_system",
    "password": "abc1234",
}
HIDDEN = {"username": "<REDACTED>", "password": "<REDACTED>"}
FAILED_TESTS = {
    "status": "failed",
    "validationTests": [
        {"name": "Basic Connection Test", "status": "failed", "message": "no route"},
        {"name": "Grants", "status": "failed", "message": "USAGE is missing"},
        {"name": "Fine", "status": "passed"},
    ],
}
FAILURES = "failing validation tests: Basic Connection Test (no route); Grants (USAGE is missing)"

EQUAL = Desired("present", None, False, CONFIG, {}, update_secrets=False)
DIFFERENT = replace(EQUAL, config={**CONFIG, "port": 5440})
SECRETS = replace(EQUAL, update_secrets=True)
ABSENT = Desired("absent", None, None, {"host": HOST}, {}, update_secrets=False)

CREATE = ["LIST", "POST", "GET 7", "GET 7"]
UPDATE = ["LIST", "PUT 7", "GET 7", "GET 7"]
DELETE = ["LIST", "DELETE 7", "GET 7", "GET 7"]


def refusal(status: int, message: str = "No.", **about: t.Any) -> ApiError:
    known = {
        "is_document": True,
        "retryable": status in (429, 502, 503, 504),
        "may_have_taken_effect": status >= 500,
    }
    return ApiError(f"HTTP {status}: {message}", status=status, **{**known, **about})


def lost(retryable: bool = True) -> ApiError:
    return ApiError("the connection broke.", may_have_taken_effect=True, retryable=retryable)


class Tenant:
    """An Integrations API with at most one integration, whose id is 7.

    Each query shows the next of ``statuses`` (None: deleted) and stays at the last. ``faults`` maps a method to errors,
    one for each time it is sent: an error alone replaces the action, one in a tuple follows it.
    """

    def __init__(self, *statuses: str | None, automatic: bool = False, **faults: list[t.Any]) -> None:
        self.statuses: list[str | None] = list(statuses)
        self.automatic = automatic
        self.faults = faults
        self.config = {**CONFIG, **HIDDEN, "port": 5439, "impersonation": {"enabled": False}}
        self.after = {"POST": ["creating", "enabled"], "PUT": ["editing", "enabled"], "DELETE": ["deleting", None]}
        self.requests: list[str] = []
        self.bodies: list[t.Any] = []

    def records(self) -> list[dict[str, t.Any]]:
        self._request("LIST")
        record = self._show()
        return [{"id": "1", "status": "enabled", "type": "Databricks", "config": {}}, *([record] if record else [])]

    def get(self, integration_id: str) -> dict[str, t.Any] | None:
        self._request("GET", integration_id)
        return self._show()

    def create(self, payload: dict[str, t.Any]) -> dict[str, t.Any]:
        self._write("POST", payload)
        return {"id": "7", "status": "creating", "config": {}}

    def update(self, integration_id: str, payload: dict[str, t.Any]) -> dict[str, t.Any]:
        self._write("PUT", payload, integration_id)
        return {"id": integration_id, "status": "editing", "config": {}}

    def delete(self, integration_id: str, credentials: dict[str, t.Any] | None) -> None:
        self._write("DELETE", credentials, integration_id)

    def _show(self) -> dict[str, t.Any] | None:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status is None:
            return None
        record = {"id": "7", "status": status, "type": "Redshift", "autoBootstrap": self.automatic}
        tests = FAILED_TESTS if status.endswith("Error") else {"status": "passed", "validationTests": []}
        return {**record, "config": dict(self.config), "validationResults": tests}

    def _request(self, method: str, *integration_id: str) -> t.Any:
        self.requests.append(" ".join([method, *integration_id]))
        fault = self.faults.get(method, [])
        error = fault.pop(0) if fault else None
        if isinstance(error, ApiError):
            raise error
        return error

    def _write(self, method: str, body: t.Any, *integration_id: str) -> None:
        self.bodies.append(body)
        error = self._request(method, *integration_id)
        self.statuses = list(self.after[method])
        if method != "DELETE":
            self.config = {"port": 5439, "impersonation": {"enabled": False}, **body["config"], **HIDDEN}
        if error:
            raise error[0]


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[t.Any]:
    """Record the pauses without sleeping: seconds between two queries, and the error before each backoff."""
    waited: list[t.Any] = []
    clock = types.SimpleNamespace(
        monotonic=lambda: sum(one for one in waited if isinstance(one, float)), sleep=waited.append
    )
    monkeypatch.setattr(reconcile, "time", clock)
    monkeypatch.setattr(reconcile, "backoff", lambda error, _failures: waited.append(error))
    return waited


def reconciliation(
    tenant: Tenant, desired: Desired, wait: bool = True, timeout: float = 20.0, retries: int = 3
) -> Reconciliation:
    return Reconciliation(t.cast(t.Any, tenant), desired, Waiting(wait, timeout, 5.0), retries)


# Every way through a task: the record in Immuta, the requests of the run, and from its result the action and the keys
# changed, exists and secrets_updated. The table of all statuses is in test_integration.py.
CREATED, UPDATED = ("create", True, True, True), ("update", True, True, True)
DELETED, KEPT = ("delete", True, False, False), ("none", False, True, False)
ABSENT_BEFORE = ("none", False, False, False)
WAITED, WAITED_FOR_THE_END = ("wait", False, True, False), ("wait", False, False, False)
WAYS: dict[str, tuple[list[str | None], Desired, list[str], tuple[str, bool, bool, bool]]] = {
    "create": ([None], EQUAL, CREATE, CREATED),
    "create after a disabled one": (["disabled"], EQUAL, CREATE, CREATED),
    "create after a deletion": (["deleting", None], EQUAL, ["LIST", "GET 7", *CREATE[1:]], CREATED),
    "keep": (["enabled"], EQUAL, ["LIST"], KEPT),
    "keep a degraded one": (["editError"], EQUAL, ["LIST"], KEPT),
    "keep a busy one": (["creating", "enabled"], EQUAL, ["LIST", "GET 7"], WAITED),
    "update": (["enabled"], DIFFERENT, UPDATE, UPDATED),
    "update by id": (["enabled"], replace(DIFFERENT, id="7"), ["GET 7", *UPDATE[1:]], UPDATED),
    "update the secrets": (["enabled"], SECRETS, UPDATE, UPDATED),
    "update a busy one": (["editing", "enabled"], DIFFERENT, ["LIST", "GET 7", *UPDATE[1:]], UPDATED),
    "repair": (["createError"], EQUAL, UPDATE, UPDATED),
    "delete": (["enabled"], ABSENT, DELETE, DELETED),
    "delete a busy one": (["creating", "enabled"], ABSENT, ["LIST", "GET 7", *DELETE[1:]], DELETED),
    "nothing to delete": ([None], ABSENT, ["LIST"], ABSENT_BEFORE),
    "nothing to delete by id": ([None], replace(ABSENT, id="7"), ["GET 7"], ABSENT_BEFORE),
    "disabled, nothing to delete": (["disabled"], ABSENT, ["LIST"], ABSENT_BEFORE),
    "deletion ends": (["deleting", None], ABSENT, ["LIST", "GET 7"], WAITED_FOR_THE_END),
    "deletion ends with a record": (["deleting", "deleted"], ABSENT, ["LIST", "GET 7"], WAITED_FOR_THE_END),
}


@pytest.mark.parametrize(("statuses", "desired", "requests", "outcome"), WAYS.values(), ids=WAYS)
def test_requests_and_result(
    statuses: list[str | None], desired: Desired, requests: list[str], outcome: tuple[str, bool, bool, bool]
):
    tenant = Tenant(*statuses)
    result = reconciliation(tenant, desired).apply()
    assert tenant.requests == requests
    assert tuple(result[name] for name in ("action", "changed", "exists", "secrets_updated")) == outcome
    assert result["settled"]
    assert (result["integration"] is None) == (not result["exists"])
    assert "abc1234" not in repr(result)

    tenant = Tenant(*statuses)
    predicted = reconciliation(tenant, desired).plan()  # check mode
    assert tenant.requests == requests[:1]
    assert predicted.keys() == result.keys()
    for name in ("changed", "diff", "differences", "secrets_updated", "config"):
        assert predicted[name] == result[name]
    assert predicted["creation_failed"] == (statuses[0] == "createError")


def test_result_of_a_change():
    result = reconciliation(Tenant("enabled"), replace(DIFFERENT, extra={"secretKey": "hush", "sslMode": "on"})).apply()
    assert result["action"] == "update"
    assert result["differences"] == ["port"]
    assert not result["creation_failed"]
    assert result["validation_results"] == {"status": "passed", "validation_tests": []}
    assert result["integration"]["config"]["port"] == 5440
    assert result["config"] == {
        "host": HOST,
        "database": "immuta",
        "initial_database": "dev",
        "authentication_type": "userPassword",
        "username": "immuta_system",
        "password": "********",
        "port": 5440,
        "extra": {"secretKey": "********", "sslMode": "on"},
    }
    before, after = (result["diff"][side]["config"] for side in ("before", "after"))
    assert (before["port"], before["password"]) == (5439, "<REDACTED>")
    assert (after["port"], after["password"], after["extra"]["secretKey"]) == (5440, "********", "********")
    assert result["warnings"] == []


def test_sent_requests():
    tenant = Tenant("enabled", automatic=True)
    automatic = replace(DIFFERENT, auto_bootstrap=True)
    reconciliation(tenant, automatic).apply()
    removed = reconciliation(tenant, replace(automatic, state="absent")).apply()
    put, delete = tenant.bodies
    assert put["config"] == {**CONFIG, "port": 5440, "impersonation": {"enabled": False}}
    assert delete == {name: CONFIG[name] for name in ("authenticationType", "username", "password")}
    assert (removed["diff"]["before"]["config"]["port"], removed["diff"]["after"]) == (5440, {})
    manual = Tenant("enabled")
    reconciliation(manual, ABSENT).apply()
    assert manual.bodies == [None]


def test_unapplied_setting_warns():
    tenant = Tenant("enabled")
    tenant.update = lambda *_: {"id": "7", "status": "editing", "config": {}}  # type: ignore[method-assign]
    (warning,) = reconciliation(tenant, DIFFERENT).apply()["warnings"]
    assert "still returns another value of port: every run sends it again" in warning


# Final states


@pytest.mark.parametrize(
    ("statuses", "desired", "method", "end", "said"),
    [
        ([None], EQUAL, "POST", "createError", "is createError after its creation"),
        (["createError"], EQUAL, "PUT", "createError", "is createError after its change"),
        (["enabled"], DIFFERENT, "PUT", "editError", "is editError after its change"),
        (["enabled"], ABSENT, "DELETE", "deleteError", "is deleteError after its deletion"),
    ],
)
def test_failed_status_names_the_failing_tests(
    statuses: list[str | None], desired: Desired, method: str, end: str, said: str
):
    tenant = Tenant(*statuses)
    tenant.after[method].insert(1, end)
    with pytest.raises(UnsettledError) as caught:
        reconciliation(tenant, desired).apply()
    assert caught.value.message == (
        f"The Redshift integration on {HOST} {said}; {FAILURES}. Fix the cause and run the task again."
    )
    failure = caught.value.as_failure()
    assert failure["last_status"] == end
    assert failure["integration"]["status"] == end
    assert failure["validation_results"]["validation_tests"] == FAILED_TESTS["validationTests"]
    assert "abc1234" not in repr(failure)


def test_integration_deleted_meanwhile():
    tenant = Tenant("enabled")
    tenant.after["PUT"] = [None]
    with pytest.raises(UnsettledError, match="is gone after its change; Immuta reports no failing validation test"):
        reconciliation(tenant, DIFFERENT).apply()


@pytest.mark.parametrize(
    ("desired", "timeout", "sleeps"),
    [(EQUAL, 20.0, [5.0] * 4), (ABSENT, 20.0, [5.0] * 4), (EQUAL, 7.0, [5.0, 2.0]), (EQUAL, 4.0, [4.0])],
)
def test_unsettled_integration_times_out(desired: Desired, timeout: float, sleeps: list[float], pauses: list[t.Any]):
    tenant = Tenant("creating")
    with pytest.raises(UnsettledError, match=rf"\(id 7\) was still creating after {timeout} s: raise wait_timeout"):
        reconciliation(tenant, desired, timeout=timeout).apply()
    assert tenant.requests == ["LIST", *["GET 7"] * len(sleeps)]
    assert pauses == sleeps


def test_timeout_covers_all_waits_of_a_task(pauses: list[t.Any]):
    tenant = Tenant("deleting", "deleting", "deleting", None)
    tenant.after["POST"] = ["creating"]
    with pytest.raises(UnsettledError, match=r"was still creating after 20\.0 s"):
        reconciliation(tenant, EQUAL).apply()
    assert pauses == [5.0] * 4


def test_transient_read_errors_are_retried(pauses: list[t.Any]):
    tenant = Tenant(None, GET=[refusal(503), lost(), None, refusal(429)])
    assert reconciliation(tenant, EQUAL).apply()["exists"]
    assert tenant.requests == ["LIST", "POST", *["GET 7"] * 5]
    assert pauses == [5.0] * 4


def test_deletion_continues_after_a_failed_read():
    tenant = Tenant("enabled", GET=[refusal(503)])
    assert reconciliation(tenant, ABSENT).apply()["changed"]
    assert tenant.requests == ["LIST", "DELETE 7", "GET 7", "GET 7", "GET 7"]


def test_refused_read_fails_the_task():
    with pytest.raises(ApiError, match="HTTP 403"):
        reconciliation(Tenant(None, GET=[refusal(403)]), EQUAL).apply()


# Without wait


@pytest.mark.parametrize(
    ("statuses", "desired", "requests", "changed", "status"),
    [
        ([None], EQUAL, ["LIST", "POST", "GET 7"], True, "creating"),
        (["enabled"], DIFFERENT, ["LIST", "PUT 7", "GET 7"], True, "editing"),
        (["enabled"], ABSENT, ["LIST", "DELETE 7", "GET 7"], True, "deleting"),
        (["creating"], EQUAL, ["LIST"], False, "creating"),
        (["deleting"], ABSENT, ["LIST"], False, "deleting"),
    ],
)
def test_without_wait_the_task_ends_at_once(
    statuses: list[str | None], desired: Desired, requests: list[str], changed: bool, status: str, pauses: list[t.Any]
):
    tenant = Tenant(*statuses)
    result = reconciliation(tenant, desired, wait=False).apply()
    assert tenant.requests == requests
    assert (result["changed"], result["exists"], result["settled"]) == (changed, True, False)
    assert result["integration"]["status"] == status
    assert pauses == []
    assert reconciliation(Tenant(*statuses), desired, wait=False).plan()["action"] == result["action"]


@pytest.mark.parametrize(("status", "desired"), [("creating", DIFFERENT), ("creating", ABSENT), ("deleting", EQUAL)])
def test_without_wait_a_busy_integration_fails(status: str, desired: Desired):
    for method in (Reconciliation.apply, Reconciliation.plan):
        tenant = Tenant(status)
        with pytest.raises(UnsettledError, match=rf"\(id 7\) is {status} and cannot be changed now: set wait"):
            method(reconciliation(tenant, desired, wait=False))
        assert tenant.requests == ["LIST"]


# Lost replies: the next step depends on the state of Immuta.


@pytest.mark.parametrize("error", [lost(), lost(retryable=False), refusal(500), refusal(504)], ids=str)
@pytest.mark.parametrize(
    ("statuses", "desired", "method", "requests"),
    [
        ([None], EQUAL, "POST", ["LIST", "POST", "LIST", "GET 7"]),
        (["enabled"], DIFFERENT, "PUT", ["LIST", "PUT 7", "LIST", "GET 7"]),
        (["enabled"], SECRETS, "PUT", ["LIST", "PUT 7", "LIST", "GET 7"]),
        (["enabled"], ABSENT, "DELETE", ["LIST", "DELETE 7", "LIST", "GET 7"]),
    ],
)
def test_effective_write_is_not_repeated(
    statuses: list[str | None], desired: Desired, method: str, requests: list[str], error: ApiError, pauses: list[t.Any]
):
    tenant = Tenant(*statuses, **{method: [(error,)]})
    assert reconciliation(tenant, desired).apply()["changed"]
    assert tenant.requests == requests
    assert pauses == [error]


def test_effective_quick_write_is_not_repeated():
    tenant = Tenant("enabled", PUT=[(lost(),)])
    tenant.after["PUT"] = ["enabled"]
    assert reconciliation(tenant, DIFFERENT).apply()["changed"]
    assert tenant.requests == ["LIST", "PUT 7", "LIST", "GET 7"]
    tenant = Tenant("enabled", DELETE=[(lost(),)])
    tenant.after["DELETE"] = [None]
    assert reconciliation(tenant, ABSENT).apply()["changed"]
    assert tenant.requests == ["LIST", "DELETE 7", "LIST"]


def test_effective_write_that_failed_is_an_error():
    tenant = Tenant(None, POST=[(lost(),)])
    tenant.after["POST"] = ["createError"]
    with pytest.raises(UnsettledError, match=r"is createError after its creation"):
        reconciliation(tenant, EQUAL).apply()
    assert tenant.requests == ["LIST", "POST", "LIST", "GET 7"]


@pytest.mark.parametrize("error", [lost(), refusal(429), refusal(503), ApiError("refused", retryable=True)], ids=str)
@pytest.mark.parametrize(
    ("statuses", "desired", "method", "requests"),
    [
        ([None], EQUAL, "POST", CREATE),
        (["enabled"], DIFFERENT, "PUT", UPDATE),
        (["createError"], EQUAL, "PUT", UPDATE),
        (["enabled"], ABSENT, "DELETE", DELETE),
    ],
)
def test_ineffective_write_is_repeated_after_a_read(
    statuses: list[str | None], desired: Desired, method: str, requests: list[str], error: ApiError, pauses: list[t.Any]
):
    tenant = Tenant(*statuses, **{method: [error]})
    assert reconciliation(tenant, desired).apply()["changed"]
    assert tenant.requests == [*requests[:2], *requests]
    assert pauses == [error, 5.0]


def test_credentials_are_resent_after_transient_error():
    tenant = Tenant("enabled", PUT=[refusal(429)])
    assert reconciliation(tenant, SECRETS).apply()["secrets_updated"]
    assert tenant.requests == [*UPDATE[:2], *UPDATE]


UNKNOWN = r"\. The outcome is unknown; Immuta shows no change yet"


@pytest.mark.parametrize(
    ("desired", "error", "retries", "writes", "said"),
    [
        (DIFFERENT, lost(), 0, 1, f"^the connection broke{UNKNOWN}"),
        (DIFFERENT, lost(), 2, 3, f"^the connection broke{UNKNOWN}"),
        (DIFFERENT, lost(retryable=False), 3, 1, UNKNOWN),
        (DIFFERENT, refusal(500), 3, 1, UNKNOWN),
        (DIFFERENT, refusal(429), 1, 2, r"^HTTP 429: No\.$"),
        (DIFFERENT, refusal(409), 0, 2, "HTTP 409"),
        (SECRETS, lost(), 3, 1, UNKNOWN),
        (SECRETS, refusal(503), 3, 1, UNKNOWN),
    ],
    ids=str,
)
def test_repetitions_of_a_write_end(desired: Desired, error: ApiError, retries: int, writes: int, said: str):
    """A change of credentials alone is not visible: it is sent once."""
    tenant = Tenant("enabled", PUT=[error] * 9)
    with pytest.raises(ApiError, match=said):
        reconciliation(tenant, desired, retries=retries).apply()
    assert tenant.requests == ["LIST", "PUT 7"] * writes + ["LIST"]


# Refusals


@pytest.mark.parametrize(
    ("status", "desired", "method", "code"),
    [
        (None, EQUAL, "POST", 404),
        (None, EQUAL, "POST", 422),
        ("enabled", DIFFERENT, "PUT", 400),
        ("enabled", ABSENT, "DELETE", 400),
    ],
)
def test_refusal_fails_at_once(status: str | None, desired: Desired, method: str, code: int):
    """Immuta's documentation, "HTTP Status Codes and Error Messages": the request itself must change."""
    tenant = Tenant(status, **{method: [refusal(code)]})
    with pytest.raises(ApiError, match=f"HTTP {code}"):
        reconciliation(tenant, desired).apply()
    assert tenant.requests == ["LIST", method if status is None else f"{method} 7"]


def test_post_409_continues_with_the_existing_record():
    """Immuta's documentation, POST 409: "Snowflake integration already exists on ... (id = 1)."."""
    tenant = Tenant(None, "creating", "enabled", POST=[refusal(409)])
    result = reconciliation(tenant, EQUAL).apply()
    assert tenant.requests == ["LIST", "POST", "LIST", "GET 7"]
    assert not result["changed"]
    assert "when this task tried to create it" in result["warnings"][0]


# The write that Immuta refuses, what it shows from then on, the following requests, and whether the task changed it.
AFTER_A_REFUSAL: dict[str, tuple[Desired, str, int, list[str | None], list[str], bool]] = {
    # Immuta's documentation, POST 400: "Use PUT /integrations/1 endpoint to update connection information ...".
    "failed creation": (EQUAL, "POST", 400, [None, "createError"], ["LIST", *UPDATE[1:]], True),
    # PUT 409: "Unable to edit integration with ID 10 in current state editing.".
    "busy": (DIFFERENT, "PUT", 409, ["enabled", "editing", "enabled"], ["LIST", "GET 7", *UPDATE[1:]], True),
    "busy, removal": (ABSENT, "DELETE", 409, ["enabled", "editing", "enabled"], ["LIST", "GET 7", *DELETE[1:]], True),
    "being deleted": (ABSENT, "DELETE", 409, ["enabled", "deleting", None], ["LIST", "GET 7"], False),
    # DELETE 404: "No integration found with ID 5.".
    "deleted": (ABSENT, "DELETE", 404, ["enabled", None], ["LIST"], False),
    "deleted, change": (DIFFERENT, "PUT", 404, ["enabled", None], ["LIST", *CREATE[1:]], True),
}


@pytest.mark.parametrize(
    ("desired", "method", "code", "statuses", "requests", "changed"), AFTER_A_REFUSAL.values(), ids=AFTER_A_REFUSAL
)
def test_task_continues_after_a_refusal(
    desired: Desired, method: str, code: int, statuses: list[str | None], requests: list[str], changed: bool
):
    tenant = Tenant(*statuses, **{method: [refusal(code)]})
    result = reconciliation(tenant, desired).apply()
    assert (result["changed"], bool(result["warnings"])) == (changed, method == "POST")
    assert tenant.requests[2:] == requests


@pytest.mark.parametrize("code", [400, 409])
def test_post_conflict_with_a_hidden_record_fails(code: int):
    tenant = Tenant(None, POST=[refusal(code, "name in use")])
    with pytest.raises(ApiError, match=f"HTTP {code}: name in use"):
        reconciliation(tenant, EQUAL).apply()
    assert tenant.requests == ["LIST", "POST", "LIST"]


def test_404_of_another_server_is_an_error():
    tenant = Tenant("enabled", DELETE=[refusal(404, is_document=False)])
    with pytest.raises(ApiError, match="HTTP 404"):
        reconciliation(tenant, ABSENT).apply()


# From the options to the reconciliation


def options(**changes: t.Any) -> dict[str, t.Any]:
    defaults = {name: option.get("default") for name, option in arguments()["argument_spec"].items()}
    tenant = {"url": "http://tenant.example.com", "api_key": "846e9e43", "validate_certs": False}
    return {**defaults, **tenant, "auto_bootstrap": False, "config": snake_case(CONFIG), **changes}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"wait_timeout": 0}, "wait_timeout and wait_sleep are seconds"),
        ({"wait_sleep": 0.0}, "wait_timeout and wait_sleep are seconds"),
        ({"config": {"host": HOST}}, "also needs config.database"),
        ({"config": {}}, "identify the integration by one of them"),
        ({"config": None, "state": "absent"}, "identify the integration by one of them"),
        ({"validate_certs": True}, "plain http"),
    ],
)
@pytest.mark.parametrize("check_mode", [False, True])
def test_invalid_options_fail_before_any_request(changes: dict[str, t.Any], said: str, check_mode: bool):
    with pytest.raises(InputError, match=said):
        run(options(**changes), check_mode, {})


@pytest.mark.parametrize(
    ("changes", "check_mode", "requests"),
    [
        ({}, False, CREATE),
        ({}, True, ["LIST"]),
        ({"state": "absent", "id": "7", "config": None}, False, ["GET 7"]),
        ({"id": "7", "config": {"port": 5439}}, True, ["GET 7"]),
    ],
)
def test_options_are_sent_to_the_tenant(
    changes: dict[str, t.Any], check_mode: bool, requests: list[str], monkeypatch: pytest.MonkeyPatch
):
    tenant = Tenant("enabled" if "id" in changes and check_mode else None)
    monkeypatch.setattr(immuta_redshift_integration, "IntegrationsApi", lambda _http: tenant)
    result = run(options(**changes), check_mode, {})
    assert tenant.requests == requests
    assert result["warnings"] == ["The API key is sent in clear text, because http://tenant.example.com is plain http."]


def test_progress_reports_each_status() -> None:
    tenant = Tenant("editing", "editing", "deleting", None)
    heard: list[progress.State | None] = []
    with progress.listening(heard.append):
        reconciliation(tenant, EQUAL, timeout=600).apply()
    waited = [progress.State(status, 600) for status in ("editing", "editing", "deleting")]
    assert heard[:4] == [*waited, None], "and nothing while the creation is sent"
    assert heard[-1] is None
