# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the part of a controller's REST API that configure_controller uses; it runs no jobs.

It is stricter than AWX in one point: a field that it does not know is refused, where AWX passes over it.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import secrets
import socket
import threading
import time
import typing as t

import jinja2.sandbox
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Fields = dict[str, t.Any]
Question = dict[str, t.Any]

REQUIRED = object()
# kind: field: type, or kind that it refers to; and the default, which REQUIRED has none of.
PROMPTS = {f"ask_{what}_on_launch": (bool, False) for what in "variables limit job_type credential inventory".split()}
KINDS: dict[str, dict[str, tuple[t.Any, t.Any]]] = {
    "organizations": {"name": (str, REQUIRED)},
    "execution_environments": {
        "name": (str, REQUIRED),
        "image": (str, REQUIRED),
        "organization": ("organizations", None),
        "pull": (str, ""),
    },
    "credential_types": {
        "name": (str, REQUIRED),
        "description": (str, ""),
        "kind": (str, REQUIRED),
        "inputs": (dict, {}),
        "injectors": (dict, {}),
    },
    "credentials": {
        "name": (str, REQUIRED),
        "organization": ("organizations", REQUIRED),
        "credential_type": ("credential_types", REQUIRED),
        "inputs": (dict, {}),
    },
    "projects": {
        "name": (str, REQUIRED),
        "organization": ("organizations", None),
        "scm_type": (str, ""),
        "scm_url": (str, ""),
        "scm_branch": (str, ""),
        "scm_update_on_launch": (bool, False),
    },
    "inventories": {
        "name": (str, REQUIRED),
        "description": (str, ""),
        "organization": ("organizations", REQUIRED),
        "variables": (str, ""),
    },
    "inventory_sources": {
        "name": (str, REQUIRED),
        "inventory": ("inventories", REQUIRED),
        "source": (str, REQUIRED),
        "source_project": ("projects", None),
        "source_path": (str, ""),
        "overwrite": (bool, False),
        "overwrite_vars": (bool, False),
        "update_on_launch": (bool, False),
    },
    "job_templates": {
        "name": (str, REQUIRED),
        "description": (str, ""),
        "job_type": (str, "run"),
        "project": ("projects", REQUIRED),
        "inventory": ("inventories", REQUIRED),
        "playbook": (str, REQUIRED),
        "execution_environment": ("execution_environments", None),
        "forks": (int, 0),
        "job_slice_count": (int, 1),
        "diff_mode": (bool, False),
        "extra_vars": (str, ""),
        "survey_enabled": (bool, False),
        **PROMPTS,
    },
    "workflow_job_templates": {
        "name": (str, REQUIRED),
        "description": (str, ""),
        "organization": ("organizations", None),
        "inventory": ("inventories", None),
        "extra_vars": (str, ""),
        "survey_enabled": (bool, False),
        **PROMPTS,
    },
    "workflow_job_template_nodes": {
        "identifier": (str, REQUIRED),
        "workflow_job_template": ("workflow_job_templates", REQUIRED),
        "unified_job_template": (("job_templates", "workflow_approval_templates"), None),
    },
    "workflow_approval_templates": {"name": (str, REQUIRED), "description": (str, ""), "timeout": (int, 0)},
}
NOT_FOR_CREDENTIALS = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "JOB_ID", "INVENTORY_ID", "AWX_HOST", "PROJECT_REVISION")
ANSWERS = {"text": str, "textarea": str, "password": str, "multiplechoice": str, "multiselect": str, "integer": int}


class RefusedError(Exception):
    """A reply with an error status."""

    def __init__(self, status: int, **body: t.Any) -> None:
        super().__init__(body)
        self.status = status
        self.body = body


@dataclasses.dataclass
class Thing:
    """An object of the controller: its fields, and what hangs on it."""

    id: int
    kind: str
    fields: Fields
    survey: Fields = dataclasses.field(default_factory=dict)
    credentials: list[int] = dataclasses.field(default_factory=list)
    success_nodes: list[int] = dataclasses.field(default_factory=list)
    fetched: bool = False


class Controller:
    """Context manager: the API on 127.0.0.1 at ``url``, below ``prefix``, for whoever has ``token``.

    ``playbooks`` are those of every project, known as soon as it was fetched.
    """

    def __init__(self, playbooks: t.Collection[str], prefix: str = "/api/v2") -> None:
        self.playbooks = playbooks
        self.prefix = prefix
        self.token = "Token-" + secrets.token_hex(16)
        self.may_write = True
        self.requests: list[tuple[str, str]] = []
        """The method and path of each request."""
        self._ids = itertools.count(1)
        self._things: dict[int, Thing] = {}
        self._make("organizations", {"name": "Default"})
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            Starlette(routes=self._routes()), loop="asyncio", ws="none", lifespan="off", log_config=None
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=[[self._socket]], daemon=True)

    def __enter__(self) -> Controller:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.002)
        return self

    def __exit__(self, *unused: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    # What a test does

    def find(self, kind: str, name: str) -> Thing:
        """The only object of that kind and name."""
        key = "identifier" if kind == "workflow_job_template_nodes" else "name"
        [thing] = [thing for thing in self.of(kind) if thing.fields[key] == name]
        return thing

    def of(self, kind: str) -> list[Thing]:
        """All objects of a kind."""
        return [thing for thing in self._things.values() if thing.kind == kind]

    def get(self, number: int) -> Thing:
        return self._things[number]

    def remove(self, thing: Thing) -> None:
        """Remove an object, as somebody does in the controller."""
        del self._things[thing.id]
        for other in self._things.values():
            other.success_nodes = [number for number in other.success_nodes if number != thing.id]

    def names(self) -> dict[str, list[str]]:
        """The names of all objects that there are, by kind."""
        return {
            kind: sorted(thing.fields.get("name") or thing.fields["identifier"] for thing in self.of(kind))
            for kind in KINDS
        }

    def writes(self) -> list[tuple[str, str]]:
        return [request for request in self.requests if request[0] != "GET"]

    # The way in

    def _routes(self) -> list[Route]:
        node = "/workflow_job_template_nodes/{number:int}"
        routes: list[tuple[str, str, t.Callable[..., t.Any]]] = [
            ("GET", "/{kind}/", self._list),
            ("POST", "/{kind}/", self._create),
            ("GET", "/{kind}/{number:int}/", self._show),
            ("PATCH", "/{kind}/{number:int}/", self._change),
            ("GET", "/{kind}/{number:int}/survey_spec/", self._show_survey),
            ("POST", "/{kind}/{number:int}/survey_spec/", self._set_survey),
            ("GET", "/job_templates/{number:int}/credentials/", self._list_credentials),
            ("POST", "/job_templates/{number:int}/credentials/", self._add_credential),
            ("GET", "/workflow_job_templates/{number:int}/workflow_nodes/", self._list_nodes),
            ("POST", node + "/create_approval_template/", self._create_approval),
            ("POST", node + "/success_nodes/", self._add_successor),
        ]
        return [
            Route(self.prefix + path, self._endpoint(function), methods=[method]) for method, path, function in routes
        ]

    def _endpoint(self, function: t.Callable[..., t.Any]) -> t.Callable[[Request], t.Any]:
        async def endpoint(request: Request) -> Response:
            self.requests.append((request.method, request.url.path.removeprefix(self.prefix)))
            if request.headers.get("authorization") != f"Bearer {self.token}":
                return JSONResponse({"detail": "Authentication credentials were not provided."}, 401)
            if request.method != "GET" and not self.may_write:
                return JSONResponse({"detail": "You do not have permission to perform this action."}, 403)
            try:
                body = dict(request.query_params) if request.method == "GET" else await request.json()
                status, reply = function(body, **request.path_params)
            except RefusedError as refusal:
                return JSONResponse(refusal.body, refusal.status)
            return JSONResponse(reply, status) if reply is not None else Response(status_code=status)

        return endpoint

    # The endpoints: what was asked with, and what is in the path; they return status and body

    def _list(self, query: Fields, kind: str) -> tuple[int, Fields]:
        names = query.pop("name__in", query.pop("name", "")).split(",")
        query.pop("page_size", None)
        found = [thing for thing in self.of(kind) if thing.fields.get("name") in names]
        for field, value in query.items():
            if field not in (*KINDS[kind], "organization"):
                raise RefusedError(400, detail=f"{kind} has no field named {field}")
            found = [thing for thing in found if str(self._owner(thing) if field == "organization" else None) == value]
        return page([self._shown(thing) for thing in found])

    def _create(self, body: Fields, kind: str) -> tuple[int, Fields]:
        return 201, self._shown(self._make(kind, body))

    def _show(self, query: Fields, kind: str, number: int) -> tuple[int, Fields]:
        thing = self._find(kind, number)
        thing.fetched = True
        return 200, self._shown(thing)

    def _change(self, body: Fields, kind: str, number: int) -> tuple[int, Fields]:
        thing = self._find(kind, number)
        self._check(kind, body, thing)
        thing.fields.update(body)
        return 200, self._shown(thing)

    def _show_survey(self, query: Fields, kind: str, number: int) -> tuple[int, Fields]:
        return 200, self._find(kind, number).survey

    def _set_survey(self, body: Fields, kind: str, number: int) -> tuple[int, None]:
        thing = self._find(kind, number)
        check_survey(body)
        thing.survey = body
        return 200, None

    def _list_credentials(self, query: Fields, number: int) -> tuple[int, Fields]:
        return page([self._shown(self._things[one]) for one in self._find("job_templates", number).credentials])

    def _add_credential(self, body: Fields, number: int) -> tuple[int, None]:
        template, credential = self._find("job_templates", number), self._find("credentials", body["id"])
        types = [self._things[one].fields["credential_type"] for one in template.credentials]
        if credential.fields["credential_type"] in types:
            raise RefusedError(400, error="Cannot assign multiple credentials of one type.")
        template.credentials.append(credential.id)
        return 204, None

    def _list_nodes(self, query: Fields, number: int) -> tuple[int, Fields]:
        nodes = self.of("workflow_job_template_nodes")
        return page([self._shown(node) for node in nodes if node.fields["workflow_job_template"] == number])

    def _create_approval(self, body: Fields, number: int) -> tuple[int, Fields]:
        node = self._find("workflow_job_template_nodes", number)
        approval = self._make("workflow_approval_templates", body)
        node.fields["unified_job_template"] = approval.id
        return 201, self._shown(approval)

    def _add_successor(self, body: Fields, number: int) -> tuple[int, None]:
        node, successor = (self._find("workflow_job_template_nodes", one) for one in (number, body["id"]))
        node.success_nodes.append(successor.id)
        return 204, None

    # The objects

    def _find(self, kind: str, number: int) -> Thing:
        thing = self._things.get(number)
        if thing is None or thing.kind != kind:
            raise RefusedError(404, detail="Not found.")
        return thing

    def _make(self, kind: str, body: Fields) -> Thing:
        missing = [name for name, (unused, default) in KINDS[kind].items() if default is REQUIRED and name not in body]
        if missing:
            raise RefusedError(400, **{name: ["This field is required."] for name in missing})
        defaults = {name: default for name, (unused, default) in KINDS[kind].items() if name not in body}
        self._check(kind, {**defaults, **body}, None)
        thing = Thing(next(self._ids), kind, {**defaults, **body})
        self._things[thing.id] = thing
        return thing

    def _owner(self, thing: Thing) -> t.Any:
        """The organization of an object; a job template has that of its project."""
        if thing.kind == "job_templates":
            return self._things[thing.fields["project"]].fields["organization"]
        return thing.fields.get("organization")

    def _check(self, kind: str, body: Fields, thing: Thing | None) -> None:
        """Raise RefusedError for fields that a controller does not take."""
        for name, value in body.items():
            if name not in KINDS[kind]:
                raise RefusedError(400, **{name: ["There is no such field."]})
            wanted = KINDS[kind][name][0]
            if isinstance(wanted, type):
                if not is_of(value, wanted):
                    raise RefusedError(400, **{name: [f"Not a valid {wanted.__name__}."]})
            elif value is not None:
                kinds = wanted if isinstance(wanted, tuple) else (wanted,)
                if not is_of(value, int) or value not in self._things or self._things[value].kind not in kinds:
                    raise RefusedError(400, **{name: [f"Invalid pk {value!r} - object does not exist."]})
        others = [other for other in self.of(kind) if other is not thing and "name" in body]
        named = [other for other in others if other.fields.get("name") == body["name"]]
        if any(self._owner(other) == body.get("organization") for other in named):
            raise RefusedError(400, __all__=[f"An object of kind {kind} with this name exists already."])
        after = {**(thing.fields if thing else {}), **body}
        if kind == "credential_types":
            self._check_credential_type(after, thing)
        elif kind == "credentials":
            self._check_credential(after)
        elif kind == "job_templates":
            self._check_job_template(after)

    def _check_credential_type(self, after: Fields, thing: Thing | None) -> None:
        if after["kind"] not in ("cloud", "net"):
            raise RefusedError(400, kind=[f"Must be 'cloud' or 'net', not {after['kind']}"])
        used = thing and any(one.fields["credential_type"] == thing.id for one in self.of("credentials"))
        if thing and used and after["inputs"] != thing.fields["inputs"]:
            raise RefusedError(403, detail="Modifications to inputs are not allowed for credential types in use")
        check_inputs(after["inputs"])
        check_injectors(after["injectors"], after["inputs"])

    def _check_credential(self, after: Fields) -> None:
        known = [field["id"] for field in self._things[after["credential_type"]].fields["inputs"]["fields"]]
        unknown = [name for name in after.get("inputs", {}) if name not in known]
        if unknown:
            raise RefusedError(400, inputs=[f"{unknown} were unexpected"])

    def _check_job_template(self, after: Fields) -> None:
        project = self._things[after["project"]]
        if not project.fetched or after["playbook"] not in self.playbooks:
            raise RefusedError(400, playbook=["Playbook not found for project."])

    def _shown(self, thing: Thing) -> Fields:
        """What the API shows of an object. A project has been fetched when somebody looks at it later."""
        shown = {"id": thing.id, **thing.fields}
        if thing.kind == "projects":
            shown["status"] = "successful" if thing.fetched else "pending"
        if thing.kind == "workflow_job_template_nodes":
            target = self._things.get(thing.fields["unified_job_template"])
            summary = {"id": target.id, **target.fields} if target else {}
            shown["summary_fields"] = {"unified_job_template": summary} if target else {}
            shown["success_nodes"] = thing.success_nodes
        return shown


def page(results: list[Fields]) -> tuple[int, Fields]:
    return 200, {"count": len(results), "next": None, "previous": None, "results": results}


def check_inputs(inputs: Fields) -> None:
    """Raise RefusedError for fields that no credential can have."""
    known = {"id", "label", "type", "format", "choices", "help_text", "multiline", "secret", "default"}
    names = [field["id"] for field in inputs.get("fields", [])]
    wrong = [name for name in names if not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name) or name == "tower"]
    if wrong or len(set(names)) != len(names) or set(inputs) - {"fields", "required"}:
        raise RefusedError(400, inputs=[f"These are no fields of a credential type: {inputs}"])
    for field in inputs.get("fields", []):
        field.setdefault("type", "string")
        if set(field) - known or field["type"] not in ("string", "boolean") or not isinstance(field.get("label"), str):
            raise RefusedError(400, inputs=[f"This is no field of a credential: {field}"])
        if field["type"] == "boolean" and set(field) & {"choices", "multiline", "format", "secret"}:
            raise RefusedError(400, inputs=[f"This is not for a boolean: {field}"])
        if field.get("format", "url") not in ("url", "ssh_private_key"):
            raise RefusedError(400, inputs=[f"There is no such format: {field}"])
    if set(inputs.get("required", [])) - set(names):
        raise RefusedError(400, inputs=["What is required is no field."])


def check_injectors(injectors: Fields, inputs: Fields) -> None:
    """Raise RefusedError for templates that cannot be, or that name fields which are not there."""
    files = injectors.get("file", {})
    namespace: Fields = {field["id"]: "EXAMPLE" for field in inputs.get("fields", [])}
    namespace["tower"] = {"filename": "EXAMPLE"} if "template" in files else {}
    if set(injectors) - {"file", "env", "extra_vars"} or set(files) - {"template"}:
        raise RefusedError(400, injectors=["Unknown kind of injector."])
    for name in injectors.get("env", {}):
        if name in NOT_FOR_CREDENTIALS or not re.fullmatch("(?!ANSIBLE_)[a-zA-Z_][a-zA-Z0-9_]*", name):
            raise RefusedError(400, injectors=[f"Environment variable {name} is not allowed in credentials."])
    sandbox = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
    for text in [*files.values(), *injectors.get("env", {}).values()]:
        try:
            sandbox.from_string(text).render(namespace)
        except jinja2.TemplateError as error:
            raise RefusedError(400, injectors=[f"{text} uses an undefined field ({error})"]) from None


def is_of(value: t.Any, kind: type) -> bool:
    """Whether a value of JSON is of this type, where true is no number."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def check_survey(survey: Fields) -> None:
    """Raise RefusedError for what is no survey."""
    if set(survey) != {"name", "description", "spec"} or not survey["spec"]:
        raise RefusedError(400, error="A survey has a name, a description and a spec with questions.")
    needed = {"type", "question_name", "variable", "required"}
    known = needed | {"question_description", "default", "choices", "min", "max"}
    for number, question in enumerate(survey["spec"]):
        missing, unknown = needed - set(question), set(question) - known
        if missing or unknown or question["type"] not in ANSWERS or not is_of(question["required"], bool):
            raise RefusedError(400, error=f"Survey question {number} is none: {question}")
        if "default" in question and not is_of(question["default"], ANSWERS[question["type"]]):
            raise RefusedError(400, error=f"The default value in survey question {number} has another type.")
        if question["type"] == "multiplechoice" and question.get("default", "") not in ["", *question["choices"]]:
            raise RefusedError(400, error="Default choice must be answered from the choices listed.")
    names = [question["variable"] for question in survey["spec"]]
    if len(set(names)) != len(names):
        raise RefusedError(400, error="A variable is duplicated.")
