# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The problem with a reply, or the reason for a missing one, in a sentence."""

from __future__ import annotations

import ssl
import time
import typing as t
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ApiError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    scrub,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import (
    Tenant,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.messages import (
    Request,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.results import (
    failing_tests,
    results_of,
)

try:
    import requests
    from urllib3 import exceptions as urllib3_errors
    from urllib3.connection import CertificateError
except ImportError:
    requests = None  # type: ignore[assignment]


# OpenSSL's reasons, by version, for a reply in clear text.
_PLAIN_TEXT = (
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "UNKNOWN_PROTOCOL",
    "HTTP_REQUEST",
    "HTTPS_PROXY_REQUEST",
)

RETRY_STATUSES = (429, 502, 503, 504)


def transport_error(error: BaseException, tenant: Tenant, request: Request) -> ApiError:
    """Return the error for a missing reply, without the text of the exception, which may contain a proxy password."""
    kinds = requests.exceptions
    chain = list(causes(error))

    def caused_by(*classes: type[BaseException]) -> bool:
        return any(isinstance(cause, classes) for cause in chain)

    retryable = True
    if any(isinstance(cause, ssl.SSLError) and cause.reason in _PLAIN_TEXT for cause in chain):
        what = "the server does not speak TLS: check the port of url, and whether a proxy needs http:// in its address"
        retryable = False
    elif caused_by(ssl.SSLError, kinds.SSLError) and not caused_by(ssl.SSLEOFError, ssl.SSLZeroReturnError):
        what = "no trusted TLS connection could be made: check the certificate, ca_path and validate_certs"
        retryable = False
    elif caused_by(kinds.ProxyError, urllib3_errors.ProxyError):
        what = "the proxy refused or could not be reached: check the proxy settings, or set use_proxy to false"
    elif caused_by(urllib3_errors.NewConnectionError):
        what = "the connection was refused or the host name is not known: check url and network"
    elif caused_by(kinds.ConnectTimeout):
        what = f"no connection within {tenant.timeout} s: check url, network and firewall"
    elif caused_by(kinds.Timeout, urllib3_errors.TimeoutError):
        what = f"no complete reply within {tenant.timeout} s: try again, or raise timeout"
    elif caused_by(kinds.ConnectionError, urllib3_errors.ProtocolError, urllib3_errors.DecodeError):
        what = "the connection was lost before the reply was complete: try again"
    else:
        what = "the request or its reply is not valid HTTP: check url and the proxy settings"
        retryable = False
    # urllib3 before 2.0 compares the host name itself, after the handshake.
    certificate = (ssl.SSLCertVerificationError, CertificateError)
    never_sent = caused_by(urllib3_errors.NewConnectionError, kinds.ConnectTimeout, *certificate)
    return request.error(
        f"{request.method} {request.path} at {tenant.url} failed: {what}.",
        may_have_taken_effect=not (request.repeatable or never_sent),
        retryable=retryable,
    )


def causes(error: BaseException | None) -> t.Iterator[BaseException]:
    """Yield an exception and all its causes and contexts; they differ behind a proxy."""
    if error is not None:
        yield error
        yield from causes(error.__cause__)
        if error.__context__ is not error.__cause__:
            yield from causes(error.__context__)


def refusal(
    request: Request, url: str, status: int, headers: t.Mapping[str, str], document: t.Any, hidden: list[str]
) -> ApiError:
    """Return the error for a reply that is not 2xx, with Immuta's message and failing validation tests."""
    is_document = isinstance(document, dict)
    said = document.get("message") if is_document else None
    message = " ".join(said.split()).rstrip(". ") if isinstance(said, str) else ""
    reasons = "; ".join(filter(None, [message, failing_tests(document)]))
    reasons = reasons and f"; it says: {reasons}"
    if 300 <= status < 400:
        location = scrub(_without_login(headers.get("Location", "")), hidden)
        advice = f"redirected to {location or 'nowhere'}, where the API key is not sent: set url to the tenant itself"
    elif status == 401:
        advice = "did not accept the API key: check api_key, auth_scheme, and whether the key was revoked"
    elif status == 403:
        advice = "denied the request: the key's user needs the permission APPLICATION_ADMIN"
    elif status == 404 and not is_document:
        advice = "has nothing at this path: check that url is the root of an Immuta tenant"
    elif status == 429:
        advice = "limits the rate of requests: try again later"
    elif status >= 500:
        advice = "failed to answer: try again, and ask your Immuta administrator if it continues"
    else:
        advice = "refused it" if reasons else "refused it and gave no reason"
    return request.error(
        f"{request.method} {request.path} at {url}: HTTP {status}, Immuta {advice}{reasons}.",
        status=status,
        api_message=said if isinstance(said, str) and said else None,
        may_have_taken_effect=status >= 500 and not request.repeatable,
        retryable=status in RETRY_STATUSES,
        retry_after=_seconds(headers.get("Retry-After", "")),
        is_document=is_document,
        validation_results=results_of(document) if is_document and document.get("validationResults") else None,
    )


def _without_login(location: str) -> str:
    """Return an address without user name, query and fragment, which may be secret."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "an invalid address"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _seconds(retry_after: str) -> float | None:
    """Return the value of a Retry-After header in seconds, also for a date."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
