# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for Immuta's documented Integrations API, for integrations of type Redshift.

Undocumented behavior is the simplest possible. Other processes list requests and add integrations at ``/_standin/...``.
"""

from __future__ import annotations

import concurrent.futures
import copy
import dataclasses
import secrets
import socket
import threading
import time
import typing as t

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.support.standin import scripts
from tests.support.standin.cluster import CONNECTION_TEST, Cluster, results
from tests.support.standin.payload import RefusedError, Types, check_credentials, checked, parse, without_credentials
from tests.support.standin.wire import CONTROL, Fault, Wire, WireProtocol

REDACTED = "<REDACTED>"
# Transient statuses, and their final status if the work fails.
BUSY = {"creating": "createError", "editing": "editError", "deleting": "deleteError", "migrating": "migrateError"}
NOT_IN_USE = ("deleted", "disabled")

# Immuta's documentation, "HTTP Status Codes and Error Messages". It shows WRONG_STATE and NOT_VALID only for one verb.
GET_MISSING = "No Integration found with ID {id}."
MISSING = "No integration found with ID {id}."
DELETE_NEEDS_CREDENTIALS = (
    "Integrations that are automatically configured require privileged credentials to disable. "
    "Please provide them in your payload."
)
DELETE_TAKES_NO_CREDENTIALS = (
    "Credentials are not required for disable unless the integration was configured automatically. If you need to "
    "update your integration credentials, use PUT to update the integration before disabling."
)
USE_PUT = (
    "Use PUT /integrations/{id} endpoint to update connection information for Redshift integration on host "
    "{host} (id = {id}) that previously failed to create."
)
EXISTS = "Redshift integration already exists on {host} (id = {id})."
NOT_EDITABLE = "Unable to edit integration due to changes of non-editable attribute(s)."
WRONG_STATE = "Unable to {verb} integration with ID {id} in current state {status}."
NOT_VALID = "Validation of prerequisite setup failed. Unable to {verb} integration."


@dataclasses.dataclass(frozen=True)
class Settings:
    """Settings that a test may change while the stand-in runs.

    - ``settle``: minimum seconds of a busy status; with 0 a query waits for its end
    - ``stuck``: the busy statuses that never end
    - ``failing``: the busy statuses that end in an error, without work on the database
    - ``script_reply``: a script is returned as ``text``, or in a JSON ``object``, as `script`
    - ``numeric_ids``: ids are numbers, as in the response schema, not strings, as in the examples
    - ``keep_deleted``: a deleted integration stays, with the status `deleted`
    - ``salted``: each generated script starts with another salt
    - ``replaced``: a text of the generated scripts, and its replacement
    - ``redacted``: the placeholder of a secret in GET: newer endpoints of Immuta show ``[REDACTED]``
    - ``authentication_types``: accepted in addition to the documented ones, see `payload.Types`
    - ``hosts``: host and port of clusters in other databases
    """

    settle: float = 0.0
    stuck: t.Collection[str] = ()
    failing: t.Collection[str] = ()
    script_reply: str = "text"
    numeric_ids: bool = False
    keep_deleted: bool = False
    salted: bool = False
    replaced: tuple[str, str] = ("", "")
    redacted: str = REDACTED
    authentication_types: Types = dataclasses.field(default_factory=dict)
    hosts: t.Mapping[str, tuple[str, int]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Record:
    """An integration. ``work`` runs in the database while it is busy; without it, a busy one stays busy.

    ``fallback`` is the status and the configuration after failed work. ``sources`` are the schemas of data sources.
    """

    number: int
    type: str
    automatic: bool
    config: dict[str, t.Any]
    status: str = ""
    validation: dict[str, t.Any] = dataclasses.field(default_factory=results)
    work: concurrent.futures.Future | None = None
    since: float = 0.0
    fallback: tuple[str, dict[str, t.Any]] | None = None
    sources: list[str] = dataclasses.field(default_factory=list)


class Immuta:
    """Context manager: the API on 127.0.0.1, at ``url``, for clients with ``api_key``.

    ``database`` is the address of the database for every host, ``admin`` the name and password of its superuser,
    ``tls`` a pair of paths: certificate chain and key in PEM. The other arguments are `Settings`.
    """

    def __init__(
        self,
        database: tuple[str, int],
        admin: tuple[str, str],
        *,
        port: int = 0,
        tls: tuple[str, str] | None = None,
        **settings: t.Any,
    ) -> None:
        self.api_key = secrets.token_hex(16)
        self.settings = self._first_settings = Settings(**settings)
        self.wire = Wire()
        self.writes: list[str] = []
        """The busy status of each started change, with or without a reply."""
        self._cluster = Cluster(lambda host: self.settings.hosts.get(host, database), admin)
        self._records: dict[int, Record] = {}
        self._last_number = 0
        self._tokens: list[str] = []
        self._lock = threading.RLock()
        self._workers = concurrent.futures.ThreadPoolExecutor(4, thread_name_prefix="immuta")
        self._socket = socket.create_server(("127.0.0.1", port))
        # Inherited by connections. asyncio sets it only for sockets with an explicit protocol, which these lack.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server = uvicorn.Server(
            uvicorn.Config(
                self.wire.around(Starlette(routes=self._routes())),
                http=WireProtocol,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                timeout_graceful_shutdown=1,
                ssl_certfile=tls and tls[0],
                ssl_keyfile=tls and tls[1],
            )
        )
        self._thread = threading.Thread(target=self._server.run, args=[[self._socket]], name="immuta", daemon=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Immuta:
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the Immuta stand-in did not start")
            time.sleep(0.002)
        return self

    def __exit__(self, *unused: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._workers.shutdown()
        self._socket.close()

    # Methods for tests

    def requests(self) -> list[dict[str, t.Any]]:
        """Return all requests, in order: method, path, headers (some), body (parsed), status (of the reply)."""
        return copy.deepcopy(self.wire.log)

    def clear_requests(self) -> None:
        """Clear the requests."""
        self.wire.log.clear()

    def tokens(self) -> list[str]:
        """Return all issued bearer tokens."""
        return list(self._tokens)

    def add_fault(self, kind: str, **rule: t.Any) -> None:
        """Add a fault for requests, see `Fault`."""
        self.wire.faults.append(Fault(kind, **rule))

    def clear_faults(self) -> None:
        """Remove all faults."""
        self.wire.faults.clear()

    def set(self, **settings: t.Any) -> None:
        """Change some of the `Settings`."""
        self.settings = dataclasses.replace(self.settings, **settings)

    def seed(self, **members: t.Any) -> str:
        """Add an integration of any type and in any status, without checks, and return its id. Busy ones stay so."""
        with self._lock:
            number = int(members.get("id", self._last_number + 1))
            self._last_number = max(self._last_number, number)
            self._records[number] = Record(
                number,
                members.get("type", "Redshift"),
                members.get("autoBootstrap", False),
                members.get("config", {}),
                members.get("status", "enabled"),
                members.get("validationResults", results()),
            )
            return str(number)

    def add_source(self, number: str, schema: str, view: str) -> None:
        """Register a data source, as users do after the setup: Immuta creates a schema and a view for it."""
        with self._lock:
            record = self._find(number, MISSING)
            self._cluster.add_source(record.config, schema, view)
            if schema not in record.sources:
                record.sources.append(schema)

    def records(self) -> list[dict[str, t.Any]]:
        """Return all integrations with all settings, including credentials."""
        with self._lock:
            return [{**self._shown(record), "config": copy.deepcopy(record.config)} for record in self._all()]

    def reset(self) -> None:
        """Clear integrations, requests, tokens, faults and changed settings; ids start at 1 again."""
        with self._lock:
            concurrent.futures.wait([record.work for record in self._records.values() if record.work])
            self._records.clear()
            self._last_number = 0
            self._tokens.clear()
        self.clear_faults()
        self.clear_requests()
        self.wire.on_request = self.wire.on_reply = None
        self.writes.clear()
        self.settings = self._first_settings

    # Dispatch

    def _routes(self) -> list[Route]:
        api = [
            ("GET", "/integrations", self._list),
            ("POST", "/integrations", self._create),
            ("POST", "/integrations/scripts/{script}", self._new_script),
            ("GET", "/integrations/{number}", self._get),
            ("PUT", "/integrations/{number}", self._edit),
            ("DELETE", "/integrations/{number}", self._delete),
            ("POST", "/integrations/{number}/scripts/{script}", self._script),
        ]
        unprotected = [
            ("POST", "/bim/apikey/authenticate", self._authenticate),
            ("GET", f"{CONTROL}/requests", lambda body: self.requests()),
            ("POST", f"{CONTROL}/integrations", lambda body: {"id": self.seed(**body)}),
        ]
        return [
            Route(path, self._endpoint(function, protected), methods=[method])
            for routes, protected in ((api, True), (unprotected, False))
            for method, path, function in routes
        ]

    def _endpoint(self, function: t.Callable[..., t.Any], protected: bool) -> t.Callable[[Request], t.Any]:
        async def endpoint(request: Request) -> Response:
            try:
                if protected:
                    self._authorize(request.headers.get("authorization", ""))
                body = parse(await request.body())
                reply = await run_in_threadpool(function, body, **request.path_params)
            except RefusedError as refusal:
                return JSONResponse(refusal.body, refusal.status)
            return reply if isinstance(reply, Response) else JSONResponse(reply)

        return endpoint

    def _authorize(self, header: str) -> None:
        scheme, _space, token = header.partition(" ")
        if header != self.api_key and (scheme != "Bearer" or token not in self._tokens):
            raise RefusedError(401, "The authentication is missing or unknown.")

    def _authenticate(self, body: t.Any) -> dict[str, str]:
        if body != {"apikey": self.api_key}:
            raise RefusedError(401, "The API key is unknown.")
        self._tokens.append(secrets.token_hex(16))
        return {"token": self._tokens[-1]}

    # Endpoints

    def _list(self, body: t.Any) -> list[dict[str, t.Any]]:
        with self._lock:
            return [self._shown(record) for record in self._all()]

    def _get(self, body: t.Any, number: str) -> dict[str, t.Any]:
        with self._lock:
            return self._shown(self._find(number, GET_MISSING))

    def _create(self, body: t.Any) -> dict[str, t.Any]:
        payload = checked(body, types=self.settings.authentication_types)
        host = payload["config"]["host"]
        with self._lock:
            for other in self._all():
                same = other.type == "Redshift" and other.config["host"].lower() == host.lower()
                if same and other.status not in NOT_IN_USE:
                    status, message = (400, USE_PUT) if other.status == "createError" else (409, EXISTS)
                    raise RefusedError(status, message.format(id=other.number, host=host))
            self._validate(payload, "create")
            self._last_number += 1
            record = Record(self._last_number, "Redshift", payload["autoBootstrap"], {})
            self._records[record.number] = record
            return self._begin(record, "creating", payload, self._cluster.bootstrap)

    def _edit(self, body: t.Any, number: str) -> dict[str, t.Any]:
        payload = checked(body, types=self.settings.authentication_types)
        with self._lock:
            record = self._find(number, MISSING, "edit")
            refuse_changes(record, payload)
            self._validate(payload, "edit")
            if record.status == "createError":
                return self._begin(record, "editing", payload, self._cluster.bootstrap)
            before = record.config
            return self._begin(record, "editing", payload, lambda payload: self._cluster.edit(payload, before))

    def _delete(self, body: t.Any, number: str) -> dict[str, t.Any]:
        with self._lock:
            record = self._find(number, MISSING, "delete")
            if record.automatic and not body:
                raise RefusedError(400, DELETE_NEEDS_CREDENTIALS)
            if body and not record.automatic:
                raise RefusedError(400, DELETE_TAKES_NO_CREDENTIALS)
            payload = {"autoBootstrap": record.automatic, "config": record.config}
            if record.automatic:
                check_credentials(body, types=self.settings.authentication_types)
                payload["config"] = {**without_credentials(record.config), **body}
                self._validate(payload, "delete")
            return self._begin(record, "deleting", payload, self._cluster.remove)

    def _new_script(self, body: t.Any, script: str) -> Response:
        generate = {"initial-create": scripts.initial_create, "create": scripts.create, "cleanup": scripts.cleanup}
        if script not in generate:
            raise RefusedError(404, f"There is no script {script} for Redshift.")
        return self._script_reply(script, generate[script](self._manual(body)["config"]))

    def _script(self, body: t.Any, number: str, script: str) -> Response:
        with self._lock:
            record = self._find(number, MISSING)
            if script == "delete":
                return self._script_reply(script, scripts.delete(record.config, record.sources))
            if script != "edit":
                raise RefusedError(404, f"There is no script {script}.")
            payload = self._manual(body)
            refuse_changes(record, payload)
            return self._script_reply(script, scripts.edit(record.config, payload["config"]))

    def _manual(self, body: t.Any) -> dict[str, t.Any]:
        return checked(body, manual=True, types=self.settings.authentication_types)

    def _script_reply(self, name: str, statements: list[str]) -> Response:
        script = scripts.text(name, statements)
        script = script.replace(*self.settings.replaced) if self.settings.replaced[0] else script
        if self.settings.salted:
            script = f"-- salt {secrets.token_hex(8)}\n{script}"
        if self.settings.script_reply == "text":
            return PlainTextResponse(script)
        return JSONResponse({"script": script})

    # Records and their statuses

    def _find(self, number: str, missing: str, verb: str | None = None) -> Record:
        """Return an integration; raise an error for a busy one that must change."""
        for record in self._all():
            if str(record.number) == number:
                if verb and record.status in BUSY:
                    raise RefusedError(409, WRONG_STATE.format(verb=verb, id=number, status=record.status))
                return record
        raise RefusedError(404, missing.format(id=number))

    def _validate(self, payload: dict[str, t.Any], verb: str) -> None:
        validation = self._cluster.validate(payload, new=verb == "create")
        if validation["status"] == "failed":
            raise RefusedError(422, NOT_VALID.format(verb=verb), validation)

    def _begin(
        self, record: Record, status: str, payload: dict[str, t.Any], work: t.Callable[[dict[str, t.Any]], None]
    ) -> dict[str, t.Any]:
        """Start the work of a busy status, none in a manual setup. Return the reply of POST, PUT and DELETE."""
        if status in self.settings.failing:
            work = fail
        elif not payload["autoBootstrap"]:
            work = nothing
        failed = "createError" if record.status == "createError" else BUSY[status]
        record.fallback = failed, record.config or payload["config"]
        if status != "deleting":
            record.config = payload["config"]
        self.writes.append(status)
        record.status, record.validation, record.since = status, results(), time.monotonic()
        record.work = self._workers.submit(work, payload)
        return {key: self._shown(record)[key] for key in ("id", "status", "validationResults")}

    def _all(self) -> list[Record]:
        """Update due statuses, and return all integrations."""
        for record in list(self._records.values()):
            if record.work and record.status not in self.settings.stuck:
                if self.settings.settle == 0:
                    concurrent.futures.wait([record.work])
                if record.work.done() and time.monotonic() >= record.since + self.settings.settle:
                    self._settle(record, record.work.exception())
        return list(self._records.values())

    def _settle(self, record: Record, error: BaseException | None) -> None:
        record.work = None
        if error:
            record.status, record.config = record.fallback
            record.validation = results(CONNECTION_TEST, str(error).split("\n", 1)[0])
        elif record.status != "deleting":
            record.status = "enabled"
        elif self.settings.keep_deleted:
            record.status = "deleted"
        else:
            del self._records[record.number]

    def _shown(self, record: Record) -> dict[str, t.Any]:
        """Return an integration as GET shows it."""
        config = copy.deepcopy(record.config)
        for owner in (config, config.get("okta", {})):
            owner.update({name: self.settings.redacted for name in ("username", "password") if name in owner})
        needed = self.settings.authentication_types.get(config.get("authenticationType"), {})
        config.update({name: self.settings.redacted for name, hidden in needed.items() if hidden and name in config})
        return {
            "id": record.number if self.settings.numeric_ids else str(record.number),
            "status": record.status,
            "validationResults": record.validation,
            "type": record.type,
            "autoBootstrap": record.automatic,
            "config": config,
        }


def refuse_changes(record: Record, payload: dict[str, t.Any]) -> None:
    """Raise RefusedError if a payload changes an immutable setting."""
    before, after = record.config, payload["config"]
    if (record.type, record.automatic, before.get("host"), before.get("database")) != (
        payload["type"],
        payload["autoBootstrap"],
        after["host"],
        after["database"],
    ):
        raise RefusedError(400, NOT_EDITABLE)


def fail(payload: dict[str, t.Any]) -> None:
    raise RuntimeError("The connection to the cluster was lost.")


def nothing(payload: dict[str, t.Any]) -> None:
    """Do nothing: the scripts were run outside of Immuta."""
