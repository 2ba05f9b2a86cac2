# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoints and their replies, with a session that returns prepared replies."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ApiError, InputError
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.api import IntegrationsApi
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.messages import Reply, Request

PAYLOAD = {"type": "Redshift", "autoBootstrap": False, "config": {"host": "h"}}
CREATED = {"id": "123456789", "status": "creating", "validationResults": {"status": "passed", "validationTests": []}}


class Session:
    """An Http double with one reply that records requests."""

    def __init__(self, body: t.Any, content_type: str = "application/json") -> None:
        self._body = body
        self._content_type = content_type
        self.requests: list[Request] = []

    def request(self, method: str, path: str, body: t.Any = None, repeatable: bool = False) -> Reply:
        self.requests.append(Request(method, path, body, repeatable))
        if isinstance(self._body, ApiError):
            raise self._body
        body = self._body if isinstance(self._body, bytes) else json.dumps(self._body).encode()
        return Reply(self.requests[-1], 200, self._content_type, body)


@pytest.mark.parametrize(
    ("call", "arguments", "answer", "request_"),
    [
        ("records", (), [], Request("GET", "/integrations", None, True)),
        ("get", ("5",), CREATED, Request("GET", "/integrations/5", None, True)),
        ("create", (PAYLOAD,), CREATED, Request("POST", "/integrations", PAYLOAD, False)),
        ("update", ("5", PAYLOAD), CREATED, Request("PUT", "/integrations/5", PAYLOAD, False)),
        ("delete", ("5", None), b"", Request("DELETE", "/integrations/5", None, False)),
        ("delete", ("5", {"a": 1}), CREATED, Request("DELETE", "/integrations/5", {"a": 1}, False)),
        *(
            ("script", (name, None, PAYLOAD), "S", Request("POST", f"/integrations/scripts/{path}", PAYLOAD, True))
            for name, path in (("initial_create", "initial-create"), ("create", "create"), ("cleanup", "cleanup"))
        ),
        ("script", ("edit", "5", PAYLOAD), "S", Request("POST", "/integrations/5/scripts/edit", PAYLOAD, True)),
        ("script", ("delete", "5", None), "S", Request("POST", "/integrations/5/scripts/delete", None, True)),
    ],
    ids=str,
)
def test_one_request_per_call(call: str, arguments: tuple[t.Any, ...], answer: t.Any, request_: Request):
    """Immuta's documentation, "Integrations API Endpoints" and "Configure a Redshift Integration"."""
    session = Session(answer)
    getattr(IntegrationsApi(session), call)(*arguments)
    assert session.requests == [request_]


@pytest.mark.parametrize("shown", [5, "5"])
def test_id_is_converted_to_text(shown: t.Any):
    """Immuta's documentation, "Response Schema", says number; every example shows a string."""
    assert IntegrationsApi(Session({**CREATED, "id": shown})).get("5")["id"] == "5"


@pytest.mark.parametrize("config", [{}, {"config": None}], ids=str)
def test_record_without_settings(config: dict[str, t.Any]):
    assert next(IntegrationsApi(Session([{**CREATED, **config}])).records())["config"] == {}


@pytest.mark.parametrize("identifier", ["", "..", "1/2", "1?force=true", "1#", "Ä", "1\n"])
def test_id_with_a_path_is_refused(identifier: str):
    session = Session(CREATED)
    with pytest.raises(InputError, match="The option id is "):
        IntegrationsApi(session).delete(identifier, None)
    assert session.requests == []


ODD_RECORDS = [
    *(None, [], "enabled", {}, {"id": 1}, {"status": "enabled"}),
    *({"id": number, "status": "enabled"} for number in (None, True, "", 1.5)),
    *({"id": 1, "status": status} for status in (None, ["enabled"])),
    *({"id": 1, "status": "enabled", "config": config} for config in ([], "<REDACTED>")),
]


@pytest.mark.parametrize("record", ODD_RECORDS, ids=str)
@pytest.mark.parametrize("call", ["records", "get", "create", "update"])
def test_malformed_record_is_one_sentence(call: str, record: t.Any):
    api = IntegrationsApi(Session([CREATED, record] if call == "records" else record))
    arguments = {"records": (), "get": ("1",), "create": (PAYLOAD,), "update": ("1", PAYLOAD)}[call]
    with pytest.raises(ApiError, match="check that url is the root of an Immuta tenant") as caught:
        # A list is consumed while it is read.
        list(getattr(api, call)(*arguments))
    assert caught.value.may_have_taken_effect == (call in ("create", "update"))


@pytest.mark.parametrize("envelope", [{"hits": []}, {"data": [], "count": 1}, {"results": [], "total": 1, "size": 25}])
def test_list_in_an_envelope(envelope: dict[str, t.Any]):
    """Seen at other endpoints of Immuta 2026.1."""
    record = {"id": 1, "status": "enabled"}
    full = {name: [record] if value == [] else value for name, value in envelope.items()}
    assert [found["id"] for found in IntegrationsApi(Session(full)).records()] == ["1"]


PARTIAL = {"hits": [{"id": 1, "status": "enabled"}], "count": 2}


@pytest.mark.parametrize("document", [{}, {"integrations": []}, "x", 5, PARTIAL, {"hits": [], "data": []}])
def test_malformed_list_is_an_error(document: t.Any):
    with pytest.raises(ApiError, match="is not a list of integrations"):
        IntegrationsApi(Session(document)).records()


def test_unknown_id():
    """Immuta's documentation, "HTTP Status Codes and Error Messages": GET 404, "No Integration found with ID 5."."""
    missing = ApiError("no", status=404, is_document=True)
    assert IntegrationsApi(Session(missing)).get("5") is None


@pytest.mark.parametrize("error", [ApiError("no", status=404), ApiError("no", status=403, is_document=True)])
def test_other_errors_are_not_a_missing_integration(error: ApiError):
    with pytest.raises(ApiError) as caught:
        IntegrationsApi(Session(error)).get("5")
    assert caught.value is error


# Scripts: Immuta's documentation says only that the response "returns the script".

SCRIPT = "-- é\r\nCREATE USER \"u\" PASSWORD 'a\\b';\n\tSELECT 1"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (SCRIPT.encode(), "text/plain; charset=utf-8"),
        (SCRIPT.encode(), "application/json"),
        (SCRIPT.encode(), ""),
        (json.dumps(SCRIPT).encode(), "application/json; charset=utf-8"),
        (json.dumps(SCRIPT).encode(), "text/plain"),
        (json.dumps({"script": SCRIPT, "name": "create"}).encode(), "application/json"),
        (json.dumps({"sql": SCRIPT, "lines": 2}).encode(), "application/json"),
    ],
)
def test_wrapped_script_is_returned_byte_for_byte(body: bytes, content_type: str):
    assert IntegrationsApi(Session(body, content_type)).script("create", None, PAYLOAD) == SCRIPT.encode()


def test_raw_script_with_quoted_name_or_no_utf8():
    for raw in (b'"proc"();', b"SELECT '\xff'"):
        assert IntegrationsApi(Session(raw, "text/plain")).script("create", None, PAYLOAD) == raw


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<html>Log in</html>", "text/html"),
        (b"  <!doctype html>", "text/plain"),
        (b"Log in", "text/html; charset=utf-8"),
        *((body, "application/json") for body in (b'{"script": ', b'"unterminated', b"[]", b"{}", b"5", b"null")),
        *((body, "application/json") for body in (b'{"a": "x", "b": "y"}', b'{"script": null}', b'"  "')),
        *((body, "application/json") for body in (b'"\\ud800"', b"[" * 100_000)),
    ],
    ids=range(14),
)
def test_malformed_script_is_an_error(body: bytes, content_type: str):
    with pytest.raises(ApiError, match="is not a script") as caught:
        IntegrationsApi(Session(body, content_type)).script("create", None, PAYLOAD)
    assert not caught.value.may_have_taken_effect
