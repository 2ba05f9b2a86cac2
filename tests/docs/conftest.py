# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-ins, as the flows have them."""

from __future__ import annotations

from tests.flows.conftest import desk, running_standins, standins

__all__ = ["desk", "running_standins", "standins"]
