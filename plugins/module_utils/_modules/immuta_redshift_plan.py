# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The work of the module `immuta_redshift_plan`: compare with Immuta and plan a run of the role `immuta_redshift`."""

from __future__ import annotations

import dataclasses
import hmac
import os
import re
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.api import IntegrationsApi
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import immuta_spec, tenant_from
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import (
    Desired,
    check_config,
    config_spec,
    desired_from,
    listed,
    update_secrets_spec,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import session
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.reconcile import (
    Reconciliation,
    Waiting,
    wait_spec,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.compare import checksum_key_spec
from ansible_collections.immuta.integrations.plugins.module_utils._role.plan import (
    PRIVATE_DIRECTORY,
    SCRIPTS,
    Catalog,
    Current,
    Options,
    Plan,
    Step,
    plan,
)

# Keys of the result fact that come from the comparison or the registration.
REPORTED = (
    "exists",
    "settled",
    "action",
    "differences",
    "secrets_updated",
    "integration",
    "validation_results",
)


def arguments() -> dict[str, t.Any]:
    """Return the arguments for AnsibleModule and an action plugin."""
    return {
        "argument_spec": {
            **immuta_spec(required=False),
            **wait_spec(),
            "part": {
                "type": "str",
                "choices": ["main", "preflight", "generate", "execute", "register", "remove"],
                "default": "main",
            },
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "setup": {"type": "str", "choices": ["manual", "automatic"], "default": "manual"},
            "config": {"type": "dict", "options": config_spec(), "required": True},
            "account": {"type": "str", "default": ""},
            "has_login": {"type": "bool", "default": False},
            "script_dir": {"type": "path", "default": ""},
            "execute": {"type": "bool", "default": True},
            "executed": {"type": "bool", "default": False},
            "single_database": {"type": "bool", "default": False},
            "on_partial": {"type": "str", "choices": ["resume", "cleanup", "fail"], "default": "resume"},
            "preflight": {"type": "bool", "default": True},
            "transaction": {"type": "str", "choices": ["auto", "single", "none"], "default": "auto"},
            "update_secrets": update_secrets_spec(),
            "reviewed": {"type": "dict"},
            "checksum_key": checksum_key_spec(),
            "login": {"type": "str", "default": ""},
            "comparison": {"type": "dict", "default": {}},
            "catalog": {"type": "dict", "default": {}},
        },
    }


def run(params: t.Mapping[str, t.Any], check_mode: bool, environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return the plan, with the options of all its tasks. Raise IntegrationsError."""
    options = options_from(params, check_mode)
    comparison: dict[str, t.Any] = params["comparison"]
    warnings: list[str] = []
    if not comparison and options.part != "preflight":
        comparison, warnings = _compared(options, params, environ)
    catalog = Catalog.from_result(params["catalog"]) if params["catalog"] else None
    return planned_run(options, comparison, catalog, warnings)


def options_from(params: t.Mapping[str, t.Any], check_mode: bool) -> Options:
    """Return the options of a run, some of which select an entry point.

    Raise InputError without the options to compare with Immuta, which ``preflight`` does not need.
    """
    missing = [name for name in ("url", "api_key") if params[name] is None]
    if missing and params["part"] != "preflight":
        raise InputError(
            f"Cannot connect to Immuta: set {listed(missing)} in immuta_redshift_api, or "
            f"{listed([f'IMMUTA_{name.upper()}' for name in missing])} in the environment of ansible-playbook."
        )
    options = Options(
        **{field.name: params[field.name] for field in dataclasses.fields(Options) if field.name in params},
        has_checksum_key=_is_same_key(params["checksum_key"], params["api_key"]),
        tenant=params["url"] or "",
        check_mode=check_mode,
    )
    if options.script_dir:
        # The working directory depends on the process of a task. All tasks use the directory of the plan.
        options = dataclasses.replace(options, script_dir=os.path.abspath(options.script_dir))
    return dataclasses.replace(options, state="absent") if options.part == "remove" else options


def planned_run(
    options: Options, comparison: dict[str, t.Any], catalog: Catalog | None, warnings: list[str]
) -> dict[str, t.Any]:
    """Return the result of `run` for a comparison with Immuta. Raise InputError as `plan` does."""
    current = Current.from_comparison(comparison)
    planned = plan(options, current, catalog)
    temporary = _temporary(options, planned)
    return {
        "changed": False,
        "gather": planned.gather,
        "verify": _verification(options, planned),
        "has_work": bool(planned.gather or planned.steps or planned.register or temporary),
        "steps": [_as_tasks(step, options, current, catalog, planned.steps) for step in planned.steps],
        "generate": planned.generate,
        "run": planned.run,
        "binds": options.has_checksum_key,
        "register": planned.register,
        "temporary": temporary,
        "report": list(planned.report),
        "login": {"login_host": options.host, "login_port": options.config.get("port") or 5439},
        "result": {
            "host": options.host,
            **{name: comparison.get(name) for name in REPORTED},
            "to_run": list(planned.to_run),
            "leftovers": list(planned.leftovers),
            "checksums": {},
        },
        "comparison": comparison,
        "warnings": [*warnings, *planned.warnings],
    }


def _is_same_key(one: str | None, other: str | None) -> bool:
    return bool(one) and hmac.compare_digest(str(one).strip().encode(), str(other).strip().encode())


def _compared(
    options: Options, params: t.Mapping[str, t.Any], environ: t.Mapping[str, str]
) -> tuple[dict[str, t.Any], list[str]]:
    """Compare with Immuta after it settles.

    Return the check mode result of `immuta_redshift_integration`, and its warnings separately.
    """
    desired = desired_of(options, params)
    waiting = Waiting.from_params(params)
    tenant, warnings = tenant_from(params, environ)
    with session(tenant) as http:
        reconciliation = Reconciliation(IntegrationsApi(http), desired, waiting, tenant.retries)
        comparison = reconciliation.plan(settle=not options.check_mode)
    return comparison, warnings + comparison.pop("warnings")


def desired_of(options: Options, params: t.Mapping[str, t.Any]) -> Desired:
    """Return the desired integration. Raise InputError for settings that Immuta refuses."""
    automatic = options.setup == "automatic"
    desired = desired_from({**params, "state": options.state, "id": None, "auto_bootstrap": automatic})
    check_config(desired, complete=options.state == "present")
    return desired


def _as_tasks(
    step: Step, options: Options, current: Current, catalog: Catalog | None, steps: tuple[Step, ...]
) -> dict[str, t.Any]:
    """Return a step with the options of the tasks that generate and run its script."""
    path = options.path(step.script)
    of_integration = step.script in ("edit", "delete")
    # The first script creates a database, which cannot run in a transaction.
    is_first = step.script == "initial_create"
    return {
        "script": step.script,
        "database": step.database,
        "generate": {
            "script": step.script,
            "dest": path,
            "create_parents": True,
            "require_unchanged": options.part == "execute",
            "require_runnable": options.preflight,
            "server_version": catalog.version if catalog else "",
            **({"id": current.integration["id"]} if of_integration else {}),
            **_review(step, options),
            **(_rendering(options, steps) if step is steps[-1] else {}),
        },
        "run": {
            "path": path,
            "login_db": step.database,
            "creates": step.creates,
            "on_existing": step.on_existing,
            "on_missing": step.on_missing,
            "transaction": "auto" if is_first and options.transaction == "single" else options.transaction,
            "remove": not options.script_dir,
        },
    }


def _review(step: Step, options: Options) -> dict[str, t.Any]:
    """Return the options of a script for review, or of a reviewed one."""
    if options.is_for_review:
        return {"check_repeatable": True}
    return {"reviewed_checksum": str(options.reviewed[step.script])} if options.reviewed is not None else {}


def _rendering(options: Options, steps: tuple[Step, ...]) -> dict[str, t.Any]:
    """Return the option of the last script, which renders all of them for a review."""
    if not options.review:
        return {}
    scripts = [{"name": step.script, "path": options.path(step.script), "database": step.database} for step in steps]
    return {
        "review": {"dest": options.review, "host": options.host, "login": options.login or None, "scripts": scripts}
    }


def _verification(options: Options, planned: Plan) -> dict[str, t.Any] | None:
    """Return the options of ``redshift_info`` for a login as the system account, in the database of the last script."""
    if not planned.verify:
        return None
    return {
        "login_db": planned.steps[-1].database,
        "schemas": [],
        "users": [],
        "groups": [],
        "system_user": options.account,
        "require_system_login": True,
    }


def _temporary(options: Options, planned: Plan) -> list[str]:
    """Return the files to delete at the end: those of this run and of a killed one."""
    if options.script_dir or options.check_mode:
        return []
    try:
        present = os.listdir(os.path.expanduser(PRIVATE_DIRECTORY))
    except OSError:
        present = []
    left = {re.sub(r"^\.(.*)\.\d+\.part$", r"\1", name) for name in present}
    used = {step.script for step in planned.steps}
    paths = {script: options.path(script) for script in SCRIPTS}
    return [path for script, path in paths.items() if script in used or os.path.basename(path) in left]
