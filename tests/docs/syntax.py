# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check playbooks and task lists among the examples with ansible-playbook itself."""

from __future__ import annotations

import os
import pathlib
import re
import textwrap
import typing as t

from tests.docs.pages import Example
from tests.support.paths import ROOT
from tests.support.playbooks import ended, program

_PLAY = "- name: A play for the tasks\n  hosts: localhost\n  gather_facts: false\n  tasks:\n"


def refused(examples: t.Sequence[tuple[Example, str]], directory: pathlib.Path) -> dict[str, str]:
    """Return Ansible's error for each refused example; each comes with its kind, "playbook" or "tasks".

    ansible-playbook starts slowly, so one run checks all. Only if it fails, each example has its own run.
    """
    files = {str(example): _file(example, kind, directory) for example, kind in examples}
    if _complaint(list(files.values()), directory) is None:
        return {}
    complaints = {name: _complaint([file], directory) for name, file in files.items()}
    return {name: complaint for name, complaint in complaints.items() if complaint is not None}


def _file(example: Example, kind: str, directory: pathlib.Path) -> pathlib.Path:
    """Return the example as a playbook, in its own place if it is a file, for its relative paths."""
    if kind == "playbook" and example.path.endswith(".yml"):
        return ROOT / example.path
    file = directory / f"{example.path.replace('/', '-')}-{example.line}.yml"
    text = re.sub(r"^---$", "", example.text, count=1, flags=re.MULTILINE)
    file.write_text(text if kind == "playbook" else _PLAY + textwrap.indent(text, "    "), encoding="utf-8")
    return file


def _complaint(files: list[pathlib.Path], directory: pathlib.Path) -> str | None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
        "ANSIBLE_DUPLICATE_YAML_DICT_KEY": "error",
        "ANSIBLE_NOCOLOR": "true",
    }
    run = ended([program("ansible-playbook"), "--syntax-check", *files], environment, directory)
    return run.output if run.status else None
