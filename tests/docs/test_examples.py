# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example on every page can be copied: valid YAML, valid names and values, accepted by Ansible."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import pytest

from tests.docs.commands import command_problems, inline_commands, shell_commands, version_problems
from tests.docs.examples import problems
from tests.docs.kinds import kind_of_text, unknown_names
from tests.docs.pages import Example, Page, find_pages
from tests.docs.syntax import syntax_errors
from tests.support.by_hand import set_up
from tests.support.playbooks import Workspace, asked, statuses
from tests.support.standin import Standins

PAGES = find_pages()
EXAMPLES = [(example, page) for page in PAGES for example in page.examples]
YAML = [(example, page) for example, page in EXAMPLES if example.language in ("yaml", "yaml+jinja")]
CONSOLE = [(example, page) for example, page in EXAMPLES if example.language == "console"]
# Requests that do not change Immuta.
READING = r"GET |POST /integrations/(\d+/)?scripts/"
JSON = [(example, page) for example, page in EXAMPLES if example.language == "json"]
# Text is the output of a command.
LANGUAGES = {"yaml", "yaml+jinja", "console", "json", "text"}


def named(examples: list[tuple[Example, Page]]) -> list[t.Any]:
    return [pytest.param(example, page, id=str(example)) for example, page in examples]


def runnable() -> list[tuple[Example, Page]]:
    """Return the complete playbooks on pages that need only the stand-ins, without duplicates."""
    found = {
        example.text: (example, page)
        for example, page in YAML
        if page.name.endswith((".md", ".rst"))
        and kind_of_text(example.text, page) == "playbook"
        and "hosts: localhost" in example.text
    }
    return list(found.values())


@pytest.mark.parametrize(("example", "page"), named(YAML))
def test_yaml_example(example: Example, page: Page) -> None:
    assert problems(example.text, page) == []


def test_ansible_accepts_the_examples(tmp_path: pathlib.Path) -> None:
    kinds = [(example, kind_of_text(example.text, page)) for example, page in YAML]
    assert syntax_errors([(example, kind) for example, kind in kinds if kind in ("playbook", "tasks")], tmp_path) == ""


@pytest.mark.parametrize(("example", "page"), named(JSON))
def test_json_example(example: Example, page: Page) -> None:
    assert json.loads(example.text)


@pytest.mark.parametrize(("example", "page"), named(CONSOLE))
def test_commands(example: Example, page: Page) -> None:
    commands = shell_commands(example.text)
    assert commands
    assert [problem for command in commands for problem in command_problems(command, page)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page: Page) -> None:
    assert page.strays == ()
    assert {example.language for example in page.examples} <= LANGUAGES
    assert unknown_names(page.text) == []
    assert version_problems(page.text) == []
    assert [problem for command in inline_commands(page.text) for problem in command_problems(command, page)] == []


@pytest.mark.parametrize(("example", "page"), named(runnable()))
def test_playbooks_of_a_page_run(example: Example, page: Page, workspace: Workspace, standins: Standins) -> None:
    is_removal = "immuta_redshift_state: absent" in example.text
    if is_removal:
        set_up(standins)
    playbook = workspace.directory / "playbook.yml"
    playbook.write_text(at_the_standins(example.text, standins), encoding="utf-8")

    variables = {
        "immuta_redshift_login": workspace.login,
        "immuta_api_key": standins.immuta.api_key,
        "immuta_system_password": "Sy5tem-Pa55word",
        "redshift_user": standins.bootstrap.user,
        "redshift_password": standins.bootstrap.password,
    }
    if "\n  tasks:" in example.text:
        # The role has its own tests of check mode.
        before = standins.catalog()
        preview = workspace.play(str(playbook), "--check", "--diff", **variables)
        assert preview.succeeded, preview.output
        assert all(re.match(READING, request) for request in asked(standins))
        assert standins.catalog() == before

    run = workspace.play(str(playbook), **variables)

    assert run.succeeded, run.output
    assert statuses(standins) == ([] if is_removal else ["enabled"])
    assert ("immuta" in standins.catalog()["databases"]) is not is_removal


def at_the_standins(text: str, standins: Standins) -> str:
    """Return the playbook with the addresses of the stand-ins."""
    text = text.replace("https://tenant.example.com", standins.immuta.url)
    return re.sub(
        r"^( *)login_host: .*", rf"\1login_host: {standins.redshift.host}\n\1ssl_mode: disable", text, flags=re.M
    )
