# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several clusters in one play, and options in user formats: inclusions do not affect each other."""

from __future__ import annotations

import json
import typing as t

from tests.support.by_hand import set_up
from tests.support.playbooks import Run, Workspace, asked, statuses
from tests.support.standin import Standins, scripts

ROLE = "immuta.integrations.immuta_redshift"
A, B, C, D, E = (f"{letter}.example.com" for letter in "abcde")


def config(standins: Standins, host: str, **changes: t.Any) -> dict[str, t.Any]:
    """Return the config of a cluster, with a database and an account for each host."""
    name = host[0]
    return standins.config(host=host, database=f"immuta_{name}", username=f"account_{name}", **changes)


def include(cluster: t.Any, **about: t.Any) -> dict[str, t.Any]:
    """Return a task that includes the role for a cluster."""
    role = {"name": ROLE, **about.pop("role", {})}
    variables = {"immuta_redshift_config": cluster, **about.pop("vars", {})}
    return {"name": "Include the role", "ansible.builtin.include_role": role, "vars": variables, **about}


def rescued(cluster: t.Any, *rescue: dict[str, t.Any], **about: t.Any) -> dict[str, t.Any]:
    """Return a block that continues after a failure."""
    return {"block": [include(cluster, **about)], "rescue": list(rescue)}


def common(workspace: Workspace, **variables: t.Any) -> dict[str, t.Any]:
    """Return the variables of all clusters; extra variables would override those of an inclusion."""
    return {"immuta_redshift_login": workspace.login, "immuta_redshift_wait_sleep": 0.1, **variables}


def play(workspace: Workspace, *tasks: dict[str, t.Any], options: t.Sequence[str] = (), **about: t.Any) -> Run:
    """Run a play on localhost with these tasks."""
    variables = common(workspace, **about.pop("variables", {}))
    document = [{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": list(tasks), **about}]
    file = workspace.directory / "playbook.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return workspace.play(str(file), *options)


def passwords_in(standins: Standins) -> dict[str, str]:
    """Return the password in Immuta for each host."""
    return {record["config"]["host"]: record["config"]["password"] for record in standins.immuta.records()}


def shown(text: str) -> dict[str, t.Any]:
    """Return a task that prints a text."""
    return {"ansible.builtin.debug": {"msg": text}}


def test_failed_cluster_does_not_affect_the_next_one(workspace: Workspace, standins: Standins) -> None:
    """The directory has scripts of an earlier review of b, with another password. Cluster a is retried afterwards."""
    directory = workspace.directory / "scripts"
    directory.mkdir()
    earlier = config(standins, B, password="Earl1er-Pa55word")
    for name, generate in (("initial_create", scripts.initial_create), ("create", scripts.create)):
        (directory / f"{B}.{name}.sql").write_text(scripts.text(name, generate(earlier)), encoding="utf-8")
    standins.immuta.add_fault("status", method="POST", path="scripts/create$", status=403)
    first, second = config(standins, A), config(standins, B)

    run = play(
        workspace,
        rescued(first, include(second), include(first)),
        variables={"immuta_redshift_script_dir": str(directory)},
    )

    assert run.succeeded, run.output
    assert list(passwords_in(standins).items()) == [(B, "Sy5tem-Pa55word"), (A, "Sy5tem-Pa55word")]
    assert statuses(standins) == ["enabled", "enabled"]


def test_results_of_earlier_clusters_are_reset(workspace: Workspace, standins: Standins) -> None:
    """A loop continues after a cluster that fails before its plan, and after one whose registration fails."""
    standins.immuta.seed(config=config(standins, D))
    standins.immuta.add_fault("status", method="POST", path="integrations$", skip=1, status=403)
    clusters = [config(standins, A), config(standins, B, port=70000), config(standins, C), config(standins, E)]
    body = workspace.directory / "one.yml"
    body.write_text(json.dumps([rescued("{{ item }}", shown("fact=<{{ immuta_redshift_integration }}>"))]))
    deregister = include(config(standins, D), role={"tasks_from": "register"}, vars={"immuta_redshift_state": "absent"})

    run = play(
        workspace,
        {"ansible.builtin.include_tasks": str(body), "loop": clusters},
        deregister,
        shown("leftovers={{ immuta_redshift_integration.leftovers }}"),
    )

    assert run.succeeded, run.output
    assert sorted(passwords_in(standins)) == [A, E]
    assert run.output.count("fact=<") == run.output.count("fact=<{}>") == 2
    assert "leftovers=[]" in run.output


def test_ignored_errors_do_not_delete_the_record(workspace: Workspace, standins: Standins) -> None:
    """A teardown that ignores errors: the delete script fails once, and once Immuta does not generate it."""
    cluster = config(standins, A)
    set_up(standins, cluster)
    fact = shown("fact=<{{ immuta_redshift_integration }}>")
    remove = {"ansible.builtin.import_role": {"name": ROLE, "tasks_from": "remove"}}
    standins.redshift.on_statement = lambda statement: "fail 42501" if "DROP USER" in statement.text else None
    standins.immuta.add_fault("status", method="POST", path="scripts/delete$", skip=1, status=403)

    run = play(workspace, *(remove, fact) * 2, ignore_errors=True, variables={"immuta_redshift_config": cluster})

    assert run.output.count("fact=<{}>") == 2, run.output
    assert "DROP DATABASE" not in run.output
    assert [request for request in asked(standins) if "GET" not in request] == [
        "POST /integrations/1/scripts/delete"
    ] * 2


def test_free_strategy(workspace: Workspace, standins: Standins) -> None:
    inventory = workspace.directory / "hosts.json"
    hosts = {
        host: {"ansible_connection": "local", "immuta_redshift_config": config(standins, host)} for host in (A, B, C)
    }
    hosts[B]["immuta_redshift_config"]["initialDatabase"] = "nowhere"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    variables = {**common(workspace), "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    document = [{"hosts": "all", "gather_facts": False, "vars": variables, "roles": [ROLE], "strategy": "free"}]
    file = workspace.directory / "playbook.json"
    file.write_text(json.dumps(document), encoding="utf-8")

    run = workspace.play(str(file), "-i", str(inventory))

    assert not run.succeeded
    assert sorted(passwords_in(standins)) == [A, C], run.output
    assert workspace.files() == []


# Check mode, and module defaults


def test_check_mode_of_a_block_or_inclusion(workspace: Workspace, standins: Standins) -> None:
    before, cluster = standins.catalog(), config(standins, A)

    run = play(
        workspace,
        {"block": [include(cluster)], "check_mode": True},
        include(cluster, role={"apply": {"check_mode": True}}),
    )

    assert run.succeeded, run.output
    assert (standins.catalog(), standins.immuta.records()) == (before, [])


def test_inclusion_with_check_mode_false(workspace: Workspace, standins: Standins) -> None:
    cluster = config(standins, A)
    set_up(standins, cluster)
    task = include(cluster, role={"apply": {"check_mode": False}, "tasks_from": "remove"})

    run = play(workspace, task, options=["--check"])

    assert run.succeeded, run.output
    assert standins.immuta.records() == []
    assert standins.catalog()["schemas"]["immuta_a"] == []


def test_module_defaults_of_the_play(workspace: Workspace, standins: Standins) -> None:
    """They are enough for the role, except for the checksum of reviewed scripts."""
    address = {"url": standins.immuta.url, "api_key": standins.immuta.api_key}
    account = {"login_user": standins.bootstrap.user, "login_password": standins.bootstrap.password, **workspace.login}
    for name in ("IMMUTA_URL", "IMMUTA_API_KEY", "REDSHIFT_USER", "REDSHIFT_PASSWORD"):
        del workspace.environment[name]
    reviewed = {"immuta_redshift_reviewed": {"initial_create": "0" * 64, "create": "0" * 64}}
    cluster = config(standins, A)

    run = play(
        workspace,
        rescued(cluster, shown("not run"), vars=reviewed),
        include(cluster),
        module_defaults={"group/immuta.integrations.immuta": address, "group/immuta.integrations.redshift": account},
    )

    assert run.succeeded, run.output
    assert "Set api_key in immuta_redshift_api, or IMMUTA_API_KEY" in " ".join(run.output.split())
    assert [request for request in asked(standins) if request.startswith("POST")] == [
        "POST /integrations/scripts/initial-create",
        "POST /integrations/scripts/create",
        "POST /integrations",
    ]
    assert statuses(standins) == ["enabled"]


# Options as text


def text_options(**variables: str) -> list[str]:
    return [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]


def test_text_is_converted_to_the_option_type(workspace: Workspace, standins: Standins) -> None:
    directory = workspace.directory / "scripts"
    options = text_options(
        immuta_redshift_login=json.dumps(workspace.login).replace(" ", ""),
        immuta_redshift_execute="no",
        immuta_redshift_executed="false",
        immuta_redshift_single_database="off",
        immuta_redshift_preflight="yes",
        immuta_redshift_wait="true",
        immuta_redshift_wait_timeout="30",
        immuta_redshift_wait_sleep="0.1",
        immuta_redshift_script_dir=str(directory),
    )
    unset = {"okta": None, "impersonation": None, "port": None, "extra": None}
    options += ["-e", json.dumps({"immuta_redshift_config": json.dumps({**config(standins, A), **unset})})]
    before = standins.catalog()

    run = workspace.tasks({"ansible.builtin.include_role": {"name": ROLE}}, options=options)

    assert run.succeeded, run.output
    assert (standins.catalog(), standins.immuta.records()) == (before, [])
    first = (directory / f"{A}.initial_create.sql").read_text(encoding="utf-8")
    assert first == scripts.text("initial-create", scripts.initial_create(config(standins, A)))


def test_invalid_values_are_named(workspace: Workspace, standins: Standins) -> None:
    options = {
        "immuta_redshift_execute": "maybe",
        "immuta_redshift_wait_timeout": "soon",
        "immuta_redshift_state": "gone",
        "immuta_redshift_on_partial": "retry",
    }

    run = play(workspace, include(config(standins, A)), options=text_options(**options))

    assert not run.succeeded
    assert [name for name in options if name not in run.output] == []
    assert "Traceback" not in run.output
    assert asked(standins) == []


def test_numeric_names_stay_text(workspace: Workspace, standins: Standins) -> None:
    workspace.environment["ANSIBLE_JINJA2_NATIVE"] = "true"
    names = {"database": "2024_01", "username": "1e5", "password": "0123456_7aB"}

    run = play(workspace, include(standins.config(**names, impersonation={"enabled": True, "role": "77_1"})))

    assert run.succeeded, run.output
    assert "2024_01" in standins.catalog()["databases"]
    assert standins.catalog()["groups"] == ["77_1"]


# State of the cluster, and files


def test_removal_ignores_other_variables_and_schemas(workspace: Workspace, standins: Standins) -> None:
    set_up(standins)
    standins.postgres.run("CREATE SCHEMA finance", database="immuta")

    run = workspace.remove(immuta_redshift_state="present", immuta_redshift_setup="automatic")

    assert run.succeeded, run.output
    assert standins.immuta.records() == []
    assert standins.catalog()["schemas"]["immuta"] == ["finance"]
    assert "DROP DATABASE" not in run.output
    assert "holds other schemas and must not be dropped: finance" in " ".join(run.output.split())


def test_failed_generation_leaves_no_scripts(workspace: Workspace, standins: Standins) -> None:
    standins.immuta.add_fault("status", method="POST", path="scripts/create$", status=403)
    task = include(config(standins, A), role={"apply": {"delegate_to": "bastion"}})
    inventory = workspace.directory / "hosts.ini"
    inventory.write_text(
        "localhost ansible_connection=local\nbastion ansible_connection=local\n"
        "[all:vars]\nansible_python_interpreter={{ ansible_playbook_python }}\n",
        encoding="utf-8",
    )

    run = play(workspace, task, options=["-i", str(inventory)])

    assert not run.succeeded
    assert workspace.files() == []
