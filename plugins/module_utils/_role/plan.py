# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The plan of a run of the role ``immuta_redshift``, as a function of plain data.

Immuta's documentation, "Configure a Redshift Integration": ``initial_create`` runs in the initial database and
``create`` in the database that it created, before the registration; ``edit`` and ``delete`` run before the change or
removal; ``cleanup`` runs after an incomplete setup.
"""

from __future__ import annotations

import dataclasses
import typing as t
from urllib.parse import quote

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import listed
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.requirements import IMMUTA_SCHEMAS, quoted

SCRIPTS = ("cleanup", "initial_create", "create", "edit", "delete")
# The directory of temporary scripts is the same for all runs, so a run finds the scripts of a killed one.
PRIVATE_DIRECTORY = "~/.ansible/tmp/immuta_redshift"


@dataclasses.dataclass(frozen=True)
class Options:
    """The options of a run, each of its declared type.

    ``part`` is the entry point. ``config`` has no secrets. ``account`` is the system account, empty if unknown;
    ``has_login`` is whether its password is set. ``reviewed`` has the checksum of each reviewed script, or None without
    a required review. ``has_checksum_key`` is whether the task that runs the scripts has the key of the checksums.
    ``login`` is the account that runs the scripts, empty if unknown. ``tenant`` is the address of the tenant.
    """

    part: str
    state: str
    setup: str
    config: dict[str, t.Any]
    account: str
    has_login: bool
    script_dir: str
    execute: bool
    executed: bool
    single_database: bool
    on_partial: str
    preflight: bool
    transaction: str
    check_mode: bool
    reviewed: dict[str, t.Any] | None = None
    has_checksum_key: bool = True
    login: str = ""
    tenant: str = ""

    @property
    def host(self) -> str:
        return str(self.config["host"])

    @property
    def is_for_review(self) -> bool:
        """Return whether the scripts are generated for review only."""
        return self.part == "generate" or not self.execute

    @property
    def review(self) -> str:
        """Return the path of the review files without extension, empty if the scripts are not for review."""
        is_rendered = self.script_dir and self.is_for_review and self.part != "execute"
        return f"{self.script_dir}/{self.host.lower()}.review" if is_rendered else ""

    @property
    def login_is_password(self) -> bool:
        return self.config.get("authentication_type") in (None, "userPassword")

    @property
    def group(self) -> str:
        impersonation = self.config.get("impersonation") or {}
        return str(impersonation.get("role") or "") if impersonation.get("enabled") else ""

    def path(self, script: str) -> str:
        """Return the file of a script; the name of a temporary one has the tenant, as two can have the same cluster."""
        name = f"{self.host.lower()}.{script}.sql"
        if self.script_dir:
            return f"{self.script_dir}/{name}"
        tenant = self.tenant.strip().rpartition("://")[2].rstrip("/")
        return f"{PRIVATE_DIRECTORY}/{quote(tenant, safe='')}@{name}"


@dataclasses.dataclass(frozen=True)
class Current:
    """The current integration, as the check mode of ``immuta_redshift_integration`` reports it."""

    exists: bool = False
    creation_failed: bool = False
    would_change: bool = False
    integration: dict[str, t.Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_comparison(cls, comparison: t.Mapping[str, t.Any]) -> Current:
        """Read the result of the module."""
        return cls(
            exists=bool(comparison.get("exists")),
            creation_failed=bool(comparison.get("creation_failed")),
            would_change=bool(comparison.get("would_change")),
            integration=dict(comparison.get("integration") or {}),
        )

    @property
    def is_new(self) -> bool:
        """Return whether the integration is missing, was never created, or is being deleted."""
        return not self.exists or self.creation_failed or self.integration.get("status") == "deleting"

    def setting(self, name: str) -> t.Any:
        """Return a setting that Immuta shows."""
        return (self.integration.get("config") or {}).get(name)


@dataclasses.dataclass(frozen=True)
class Catalog:
    """The result of ``redshift_info``."""

    database_exists: bool
    missing_schemas: t.Sequence[str]
    missing_users: t.Sequence[str]
    missing_groups: t.Sequence[str]
    other_schemas: t.Sequence[str]
    failed_requirements: t.Sequence[str]
    login_refused: bool = False
    version: str = ""

    @classmethod
    def from_result(cls, result: t.Mapping[str, t.Any]) -> Catalog:
        """Read the result of the module."""
        tests = result["requirements"]["validation_tests"]
        return cls(
            database_exists=bool(result["database_exists"]),
            missing_schemas=result["missing_schemas"],
            missing_users=result["missing_users"],
            missing_groups=result["missing_groups"],
            other_schemas=result["other_schemas"],
            failed_requirements=[test["message"] for test in tests if test["status"] == "failed"],
            login_refused=result["system_login"] == "refused",
            version=str(result.get("version") or ""),
        )

    @property
    def schemas(self) -> list[str]:
        """Return the existing schemas of Immuta."""
        return [name for name in IMMUTA_SCHEMAS if name not in self.missing_schemas]


@dataclasses.dataclass(frozen=True)
class Step:
    """A script and its execution."""

    script: str
    database: str
    on_existing: str = "fail"
    on_missing: str = "fail"
    creates: dict[str, list[str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Plan:
    """The next steps.

    With ``gather``, the plan needs the catalog, read with these options of ``redshift_info``, and is then repeated.
    ``verify`` requests a login as the system account after the scripts. ``to_run`` lists the scripts for manual
    execution, ``leftovers`` the statements for objects that can only be dropped from another database, and ``report``
    is the text about either.
    """

    gather: dict[str, t.Any] | None = None
    steps: tuple[Step, ...] = ()
    generate: bool = False
    run: bool = False
    verify: bool = False
    register: bool = False
    to_run: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    report: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def plan(options: Options, current: Current, catalog: Catalog | None = None) -> Plan:
    """Return the plan. Raise InputError, before any change, if the run must stop."""
    if options.part in ("generate", "execute"):
        _check_script_dir(options)
    if options.part == "preflight" or _needs_catalog(options, current):
        if catalog is None:
            return Plan(gather=_gathering(options, current))
        if options.state == "present" and options.preflight:
            _check_requirements(options, catalog)
    if catalog is None or options.part == "preflight":
        return Plan(register=current.would_change and options.part in ("main", "remove", "register"))
    steps, warnings = _steps(options, current, catalog)
    leftovers, more = _leftovers(options, current, catalog, is_cleaned=bool(steps))
    return _carried_out(options, Plan(steps=steps, leftovers=leftovers, warnings=warnings + more), current, catalog)


def _needs_catalog(options: Options, current: Current) -> bool:
    """Return whether there may be scripts to run, which only a manual setup has."""
    if options.executed or options.part == "register" or _is_automatic(options, current):
        return False
    clears = options.state == "absent" and options.on_partial == "cleanup" and current.is_new
    return current.would_change or clears


def _is_automatic(options: Options, current: Current) -> bool:
    """Return whether Immuta runs the scripts itself; an existing integration keeps its setup."""
    if current.is_new and not current.creation_failed:
        return options.setup == "automatic"
    automatic = current.integration.get("auto_bootstrap")
    return automatic if isinstance(automatic, bool) else options.setup == "automatic"


def _gathering(options: Options, current: Current) -> dict[str, t.Any]:
    """Return the options of ``redshift_info``.

    Only a creation depends on the password of an existing account. Before a rotation, a login with the new password
    would always fail, and a removal must not depend on a login of the account.
    """
    verifies = options.state == "present" and current.is_new
    return {
        "login_db": _database(options, current, "initial_database"),
        "database": _database(options, current, "database"),
        "schemas": list(IMMUTA_SCHEMAS),
        "users": [options.account] if options.account else [],
        "groups": [options.group] if options.group else [],
        "system_user": options.account or None,
        "impersonation_role": options.group or None,
        "single_database": options.single_database,
        "integration_exists": not current.is_new,
        **({} if verifies else {"system_password": None}),
    }


def _database(options: Options, current: Current, name: str) -> str:
    database = options.config.get(name) or current.setting(name)
    if not database:
        raise InputError(
            f"immuta_redshift_config has no {name}, and Immuta shows none: set it to the name of a database."
        )
    return str(database)


def _can_log_in(options: Options) -> bool:
    return bool(options.account) and options.has_login and options.login_is_password


def _check_requirements(options: Options, catalog: Catalog) -> None:
    failed = list(dict.fromkeys(catalog.failed_requirements))
    if failed:
        findings = "; ".join(f"({number}) {message.rstrip('.')}" for number, message in enumerate(failed, 1))
        raise InputError(
            f"{options.host} is not ready for Immuta, and nothing was changed: {findings}. Fix this, or set "
            "immuta_redshift_preflight to false to continue at your own risk.",
            failed_requirements=failed,
        )


def _check_script_dir(options: Options) -> None:
    if not options.script_dir:
        raise InputError(
            "The scripts must be kept until they are reviewed or another part of the role runs them, and nothing "
            "was done yet. Set immuta_redshift_script_dir to a directory for them."
        )


def _steps(options: Options, current: Current, catalog: Catalog) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    if options.state == "absent":
        return _removal(options, current, catalog)
    if current.is_new:
        return _creation(options, current, catalog), ()
    on_done = _on_done(options)
    edit = Step("edit", _database(options, current, "database"), on_existing=on_done, on_missing=on_done)
    return (edit,), ()


def _on_done(options: Options) -> str:
    """Return how to treat statements that an interrupted change or removal has already run."""
    return "fail" if options.on_partial == "fail" else "skip"


def _has_account(options: Options, catalog: Catalog) -> bool:
    return bool(options.account) and not catalog.missing_users


def _has_group(options: Options, catalog: Catalog) -> bool:
    return bool(options.group) and not catalog.missing_groups


def _is_piecemeal(options: Options) -> bool:
    return options.transaction == "none" and not options.is_for_review


def _is_complete(options: Options, catalog: Catalog) -> bool:
    """Return whether all objects of Immuta exist.

    The second script is one transaction, so its schemas suffice. With ``transaction`` none it can have stopped after
    them, so this role repeats it.
    """
    if _is_piecemeal(options):
        return False
    lacks_account = options.login_is_password and bool(options.account) and not _has_account(options, catalog)
    return catalog.database_exists and not catalog.missing_schemas and not lacks_account and not catalog.login_refused


def _has_parts(options: Options, catalog: Catalog) -> bool:
    return _has_account(options, catalog) or bool(catalog.schemas)


def _creation(options: Options, current: Current, catalog: Catalog) -> tuple[Step, ...]:
    if _is_complete(options, catalog):
        return ()
    has_parts, strict = _has_parts(options, catalog), options.on_partial == "fail"
    if strict and (has_parts or (catalog.database_exists and not options.single_database)):
        raise InputError(_partial_setup(options, current, catalog))
    database = _database(options, current, "database")
    initial_database = _database(options, current, "initial_database")
    # A killed run may still be active, and create objects that the catalog does not show yet.
    first = Step("initial_create", initial_database, "fail" if strict and not catalog.database_exists else "skip")
    if has_parts and options.on_partial == "cleanup":
        cleanup = Step("cleanup", database if catalog.database_exists else initial_database, on_missing="skip")
        return (cleanup, first, Step("create", database, "skip"))
    if catalog.login_refused:
        raise InputError(
            f"Account {options.account} already exists on {options.host} with a different password, and Immuta "
            "could not log in; nothing was changed. Set its password in immuta_redshift_config, change it with "
            "ALTER USER, or set immuta_redshift_on_partial to cleanup to recreate the account."
        )
    # Without the account, its grants are missing although the schemas exist.
    suffices = _has_account(options, catalog) or bool(catalog.missing_schemas)
    creates = {"schema": list(IMMUTA_SCHEMAS)} if suffices and not _is_piecemeal(options) else {}
    second_fails = strict and not _has_group(options, catalog)
    second = Step("create", database, "fail" if second_fails else "skip", creates=creates)
    is_first_done = catalog.database_exists and not (options.account and catalog.missing_users)
    if is_first_done and not options.execute and not options.single_database:
        return (second,)
    return (first, second)


def _partial_setup(options: Options, current: Current, catalog: Catalog) -> str:
    found = [
        f"database {_database(options, current, 'database')}" if catalog.database_exists else "no database",
        f"account {options.account}" if _has_account(options, catalog) else "no account",
        ", ".join(catalog.schemas) or "no schema",
    ]
    refused = " The account does not accept the password in immuta_redshift_config." if catalog.login_refused else ""
    return (
        f"{options.host} has a partial setup, although Immuta has no working integration there: {', '.join(found)}."
        f"{refused} Nothing was changed. Set immuta_redshift_on_partial to resume, to continue from there, or to "
        "cleanup, to remove it first."
    )


def _removal(options: Options, current: Current, catalog: Catalog) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    database = _database(options, current, "database")
    has_parts = _has_parts(options, catalog)
    if current.is_new:
        where = database if catalog.database_exists else _database(options, current, "initial_database")
        return ((Step("cleanup", where, on_missing="skip"),) if has_parts else ()), ()
    if not catalog.database_exists:
        gone = f"The database {database} no longer exists on {options.host}: Immuta's delete script is skipped."
        return (), (gone,)
    return ((Step("delete", database, on_missing=_on_done(options)),) if has_parts else ()), ()


def _leftovers(
    options: Options, current: Current, catalog: Catalog, is_cleaned: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the statements for objects that remain after a removal, and warnings about objects to keep.

    ``is_cleaned`` is whether the removal runs a script, which drops the account and the group.
    """
    if options.state == "present":
        return (), ()
    account = (f"DROP USER {quoted(options.account)};",) if _has_account(options, catalog) else ()
    group = (f"DROP GROUP {quoted(options.group)};",) if _has_group(options, catalog) else ()
    remaining = () if is_cleaned else account + group
    if options.single_database or not catalog.database_exists:
        return remaining, ()
    database = _database(options, current, "database")
    if catalog.other_schemas:
        others = listed(list(catalog.other_schemas))
        return remaining, (
            f"The database {database} on {options.host} holds other schemas and must not be dropped: {others}.",
        )
    return (f"DROP DATABASE {quoted(database)};", *remaining), ()


def _carried_out(options: Options, planned: Plan, current: Current, catalog: Catalog) -> Plan:
    """Return the plan with the actions of this run, which depend on check mode, entry point and review."""
    steps = planned.steps
    for_review = bool(steps) and not options.execute and options.part != "generate"
    if for_review:
        _check_script_dir(options)
    files = tuple(f"{options.path(step.script)} in the database {step.database}" for step in steps)
    to_run = files if for_review else ()
    if steps and options.reviewed is not None and not options.is_for_review:
        _check_reviewed(options, steps, options.reviewed)
    generates = bool(steps)
    warnings = planned.warnings
    if generates and options.check_mode and _lacks_password(options, steps):
        generates = False
        warnings += ("The scripts are not previewed, because config.password is not set.",)
    runs = bool(steps) and options.part != "generate" and not for_review and not options.check_mode
    recreates = options.state == "present" and any(step.script in ("edit", "cleanup") for step in steps)
    return dataclasses.replace(
        planned,
        generate=generates,
        run=runs,
        verify=runs and recreates and _can_log_in(options) and _has_account(options, catalog),
        register=current.would_change and options.part in ("main", "remove") and not for_review,
        to_run=to_run,
        report=_report(options, planned, to_run),
        warnings=warnings,
    )


def _check_reviewed(options: Options, steps: tuple[Step, ...], reviewed: dict[str, t.Any]) -> None:
    missing = [step.script for step in steps if not reviewed.get(step.script)]
    if missing:
        raise InputError(
            f"immuta_redshift_reviewed has no checksum of {listed(missing)} for {options.host}, and nothing was "
            "run. Review the script and add its checksum."
        )
    if not options.has_checksum_key:
        raise InputError(
            f"The scripts for {options.host} cannot be compared with immuta_redshift_reviewed when they are run, and "
            "nothing was run. Set api_key in immuta_redshift_api, or IMMUTA_API_KEY, to the API key that the checksums "
            "were made with. The play's defaults of action group immuta do not reach the task that runs the scripts."
        )


def _lacks_password(options: Options, steps: tuple[Step, ...]) -> bool:
    """Return whether Immuta would refuse to generate the scripts, which contain the password."""
    return options.login_is_password and not options.has_login and any(step.script != "delete" for step in steps)


def _report(options: Options, planned: Plan, to_run: tuple[str, ...]) -> tuple[str, ...]:
    lines: tuple[str, ...] = ()
    if planned.steps and options.check_mode:
        preview = [f"{step.script} in the database {step.database}" for step in planned.steps]
        lines += (f"Preview: these scripts would run on {options.host}, in this order:", *preview)
    elif to_run:
        lines += (f"Review these scripts, run them on {options.host} in this order, and run the role again:", *to_run)
        if options.review:
            lines += (f"{options.review}.txt and {options.review}.html show them with a summary and without secrets.",)
    if planned.leftovers:
        remain = "would remain" if options.check_mode else "remain"
        lines += (f"After the removal, these objects {remain}. Drop them from another database:", *planned.leftovers)
    return lines
