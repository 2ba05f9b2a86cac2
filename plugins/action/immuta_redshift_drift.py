# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare every host of a play with one request for each tenant, inside the controller process."""

from __future__ import annotations

import datetime
import os
import typing as t

from ansible.errors import AnsibleError
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import IntegrationsError
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import distinctive
from ansible_collections.immuta.integrations.plugins.module_utils._drift.compare import (
    Cluster,
    Report,
    report_of,
    unmanaged,
)
from ansible_collections.immuta.integrations.plugins.module_utils._drift.table import table, totals_line
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import Tenant, immuta_spec
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import Record
from ansible_collections.immuta.integrations.plugins.module_utils._modules.immuta_redshift_drift import (
    arguments,
    compare_fleet,
    write_reports,
)
from ansible_collections.immuta.integrations.plugins.plugin_utils._fleet import HostReader
from ansible_collections.immuta.integrations.plugins.plugin_utils._in_process import (
    as_sent,
    objection,
    task_environment,
    validate,
)

display = Display()


class ActionModule(ActionBase):
    """One task for all hosts of the play."""

    BYPASS_HOST_LOOP = True

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Compare, write the reports, and return the report as the result."""
        result = super().run(tmp, task_vars)
        environment: dict[str, t.Any] = {}
        self._compute_environment_string(environment)
        args = as_sent(self._task.args)
        with task_environment(environment):
            validation = validate(arguments(), args)
            if validation.error_messages:
                msg = remove_values(objection(self._task.action, validation), validation._no_log_values)
                return {**result, "failed": True, "msg": msg}
            params = validation.validated_parameters
            connection = {name: args[name] for name in immuta_spec() if name in args}
            reader = HostReader(self._templar.copy_with_new_env(), connection, os.environ)
            try:
                report = self._report(reader, params, task_vars or {})
                write_reports(report, params)
            except IntegrationsError as error:
                return {**result, **error.as_failure(), "failed": True}
        if params["show"]:
            for line in [*table(report), totals_line(report)]:
                display.display(line)
        if reader.warnings:
            result["warnings"] = reader.warnings
        return {**result, **report, "changed": False}

    def _report(self, reader: HostReader, params: dict[str, t.Any], task_vars: dict[str, t.Any]) -> Report:
        hosts = task_vars["ansible_play_hosts_all"] if params["hosts"] is None else params["hosts"]
        described = [self._described(reader, host) for host in hosts]
        findings, records = compare_fleet(described)
        clusters = [cluster for cluster, _tenant in described]
        found, other_types = self._unmanaged(reader, records, clusters, task_vars)
        report = report_of(
            findings,
            found,
            other_types,
            compared_at=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            count_unmanaged=params["count_unmanaged"],
        )
        return t.cast(Report, remove_values(report, distinctive(reader.secrets)))

    def _unmanaged(
        self,
        reader: HostReader,
        records: dict[str, list[Record]],
        clusters: list[Cluster],
        task_vars: dict[str, t.Any],
    ) -> tuple[list[t.Any], dict[str, int]]:
        """Return the integrations that no inventory host describes, in this play or not: a play may have a limit."""
        found, other_types = unmanaged(records, clusters)
        if found:
            compared = {cluster.name for cluster in clusters}
            others = [host for host in task_vars["groups"]["all"] if host not in compared]
            clusters = [*clusters, *(self._described(reader, host)[0] for host in others)]
            found, other_types = unmanaged(records, clusters)
        return found, other_types

    def _described(self, reader: HostReader, host: str) -> tuple[Cluster, Tenant | None]:
        try:
            variables = self._variables(host)
        except AnsibleError as error:  # such as a file of this host that cannot be decrypted
            return Cluster(host, error=" ".join(str(error).split())), None
        return reader.read(host, variables)

    def _variables(self, host: str) -> dict[str, t.Any]:
        """Return all variables of a host, as a task on this host sees them."""
        manager = self._task.get_variable_manager()
        variables = manager.get_vars(play=self._task.get_play(), host=manager._inventory.get_host(host))
        return t.cast(dict[str, t.Any], variables)
