# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What configure_controller makes in a controller, and what it does when that is there, gone or changed."""

from __future__ import annotations

import copy
import pathlib
import typing as t

import pytest

from tests.controller.conftest import PROJECT, VARIABLES, Configured, configure
from tests.controller.standin import Controller, is_of


@pytest.fixture
def controller(configured: Configured) -> Controller:
    configured.controller.requests.clear()
    return configured.controller


def state(controller: Controller) -> dict[str, t.Any]:
    """All that the controller has, by kind and name, without ids, which a new object has of its own."""
    found = {
        f"{thing.kind}/{thing.fields.get('name') or thing.fields['identifier']}": (
            {name: value for name, value in thing.fields.items() if not is_of(value, int)},
            thing.survey,
            [controller.get(number).fields["name"] for number in thing.credentials],
            [controller.get(number).fields["identifier"] for number in thing.success_nodes],
        )
        for kind in controller.names()
        for thing in controller.of(kind)
    }
    return copy.deepcopy(found)


def test_check_mode_only_looks_and_foretells_every_request(configured: Configured) -> None:
    assert configured.after_check == configured.before
    assert configured.writes_in_check == []
    assert configured.foretold.count("changed: [localhost] =>") == len(configured.writes)


def test_everything_is_made(controller: Controller) -> None:
    names = controller.names()

    assert names["credential_types"] == names["credentials"] == ["Amazon Redshift for Immuta", "Immuta"]
    assert all(credential.fields["inputs"] == {} for credential in controller.of("credentials"))
    project = controller.find("projects", "Immuta Redshift").fields
    assert project["scm_url"] == VARIABLES["immuta_controller_project_url"]
    image = controller.find("execution_environments", "Immuta Redshift")
    assert image.fields["image"] == VARIABLES["immuta_controller_image"]
    for template in controller.of("job_templates"):
        assert (PROJECT / template.fields["playbook"]).is_file()
        assert template.fields["execution_environment"] == image.id
        given = [controller.get(number).fields["name"] for number in template.credentials]
        assert given == ["Immuta", "Amazon Redshift for Immuta"]
    assert controller.find("job_templates", "Immuta Redshift fleet").fields["job_slice_count"] == 2
    assert names["workflow_job_template_nodes"] == ["approve", "execute", "generate"]


def test_what_is_there_is_only_looked_at(controller: Controller, tmp_path: pathlib.Path) -> None:
    status, output = configure(controller, tmp_path)

    assert status == 0, output
    assert "changed=0" in output
    assert controller.requests
    assert controller.writes() == []


def test_what_was_changed_or_removed_is_put_back(controller: Controller, tmp_path: pathlib.Path) -> None:
    before = state(controller)
    controller.find("credential_types", "Immuta").fields["injectors"] = {}
    controller.find("job_templates", "Immuta Redshift configure").fields["playbook"] = "fleet.yml"
    controller.find("job_templates", "Immuta Redshift change").survey["spec"].pop()
    controller.find("job_templates", "Immuta Redshift fleet").credentials.pop()
    controller.find("workflow_approval_templates", "Immuta Redshift scripts").fields["description"] = ""
    controller.remove(controller.find("workflow_job_template_nodes", "execute"))

    status, output = configure(controller, tmp_path)

    assert status == 0, output
    assert state(controller) == before
    # The node is made and put after the one before it.
    assert len(controller.writes()) == 7


def test_a_token_that_the_controller_does_not_take(tmp_path: pathlib.Path) -> None:
    with Controller([]) as controller:
        status, output = configure(controller, tmp_path, token="Wr0ng-Token")

        assert status != 0
        assert "401" in output
        assert "Wr0ng-Token" not in output


def test_a_token_that_may_only_read(tmp_path: pathlib.Path) -> None:
    with Controller([]) as controller:
        controller.may_write = False

        status, output = configure(controller, tmp_path)

        assert status != 0
        assert "The controller did not take Immuta (POST credential_types/)" in output
        assert "You do not have permission to perform this action." in output
        assert controller.names()["credential_types"] == []
