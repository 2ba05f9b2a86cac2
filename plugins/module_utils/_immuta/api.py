# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Immuta's Integrations API, with a method for each endpoint and documented shapes.

The endpoints are those of Immuta's documentation, "Integrations API Endpoints" and "Configure a Redshift Integration".
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ApiError,
    InputError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import Credentials, Payload, Record
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import Http
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.messages import (
    Reply,
)

_SCRIPTS = {
    "initial_create": "/scripts/initial-create",
    "create": "/scripts/create",
    "edit": "/scripts/edit",
    "delete": "/scripts/delete",
    "cleanup": "/scripts/cleanup",
}


class IntegrationsApi:
    """The client of the API. Every method raises ApiError for a refusal, a lost reply, or an undocumented reply.

    Methods with an id raise InputError for an invalid one. A *record* is an integration with at least its ``id`` and
    ``status``, both text, and its ``config``, an object.
    """

    def __init__(self, http: Http) -> None:
        self._http = http

    def records(self) -> t.Iterator[Record]:
        """Yield the records of all integrations of the tenant, of every type; there can be many."""
        reply = self._http.request("GET", "/integrations", repeatable=True)
        document = _unwrapped(reply.document())
        if not isinstance(document, list):
            raise _unexpected(reply, "a list of integrations")
        return (_record(item, reply) for item in document)

    def get(self, integration_id: str) -> Record | None:
        """Return a record, or None if Immuta reports that the id does not exist."""
        try:
            reply = self._http.request("GET", _path(integration_id), repeatable=True)
        except ApiError as error:
            if error.status == 404 and error.is_document:
                return None
            raise
        return _record(reply.document(), reply)

    def create(self, payload: Payload) -> Record:
        """Register an integration. The record in the reply has neither type nor settings."""
        reply = self._http.request("POST", "/integrations", payload)
        return _record(reply.document(), reply)

    def update(self, integration_id: str, payload: Payload) -> Record:
        """Replace the whole payload of an integration. The reply is as that of `create`."""
        reply = self._http.request("PUT", _path(integration_id), payload)
        return _record(reply.document(), reply)

    def delete(self, integration_id: str, credentials: Credentials | None) -> None:
        """Delete an integration.

        ``credentials`` are for an automatic setup and must be None for any other. Their shape, a flat object of
        ``authenticationType`` and the credentials, is an assumption (the documentation's example is missing).
        """
        self._http.request("DELETE", _path(integration_id), credentials)

    def script(self, name: str, integration_id: str | None, payload: Payload | None) -> bytes:
        """Generate a script for an existing or a new integration, without changing it.

        The documentation says only that the response "returns the script". A raw body, a JSON string and a JSON object
        with one text are accepted; a raw body is returned byte for byte.
        """
        path = ("/integrations" if integration_id is None else _path(integration_id)) + _SCRIPTS[name]
        reply = self._http.request("POST", path, payload, repeatable=True)
        script = _script(reply)
        if not script.strip():
            raise _unexpected(reply, "a script")
        return script


def _path(integration_id: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", integration_id):
        raise InputError(f"The option id is {integration_id!r}, which is not the id of an integration: set its number.")
    return f"/integrations/{integration_id}"


def _record(document: t.Any, reply: Reply) -> Record:
    """Return a record with its id as text: the schema says number, the examples say string."""
    if not isinstance(document, dict) or not isinstance(document.get("status"), str):
        raise _unexpected(reply, "an integration with a status")
    identifier = document.get("id")
    if isinstance(identifier, bool) or not isinstance(identifier, (int, str)) or identifier == "":
        raise _unexpected(reply, "an integration with an id")
    config = document.get("config")
    if not isinstance(config, (dict, type(None))):
        raise _unexpected(reply, "an integration whose config is an object")
    return t.cast(Record, {**document, "id": str(identifier), "config": config or {}})


def _unwrapped(document: t.Any) -> t.Any:
    """Return the list inside a complete envelope, and any other document unchanged.

    The documentation shows a plain list. Other endpoints of Immuta 2026.1 reply with ``hits``, ``data`` or ``results``.
    """
    if not isinstance(document, dict):
        return document
    lists = [document[name] for name in ("hits", "data", "results") if isinstance(document.get(name), list)]
    totals = [document[name] for name in ("count", "total") if isinstance(document.get(name), int)]
    return lists[0] if len(lists) == 1 and all(total <= len(lists[0]) for total in totals) else document


def _script(reply: Reply) -> bytes:
    start = reply.body.lstrip()[:1]
    content_type = reply.content_type.partition(";")[0].strip().lower()
    if start == b"<" or content_type == "text/html":
        raise _unexpected(reply, "a script")
    try:
        # SQL with a JSON content type is not JSON, and neither is SQL that starts with a quoted name.
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        if content_type == "application/json" and start in (b'"', b"{", b"["):
            raise _unexpected(reply, "a script") from None
        return reply.body
    if isinstance(document, dict):
        texts = [value for value in document.values() if isinstance(value, str)]
        document = document.get("script", texts[0] if len(texts) == 1 else None)
    if not isinstance(document, str):
        raise _unexpected(reply, "a script")
    try:
        return document.encode()
    except UnicodeEncodeError:
        raise _unexpected(reply, "a script") from None


def _unexpected(reply: Reply, wanted: str) -> ApiError:
    request = reply.request
    return request.error(
        f"Immuta's reply to {request.method} {request.path} is not {wanted}: check that url is the root of an Immuta "
        "tenant whose Integrations API is the documented one.",
        status=reply.status,
    )
