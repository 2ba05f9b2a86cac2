# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of the API with arbitrary replies of a server."""

from __future__ import annotations

import json
import time
import types
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ApiError, IntegrationsError
from ansible_collections.immuta.integrations.plugins.module_utils._immuta import http, reconcile
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.api import IntegrationsApi
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import Tenant
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import Desired
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import TYPE
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import Http
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.integration import for_display, same_host
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.messages import Request
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.reconcile import Reconciliation, Waiting
from tests.support.documents import HOST, anything, near_records, results

KEY = "846e9e43c86a4ct1be14290d95127d13f"
PASSWORD = 'pa"ss\\wörd'
SECRETS = (KEY, PASSWORD)
PAYLOAD = {"type": TYPE, "config": {"host": HOST, "password": PASSWORD}}
CALLS: dict[str, tuple[t.Any, ...]] = {
    "records": (),
    "get": ("1",),
    "create": (PAYLOAD,),
    "update": ("1", PAYLOAD),
    "delete": ("1", PAYLOAD["config"]),
    "script": ("create", None, PAYLOAD),
}
CONFIG = {
    "host": HOST,
    "database": "immuta",
    "initialDatabase": "dev",
    "authenticationType": "userPassword",
    "username": "immuta_system_account",
    "password": PASSWORD,
}
FACTS = {"changed", "exists", "settled", "action", "differences", "secrets_updated", "integration", "config", "diff"}

Answer = tuple[int, dict[str, str], bytes]


class Scripted(Http):
    """A server with prepared replies, the last one repeated."""

    def __init__(self, answers: list[Answer]) -> None:
        super().__init__(Tenant("https://tenant.test", KEY, "api_key", True, {}, 10, 1))
        self._answers = answers

    def _exchange(self, request: Request, authorization: str | None) -> Answer:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class Clock:
    """A clock that only advances by sleeping."""

    now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@pytest.fixture(autouse=True, scope="module")
def clock() -> t.Iterator[None]:
    clock = Clock()
    passing = types.SimpleNamespace(sleep=clock.sleep, monotonic=clock.monotonic, time=time.time)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(http, "time", passing)
        patch.setattr(reconcile, "time", passing)
        yield


def headers() -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "Content-Type": st.sampled_from(("application/json", "text/html", "text/plain; charset=utf-8", "")),
            "Retry-After": st.sampled_from(("0", "7", "soon", "-1", "٣", "²", "Wed, 21 Oct 2015 07:28:00 GMT")),
            "Location": st.sampled_from(("", "//a]b", f"https://me:{KEY}@other/{KEY}?{PASSWORD}"))
            | st.text(max_size=9),
        },
    )


def bodies(documents: st.SearchStrategy[t.Any]) -> st.SearchStrategy[bytes]:
    return documents.map(lambda document: json.dumps(document).encode()) | st.binary(max_size=20)


def refusals() -> st.SearchStrategy[Answer]:
    """Generate refusals that echo every secret."""
    texts = (*SECRETS, f"it was {PASSWORD}", json.dumps(PAYLOAD))
    document = st.fixed_dictionaries(
        {"message": st.sampled_from(texts) | anything(*texts)},
        optional={"validationResults": results(*texts), "error": anything(*texts)},
    )
    statuses = st.sampled_from((100, 304, 307, 400, 401, 403, 404, 409, 422, 429, 500, 503, 599))
    return st.tuples(statuses, headers(), bodies(document | anything(*texts)))


def replies() -> st.SearchStrategy[Answer]:
    document = near_records() | st.lists(near_records(), max_size=4)
    return st.tuples(st.sampled_from((200, 201, 204)), headers(), bodies(document))


def check_silence(error: IntegrationsError) -> None:
    """Check that an error is one line that Ansible can pass on, without a secret of the request."""
    failure = error.as_failure()
    said = json.dumps(failure) + json.dumps(failure, ensure_ascii=False) + str(failure)
    assert said.encode()
    for secret in SECRETS if failure.get("method") != "GET" else [KEY]:
        for spelling in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
            assert spelling not in said
    assert failure["msg"].endswith(".")
    assert "\n" not in failure["msg"]


def check_record(record: t.Any) -> None:
    assert isinstance(record["id"], str)
    assert record["id"]
    assert isinstance(record["status"], str)
    assert isinstance(record["config"], dict)


@given(call=st.sampled_from(sorted(CALLS)), answers=st.lists(replies() | refusals(), min_size=1, max_size=3))
def test_call_returns_a_documented_result_or_error(call: str, answers: list[Answer]) -> None:
    with Scripted(answers) as http:
        try:
            outcome = getattr(IntegrationsApi(http), call)(*CALLS[call])
            outcome = list(outcome) if call == "records" else outcome
        except ApiError as error:
            check_silence(error)
            return
    if call == "script":
        assert isinstance(outcome, bytes)
        assert outcome.strip()
    elif call == "delete":
        assert outcome is None
    elif call == "records":
        for record in outcome:
            check_record(record)
            assert json.dumps(for_display(record), ensure_ascii=False).encode()
            same_host(record["config"].get("host"), HOST)
    elif outcome is not None or call != "get":
        check_record(outcome)


@given(
    answers=st.lists(replies() | refusals(), min_size=1, max_size=6),
    number=st.none() | st.just("1"),
    state=st.sampled_from(("present", "absent")),
    automatic=st.booleans(),
    always=st.booleans(),
    waits=st.booleans(),
    predicts=st.booleans(),
)
def test_reconcile_ends_with_a_result_or_error(
    answers: list[Answer],
    number: str | None,
    state: str,
    automatic: bool,
    always: bool,
    waits: bool,
    predicts: bool,
) -> None:
    desired = Desired(state, number, automatic, CONFIG, {}, update_secrets=always)
    with Scripted(answers) as http:
        course = Reconciliation(IntegrationsApi(http), desired, Waiting(waits, 20, 5), retries=1)
        try:
            result = course.plan() if predicts else course.apply()
        except IntegrationsError as error:
            check_silence(error)
            return
    assert set(result) >= FACTS
    said = json.dumps(result, ensure_ascii=False)
    assert said.encode()
    assert KEY not in said
    assert json.dumps(PASSWORD, ensure_ascii=False)[1:-1] not in said
