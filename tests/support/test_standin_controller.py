# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in is as strict as AWX: the measured facts, by number."""

from __future__ import annotations

import typing as t

import pytest
import requests

from tests.support.controller.standin import Controller, Thing

TYPE = {"kind": "cloud", "inputs": {"fields": [{"id": "url", "label": "URL", "type": "string", "format": "url"}]}}


@pytest.fixture(scope="module")
def running_controller() -> t.Iterator[Controller]:
    with Controller(["play.yml"]) as controller:
        yield controller


@pytest.fixture
def controller(running_controller: Controller) -> Controller:
    running_controller.reset()
    return running_controller


@pytest.fixture
def ask(controller: Controller) -> t.Callable[..., requests.Response]:
    def ask(method: str, path: str, **body: t.Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {controller.token}"}
        url = f"{controller.url}/api/v2/{path}/"
        return requests.request(method, url, headers=headers, json=body or {}, timeout=10)

    return ask


@pytest.fixture
def template(controller: Controller) -> Thing:
    """Create a job template whose project was updated."""
    project = controller.add("projects", name="P", organization=1)
    project.found = ["play.yml"]
    inventory = controller.add("inventories", name="I", organization=1)
    return controller.add("job_templates", name="T", project=project.id, inventory=inventory.id, playbook="play.yml")


@pytest.fixture
def nodes(controller: Controller) -> list[Thing]:
    workflow = controller.add("workflow_job_templates", name="W", organization=1)
    return [
        controller.add("workflow_job_template_nodes", identifier=one, workflow_job_template=workflow.id)
        for one in "abc"
    ]


def test_c1_source_name_is_unique_in_its_inventory(
    controller: Controller, ask: t.Callable[..., requests.Response]
) -> None:
    first, second = (controller.add("inventories", name=name, organization=1) for name in "ab")
    source = ask("POST", "inventory_sources", name="S", source="ec2", inventory=first.id).json()

    assert ask("POST", "inventory_sources", name="S", source="scm", inventory=second.id).status_code == 201
    assert ask("POST", "inventory_sources", name="S", source="scm", inventory=first.id).status_code == 400
    moved = ask("PATCH", f"inventory_sources/{source['id']}", inventory=second.id)
    assert (moved.status_code, moved.json()["inventory"]) == (200, first.id)


def test_c2_two_nodes_have_one_edge(nodes: list[Thing], ask: t.Callable[..., requests.Response]) -> None:
    a, b, c = (node.id for node in nodes)

    def join(parent: int, edge: str, child: int, **body: bool) -> tuple[int, t.Any]:
        reply = ask("POST", f"workflow_job_template_nodes/{parent}/{edge}", id=child, **body)
        return reply.status_code, reply.json() if reply.content else None

    assert join(a, "success_nodes", b) == (204, None)
    assert join(a, "success_nodes", b) == (204, None)
    assert join(b, "always_nodes", c) == (204, None)
    assert join(a, "failure_nodes", b) == (400, {"Error": "Relationship not allowed."})
    assert join(c, "success_nodes", a) == (400, {"Error": "Cycle detected."})
    assert join(a, "success_nodes", b, disassociate=True) == (204, None)
    assert join(a, "failure_nodes", b) == (204, None)


def test_c3_execution_environment_name_is_global(
    controller: Controller, ask: t.Callable[..., requests.Response]
) -> None:
    other = controller.add("organizations", name="Other")

    assert ask("POST", "execution_environments", name="E", image="i", organization=1).status_code == 201
    assert ask("POST", "execution_environments", name="E", image="i", organization=other.id).status_code == 400


def test_c4_source_change_starts_a_project_update(
    controller: Controller, ask: t.Callable[..., requests.Response]
) -> None:
    controller.private = True
    project = ask("POST", "projects", name="P", organization=1, scm_type="git", scm_url="https://x/y.git").json()
    statuses = [ask("GET", f"projects/{project['id']}").json()["status"] for _poll in range(3)]
    assert statuses == ["running", "failed", "failed"]

    source_control = controller.source_control
    credential = controller.add("credentials", name="C", organization=1, credential_type=source_control.id)
    ask("PATCH", f"projects/{project['id']}", credential=credential.id)
    assert ask("GET", f"projects/{project['id']}").json()["status"] == "failed"
    refused = ask("POST", "job_templates", name="T", project=project["id"], inventory=0, playbook="play.yml")
    assert refused.status_code == 400

    assert ask("POST", f"projects/{project['id']}/update").status_code == 202
    assert [ask("GET", f"projects/{project['id']}").json()["status"] for _poll in range(2)] == ["running", "successful"]
    assert ask("GET", f"projects/{project['id']}/playbooks").json() == ["play.yml"]
    ask("PATCH", f"projects/{project['id']}", scm_branch="main")
    assert ask("GET", f"projects/{project['id']}").json()["status"] == "running"


def test_c4_playbook_must_exist_in_the_revision(template: Thing, ask: t.Callable[..., requests.Response]) -> None:
    reply = ask("PATCH", f"job_templates/{template.id}", playbook="new.yml")

    assert (reply.status_code, reply.json()) == (400, {"playbook": ["Playbook not found for project."]})


def test_c6_pending_approval_blocks_the_workflow(controller: Controller, nodes: list[Thing]) -> None:
    workflow = controller.find("workflow_job_templates", "W")

    first, second = (controller.start_workflow(workflow) for _launch in range(2))
    workflow.fields["allow_simultaneous"] = True
    third = controller.start_workflow(workflow)

    statuses = [controller.workflow_jobs[number]["status"] for number in (first, second, third)]
    assert statuses == ["running", "pending", "running"]


def test_c7_credential_name_scope(controller: Controller, ask: t.Callable[..., requests.Response]) -> None:
    machine, source_control = controller.machine.id, controller.source_control.id

    assert ask("POST", "credentials", name="C", organization=1, credential_type=machine).status_code == 201
    assert ask("POST", "credentials", name="C", organization=1, credential_type=source_control).status_code == 201
    assert ask("POST", "credentials", name="C", organization=1, credential_type=machine).status_code == 400


def test_c8_approvers_cannot_read_jobs(controller: Controller, nodes: list[Thing], template: Thing) -> None:
    team = controller.add("teams", name="Approvers", organization=1)
    team.roles["approve"] = controller.find("workflow_job_templates", "W").roles["approval_role"]
    assert not controller.may_read_job(team, template)

    team.roles["read"] = template.roles["read_role"]
    assert controller.may_read_job(team, template)


def test_c9_node_takes_promptable_credentials(
    controller: Controller, nodes: list[Thing], template: Thing, ask: t.Callable[..., requests.Response]
) -> None:
    credential = controller.add("credentials", name="C", organization=1, credential_type=controller.machine.id)
    nodes[0].fields["unified_job_template"] = template.id
    path = f"workflow_job_template_nodes/{nodes[0].id}/credentials"

    assert ask("POST", path, id=credential.id).status_code == 400
    template.fields["ask_credential_on_launch"] = True
    assert ask("POST", path, id=credential.id).status_code == 204
    workflow = controller.find("workflow_job_templates", "W")
    launched = ask("POST", f"workflow_job_templates/{workflow.id}/launch", credentials=[credential.id])
    assert (launched.status_code, launched.json()["ignored_fields"]) == (201, {})


def test_c10_required_answer_ignores_the_default(template: Thing, ask: t.Callable[..., requests.Response]) -> None:
    question = {"question_name": "Q", "type": "text", "variable": "q", "default": "d"}
    template.fields["survey_enabled"] = True

    def launch(required: bool) -> requests.Response:
        survey = {"name": "", "description": "", "spec": [{**question, "required": required}]}
        assert ask("POST", f"job_templates/{template.id}/survey_spec", **survey).status_code == 200
        return ask("POST", f"job_templates/{template.id}/launch")

    assert launch(True).json() == {"variables_needed_to_start": ["'q' value missing"]}
    assert launch(False).status_code == 201


def test_c13_field_validation(controller: Controller, template: Thing, ask: t.Callable[..., requests.Response]) -> None:
    kind = ask("POST", "credential_types", name="K", **TYPE).json()
    empty = controller.add("credentials", name="Empty", organization=1, credential_type=kind["id"])
    template.credentials.append(empty.id)

    assert ask("PATCH", f"job_templates/{template.id}", forks=201).status_code == 400
    assert ask("PATCH", f"job_templates/{template.id}", forks=200, job_slice_count=0).status_code == 200
    assert ask("PATCH", f"credentials/{empty.id}", inputs={"url": ""}).status_code == 400
    assert ask("POST", f"job_templates/{template.id}/launch").status_code == 201
