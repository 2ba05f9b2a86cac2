# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a run of the role for each state of Immuta and Redshift."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError
from ansible_collections.immuta.integrations.plugins.module_utils._modules import immuta_redshift_plan
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.requirements import IMMUTA_SCHEMAS
from ansible_collections.immuta.integrations.plugins.module_utils._role.plan import (
    Catalog,
    Current,
    Options,
    Plan,
    plan,
)

ACCOUNT, GROUP = "immuta_system", "immuta_impersonation"
CONFIG = {
    "host": "Cluster.example.com",
    "database": "immuta",
    "initial_database": "dev",
    "authentication_type": "userPassword",
}
SCHEMAS = {"schema": list(IMMUTA_SCHEMAS)}

DEFAULTS = Options(
    part="main",
    state="present",
    setup="manual",
    config=CONFIG,
    account=ACCOUNT,
    has_login=True,
    script_dir="/srv",
    execute=True,
    executed=False,
    single_database=False,
    on_partial="resume",
    preflight=True,
    transaction="auto",
    check_mode=False,
)
OKTA = {"config": {**CONFIG, "authentication_type": "okta"}, "has_login": False}
IMPERSONATION = {"config": {**CONFIG, "impersonation": {"enabled": True, "role": GROUP}}}


def record(status: str, automatic: bool = False, **about: t.Any) -> Current:
    """Return an integration in one of its statuses that has drifted."""
    return dataclasses.replace(
        Current(
            exists=True,
            creation_failed=status == "createError",
            would_change=True,
            integration={"id": "7", "status": status, "auto_bootstrap": automatic, "config": {"database": "immuta"}},
        ),
        **about,
    )


NOTHING = Current(would_change=True)
IN_SYNC = record("enabled", would_change=False)

EMPTY = Catalog(
    database_exists=False,
    missing_schemas=IMMUTA_SCHEMAS,
    missing_users=[ACCOUNT],
    missing_groups=[],
    other_schemas=[],
    failed_requirements=[],
)


def catalog(*found: str, **about: t.Any) -> Catalog:
    """Return the state of Redshift: database, account, some (one schema), all (schemas), refused (the password)."""
    missing = [] if "all" in found else list(IMMUTA_SCHEMAS[1:]) if "some" in found else list(IMMUTA_SCHEMAS)
    return dataclasses.replace(
        EMPTY,
        database_exists="database" in found or "some" in found or "all" in found,
        missing_users=[] if "account" in found or "refused" in found else [ACCOUNT],
        missing_schemas=missing,
        login_refused="refused" in found,
        **about,
    )


def planned(current: Current, found: Catalog | None, **options: t.Any) -> Plan:
    return plan(dataclasses.replace(DEFAULTS, **options), current, found)


def steps(made: Plan) -> list[str]:
    """Return the steps as "script@database", with their special options."""
    shown = []
    for step in made.steps:
        words = [f"{step.script}@{step.database}"]
        words += ["skips existing"] if step.on_existing == "skip" else []
        words += ["skips missing"] if step.on_missing == "skip" else []
        words += ["unless the schemas exist"] if step.creates == SCHEMAS else []
        shown.append(", ".join(words))
    return shown


FIRST, SECOND = "initial_create@dev", "create@immuta"
FIRST_SKIPS, SECOND_SKIPS = f"{FIRST}, skips existing", f"{SECOND}, skips existing"
UNLESS = ", unless the schemas exist"
CLEANUP, CLEANUP_OUTSIDE = "cleanup@immuta, skips missing", "cleanup@dev, skips missing"
RESUMED = [FIRST_SKIPS, SECOND_SKIPS + UNLESS]
CLEANED = [CLEANUP, FIRST_SKIPS, SECOND_SKIPS]

# State of Redshift: the steps with resume, and with cleanup; None: with fail the run stops.
CREATION: dict[tuple[str, ...], tuple[list[str], list[str], list[str] | None]] = {
    (): (RESUMED, RESUMED, [FIRST, SECOND + UNLESS]),
    ("account",): (RESUMED, [CLEANUP_OUTSIDE, FIRST_SKIPS, SECOND_SKIPS], None),
    ("database",): (RESUMED, RESUMED, None),
    ("database", "account"): (RESUMED, CLEANED, None),
    ("some",): (RESUMED, CLEANED, None),
    ("some", "account"): (RESUMED, CLEANED, None),
    # Grants to the account are missing although the schemas exist, so the second script runs again too.
    ("all",): ([FIRST_SKIPS, SECOND_SKIPS], CLEANED, None),
    ("all", "account"): ([], [], []),
}


@pytest.mark.parametrize("found", CREATION, ids=" ".join)
@pytest.mark.parametrize("current", [NOTHING, record("createError")], ids=["nothing", "createError"])
def test_creation(found: tuple[str, ...], current: Current):
    """Immuta's documentation, "Configure a Redshift Integration", Manual setup."""
    resume, cleanup, fail = CREATION[found]
    assert steps(planned(current, catalog(*found))) == resume
    assert steps(planned(current, catalog(*found), on_partial="cleanup")) == cleanup
    if fail is None:
        with pytest.raises(InputError, match=r"has a partial setup.*Nothing was changed"):
            planned(current, catalog(*found), on_partial="fail")
    else:
        assert steps(planned(current, catalog(*found), on_partial="fail")) == fail


def test_without_a_transaction_schemas_do_not_prove_a_complete_setup():
    """The second script can have stopped after it created the schemas."""
    found = catalog("all", "account")
    assert steps(planned(NOTHING, found, transaction="none")) == [FIRST_SKIPS, SECOND_SKIPS]
    assert steps(planned(NOTHING, EMPTY, transaction="none")) == [FIRST_SKIPS, SECOND_SKIPS]
    assert steps(planned(NOTHING, found, transaction="none", on_partial="cleanup")) == CLEANED
    with pytest.raises(InputError, match="has a partial setup"):
        planned(NOTHING, found, transaction="none", on_partial="fail")
    # A person runs the scripts.
    assert steps(planned(NOTHING, found, transaction="none", execute=False)) == []


@pytest.mark.parametrize("found", [("refused",), ("refused", "some"), ("refused", "all")], ids=" ".join)
@pytest.mark.parametrize("part", ["main", "generate", "execute"])
def test_other_password_is_a_partial_setup(found: tuple[str, ...], part: str):
    with pytest.raises(InputError, match=r"already exists on Cluster.example.com with a different password"):
        planned(NOTHING, catalog(*found), part=part)
    with pytest.raises(InputError, match="does not accept the password in immuta_redshift_config"):
        planned(NOTHING, catalog(*found), part=part, on_partial="fail")
    cleaned = planned(NOTHING, catalog(*found), part=part, on_partial="cleanup")
    assert steps(cleaned)[1:] == [FIRST_SKIPS, SECOND_SKIPS]
    assert cleaned.verify is (part != "generate")


def test_partial_setup_is_listed():
    with pytest.raises(InputError, match=r"there: database immuta, account immuta_system, immuta_system. Nothing"):
        planned(NOTHING, catalog("some", "account"), on_partial="fail")
    with pytest.raises(InputError, match=r"there: no database, account immuta_system, no schema. Nothing"):
        planned(NOTHING, catalog("account"), on_partial="fail")


def test_other_authentication_needs_no_own_account():
    """The catalog does not show an Okta identity as a user before its first login."""
    assert steps(planned(NOTHING, catalog("all"), **OKTA)) == []
    assert steps(planned(NOTHING, catalog("all"), account="")) == []


@pytest.mark.parametrize("missing", [[], [GROUP]], ids=["group exists", "no group"])
def test_group_that_exists_is_skipped(missing: list[str]):
    found = dataclasses.replace(EMPTY, missing_groups=missing)
    made = planned(NOTHING, found, on_partial="fail", **IMPERSONATION)
    assert steps(made) == [FIRST, (SECOND if missing else SECOND_SKIPS) + UNLESS]


def test_existing_single_database_is_no_partial_setup():
    """Immuta's documentation, "Configure a Redshift Integration", Requirements: Redshift Spectrum."""
    made = planned(NOTHING, catalog("database"), single_database=True, on_partial="fail")
    assert steps(made) == [FIRST_SKIPS, SECOND + UNLESS]


@pytest.mark.parametrize("status", ["enabled", "editError", "deleteError", "migrateError", "recurringValidationError"])
def test_change(status: str):
    made = planned(record(status), catalog("all", "account"))
    assert steps(made) == ["edit@immuta, skips existing, skips missing"]
    assert (made.generate, made.run, made.verify, made.register) == (True, True, True, True)
    assert steps(planned(record(status), catalog("all", "account"), on_partial="fail")) == ["edit@immuta"]


def test_change_ignores_unrelated_schemas():
    made = planned(record("enabled"), catalog("all", "account", other_schemas=["sales"]))
    assert made.run


DROP_DATABASE = ('DROP DATABASE "immuta";',)
DROP_ACCOUNT = ('DROP USER "immuta_system";',)
DELETED = ["delete@immuta, skips missing"]
NO_DATABASE = "delete script is skipped"

REMOVAL: dict[str, tuple[Current, tuple[str, ...], list[str], str, tuple[str, ...]]] = {
    # Record, state of Redshift, steps with resume, warning, leftovers
    "all": (record("enabled"), ("all", "account"), DELETED, "", DROP_DATABASE),
    "half removed": (record("enabled"), ("some",), DELETED, "", DROP_DATABASE),
    "removed": (record("deleteError"), ("database",), [], "", DROP_DATABASE),
    "no database": (record("enabled"), ("account",), [], NO_DATABASE, DROP_ACCOUNT),
    "no database, no account": (record("enabled"), (), [], NO_DATABASE, ()),
    "createError": (record("createError"), ("all", "account"), [CLEANUP], "", DROP_DATABASE),
    # The cleanup script drops the account.
    "createError, account": (record("createError"), ("account",), [CLEANUP_OUTSIDE], "", ()),
    "createError, nothing": (record("createError"), (), [], "", ()),
}


@pytest.mark.parametrize("case", REMOVAL)
def test_removal(case: str):
    """Immuta's documentation, Delete an integration: ``delete`` where it was created, else ``cleanup``; then DELETE."""
    current, found, expected, warning, leftovers = REMOVAL[case]
    made = planned(current, catalog(*found), state="absent")
    assert steps(made) == expected
    assert made.leftovers == leftovers
    assert len(made.warnings) == bool(warning)
    assert warning in "".join(made.warnings)
    assert made.register
    assert made.verify is False


def test_removal_without_a_record_cleans_up_on_request():
    gone = Current()
    assert planned(gone, None, state="absent") == Plan()
    assert planned(gone, None, state="absent", on_partial="cleanup").gather is not None
    made = planned(gone, catalog("all", "account"), state="absent", on_partial="cleanup")
    assert (steps(made), made.run, made.register) == ([CLEANUP], True, False)
    assert planned(gone, EMPTY, state="absent", on_partial="cleanup").run is False


def test_removal_advice_excludes_unrelated_objects():
    found = catalog("all", "account", other_schemas=["finance", "sales"])
    made = planned(record("enabled"), found, state="absent")
    assert made.leftovers == ()
    assert "holds other schemas and must not be dropped: finance and sales" in made.warnings[0]
    assert planned(record("enabled"), catalog("all"), state="absent", single_database=True).leftovers == ()


def test_group_that_no_script_drops_remains():
    drop_group = f'DROP GROUP "{GROUP}";'
    gone = planned(record("enabled"), catalog("account"), state="absent", **IMPERSONATION)
    assert gone.leftovers == ('DROP USER "immuta_system";', drop_group)
    emptied = planned(record("enabled"), catalog("database"), state="absent", **IMPERSONATION)
    assert emptied.leftovers == ('DROP DATABASE "immuta";', drop_group)
    cleaned = planned(record("enabled"), catalog("all", "account"), state="absent", **IMPERSONATION)
    assert cleaned.leftovers == ('DROP DATABASE "immuta";',)


def test_names_in_leftovers_are_quoted():
    found = catalog("database")
    made = planned(record("enabled"), found, state="absent", config={**CONFIG, "database": 'a"b'})
    assert made.leftovers == ('DROP DATABASE "a""b";',)


# Setup method and execution


DRIFTED = record("enabled")
AUTOMATIC = record("enabled", automatic=True)


@pytest.mark.parametrize(
    ("current", "options"),
    [
        (NOTHING, {"setup": "automatic"}),
        (AUTOMATIC, {"setup": "automatic"}),
        (AUTOMATIC, {"setup": "automatic", "state": "absent"}),
        (AUTOMATIC, {"setup": "manual", "state": "absent"}),
        (NOTHING, {"executed": True, "execute": False}),
        (DRIFTED, {"executed": True, "execute": False}),
        (DRIFTED, {"executed": True, "state": "absent"}),
        (NOTHING, {"part": "register"}),
        (DRIFTED, {"part": "register", "state": "absent"}),
    ],
)
def test_registration_alone_needs_no_catalog(current: Current, options: dict[str, t.Any]):
    assert planned(current, None, **options) == Plan(register=True)


def test_removal_of_a_manual_setup_follows_the_record():
    assert planned(record("enabled"), None, setup="automatic", state="absent").gather is not None


def test_empty_plan():
    for part in ("main", "generate", "execute", "register"):
        assert planned(IN_SYNC, None, part=part) == Plan()
    assert planned(Current(), None, state="absent") == Plan()


def test_manual_execution_stops_and_lists_the_scripts():
    made = planned(NOTHING, EMPTY, execute=False)
    assert (made.generate, made.run, made.register, made.verify) == (True, False, False, False)
    assert made.to_run == (
        "/srv/cluster.example.com.initial_create.sql in the database dev",
        "/srv/cluster.example.com.create.sql in the database immuta",
    )
    assert made.report == (
        "Review these scripts, run them on Cluster.example.com in this order, and run the role again:",
        *made.to_run,
        (
            "/srv/cluster.example.com.review.txt and /srv/cluster.example.com.review.html show them with a summary and "
            "without secrets."
        ),
    )
    assert planned(NOTHING, EMPTY, execute=False, part="execute").report == made.report[:-1]


@pytest.mark.parametrize(
    ("found", "on_partial", "scripts"),
    [
        (("database", "account"), "resume", ["create"]),
        (("database",), "resume", ["initial_create", "create"]),
        (("some", "account"), "resume", ["create"]),
        (("some", "account"), "cleanup", ["cleanup", "initial_create", "create"]),
        (("all", "account"), "resume", []),
    ],
)
def test_manual_execution_lists_remaining_scripts(found: tuple[str, ...], on_partial: str, scripts: list[str]):
    made = planned(NOTHING, catalog(*found), execute=False, on_partial=on_partial)
    assert [step.script for step in made.steps] == scripts
    assert len(made.to_run) == len(scripts)
    assert made.register is (not scripts)


@pytest.mark.parametrize(
    ("found", "how"), [(EMPTY, {"execute": False}), (None, {"part": "generate"}), (None, {"part": "execute"})]
)
def test_kept_scripts_require_a_directory(found: Catalog | None, how: dict[str, t.Any]):
    with pytest.raises(InputError, match="Set immuta_redshift_script_dir"):
        planned(NOTHING, found, script_dir="", **how)
    assert planned(NOTHING, catalog("all", "account"), execute=False, script_dir="").register


# Entry points


@pytest.mark.parametrize(
    ("part", "done"),
    [
        ("main", (True, True, True)),
        ("generate", (True, False, False)),
        ("execute", (True, True, False)),
    ],
)
def test_part_runs_its_steps(part: str, done: tuple[bool, bool, bool]):
    made = planned(NOTHING, EMPTY, part=part)
    assert steps(made) == RESUMED
    assert (made.generate, made.run, made.register) == done
    assert planned(NOTHING, None, part=part).gather is not None


def test_part_preflight_only_reads_the_catalog():
    asked = planned(Current(), None, part="preflight")
    assert asked == Plan(gather=asked.gather)
    assert planned(Current(), EMPTY, part="preflight") == Plan()


@pytest.mark.parametrize("part", ["main", "preflight", "generate", "execute"])
def test_requirements_stop_every_part(part: str):
    found = dataclasses.replace(EMPTY, failed_requirements=["A is missing.", "B: GRANT b", "A is missing."])
    with pytest.raises(InputError) as caught:
        planned(NOTHING, found, part=part)
    assert caught.value.message.startswith(
        "Cluster.example.com is not ready for Immuta, and nothing was changed: (1) A is missing; (2) B: GRANT b. "
    )
    assert caught.value.facts == {"failed_requirements": ["A is missing.", "B: GRANT b"]}
    assert planned(NOTHING, found, part=part, preflight=False).gather is None
    assert planned(record("enabled"), found, state="absent").register


def test_catalog_query_covers_the_plan():
    asked = planned(NOTHING, None, single_database=True, **IMPERSONATION).gather
    assert asked == {
        "login_db": "dev",
        "database": "immuta",
        "schemas": list(IMMUTA_SCHEMAS),
        "users": [ACCOUNT],
        "groups": [GROUP],
        "system_user": ACCOUNT,
        "impersonation_role": GROUP,
        "single_database": True,
        "integration_exists": False,
    }
    asked = planned(record("enabled"), None, account="").gather
    assert asked is not None
    assert (asked["integration_exists"], asked["users"], asked["system_user"]) == (True, [], None)


@pytest.mark.parametrize(
    ("current", "options", "verified"),
    [
        (NOTHING, {}, True),
        (record("createError"), {"part": "execute"}, True),
        (NOTHING, {"part": "preflight"}, True),
        (record("enabled"), {}, False),
        (record("enabled"), {"state": "absent"}, False),
        (Current(), {"state": "absent", "on_partial": "cleanup"}, False),
    ],
)
def test_only_a_creation_verifies_the_account(current: Current, options: dict[str, t.Any], verified: bool):
    asked = planned(current, None, **options).gather
    assert asked is not None
    assert ("system_password" not in asked) is verified


@pytest.mark.parametrize("name", ["database", "initial_database"])
def test_missing_database_name_is_one_sentence(name: str):
    config = {key: value for key, value in CONFIG.items() if key != name}
    with pytest.raises(InputError, match=f"immuta_redshift_config has no {name}, and Immuta shows none"):
        planned(Current(), None, part="preflight", config=config)
    known = record("enabled", integration={"id": "7", "status": "enabled", "config": {name: "shown"}})
    assert "shown" in t.cast(dict[str, t.Any], planned(known, None, state="absent", config=config).gather).values()


# Check mode


def test_check_mode_previews_creation_during_deletion():
    asked = planned(record("deleting"), None, check_mode=True)
    assert asked.gather is not None
    assert steps(planned(record("deleting"), EMPTY, check_mode=True)) == RESUMED


def test_check_mode_generates_and_runs_nothing():
    made = planned(NOTHING, EMPTY, check_mode=True)
    assert (made.generate, made.run, made.verify, made.register) == (True, False, False, True)
    assert made.report == (
        "Preview: these scripts would run on Cluster.example.com, in this order:",
        "initial_create in the database dev",
        "create in the database immuta",
    )
    removal = planned(record("enabled"), catalog("all", "account"), check_mode=True, state="absent")
    assert removal.report[-2:] == (
        "After the removal, these objects would remain. Drop them from another database:",
        'DROP DATABASE "immuta";',
    )


def test_check_mode_needs_no_password():
    made = planned(NOTHING, EMPTY, check_mode=True, has_login=False)
    assert made.generate is False
    assert "config.password is not set" in made.warnings[0]
    assert planned(record("enabled"), catalog("all"), check_mode=True, has_login=False, state="absent").generate
    assert planned(NOTHING, EMPTY, has_login=False).generate


# Options of the tasks


def module(check_mode: bool = False, **params: t.Any) -> dict[str, t.Any]:
    spec = immuta_redshift_plan.arguments()["argument_spec"]
    defaults = {name: option.get("default") for name, option in spec.items()}
    url = "https://tenant.example.com"
    params = {**defaults, "url": url, "api_key": "k", "config": CONFIG, "account": ACCOUNT, "has_login": True, **params}
    return immuta_redshift_plan.run(params, check_mode, {})


def result_of(found: Catalog) -> dict[str, t.Any]:
    """Return a result of redshift_info."""
    return {
        "database_exists": found.database_exists,
        "missing_schemas": list(found.missing_schemas),
        "missing_users": list(found.missing_users),
        "missing_groups": [],
        "other_schemas": [],
        "requirements": {"validation_tests": [{"status": "passed", "message": "Fine."}]},
        "system_login": "refused" if found.login_refused else None,
        "version": found.version,
    }


WOULD_CREATE = {"would_change": True, "exists": False, "settled": True, "integration": None, "action": "create"}


def test_steps_use_the_options_of_their_tasks():
    made = module(comparison=WOULD_CREATE, catalog=result_of(EMPTY), script_dir="/srv", transaction="single")
    first, second = made["steps"]
    assert first["generate"] == {
        "script": "initial_create",
        "dest": "/srv/cluster.example.com.initial_create.sql",
        "create_parents": True,
        "require_unchanged": False,
        "require_runnable": True,
        "server_version": "",
    }
    assert first["run"] == {
        "path": "/srv/cluster.example.com.initial_create.sql",
        "login_db": "dev",
        "creates": {},
        "on_existing": "skip",
        "on_missing": "fail",
        "transaction": "auto",
        "remove": False,
    }
    assert (second["run"]["creates"], second["run"]["transaction"]) == (SCHEMAS, "single")
    assert made["login"] == {"login_host": "Cluster.example.com", "login_port": 5439}
    assert made["temporary"] == []


def test_scripts_of_an_integration_name_it():
    integration = {"id": "7", "status": "enabled", "auto_bootstrap": False, "config": {}}
    comparison = {**WOULD_CREATE, "exists": True, "integration": integration}
    for state, script in (("present", "edit"), ("absent", "delete")):
        made = module(state=state, comparison=comparison, catalog=result_of(catalog("all", "account")))
        assert [(step["script"], step["generate"]["id"]) for step in made["steps"]] == [(script, "7")]
    removed = module(part="remove", state="present", comparison=comparison, catalog=result_of(catalog("all")))
    assert removed["steps"][0]["script"] == "delete"


def test_part_execute_runs_only_current_scripts():
    made = module(part="execute", script_dir="/srv", comparison=WOULD_CREATE, catalog=result_of(EMPTY))
    assert [step["generate"]["require_unchanged"] for step in made["steps"]] == [True, True]


def test_preflight_false_skips_script_inspection():
    found = dataclasses.replace(EMPTY, version="Redshift 1.0.219674")
    for preflight in (True, False):
        made = module(comparison=WOULD_CREATE, catalog=result_of(found), preflight=preflight)
        inspected = [
            (step["generate"]["require_runnable"], step["generate"]["server_version"]) for step in made["steps"]
        ]
        assert inspected == [(preflight, found.version)] * 2


SETUP = {"comparison": WOULD_CREATE, "catalog": result_of(EMPTY), "script_dir": "/srv"}
REVIEWED = {"initial_create": "a1", "create": "b2"}


def test_reviewed_scripts_run_by_checksum():
    for part in ("main", "execute"):
        made = module(part=part, reviewed=REVIEWED, api_key="k", checksum_key="k", **SETUP)
        assert [step["generate"]["reviewed_checksum"] for step in made["steps"]] == ["a1", "b2"]
    unbound = module(**SETUP)
    assert [step["generate"].keys() & {"reviewed_checksum", "check_repeatable"} for step in unbound["steps"]] == [
        set()
    ] * 2


@pytest.mark.parametrize("reviewed", [{}, {"initial_create": "a1"}, {**REVIEWED, "create": None}], ids=str)
@pytest.mark.parametrize("how", [{}, {"part": "execute"}, {"check_mode": True}], ids=str)
def test_unreviewed_script_stops_the_run(reviewed: dict[str, t.Any], how: dict[str, t.Any]):
    with pytest.raises(InputError, match=r"no checksum of .*create for Cluster.example.com, and nothing"):
        module(reviewed=reviewed, **SETUP, **how)


@pytest.mark.parametrize(("key", "binds"), [("k", True), (" k\n", True), ("", False), (None, False), ("other", False)])
def test_scripts_are_compared_if_tasks_have_the_key(key: str | None, binds: bool):
    assert module(api_key="k", checksum_key=key, **SETUP)["binds"] is binds
    if not binds:
        with pytest.raises(InputError, match=r"Set api_key in immuta_redshift_api, or IMMUTA_API_KEY"):
            module(api_key="k", checksum_key=key, reviewed=REVIEWED, **SETUP)
        assert module(api_key="k", checksum_key=key, reviewed={}, part="generate", **SETUP)["steps"]


@pytest.mark.parametrize("how", [{"part": "generate"}, {"execute": False}], ids=str)
def test_review_scripts_are_rendered_together(how: dict[str, t.Any]):
    first, second = module(reviewed={}, login="admin", **SETUP, **how)["steps"]
    assert [step["generate"]["check_repeatable"] for step in (first, second)] == [True, True]
    assert "review" not in first["generate"]
    assert second["generate"]["review"] == {
        "dest": "/srv/cluster.example.com.review",
        "host": "Cluster.example.com",
        "login": "admin",
        "scripts": [
            {"name": name, "path": f"/srv/cluster.example.com.{name}.sql", "database": database}
            for name, database in (("initial_create", "dev"), ("create", "immuta"))
        ],
    }


def test_other_scripts_are_not_rendered():
    for how in ({}, {"script_dir": ""}, {"part": "execute"}):
        made = module(**{**SETUP, **how})
        assert ["review" in step["generate"] for step in made["steps"]] == [False, False]


def test_scripts_of_a_killed_run_are_included(tmp_path: t.Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    comparison = {**WOULD_CREATE, "would_change": False}
    assert module(comparison=comparison)["has_work"] is False
    private = tmp_path / ".ansible" / "tmp" / "immuta_redshift"
    private.mkdir(parents=True)
    for name in (
        "tenant.example.com@cluster.example.com.create.sql",
        ".tenant.example.com@cluster.example.com.edit.sql.123.part",
        "tenant.example.com@other.example.com.create.sql",
        "other.example.com@cluster.example.com.delete.sql",
        "tenant.example.com@cluster.example.com.notes.sql",
    ):
        (private / name).touch()
    made = module(comparison=comparison)
    assert made["has_work"]
    assert made["temporary"] == [
        f"~/.ansible/tmp/immuta_redshift/tenant.example.com@cluster.example.com.{script}.sql"
        for script in ("create", "edit")
    ]
    assert module(comparison=comparison, check_mode=True)["has_work"] is False


def test_scripts_have_absolute_paths(tmp_path: t.Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    made = module(**{**SETUP, "script_dir": "review/"})
    path = f"{tmp_path}/review/cluster.example.com.initial_create.sql"
    assert [made["steps"][0]["generate"]["dest"], made["steps"][0]["run"]["path"]] == [path, path]


def test_connection_is_required_to_compare_with_immuta():
    with pytest.raises(InputError, match=r"set url and api_key in immuta_redshift_api, or IMMUTA_URL and IMMUTA_API_K"):
        module(url=None, api_key=None)
    assert module(part="preflight", url=None, api_key=None)["gather"]


def test_tenants_with_the_same_cluster_do_not_share_temporary_scripts():
    addresses = ("https://tenant.example.com/", "https://tenant.example.com:8443", "https://tenant.example.com/b")
    made = [module(**{**SETUP, "script_dir": ""}, url=url) for url in addresses]
    assert [one["steps"][0]["run"]["path"] for one in made] == [
        f"~/.ansible/tmp/immuta_redshift/{tenant}@cluster.example.com.initial_create.sql"
        for tenant in ("tenant.example.com", "tenant.example.com%3A8443", "tenant.example.com%2Fb")
    ]


def test_result_has_the_comparison():
    comparison = {**WOULD_CREATE, "differences": ["port"], "secrets_updated": True, "validation_results": {}}
    made = module(comparison=comparison, catalog=result_of(EMPTY), execute=False, script_dir="/srv")
    assert made["result"]["host"] == "Cluster.example.com"
    assert made["result"]["differences"] == ["port"]
    assert len(made["result"]["to_run"]) == 2
