# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module `redshift_script` inside the controller process, where that gives the same result."""

from __future__ import annotations

from ansible_collections.immuta.integrations.plugins.module_utils._options import redshift_script_arguments
from ansible_collections.immuta.integrations.plugins.module_utils._scriptrun import run
from ansible_collections.immuta.integrations.plugins.plugin_utils._in_process import InProcessAction, preload

preload("redshift_connector")


class ActionModule(InProcessAction):
    """What the module `redshift_script` is made of."""

    arguments = staticmethod(redshift_script_arguments)
    work = staticmethod(run)
    isolated = True
