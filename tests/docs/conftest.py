# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A desk, as the flows have it."""

from __future__ import annotations

from tests.flows.conftest import desk

__all__ = ["desk"]
