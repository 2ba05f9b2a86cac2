#!/usr/bin/python
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: immuta_redshift_plan
short_description: Plan a run of the role immuta_redshift
version_added: 1.0.0
description:
  - Plans a run of the role P(immuta.integrations.immuta_redshift#role) from its options, the current integration in
    Immuta, and the catalog of Redshift.
  - It waits until Immuta has settled and compares with one GET request. It changes nothing, and does not connect to
    Redshift.
  - The role calls it. Playbooks rarely need it.
author:
  - The immuta.integrations contributors (@immuta-integrations)
extends_documentation_fragment:
  - immuta.integrations.attributes
  - immuta.integrations.attributes.actiongroup_immuta
  - immuta.integrations.immuta
  - immuta.integrations.config
  - immuta.integrations.wait
attributes:
  check_mode:
    support: full
    details:
      - In check mode, it plans a preview and does not wait for Immuta.
  diff_mode:
    support: N/A
    details:
      - This module does not modify state.
  idempotent:
    support: full
    details:
      - This module does not modify state.
options:
  url:
    description:
      - URL of the Immuta tenant, such as V(https://tenant.example.com). Not used with O(part=preflight).
      - If not set, the environment variable E(IMMUTA_URL) is used.
    type: str
    required: false
  api_key:
    description:
      - API key of a user with the Immuta permission C(APPLICATION_ADMIN). Not used with O(part=preflight).
      - If not set, the environment variable E(IMMUTA_API_KEY) is used.
    type: str
    required: false
  part:
    description:
      - The entry point of the role. With V(remove), O(state) counts as V(absent).
    type: str
    choices: [main, preflight, generate, execute, register, remove]
    default: main
  state:
    description:
      - The role's variable C(immuta_redshift_state).
    type: str
    choices: [present, absent]
    default: present
  setup:
    description:
      - The role's variable C(immuta_redshift_setup).
    type: str
    choices: [manual, automatic]
    default: manual
  config:
    description:
      - The settings of the integration. Secrets are not needed and should be left out.
    required: true
  account:
    description:
      - The system account of Immuta in Redshift, empty if it is not known.
    type: str
    default: ""
  has_login:
    description:
      - Whether the role knows the password of O(account).
    type: bool
    default: false
  script_dir:
    description:
      - The role's variable C(immuta_redshift_script_dir).
    type: path
    default: ""
  execute:
    description:
      - The role's variable C(immuta_redshift_execute).
    type: bool
    default: true
  executed:
    description:
      - The role's variable C(immuta_redshift_executed).
    type: bool
    default: false
  single_database:
    description:
      - The role's variable C(immuta_redshift_single_database).
    type: bool
    default: false
  on_partial:
    description:
      - The role's variable C(immuta_redshift_on_partial).
    type: str
    choices: [resume, cleanup, fail]
    default: resume
  preflight:
    description:
      - The role's variable C(immuta_redshift_preflight).
    type: bool
    default: true
  transaction:
    description:
      - The role's variable C(immuta_redshift_transaction).
    type: str
    choices: [auto, single, none]
    default: auto
  update_secrets:
    description:
      - The role's variable C(immuta_redshift_update_secrets).
    type: str
    choices: [on_create, always]
    default: on_create
  reviewed:
    description:
      - The role's variable C(immuta_redshift_reviewed). If not set, no review is required.
    type: dict
  checksum_key:
    description:
      - The option O(immuta.integrations.redshift_script#module:checksum_key) of the tasks that run the scripts.
      - If not set, the value of environment variable E(IMMUTA_API_KEY) is used.
    type: str
  login:
    description:
      - The account that runs the scripts, for the review. Empty if it is not known.
    type: str
    default: ""
  comparison:
    description:
      - The RV(comparison) of an earlier plan. If not set, Immuta is queried.
    type: dict
    default: {}
  catalog:
    description:
      - The result of M(immuta.integrations.redshift_info) with the options in RV(gather).
    type: dict
    default: {}
seealso:
  - module: immuta.integrations.immuta_redshift_integration
  - module: immuta.integrations.redshift_info
"""

EXAMPLES = r"""
- name: Plan a run of the role
  immuta.integrations.immuta_redshift_plan:
    url: https://tenant.example.com
    api_key: "{{ immuta_api_key }}"
    config:
      host: cluster.example.com
      database: immuta
      initial_database: dev
      authentication_type: userPassword
    account: immuta_system
  check_mode: true
  register: plan

- name: Show whether the role has work to do
  ansible.builtin.debug:
    var: plan.has_work
"""

RETURN = r"""
comparison:
  description: What M(immuta.integrations.immuta_redshift_integration) returns in check mode.
  type: dict
  returned: success
  sample: {exists: true, would_change: false}
gather:
  description: The options of M(immuta.integrations.redshift_info) if the plan needs the catalog, else V(null).
  type: dict
  returned: success
  sample: {login_db: dev, database: immuta}
verify:
  description:
    - The options of M(immuta.integrations.redshift_info) for a login as the system account after the scripts have run,
      else V(null).
  type: dict
  returned: success
  sample: {login_db: immuta, system_user: immuta_system}
has_work:
  description: Whether there is anything to do.
  type: bool
  returned: success
  sample: true
binds:
  description:
    - Whether O(checksum_key) is the API key. Only then can the tasks that run the scripts verify that each script is
      the generated one.
  type: bool
  returned: success
  sample: true
steps:
  description: The scripts, in order.
  type: list
  elements: dict
  returned: success
  contains:
    script:
      description: The name of the script.
      type: str
      sample: initial_create
    database:
      description: The database that it runs in.
      type: str
      sample: dev
    generate:
      description: Options of M(immuta.integrations.immuta_integration_script).
      type: dict
      sample: {script: initial_create, dest: /srv/immuta/cluster.example.com.initial_create.sql}
    run:
      description: Options of M(immuta.integrations.redshift_script).
      type: dict
      sample: {path: /srv/immuta/cluster.example.com.initial_create.sql, login_db: dev}
generate:
  description: Whether to generate the scripts.
  type: bool
  returned: success
  sample: true
run:
  description: Whether to run the scripts.
  type: bool
  returned: success
  sample: true
register:
  description: Whether to create, update or delete the integration.
  type: bool
  returned: success
  sample: true
temporary:
  description: Files to delete at the end.
  type: list
  elements: str
  returned: success
  sample: []
report:
  description: Lines to show about scripts that this run does not run, and about objects that a removal leaves.
  type: list
  elements: str
  returned: success
  sample: []
login:
  description: Options of action group C(immuta.integrations.redshift) that follow from O(config).
  type: dict
  returned: success
  sample: {login_host: cluster.example.com, login_port: 5439}
result:
  description: The known part of the role's result fact.
  type: dict
  returned: success
  sample: {changed: false, exists: false}
failed_requirements:
  description: The requirements that are not met.
  type: list
  elements: str
  returned: if a requirement is not met
  sample: ["admin may not create users: GRANT ROLE sys:secadmin TO \"admin\""]
"""


from ansible_collections.immuta.integrations.plugins.module_utils._common.runner import AnsibleModule, run_module
from ansible_collections.immuta.integrations.plugins.module_utils._modules.immuta_redshift_plan import arguments, run


def main() -> None:
    run_module(AnsibleModule(supports_check_mode=True, **arguments()), run)


if __name__ == "__main__":
    main()
