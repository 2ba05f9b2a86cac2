# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Problems in examples are found, each by exactly one check."""

from __future__ import annotations

import pathlib
import textwrap

import pytest

from tests.docs.commands import command_problems, inline_commands, shell_commands, version_problems
from tests.docs.examples import problems
from tests.docs.kinds import unknown_names
from tests.docs.pages import Example, Page, find_examples, find_pages, stray
from tests.docs.syntax import syntax_errors

TENANT = "url: https://tenant.example.com, api_key: k"
CONFIG = (
    "{host: h, database: immuta, initial_database: dev, authentication_type: userPassword, username: u, password: p}"
)
CLUSTER = f"immuta_redshift_config: {CONFIG}"
API = f"immuta_redshift_api: {{{TENANT}}}"
LOGIN = "immuta_redshift_login: {login_user: u, login_password: p}"
ROLE = "immuta.integrations.immuta_redshift"
INFO = "immuta.integrations.immuta_integration_info"
SQL = "immuta.integrations.redshift_script: {login_host: h, login_user: u, login_password: p, login_db: d, path: /s"


def page_of(*texts: str, name: str = "page.md") -> Page:
    text = "\n".join(texts)
    return Page(name, text, tuple(Example(name, 1, "yaml", one) for one in texts), text)


def found(text: str, *others: str, name: str = "page.md") -> str:
    """Return the problems of an example on a page with others."""
    return "\n".join(problems(text, page_of(text, *others, name=name)))


def play(*lines: str) -> str:
    return "- hosts: localhost\n" + textwrap.indent("\n".join(lines), "  ")


def play_of_role(*variables: str) -> str:
    return play("roles:", f"- role: {ROLE}", *(f"  {variable}" for variable in variables))


GOOD = {
    "task": f"- {INFO}: {{{TENANT}}}",
    "templates": f"- {INFO}: {{{TENANT}, timeout: '{{{{ x }}}}', status: ['{{{{ y }}}}'], use_proxy: '{{{{ z }}}}'}}",
    "config that is a template": (
        f"- immuta.integrations.immuta_redshift_integration: {{{TENANT}, auto_bootstrap: true, config: '{{{{ c }}}}'}}"
    ),
    "defaults of a group": play(
        "module_defaults:", f"  group/immuta.integrations.immuta: {{{TENANT}}}", "tasks:", f"- {INFO}:"
    ),
    "defaults of a module": f"- module_defaults: {{{INFO}: {{{TENANT}}}}}\n  block:\n  - {INFO}:",
    "role": play_of_role(API, LOGIN, CLUSTER),
    "conditions": "- ansible.builtin.assert: {that: x is failed and y is ansible.builtin.search('a')}\n  when: [a, b]",
    "text that is no template": f"- {INFO}: {{{TENANT}, host: !unsafe '{{{{'}}",
    "choices with descriptions": "- ansible.builtin.uri: {url: 'https://x', follow_redirects: none}",
    "free form": "- ansible.builtin.include_tasks: more.yml",
    "inventory": f"all: {{hosts: {{one: {{}}}}, vars: {{{API}}}}}",
    "inventory source": "plugin: immuta.integrations.tenant\nfilters: [{exclude: x}]\nstrict: true",
    "requirements": "collections: [{name: immuta.integrations}]",
    "changelog fragment": "bugfixes: [one]",
    "pipeline": "jobs: {one: {steps: [{run: make test, if: '${{ github.x }}'}]}}",
}
BAD = {
    # YAML
    "a: [": "no YAML",
    "a: 1\na: 2": "duplicate key a",
    "- hosts: x\n- name: y": "of no kind",
    "just text": "of no kind",
    "immuta_redshif_config: {}": "of no kind",
    # Modules and their arguments
    "- immuta.integrations.nothing: {}": "no such module",
    "- debug: {msg: x}": "no such module",
    "- name: x": "names no module",
    f"- {INFO}: {{}}\n  ansible.builtin.debug: {{}}": "or several",
    f"- {INFO}: {{{TENANT}, hosts: x}}": "Unsupported parameters|hosts",
    f"- {INFO}: url=x": "text stands in place",
    f"- {INFO}: {{api_key: k}}": "missing required arguments: url",
    f"- {INFO}: {{api_key: k, url: 'http://tenant.example.com'}}": "plain http",
    f"- immuta.integrations.immuta_redshift_integration: {{{TENANT}, auto_bootstrap: true, config: {{host: h}}}}": (
        "also needs"
    ),
    f"- immuta.integrations.immuta_integration_script: {{{TENANT}, script: delete, dest: /s}}": "id",
    f"- immuta.integrations.immuta_integration_script: {{{TENANT}, script: create, dest: /s, config: {{host: h}}}}": (
        "also needs"
    ),
    f"- immuta.integrations.immuta_integration_script: {{{TENANT}, script: delete, id: '1', dest: /s, mode: '0644'}}": (
        "mode"
    ),
    f"- {SQL}, auth_method: iam}}": "cluster_identifier",
    "- ansible.builtin.file: {path: /x, state: folder}": "state",
    "- ansible.builtin.copy: {content: x}": "dest",
    # Inventory sources
    "plugin: immuta.integrations.nothing": "no inventory plugin",
    "plugin: immuta.integrations.tenant\nfilter: []": "no option filter",
    # Defaults
    f"- {INFO}: {{{TENANT}}}\n  module_defaults: {{group/immuta.integrations.all: {{}}}}": "neither a group",
    f"- {INFO}: {{{TENANT}}}\n  module_defaults: {{group/immuta.integrations.immuta: {{token: x}}}}": "no option token",
    # Expressions
    f"- {INFO}: {{{TENANT}, host: '{{{{ x }}'}}": "unexpected",
    "- ansible.builtin.debug: {msg: '{{ x | to_nothing }}'}": "No filter named",
    "- ansible.builtin.debug: {msg: x}\n  when: x is nothing_known": "No test named",
    "- ansible.builtin.debug: {msg: x}\n  when: a ==": "unexpected",
    "- ansible.builtin.debug: {msg: \"{{ lookup('nothing', 'x') }}\"}": "there is no lookup nothing",
    f"- {INFO}: {{{TENANT}}}\n  register: r\n- ansible.builtin.debug: {{msg: '{{{{ r.integration }}}}'}}": (
        "r has no integration"
    ),
    "- ansible.builtin.debug: {msg: '{{ immuta_redshift_integration.state }}'}": "has no state",
    # The role and its variables
    play("roles: [immuta_redshift]"): "no role immuta_redshift",
    play(f"roles: [{ROLE}]"): "neither here nor elsewhere",
    play_of_role(LOGIN, CLUSTER): "missing required arguments: api_key, url",
    play_of_role(API, CLUSTER): "login_user",
    play_of_role(API, LOGIN, CLUSTER, "immuta_redshift_waiting: false"): "no variable immuta_redshift_waiting",
    play_of_role(API, LOGIN, CLUSTER, "immuta_redshift_execute: false"): "without immuta_redshift_script_dir",
    play(
        f"vars: {{{CLUSTER}}}",
        "tasks:",
        f"- ansible.builtin.include_role: {{name: {ROLE}, tasks_from: nothing}}",
    ): "no entry point nothing",
    play(
        f"vars: {{{CLUSTER}}}",
        "tasks:",
        f"- ansible.builtin.include_role: {{name: {ROLE}, tasks_from: preflight}}",
        f"  vars: {{{LOGIN}, immuta_redshift_wait: true}}",
    ): "does not read immuta_redshift_wait",
    "- ansible.builtin.import_playbook: immuta.integrations.nothing": "no playbook",
    "- ansible.builtin.import_playbook: immuta.integrations.configure_redshift": "neither here nor elsewhere",
    "immuta_redshift_stat: present": "no variable immuta_redshift_stat|of no kind",
    "immuta_redshift_state: gone": "immuta_redshift_state must be one of",
    f"{CLUSTER}\n{API}": "login_user",
    "all: {hosts: {one: {immuta_redshift_wait_sleep: long}}}": "immuta_redshift_wait_sleep",
    # Other checks
    "collections: [immuta.integration]": "not this collection",
    "bugfixes: one": "no list",
    "jobs: {one: {steps: [{run: make nothing}]}}": "no target nothing",
    "stages: [a]\none: {script: [make nothing]}": "no target nothing",
}


@pytest.mark.parametrize("name", GOOD)
def test_no_problems_in_a_valid_page(name: str) -> None:
    assert found(GOOD[name]) == ""


@pytest.mark.parametrize(("text", "problem"), BAD.items(), ids=range(len(BAD)))
def test_problems_in_an_invalid_page(text: str, problem: str) -> None:
    assert any(words in found(text) for words in problem.split("|"))


def test_variables_defined_elsewhere_on_the_page() -> None:
    playbook = play(f"roles: [{ROLE}]")
    common = f"{API}\n{LOGIN}"
    assert found(playbook, CLUSTER, common) == ""
    assert "login_user" in found(playbook, CLUSTER, API)
    removal = "immuta_redshift_config: {host: h}"
    assert "also needs" in found(removal, common)
    assert found(removal, common, "# Run remove_redshift") == ""
    drift = "- ansible.builtin.import_playbook: immuta.integrations.check_drift"
    assert found(drift, CLUSTER, API) == ""


def test_environment_variables_named_on_the_page() -> None:
    task = f"- {INFO}: {{api_key: k}}"
    assert found(task, "# Set IMMUTA_URL") == ""


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("make nothing", "no target nothing"),
        ("cd x && make nothing", "no target nothing"),
        ("ansible-playbook immuta.integrations.nothing", "no playbook"),
        ("ansible-playbook nothing.yml", "no playbook"),
        ("ansible-playbook immuta.integrations.configure_redshift --dry-run", "unrecognized arguments: --dry-run"),
        ("ansible-playbook --check", "are required: playbook"),
        ("ansible-doc immuta.integrations.nothing", "nothing called"),
        ("ansible-doc -t role immuta.integrations.redshift_info", "nothing called"),
        ("ansible-galaxy collection install immuta.integration", "not this collection"),
        ("python -m tests.nothing", "no module"),
        ("pip install 'requests>=1'", "no requirement"),
        ("export IMMUTA_KEY=x", "nothing reads"),
        ("make 'test", "no shell"),
        ("IMMUTA_URL=x make test", None),
        ("ansible-playbook immuta.integrations.configure_redshift -e @a.yml -vvv --check -i hosts | tee log", None),
        ("ansible-doc -t role immuta.integrations.immuta_redshift", None),
        ("ansible-galaxy collection install immuta.integrations:1.0.0 -p directory", None),
        ("pip install 'requests>=2.28' redshift_connector", None),
        (".venv/bin/python -m tools.standin --port 5439", None),
        ("git clone https://example.com/x", None),
    ],
)
def test_command(command: str, problem: str | None) -> None:
    found_problems = "\n".join(command_problems(command, page_of()))
    assert (problem in found_problems) if problem else (found_problems == "")


def test_included_files_exist() -> None:
    task = play("tasks:", "- ansible.builtin.include_tasks: nothing.yml")
    assert found(task) == ""
    assert "no file nothing.yml" in found(task, name="docs/examples/one")


def test_commands_are_found() -> None:
    assert shell_commands("$ one \\\n  two\noutput\n$ three\n") == ["one   two", "three"]
    assert inline_commands("Run `make test`, ``ansible-doc\nx`` or `other`.") == ["make test", "ansible-doc x"]


def test_versions_match_the_requirements() -> None:
    assert version_problems("`requests` 2.28 or\nlater, ansible-core 2.16 or later") == []
    assert version_problems("- `requests` 2.27 or later.") == ["requests 2.27 is not 2.28"]


def test_unknown_names() -> None:
    assert (
        unknown_names("immuta_redshift_wait, immuta_redshift_*, `roles/immuta_redshift/`, immuta_redshift_wait_") == []
    )
    assert unknown_names("immuta_redshift_wiat immuta_redshift_none_ __immuta_redshift_path") == [
        "__immuta_redshift_path",
        "immuta_redshift_none_",
        "immuta_redshift_wiat",
    ]


MARKDOWN = "One:\n\n```yaml\n---\na: 1\n```\n\n1. Two:\n\n   ```console\n   $ x\n     y\n   ```\n"
RST = "One:\n\n.. code-block:: yaml+jinja\n   :caption: a.yml\n\n   ---\n   a: 1\n\n   b: 2\n\nText.\n"


def test_examples_are_found() -> None:
    assert [*find_examples("a.md", MARKDOWN)] == [
        Example("a.md", 4, "yaml", "---\na: 1\n"),
        Example("a.md", 11, "console", "$ x\n  y\n"),
    ]
    assert [*find_examples("a.rst", RST)] == [Example("a.rst", 6, "yaml+jinja", "---\na: 1\n\nb: 2\n")]
    assert [*find_examples("a.py", 'A = 1\nEXAMPLES = r"""\n- b\n"""\n')] == [Example("a.py", 3, "yaml", "- b\n")]
    assert [*find_examples("a.yml", "a: 1\n")] == [Example("a.yml", 1, "yaml", "a: 1\n")]


def test_example_outside_a_code_block_is_detected() -> None:
    assert stray("a.md", MARKDOWN) == []
    assert stray("a.md", MARKDOWN + "\n```yaml\nnot closed\n") == [15]
    assert stray("a.rst", RST) == []
    assert stray("a.rst", RST + "\nAs here::\n\n   a: 1\n") == [13]


def test_example_files_are_read_with_their_directory(tmp_path: pathlib.Path) -> None:
    directory = tmp_path / "docs" / "examples" / "one"
    (directory / "group_vars").mkdir(parents=True)
    (directory / "site.yml").write_text("a: 1\n")
    (directory / "group_vars" / "all.yml").write_text("b: 1\n")
    (page,) = find_pages(tmp_path)
    assert page.name == "docs/examples/one"
    assert [example.path for example in page.examples] == [
        "docs/examples/one/group_vars/all.yml",
        "docs/examples/one/site.yml",
    ]


def test_ansible_reports_syntax_errors(tmp_path: pathlib.Path) -> None:
    good = Example("good.md", 1, "yaml", play("tasks: []"))
    bad = Example("bad.md", 1, "yaml", "# Why\n---\n- ansible.builtin.debug:\n    msg: x\n  whenever: true\n")
    complaint = syntax_errors([(good, "playbook"), (bad, "tasks")], tmp_path)
    assert "whenever" in complaint
    assert "bad.md-1.yml" in complaint
