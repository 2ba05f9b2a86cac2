# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module `immuta_redshift_integration` inside the controller process, where that gives the same result."""

from __future__ import annotations

from ansible_collections.immuta.integrations.plugins.module_utils._lifecycle import run
from ansible_collections.immuta.integrations.plugins.module_utils._options import integration_arguments
from ansible_collections.immuta.integrations.plugins.plugin_utils._in_process import InProcessAction


class ActionModule(InProcessAction):
    """What the module `immuta_redshift_integration` is made of."""

    arguments = staticmethod(integration_arguments)
    work = staticmethod(run)
