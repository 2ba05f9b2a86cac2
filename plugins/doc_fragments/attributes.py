# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the attributes that all modules share."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
notes:
  - With a local connection, and without C(become), C(async) or another interpreter, the task runs inside the controller
    process, which is much faster. The result is the same. Set the environment variable E(IMMUTA_IN_PROCESS) to V(false)
    to run each task in its own process.
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
  diff_mode:
    description: Will return details on what has changed, or needs changing in C(check_mode), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled or queried by the module has not changed in a relevant way.
"""

    ACTIONGROUP_IMMUTA = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/immuta.integrations.immuta) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - immuta.integrations.immuta
"""

    ACTIONGROUP_REDSHIFT = r"""
options: {}
attributes:
  action_group:
    description: Use C(group/immuta.integrations.redshift) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - immuta.integrations.redshift
"""
