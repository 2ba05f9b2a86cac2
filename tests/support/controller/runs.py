# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of configure_controller against the stand-in of a controller."""

from __future__ import annotations

import copy
import json
import pathlib
import re
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._controller.connection import connection
from ansible_collections.immuta.integrations.plugins.module_utils._controller.http import Api
from ansible_collections.immuta.integrations.plugins.module_utils._controller.plan import with_project_url
from ansible_collections.immuta.integrations.plugins.module_utils._controller.reconcile import Reconciliation
from tests.support.controller.standin import KINDS, Controller, Thing, name_of
from tests.support.paths import COLLECTIONS, ROOT
from tests.support.playbooks import ended, environment, program

PROJECT = ROOT / "docs" / "examples" / "fleet"
FILES = ROOT / "playbooks" / "files" / "controller"
VARIABLES = {
    "immuta_controller_image": "registry.example.com/ee-immuta:1.0.0",
    "immuta_controller_project_url": "https://git.example.com/immuta-fleet.git",
    "immuta_controller_slices": "2",
}
GATEWAY = "/api/controller/v2"


def playbooks() -> list[str]:
    """Return the files of the example project that could be playbooks."""
    pattern = re.compile(r"^\s*-?\s*(hosts|ansible\.builtin\.import_playbook):", re.MULTILINE)
    return [path.name for path in PROJECT.glob("*.yml") if pattern.search(path.read_text(encoding="utf-8"))]


def command(home: pathlib.Path, name: str, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run a program of this environment and return its exit status and output."""
    run = ended([program(name), *arguments], environment(home, **variables), home)
    return run.status, run.output


def configure(controller: Controller, home: pathlib.Path, *options: str, **variables: str) -> tuple[int, str]:
    """Run configure_controller against the stand-in, with more options and another environment."""
    return command(
        home,
        "ansible-playbook",
        "immuta.integrations.configure_controller",
        *(f"-e{name}={value}" for name, value in VARIABLES.items()),
        *([f"-eimmuta_controller_prefix={controller.prefix}"] if controller.prefix != "/api/v2" else []),
        *options,
        **{
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "CONTROLLER_HOST": controller.url + "/",
            "CONTROLLER_OAUTH_TOKEN": controller.token,
            **variables,
        },
    )


def state(controller: Controller) -> dict[str, t.Any]:
    """Return all objects of the controller, by kind and name, with names instead of ids."""

    def names(numbers: t.Iterable[int]) -> list[str]:
        return sorted(name_of(controller.get(number)) for number in numbers)

    def shown(field: str, value: t.Any, wanted: t.Any) -> t.Any:
        if isinstance(wanted, type) or value is None:
            return value
        target = controller.get(value)
        # A node has its own approval.
        return target.fields if target.kind == "workflow_approval_templates" else name_of(target)

    def place(thing: Thing) -> list[int | None]:
        """Return the scope that distinguishes it from objects with the same name."""
        workflow = thing.fields.get("workflow_job_template")
        own = [thing.fields.get(name) for name in ("organization", "inventory", "credential_type")]
        return [*own, controller.get(workflow).fields["organization"]] if workflow else own

    return {
        f"{kind}/{name_of(thing)} of {place(thing)}": copy.deepcopy(
            (
                {field: shown(field, value, KINDS[kind][field][0]) for field, value in thing.fields.items()},
                thing.survey,
                names(thing.credentials),
                {edge: names(numbers) for edge, numbers in thing.edges.items()},
                sorted(thing.roles),
            )
        )
        for kind in KINDS
        if kind not in ("project_updates", "workflow_approval_templates")
        for thing in controller.of(kind)
    }


def reconcile(controller: Controller, desired: dict[str, t.Any], check_mode: bool = False) -> list[str]:
    """Reconcile the stand-in in this process, and return the changes."""
    run = Reconciliation(Api(connection(controller.url, controller.token, controller.prefix, True)), check_mode)
    run.run(copy.deepcopy(desired))
    return run.changes


def handed_over(home: pathlib.Path, **states: dict[str, str]) -> dict[str, dict[str, t.Any]]:
    """Return the desired states that configure_controller passes to its module, each with more variables."""
    tasks: list[dict[str, t.Any]] = [{"ansible.builtin.include_vars": {"file": str(FILES / "objects.yml")}}]
    for name, variables in states.items():
        copied = {"dest": str(home / f"{name}.json"), "content": "{{ controller_desired | to_json }}"}
        tasks.append({"ansible.builtin.copy": copied, "vars": variables})
    (home / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    given = json.dumps({**VARIABLES, "controller_files": str(FILES)})
    status, output = command(home, "ansible-playbook", "play.yml", f"-e{given}")
    assert status == 0, output
    url = VARIABLES["immuta_controller_project_url"]
    return {name: with_project_url(json.loads((home / f"{name}.json").read_text()), url) for name in states}


def reported(output: str) -> list[str]:
    """Return the changes that the playbook reports."""
    [text] = re.findall(r"TASK \[Report the changes\].*?(\[\n.*?\n    \])", output, re.DOTALL)
    return json.loads(text)
