# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check playbooks and task lists among the examples with ansible-playbook itself."""

from __future__ import annotations

import pathlib
import re
import textwrap
import typing as t

from tests.docs.pages import Example
from tests.support.paths import COLLECTIONS, ROOT
from tests.support.playbooks import ended, environment, program

_PLAY = "- name: A play for the tasks\n  hosts: localhost\n  gather_facts: false\n  tasks:\n"


def syntax_errors(examples: t.Sequence[tuple[Example, str]], directory: pathlib.Path) -> str:
    """Return Ansible's error about the first refused example, with its file; each has a kind, "playbook" or "tasks".

    ansible-playbook starts slowly, so one run checks all.
    """
    strict = environment(directory, ANSIBLE_COLLECTIONS_PATH=str(COLLECTIONS), ANSIBLE_DUPLICATE_YAML_DICT_KEY="error")
    files = [_file(example, kind, directory) for example, kind in examples]
    run = ended([program("ansible-playbook"), "--syntax-check", *files], strict, directory)
    return run.output if run.status else ""


def _file(example: Example, kind: str, directory: pathlib.Path) -> pathlib.Path:
    """Return the example as a playbook, in its own place if it is a file, for its relative paths."""
    if kind == "playbook" and example.path.endswith(".yml"):
        return ROOT / example.path
    file = directory / f"{example.path.replace('/', '-')}-{example.line}.yml"
    text = re.sub(r"^---$", "", example.text, count=1, flags=re.MULTILINE)
    file.write_text(text if kind == "playbook" else _PLAY + textwrap.indent(text, "    "), encoding="utf-8")
    return file
