# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""A session with one tenant: authorization, TLS, proxies, time limits, retries, and what a bad reply is."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import random
import re
import ssl
import sys
import time
import typing as t
import warnings
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from ansible.module_utils.basic import missing_required_lib

from ansible_collections.immuta.integrations.plugins.module_utils._errors import (
    ApiError,
    InputError,
    MissingLibraryError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._secrets import scrub, secret_values
from ansible_collections.immuta.integrations.plugins.module_utils._validation import failing_tests, results_of

try:
    import requests
    from urllib3 import exceptions as urllib3_errors
    from urllib3.util import Timeout
except ImportError:
    requests = None  # type: ignore[assignment]

REPLY_LIMIT = 64 * 1024 * 1024  # bytes; ten thousand integrations are about a tenth of it
RETRY_STATUSES = (429, 502, 503, 504)
RETRY_AFTER_LIMIT = 60.0  # seconds
NESTING_LIMIT = 100  # containers within each other
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True)
class Tenant:
    """Where a tenant is and how to talk to it.

    ``timeout`` is for a whole request, in seconds; that a reply stops in its middle is noticed after as long again.
    """

    url: str
    api_key: str = field(repr=False)
    auth_scheme: str
    verify: bool | str
    proxies: t.Mapping[str, str] = field(repr=False)
    timeout: float
    retries: int


@dataclass(frozen=True)
class Request:
    """``repeatable`` says that the server does the same however often it is asked."""

    method: str
    path: str
    body: t.Any = field(default=None, repr=False)
    repeatable: bool = False

    def error(self, message: str, **about: t.Any) -> ApiError:
        """What went wrong with it; ``about`` are the other arguments of ApiError."""
        return ApiError(message, **{"method": self.method, "path": self.path, "acted": not self.repeatable, **about})


@dataclass
class Reply:
    """A reply whose status is 2xx, to ``request``."""

    request: Request
    status: int
    content_type: str
    body: bytes = field(repr=False)

    def document(self) -> t.Any:
        """Its JSON document, which leaves the body empty: the list of a large tenant takes memory enough once.

        Raises ApiError when there is none.
        """
        document = _parsed(self._take())
        if document is None:
            raise self.request.error(
                f"Immuta's reply to {self.request.method} {self.request.path} "
                f"({self.content_type.partition(';')[0] or 'of no type'}) is not JSON: check that url is the root of "
                "an Immuta tenant and that no proxy or log-in page stands before it.",
                status=self.status,
            )
        return document

    def _take(self) -> bytes:
        body, self.body = self.body, b""
        return body


def tenant_from(params: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> tuple[Tenant, list[str]]:
    """Read the options of action group ``immuta``; proxies come from ``environ``.

    Returns the tenant and warnings. Raises InputError for an address or a key that cannot work, or that would send the
    key in clear text across a network.
    """
    url = _root(params["url"])
    cautions = []
    proxies = _proxies(url, environ) if params["use_proxy"] else {}
    if urlsplit(url).scheme == "http" and not all(_is_loopback(address) for address in (url, *proxies.values())):
        if params["validate_certs"]:
            to_proxy = " to a proxy" if _is_loopback(url) else ""
            way_out = "use_proxy to false" if to_proxy else "validate_certs to false to accept that"
            raise InputError(
                f"The address {url} is plain http, which would send the API key in clear text{to_proxy}: use https, or "
                f"set {way_out}."
            )
        cautions.append(f"The API key is sent in clear text, since {url} is plain http.")
    key = params["api_key"]
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise InputError(
            "The option api_key is empty or holds a line break, a space or a character that an HTTP header cannot "
            "carry: give the key alone."
        )
    for name, least in (("timeout", 1), ("retries", 0)):
        if params[name] < least:
            raise InputError(f"The option {name} is {params[name]}: give {least} or more.")
    tenant = Tenant(
        url=url,
        api_key=key,
        auth_scheme=params["auth_scheme"],
        verify=(params["ca_path"] or True) if params["validate_certs"] else False,
        proxies=proxies,
        timeout=params["timeout"],
        retries=params["retries"],
    )
    return tenant, cautions


class Http:
    """Sends requests to one tenant over kept-alive connections.

    Raises MissingLibraryError when ``requests`` is not there and InputError when ``ca_path`` cannot be read.
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
        # Without a Session of requests, there is no .netrc, no REQUESTS_CA_BUNDLE, no cookie and no redirect.
        self._connections = requests.adapters.HTTPAdapter()

    def __enter__(self) -> Http:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._connections.close()

    def request(self, method: str, path: str, body: t.Any = None, repeatable: bool = False) -> Reply:
        """Send one request and return its reply, whose status is 2xx.

        Only a request that is ``repeatable`` is sent again, after a lost connection, 429, 502, 503 or 504. Any other
        gets a connection of its own, so that none is lost on one that the server has long closed. Raises ApiError.
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
                if not (repeatable and error.passing) or failures > self.tenant.retries:
                    raise
                pause(error, failures)

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
                f"Immuta's reply to the log-in at {self.tenant.url} holds no token: use auth_scheme api_key, or check "
                "that url is the root of an Immuta tenant.",
                status=reply.status,
            )
        return token

    def _send(self, request: Request, authorization: str | None) -> Reply:
        try:
            status, headers, body = self._exchange(request, authorization)
        except (OSError, urllib3_errors.HTTPError) as error:
            raise _transport_error(error, self.tenant, request) from None
        if not 200 <= status < 300:
            hidden = [self.tenant.api_key, self._token or "", *secret_values(request.body)]
            raise _refusal(request, self.tenant.url, status, headers, scrub(_parsed(body), hidden), hidden)
        if not body.strip() and request.method != "DELETE":
            # A reply that was cut off inside its headers reaches us as a whole one without a body.
            raise _transport_error(urllib3_errors.ProtocolError(), self.tenant, request)
        return Reply(request, status, headers.get("Content-Type", ""), body)

    def _exchange(self, request: Request, authorization: str | None) -> tuple[int, t.Mapping[str, str], bytes]:
        """Status, headers and body of the reply, whatever they say."""
        deadline = time.monotonic() + self.tenant.timeout
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
                body = self._read(response, request, deadline)
        return response.status_code, response.headers, body

    def _read(self, response: requests.Response, request: Request, deadline: float) -> bytes:
        """The body, whole, within the time of a request and a size that no tenant reaches."""
        response.raw.enforce_content_length = True  # urllib3 before 2.0 takes a body that was cut off for a whole one
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
            if time.monotonic() > deadline:
                raise requests.exceptions.ReadTimeout


# The sessions that stay open, and whether any does.
_open: list[Http] = []
_stays_open = False


def keep_sessions() -> None:
    """Have this process go on with a session in what it does next with the same tenant, as for each item of a loop."""
    global _stays_open
    _stays_open = True


@contextlib.contextmanager
def session(tenant: Tenant) -> t.Iterator[Http]:
    """A session with the tenant; none stays open after an error. Raises as `Http` does."""
    http = next((http for http in _open if http.tenant == tenant), None)
    if http:
        _open.remove(http)
    with contextlib.ExitStack() as stack:
        http = stack.enter_context(http or Http(tenant))
        yield http
        if _stays_open:
            stack.pop_all()
            _open.append(http)


def pause(error: ApiError, failures: int) -> None:
    """Sleep before the next try: as long as the server asked for, within a minute, else a growing random time."""
    if error.retry_after is not None:
        time.sleep(min(error.retry_after, RETRY_AFTER_LIMIT))
    else:
        time.sleep(random.uniform(0.5, 1.0) * min(2.0 ** (failures - 1), 30.0))


def _root(url: str) -> str:
    address = url.strip()
    if "://" not in address:
        address = "https://" + address
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or any(character.isspace() for character in address):
        raise InputError("The option url is not the address of a tenant: give it as https://tenant.example.com.")
    if parts.username is not None or parts.password is not None:
        raise InputError("The option url holds a user name: give the tenant's address alone and the key as api_key.")
    return address.rstrip("/")


def _is_loopback(address: str) -> bool:
    """Whether ``address`` is on this machine."""
    try:
        host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _proxies(url: str, environ: t.Mapping[str, str]) -> dict[str, str]:
    """The proxies that the environment names for ``url``, in the form that ``requests`` takes."""

    def lookup(name: str) -> str:
        return environ.get(name) or environ.get(name.upper()) or ""

    if requests is None or requests.utils.should_bypass_proxies(url, no_proxy=lookup("no_proxy")):
        return {}
    scheme = urlsplit(url).scheme
    proxy = lookup(f"{scheme}_proxy") or lookup("all_proxy")
    return {scheme: proxy} if proxy else {}


def _transport_error(error: BaseException, tenant: Tenant, request: Request) -> ApiError:
    """Say why there is no reply. Nothing of the exception's own text is shown: it may hold a proxy's password."""
    kinds = requests.exceptions
    causes = list(_causes(error))

    def caused_by(*classes: type[BaseException]) -> bool:
        return any(isinstance(cause, classes) for cause in causes)

    passing = True
    if caused_by(ssl.SSLError, kinds.SSLError) and not caused_by(ssl.SSLEOFError, ssl.SSLZeroReturnError):
        what = "no trusted TLS connection could be made: check the certificate, ca_path and validate_certs"
        passing = False
    elif caused_by(kinds.ProxyError, urllib3_errors.ProxyError):
        what = "the proxy could not be reached or refused: check the proxy settings, or set use_proxy to false"
    elif caused_by(urllib3_errors.NewConnectionError):
        what = "the connection was refused or the host name is not known: check url and network"
    elif caused_by(kinds.ConnectTimeout):
        what = f"no connection within {tenant.timeout} s: check url, network and firewall"
    elif caused_by(kinds.Timeout, urllib3_errors.TimeoutError):
        what = f"no complete reply within {tenant.timeout} s: try again, or raise timeout"
    elif caused_by(kinds.ConnectionError, urllib3_errors.ProtocolError, urllib3_errors.DecodeError):
        what = "the connection broke before the whole reply had come: try again"
    else:
        what = "the request or its reply is not valid HTTP: check url and the proxy settings"
        passing = False
    never_sent = caused_by(urllib3_errors.NewConnectionError, kinds.ConnectTimeout, ssl.SSLCertVerificationError)
    return request.error(
        f"{request.method} {request.path} at {tenant.url} failed: {what}.",
        acted=not (request.repeatable or never_sent),
        passing=passing,
    )


def _causes(error: BaseException | None) -> t.Iterator[BaseException]:
    """An exception, those which it came of, and so on; behind a proxy, cause and context tell different things."""
    if error is not None:
        yield error
        yield from _causes(error.__cause__)
        if error.__context__ is not error.__cause__:
            yield from _causes(error.__context__)


def _refusal(
    request: Request, url: str, status: int, headers: t.Mapping[str, str], document: t.Any, hidden: list[str]
) -> ApiError:
    """The error for a reply that is not 2xx, with Immuta's own message and failing validation tests."""
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
        advice = "has nothing there: check that url is the root of an Immuta tenant"
    elif status == 429:
        advice = "asks for fewer requests: try again later"
    elif status >= 500:
        advice = "failed to answer: try again, and ask Immuta's administrator if it stays so"
    else:
        advice = "refused it" if reasons else "refused it without saying why"
    return request.error(
        f"{request.method} {request.path} at {url}: HTTP {status}, Immuta {advice}{reasons}.",
        status=status,
        api_message=said if isinstance(said, str) and said else None,
        acted=status >= 500 and not request.repeatable,
        passing=status in RETRY_STATUSES,
        retry_after=_seconds(headers.get("Retry-After", "")),
        is_document=is_document,
        validation_results=results_of(document) if is_document and document.get("validationResults") else None,
    )


def _parsed(body: bytes) -> t.Any:
    """The JSON document that ``body`` is; None if it is none, or nested deeper than a result can be.

    Half a character, which no result can carry, becomes a ``?``.
    """
    try:
        text = body.decode("utf-8-sig")
        del body
        document = json.loads(text)
        if _SURROGATE.search(text):
            document = json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    level = [document]
    for _depth in range(NESTING_LIMIT):
        level = [item for container in level for item in _items(container)]
    return None if level else document


def _items(container: t.Any) -> t.Iterable[t.Any]:
    if isinstance(container, dict):
        return container.values()
    return container if isinstance(container, list) else ()


def _without_login(location: str) -> str:
    """An address without what may be secret in it: a user name, a query, a fragment."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return "an address that is none"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _seconds(retry_after: str) -> float | None:
    """What a Retry-After header asks for: seconds, or the time until a date."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
