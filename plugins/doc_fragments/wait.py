# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options that say how long to wait for Immuta."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  wait:
    description:
      - Whether to wait until Immuta has finished what it is doing.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait in all.
    type: int
    default: 600
  wait_sleep:
    description:
      - Seconds between two looks.
    type: float
    default: 5
"""
