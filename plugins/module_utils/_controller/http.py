# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Requests to the REST API of AWX and Automation Controller."""

from __future__ import annotations

import json
import re
import ssl
import time
import typing as t
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    IntegrationsError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._controller.connection import (
    Connection,
)

Fields = dict[str, t.Any]

TIMEOUT = 30  # seconds for one request
BACKOFFS = (0.5, 1.0, 2.0, 4.0)  # seconds before each retry
RETRY_AFTER_LIMIT = 60.0  # seconds
RETRY_STATUSES = (429, 502, 503, 504)
REPLY_WORDS = 400  # shown characters of a refusal


class ControllerError(IntegrationsError):
    """A refused request, or one without a reply.

    ``status`` is None without a reply. ``retryable`` means that a later identical request may succeed, and that this
    one may have taken effect.
    """

    def __init__(self, message: str, *, status: int | None = None, retryable: bool = False) -> None:
        super().__init__(message, status=status)
        self.status = status
        self.retryable = retryable


class _NoRedirect(HTTPRedirectHandler):
    """A handler that treats a redirect as an error, because it would send the token elsewhere."""

    def redirect_request(self, *dummy: t.Any) -> None:
        return None


class Api:
    """A client of one controller, with the certificates and the proxies of this machine."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        context = ssl.create_default_context()
        if not connection.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._opener = build_opener(_NoRedirect(), HTTPSHandler(context=context))

    def get(self, path: str, **query: t.Any) -> t.Any:
        """Return the document at ``path``, relative to the API. Raise ControllerError."""
        return self._repeated("GET", path + ("?" + urlencode(query, quote_via=quote) if query else ""), None)

    def all(self, path: str, **query: t.Any) -> list[Fields]:
        """Return the results of a list from all pages. Raise ControllerError."""
        found: list[Fields] = []
        number = 1
        while True:
            page = self.get(path, page_size=200, page=number, **query)
            if not isinstance(page, dict) or not isinstance(page.get("results"), list):
                raise self._stranger(f"GET {path}")
            found += page["results"]
            if not page.get("next"):
                return found
            number += 1

    def patch(self, path: str, body: Fields) -> t.Any:
        """Set fields of an object; repeatable. Raise ControllerError."""
        return self._repeated("PATCH", path, body)

    def post(self, path: str, body: Fields, repeatable: bool = False) -> t.Any:
        """Create an object, or with ``repeatable`` send a repeatable request, such as adding to a list.

        Raise ControllerError.
        """
        return self._repeated("POST", path, body) if repeatable else self._send("POST", path, body)

    def _repeated(self, method: str, path: str, body: Fields | None) -> t.Any:
        for backoff in BACKOFFS:
            try:
                return self._send(method, path, body)
            except ControllerError as error:
                if not error.retryable:
                    raise
                time.sleep(max(backoff, min(error.facts.get("retry_after") or 0.0, RETRY_AFTER_LIMIT)))
        return self._send(method, path, body)

    def _send(self, method: str, path: str, body: Fields | None) -> t.Any:
        request = f"{method} {path}"
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {self.connection.token}",
            "Content-Type": "application/json",
            "User-Agent": "ansible-immuta.integrations",
        }
        url = f"{self.connection.root}{self.connection.path}/{path}"
        data = None if body is None else json.dumps(body).encode()
        try:
            with self._opener.open(Request(url, data, headers, method=method), timeout=TIMEOUT) as response:
                text = response.read()
        except HTTPError as error:
            with error:
                raise refusal(request, error.code, error.headers.get("Retry-After"), error.read()) from None
        except (OSError, HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) else error
            if isinstance(reason, ssl.SSLCertVerificationError):
                raise ControllerError(
                    f"The certificate of the controller at {self.connection.root} is not trusted: "
                    f"{reason.verify_message}. Add its CA to the trusted certificates of this machine, or set "
                    "immuta_controller_validate_certs to false."
                ) from None
            cause = str(reason) or type(reason).__name__
            raise ControllerError(
                f"The controller at {self.connection.root} did not answer {request}: {cause}.", retryable=True
            ) from None
        try:
            return json.loads(text) if text.strip() else None
        except ValueError:
            raise self._stranger(request) from None

    def _stranger(self, request: str) -> ControllerError:
        return ControllerError(
            f"The response to {request} at {self.connection.root} is not from the API of a controller. Check "
            "CONTROLLER_HOST and immuta_controller_prefix."
        )


def refusal(request: str, status: int, retry_after: str | None, text: bytes) -> ControllerError:
    """Return the content of an error reply in one sentence."""
    advice = {
        401: " Check CONTROLLER_OAUTH_TOKEN: it may be wrong or have expired.",
        403: " The token needs the scope write, and its user the permission for this request.",
        404: " Behind the gateway of Automation Platform, set immuta_controller_prefix to /api/controller/v2.",
    }.get(status, "")
    retryable = status in RETRY_STATUSES
    error = ControllerError(
        f"The controller refused {request} with status {status}: {words(text)}.{advice}",
        status=status,
        retryable=retryable,
    )
    if retryable and retry_after and retry_after.strip().isdigit():
        error.facts["retry_after"] = float(retry_after)
    return error


def words(text: bytes) -> str:
    """Return the messages of a refusal by field, without a password in a URL."""
    try:
        found = " ".join(sentences(json.loads(text)))
    except ValueError:
        found = "no explanation"
    found = re.sub(r"://[^/\s]*@", "://********@", found)
    return " ".join(found.split())[:REPLY_WORDS].rstrip(".") or "no explanation"


def sentences(document: t.Any, name: str = "") -> list[str]:
    """Return every text in a refusal, after the name of its field."""
    if isinstance(document, dict):
        return [text for key, value in document.items() for text in sentences(value, key)]
    if isinstance(document, list):
        return [text for item in document for text in sentences(item, name)]
    return [str(document) if name in ("", "detail", "__all__", "error", "Error", "msg") else f"{name}: {document}"]
