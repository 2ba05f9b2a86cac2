# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configure a controller, for the playbook configure_controller only."""

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import IntegrationsError
from ansible_collections.immuta.integrations.plugins.module_utils._controller.connection import (
    HOST_VARIABLES,
    PREFIX_VARIABLE,
    TOKEN_VARIABLES,
    VERIFY_VARIABLES,
    connection,
    first_of,
)
from ansible_collections.immuta.integrations.plugins.module_utils._controller.http import Api
from ansible_collections.immuta.integrations.plugins.module_utils._controller.plan import with_project_url
from ansible_collections.immuta.integrations.plugins.module_utils._controller.reconcile import Reconciliation

ARGUMENTS = {
    "desired": {"type": "dict", "required": True},
    "project_url": {"type": "str", "required": True, "no_log": True},
    "prefix": {"type": "str"},
    "validate_certs": {"type": "bool"},
}


def main() -> None:
    """Read the options and the environment, reconcile, and report each change as a sentence."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    token = first_of(TOKEN_VARIABLES, os.environ)
    module.no_log_values |= {text for text in (token, (token or "").strip()) if text}
    verify = module.params["validate_certs"]
    if verify is None:
        verify = module.boolean(first_of(VERIFY_VARIABLES, os.environ) or "true")
    prefix = module.params["prefix"] or os.environ.get(PREFIX_VARIABLE)
    run = None
    try:
        controller = connection(first_of(HOST_VARIABLES, os.environ), token, prefix, verify)
        if controller.caution:
            module.warn(controller.caution)
        run = Reconciliation(Api(controller), module.check_mode)
        run.run(with_project_url(module.params["desired"], module.params["project_url"]))
        failure = None
    except IntegrationsError as error:
        failure = error.as_failure()
    changes = run.changes if run else []
    if failure is not None:
        if changes and not module.check_mode:
            failure["msg"] += " Earlier changes are kept. Run the playbook again to continue."
        module.fail_json(changed=bool(changes) and not module.check_mode, changes=changes, **failure)
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
