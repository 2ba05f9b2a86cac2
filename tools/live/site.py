# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run modules, playbooks and single requests on the tenant and the cluster of the environment."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pathlib
import re
import signal
import subprocess
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import Caught, failure_of
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import immuta_spec, tenant_from
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import Http
from tests.support.paths import COLLECTIONS
from tests.support.playbooks import environment, program
from tools.live.settings import LiveError, Settings

MODULES = "ansible_collections.immuta.integrations.plugins.module_utils._modules"


class Played(t.NamedTuple):
    """The result of a playbook run."""

    status: int
    changed: int
    output: str


class Site:
    """A tenant and a cluster. ``directory`` holds temporary files, and becomes the home directory of this program."""

    def __init__(self, settings: Settings, directory: pathlib.Path) -> None:
        self.settings = settings
        self.directory = directory
        paths = {"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_HOME": str(directory / "ansible")}
        os.environ.update(environment(directory, **paths))
        options = ArgumentSpecValidator(immuta_spec()).validate({})
        if options.error_messages:
            raise LiveError(f"Invalid settings of the tenant. {' '.join(options.error_messages)}")
        self.http = Http(tenant_from(options.validated_parameters, os.environ)[0])

    def config(self, *, impersonation: bool = False) -> dict[str, t.Any]:
        """Return the config with its password, for use outside files."""
        return self.settings.config(os.environ["IMMUTA_LIVE_PASSWORD"], impersonation=impersonation)

    def module(self, name: str, **arguments: t.Any) -> dict[str, t.Any]:
        """Return the result of a module, run in this process. Raise LiveError if it failed."""
        code = importlib.import_module(f"{MODULES}.{name}")
        options = ArgumentSpecValidator(**code.arguments()).validate(arguments)
        if options.error_messages:
            raise LiveError(f"{name} failed. {' '.join(options.error_messages)}")
        result: dict[str, t.Any] = {}
        with Caught() as caught:
            result = code.run(options.validated_parameters, False, os.environ)
        if caught.error:
            raise LiveError(f"{name} failed. {failure_of(caught.error)['msg']}")
        return result

    def redshift(self, name: str, **arguments: t.Any) -> dict[str, t.Any]:
        """Return the result of a module that logs in to the cluster. Raise LiveError if it failed."""
        return self.module(name, ssl_mode=self.settings.ssl_mode, **arguments)

    def survey(self) -> dict[str, t.Any]:
        """Return which objects of the suite exist in the cluster, and the requirements."""
        return self.redshift(
            "redshift_info",
            database=self.settings.database,
            users=[self.settings.username],
            groups=[self.settings.group],
            system_user=self.settings.username,
            impersonation_role=self.settings.group,
        )

    def integrations(self) -> list[dict[str, t.Any]]:
        """Return the integrations in use on the cluster."""
        found = self.module("immuta_integration_info", type="Redshift", host=self.settings.host)["integrations"]
        return [record for record in found if record["status"] not in ("deleted", "disabled")]

    def play(self, name: str, *options: str, impersonation: bool = False, **variables: t.Any) -> Played:
        """Run a playbook of the collection; the password in its variables comes from the environment."""
        password = "{{ lookup('ansible.builtin.env', 'IMMUTA_LIVE_PASSWORD') }}"
        file = self.directory / "variables.json"
        described = {
            "immuta_redshift_config": self.settings.config(password, impersonation=impersonation),
            "immuta_redshift_login": {"ssl_mode": self.settings.ssl_mode},
            **variables,
        }
        file.write_text(json.dumps(described), encoding="utf-8")
        status, output = self._run(
            [program("ansible-playbook"), f"immuta.integrations.{name}", "-e", f"@{file}", *options]
        )
        changed = re.search(r"\bchanged=(\d+)", output.partition("PLAY RECAP")[2])
        return Played(status, int(changed[1]) if changed else 0, output)

    def _run(self, command: t.Sequence[str | pathlib.Path]) -> tuple[int, str]:
        """Return the exit status and the output of a command. Its processes end with this program."""
        process = subprocess.Popen(
            command,
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            output, dummy = process.communicate()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):  # It has just ended by itself.
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return process.returncode, output
