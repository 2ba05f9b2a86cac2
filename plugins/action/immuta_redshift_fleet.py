# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the hosts of a play that a run of the role leaves as they are, inside the controller process."""

from __future__ import annotations

import contextlib
import json
import os
import re
import typing as t

from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import Caught, IntegrationsError
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import distinctive, hidden_values
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import check_as_given
from ansible_collections.immuta.integrations.plugins.module_utils._modules import immuta_redshift_plan
from ansible_collections.immuta.integrations.plugins.module_utils._modules.immuta_redshift_fleet import (
    arguments,
    check_place,
    results_in_sync,
)
from ansible_collections.immuta.integrations.plugins.plugin_utils._fleet import OMITTED, is_omitted, plain
from ansible_collections.immuta.integrations.plugins.plugin_utils._in_process import (
    is_own_python,
    is_switched_on,
    objection,
    validate,
)

_REFERENCE = re.compile(r"\s*\{\{ (\w+) \}\}\s*")
# A name without special characters of host patterns.
_PLAIN_NAME = re.compile(r"\w[\w.-]*", re.ASCII)


class ActionModule(ActionBase):
    """One task for all hosts of the play."""

    BYPASS_HOST_LOOP = True

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Compare, and return the result facts of the hosts in sync."""
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        validation = validate(arguments(), self._task.args)
        if validation.error_messages:
            return {**result, "failed": True, "msg": objection(self._task.action, validation)}
        try:
            check_place(self._task._role is not None)
        except IntegrationsError as error:
            return {**result, **error.as_failure(), "failed": True}
        self._templar = self._templar.copy_with_new_env()
        runs: dict[str, dict[str, t.Any]] = {}
        secrets: set[str] = set()
        if is_switched_on(os.environ) and not self._play_context.become:
            spec = self._loader.load_from_file(os.path.join(task_vars["role_path"], "meta", "argument_specs.yml"))
            options = spec["argument_specs"]["main"]["options"]
            for host in task_vars["ansible_play_hosts"]:
                if host in task_vars["groups"] or not _PLAIN_NAME.fullmatch(host):
                    continue  # A host pattern that excludes this name could exclude other hosts.
                # The role reports invalid variables of a host.
                with Caught():
                    runs[host], of_host = self._run_of(host, options)
                    secrets |= of_host
        in_sync, warnings = results_in_sync(runs, bool(self._task.check_mode), os.environ)
        if warnings:
            result["warnings"] = remove_values(warnings, secrets)
        return {
            **result,
            "changed": False,
            "in_sync": {host: json.dumps(remove_values(fact, secrets)) for host, fact in in_sync.items()},
        }

    def _run_of(self, host: str, options: dict[str, t.Any]) -> tuple[dict[str, t.Any], set[str]]:
        """Return the options of `immuta_redshift_plan` as the role sets them, and their secrets.

        Raises any exception for a host whose variables are invalid, or whose tasks run elsewhere.
        """
        manager, role = self._task.get_variable_manager(), self._task._role
        of_host = manager.get_vars(play=self._task.get_play(), host=manager._inventory.get_host(host))
        variables = {**role.get_default_vars(), **of_host, **role.get_vars(include_params=False)}
        self._templar.available_variables = variables
        self._check_place(variables)
        # Evaluate each once: a password may need a request to a secrets manager.
        computed = {name: self._templar.template(variables[name]) for name in options if name in variables}
        _check(validate({"argument_spec": options}, plain(computed)))
        for name in ("__immuta_redshift_config", "__immuta_redshift_api"):
            self._templar.available_variables = {**variables, **computed}
            computed[name] = self._templar.template(variables[name])
        self._templar.available_variables = {**variables, **computed}
        args = plain(computed["__immuta_redshift_api"])
        for name, template in variables["__immuta_redshift_options"].items():
            with contextlib.suppress(OMITTED):
                value = plain(self._value(template, computed, variables))
                if not is_omitted(value, variables):
                    args[name] = value
        validation = validate(immuta_redshift_plan.arguments(), args)
        _check(validation)
        check_as_given(args)
        params = {**args, **validation.validated_parameters}
        return params, set(distinctive([*validation._no_log_values, *hidden_values(params)]))

    def _value(self, template: t.Any, computed: dict[str, t.Any], variables: dict[str, t.Any]) -> t.Any:
        """Return the value of a template of the role. Most only name a variable, and need no compilation."""
        reference = isinstance(template, str) and _REFERENCE.fullmatch(template)
        if not reference or reference[1] not in variables:
            return self._templar.template(template)
        name = reference[1]
        return computed[name] if name in computed else self._value(variables[name], computed, variables)

    def _check_place(self, variables: dict[str, t.Any]) -> None:
        """Raise ValueError for a host whose modules do not run in a process like this one."""
        connection = self._templar.template(variables.get("ansible_connection", self._task.connection))
        become = self._templar.template(variables.get("ansible_become", False))
        if str(connection).rpartition(".")[2] != "local" or boolean(become, strict=False):
            raise ValueError("The modules of this host run elsewhere.")
        if not is_own_python(variables, self._templar.template):
            raise ValueError("The modules of this host use another Python.")


def _check(validation: t.Any) -> None:
    """Raise ValueError for invalid options."""
    if validation.error_messages:
        raise ValueError(validation.errors.msg)
