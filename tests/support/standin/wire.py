# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log and the faults of requests between the socket and the Immuta stand-in."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import typing as t

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from uvicorn.protocols.http.h11_impl import H11Protocol

CONTROL = "/_standin"
LOGGED_HEADERS = ("accept", "authorization", "content-type", "user-agent")


@dataclasses.dataclass
class Fault:
    """A fault for requests with the same method and a matching path. The first ``skip`` pass, the next ``times`` fail.

    These do not reach the stand-in:

    - ``status``: the reply is ``status`` with ``headers`` and ``body`` (by default Immuta's error envelope)
    - ``html``: a page, with status 200, as from a proxy that requires a login
    - ``redirect``: to ``location``
    - ``drop_before``: the connection is closed
    - ``hang``: no reply, for ``seconds``; then the connection is closed

    These do:

    - ``latency``: after ``seconds``
    - ``slow``: the reply's body comes in ten pieces over ``seconds``
    - ``drop_after``: the connection is closed instead of a reply
    - ``truncate_headers``, ``truncate_body``: the connection is closed within the reply's headers or body
    """

    kind: str
    method: str | None = None
    path: str = ""
    skip: int = 0
    times: int | None = 1
    """None: no limit."""
    seconds: float = 1.0
    status: int = 503
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    body: t.Any = None
    location: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind} is none of {', '.join(KINDS)}")

    def meets(self, method: str, path: str) -> bool:
        """Return whether this request has the fault, and count it."""
        if self.method not in (None, method) or not re.search(self.path, path) or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times:
            self.times -= 1
        return True


KINDS = "status html redirect drop_before hang latency slow drop_after truncate_headers truncate_body".split()


# Called with the log entry of a request, in its own thread, so it may wait: before the stand-in gets it, and between
# its execution and the reply. It closes the connection if it returns "drop".
OnRequest = t.Callable[[dict[str, t.Any]], t.Optional[str]]


class WireProtocol(H11Protocol):
    """uvicorn's protocol with access to its connection: some faults are not HTTP."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class Wire:
    """The log and the faults of requests, and the application that applies both.

    ``on_request`` and ``on_reply`` can be set at any time.
    """

    def __init__(self) -> None:
        self.log: list[dict[str, t.Any]] = []
        self.faults: list[Fault] = []
        self.on_request: OnRequest | None = None
        self.on_reply: OnRequest | None = None

    def around(self, app: t.Any) -> t.Any:
        """Return the ASGI application that logs and disturbs the requests to another one, except control requests."""

        async def application(scope: t.Any, receive: t.Any, send: t.Any) -> None:
            if scope["path"].startswith(CONTROL):
                await app(scope, receive, send)
                return
            request = Request(scope, receive)
            body = await request.body()
            entry = {
                "method": request.method,
                "path": request.url.path,
                "headers": {name: value for name, value in request.headers.items() if name in LOGGED_HEADERS},
                "body": readable(body),
                "connection": request.client.port,
                "status": None,
            }
            self.log.append(entry)
            fault = next((fault for fault in self.faults if fault.meets(request.method, request.url.path)), None)
            unread = [{"type": "http.request", "body": body}]
            transport = scope["state"]["transport"]

            async def receive_again() -> t.Any:
                return unread.pop() if unread else await receive()

            async def send_logged(message: t.Any) -> None:
                is_start = message["type"] == "http.response.start"
                if is_start and self.on_reply and await run_in_threadpool(self.on_reply, entry) == "drop":
                    await close(transport)
                entry["status"] = message.get("status", entry["status"])
                await send(message)

            if self.on_request and await run_in_threadpool(self.on_request, entry) == "drop":
                await close(transport)
                return
            await spoil(fault, app, scope, receive_again, send_logged)

        return application


async def spoil(fault: Fault | None, app: t.Any, scope: t.Any, receive: t.Any, send: t.Any) -> None:
    """Apply the fault to a request and its reply."""
    transport = scope["state"]["transport"]
    kind = fault.kind if fault else None
    if kind in ("latency", "hang"):
        await asyncio.sleep(fault.seconds)
    if kind in ("status", "html", "redirect"):
        await canned(fault)(scope, receive, send)
    elif kind in ("drop_before", "hang"):
        await close(transport)
    elif kind in ("drop_after", "truncate_headers", "truncate_body", "slow"):
        reply: list[t.Any] = []

        async def keep(message: t.Any) -> None:
            reply.append(message)

        await app(scope, receive, keep)
        start, body = reply[0], b"".join(message.get("body", b"") for message in reply[1:])
        if kind == "slow":
            await send(start)
            size = len(body) // 10 + 1
            for offset in range(0, len(body), size):
                await asyncio.sleep(fault.seconds / 10)
                await send({"type": "http.response.body", "body": body[offset : offset + size], "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        elif kind == "truncate_headers":
            await close(transport, b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-le")
        elif kind == "truncate_body":
            head = b"".join(name + b": " + value + b"\r\n" for name, value in start["headers"])
            await close(transport, b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + body[: len(body) // 2])
        else:
            await close(transport)
    else:
        await app(scope, receive, send)


async def close(transport: asyncio.Transport, rest: bytes = b"") -> None:
    """Send the bytes and close the connection, and wait for that, so that nothing more is sent on it."""
    if rest:
        transport.write(rest)
    transport.close()
    await asyncio.sleep(0.01)


def canned(fault: Fault) -> Response:
    """Return a reply that does not come from the stand-in."""
    if fault.kind == "html":
        return HTMLResponse("<!DOCTYPE html><html><body>Please log in.</body></html>")
    if fault.kind == "redirect":
        return Response(status_code=307, headers={"location": fault.location})
    body = fault.body
    if body is None:
        body = {"statusCode": fault.status, "error": "Error", "message": "The stand-in was told to fail."}
    if isinstance(body, str):
        return Response(body, fault.status, fault.headers)
    return JSONResponse(body, fault.status, fault.headers)


def readable(body: bytes) -> t.Any:
    """Return a request's body for the log: parsed if possible, None if empty."""
    try:
        return json.loads(body or b"null")
    except ValueError:
        return repr(body)
