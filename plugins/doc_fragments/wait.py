# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options for waiting until Immuta has settled."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
notes:
  - A wait inside the controller process prints a line every ten seconds to the standard error stream. Set the
    environment variable E(IMMUTA_PROGRESS) to V(false) to switch that off.
options:
  wait:
    description:
      - Whether to wait until Immuta has settled, which is any status but V(creating), V(editing), V(deleting) and
        V(migrating).
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
