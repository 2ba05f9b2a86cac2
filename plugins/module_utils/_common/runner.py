# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The runner of a module's work. It ends with a result or with an error of one sentence."""

from __future__ import annotations

import copy
import os
import typing as t

from ansible.module_utils import basic

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    Caught,
    failure_of,
)
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    distinctive,
    hidden_values,
    shown_arguments,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import check_as_given

# (options, check mode, environment) -> result; "warnings" in it is a list of sentences.
Work = t.Callable[[dict[str, t.Any], bool, t.Mapping[str, str]], dict[str, t.Any]]


class AnsibleModule(basic.AnsibleModule):
    """An AnsibleModule whose log and failures show the arguments as `shown_arguments` does.

    Ansible logs and validates arguments before the work starts, and knows only the secrets of ``no_log`` options.
    """

    def _load_params(self) -> None:
        super()._load_params()
        self.given = copy.deepcopy(self.params)

    def log(self, msg: str, log_args: dict[str, t.Any] | None = None) -> None:
        """Write to the system log. ``log_args`` come with the arguments of the task."""
        if log_args:
            log_args = {name: str(value) for name, value in self._shown_arguments().items()}
            msg = "Invoked with " + " ".join(f"{name}={value}" for name, value in log_args.items())
        self._narrow()
        super().log(msg, log_args=log_args)

    def fail_json(self, msg: str, **kwargs: t.Any) -> t.NoReturn:
        """Exit with a failed result."""
        self._narrow()
        kwargs.setdefault("invocation", {"module_args": self._shown_arguments()})
        super().fail_json(msg, **kwargs)

    def exit_json(self, **kwargs: t.Any) -> t.NoReturn:
        """Exit with a result."""
        self._narrow()
        kwargs.setdefault("invocation", {"module_args": self._shown_arguments()})
        super().exit_json(**kwargs)

    def add_path_info(self, kwargs: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return a result unchanged.

        Ansible would overwrite the facts of a file with those on disk, in check mode those of the old file.
        """
        return kwargs

    def _narrow(self) -> None:
        self.no_log_values = distinctive([*self.no_log_values, *hidden_values(self.params)])

    def _shown_arguments(self) -> dict[str, t.Any]:
        return shown_arguments(self.argument_spec, self.params)


def run_module(module: AnsibleModule, work: Work) -> t.NoReturn:
    """Call ``work``, and exit with its result or its failure."""
    result: dict[str, t.Any] = {}
    with Caught() as caught:
        check_as_given(module.given)
        result = work(module.params, module.check_mode, os.environ)
    # Outside an exception handler, Ansible finds no traceback for -vvv.
    if caught.error:
        module.fail_json(**failure_of(caught.error))
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(**result)
