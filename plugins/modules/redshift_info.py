#!/usr/bin/python
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: redshift_info
short_description: Gather facts about an Amazon Redshift cluster and check Immuta's requirements
version_added: 1.0.0
description:
  - Reads the databases, schemas, users and groups of an Amazon Redshift cluster from its catalog.
  - Checks Immuta's requirements for the cluster and for the account that sets up the integration. The troubleshooting
    guide lists the messages, each with its source.
author:
  - The immuta.integrations contributors (@immuta-integrations)
extends_documentation_fragment:
  - immuta.integrations.attributes
  - immuta.integrations.attributes.actiongroup_redshift
  - immuta.integrations.redshift
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
  database:
    description:
      - The database of the integration. It does not have to exist yet.
      - The module reads its schemas. If it is not O(login_db), the account logs in to both.
      - If not set, the schemas of O(login_db) are read, and no requirement of a database is checked.
    type: str
  schemas:
    description:
      - Schemas to return. The default is all except system schemas.
      - A name is looked up exactly, then in lowercase, here and in the other options.
    type: list
    elements: str
  users:
    description: Users to return. The default is all except system users.
    type: list
    elements: str
  groups:
    description: Groups to return. The default is all except system groups.
    type: list
    elements: str
  single_database:
    description:
      - Whether O(database) must exist already, with the external tables of Redshift Spectrum, and is not created.
      - Immuta then requires all privileges on it, instead of its ownership.
    type: bool
    default: false
  require_system_login:
    description:
      - Whether to fail if O(system_user) exists with a different password than O(system_password).
    type: bool
    default: false
  integration_exists:
    description:
      - Whether Immuta has an integration in O(database) already. Other schemas in it are then expected, and privileges
        that only a setup needs are not required.
    type: bool
    default: false
  system_user:
    description: The system account that Immuta's scripts create.
    type: str
  system_password:
    description:
      - The password of O(system_user). If the account exists, the module tries one login with it, see RV(system_login).
    type: str
  impersonation_role:
    description: The Redshift group for impersonation, if it is enabled.
    type: str
seealso:
  - module: immuta.integrations.redshift_script
  - name: Configure a Redshift integration
    description: Immuta's documentation, with the requirements.
    link: https://documentation.immuta.com
"""

EXAMPLES = r"""
- name: Check the requirements
  immuta.integrations.redshift_info:
    login_host: cluster.example.com
    login_user: admin
    login_password: "{{ redshift_admin_password }}"
    login_db: dev
    database: immuta
    system_user: immuta_system
  register: redshift

- name: Fail if a requirement is not met
  ansible.builtin.assert:
    that: redshift.requirements_met
    fail_msg: "{{ redshift.requirements.validation_tests | selectattr('status', 'equalto', 'failed') }}"

- name: Find the objects of a partial setup
  immuta.integrations.redshift_info:
    login_host: cluster.example.com
    login_user: admin
    login_password: "{{ redshift_admin_password }}"
    login_db: dev
    database: immuta
    schemas:
      - immuta_system
      - immuta_functions
      - immuta_procedures
"""

RETURN = r"""
version:
  description: The version that the server reports.
  type: str
  returned: success
  sample: PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, Redshift 1.0.77467
current_user:
  description: The account that logged in.
  type: dict
  returned: success
  contains:
    name:
      description: The name.
      type: str
      sample: admin
    superuser:
      description: Whether it is a superuser.
      type: bool
      sample: false
    createdb:
      description: Whether it may create databases.
      type: bool
      sample: true
    createuser:
      description: Whether it may create users; V(null) if that is not known.
      type: bool
      sample: true
databases:
  description: The databases, except system databases.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The name.
      type: str
      sample: immuta
    owner:
      description: The owner.
      type: str
      sample: admin
    exists:
      description: Always V(true).
      type: bool
      sample: true
database_exists:
  description: Whether O(database) exists.
  type: bool
  returned: success
  sample: true
system_login:
  description:
    - V(accepted) or V(refused), for a login as O(system_user) with O(system_password). V(null) if there was no login,
      because the account does not exist, a password was not set, or O(login_host) is not known.
  type: str
  returned: success
  sample: accepted
other_schemas:
  description: The schemas of O(database) that are not empty and not Immuta's.
  type: list
  elements: str
  returned: success
  sample: [sales]
schemas:
  description: The schemas of O(database), limited to O(schemas) if that is set.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The name.
      type: str
      sample: immuta_system
    owner:
      description: The owner; V(null) if the schema does not exist.
      type: str
      sample: immuta_system
    exists:
      description: Whether it exists.
      type: bool
      sample: true
users:
  description: The users, limited to O(users) if that is set.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The name.
      type: str
      sample: immuta_system
    superuser:
      description: Whether it is a superuser; V(null) if it does not exist.
      type: bool
      sample: false
    createdb:
      description: Whether it may create databases; V(null) if it does not exist.
      type: bool
      sample: false
    exists:
      description: Whether it exists.
      type: bool
      sample: true
groups:
  description: The groups, limited to O(groups) if that is set.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: The name.
      type: str
      sample: immuta_impersonation
    exists:
      description: Whether it exists.
      type: bool
      sample: false
missing_schemas:
  description: The schemas in O(schemas) that do not exist.
  type: list
  elements: str
  returned: success
  sample: []
missing_users:
  description: The users in O(users) that do not exist.
  type: list
  elements: str
  returned: success
  sample: []
missing_groups:
  description: The groups in O(groups) that do not exist.
  type: list
  elements: str
  returned: success
  sample: [immuta_impersonation]
requirements:
  description: The results of the requirement checks, in the format of Immuta's validation results.
  type: dict
  returned: success
  contains:
    status:
      description: The worst of the tests, V(failed), V(warning), V(passed) or V(skipped).
      type: str
      sample: warning
    validation_tests:
      description: One test for each requirement.
      type: list
      elements: dict
      contains:
        name:
          description:
            - The requirement.
            - V(Python functions) depends on RV(version) alone, because servers that refuse Python functions still list
              the language.
            - With O(single_database), V(ALL PRIVILEGES ON DATABASE) replaces V(REVOKE ALL PRIVILEGES ON DATABASE).
          type: str
          sample: CREATE DATABASE
        status:
          description: V(passed), V(failed), V(warning), or V(skipped) if it does not apply or is not known.
          type: str
          sample: failed
        message:
          description: The finding and its fix.
          type: str
          sample: 'immuta_admin may not create databases: ALTER USER "immuta_admin" CREATEDB'
requirements_met:
  description: Whether none of the tests failed.
  type: bool
  returned: success
  sample: true
authentication_failed:
  description: Whether the server refused the account or its password.
  type: bool
  returned: if the login failed
  sample: false
database_missing:
  description: Whether O(login_db) does not exist.
  type: bool
  returned: if the login failed
  sample: false
"""

from ansible_collections.immuta.integrations.plugins.module_utils._common.runner import AnsibleModule, run_module
from ansible_collections.immuta.integrations.plugins.module_utils._modules.redshift_info import arguments, run


def main() -> None:
    run_module(AnsibleModule(supports_check_mode=True, **arguments()), run)


if __name__ == "__main__":
    main()
