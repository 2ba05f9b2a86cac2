# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Runs the work of a module and ends it with a result or with one sentence."""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._errors import IntegrationsError
from ansible_collections.immuta.integrations.plugins.module_utils._secrets import secret_values

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

# (options, check mode, environment) -> result; "warnings" in it is a list of sentences.
Work = t.Callable[[dict[str, t.Any], bool, t.Mapping[str, str]], dict[str, t.Any]]


def hidden_values(params: t.Mapping[str, t.Any]) -> list[str]:
    """The secrets among the options that their specs do not know: in ``config.extra``, and in an address by mistake."""
    login = re.search(r"//[^/@]*?([^/:@]+)@", params.get("url") or "")
    return [*secret_values((params.get("config") or {}).get("extra")), *(login.groups() if login else ())]


def run_module(module: AnsibleModule, work: Work) -> t.NoReturn:
    """Call ``work`` and exit with its result, or fail with what it raised."""
    module.no_log_values.update(hidden_values(module.params))
    # Ansible would put what is on disk over what a result says of its file, in check mode the size of the former one.
    vars(module).update(add_path_info=lambda result: result)
    try:
        result = work(module.params, module.check_mode, os.environ)
    except IntegrationsError as error:
        module.fail_json(**error.as_failure())
    for warning in result.pop("warnings", []):
        module.warn(warning)
    module.exit_json(**result)
