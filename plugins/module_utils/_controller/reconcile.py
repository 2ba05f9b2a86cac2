# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Reconciliation of a controller: read, let `plan` decide, write."""

from __future__ import annotations

import functools
import time
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    InputError,
    IntegrationsError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._controller import plan
from ansible_collections.immuta.integrations.plugins.module_utils._controller.http import (
    Api,
    ControllerError,
)

Fields = dict[str, t.Any]

UPDATE_TIMEOUT = 600.0  # seconds for a project update
LONGEST_PAUSE = 5.0  # polling interval, in seconds


class Reconciliation:
    """A run. ``changes`` has a sentence for each change, or in check mode for each planned change."""

    def __init__(self, api: Api, check_mode: bool) -> None:
        self.api = api
        self.check_mode = check_mode
        self.changes: list[str] = []
        self.ids: dict[str, int | None] = {}
        self._types: dict[str, int | None] = {}

    def run(self, desired: Fields) -> None:
        """Create and change everything in ``desired``. Raise IntegrationsError; earlier changes stay.

        ``desired`` has an ``organization``, ``references`` (key: query of an object that must exist), ``objects``,
        ``workflow`` (``template``, ``nodes``), and ``grants`` (``team``, ``roles``: template and role).
        """
        self._find_references(desired)
        playbooks = {one["fields"]["playbook"] for one in desired["objects"] if one["kind"] == "job_templates"}
        for wanted in desired["objects"]:
            before = len(self.changes)
            current = self._bring_about(wanted)
            if wanted["kind"] == "projects":
                self._synchronize(wanted["name"], current, playbooks, changed=len(self.changes) > before)
            if "survey" in wanted:
                self._set_survey(wanted)
            if "credentials" in wanted:
                self._add_credentials(wanted)
        self._arrange(desired["workflow"]["template"], desired["workflow"]["nodes"])
        if desired.get("grants"):
            self._grant(desired["grants"])

    def _find_references(self, desired: Fields) -> None:
        name = desired["organization"]
        organizations = self.api.all("organizations/", name=name)
        if not organizations:
            raise InputError(
                f"The controller has no organization {name} that this token can see. Create it, or set "
                "immuta_controller_organization to another."
            )
        self.ids[f"organizations/{name}"] = organizations[0]["id"]
        for key, query in desired["references"].items():
            kind = key.partition("/")[0]
            scope = {} if kind == "credential_types" else {"organization": organizations[0]["id"]}
            found = self.api.all(f"{kind}/", **query, **scope)
            if len(found) != 1:
                raise InputError(
                    f"The organization {name} has {len(found)} objects {key}, but exactly one is required. Create it, "
                    "or change the variable that names it."
                )
            self.ids[key] = found[0]["id"]

    def _write(self, change: str, send: t.Callable[[], t.Any]) -> t.Any:
        """Send a request unless in check mode, and record the change."""
        reply = None if self.check_mode else send()
        self.changes.append(change)
        return reply

    def _associate(self, change: str, path: str, body: Fields) -> None:
        self._write(change, functools.partial(self.api.post, path, body, repeatable=True))

    def _patch(self, change: str, path: str, body: Fields) -> Fields | None:
        return t.cast("Fields | None", self._write(change, functools.partial(self.api.patch, path, body)))

    def _bring_about(self, wanted: Fields) -> Fields:
        """Create or change an object, and return the current one, or an empty one in check mode."""
        kind, name, label = wanted["kind"], wanted["name"], plan.LABELS[wanted["kind"]]
        current = self._find(wanted)
        key = f"{kind}/{name}"
        if current is None:
            current = self._write(f"Create {label} {name}", lambda: self._create(wanted)) or {}
        else:
            body = plan.update(wanted, current, self.ids)
            if body:
                path = f"{kind}/{current['id']}/"
                reply = self._patch(f"Change {label} {name}: {', '.join(body)}", path, body)
                current = reply or current
        self.ids[key] = current.get("id")
        if kind == "credentials":
            self._types[key] = self.ids[wanted["refers_to"]["credential_type"]]
        return current

    def _find(self, wanted: Fields) -> Fields | None:
        query = plan.query(wanted, self.ids)
        found = self.api.all(f"{wanted['kind']}/", **query) if query else []
        return found[0] if found else None

    def _create(self, wanted: Fields) -> Fields:
        """Create an object. If the outcome is unknown, check before one retry."""
        path, body = f"{wanted['kind']}/", plan.creation(wanted, self.ids)
        return self._once(lambda: self.api.post(path, body), lambda: self._find(wanted))

    def _once(self, create: t.Callable[[], Fields], find: t.Callable[[], Fields | None]) -> Fields:
        try:
            return create()
        except ControllerError as error:
            if not error.retryable:
                raise
        return find() or create()

    def _set_survey(self, wanted: Fields) -> None:
        key = f"{wanted['kind']}/{wanted['name']}"
        path = f"{wanted['kind']}/{self.ids[key]}/survey_spec/"
        current = {} if self.ids[key] is None else self.api.get(path)
        if current != wanted["survey"]:
            self._associate(f"Set the survey of {wanted['name']}", path, wanted["survey"])

    def _add_credentials(self, wanted: Fields) -> None:
        number = self.ids[f"job_templates/{wanted['name']}"]
        path = f"job_templates/{number}/credentials/"
        given = [] if number is None else self.api.all(path)
        for key in plan.missing_credentials({key: self._types[key] for key in wanted["credentials"]}, given):
            change = f"Add credential {key.partition('/')[2]} to {wanted['name']}"
            self._associate(change, path, {"id": self.ids[key]})

    # Projects

    def _synchronize(self, name: str, project: Fields, playbooks: set[str], changed: bool) -> None:
        """Update a project that was never updated or has changed, and wait for the update."""
        if not project.get("id"):
            return  # creating a project starts its first update
        path = f"projects/{project['id']}/"
        current = self.api.get(path)
        number = plan.update_in_progress(current)
        if number is None:
            up_to_date = current["status"] == "successful" and not changed
            if up_to_date and not self._missing(path, playbooks):
                return
            reply = self._write(f"Update project {name}", functools.partial(self.api.post, path + "update/", {}, True))
            number = reply and reply["project_update"]
        if self.check_mode:
            return
        self._wait(name, t.cast(int, number))
        missing = self._missing(path, playbooks)
        if missing:
            raise IntegrationsError(
                f"The project {name} has no playbook {', '.join(missing)} at its revision "
                f"{self.api.get(path).get('scm_revision')}. Copy docs/examples/fleet of this collection's version into "
                "the repository, or set immuta_controller_project_branch to another branch."
            )

    def _missing(self, path: str, playbooks: set[str]) -> list[str]:
        return sorted(playbooks - set(self.api.get(path + "playbooks/")))

    def _wait(self, name: str, number: int) -> None:
        deadline = time.monotonic() + UPDATE_TIMEOUT
        pause = 0.1
        page = f"{self.api.connection.root}/#/jobs/project/{number}/output"
        while True:
            status = self.api.get(f"project_updates/{number}/")["status"]
            if status == "successful":
                return
            if status not in plan.ACTIVE:
                raise IntegrationsError(
                    f"The controller could not update the project {name}: project update {number} ended {status}. "
                    f"Read its output at {page}. A private repository needs its credential: set "
                    "immuta_controller_project_credential."
                )
            if time.monotonic() > deadline:
                raise IntegrationsError(
                    f"Project update {number} of {name} is still {status} after {UPDATE_TIMEOUT:.0f} seconds. Read "
                    f"its output at {page}, and run the playbook again when it has ended."
                )
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    # The workflow

    def _arrange(self, template: str, desired: t.Sequence[Fields]) -> None:
        """Set the nodes of a workflow, each after the success of the previous one, and remove other edges."""
        workflow, name = self.ids[template], template.partition("/")[2]
        current = self._nodes(workflow)
        foreign = plan.foreign_nodes(desired, current)
        if foreign:
            raise IntegrationsError(
                f"The workflow {name} has nodes that do not belong to it: {', '.join(foreign)}. Delete them in the "
                "controller, or move them to a copy of the workflow, and run the playbook again."
            )
        found = {node["identifier"]: node for node in current}
        for wanted in desired:
            self._bring_about_node(workflow, wanted, found)
        superfluous, missing = plan.edges(desired, current)
        for changes, verb, extra in ((superfluous, "Remove", {"disassociate": True}), (missing, "Add", {})):
            for edge in changes:
                path = f"workflow_job_template_nodes/{found[edge.parent].get('id')}/{edge.kind}/"
                body = {"id": found[edge.child].get("id"), **extra}
                change = f"{verb} edge {edge.parent} to {edge.child} ({edge.kind}) of {name}"
                self._associate(change, path, body)

    def _nodes(self, workflow: int | None) -> list[Fields]:
        return [] if workflow is None else self.api.all(f"workflow_job_templates/{workflow}/workflow_nodes/")

    def _bring_about_node(self, workflow: int | None, wanted: Fields, found: dict[str, Fields]) -> None:
        """Create or change a node, and add it to ``found`` if it exists."""
        identifier = wanted["identifier"]
        node = found.get(identifier)
        body = {"unified_job_template": self.ids[wanted["runs"]]} if "runs" in wanted else {}
        if node is None:
            body.update(identifier=identifier, workflow_job_template=workflow)
            node = self._write(f"Create node {identifier}", lambda: self._create_node(workflow, body)) or {}
        else:
            number = node["id"]
            body = plan.differences({**plan.NO_PROMPTS, **body}, node)
            if "runs" in wanted and self.ids[wanted["runs"]] is None:
                body["unified_job_template"] = None  # in check mode: its template was not created
            if body:
                change = f"Change node {identifier}: {', '.join(body)}"
                path = f"workflow_job_template_nodes/{number}/"
                self._patch(change, path, body)
            if "runs" in wanted:
                self._remove_credentials(identifier, number)
        if "approval" in wanted:
            self._bring_about_approval(identifier, node, wanted["approval"])
        found[identifier] = node

    def _create_node(self, workflow: int | None, body: Fields) -> Fields:
        def find() -> Fields | None:
            return next((one for one in self._nodes(workflow) if one["identifier"] == body["identifier"]), None)

        return self._once(lambda: self.api.post("workflow_job_template_nodes/", body), find)

    def _remove_credentials(self, identifier: str, number: int) -> None:
        path = f"workflow_job_template_nodes/{number}/credentials/"
        for credential in self.api.all(path):
            body = {"id": credential["id"], "disassociate": True}
            change = f"Remove credential {credential['name']} from node {identifier}"
            self._associate(change, path, body)

    def _bring_about_approval(self, identifier: str, node: Fields, wanted: Fields) -> None:
        approval = plan.approval_of(node)
        if approval is None:
            path = f"workflow_job_template_nodes/{node.get('id')}/create_approval_template/"
            # A second request creates another template, which replaces the first.
            self._associate(f"Create approval of node {identifier}", path, wanted)
            return
        body = plan.differences(wanted, approval)
        if body:
            path = f"workflow_approval_templates/{approval['id']}/"
            change = f"Change approval of node {identifier}: {', '.join(body)}"
            self._patch(change, path, body)

    # Permissions

    def _grant(self, grants: Fields) -> None:
        """Grant roles of templates to a team."""
        team, name = self.ids[grants["team"]], grants["team"].partition("/")[2]
        present = [role["id"] for role in self.api.all(f"teams/{team}/roles/")]
        for grant in grants["roles"]:
            number, target = self.ids[grant["on"]], grant["on"].partition("/")[2]
            role = None
            if number is not None:
                shown = self.api.get(f"{grant['on'].partition('/')[0]}/{number}/")
                role = shown["summary_fields"]["object_roles"][grant["role"]]["id"]
            if role is None or role not in present:
                change = f"Grant {grant['role']} of {target} to team {name}"
                self._associate(change, f"teams/{team}/roles/", {"id": role})
