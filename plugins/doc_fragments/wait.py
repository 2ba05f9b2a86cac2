# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options for waiting until Immuta has settled."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
notes:
  - A wait inside the controller process prints a line to the standard error stream every ten seconds. Set the
    environment variable E(IMMUTA_PROGRESS) to V(false) to turn this off.
options:
  wait:
    description:
      - Whether to wait until Immuta has settled, that is, until the integration has left the statuses V(creating),
        V(editing), V(deleting) and V(migrating).
    type: bool
    default: true
  wait_timeout:
    description:
      - Maximum time to wait, in seconds.
    type: int
    default: 600
  wait_sleep:
    description:
      - Polling interval, in seconds.
    type: float
    default: 5
"""
