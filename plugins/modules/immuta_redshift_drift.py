#!/usr/bin/python
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: immuta_redshift_drift
short_description: Compare a fleet of Redshift clusters with Immuta
version_added: 1.0.0
description:
  - Compares every host of a play with the Redshift integrations in Immuta, with one request for each tenant, and writes
    reports. It changes nothing, and does not query Redshift.
  - Each host sets the variables of the role P(immuta.integrations.immuta_redshift#role), C(immuta_redshift_config),
    C(immuta_redshift_setup), C(immuta_redshift_state) and C(immuta_redshift_api). The comparison follows the rules of
    M(immuta.integrations.immuta_redshift_integration).
  - Secrets are not compared, because Immuta does not return them. Their variables are not evaluated, and may be
    undefined. In a template that returns all of C(immuta_redshift_config), this applies to plain variables only, and a
    lookup of a secret must succeed.
  - A host whose variables cannot be evaluated has the result V(failed) in the report. The other hosts are still
    compared.
  - The playbook C(immuta.integrations.check_drift) runs this task and then fails the hosts that could not be
    compared.
author:
  - The immuta.integrations contributors (@immuta-integrations)
extends_documentation_fragment:
  - immuta.integrations.attributes.actiongroup_immuta
  - immuta.integrations.immuta
attributes:
  check_mode:
    description: Can run in C(check_mode) and return changed status prediction without modifying the target.
    support: full
    details:
      - This action does not modify the tenant. Reports are written in check mode too.
  diff_mode:
    description: Will return details on what has changed, or needs changing in C(check_mode), when in diff mode.
    support: N/A
    details:
      - Both values of each difference are always returned.
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
      - This assumes that the system controlled or queried by the module has not changed in a relevant way.
    support: full
    details:
      - This action does not modify the tenant.
  bypass_host_loop:
    description: Runs once for all hosts of the play. Needs the strategy P(ansible.builtin.linear#strategy).
    support: full
options:
  url:
    description:
      - URL of the Immuta tenant, for the hosts whose C(immuta_redshift_api) does not set it.
      - If not set, the environment variable E(IMMUTA_URL) is used.
    type: str
    required: false
  api_key:
    description:
      - API key for the hosts whose C(immuta_redshift_api) does not set it.
      - If not set, the environment variable E(IMMUTA_API_KEY) is used.
    type: str
    required: false
  hosts:
    description:
      - The inventory hosts to compare.
      - If not set, all hosts of the play are compared.
    type: list
    elements: str
  json:
    description:
      - Path to write the report to, as JSON. The mode of this file and of the other reports is C(0600).
    type: path
  junit:
    description:
      - Path to write the report to, as JUnit XML with a test case for each cluster.
    type: path
  html:
    description:
      - Path to write the report to, as one HTML page.
    type: path
  count_unmanaged:
    description:
      - Whether Redshift integrations that no inventory host describes count for RV(exit_code).
    type: bool
    default: false
  show:
    description:
      - Whether to print the totals and a table of the clusters that are not in sync. Set it to V(false) if a program
        reads the output of the stdout callback.
    type: bool
    default: true
notes:
  - Runs inside the controller process, whatever the connection of the hosts.
seealso:
  - module: immuta.integrations.immuta_redshift_integration
  - module: immuta.integrations.immuta_integration_info
"""

EXAMPLES = r"""
- name: Compare every cluster with Immuta
  hosts: redshift
  gather_facts: false
  strategy: ansible.builtin.linear
  tasks:
    - name: Compare with Immuta
      immuta.integrations.immuta_redshift_drift:
        url: https://tenant.example.com
        api_key: "{{ immuta_api_key }}"
        html: drift.html
      run_once: true
      register: drift

    - name: Fail if a cluster has drifted
      ansible.builtin.assert:
        that: drift.totals.drifted == 0
        quiet: true
      run_once: true
"""

RETURN = r"""
exit_code:
  description:
    - V(0) if every cluster is in sync. Otherwise the first of these that applies, V(2) if a cluster could not be
      compared or there was none, V(3) if one has drifted, V(4) if one is not enabled, V(5) if an integration is
      unmanaged and O(count_unmanaged=true).
  type: int
  returned: success
  sample: 3
compared_at:
  description: The time of the comparison, in UTC.
  type: str
  returned: success
  sample: "2026-11-25T03:15:00+00:00"
count_unmanaged:
  description: Whether unmanaged integrations count for RV(exit_code).
  type: bool
  returned: success
  sample: false
totals:
  description: The number of clusters, of clusters with each result, and of unmanaged integrations.
  type: dict
  returned: success
  sample: {"clusters": 2, "drifted": 1, "failed": 0, "in_order": 1, "not_enabled": 0, "unmanaged": 0}
clusters:
  description: The comparison of each host.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The inventory host.
      type: str
      sample: sales
    host:
      description: The host name of the cluster, V(none) if it cannot be evaluated.
      type: str
      sample: sales.def456.eu-central-1.redshift.amazonaws.com
    tenant:
      description: The URL of the tenant, V(none) if it cannot be evaluated.
      type: str
      sample: https://tenant.example.com
    id:
      description: The id of the integration, V(none) if there is no integration.
      type: str
      sample: "123456789"
    result:
      description: One of V(in_order), V(drifted), V(not_enabled) and V(failed).
      type: str
      sample: drifted
    status:
      description: The status of the integration in Immuta, V(none) if there is no integration.
      type: str
      sample: enabled
    action:
      description:
        - The C(action) that M(immuta.integrations.immuta_redshift_integration) would return, V(none) if it would
          fail.
      type: str
      sample: update
    differences:
      description: The settings that differ.
      type: list
      elements: str
      sample: ["impersonation.enabled"]
    values:
      description: Both values of each setting that differs.
      type: dict
      sample: {"impersonation.enabled": {"desired": false, "current": true}}
    failing_tests:
      description: The validation tests of Immuta that fail, with their messages.
      type: list
      elements: dict
      sample: [{"name": "Connection", "status": "failed", "message": "The cluster does not answer."}]
    message:
      description: The reason why the cluster could not be compared, or why Immuta cannot change a setting.
      type: str
unmanaged:
  description: The Redshift integrations in use that no inventory host describes.
  type: list
  elements: dict
  returned: success
  sample: [{"host": "old.example.com", "id": "7", "status": "enabled", "tenant": "https://tenant.example.com"}]
other_types:
  description: The number of integrations of each other type. They are not compared.
  type: dict
  returned: success
  sample: {"Snowflake": 3}
"""
