# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the arguments of modules and the variables of the role, as at run time.

The value of a template is unknown, so a valid value replaces it.
"""

from __future__ import annotations

import copy
import functools
import importlib
import os
import pathlib
import typing as t
from unittest import mock

import ansible.modules
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import get_docstring

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import IntegrationsError
from ansible_collections.immuta.integrations.plugins.module_utils._common.files import file_mode
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import immuta_spec, tenant_from
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import (
    check_config,
    config_spec,
    desired_from,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.login import Login, login_spec
from tests.support.paths import ROOT

Arguments = dict[str, t.Any]

COLLECTION = "immuta.integrations"
BUILTIN = "ansible.builtin"
ROLE = f"{COLLECTION}.immuta_redshift"
# Variables that a page asks its reader to set.
ENVIRONMENT = {
    "IMMUTA_URL": "https://tenant.example.com",
    "IMMUTA_API_KEY": "key",
    "REDSHIFT_HOST": "cluster.example.com",
    "REDSHIFT_USER": "admin",
    "REDSHIFT_PASSWORD": "password",
    "REDSHIFT_DB": "dev",
}
_CONFIG = {
    "host": "cluster.example.com",
    "database": "immuta",
    "initial_database": "dev",
    "authentication_type": "userPassword",
    "username": "immuta_system",
    "password": "password",
}
# Modules of Ansible that accept any name, or text instead of names.
_ANY_NAME = ("set_fact", "set_stats", "add_host")
_FREE_FORM = ("command", "shell", "raw", "script", "meta", "include_tasks", "import_tasks", "include_vars")


def is_template(value: t.Any) -> bool:
    """Return whether the value is a template."""
    return isinstance(value, str) and not isinstance(value, Literal) and ("{{" in value or "{%" in value)


class Literal(str):
    """A text that Ansible uses literally."""


def module_problems(name: str, arguments: t.Any, environment: t.Mapping[str, str]) -> list[str]:
    """Return the module's errors about its arguments."""
    collection, _dot, short = name.rpartition(".")
    if collection == COLLECTION and short in own_modules():
        return _own_module_problems(short, arguments, environment)
    if not option_names(name):
        return ["no such module"]
    if short in _ANY_NAME or (short in _FREE_FORM and isinstance(arguments, str)):
        return []
    return _validated({"argument_spec": _builtin_options(short)}, arguments, {})[1]


def option_names(name: str) -> set[str]:
    """Return the options of a module, none if it does not exist."""
    collection, _dot, short = name.rpartition(".")
    if collection == COLLECTION and short in own_modules():
        spec = own_modules()[short]["argument_spec"]
    elif collection == BUILTIN and _builtin_file(short).exists():
        spec = _builtin_options(short)
    else:
        return set()
    return {alias for option, about in spec.items() for alias in (option, *(about.get("aliases") or []))}


def _builtin_file(module: str) -> pathlib.Path:
    return pathlib.Path(ansible.modules.__path__[0]) / f"{module}.py"


@functools.cache
def inventory_options(name: str) -> set[str]:
    """Return the options of an inventory plugin of the collection, none if it does not exist."""
    file = ROOT / "plugins" / "inventory" / f"{name.removeprefix(f'{COLLECTION}.')}.py"
    return set(get_docstring(str(file), fragment_loader)[0]["options"]) if file.exists() else set()


@functools.cache
def own_modules() -> dict[str, Arguments]:
    """Return the arguments of each module of the collection, see `module_arguments`."""
    modules = {path.stem: module_arguments(path.stem) for path in (ROOT / "plugins" / "modules").glob("*.py")}
    for arguments in modules.values():
        del arguments["supports_check_mode"]
    return modules


def module_arguments(module: str) -> Arguments:
    """Return what a module of the collection passes to AnsibleModule, or what its action plugin checks."""
    imported = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.modules.{module}")
    if not hasattr(imported, "main"):  # it has only an action plugin
        action = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.action.{module}")
        return {**action.arguments(), "supports_check_mode": action.ActionModule._supports_check_mode}
    with mock.patch.object(imported, "AnsibleModule") as made, mock.patch.object(imported, "run_module"):
        imported.main()
    return made.call_args.kwargs


def _own_module_problems(module: str, arguments: t.Any, environment: t.Mapping[str, str]) -> list[str]:
    params, problems = _validated(own_modules()[module], arguments, environment)
    if problems:
        return problems
    try:
        _REFUSALS[module](params)
    except IntegrationsError as error:
        return [error.message]
    return []


def _validated(
    taken: Arguments, arguments: t.Any, environment: t.Mapping[str, str]
) -> tuple[dict[str, t.Any], list[str]]:
    """Return the arguments as a module gets them, and Ansible's errors about them."""
    if not isinstance(arguments, dict):
        return {}, ["text stands in place of arguments"]
    with mock.patch.dict(os.environ, environment, clear=True):
        # Ansible modifies the defaults of a spec.
        validator = ArgumentSpecValidator(**copy.deepcopy(taken))
        result = validator.validate(_filled(arguments, taken["argument_spec"]))
    return result.validated_parameters, list(result.error_messages)


def _refuse_integration(params: dict[str, t.Any]) -> None:
    desired = desired_from(params)
    check_config(desired, complete=desired.state == "present" and desired.id is None)
    tenant_from(params, {})


def _refuse_script(params: dict[str, t.Any]) -> None:
    desired = desired_from({**params, "state": "present", "auto_bootstrap": False, "update_secrets": "on_create"})
    if params["script"] not in (None, "delete"):
        check_config(desired, complete=params["script"] != "edit")
    file_mode(params["mode"])
    tenant_from(params, {})


def _refuse_drift(params: dict[str, t.Any]) -> None:
    if params["url"] and params["api_key"]:
        tenant_from(params, {})


def _login(params: dict[str, t.Any]) -> Login:
    return Login.from_params({**params, "ca_path": None})


def _refuse_plan(params: dict[str, t.Any]) -> None:
    desired = desired_from({**params, "id": None, "auto_bootstrap": params["setup"] == "automatic"})
    check_config(desired, complete=desired.state == "present")
    tenant_from(params, {})


_REFUSALS: dict[str, t.Callable[[dict[str, t.Any]], t.Any]] = {
    "immuta_redshift_integration": _refuse_integration,
    "immuta_integration_script": _refuse_script,
    "immuta_integration_info": lambda params: tenant_from(params, {}),
    "immuta_redshift_drift": _refuse_drift,
    "immuta_redshift_fleet": lambda _params: None,
    "immuta_redshift_plan": _refuse_plan,
    "redshift_info": _login,
    "redshift_script": _login,
}


@functools.cache
def _builtin_options(module: str) -> dict[str, t.Any]:
    """Return the argument spec from the documentation of an Ansible module."""
    documentation = get_docstring(str(_builtin_file(module)), fragment_loader)[0]
    return {name: _spec_of(option) for name, option in (documentation["options"] or {}).items()}


def _spec_of(option: dict[str, t.Any]) -> dict[str, t.Any]:
    spec = {name: option[name] for name in ("required", "elements", "aliases") if option.get(name)}
    choices = {"choices": list(option["choices"])} if option.get("choices") else {}
    return {"type": option.get("type", "raw"), **spec, **choices}


def _filled(arguments: dict[str, t.Any], spec: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the arguments with values in place of templates."""
    options = {alias: option for name, option in spec.items() for alias in (name, *(option.get("aliases") or []))}
    return {name: _filled_value(value, options.get(name, {"type": "raw"})) for name, value in arguments.items()}


def _filled_value(value: t.Any, option: dict[str, t.Any]) -> t.Any:
    if is_template(value):
        return _stand_in(option)
    if isinstance(value, dict) and option.get("options"):
        return _filled(value, option["options"])
    if isinstance(value, list):
        return [_filled_value(item, {"type": option.get("elements", "raw")}) for item in value]
    return value


def _stand_in(option: dict[str, t.Any]) -> t.Any:
    """Return a valid value of an option."""
    if option.get("choices"):
        return option["choices"][0]
    kind = option.get("type", "str")
    if kind == "dict":
        options = option.get("options") or {}
        return _CONFIG if "authentication_type" in options else {name: _stand_in(one) for name, one in options.items()}
    return {"int": 1, "float": 1.0, "bool": True, "list": [], "raw": "0600"}.get(kind, "stand-in")


@functools.cache
def entry_points() -> dict[str, dict[str, t.Any]]:
    """Return the variables of each entry point of the role, and which of them have module options."""
    specs = yaml.safe_load((ROOT / "roles/immuta_redshift/meta/argument_specs.yml").read_text(encoding="utf-8"))
    inside = {
        "immuta_redshift_config": config_spec(),
        "immuta_redshift_api": _optional(immuta_spec()),
        "immuta_redshift_login": _optional(login_spec()),
    }
    return {
        entry: {name: {**option, "options": inside.get(name)} for name, option in spec["options"].items()}
        for entry, spec in specs["argument_specs"].items()
    }


def _optional(spec: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return the options as the role takes them: none is required, and the modules apply the defaults."""
    return {
        name: {key: value for key, value in option.items() if key not in ("required", "fallback", "default")}
        for name, option in spec.items()
    }


def role_variables() -> dict[str, t.Any]:
    """Return the variables of all entry points."""
    return {name: option for options in entry_points().values() for name, option in options.items()}


def variable_problems(variables: dict[str, t.Any]) -> list[str]:
    """Return errors in values of role variables, whether or not they are complete."""
    spec = {name: {**option, "required": False} for name, option in role_variables().items()}
    named = {name: value for name, value in variables.items() if name in spec}
    return _validated({"argument_spec": spec}, named, {})[1]


def role_problems(entry: str, variables: dict[str, t.Any], environment: t.Mapping[str, str]) -> list[str]:
    """Return the role's errors about its variables, if they are complete."""
    if entry not in entry_points():
        return [f"the role has no entry point {entry}"]
    spec = entry_points()[entry]
    named = {name: value for name, value in variables.items() if name in spec}
    params, problems = _validated({"argument_spec": spec}, named, {})
    return problems or [*_passed_on(entry, params, environment)]


def _passed_on(entry: str, params: dict[str, t.Any], environment: t.Mapping[str, str]) -> t.Iterator[str]:
    """Return the modules' errors about the values that the role passes to them."""
    automatic = params.get("immuta_redshift_setup") == "automatic"
    config = _given(params["immuta_redshift_config"])
    if "immuta_redshift_api" in params:
        yield from _own_module_problems(
            "immuta_redshift_integration",
            {
                **_given(params["immuta_redshift_api"]),
                "state": "absent" if entry == "remove" else params["immuta_redshift_state"],
                "auto_bootstrap": automatic,
                "config": config,
            },
            environment,
        )
    if "immuta_redshift_login" in params and not automatic:
        login = {"login_host": config.get("host"), "login_db": "dev", **_given(params["immuta_redshift_login"])}
        yield from _own_module_problems("redshift_info", login, environment)
    if params.get("immuta_redshift_execute") is False and not params["immuta_redshift_script_dir"]:
        yield "immuta_redshift_execute is false without immuta_redshift_script_dir"


def _given(options: dict[str, t.Any]) -> dict[str, t.Any]:
    return {name: value for name, value in options.items() if value is not None}
