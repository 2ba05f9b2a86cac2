# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An execution environment can be built with the artifact of the collection, and has all imports of the modules."""

from __future__ import annotations

import ast
import pathlib
import shutil
import sys

import yaml

from tests.support.controller.runs import command
from tests.support.paths import ROOT

DEFINITION = ROOT / "extensions" / "controller" / "execution-environment.yml"
# Imports that come with the required libraries.
BROUGHT_ALONG = {"urllib3": "requests"}


# Ansible and its own requirements.
OF_ANSIBLE = ("ansible", "jinja2")


def imported() -> set[str]:
    """Return the libraries that the plugins import, without the standard library and Ansible."""
    names: set[str] = set()
    for path in (ROOT / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    roots = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
    return {BROUGHT_ALONG.get(root, root) for root in roots if not root.startswith(OF_ANSIBLE)}


def test_definition_is_valid_for_ansible_builder(installed: pathlib.Path, tmp_path: pathlib.Path) -> None:
    [artefact] = installed.glob("*.tar.gz")
    shutil.copy(DEFINITION, tmp_path)
    shutil.copy(artefact, tmp_path)

    status, output = command(tmp_path, "ansible-builder", "create", "--file", DEFINITION.name, "--context", "context")

    assert status == 0, output
    build = tmp_path / "context" / "_build"
    [collection] = yaml.safe_load((build / "requirements.yml").read_text(encoding="utf-8"))["collections"]
    assert (build / collection["name"]).read_bytes() == artefact.read_bytes()


def test_dependencies_are_discovered(installed: pathlib.Path, tmp_path: pathlib.Path) -> None:
    status, output = command(tmp_path, "ansible-builder", "introspect", str(installed))

    assert status == 0, output
    found = yaml.safe_load(output.partition("---")[2])
    required = {requirement.partition(">=")[0] for requirement in found["python"]}
    assert required == {"redshift_connector", "requests"}
    assert imported() <= required
    assert found["system"] == []
