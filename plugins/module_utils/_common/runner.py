# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Runs the work of a module and ends it with a result or with one sentence."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    IntegrationsError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    distinctive,
    hidden_values,
    shown_arguments,
)

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


# (options, check mode, environment) -> result; "warnings" in it is a list of sentences.
Work = t.Callable[[dict[str, t.Any], bool, t.Mapping[str, str]], dict[str, t.Any]]


def run_module(module: AnsibleModule, work: Work) -> t.NoReturn:
    """Call ``work`` and exit with its result, or fail with what it raised."""
    module.no_log_values = distinctive([*module.no_log_values, *hidden_values(module.params)])
    invocation = {"module_args": shown_arguments(module.argument_spec, module.params)}
    # Ansible would put what is on disk over what a result says of its file, in check mode the size of the former one.
    vars(module).update(add_path_info=lambda result: result)
    failure = None
    try:
        result = work(module.params, module.check_mode, os.environ)
    except IntegrationsError as error:
        failure = error.as_failure()
    # Outside the handler, where Ansible finds no traceback to show at -vvv.
    if failure is not None:
        module.fail_json(invocation=invocation, **failure)
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(invocation=invocation, **result)
