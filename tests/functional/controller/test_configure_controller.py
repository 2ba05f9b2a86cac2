# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that configure_controller creates, and its handling of existing, deleted or changed objects."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import IntegrationsError
from ansible_collections.immuta.integrations.plugins.module_utils._controller.connection import connection
from ansible_collections.immuta.integrations.plugins.module_utils._controller.http import Api
from tests.support.controller.runs import (
    GATEWAY,
    PROJECT,
    VARIABLES,
    configure,
    playbooks,
    reconcile,
    reported,
    state,
)
from tests.support.controller.standin import Controller

Desired = dict[str, t.Any]
WORKFLOW = "Immuta Redshift reviewed"
EXECUTE = "Immuta Redshift execute reviewed scripts"
GENERATE = "Immuta Redshift generate scripts"
APPROVAL = "Immuta Redshift scripts"


@pytest.fixture
def desired(states: dict[str, Desired]) -> Desired:
    return states["default"]


@pytest.fixture(scope="module")
def running_controller() -> t.Iterator[Controller]:
    with Controller(playbooks()) as controller:
        yield controller


@pytest.fixture
def controller(running_controller: Controller) -> Controller:
    """An empty controller."""
    running_controller.reset()
    return running_controller


@pytest.fixture
def whole(controller: Controller, desired: Desired) -> Controller:
    """A configured controller."""
    reconcile(controller, desired)
    controller.requests.clear()
    return controller


# The playbook


def test_check_mode_lists_changes_and_only_reads(states: dict[str, Desired], tmp_path: pathlib.Path) -> None:
    with Controller(playbooks(), prefix=GATEWAY) as controller:
        before = state(controller)
        status, predicted = configure(controller, tmp_path, "--check")
        assert status == 0, predicted
        assert (state(controller), controller.writes()) == (before, [])

        status, made = configure(controller, tmp_path)

        assert status == 0, made
        assert reported(predicted) == reported(made)
        assert len(reported(made)) == len(controller.writes())
        assert reconcile(controller, states["gateway"]) == []


def test_c12_environment_variables_of_awx_awx(controller: Controller, desired: Desired, tmp_path: pathlib.Path) -> None:
    """C5: a token that ends with a line break, which the most verbose output does not show.

    The last job of the review gets the prefix.
    """
    reconcile(controller, desired)
    controller.requests.clear()

    status, output = configure(
        controller,
        tmp_path,
        "-vvvv",
        CONTROLLER_HOST="",
        CONTROLLER_OAUTH_TOKEN="",
        AAP_HOSTNAME=controller.url,
        AAP_TOKEN=controller.token + "\r",
        CONTROLLER_VERIFY_SSL="no",
        CONTROLLER_OPTIONAL_API_URLPATTERN_PREFIX="/api/",
    )

    assert status == 0, output
    assert reported(output) == [f"Change job template {EXECUTE}: extra_vars"]
    assert controller.find("job_templates", EXECUTE).fields["extra_vars"] == '{"immuta_controller_prefix": "/api/"}'
    assert controller.token not in output


def test_c5_invalid_token_is_hidden(controller: Controller, tmp_path: pathlib.Path) -> None:
    status, output = configure(controller, tmp_path, "-vvvv", CONTROLLER_OAUTH_TOKEN="Wr0ng-Token\x01\r\nX")

    assert status != 0
    assert "CONTROLLER_OAUTH_TOKEN contains a character that no token has" in output
    assert "Wr0ng-Token" not in output


def test_c4_private_repository(controller: Controller, states: dict[str, Desired], tmp_path: pathlib.Path) -> None:
    controller.private = True
    url = "-eimmuta_controller_project_url=https://me:S3cret@git.example.com/x.git"
    status, output = configure(controller, tmp_path, url, "-vvv")
    [update] = controller.of("project_updates")
    assert status != 0
    assert f"could not update the project Immuta Redshift: project update {update.id} ended failed" in output
    assert f"{controller.url}/#/jobs/project/{update.id}/output" in output
    assert "S3cret" not in output

    with pytest.raises(IntegrationsError, match="has 0 objects credentials/project, but exactly one is required"):
        reconcile(controller, states["private"])

    kind = controller.source_control
    credential = controller.add("credentials", name="Git", organization=1, credential_type=kind.id)
    assert reconcile(controller, states["private"])
    assert controller.find("projects", "Immuta Redshift").fields["credential"] == credential.id
    assert reconcile(controller, states["private"]) == []


# In this process, with the desired state of the playbook


def test_all_objects_are_created(whole: Controller) -> None:
    names = whole.names()

    approvals = "Immuta Redshift approvals"
    assert names["credentials"] == ["Amazon Redshift for Immuta", "Immuta", approvals]
    assert all(credential.fields["inputs"] == {} for credential in whole.of("credentials"))
    project = whole.find("projects", "Immuta Redshift").fields
    assert project["scm_url"] == VARIABLES["immuta_controller_project_url"]
    image = whole.find("execution_environments", "Immuta Redshift Default")
    assert image.fields["image"] == VARIABLES["immuta_controller_image"]
    for template in whole.of("job_templates"):
        assert (PROJECT / template.fields["playbook"]).is_file()
        assert template.fields["execution_environment"] == image.id
        given = [whole.get(number).fields["name"] for number in template.credentials]
        wanted = ["Immuta", "Amazon Redshift for Immuta"]
        assert given == (wanted if template.fields["name"] != EXECUTE else [*wanted, approvals])
    assert whole.find("job_templates", "Immuta Redshift fleet").fields["job_slice_count"] == 2
    assert names["workflow_job_template_nodes"] == ["approve", "execute", "generate"]


def test_two_organizations_side_by_side(controller: Controller, states: dict[str, Desired]) -> None:
    """D17, C1, C3, C7: the second run of each changes nothing, and other objects stay unchanged."""
    finance = controller.add("organizations", name="Finance")
    inventory = controller.add("inventories", name="Theirs", organization=finance.id)
    controller.add("inventory_sources", name="Immuta Redshift", inventory=inventory.id, source="ec2")
    controller.add("credentials", name="Immuta", organization=finance.id, credential_type=controller.machine.id)

    for is_first in (True, False):
        for organization in ("default", "finance"):
            before = state(controller)
            assert bool(reconcile(controller, states[organization])) == is_first
            after = state(controller)
            assert {key: after[key] for key in before} == before

    names = controller.names()
    assert names["execution_environments"] == ["Immuta Redshift Default", "Immuta Redshift Finance"]
    assert names["credential_types"].count("Immuta") == 1
    assert names["credentials"].count("Immuta") == names["inventory_sources"].count("Immuta Redshift") == 3
    assert names["workflow_job_templates"] == [WORKFLOW, WORKFLOW]


def test_invalid_token(controller: Controller) -> None:
    api = Api(connection(controller.url, "Wr0ng-Token", controller.prefix, True))

    with pytest.raises(IntegrationsError, match="status 401") as caught:
        api.all("organizations/")

    assert "Wr0ng-Token" not in caught.value.message


def test_c3_other_execution_environment_is_unchanged(controller: Controller, desired: Desired) -> None:
    other = controller.add("organizations", name="Other")
    name = "Immuta Redshift Default"
    image = controller.add("execution_environments", name=name, image="theirs", organization=other.id)

    with pytest.raises(IntegrationsError, match="Set immuta_controller_execution_environment to another name"):
        reconcile(controller, desired, check_mode=True)

    image.fields.update(organization=None, image=VARIABLES["immuta_controller_image"])
    reconcile(controller, desired)
    assert image.fields["organization"] is None


def test_c4_old_revision_is_updated_or_reported(whole: Controller, desired: Desired) -> None:
    whole.find("projects", "Immuta Redshift").found.remove("execute.yml")
    assert reconcile(whole, desired) == ["Update project Immuta Redshift"]

    whole.playbooks = ["cluster.yml"]
    whole.find("projects", "Immuta Redshift").found = []
    with pytest.raises(IntegrationsError, match=r"has no playbook execute.yml, export.yml, .* at its revision 4b825dc"):
        reconcile(whole, desired)


def test_c4_waits_for_a_changed_branch(whole: Controller, desired: Desired) -> None:
    [project] = [one for one in desired["objects"] if one["kind"] == "projects"]
    changed = {**project, "fields": {**project["fields"], "scm_branch": "main"}}
    objects = [changed if one is project else one for one in desired["objects"]]

    assert reconcile(whole, {**desired, "objects": objects}) == ["Change project Immuta Redshift: scm_branch"]
    assert [update.fields["status"] for update in whole.of("project_updates")] == ["successful"] * 2


def test_c6_pending_approval_does_not_block(whole: Controller) -> None:
    workflow = whole.find("workflow_job_templates", WORKFLOW)

    launched = [whole.start_workflow(workflow) for _launch in range(2)]

    assert [whole.workflow_jobs[number]["status"] for number in launched] == ["running", "running"]


def test_c8_approvers_can_read_the_job(whole: Controller, states: dict[str, Desired]) -> None:
    team = whole.add("teams", name="Security", organization=1)
    generate, execute = (whole.find("job_templates", name) for name in (GENERATE, EXECUTE))
    granting = states["approvers"]

    assert reconcile(whole, granting, check_mode=True) == [
        f"Grant approval_role of {WORKFLOW} to team Security",
        f"Grant read_role of {GENERATE} to team Security",
    ]
    assert len(reconcile(whole, granting)) == 2
    assert reconcile(whole, granting) == []
    assert whole.may_read_job(team, generate)
    assert not whole.may_read_job(team, execute)


def test_c9_workflow_copy_takes_other_credentials(whole: Controller) -> None:
    templates = [whole.find("job_templates", name) for name in (GENERATE, EXECUTE)]

    assert [template.fields["ask_credential_on_launch"] for template in templates] == [True, True]


def test_c10_questions_with_defaults_are_optional(whole: Controller) -> None:
    specs = [
        question
        for thing in [*whole.of("job_templates"), *whole.of("workflow_job_templates")]
        for question in thing.survey.get("spec", [])
    ]

    assert specs
    assert [question["variable"] for question in specs if question["required"] == ("default" in question)] == []


@pytest.mark.parametrize("acts", [False, True])
@pytest.mark.parametrize("method", ["GET", "PATCH", "POST"])
def test_c11_single_bad_gateway_is_retried(
    controller: Controller, desired: Desired, monkeypatch: pytest.MonkeyPatch, method: str, acts: bool
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    if method == "PATCH":
        reconcile(controller, desired)
        controller.find("job_templates", GENERATE).fields["limit"] = "x"
    controller.acts_before_fault = acts
    controller.faults = [(method, 502)]

    assert reconcile(controller, desired)

    assert controller.faults == []
    assert reconcile(controller, desired) == []
    assert controller.names()["credential_types"].count("Immuta") == 1


def test_write_retries_are_limited(controller: Controller, desired: Desired) -> None:
    controller.faults = [("POST", 502)] * 2

    with pytest.raises(IntegrationsError, match="refused POST execution_environments/ with status 502"):
        reconcile(controller, desired)

    assert controller.writes() == [("POST", "/execution_environments/")] * 2


def test_read_only_token(controller: Controller, desired: Desired) -> None:
    controller.may_write = False

    with pytest.raises(IntegrationsError) as caught:
        reconcile(controller, desired)

    assert "status 403: You do not have permission to perform this action. The token needs" in caught.value.message
    assert "Immuta" not in controller.names()["credential_types"]


def test_missing_organization(controller: Controller, desired: Desired) -> None:
    with pytest.raises(IntegrationsError, match="The controller has no organization Nowhere"):
        reconcile(controller, {**desired, "organization": "Nowhere"})


def test_credential_added_to_a_job_is_kept(whole: Controller, desired: Desired) -> None:
    kind = whole.find("credential_types", "Immuta").id
    other = whole.add("credentials", name="Other tenant", organization=1, credential_type=kind)
    template = whole.find("job_templates", "Immuta Redshift fleet")
    template.credentials[0] = other.id

    assert reconcile(whole, desired) == []
    assert template.credentials[0] == other.id


# Manual changes


class Tampering:
    """Manual changes to a workflow in the controller, one kind per method."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.workflow = controller.find("workflow_job_templates", WORKFLOW)
        self.execute_template = controller.find("job_templates", EXECUTE)
        nodes = ("generate", "approve", "execute")
        self.generate, self.approve, self.execute = (
            controller.find("workflow_job_template_nodes", name) for name in nodes
        )

    def execute_whatever_is_decided(self) -> None:
        self.generate.edges["always_nodes"].append(self.execute.id)
        self.approve.edges.update(success_nodes=[], failure_nodes=[self.execute.id])

    def execute_beside_the_approval(self) -> None:
        self.generate.edges["success_nodes"].append(self.execute.id)

    def approval_before_generation(self) -> None:
        self.generate.edges["success_nodes"] = [self.execute.id]
        self.approve.edges["success_nodes"] = [self.generate.id]

    def no_edges(self) -> None:
        self.generate.edges["success_nodes"].clear()
        self.approve.edges["success_nodes"].clear()

    def nodes_of_other_templates(self) -> None:
        names = ("Immuta Redshift export", "Immuta Redshift configure")
        export, configure = (self.controller.find("job_templates", name) for name in names)
        approval = self.controller.add("workflow_approval_templates", name="Another")
        for node, other in ((self.generate, approval), (self.approve, export), (self.execute, configure)):
            node.fields["unified_job_template"] = other.id

    def approval_of_nothing(self) -> None:
        self.controller.remove(self.controller.find("workflow_approval_templates", APPROVAL))

    def nodes_gone(self) -> None:
        self.controller.remove(self.approve)
        self.controller.remove(self.execute)

    def execution_of_a_template_that_is_gone(self) -> None:
        self.controller.remove(self.execute_template)

    def workflow_gone(self) -> None:
        for thing in (self.generate, self.approve, self.execute, self.workflow):
            self.controller.remove(thing)

    def other_approval(self) -> None:
        approval = self.controller.find("workflow_approval_templates", APPROVAL)
        approval.fields.update(timeout=60, description="Approve everything")

    def other_prompts_of_execution(self) -> None:
        kind = self.controller.find("credential_types", "Immuta").id
        other = self.controller.add("credentials", name="Other", organization=1, credential_type=kind)
        self.execute.credentials.append(other.id)
        self.execute.fields.update(
            limit="other.example.com",
            scm_branch="mine",
            extra_data={"immuta_redshift_reviewed": {}},
            all_parents_must_converge=True,
        )

    def other_workflow_settings(self) -> None:
        self.workflow.fields.update(
            extra_vars="immuta_redshift_reviewed: {}",
            ask_variables_on_launch=True,
            survey_enabled=False,
            allow_simultaneous=False,
        )
        self.workflow.survey["spec"].pop()

    def other_template_settings(self) -> None:
        self.execute_template.fields.update(
            playbook="cluster.yml",
            skip_tags="always",
            ask_variables_on_launch=True,
            extra_vars="awx_workflow_job_id: 1",
        )
        self.execute_template.credentials.pop()

    def injectors_that_lead_elsewhere(self) -> None:
        kind = self.controller.find("credential_types", "Immuta")
        kind.fields["injectors"] = {"env": {"IMMUTA_URL": "https://elsewhere.example.com"}}


WAYS = [name for name in vars(Tampering) if not name.startswith("__")]


@pytest.mark.parametrize("way", WAYS)
def test_c2_manual_changes_are_reverted(whole: Controller, desired: Desired, way: str) -> None:
    before = state(whole)
    getattr(Tampering(whole), way)()
    tampered = state(whole)
    assert tampered != before

    predicted = reconcile(whole, desired, check_mode=True)
    assert state(whole) == tampered
    changes = reconcile(whole, desired)

    assert changes
    assert predicted == changes
    after = state(whole)
    assert {key: after[key] for key in before} == before
    assert reconcile(whole, desired) == []


def test_c2_unexpected_node_is_reported(whole: Controller, desired: Desired) -> None:
    workflow = whole.find("workflow_job_templates", WORKFLOW)
    fields = {"identifier": "0b9c", "workflow_job_template": workflow.id}
    template = whole.find("job_templates", "Immuta Redshift configure")
    whole.add("workflow_job_template_nodes", unified_job_template=template.id, **fields)
    before = state(whole)

    with pytest.raises(IntegrationsError, match=r"nodes that do not belong to it: Immuta Redshift configure. Delete"):
        reconcile(whole, desired)

    assert state(whole) == before
