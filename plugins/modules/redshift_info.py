#!/usr/bin/python
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: redshift_info
short_description: Say what stands in a Redshift, and check Immuta's requirements
version_added: 1.0.0
description:
  - Reads databases, schemas, users and groups of an Amazon Redshift from its catalog.
  - Checks what Immuta requires of the cluster and of the account that sets the integration up. The troubleshooting
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
      - The database that Immuta has, or shall have.
      - Its schemas are read, for which the account logs in there too when it is not O(login_db). It need not exist.
      - The default is to read the schemas of O(login_db), and to check no requirement of a database.
    type: str
  schemas:
    description:
      - Schemas to look for; the default is all but those of the system.
      - Here and in the other options, names are compared without regard to upper and lower case.
    type: list
    elements: str
  users:
    description: Users to look for; the default is all but those of the system.
    type: list
    elements: str
  groups:
    description: Groups to look for; the default is all but those of the system.
    type: list
    elements: str
  single_database:
    description:
      - Whether O(database) has to exist already, with the external tables of Redshift Spectrum, and is not created.
      - Immuta then asks for all privileges on it, and not for its owner.
    type: bool
    default: false
  require_system_login:
    description:
      - Whether to fail when O(system_user) exists and does not accept O(system_password).
    type: bool
    default: false
  integration_exists:
    description:
      - Whether Immuta has an integration in O(database) already. Other schemas in it are expected then, and rights that
        only a setup needs are not required.
    type: bool
    default: false
  system_user:
    description: The account that Immuta's scripts create.
    type: str
  system_password:
    description:
      - The password of O(system_user). When the account exists, one login with it is tried; see RV(system_login).
    type: str
  impersonation_role:
    description: The group for user impersonation, if that is wanted.
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

- name: Stop when one is not met
  ansible.builtin.assert:
    that: redshift.requirements_met
    fail_msg: "{{ redshift.requirements.validation_tests | selectattr('status', 'equalto', 'failed') }}"

- name: See how far an earlier setup came
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
  description: What the server says it is.
  type: str
  returned: success
  sample: PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, Redshift 1.0.77467
current_user:
  description: The account that is logged in.
  type: dict
  returned: success
  contains:
    name:
      description: Its name.
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
      description: Whether it may create users; V(null) when that cannot be found out.
      type: bool
      sample: true
databases:
  description: The databases, without those of the system.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Its name.
      type: str
      sample: immuta
    owner:
      description: Its owner.
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
    - Whether O(system_user) could log in with O(system_password), which is V(accepted) or V(refused). V(null) when that
      was not tried, because the account does not exist, a password was not set, or O(login_host) is not known.
  type: str
  returned: success
  sample: accepted
other_schemas:
  description: The schemas of O(database) that hold something and are not Immuta's.
  type: list
  elements: str
  returned: success
  sample: [sales]
schemas:
  description: The schemas of O(database), those of O(schemas) or all.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Its name.
      type: str
      sample: immuta_system
    owner:
      description: Its owner; V(null) when it does not exist.
      type: str
      sample: immuta_system
    exists:
      description: Whether it exists.
      type: bool
      sample: true
users:
  description: The users, those of O(users) or all.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Its name.
      type: str
      sample: immuta_system
    superuser:
      description: Whether it is a superuser; V(null) when it does not exist.
      type: bool
      sample: false
    createdb:
      description: Whether it may create databases; V(null) when it does not exist.
      type: bool
      sample: false
    exists:
      description: Whether it exists.
      type: bool
      sample: true
groups:
  description: The groups, those of O(groups) or all.
  type: list
  elements: dict
  returned: success
  contains:
    name:
      description: Its name.
      type: str
      sample: immuta_impersonation
    exists:
      description: Whether it exists.
      type: bool
      sample: false
missing_schemas:
  description: Those of O(schemas) that do not exist.
  type: list
  elements: str
  returned: success
  sample: []
missing_users:
  description: Those of O(users) that do not exist.
  type: list
  elements: str
  returned: success
  sample: []
missing_groups:
  description: Those of O(groups) that do not exist.
  type: list
  elements: str
  returned: success
  sample: [immuta_impersonation]
requirements:
  description: Immuta's requirements, in the shape of Immuta's own validation results.
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
            - V(Python functions) follows from RV(version) alone, since the language is also listed by servers that
              refuse functions in it.
            - With O(single_database), V(ALL PRIVILEGES ON DATABASE) takes the place of
              V(REVOKE ALL PRIVILEGES ON DATABASE).
          type: str
          sample: CREATE DATABASE
        status:
          description: V(passed), V(failed), V(warning), or V(skipped) when it does not apply or cannot be found out.
          type: str
          sample: failed
        message:
          description: What was found, and what would fix it.
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
  returned: when the log-in failed
  sample: false
database_missing:
  description: Whether O(login_db) does not exist.
  type: bool
  returned: when the log-in failed
  sample: false
"""

from ansible_collections.immuta.integrations.plugins.module_utils._common.runner import AnsibleModule, run_module
from ansible_collections.immuta.integrations.plugins.module_utils._modules.redshift_info import arguments, run


def main() -> None:
    run_module(AnsibleModule(supports_check_mode=True, **arguments()), run)


if __name__ == "__main__":
    main()
