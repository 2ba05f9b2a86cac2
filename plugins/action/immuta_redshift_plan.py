# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module `immuta_redshift_plan` inside the controller process, where that gives the same result."""

from __future__ import annotations

from ansible_collections.immuta.integrations.plugins.module_utils._modules import immuta_redshift_plan
from ansible_collections.immuta.integrations.plugins.plugin_utils._in_process import InProcessAction


class ActionModule(InProcessAction):
    """The module, in this process."""

    module = immuta_redshift_plan
