# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session with a tenant, with a scripted server on loopback."""

from __future__ import annotations

import contextlib
import datetime
import gzip
import json
import pathlib
import socket
import ssl
import struct
import threading
import typing as t
from dataclasses import replace

import pytest
import trustme

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ApiError,
    InputError,
    MissingLibraryError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta import http
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import (
    Tenant,
    immuta_spec,
    tenant_from,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import Http
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.messages import Reply, Request

KEY = "846e9e43c86a4ct1be14290d95127d13f"
PASSWORD = 'pa"ss wörd'
SHORT = 0.2  # seconds, for tests of a time limit


class Answer(t.NamedTuple):
    """Bytes to send, and the next action.

    The actions: keep the connection, close or reset it, send nothing more, continue byte by byte or endlessly, or start
    TLS as the far end of a tunnel.
    """

    data: bytes = b""
    then: str = "keep"


class Seen(t.NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def reply(status: int, document: t.Any = None, then: str = "keep", **headers: str) -> Answer:
    """Return a whole reply; ``document`` is sent as JSON unless it is bytes."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines.update({name.replace("_", "-"): value for name, value in headers.items()})
    head = f"HTTP/1.1 {status} Whatever\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return Answer(head.encode() + b"\r\n" + body, then)


class Server:
    """A server with prepared replies that records requests."""

    def __init__(
        self, *answers: Answer, tls: ssl.SSLContext | None = None, tunnel: ssl.SSLContext | None = None
    ) -> None:
        self.answers = list(answers)
        self.seen: list[Seen] = []
        self.connections = 0
        self._tls = tls
        self._tunnel = tunnel
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def methods(self) -> list[str]:
        return [request.method for request in self.seen]

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            pass  # wakes the accepting thread
        self._threads[0].join()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            connection, _address = self._listener.accept()
            if self._stopped.is_set():
                connection.close()
                return
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        with connection, contextlib.suppress(OSError):
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self.connections += 1
            self._open.append(connection)
            with connection, connection.makefile("rb") as stream:
                while self._answer(connection, stream):
                    pass

    def _answer(self, connection: socket.socket, stream: t.BinaryIO) -> bool:
        line = stream.readline()
        if not line.isascii():  # a TLS handshake
            connection.sendall(self.answers.pop(0).data)
        if not line.isascii() or not line:
            return False
        method, target, _version = line.decode().split()
        pairs = iter(lambda: stream.readline().decode().strip(), "")
        headers = {name.lower(): value.strip() for name, unused, value in (pair.partition(":") for pair in pairs)}
        body = stream.read(int(headers.get("content-length", 0)))
        self.seen.append(Seen(method, target, headers, body))
        answer = self.answers.pop(0) if self.answers else reply(599, {"message": "not scripted"})
        connection.sendall(answer.data)
        if answer.then == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif answer.then == "silence":
            self._stopped.wait(10)
        elif answer.then == "tunnel" and self._tunnel:
            with self._tunnel.wrap_socket(connection, server_side=True) as inner, inner.makefile("rb") as far_end:
                while self._answer(inner, far_end):
                    pass
        elif answer.then == "drip":
            while not self._stopped.wait(SHORT / 4):
                connection.sendall(b" ")
        elif answer.then == "flood":
            while not self._stopped.is_set():
                connection.sendall(b" " * 65536)
        return answer.then == "keep"


def tenant(url: str, **changes: t.Any) -> Tenant:
    base = Tenant(url=url, api_key=KEY, auth_scheme="api_key", verify=True, proxies={}, timeout=10, retries=2)
    return replace(base, **changes)


def ask(server: Server, method: str = "GET", body: t.Any = None, repeatable: bool = True, **changes: t.Any) -> Reply:
    with Http(tenant(server.url, **changes)) as http:
        return http.request(method, "/integrations", body, repeatable=repeatable)


def failure(server: Server, *args: t.Any, **options: t.Any) -> ApiError:
    """Return the error of a request; it never contains the key."""
    with pytest.raises(ApiError) as caught:
        ask(server, *args, **options)
    assert KEY not in repr(caught.value) + repr(caught.value.as_failure())
    return caught.value


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the pauses between retries without sleeping."""
    seconds: list[float] = []
    monkeypatch.setattr("time.sleep", seconds.append)
    return seconds


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


def context(authority: trustme.CA, name: str = "127.0.0.1", **details: t.Any) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **details).configure_cert(made)
    return made


@pytest.fixture
def ca_path(authority: trustme.CA, tmp_path: pathlib.Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


# Requests


def test_key_is_the_whole_authorization_header():
    """Immuta's documentation, "Configure a Redshift Integration": ``-H 'Authorization: 846e...'`` in every example."""
    with Server(reply(200, [])) as server:
        assert ask(server).document() == []
    seen = server.seen[0]
    assert (seen.method, seen.target, seen.body) == ("GET", "/integrations", b"")
    assert seen.headers["authorization"] == KEY
    assert seen.headers["accept"] == "application/json"
    assert "content-type" not in seen.headers


def test_connection_is_kept_for_reads_only():
    body = {"config": {"password": PASSWORD}}
    with Server(*[reply(200, [])] * 3) as server, Http(tenant(server.url)) as http:
        http.request("GET", "/integrations", repeatable=True)
        http.request("GET", "/integrations", repeatable=True)
        assert server.connections == 1
        http.request("POST", "/integrations", body)
        assert server.connections == 2
    assert json.loads(server.seen[2].body) == body
    assert server.seen[2].headers["content-type"] == "application/json"


def test_delete_accepts_an_empty_reply():
    with Server(reply(200, b"")) as server:
        assert ask(server, "DELETE", repeatable=False).body == b""
    assert "content-type" not in server.seen[0].headers


def test_compressed_reply_is_decompressed():
    with Server(reply(200, gzip.compress(b'["packed"]'), Content_Encoding="gzip")) as server:
        assert ask(server).document() == ["packed"]


# Transport errors

LOST = {
    "closed": Answer(b"", "close"),
    "reset": Answer(b"", "reset"),
    "cut in headers": Answer(b"HTTP/1.1 200 OK\r\nContent-Type: applic", "close"),
    "cut in body": Answer(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n[{"id": 1', "close"),
    "cut in chunks": Answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2,\r\n", "close"),
    "broken gzip": reply(200, b"not gzip", Content_Encoding="gzip"),
    "no body": reply(200, b" \r\n"),
}
PASSING = {**LOST, **{str(status): reply(status, {"message": "busy"}) for status in (429, 502, 503, 504)}}


@pytest.mark.parametrize("answer", PASSING.values(), ids=PASSING)
def test_only_a_repeatable_request_is_retried_after(answer: Answer, pauses: list[float]):
    with Server(answer, answer, reply(200, [])) as server:
        error = failure(server, "POST", {}, repeatable=False)
        assert pauses == []
        assert ask(server).document() == []
    assert server.methods == ["POST", "GET", "GET"]
    assert len(pauses) == 1
    assert error.retryable
    assert error.may_have_taken_effect == (error.status != 429)


def test_retries_are_limited_with_growing_backoff(pauses: list[float]):
    with Server(*[reply(503, {"message": "Down."})] * 4) as server:
        error = failure(server, retries=3)
    assert len(server.seen) == 4
    assert error.status == 503
    for nth, pause in enumerate(pauses):
        assert 0.5 * 2**nth <= pause <= 2**nth


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("3600", 60, 60),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("soon", 0.5, 1),
        ("-1", 0.5, 1),
    ],
)
def test_retry_after_is_capped_at_a_minute(header: str, least: float, most: float, pauses: list[float]):
    with Server(reply(429, {}, Retry_After=header), reply(200, [])) as server:
        ask(server)
    assert least <= pauses[0] <= most


def test_refused_connection_had_no_effect(pauses: list[float]):
    with Server() as server:
        pass
    error = failure(server, repeatable=False)
    assert (error.status, error.may_have_taken_effect, error.retryable) == (None, False, True)
    assert "refused" in error.message
    failure(server, retries=2)
    assert len(pauses) == 2


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"", "silence"),
        reply(200, b"[", "silence", Content_Length="9"),
        reply(200, b"[", "drip", Content_Length="99"),
        Answer(b"HTTP/1.1 200 OK\r\nX:", "drip"),
        Answer(b"HTTP/1.1 ", "drip"),
    ],
    ids=["no reply", "no end", "byte by byte", "headers byte by byte", "status byte by byte"],
)
def test_slow_reply_times_out(answer: Answer):
    with Server(answer) as server:
        error = failure(server, "PUT", {}, repeatable=False, timeout=SHORT)
    assert f"no complete reply within {SHORT} s" in error.message
    assert (error.may_have_taken_effect, error.retryable) == (True, True)


def test_slow_proxy_times_out(ca_path: str):
    with (
        Server(Answer(b"HTTP/1.1 200 OK\r\nX:", "drip")) as proxy,
        pytest.raises(ApiError, match=r"the proxy .*could not be reached|no complete reply") as caught,
        Http(tenant("https://tenant.test", verify=ca_path, proxies={"https": proxy.url}, timeout=SHORT)) as http,
    ):
        http.request("POST", "/integrations", {})
    assert caught.value.retryable


def test_each_request_has_its_own_timeout():
    with Server(reply(200, []), Answer(b"", "silence")) as server, Http(tenant(server.url, timeout=SHORT)) as http:
        http.request("GET", "/integrations", repeatable=True)
        threading.Event().wait(SHORT)
        with pytest.raises(ApiError, match="no complete reply"):
            http.request("PUT", "/integrations/1", {})


def test_endless_reply_is_cut_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "REPLY_LIMIT", 10**6)
    with Server(Answer(b"HTTP/1.1 200 OK\r\n\r\n", "flood")) as server:
        assert "larger than 1000000 bytes" in failure(server).message


@pytest.mark.parametrize("url", [f"http://{'a' * 70}.example", "http://a..b"])
def test_impossible_host_is_one_sentence(url: str):
    with pytest.raises(ApiError, match=r"check url"), Http(tenant(url)) as http:
        http.request("GET", "/integrations")


# Refusals


@pytest.mark.parametrize("status", [301, 308])
def test_redirect_names_the_address_and_sends_no_key(status: int):
    with Server() as other:
        location = f"http://user:pw@127.0.0.1:{other.port}/login?token={KEY}#{KEY}"
        with Server(reply(status, b"", Location=location)) as server:
            error = failure(server, "POST", repeatable=False)
        assert f"redirected to http://127.0.0.1:{other.port}/login, where the API key is not sent" in error.message
    assert other.seen == []


@pytest.mark.parametrize(("location", "said"), [("", "nowhere"), ("//a]b", "an invalid address")])
def test_redirect_without_an_address(location: str, said: str):
    with Server(reply(302, {}, Location=location)) as server:
        assert f"redirected to {said}," in failure(server).message


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "Immuta refused it and gave no reason."),
        (401, "check api_key, auth_scheme, and whether the key was revoked"),
        (403, "needs the permission APPLICATION_ADMIN"),
        (404, "check that url is the root of an Immuta tenant"),
        (429, "try again later"),
        (500, "ask your Immuta administrator"),
    ],
)
def test_page_of_another_server_is_explained(status: int, advice: str):
    with Server(reply(status, b"<html>Welcome to the proxy</html>", Content_Type="text/html")) as server:
        error = failure(server, "PUT", {}, repeatable=False)
    assert (error.status, error.retryable, error.may_have_taken_effect) == (status, status == 429, status == 500)
    assert advice in error.message
    assert "Welcome" not in repr(error.as_failure())
    assert not error.is_document
    assert error.api_message is None


def test_refusal_has_message_and_failing_tests():
    """Immuta's documentation, "HTTP Status Codes and Error Messages": POST 422."""
    tests = [
        {"name": "Basic Connection Test", "status": "failed", "message": "no route"},
        {"name": "Another", "status": "passed"},
    ]
    document = {
        "statusCode": 422,
        "error": "Unprocessable entity",
        "message": "Validation of prerequisite setup failed. Unable to create integration.",
        "validationResults": {"status": "failed", "validationTests": tests},
    }
    with Server(reply(422, document)) as server:
        error = failure(server, "POST", {}, repeatable=False)
    assert error.message == (
        f"POST /integrations at {server.url}: HTTP 422, Immuta refused it; it says: Validation of prerequisite setup "
        "failed. Unable to create integration; failing validation tests: Basic Connection Test (no route)."
    )
    assert error.as_failure() == {
        "msg": error.message,
        "status": 422,
        "method": "POST",
        "path": "/integrations",
        "api_message": document["message"],
        "validation_results": {"status": "failed", "validation_tests": tests},
    }


def test_missing_integration_is_no_wrong_address():
    """Immuta's documentation, "HTTP Status Codes and Error Messages": GET 404."""
    with Server(reply(404, {"message": "No Integration found with ID 5."})) as server:
        error = failure(server)
    assert error.is_document
    assert error.message.endswith("HTTP 404, Immuta refused it; it says: No Integration found with ID 5.")


@pytest.mark.parametrize("document", [None, [], "text", {}, {"message": None}, {"message": {"a": 1}}], ids=str)
def test_refusal_of_any_shape_is_one_sentence(document: t.Any):
    with Server(reply(422, document)) as server:
        assert failure(server).message.endswith("HTTP 422, Immuta refused it and gave no reason.")


def test_echoed_secrets_are_hidden():
    body = {"config": {"password": PASSWORD, "okta": {"password": "0kta"}, "host": "cluster"}}
    said = f"{KEY} {json.dumps(body)} {PASSWORD} on cluster"
    tests = [{"name": "t", "status": "failed", "message": said}, {"password": "other"}]
    document = {"message": said, "validationResults": {"status": "failed", "validationTests": tests}}
    with Server(reply(400, document)) as server:
        error = failure(server, "POST", body, repeatable=False)
    shown = repr(error.as_failure())
    assert "on cluster" in shown
    for secret in (PASSWORD, json.dumps(PASSWORD)[1:-1], "0kta", "other"):
        assert secret not in shown


@pytest.mark.parametrize(
    "body", [b"<html>", b"{", b"null", b"[" * 100_000, b"[" * 200 + b"]" * 200, b"\xff"], ids=range(6)
)
def test_invalid_json_is_an_error(body: bytes):
    with pytest.raises(ApiError, match=r"\(text/html\) is not JSON: check that url is the root") as caught:
        Reply(Request("PUT", "/integrations/1"), 200, "text/html; charset=utf-8", body).document()
    assert caught.value.may_have_taken_effect


# Bearer tokens: Immuta's documentation, "Getting Started" of the API guides

TOKEN = reply(200, {"token": "t0ken-0f-1mmuta"})


def bearer(server: Server) -> Http:
    return Http(tenant(server.url, auth_scheme="bearer"))


def test_bearer_exchanges_the_key_once():
    with Server(TOKEN, reply(200, []), reply(403, {}), reply(200, [])) as server, bearer(server) as http:
        http.request("GET", "/integrations", repeatable=True)
        with pytest.raises(ApiError, match="APPLICATION_ADMIN"):
            http.request("GET", "/integrations", repeatable=True)
        http.request("GET", "/integrations", repeatable=True)
    log_in, *others = server.seen
    assert (log_in.method, log_in.target) == ("POST", "/bim/apikey/authenticate")
    assert json.loads(log_in.body) == {"apikey": KEY}
    assert "authorization" not in log_in.headers
    assert [one.headers["authorization"] for one in others] == ["Bearer t0ken-0f-1mmuta"] * 3


def test_bearer_renews_an_expired_token_once():
    """Immuta's documentation, "Authentication": an expired token gives 401."""
    refusal = reply(401, {"message": "t0ken-0f-1mmuta is too old"})
    answers = [TOKEN, reply(200, []), refusal, TOKEN, reply(200, [1]), refusal, TOKEN, refusal]
    with Server(*answers) as server, bearer(server) as http:
        http.request("GET", "/integrations", repeatable=True)
        assert http.request("GET", "/integrations", repeatable=True).document() == [1]
        with pytest.raises(ApiError, match="did not accept the API key") as caught:
            http.request("GET", "/integrations", repeatable=True)
    assert server.methods == ["POST", "GET", "GET", "POST", "GET", "GET", "POST", "GET"]
    assert "t0ken-0f-1mmuta" not in repr(caught.value.as_failure())


@pytest.mark.parametrize(
    "document", [None, [], "t", {}, *({"token": token} for token in (None, 5, ["t"], "", "a\nb", "ö"))], ids=str
)
def test_login_without_token(document: t.Any):
    with Server(reply(200, document)) as server:
        error = failure(server, "POST", {}, repeatable=False, auth_scheme="bearer", retries=0)
    assert not error.may_have_taken_effect
    assert server.methods == ["POST"]


@pytest.mark.parametrize("answer", [reply(503, {}), reply(500, {}), Answer(b"", "close")], ids=["503", "500", "closed"])
def test_write_with_a_failed_login_had_no_effect(answer: Answer):
    with Server(answer) as server:
        assert not failure(server, "POST", {}, repeatable=False, auth_scheme="bearer").may_have_taken_effect


# Environment, proxies, TLS


HOSTILE = {
    **dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"), "/nowhere"),
    **dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:1"),
    "NO_PROXY": "tenant.example.com",
    "REQUEST_METHOD": "GET",
    "NETRC": "/nowhere",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_options_override_the_environment(
    name: str, authority: trustme.CA, ca_path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(name, HOSTILE[name])
    with Server(reply(200, []), tls=context(authority)) as server:
        found, _cautions = tenant_from(params(url=server.url, ca_path=ca_path, use_proxy=False), HOSTILE)
        with Http(found) as http:
            http.request("GET", "/integrations", repeatable=True)
    assert server.seen[0].headers["authorization"] == KEY


def params(**changes: t.Any) -> dict[str, t.Any]:
    defaults = {name: option.get("default") for name, option in immuta_spec().items()}
    return {**defaults, "url": "https://tenant.example.com", "api_key": KEY, **changes}


@pytest.mark.parametrize(
    ("environ", "changes", "proxies"),
    [
        ({}, {}, {}),
        ({"https_proxy": "http://p:1"}, {}, {"https": "http://p:1"}),
        ({"HTTPS_PROXY": "http://p:1", "http_proxy": "http://q:1"}, {}, {"https": "http://p:1"}),
        ({"ALL_PROXY": "http://p:1"}, {}, {"https": "http://p:1"}),
        ({"https_proxy": "http://p:1"}, {"use_proxy": False}, {}),
        ({"https_proxy": "http://p:1", "NO_PROXY": "other.com,.example.com"}, {}, {}),
        ({"https_proxy": "http://p:1", "no_proxy": "*"}, {}, {}),
        ({"https_proxy": "http://p:1", "no_proxy": "other.com"}, {}, {"https": "http://p:1"}),
        ({"https_proxy": "", "HTTPS_PROXY": "http://p:1"}, {}, {}),
        ({"https_proxy": "http://p:1", "HTTPS_PROXY": "http://q:1"}, {}, {"https": "http://p:1"}),
        ({"https_proxy": "http://p:1", "no_proxy": "", "NO_PROXY": "*"}, {}, {"https": "http://p:1"}),
    ],
)
def test_proxy_comes_from_the_task_environment(
    environ: dict[str, str], changes: dict[str, t.Any], proxies: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HTTPS_PROXY", "http://the-process-own:1")
    monkeypatch.setenv("NO_PROXY", "tenant.example.com")
    found, _cautions = tenant_from(params(**changes), environ)
    assert found.proxies == proxies


def test_request_goes_through_the_proxy():
    with Server(reply(200, [])) as proxy, Http(tenant("http://tenant.test", proxies={"http": proxy.url})) as http:
        http.request("GET", "/integrations", repeatable=True)
    assert proxy.seen[0].target == "http://tenant.test/integrations"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("proxy", ["http://user:hush@127.0.0.1:1", "ftp://user:hush@127.0.0.1:1", "http://:1"])
def test_broken_proxy_error_omits_its_password(scheme: str, proxy: str):
    there = tenant(f"{scheme}://127.0.0.1:1", proxies={scheme: proxy}, retries=0)
    with pytest.raises(ApiError, match=r"the proxy settings[.,]") as caught, Http(there) as http:
        http.request("GET", "/integrations")
    assert "hush" not in repr(caught.value.as_failure()) + repr(there)


TUNNEL = Answer(b"HTTP/1.1 200 Connection established\r\n\r\n", "tunnel")


def through(proxy: Server, ca_path: str) -> Http:
    proxies = {"https": proxy.url.replace("//", "//me:hush@")}
    return Http(tenant("https://tenant.test", verify=ca_path, proxies=proxies))


def test_https_proxy_gets_only_its_own_login(authority: trustme.CA, ca_path: str):
    with (
        Server(TUNNEL, reply(200, []), tunnel=context(authority, "tenant.test")) as proxy,
        through(proxy, ca_path) as http,
    ):
        http.request("GET", "/integrations", repeatable=True)
    connect, get = proxy.seen
    assert (connect.method, connect.target) == ("CONNECT", "tenant.test:443")
    assert "authorization" not in connect.headers
    assert connect.headers["proxy-authorization"] == "Basic bWU6aHVzaA=="
    assert (get.method, get.target, get.headers["authorization"]) == ("GET", "/integrations", KEY)
    assert "proxy-authorization" not in get.headers


def test_intercepting_proxy_gets_no_key(authority: trustme.CA, ca_path: str):
    with (
        Server(TUNNEL, tunnel=context(trustme.CA(), "tenant.test")) as proxy,
        through(proxy, ca_path) as http,
        pytest.raises(ApiError, match="check the certificate") as caught,
    ):
        http.request("POST", "/integrations", {})
    assert [request.method for request in proxy.seen] == ["CONNECT"]
    assert not caught.value.may_have_taken_effect


def test_refusing_proxy_gets_no_key(ca_path: str):
    with (
        Server(reply(407, b"", "close")) as proxy,
        through(proxy, ca_path) as http,
        pytest.raises(ApiError, match="the proxy refused or could not be reached") as caught,
    ):
        http.request("POST", "/integrations", {})
    assert KEY not in repr(proxy.seen)
    assert "hush" not in repr(caught.value.as_failure())


YESTERDAY = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "details", "verify"),
    [
        ("127.0.0.1", {}, True),
        ("tenant.example.com", {}, None),
        ("127.0.0.1", {"not_after": YESTERDAY}, None),
    ],
    ids=["of an unknown CA", "of another host", "expired"],
)
def test_invalid_certificate_is_refused(
    name: str,
    details: dict[str, t.Any],
    verify: bool | None,
    authority: trustme.CA,
    ca_path: str,
    monkeypatch: pytest.MonkeyPatch,
    pauses: list[float],
):
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(variable, ca_path)
    with Server(tls=context(authority, name, **details)) as server:
        error = failure(server, "POST", {}, repeatable=False, verify=verify or ca_path)
        failure(server, repeatable=True, verify=verify or ca_path)
    assert "check the certificate, ca_path and validate_certs" in error.message
    assert not error.may_have_taken_effect
    assert (server.seen, pauses) == ([], [])


def test_validate_certs_false(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    with Server(reply(200, []), tls=context(authority, "tenant.example.com")) as server:
        assert ask(server, verify=False).document() == []
    assert not recwarn.list


@pytest.mark.parametrize("then", ["close", "reset"])
def test_broken_tls_connection_is_a_lost_reply(then: str, authority: trustme.CA, ca_path: str):
    with Server(Answer(b"", then), tls=context(authority)) as server:
        error = failure(server, "POST", {}, repeatable=False, verify=ca_path)
    assert "the connection was lost" in error.message
    assert (error.may_have_taken_effect, error.retryable) == (True, True)


@pytest.mark.parametrize(
    ("answer", "said", "retries"),
    [(Answer(), "the connection was lost", 2), (reply(400), "does not speak TLS", 0)],
)
def test_broken_handshake_is_retried(answer: Answer, said: str, retries: int, pauses: list[float]):
    with Server(*[answer] * 3) as server:
        there = tenant(server.url.replace("http", "https"))
        with pytest.raises(ApiError, match=said), Http(there) as http:
            http.request("GET", "/integrations", repeatable=True)
    assert len(pauses) == retries


def test_unusable_ca_path(authority: trustme.CA, tmp_path: pathlib.Path):
    path = tmp_path / "ca.pem"
    with pytest.raises(InputError, match=r"ca_path .*ca\.pem cannot be read: No such file"):
        Http(tenant("https://127.0.0.1:1", verify=str(path)))
    path.write_text("no certificate\n")
    with Server(tls=context(authority)) as server:
        assert "ca_path" in failure(server, verify=str(path)).message


def test_missing_library_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(http, "requests", None)
    found, _cautions = tenant_from(params(), {"https_proxy": "http://p:1"})
    with pytest.raises(MissingLibraryError, match="requests"):
        Http(found)


# Options


@pytest.mark.parametrize(
    ("url", "root"),
    [
        ("tenant.example.com", "https://tenant.example.com"),
        (" https://tenant.example.com/ ", "https://tenant.example.com"),
        ("tenant.example.com:8443//", "https://tenant.example.com:8443"),
        ("https://proxy.example.com/immuta/", "https://proxy.example.com/immuta"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.2", "http://127.0.0.2"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_url_spellings(url: str, root: str):
    found, cautions = tenant_from(params(url=url), {})
    assert found.url == root
    assert cautions == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "ftp://tenant.example.com",
        "https://tenant.example.com:port",
        "https://tenant.example.com:0",
        "https://tenant.example.com:99999",
        "https://tenant example.com",
        "https://tenant.example.com/?a=b",
        "https://tenant.example.com/#a",
        "https://[",
        f"https://{KEY}@tenant.example.com",
    ],
)
def test_invalid_url(url: str):
    with pytest.raises(InputError, match="The option url") as caught:
        tenant_from(params(url=url), {})
    assert KEY not in caught.value.message


def test_plain_http_across_a_network_is_refused():
    plain = params(url="http://tenant.example.com")
    for url in (plain["url"], "HTTP://tenant.example.com", "http://192.168.0.1", "http://localhost.example.com"):
        with pytest.raises(InputError, match="clear text: use https"):
            tenant_from({**plain, "url": url}, {})
    found, cautions = tenant_from({**plain, "validate_certs": False}, {})
    assert found.verify is False
    assert cautions == ["The API key is sent in clear text, because http://tenant.example.com is plain http."]


def test_plain_http_through_a_remote_proxy_is_refused():
    plain = params(url="http://127.0.0.1:8080")
    for proxy in ("http://proxy.example.com:3128", "proxy.example.com:3128", "http://["):
        with pytest.raises(InputError, match="clear text to a proxy: use https, or set use_proxy to false"):
            tenant_from(plain, {"http_proxy": proxy})
        assert tenant_from({**plain, "use_proxy": False}, {"http_proxy": proxy})[1] == []
    for proxy in ("http://localhost:3128", "me:hush@127.0.0.1:3128"):
        assert tenant_from(plain, {"http_proxy": proxy})[1] == []


@pytest.mark.parametrize("key", ["", "two words", "line\n", "schlüssel", "\x00"])
def test_invalid_key_is_refused_and_hidden(key: str):
    with pytest.raises(InputError, match="The option api_key") as caught:
        tenant_from(params(api_key=key), {})
    assert not key or key not in caught.value.message


@pytest.mark.parametrize("option", [{"timeout": 0}, {"timeout": 10**12}, {"retries": -1}, {"retries": 10**12}])
def test_number_out_of_range(option: dict[str, int]):
    with pytest.raises(InputError, match=f"The option {next(iter(option))} is "):
        tenant_from(params(**option), {})


def test_ca_path_requires_validate_certs():
    assert tenant_from(params(ca_path="/ca.pem"), {})[0].verify == "/ca.pem"
    assert tenant_from(params(ca_path="/ca.pem", validate_certs=False), {})[0].verify is False
    assert tenant_from(params(), {})[0].verify is True


def test_repr_hides_the_key():
    request = Request("POST", "/bim/apikey/authenticate", {"apikey": KEY})
    assert KEY not in repr((tenant("https://t"), request, Reply(request, 200, "", KEY.encode())))
