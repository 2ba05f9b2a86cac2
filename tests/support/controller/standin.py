# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for the part of a controller's REST API that configure_controller uses; it runs no jobs.

Its rules were measured on AWX 24.6.1 and on its development branch of October 2024. It is stricter than AWX in one
point: it refuses a field that it does not know, which AWX ignores.
"""

from __future__ import annotations

import dataclasses
import itertools
import secrets
import socket
import threading
import time
import typing as t

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.controller.checks import RefusedError, check_injectors, check_inputs, check_survey, is_of

Fields = dict[str, t.Any]

REQUIRED = object()
ASKED_OF_WORKFLOWS = "variables limit inventory scm_branch labels tags skip_tags".split()
ASKED_OF_JOBS = [
    *ASKED_OF_WORKFLOWS,
    *"job_type credential diff_mode verbosity execution_environment forks job_slice_count timeout".split(),
]
# A prompt that a workflow node answers, and its type.
PROMPTS: dict[str, t.Any] = {
    "extra_data": dict,
    "inventory": "inventories",
    "scm_branch": str,
    "job_type": str,
    "job_tags": str,
    "skip_tags": str,
    "limit": str,
    "diff_mode": bool,
    "verbosity": int,
    "execution_environment": "execution_environments",
    "forks": int,
    "job_slice_count": int,
    "timeout": int,
}
QUESTIONS = {"extra_data": "variables", "job_tags": "tags"}  # if the prompt has another name than its question
RUN = {
    "extra_vars": (str, ""),
    "limit": (str, ""),
    "job_tags": (str, ""),
    "skip_tags": (str, ""),
    "scm_branch": (str, ""),
    "allow_simultaneous": (bool, False),
    "survey_enabled": (bool, False),
}
# kind: field: type, or kind of the reference; and the default, which REQUIRED lacks.
KINDS: dict[str, dict[str, tuple[t.Any, t.Any]]] = {
    "organizations": {"name": (str, REQUIRED)},
    "teams": {"name": (str, REQUIRED), "organization": ("organizations", REQUIRED)},
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
        "managed": (bool, False),
        "namespace": (str, None),
    },
    "credentials": {
        "name": (str, REQUIRED),
        "description": (str, ""),
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
        "scm_refspec": (str, ""),
        "scm_update_on_launch": (bool, False),
        "credential": ("credentials", None),
    },
    "inventories": {
        "name": (str, REQUIRED),
        "description": (str, ""),
        "organization": ("organizations", REQUIRED),
        "kind": (str, ""),
        "host_filter": (str, None),
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
        **RUN,
        **{f"ask_{what}_on_launch": (bool, False) for what in ASKED_OF_JOBS},
    },
    "workflow_job_templates": {
        "name": (str, REQUIRED),
        "description": (str, ""),
        "organization": ("organizations", None),
        "inventory": ("inventories", None),
        **RUN,
        **{f"ask_{what}_on_launch": (bool, False) for what in ASKED_OF_WORKFLOWS},
    },
    "workflow_job_template_nodes": {
        "identifier": (str, REQUIRED),
        "workflow_job_template": ("workflow_job_templates", REQUIRED),
        "unified_job_template": (("job_templates", "workflow_approval_templates"), None),
        "all_parents_must_converge": (bool, False),
        **{name: (kind, {} if kind is dict else None) for name, kind in PROMPTS.items()},
    },
    "workflow_approval_templates": {"name": (str, REQUIRED), "description": (str, ""), "timeout": (int, 0)},
    "project_updates": {"project": ("projects", REQUIRED), "status": (str, "pending")},
}
# C1, C3, C7: the fields that form the scope of a unique name; for other kinds, the organization.
UNIQUE_WITHIN = {
    "execution_environments": (),
    "credential_types": ("kind",),
    "credentials": ("organization", "credential_type"),
    "inventory_sources": ("inventory",),
}
# C1, C2: a PATCH of these replies 200 and changes nothing.
IGNORED_IN_PATCH = {"inventory_sources": ("inventory",), "workflow_job_template_nodes": ("workflow_job_template",)}
STARTS_UPDATE = {"scm_url", "scm_branch", "scm_type", "scm_refspec"}  # C4
EDGES = ("success_nodes", "failure_nodes", "always_nodes")
ROLES = {
    "job_templates": ("admin_role", "execute_role", "read_role"),
    "workflow_job_templates": ("admin_role", "execute_role", "read_role", "approval_role"),
}
TYPES = {kind: kind[:-3] + "y" if kind.endswith("ies") else kind[:-1] for kind in KINDS}
JOB_TYPES = {"job_templates": "job", "workflow_approval_templates": "workflow_approval"}
MANAGED = {"name": "Red Hat Ansible Automation Platform", "kind": "cloud", "namespace": "controller", "managed": True}
CONTROLLER_TYPE = {
    "inputs": {
        "fields": [
            {"id": "host", "label": "Host", "type": "string"},
            {"id": "oauth_token", "label": "OAuth Token", "type": "string", "secret": True},
            {"id": "verify_ssl", "label": "Verify SSL", "type": "boolean"},
        ],
        "required": ["host"],
    },
    "injectors": {
        "env": {
            "CONTROLLER_HOST": "{{ host }}",
            "CONTROLLER_OAUTH_TOKEN": "{{ oauth_token }}",
            "CONTROLLER_VERIFY_SSL": "{{ verify_ssl }}",
        }
    },
}


@dataclasses.dataclass
class Thing:
    """An object of the controller: its fields and related objects."""

    id: int
    kind: str
    fields: Fields
    survey: Fields = dataclasses.field(default_factory=dict)
    credentials: list[int] = dataclasses.field(default_factory=list)
    edges: dict[str, list[int]] = dataclasses.field(default_factory=lambda: {name: [] for name in EDGES})
    found: list[str] = dataclasses.field(default_factory=list)
    """The playbooks of a project after the last successful update."""
    roles: dict[str, int] = dataclasses.field(default_factory=dict)
    """The ids of a template's roles, or of the roles of a team."""


class Controller:
    """Context manager: the API on 127.0.0.1 at ``url``, below ``prefix``, for clients with ``token``.

    ``playbooks`` are those of every project, known after its update; ``branches`` are those of single branches.
    """

    def __init__(self, playbooks: t.Collection[str], prefix: str = "/api/v2") -> None:
        self.prefix = prefix
        self.token = "Token-" + secrets.token_hex(16)
        self._playbooks = playbooks
        self.reset()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            Starlette(routes=self._routes()), loop="asyncio", ws="none", lifespan="off", log_config=None
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=[[self._socket]], daemon=True)

    def reset(self) -> None:
        """Delete everything that tests have created or set."""
        self.playbooks = self._playbooks
        self.branches: dict[str, t.Collection[str]] = {}
        self.may_write = True
        self.private = False
        """Whether every repository needs a credential."""
        self.faults: list[tuple[str, int]] = []
        """Method and status of replies that replace the next ones."""
        self.acts_before_fault = False
        """Whether a request with such a reply still takes effect."""
        self.requests: list[tuple[str, str]] = []
        """The method and path of each request."""
        self.workflow_jobs: dict[int, Fields] = {}
        """The nodes of each workflow job, under ``nodes``, with its template and its status."""
        self._ids = itertools.count(1)
        self._things: dict[int, Thing] = {}
        self._make("organizations", {"name": "Default"})
        self._make("credential_types", {**MANAGED, **CONTROLLER_TYPE})
        self.machine = self._make("credential_types", {"name": "Machine", "kind": "ssh", "managed": True})
        self.source_control = self._make("credential_types", {"name": "Source Control", "kind": "scm", "managed": True})

    def __enter__(self) -> Controller:
        self._thread.start()
        while not self._server.started:
            time.sleep(0.002)
        return self

    def __exit__(self, *unused: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    # Methods for tests

    def find(self, kind: str, name: str) -> Thing:
        """Return the only object of that kind and name."""
        [thing] = [thing for thing in self.of(kind) if name_of(thing) == name]
        return thing

    def of(self, kind: str) -> list[Thing]:
        """Return all objects of a kind."""
        return [thing for thing in self._things.values() if thing.kind == kind]

    def get(self, number: int) -> Thing:
        return self._things[number]

    def add(self, kind: str, **fields: t.Any) -> Thing:
        """Create an object, as a user does in the controller."""
        return self._make(kind, fields)

    def remove(self, thing: Thing) -> None:
        """Delete an object, as a user does in the controller."""
        del self._things[thing.id]
        for other in self._things.values():
            for name in EDGES:
                other.edges[name] = [number for number in other.edges[name] if number != thing.id]
            for name, value in other.fields.items():
                if value == thing.id and KINDS[other.kind][name][0] not in (int, bool):
                    other.fields[name] = None

    def names(self) -> dict[str, list[str]]:
        """Return the names of all objects, by kind."""
        return {kind: sorted(name_of(thing) for thing in self.of(kind)) for kind in KINDS if kind != "project_updates"}

    def writes(self) -> list[tuple[str, str]]:
        return [request for request in self.requests if request[0] != "GET"]

    def nodes_of(self, workflow: Thing) -> list[Thing]:
        nodes = self.of("workflow_job_template_nodes")
        return [node for node in nodes if node.fields["workflow_job_template"] == workflow.id]

    def may_read_job(self, team: Thing, template: Thing) -> bool:
        """Return whether a member of the team may read the jobs of a template (C8: otherwise 403)."""
        return bool(
            {template.roles[name] for name in ("admin_role", "execute_role", "read_role")} & {*team.roles.values()}
        )

    def start_workflow(self, workflow: Thing) -> int:
        """Launch a workflow with valid answers, and return the id of the workflow job."""
        number = next(self._ids)
        active = [
            job
            for job in self.workflow_jobs.values()
            if job["template"] == workflow.id and job["status"] in ("pending", "running")
        ]
        # C6: the workflow job is running as long as an approval is pending.
        status = "pending" if active and not workflow.fields["allow_simultaneous"] else "running"
        self.workflow_jobs[number] = {"template": workflow.id, "status": status, "nodes": []}
        copies = {node.id: next(self._ids) for node in self.nodes_of(workflow)}
        for node in self.nodes_of(workflow):
            self.workflow_jobs[number]["nodes"].append(
                {
                    "id": copies[node.id],
                    "identifier": node.fields["identifier"],
                    "workflow_job": number,
                    "unified_job_template": node.fields["unified_job_template"],
                    "job": None,
                    "do_not_run": False,
                    **{name: [copies[one] for one in node.edges[name]] for name in EDGES},
                    "summary_fields": {},
                }
            )
        return number

    def note_job(self, node: Fields, status: str) -> int:
        """Record the job or the approval of a node in a workflow job, and return its id."""
        node["job"] = node["job"] or next(self._ids)
        kind = self.get(node["unified_job_template"]).kind
        kind = "workflow_approval" if kind == "workflow_approval_templates" else "job"
        node["summary_fields"] = {"job": {"id": node["job"], "type": kind, "status": status}}
        return t.cast(int, node["job"])

    # Dispatch

    def _routes(self) -> list[Route]:
        node = "/workflow_job_template_nodes/{number:int}"
        routes: list[tuple[str, str, t.Callable[..., t.Any]]] = [
            ("GET", "/{kind}/", self._list),
            ("POST", "/{kind}/", self._create),
            ("GET", "/{kind}/{number:int}/", self._show),
            ("PATCH", "/{kind}/{number:int}/", self._change),
            ("GET", "/{kind}/{number:int}/survey_spec/", self._show_survey),
            ("POST", "/{kind}/{number:int}/survey_spec/", self._set_survey),
            ("POST", "/{kind}/{number:int}/launch/", self._launch),
            ("GET", "/{kind}/{number:int}/credentials/", self._list_credentials),
            ("POST", "/{kind}/{number:int}/credentials/", self._set_credential),
            ("GET", "/projects/{number:int}/playbooks/", self._list_playbooks),
            ("POST", "/projects/{number:int}/update/", self._update),
            ("GET", "/teams/{number:int}/roles/", self._list_roles),
            ("POST", "/teams/{number:int}/roles/", self._add_role),
            ("GET", "/workflow_job_templates/{number:int}/workflow_nodes/", self._list_nodes),
            ("GET", "/workflow_jobs/{number:int}/workflow_nodes/", self._list_job_nodes),
            ("POST", node + "/create_approval_template/", self._create_approval),
            *[("POST", f"{node}/{{edge:str}}/", self._set_edge)],
            *[("GET", f"{node}/{{edge:str}}/", self._list_edge)],
        ]
        return [
            Route(self.prefix + path, self._endpoint(function), methods=[method]) for method, path, function in routes
        ]

    def _endpoint(self, function: t.Callable[..., t.Any]) -> t.Callable[[Request], t.Any]:
        async def endpoint(request: Request) -> Response:
            self.requests.append((request.method, request.url.path.removeprefix(self.prefix)))
            fault = next((fault for fault in self.faults if fault[0] == request.method), None)
            if fault:
                self.faults.remove(fault)
                if not self.acts_before_fault:
                    return Response("<html>Bad Gateway</html>", fault[1])
            if request.headers.get("authorization") != f"Bearer {self.token}":
                return JSONResponse({"detail": "Authentication credentials were not provided."}, 401)
            if request.method != "GET" and not self.may_write:
                return JSONResponse({"detail": "You do not have permission to perform this action."}, 403)
            try:
                body = dict(request.query_params) if request.method == "GET" else await request.json()
                status, reply = function(body, **request.path_params)
            except RefusedError as refusal:
                return JSONResponse(refusal.body, refusal.status)
            if fault:
                return Response("<html>Bad Gateway</html>", fault[1])
            return JSONResponse(reply, status) if reply is not None else Response(status_code=status)

        return endpoint

    # Endpoints: they get the request and the path parameters, and return status and body

    def _list(self, query: Fields, kind: str) -> tuple[int, Fields]:
        if kind not in KINDS:
            raise RefusedError(404, detail="Not found.")
        number, size = int(query.pop("page", 1)), int(query.pop("page_size", 25))
        found = self.of(kind)
        for field, value in query.items():
            first, _separator, second = field.partition("__")
            if first not in (*KINDS[kind], "organization"):
                raise RefusedError(400, detail=f"{kind} has no field named {field}")
            found = [thing for thing in found if str(self._value(thing, first, second)) == value]
        return page([self._shown(thing) for thing in found], number, size)

    def _value(self, thing: Thing, first: str, second: str) -> t.Any:
        value = self._owner(thing) if first == "organization" else thing.fields.get(first)
        return self._things[value].fields[second] if second and value else value

    def _create(self, body: Fields, kind: str) -> tuple[int, Fields]:
        thing = self._make(kind, body)
        if kind == "projects":
            self._start_update(thing)
        return 201, self._shown(thing)

    def _show(self, query: Fields, kind: str, number: int) -> tuple[int, Fields]:
        thing = self._find(kind, number)
        if kind in ("projects", "project_updates"):
            self._go_on(thing)
        return 200, self._shown(thing)

    def _change(self, body: Fields, kind: str, number: int) -> tuple[int, Fields]:
        thing = self._find(kind, number)
        body = {name: value for name, value in body.items() if name not in IGNORED_IN_PATCH.get(kind, ())}
        self._check(kind, body, thing)
        starts = any(thing.fields.get(name) != body[name] for name in STARTS_UPDATE & set(body))
        thing.fields.update(body)
        if kind == "projects" and starts:
            self._start_update(thing)
        return 200, self._shown(thing)

    def _show_survey(self, query: Fields, kind: str, number: int) -> tuple[int, Fields]:
        return 200, self._find(kind, number).survey

    def _set_survey(self, body: Fields, kind: str, number: int) -> tuple[int, None]:
        thing = self._find(kind, number)
        check_survey(body)
        thing.survey = body
        return 200, None

    def _launch(self, body: Fields, kind: str, number: int) -> tuple[int, Fields]:
        template = self._find(kind, number)
        given = dict(body.get("extra_vars", {}))
        # C10: the default of a required question is no answer.
        missing = [
            f"'{one['variable']}' value missing"
            for one in template.survey.get("spec", [])
            if template.fields["survey_enabled"] and one["required"] and one["variable"] not in given
        ]
        if missing:
            raise RefusedError(400, variables_needed_to_start=missing)
        if kind == "workflow_job_templates":
            return 201, {"workflow_job": self.start_workflow(template), "ignored_fields": {}}  # C9: credentials too
        asked = template.fields["ask_credential_on_launch"]
        ignored = {} if asked or "credentials" not in body else {"credentials": body["credentials"]}
        return 201, {"job": next(self._ids), "ignored_fields": ignored}  # C13: whatever the credentials are

    def _list_credentials(self, query: Fields, kind: str, number: int) -> tuple[int, Fields]:
        return page([self._shown(self._things[one]) for one in self._find(kind, number).credentials])

    def _set_credential(self, body: Fields, kind: str, number: int) -> tuple[int, None]:
        thing, credential = self._find(kind, number), self._find("credentials", body["id"])
        if body.get("disassociate"):
            thing.credentials.remove(credential.id)
            return 204, None
        types = [self._things[one].fields["credential_type"] for one in thing.credentials]
        if credential.fields["credential_type"] in types and credential.id not in thing.credentials:
            raise RefusedError(400, error="Cannot assign multiple credentials of one type.")
        if kind == "workflow_job_template_nodes":
            template = self._things.get(thing.fields["unified_job_template"] or 0)
            if not template or not template.fields.get("ask_credential_on_launch"):
                raise RefusedError(400, msg="Related template is not configured to accept credentials on launch.")
        if credential.id not in thing.credentials:
            thing.credentials.append(credential.id)
        return 204, None

    def _list_playbooks(self, query: Fields, number: int) -> tuple[int, list[str]]:
        return 200, self._find("projects", number).found

    def _update(self, body: Fields, number: int) -> tuple[int, Fields]:
        return 202, {"project_update": self._start_update(self._find("projects", number)).id}

    def _list_roles(self, query: Fields, number: int) -> tuple[int, Fields]:
        return page([{"id": one} for one in self._find("teams", number).roles.values()])

    def _add_role(self, body: Fields, number: int) -> tuple[int, None]:
        team = self._find("teams", number)
        [name] = [
            f"{thing.kind}/{name_of(thing)}/{role}"
            for thing in self._things.values()
            if thing.kind in ROLES
            for role, one in thing.roles.items()
            if one == body["id"]
        ]
        team.roles[name] = body["id"]
        return 204, None

    def _list_nodes(self, query: Fields, number: int) -> tuple[int, Fields]:
        nodes = self.nodes_of(self._find("workflow_job_templates", number))
        return page([self._shown(node) for node in nodes], int(query.get("page", 1)), int(query.get("page_size", 25)))

    def _list_job_nodes(self, query: Fields, number: int) -> tuple[int, Fields]:
        if number not in self.workflow_jobs:
            raise RefusedError(404, detail="Not found.")
        return page(self.workflow_jobs[number]["nodes"])

    def _create_approval(self, body: Fields, number: int) -> tuple[int, Fields]:
        node = self._find("workflow_job_template_nodes", number)
        approval = self._make("workflow_approval_templates", body)
        node.fields["unified_job_template"] = approval.id
        return 201, self._shown(approval)

    def _list_edge(self, query: Fields, number: int, edge: str) -> tuple[int, Fields]:
        node = self._find("workflow_job_template_nodes", number)
        return page([self._shown(self._things[one]) for one in node.edges[edge]])

    def _set_edge(self, body: Fields, number: int, edge: str) -> tuple[int, None]:
        node, successor = (self._find("workflow_job_template_nodes", one) for one in (number, body["id"]))
        if edge not in EDGES:
            raise RefusedError(404, detail="Not found.")
        if body.get("disassociate"):
            node.edges[edge] = [one for one in node.edges[edge] if one != successor.id]
            return 204, None
        if any(successor.id in node.edges[other] for other in EDGES if other != edge):
            raise RefusedError(400, Error="Relationship not allowed.")  # C2
        if node.id == successor.id or self._leads_to(successor, node):
            raise RefusedError(400, Error="Cycle detected.")  # C2
        if successor.id not in node.edges[edge]:
            node.edges[edge].append(successor.id)
        return 204, None

    def _leads_to(self, node: Thing, other: Thing) -> bool:
        following = [self._things[one] for name in EDGES for one in node.edges[name]]
        return other in following or any(self._leads_to(one, other) for one in following)

    # Projects

    def _start_update(self, project: Thing) -> Thing:
        return self._make("project_updates", {"project": project.id})

    def _go_on(self, thing: Thing) -> None:
        """Advance the updates of a project by a step."""
        project = thing.fields.get("project", thing.id)
        for update in self.of("project_updates"):
            if update.fields["project"] == project:
                update.fields["status"] = self._next_status(update)

    def _next_status(self, update: Thing) -> str:
        status = update.fields["status"]
        project = self._things[update.fields["project"]]
        if status == "pending":
            return "running"
        if status == "running":
            if self.private and not project.fields["credential"]:
                return "failed"
            project.found = sorted(self.branches.get(project.fields["scm_branch"], self.playbooks))
            return "successful"
        return t.cast(str, status)

    # Objects

    def _find(self, kind: str, number: int) -> Thing:
        thing = self._things.get(number)
        if thing is None or thing.kind != kind:
            raise RefusedError(404, detail="Not found.")
        return thing

    def _make(self, kind: str, body: Fields) -> Thing:
        missing = [name for name, (_type, default) in KINDS[kind].items() if default is REQUIRED and name not in body]
        if missing:
            raise RefusedError(400, **{name: ["This field is required."] for name in missing})
        defaults = {name: default for name, (_type, default) in KINDS[kind].items() if name not in body}
        self._check(kind, {**defaults, **body}, None)
        thing = Thing(next(self._ids), kind, {**defaults, **body})
        thing.roles = {name: next(self._ids) for name in ROLES.get(kind, ())}
        self._things[thing.id] = thing
        return thing

    def _owner(self, thing: Thing) -> t.Any:
        """Return the organization of an object; a job template has that of its project."""
        if thing.kind == "job_templates":
            return self._things[thing.fields["project"]].fields["organization"]
        return thing.fields.get("organization")

    def _check(self, kind: str, body: Fields, thing: Thing | None) -> None:
        """Raise RefusedError for fields that a controller refuses."""
        for name, value in body.items():
            if name not in KINDS[kind]:
                raise RefusedError(400, **{name: ["There is no such field."]})
            self._check_value(name, value, *KINDS[kind][name])
        after = {**(thing.fields if thing else {}), **body}
        if "name" in body:
            self._check_name(kind, after, thing)
        checks: dict[str, t.Callable[[Fields, Thing | None], None]] = {
            "credential_types": self._check_credential_type,
            "credentials": self._check_credential,
            "execution_environments": self._check_execution_environment,
            "job_templates": self._check_job_template,
            "workflow_job_template_nodes": self._check_node,
        }
        if kind in checks:
            checks[kind](after, thing)

    def _check_value(self, name: str, value: t.Any, wanted: t.Any, default: t.Any) -> None:
        if value is None and default is None:
            return
        if isinstance(wanted, type):
            if not is_of(value, wanted):
                raise RefusedError(400, **{name: [f"Not a valid {wanted.__name__}."]})
            return
        kinds = wanted if isinstance(wanted, tuple) else (wanted,)
        if not is_of(value, int) or value not in self._things or self._things[value].kind not in kinds:
            raise RefusedError(400, **{name: [f"Invalid pk {value!r} - object does not exist."]})

    def _check_name(self, kind: str, after: Fields, thing: Thing | None) -> None:
        def scope(fields: Fields) -> list[t.Any]:
            return [fields["name"], *(fields[name] for name in UNIQUE_WITHIN[kind])]

        if kind in UNIQUE_WITHIN:
            same = [other for other in self.of(kind) if scope(other.fields) == scope(after)]
        else:
            owner = self._things[after["project"]].fields if kind == "job_templates" else after
            same = [
                other
                for other in self.of(kind)
                if other.fields.get("name") == after["name"]
                and "organization" in owner
                and self._owner(other) == owner["organization"]
            ]
        if any(other is not thing for other in same):
            raise RefusedError(400, __all__=[f"{kind} with this name already exists."])

    def _check_credential_type(self, after: Fields, thing: Thing | None) -> None:
        if after["managed"]:
            if thing:
                raise RefusedError(403, detail="Modifications not allowed for managed credential types")
            return
        if after["kind"] not in ("cloud", "net"):
            raise RefusedError(400, kind=[f"Must be 'cloud' or 'net', not {after['kind']}"])
        used = thing and any(one.fields["credential_type"] == thing.id for one in self.of("credentials"))
        if thing and used and after["inputs"] != thing.fields["inputs"]:
            raise RefusedError(403, detail="Modifications to inputs are not allowed for credential types in use")
        check_inputs(after["inputs"])
        check_injectors(after["injectors"], after["inputs"])

    def _check_credential(self, after: Fields, thing: Thing | None) -> None:
        kind = self._things[after["credential_type"]].fields
        known = {field["id"]: field for field in kind["inputs"].get("fields", [])}
        for name, value in after.get("inputs", {}).items():
            if name not in known and kind["kind"] == "cloud":
                raise RefusedError(400, inputs=[f"'{name}' was unexpected"])
            if known.get(name, {}).get("format") == "url" and "://" not in str(value):
                raise RefusedError(400, inputs=[f"'{value}' is not a 'url'"])  # C13: "" neither

    def _check_execution_environment(self, after: Fields, thing: Thing | None) -> None:
        if thing and after["organization"] not in (None, thing.fields["organization"]):
            raise RefusedError(400, organization=["Cannot change the organization of an execution environment"])

    def _check_job_template(self, after: Fields, thing: Thing | None) -> None:
        if after["playbook"] not in self._things[after["project"]].found:
            raise RefusedError(400, playbook=["Playbook not found for project."])
        if not 0 <= after["forks"] <= 200:
            raise RefusedError(400, forks=["Maximum number of forks (200) exceeded."])  # C13; slices: any
        if after["job_slice_count"] < 0:
            raise RefusedError(400, job_slice_count=["Ensure this value is greater than or equal to 0."])

    def _check_node(self, after: Fields, thing: Thing | None) -> None:
        template = self._things.get(after["unified_job_template"] or 0)
        for name in PROMPTS:
            question = f"ask_{QUESTIONS.get(name, name)}_on_launch"
            if template and after[name] not in (None, {}, "") and not template.fields.get(question):
                raise RefusedError(400, **{name: ["Field is not configured to prompt on launch."]})

    def _shown(self, thing: Thing) -> Fields:
        """Return an object as the API shows it."""
        url = f"{self.prefix}/{thing.kind}/{thing.id}/"
        shown: Fields = {"id": thing.id, "type": TYPES[thing.kind], "url": url, **thing.fields}
        related = {"survey_spec": url + "survey_spec/"}
        summary: Fields = {}
        for name, (wanted, _default) in KINDS[thing.kind].items():
            target = self._things.get(thing.fields[name] or 0) if not isinstance(wanted, type) else None
            if target:
                summary[name] = {"id": target.id, "name": name_of(target)}
                related[name] = f"{self.prefix}/{target.kind}/{target.id}/"
        if thing.kind in ROLES:
            summary["object_roles"] = {name: {"id": one} for name, one in thing.roles.items()}
        if thing.kind == "projects":
            updates = [one for one in self.of("project_updates") if one.fields["project"] == thing.id]
            shown["status"] = updates[-1].fields["status"] if updates else "never updated"
            shown["scm_revision"] = "4b825dc642cb6eb9a060e54bf8d69288fbee4904" if thing.found else ""
            if updates:
                done = shown["status"] in ("successful", "failed")
                for name in ("last_job", "last_update") if done else ("current_job", "current_update"):
                    summary[name] = {"id": updates[-1].id, "status": shown["status"]}
        if thing.kind == "project_updates":
            done = shown["status"] in ("successful", "failed")
            shown.update(failed=shown["status"] == "failed", event_processing_finished=done)
        if thing.kind == "workflow_job_template_nodes":
            target = self._things.get(thing.fields["unified_job_template"] or 0)
            if target:
                extra = {"timeout": target.fields["timeout"]} if "timeout" in target.fields else {}
                described = {"description": target.fields["description"], "unified_job_type": JOB_TYPES[target.kind]}
                summary["unified_job_template"].update(described, **extra)
            shown.update({name: list(numbers) for name, numbers in thing.edges.items()})
        return {**shown, "related": related, "summary_fields": summary}


def name_of(thing: Thing) -> str:
    return thing.fields.get("name") or thing.fields.get("identifier") or str(thing.id)


def page(results: list[t.Any], number: int = 1, size: int = 25) -> tuple[int, Fields]:
    shown = results[(number - 1) * size : number * size]
    following = f"?page={number + 1}" if number * size < len(results) else None
    return 200, {"count": len(results), "next": following, "previous": None, "results": shown}
