# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""A session with a tenant: authorization, TLS, time limits and retries."""

from __future__ import annotations

import contextlib
import json
import random
import sys
import time
import traceback
import typing as t
import warnings

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ApiError,
    InputError,
    MissingLibraryError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    scrub,
    secret_values,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import (
    Tenant,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.deadline import (
    DeadlineAdapter,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.failures import (
    causes,
    refusal,
    transport_error,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.messages import (
    Reply,
    Request,
    parsed,
)

try:
    import requests
    from urllib3 import exceptions as urllib3_errors
    from urllib3.util import Timeout
except ImportError:
    requests = None  # type: ignore[assignment]


REPLY_LIMIT = 64 * 1024 * 1024  # bytes; ten thousand integrations are about a tenth of it

RETRY_AFTER_LIMIT = 60.0  # seconds


class Http:
    """A client of one tenant with persistent connections.

    Raise MissingLibraryError without ``requests``, and InputError if ``ca_path`` is unreadable.
    """

    def __init__(self, tenant: Tenant) -> None:
        if requests is None:
            raise MissingLibraryError(missing_required_lib("requests"), interpreter=sys.executable)
        if isinstance(tenant.verify, str):
            try:
                with open(tenant.verify, "rb"):
                    pass
            except OSError as error:
                raise InputError(f"The ca_path {tenant.verify} cannot be read: {error.strerror}.") from error
        self.tenant = tenant
        self._token: str | None = None
        # No Session of requests: it would use .netrc, REQUESTS_CA_BUNDLE, cookies and redirects.
        self._connections = DeadlineAdapter()

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._connections.close()

    def request(self, method: str, path: str, body: t.Any = None, repeatable: bool = False) -> Reply:
        """Send a request and return its reply with a status of 2xx.

        Only a ``repeatable`` request is retried, after a lost connection, 429, 502, 503 or 504. Any other gets its own
        connection, which the server cannot have closed before. Raise ApiError.
        """
        request = Request(method, path, body, repeatable)
        if not repeatable:
            self._connections.close()
        failures = 0
        while True:
            try:
                return self._authorized(request)
            except ApiError as error:
                failures += 1
                if not (repeatable and error.retryable) or failures > self.tenant.retries:
                    raise
                backoff(error, failures)

    def _authorized(self, request: Request) -> Reply:
        if self.tenant.auth_scheme == "api_key":
            return self._send(request, self.tenant.api_key)
        if self._token is not None:
            try:
                return self._send(request, f"Bearer {self._token}")
            except ApiError as error:
                if error.status != 401:
                    raise
        self._token = self._log_in()
        return self._send(request, f"Bearer {self._token}")

    def _log_in(self) -> str:
        """Exchange the key for a token (Immuta's documentation, "Getting Started" of the API guides)."""
        request = Request("POST", "/bim/apikey/authenticate", {"apikey": self.tenant.api_key}, repeatable=True)
        reply = self._send(request, None)
        document = reply.document()
        token = document.get("token") if isinstance(document, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise request.error(
                f"Immuta's reply to the login at {self.tenant.url} contains no token: use auth_scheme api_key, or "
                "check that url is the root of an Immuta tenant.",
                status=reply.status,
            )
        return token

    def _send(self, request: Request, authorization: str | None) -> Reply:
        try:
            status, headers, body = self._exchange(request, authorization)
        except (OSError, urllib3_errors.HTTPError) as error:
            # Python before 3.12 keeps the socket of a proxy's refusal open in these variables.
            for cause in causes(error):
                traceback.clear_frames(cause.__traceback__)
            raise transport_error(error, self.tenant, request) from None
        if not 200 <= status < 300:
            hidden = [self.tenant.api_key, self._token or "", *secret_values(request.body)]
            raise refusal(request, self.tenant.url, status, headers, scrub(parsed(body), hidden), hidden)
        if not body.strip() and request.method != "DELETE":
            # A reply that is cut off inside its headers looks like a whole one without a body.
            raise transport_error(urllib3_errors.ProtocolError(), self.tenant, request)
        return Reply(request, status, headers.get("Content-Type", ""), body)

    def _exchange(self, request: Request, authorization: str | None) -> tuple[int, t.Mapping[str, str], bytes]:
        """Return status, headers and body of any reply."""
        self._connections.deadline = time.monotonic() + self.tenant.timeout
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Authorization": authorization,
            "Content-Type": None if request.body is None else "application/json",
            "User-Agent": "ansible-immuta.integrations",
        }
        prepared = requests.Request(
            request.method,
            self.tenant.url + request.path,
            headers={name: value for name, value in headers.items() if value is not None},
            data=None if request.body is None else json.dumps(request.body).encode(),
        ).prepare()
        with warnings.catch_warnings():
            if self.tenant.verify is False:
                warnings.simplefilter("ignore")
            response = self._connections.send(
                prepared,
                stream=True,
                timeout=t.cast(t.Any, Timeout(total=self.tenant.timeout)),
                verify=self.tenant.verify,
                proxies=dict(self.tenant.proxies),
            )
            with response:
                body = self._read(response, request)
        return response.status_code, response.headers, body

    def _read(self, response: requests.Response, request: Request) -> bytes:
        """Return the whole body, up to a size that no tenant reaches."""
        response.raw.enforce_content_length = True  # urllib3 before 2.0 accepts a truncated body
        read = getattr(response.raw, "read1", response.raw.read)
        chunks: list[bytes] = []
        size = 0
        while True:
            chunk = read(65536, decode_content=True)
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
            size += len(chunk)
            if size > REPLY_LIMIT:
                raise request.error(
                    f"Immuta's reply to {request.method} {request.path} at {self.tenant.url} is larger than "
                    f"{REPLY_LIMIT} bytes: check that url is the root of an Immuta tenant.",
                    status=response.status_code,
                )


# The open sessions, and whether sessions stay open.
_open: list[Http] = []

_stays_open = False


def keep_sessions() -> None:
    """Keep the session of a tenant open for later tasks of this process, such as the items of a loop."""
    global _stays_open
    _stays_open = True


@contextlib.contextmanager
def session(tenant: Tenant) -> t.Iterator[Http]:
    """Open or reuse a session with the tenant, and close it after an error. Raise the errors of `Http`."""
    http = next((http for http in _open if http.tenant == tenant), None)
    if http:
        _open.remove(http)
    with contextlib.ExitStack() as stack:
        http = stack.enter_context(http or Http(tenant))
        yield http
        if _stays_open:
            stack.pop_all()
            _open.append(http)


def backoff(error: ApiError, failures: int) -> None:
    """Sleep before a retry: the time that the server requests, at most a minute, or a growing random time."""
    if error.retry_after is not None:
        time.sleep(min(error.retry_after, RETRY_AFTER_LIMIT))
    else:
        time.sleep(random.uniform(0.5, 1.0) * min(2.0 ** (failures - 1), 30.0))
