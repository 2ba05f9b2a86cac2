# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several clusters in one play, and options in user formats: inclusions do not affect each other."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.support.by_hand import run_by_hand, set_up
from tests.support.playbooks import Run, Workspace, asked, statuses
from tests.support.standin import Standins, scripts

ROLE = "immuta.integrations.immuta_redshift"
A, B, C = "a.example.com", "b.example.com", "c.example.com"


def config(standins: Standins, host: str, **changes: t.Any) -> dict[str, t.Any]:
    """Return the config of a cluster, with a database and an account for each host."""
    name = host[0]
    return standins.config(host=host, database=f"immuta_{name}", username=f"account_{name}", **changes)


def include(cluster: dict[str, t.Any], **about: t.Any) -> dict[str, t.Any]:
    """Return a task that includes the role for a cluster."""
    role = {"name": ROLE, **about.pop("role", {})}
    variables = {"immuta_redshift_config": cluster, **about.pop("vars", {})}
    return {"name": "Include the role", "ansible.builtin.include_role": role, "vars": variables, **about}


def rescued(cluster: dict[str, t.Any], *rescue: dict[str, t.Any], **about: t.Any) -> dict[str, t.Any]:
    """Return a block that continues after a failure."""
    return {"block": [include(cluster, **about)], "rescue": list(rescue) or [{"ansible.builtin.debug": {"msg": "on"}}]}


def common(workspace: Workspace, **variables: t.Any) -> dict[str, t.Any]:
    """Return the variables of all clusters; extra variables would override those of an inclusion."""
    shared = {"immuta_redshift_login": workspace.login, "immuta_redshift_wait_sleep": 0.1, **variables}
    return {name: value for name, value in shared.items() if value is not None}


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


@pytest.mark.parametrize(("status", "keeps_scripts"), [(500, False), (403, True)])
def test_cluster_after_a_failed_one_uses_its_scripts(
    workspace: Workspace, standins: Standins, status: int, keeps_scripts: bool
) -> None:
    directory = workspace.directory / "scripts"
    kept = {"immuta_redshift_script_dir": str(directory)} if keeps_scripts else {}
    if keeps_scripts:
        # An earlier review of b, with another password.
        earlier = config(standins, B, password="Earl1er-Pa55word")
        assert play(workspace, include(earlier), variables={**kept, "immuta_redshift_execute": False}).succeeded
    standins.immuta.add_fault("status", method="POST", path="/integrations/scripts/initial-create", status=status)

    seen = {"ansible.builtin.debug": {"msg": "fact of b is {{ immuta_redshift_integration }}"}}
    run = play(workspace, rescued(config(standins, A)), include(config(standins, B)), seen, variables=kept)

    assert run.succeeded, run.output
    assert passwords_in(standins) == {B: "Sy5tem-Pa55word"}
    assert statuses(standins) == ["enabled"]
    assert "immuta_a" not in standins.catalog()["databases"]


def test_result_of_an_earlier_cluster_is_reset(workspace: Workspace, standins: Standins) -> None:
    look = {"ansible.builtin.debug": {"msg": "fact=<{{ immuta_redshift_integration }}>"}}
    broken = config(standins, B, port=70000)

    run = play(workspace, include(config(standins, A)), rescued(broken, look))

    assert run.succeeded, run.output
    assert "fact=<{}>" in run.output


def test_cluster_is_retried_in_a_rescue(workspace: Workspace, standins: Standins) -> None:
    standins.immuta.add_fault("status", method="POST", path="scripts/create$", status=403)
    cluster = config(standins, A)

    run = play(workspace, rescued(cluster, include(cluster)))

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]
    assert workspace.files() == []


def test_loop_continues_after_a_failed_cluster(workspace: Workspace, standins: Standins) -> None:
    clusters = [config(standins, A), config(standins, B, port=70000), config(standins, C)]
    body = workspace.directory / "one.yml"
    body.write_text(json.dumps([rescued("{{ item }}")]), encoding="utf-8")  # type: ignore[arg-type]

    run = play(workspace, {"ansible.builtin.include_tasks": str(body), "loop": clusters})

    assert run.succeeded, run.output
    assert sorted(passwords_in(standins)) == [A, C]


@pytest.mark.parametrize("how", [{"strategy": "linear"}, {"strategy": "free"}, {"serial": 1}], ids=str)
def test_strategies(workspace: Workspace, standins: Standins, how: dict[str, t.Any]) -> None:
    inventory = workspace.directory / "hosts.json"
    hosts = {
        host: {"ansible_connection": "local", "immuta_redshift_config": config(standins, host)} for host in (A, B, C)
    }
    hosts[B]["immuta_redshift_config"]["initialDatabase"] = "nowhere"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    variables = {**common(workspace), "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    document = [{"hosts": "all", "gather_facts": False, "vars": variables, "roles": [ROLE], **how}]
    file = workspace.directory / "playbook.json"
    file.write_text(json.dumps(document), encoding="utf-8")

    run = workspace.play(str(file), "-i", str(inventory))

    # A failed host ends a play with serial hosts.
    expected = [A] if "serial" in how else [A, C]
    assert not run.succeeded
    assert sorted(passwords_in(standins)) == expected, run.output
    assert workspace.files() == []


# Check mode, and module defaults


def test_check_mode_of_a_play_or_inclusion(workspace: Workspace, standins: Standins) -> None:
    before = standins.catalog()
    for about in ({"check_mode": True}, {}):
        task = include(config(standins, A), **({} if about else {"role": {"apply": {"check_mode": True}}}))
        run = play(workspace, task, **about)
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


def play_with_module_defaults(workspace: Workspace, standins: Standins, **variables: t.Any) -> Run:
    """Run the role with the addresses and credentials in the play's module_defaults only."""
    address = {"url": standins.immuta.url, "api_key": standins.immuta.api_key}
    account = {"login_user": standins.bootstrap.user, "login_password": standins.bootstrap.password, **workspace.login}
    for name in ("IMMUTA_URL", "IMMUTA_API_KEY", "REDSHIFT_USER", "REDSHIFT_PASSWORD"):
        del workspace.environment[name]
    defaults = {"group/immuta.integrations.immuta": address, "group/immuta.integrations.redshift": account}
    return play(
        workspace,
        include(config(standins, A)),
        module_defaults=defaults,
        variables={"immuta_redshift_login": workspace.login, **variables},
    )


def test_module_defaults_of_the_play_reach_the_role(workspace: Workspace, standins: Standins) -> None:
    run = play_with_module_defaults(workspace, standins)

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]


def test_reviewed_scripts_require_the_api_key(workspace: Workspace, standins: Standins) -> None:
    before = standins.catalog()
    reviewed = {"initial_create": "0" * 64, "create": "0" * 64}
    run = play_with_module_defaults(workspace, standins, immuta_redshift_reviewed=reviewed)

    assert not run.succeeded
    assert "Set api_key in immuta_redshift_api, or IMMUTA_API_KEY" in " ".join(run.output.split())
    assert (standins.catalog(), statuses(standins)) == (before, [])


# Options as text


def text_options(**variables: str) -> list[str]:
    return [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]


def test_text_is_converted_to_the_option_type(workspace: Workspace, standins: Standins) -> None:
    directory = workspace.directory / "scripts"
    options = text_options(
        immuta_redshift_execute="no",
        immuta_redshift_executed="false",
        immuta_redshift_single_database="off",
        immuta_redshift_preflight="yes",
        immuta_redshift_wait="true",
        immuta_redshift_wait_timeout="30",
        immuta_redshift_wait_sleep="0.1",
        immuta_redshift_script_dir=str(directory),
    )
    before = standins.catalog()

    run = play(workspace, include(config(standins, A)), options=options, variables={"immuta_redshift_wait_sleep": None})

    assert run.succeeded, run.output
    assert (standins.catalog(), standins.immuta.records()) == (before, [])
    assert len(list(directory.glob("*.sql"))) == 2


def test_executed_as_text_keeps_removal_scripts(workspace: Workspace, standins: Standins) -> None:
    cluster = config(standins, A)
    set_up(standins, cluster)

    run = play(
        workspace,
        include(cluster, role={"tasks_from": "remove"}),
        options=text_options(immuta_redshift_executed="false"),
    )

    assert run.succeeded, run.output
    assert standins.catalog()["schemas"]["immuta_a"] == []


def test_dictionaries_as_text(workspace: Workspace, standins: Standins) -> None:
    options = text_options(immuta_redshift_login=json.dumps(workspace.login).replace(" ", ""))
    options += ["-e", json.dumps({"immuta_redshift_config": json.dumps(config(standins, A))})]

    run = workspace.tasks({"ansible.builtin.include_role": {"name": ROLE}}, options=options)

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]


@pytest.mark.parametrize(
    "options",
    [
        {"immuta_redshift_execute": "maybe"},
        {"immuta_redshift_wait_timeout": "soon"},
        {"immuta_redshift_state": "gone"},
        {"immuta_redshift_on_partial": "retry"},
    ],
    ids=str,
)
def test_invalid_value_is_one_sentence(workspace: Workspace, standins: Standins, options: dict[str, str]) -> None:
    run = play(workspace, include(config(standins, A)), options=text_options(**options))

    ((name, value),) = options.items()
    assert not run.succeeded
    assert name in run.output
    assert value in run.output or "int" in run.output
    assert "Traceback" not in run.output
    assert asked(standins) == []


def test_numeric_names_stay_text(workspace: Workspace, standins: Standins) -> None:
    workspace.environment["ANSIBLE_JINJA2_NATIVE"] = "true"
    cluster = standins.config(host=A, database="2024_01", username="1e5", password="0123456_7aB")

    run = play(workspace, include(cluster))

    assert run.succeeded, run.output
    assert "2024_01" in standins.catalog()["databases"]
    again = play(workspace, include({**cluster, "impersonation": {"enabled": True, "role": "77_1"}}))
    assert again.succeeded, again.output
    assert standins.catalog()["groups"] == ["77_1"]


# State of the cluster


@pytest.mark.parametrize("way", ["extra variable", "set_fact"])
def test_removal_ignores_other_variables(workspace: Workspace, standins: Standins, way: str) -> None:
    set_up(standins)
    if way == "extra variable":
        run = workspace.remove(immuta_redshift_state="present")
    else:
        fact = {"ansible.builtin.set_fact": {"immuta_redshift_state": "present"}}
        removal = {"ansible.builtin.include_role": {"name": ROLE, "tasks_from": "remove"}}
        run = workspace.tasks(fact, removal, **workspace.variables())

    assert run.succeeded, run.output
    assert standins.immuta.records() == []


def test_removal_of_a_manual_setup_runs_its_script(workspace: Workspace, standins: Standins) -> None:
    set_up(standins)

    run = workspace.remove(immuta_redshift_setup="automatic")

    assert run.succeeded, run.output
    assert "POST /integrations/1/scripts/delete" in asked(standins)
    assert standins.catalog()["schemas"]["immuta"] == []


def test_integration_in_use_is_changed(workspace: Workspace, standins: Standins) -> None:
    set_up(standins)
    owner = standins.bootstrap.user
    standins.postgres.run(f'CREATE SCHEMA sales AUTHORIZATION "{owner}"', database="immuta")
    standins.postgres.run("CREATE VIEW sales.orders AS SELECT 1 AS id", database="immuta")

    run = workspace.configure(config=standins.config(impersonation={"enabled": True, "role": "immuta_impersonation"}))

    assert run.succeeded, run.output
    assert standins.catalog()["groups"] == ["immuta_impersonation"]


def test_unrelated_database_is_no_leftover(workspace: Workspace, standins: Standins) -> None:
    set_up(standins)
    standins.postgres.run("CREATE SCHEMA finance", database="immuta")
    standins.postgres.run("CREATE TABLE finance.ledger (id int)", database="immuta")

    run = workspace.remove()

    assert run.succeeded, run.output
    assert "DROP DATABASE" not in run.output
    assert "holds other schemas and must not be dropped: finance" in " ".join(run.output.split())


def test_corrected_account_is_set_up(workspace: Workspace, standins: Standins) -> None:
    """Immuta refuses the first registration; then the account name is corrected."""
    standins.immuta.add_fault("status", method="POST", path="/integrations$", status=422)
    assert not workspace.configure(config=standins.config(username="immuta_sytem")).succeeded

    run = workspace.configure()

    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]


@pytest.mark.parametrize("part", ["main", "generate", "execute"])
def test_corrected_password_is_found_or_cleaned_up(workspace: Workspace, standins: Standins, part: str) -> None:
    standins.immuta.add_fault("status", method="POST", path="/integrations$", status=422)
    assert not workspace.configure().succeeded
    statements = standins.postgres.statements()
    corrected = {
        "config": standins.config(password="C0rrected-Pa55word"),
        "immuta_redshift_script_dir": str(workspace.directory / "scripts"),
    }
    role = {"ansible.builtin.include_role": {"name": ROLE, "tasks_from": part}}

    run = workspace.tasks(role, **workspace.variables(**corrected))
    assert not run.succeeded
    assert "already exists on cluster.example.com with a different password" in " ".join(run.output.split())
    assert not [
        one
        for one in standins.postgres.statements()[len(statements) :]
        if one.text.startswith(("CREATE", "GRANT", "DROP"))
    ]

    run = workspace.configure(**corrected, immuta_redshift_on_partial="cleanup")
    assert run.succeeded, run.output
    assert statuses(standins) == ["enabled"]


def test_failed_wait_shows_the_module_message(workspace: Workspace, standins: Standins) -> None:
    standins.immuta.set(settle=60)
    assert workspace.configure(immuta_redshift_wait=False).succeeded
    standins.immuta.add_fault("status", method="GET", path="/integrations/1$", status=500)

    run = workspace.configure(config=standins.config(impersonation={"enabled": True, "role": "g"}))

    assert not run.succeeded
    assert "GET /integrations/1 at" in run.output
    assert "HTTP 500" in run.output


def test_wait_for_busy_integration_in_sync_times_out(workspace: Workspace, standins: Standins) -> None:
    standins.immuta.set(settle=60)
    assert workspace.configure(immuta_redshift_wait=False).succeeded

    run = workspace.configure(immuta_redshift_wait_timeout=1, immuta_redshift_wait_sleep=5)

    assert not run.succeeded
    assert "was still creating after 1 s" in run.output


def test_check_mode_during_a_deletion(workspace: Workspace, standins: Standins) -> None:
    set_up(standins)
    assert workspace.remove().succeeded
    run_by_hand(standins, ["DROP DATABASE immuta"], "dev")
    standins.immuta.seed(status="deleting", config=standins.config())
    standins.immuta.clear_requests()

    run = workspace.configure("--check")

    assert run.succeeded, run.output
    assert [request for request in asked(standins) if "scripts" in request] == [
        "POST /integrations/scripts/initial-create",
        "POST /integrations/scripts/create",
    ]


# Files


def test_new_home_gives_no_warning(workspace: Workspace, standins: Standins) -> None:
    standins.immuta.seed(config=standins.config())
    for options in ([], ["--check"]):
        run = workspace.configure(*options)
        assert run.succeeded, run.output
        assert "WARNING" not in run.output


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


def test_part_execute_ignores_stale_scripts(workspace: Workspace, standins: Standins) -> None:
    directory = workspace.directory / "scripts"
    kept = {"immuta_redshift_script_dir": str(directory)}
    generate = {"ansible.builtin.include_role": {"name": ROLE, "tasks_from": "generate"}}
    execute = {"ansible.builtin.include_role": {"name": ROLE, "tasks_from": "execute"}}
    assert workspace.tasks(generate, **workspace.variables(**kept)).succeeded
    before = standins.catalog()

    other = workspace.tasks(execute, **workspace.variables(**kept, config=standins.config(password="An0ther-Pa55word")))
    assert not other.succeeded
    assert "is not what Immuta generates now" in " ".join(other.output.split())
    (directory / "cluster.example.com.create.sql").unlink()
    missing = workspace.tasks(execute, **workspace.variables(**kept))
    assert not missing.succeeded
    assert "does not exist: generate it again" in " ".join(missing.output.split())
    assert standins.catalog() == before


def test_preflight_without_a_database_is_one_sentence(workspace: Workspace, standins: Standins) -> None:
    without = {name: value for name, value in config(standins, B).items() if name != "database"}
    task = include(without, role={"tasks_from": "preflight"})

    run = play(workspace, include(config(standins, A), role={"tasks_from": "preflight"}), task)

    assert not run.succeeded
    assert "immuta_redshift_config has no database" in run.output


def test_registration_ignores_other_clusters(workspace: Workspace, standins: Standins) -> None:
    standins.immuta.seed(config=config(standins, B))
    removal = {"immuta_redshift_state": "absent"}
    look = {"ansible.builtin.debug": {"msg": "leftovers={{ immuta_redshift_integration.leftovers }}"}}
    task = include(config(standins, B), role={"tasks_from": "register"}, vars=removal)

    run = play(workspace, include(config(standins, A)), task, look)

    assert run.succeeded, run.output
    assert "leftovers=[]" in run.output


def test_setup_scripts_match_the_stand_in(standins: Standins) -> None:
    """The expected objects of these tests are those of the scripts."""
    assert set(scripts.SCHEMAS) == {"immuta_system", "immuta_functions", "immuta_procedures"}
