#!/usr/bin/python
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: immuta_redshift_fleet
short_description: Find the hosts of a play that are in sync with Immuta
version_added: 1.0.0
description:
  - Finds the hosts of a play for which the role P(immuta.integrations.immuta_redshift#role) has nothing to do, with one
    request for each tenant. It changes nothing, and does not query Redshift.
  - It reads the variables of the role for each host, and compares and decides as the role does. It leaves a host to the
    role if its variables are invalid, if its tenant cannot be read or has one host only, if Immuta is working on its
    integration, or if its tasks do not run in the controller process.
  - The playbook C(immuta.integrations.configure_redshift) runs this task. It is part of the role and does not run
    outside it.
author:
  - The immuta.integrations contributors (@immuta-integrations)
extends_documentation_fragment:
  - immuta.integrations.attributes
attributes:
  check_mode:
    support: full
    details:
      - This action does not modify state. In check mode, it returns the hosts that have nothing to preview.
  diff_mode:
    support: N/A
    details:
      - This action does not modify state.
  idempotent:
    support: full
    details:
      - This action does not modify state.
  bypass_host_loop:
    description: Runs once for all hosts of the play. Needs the strategy P(ansible.builtin.linear#strategy).
    support: full
options: {}
seealso:
  - module: immuta.integrations.immuta_redshift_plan
  - module: immuta.integrations.immuta_redshift_drift
"""

EXAMPLES = r"""
- name: Compare all hosts with Immuta, as a task of the role
  immuta.integrations.immuta_redshift_fleet:
  register: fleet
"""

RETURN = r"""
in_sync:
  description:
    - The fact C(immuta_redshift_integration) of each host in sync, as JSON, by host name.
  type: dict
  returned: success
  sample:
    sales: '{"host": "sales.example.com", "exists": true, "changed": false}'
"""
