# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects that configure_controller creates, and its handling of existing, deleted or changed objects."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import IntegrationsError
from tests.support.controller.runs import (
    PROJECT,
    VARIABLES,
    Configured,
    configure,
    handed_over,
    playbooks,
    reconcile,
    state,
)
from tests.support.controller.standin import Controller, Thing

Desired = dict[str, t.Any]
WORKFLOW = "Immuta Redshift reviewed"
EXECUTE = "Immuta Redshift execute reviewed scripts"
GENERATE = "Immuta Redshift generate scripts"


@pytest.fixture
def controller() -> t.Iterator[Controller]:
    """An empty controller."""
    with Controller(playbooks()) as controller:
        yield controller


@pytest.fixture
def whole(controller: Controller, desired: Desired) -> Controller:
    """A configured controller."""
    reconcile(controller, desired)
    controller.requests.clear()
    return controller


# The playbook


def test_check_mode_lists_changes_and_only_reads(configured: Configured) -> None:
    assert configured.after_check == configured.before
    assert configured.writes_in_check == []
    assert configured.predicted == configured.made
    assert len(configured.made) == len(configured.writes)


def test_all_objects_are_created(configured: Configured) -> None:
    controller = configured.controller
    names = controller.names()

    approvals = "Immuta Redshift approvals"
    assert names["credentials"] == ["Amazon Redshift for Immuta", "Immuta", approvals]
    assert all(credential.fields["inputs"] == {} for credential in controller.of("credentials"))
    project = controller.find("projects", "Immuta Redshift").fields
    assert project["scm_url"] == VARIABLES["immuta_controller_project_url"]
    image = controller.find("execution_environments", "Immuta Redshift Default")
    assert image.fields["image"] == VARIABLES["immuta_controller_image"]
    for template in controller.of("job_templates"):
        assert (PROJECT / template.fields["playbook"]).is_file()
        assert template.fields["execution_environment"] == image.id
        given = [controller.get(number).fields["name"] for number in template.credentials]
        wanted = ["Immuta", "Amazon Redshift for Immuta"]
        assert given == (wanted if template.fields["name"] != EXECUTE else [*wanted, approvals])
    assert controller.find("job_templates", "Immuta Redshift fleet").fields["job_slice_count"] == 2
    assert names["workflow_job_template_nodes"] == ["approve", "execute", "generate"]


def test_two_organizations_side_by_side(controller: Controller, tmp_path: pathlib.Path) -> None:
    """D17, C1, C3, C7: three runs per organization; the last changes nothing, and other objects stay unchanged."""
    finance = controller.add("organizations", name="Finance")
    inventory = controller.add("inventories", name="Theirs", organization=finance.id)
    controller.add("inventory_sources", name="Immuta Redshift", inventory=inventory.id, source="ec2")
    controller.add("credentials", name="Immuta", organization=finance.id, credential_type=controller.machine.id)
    theirs = state(controller)

    for run in range(3):
        for organization in ("Default", "Finance"):
            before = state(controller)
            controller.requests.clear()
            status, output = configure(controller, tmp_path, f"-eimmuta_controller_organization={organization}")
            assert status == 0, output
            after = state(controller)
            assert {key: after[key] for key in before} == before
            assert ("changed=0" in output, controller.writes() == []) == ((run > 0,) * 2)

    assert {key: after[key] for key in theirs} == theirs
    names = controller.names()
    assert names["execution_environments"] == ["Immuta Redshift Default", "Immuta Redshift Finance"]
    assert names["credential_types"].count("Immuta") == 1
    assert names["workflow_job_templates"] == [WORKFLOW, WORKFLOW]


def test_c5_token_is_trimmed_and_hidden(controller: Controller, tmp_path: pathlib.Path) -> None:
    token = controller.token + "\r"
    status, output = configure(controller, tmp_path, "--check", "-vvvv", CONTROLLER_OAUTH_TOKEN=token)
    assert status == 0, output
    assert controller.token not in output

    broken = "Wr0ng-Token\x01\r\nX"
    status, output = configure(controller, tmp_path, "-vvvv", CONTROLLER_OAUTH_TOKEN=broken)
    assert status != 0
    assert "CONTROLLER_OAUTH_TOKEN contains a character that no token has" in output
    assert "Wr0ng-Token" not in output


def test_invalid_token(controller: Controller, tmp_path: pathlib.Path) -> None:
    status, output = configure(controller, tmp_path, "-vvv", CONTROLLER_OAUTH_TOKEN="Wr0ng-Token")

    assert status != 0
    assert "status 401" in output
    assert "Wr0ng-Token" not in output


def test_c12_environment_variables_of_awx_awx(controller: Controller, tmp_path: pathlib.Path) -> None:
    status, output = configure(
        controller,
        tmp_path,
        "--check",
        CONTROLLER_HOST="",
        CONTROLLER_OAUTH_TOKEN="",
        AAP_HOSTNAME=controller.url,
        AAP_TOKEN=controller.token,
        CONTROLLER_VERIFY_SSL="no",
        CONTROLLER_OPTIONAL_API_URLPATTERN_PREFIX="/api/",
    )

    assert status == 0, output


def test_c4_private_repository(controller: Controller, tmp_path: pathlib.Path) -> None:
    controller.private = True
    url = "-eimmuta_controller_project_url=https://me:S3cret@git.example.com/x.git"
    status, output = configure(controller, tmp_path, url, "-vvv")
    [update] = controller.of("project_updates")
    assert status != 0
    assert f"could not update the project Immuta Redshift: project update {update.id} ended failed" in output
    assert f"{controller.url}/#/jobs/project/{update.id}/output" in output
    assert "S3cret" not in output

    named = "-eimmuta_controller_project_credential=Git"
    status, output = configure(controller, tmp_path, url, named)
    assert status != 0
    assert "has 0 objects credentials/project, but exactly one is required" in output

    kind = controller.source_control.id
    credential = controller.add("credentials", name="Git", organization=1, credential_type=kind)
    status, output = configure(controller, tmp_path, url, named, "-vvv")
    assert status == 0, output
    assert controller.find("projects", "Immuta Redshift").fields["credential"] == credential.id
    assert "S3cret" not in output
    status, output = configure(controller, tmp_path, url, named)
    assert "changed=0" in output


# In this process, with the desired state of the playbook


def test_c1_source_of_another_inventory_is_unchanged(controller: Controller, desired: Desired) -> None:
    inventory = controller.add("inventories", name="Theirs", organization=1)
    source = controller.add("inventory_sources", name="Immuta Redshift", inventory=inventory.id, source="ec2")
    before = dict(source.fields)

    reconcile(controller, desired)

    assert source.fields == before
    assert len(controller.of("inventory_sources")) == 2


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


def test_c7_credential_of_another_type_is_unchanged(controller: Controller, desired: Desired) -> None:
    machine = controller.machine.id
    theirs = controller.add("credentials", name="Immuta", organization=1, credential_type=machine)

    reconcile(controller, desired)

    assert theirs.fields["credential_type"] == machine
    assert controller.names()["credentials"].count("Immuta") == 2


def test_c8_approvers_can_read_the_job(whole: Controller, tmp_path: pathlib.Path) -> None:
    team = whole.add("teams", name="Security", organization=1)
    generate, execute = (whole.find("job_templates", name) for name in (GENERATE, EXECUTE))
    granting = handed_over(tmp_path, immuta_controller_approvers="Security")

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
    """Manual changes to a workflow in the controller, one per method."""

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        self.workflow = controller.find("workflow_job_templates", WORKFLOW)
        self.execute_template = controller.find("job_templates", EXECUTE)
        nodes = ("generate", "approve", "execute")
        self.generate, self.approve, self.execute = (
            controller.find("workflow_job_template_nodes", name) for name in nodes
        )

    def move(self, node: Thing, other: Thing, edge: str | None) -> None:
        node.edges["success_nodes"].remove(other.id)
        if edge:
            node.edges[edge].append(other.id)

    def execute_after_a_denial(self) -> None:
        self.generate.edges["always_nodes"].append(self.execute.id)

    def execute_beside_the_approval(self) -> None:
        self.generate.edges["success_nodes"].append(self.execute.id)

    def execute_when_denied(self) -> None:
        self.move(self.approve, self.execute, "failure_nodes")

    def execute_whatever_is_decided(self) -> None:
        self.move(self.approve, self.execute, "always_nodes")

    def execute_without_parent(self) -> None:
        self.move(self.approve, self.execute, None)

    def approval_before_generation(self) -> None:
        self.move(self.generate, self.approve, None)
        self.move(self.approve, self.execute, None)
        self.approve.edges["success_nodes"].append(self.generate.id)
        self.generate.edges["success_nodes"].append(self.execute.id)

    def no_edges(self) -> None:
        self.move(self.generate, self.approve, None)
        self.move(self.approve, self.execute, None)

    def approval_that_is_a_job(self) -> None:
        other = self.controller.find("job_templates", "Immuta Redshift export")
        self.approve.fields["unified_job_template"] = other.id

    def approval_of_nothing(self) -> None:
        self.controller.remove(self.controller.find("workflow_approval_templates", "Immuta Redshift scripts"))

    def approval_gone(self) -> None:
        self.controller.remove(self.approve)

    def execution_gone(self) -> None:
        self.controller.remove(self.execute)

    def approval_that_expires(self) -> None:
        self.controller.find("workflow_approval_templates", "Immuta Redshift scripts").fields["timeout"] = 60

    def approval_that_says_otherwise(self) -> None:
        approval = self.controller.find("workflow_approval_templates", "Immuta Redshift scripts")
        approval.fields["description"] = "Approve everything"

    def execution_of_another_template(self) -> None:
        other = self.controller.find("job_templates", "Immuta Redshift configure")
        self.execute.fields["unified_job_template"] = other.id

    def generation_that_is_an_approval(self) -> None:
        approval = self.controller.add("workflow_approval_templates", name="Another")
        self.generate.fields["unified_job_template"] = approval.id

    def execution_of_a_template_that_is_gone(self) -> None:
        self.controller.remove(self.execute_template)

    def execution_with_other_credentials(self) -> None:
        kind = self.controller.find("credential_types", "Immuta").id
        other = self.controller.add("credentials", name="Other", organization=1, credential_type=kind)
        self.execute.credentials.append(other.id)
        self.controller.get(other.id).fields["inputs"] = {"api_key": "x"}

    def execution_elsewhere(self) -> None:
        self.execute.fields["limit"] = "other.example.com"

    def execution_of_another_branch(self) -> None:
        self.execute.fields["scm_branch"] = "mine"

    def execution_with_data(self) -> None:
        self.execute.fields["extra_data"] = {"immuta_redshift_reviewed": {}}

    def execution_that_waits_for_all(self) -> None:
        self.execute.fields["all_parents_must_converge"] = True

    def workflow_with_checksums(self) -> None:
        self.workflow.fields["extra_vars"] = "immuta_redshift_reviewed: {}"

    def workflow_that_asks_for_variables(self) -> None:
        self.workflow.fields["ask_variables_on_launch"] = True

    def workflow_without_survey(self) -> None:
        self.workflow.fields["survey_enabled"] = False

    def workflow_with_another_question(self) -> None:
        self.workflow.survey["spec"].pop()

    def workflow_one_at_a_time(self) -> None:
        self.workflow.fields["allow_simultaneous"] = False

    def workflow_gone(self) -> None:
        for thing in (self.generate, self.approve, self.execute, self.workflow):
            self.controller.remove(thing)

    def template_with_another_playbook(self) -> None:
        self.execute_template.fields["playbook"] = "cluster.yml"

    def template_that_skips_tasks(self) -> None:
        self.execute_template.fields["skip_tags"] = "always"

    def template_that_asks_for_variables(self) -> None:
        self.execute_template.fields["ask_variables_on_launch"] = True

    def template_with_variables(self) -> None:
        self.execute_template.fields["extra_vars"] = "awx_workflow_job_id: 1"

    def template_without_credential(self) -> None:
        self.execute_template.credentials.pop()

    def injectors_that_lead_elsewhere(self) -> None:
        kind = self.controller.find("credential_types", "Immuta")
        kind.fields["injectors"] = {"env": {"IMMUTA_URL": "https://elsewhere.example.com"}}


WAYS = [name for name in vars(Tampering) if name not in ("__init__", "move") and not name.startswith("__")]


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
