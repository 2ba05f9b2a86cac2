#!/usr/bin/python
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: immuta_integration_info
short_description: List the integrations of an Immuta tenant
version_added: 1.0.0
description:
  - Returns one, some or all integrations of an Immuta tenant, of any type. Secrets are masked.
author:
  - The immuta.integrations contributors (@immuta-integrations)
extends_documentation_fragment:
  - immuta.integrations.attributes
  - immuta.integrations.attributes.actiongroup_immuta
  - immuta.integrations.immuta
  - immuta.integrations.wait
attributes:
  check_mode:
    support: full
    details:
      - This module does not modify state.
  diff_mode:
    support: N/A
    details:
      - This module does not modify state.
  idempotent:
    support: full
    details:
      - This module does not modify state.
options:
  id:
    description:
      - Return only the integration with this id.
    type: str
  type:
    description:
      - Return only integrations of this type, such as V(Redshift), V(Snowflake) or V(Databricks). Case does not matter.
    type: str
  host:
    description:
      - Return only integrations on this host. Case does not matter.
    type: str
  status:
    description:
      - Return only integrations in one of these statuses. With O(wait=true), the final status counts.
    type: list
    elements: str
  wait:
    description:
      - Whether to wait until every integration has left the statuses V(creating), V(editing), V(deleting) and
        V(migrating). An integration that is deleted meanwhile is not returned.
    type: bool
    default: false
notes:
  - Settings with the name of a secret are masked in integrations of every type, even if Immuta returns them in clear
    text, such as the API key of a Trino integration.
seealso:
  - module: immuta.integrations.immuta_redshift_integration
"""

EXAMPLES = r"""
- name: List all integrations
  immuta.integrations.immuta_integration_info:
    url: https://tenant.example.com
    api_key: "{{ immuta_api_key }}"
  register: result

- name: Find Redshift integrations with errors
  immuta.integrations.immuta_integration_info:
    url: https://tenant.example.com
    api_key: "{{ immuta_api_key }}"
    type: Redshift
    status: [createError, editError, deleteError, migrateError, recurringValidationError]
  register: broken

- name: Wait until Immuta has finished a change
  immuta.integrations.immuta_integration_info:
    url: https://tenant.example.com
    api_key: "{{ immuta_api_key }}"
    id: "123456789"
    wait: true
    wait_timeout: 900
"""

RETURN = r"""
integrations:
  description: The integrations as Immuta returns them, with keys in snake_case and secrets masked.
  type: list
  elements: dict
  returned: success
  contains:
    id:
      description: The id of the integration.
      type: str
      sample: "123456789"
    status:
      description: The status of the integration.
      type: str
      sample: enabled
    type:
      description: The type of the integration.
      type: str
      sample: Redshift
    auto_bootstrap:
      description: Whether Immuta prepared the platform itself.
      type: bool
      sample: false
    config:
      description:
        - The settings, which depend on the type.
        - For a Redshift integration, C(extra) holds the settings that
          O(immuta.integrations.immuta_redshift_integration#module:config) has no option for, spelled as in the API.
      type: dict
      sample: {"host": "cluster.example.com", "port": 5439, "password": "<REDACTED>"}
    hidden:
      description: The settings in C(config) that Immuta redacts or this module masks, with dots between levels.
      type: list
      elements: str
      sample: ["username", "password"]
    validation_results:
      description: The results of Immuta's validation tests.
      type: dict
"""

from ansible_collections.immuta.integrations.plugins.module_utils._common.runner import AnsibleModule, run_module
from ansible_collections.immuta.integrations.plugins.module_utils._modules.immuta_integration_info import arguments, run


def main() -> None:
    run_module(AnsibleModule(supports_check_mode=True, **arguments()), run)


if __name__ == "__main__":
    main()
