#!/usr/bin/python
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: immuta_integration_script
short_description: Generate a bootstrap script for an Amazon Redshift cluster
version_added: 1.0.0
description:
  - Has Immuta generate one of the scripts that set up, change or clean up an Amazon Redshift cluster, and writes it to
    a file.
  - The script contains the password of Immuta's system account. It is written byte for byte and is never part of a
    result, where Ansible would mask the password and break the script.
author:
  - The immuta.integrations contributors (@immuta-integrations)
extends_documentation_fragment:
  - immuta.integrations.attributes
  - immuta.integrations.attributes.actiongroup_immuta
  - immuta.integrations.immuta
  - immuta.integrations.config
attributes:
  check_mode:
    support: full
    details:
      - Immuta generates the script, which changes nothing in Immuta. The file is compared but not written.
  diff_mode:
    support: full
    details:
      - Shows the whole script, including procedure bodies, literals and comments. The secrets of O(config) are hidden,
        and any text after a word for a password, key or token.
  idempotent:
    support: full
    details:
      - If Immuta generates the same text each time.
options:
  state:
    description:
      - V(present) writes the script. V(absent) deletes the file O(dest) and any temporary file of a killed task. It
        sends no request to Immuta.
    type: str
    choices: [present, absent]
    default: present
  script:
    description:
      - Required with O(state=present).
      - V(initial_create) is the first script of a manual setup. Run it in O(config.initial_database).
      - V(create) is the second script of a manual setup. Run it in O(config.database).
      - V(edit) prepares a change of the integration O(id) to the settings in O(config). Settings that O(config) omits
        do not change.
      - V(delete) removes the objects that Immuta created for the integration O(id).
      - V(cleanup) removes the objects of a failed or interrupted setup.
    type: str
    choices: [initial_create, create, edit, delete, cleanup]
  id:
    description:
      - The id of the integration, for O(script=edit) and O(script=delete).
    type: str
  config:
    description:
      - The settings of the integration, the same as in M(immuta.integrations.immuta_redshift_integration). Not used
        with O(script=delete).
  dest:
    description:
      - Path of the file to write. Its directory must exist, unless O(create_parents=true).
    type: path
    required: true
  create_parents:
    description:
      - Whether to create the directory of O(dest), with mode C(0700), if it is missing.
    type: bool
    default: false
  require_unchanged:
    description:
      - Whether to fail, instead of writing, if the script in O(dest) is not the one that Immuta generates now.
    type: bool
    default: false
  server_version:
    description:
      - The version of the server that runs the script, as in RV(immuta.integrations.redshift_info#module:version). The
        module inspects the script for statements that this server refuses, such as those that create Python functions.
      - If it is not set, or not known, these are reported as warnings.
    type: str
  require_runnable:
    description:
      - Whether to fail, instead of writing, if RV(inspection) has an error.
    type: bool
    default: false
  reviewed_checksum:
    description:
      - The RV(checksum) of the reviewed script. The task fails, and writes nothing, if Immuta generates a different
        script. With O(require_unchanged=true), it checks the script in O(dest) instead, and ignores the one that
        Immuta generates now.
      - If the reviewed script is available for comparison, the failure shows the lines that differ.
    type: str
  check_repeatable:
    description:
      - Whether to have Immuta generate the script twice, and warn if the two differ. A script that changes each time
        cannot be generated again after a review, so keep its file.
    type: bool
    default: false
  review:
    description:
      - Renders scripts for review, as text of 80 columns and as an HTML page. A summary of the objects that they
        create, change, drop and grant comes first, then every line. Secrets are masked as in diff mode.
    type: dict
    suboptions:
      dest:
        description:
          - Path of the files to write, without their extensions C(.txt) and C(.html). Their mode is C(0600).
        type: path
        required: true
      host:
        description: Host name of the cluster, for the title.
        type: str
      login:
        description: The account that runs the scripts.
        type: str
      scripts:
        description:
          - The scripts, in the order in which they run. The script of this task is rendered as generated, the others
            from their files. A file that does not exist is omitted.
        type: list
        elements: dict
        required: true
        suboptions:
          name:
            description: The name of the script.
            type: str
            required: true
          path:
            description: Path of the script.
            type: path
            required: true
          database:
            description: The database in which it runs.
            type: str
            required: true
  mode:
    description:
      - The permissions of the file, as octal text. Only the owner and the group can have any.
    type: raw
    default: "0600"
  backup:
    description:
      - Whether to keep the previous file, under a name with the date and time.
    type: bool
    default: false
seealso:
  - module: immuta.integrations.redshift_script
  - module: immuta.integrations.immuta_redshift_integration
"""

EXAMPLES = r"""
- name: Generate the first script of a manual setup
  immuta.integrations.immuta_integration_script:
    url: https://tenant.example.com
    api_key: "{{ immuta_api_key }}"
    script: initial_create
    dest: /srv/immuta/initial_create.sql
    config:
      host: cluster.example.com
      database: immuta
      initial_database: dev
      authentication_type: userPassword
      username: immuta_system
      password: "{{ immuta_system_password }}"

- name: Read the version of the server
  immuta.integrations.redshift_info:
    login_host: cluster.example.com
    login_user: admin
    login_password: "{{ redshift_admin_password }}"
    login_db: dev
  register: redshift

- name: Generate the second script, unless this server cannot run it
  immuta.integrations.immuta_integration_script:
    url: https://tenant.example.com
    api_key: "{{ immuta_api_key }}"
    script: create
    dest: /srv/immuta/create.sql
    server_version: "{{ redshift.version }}"
    require_runnable: true
    config:
      host: cluster.example.com
      database: immuta
      initial_database: dev
      authentication_type: userPassword
      username: immuta_system
      password: "{{ immuta_system_password }}"

- name: Generate the script that removes Immuta's objects
  immuta.integrations.immuta_integration_script:
    url: https://tenant.example.com
    api_key: "{{ immuta_api_key }}"
    script: delete
    id: "123456789"
    dest: /srv/immuta/delete.sql

- name: Delete a script that has been run
  immuta.integrations.immuta_integration_script:
    url: https://tenant.example.com
    api_key: "{{ immuta_api_key }}"
    state: absent
    dest: /srv/immuta/delete.sql
"""

RETURN = r"""
dest:
  description: Path of the file.
  type: str
  returned: success
  sample: /srv/immuta/initial_create.sql
checksum:
  description:
    - HMAC-SHA256 of the bytes of the script, keyed with O(api_key), as hexadecimal digits. Scripts that differ in one
      byte have different checksums. Without the key, it cannot be used to guess passwords or to forge a script.
    - A new API key changes every checksum.
  type: str
  returned: success
  sample: 3f786850e387550fdab836ed7e6dc881de23001b5e6f5f8a5d3f7c8a9e0b1c2d
size:
  description: The size of the script in bytes.
  type: int
  returned: success
  sample: 4711
statement_count:
  description: The number of statements in the script, or V(null) if it cannot be split.
  type: int
  returned: success
  sample: 12
inspection:
  description:
    - Statements in the script that the server is known to refuse, found before any of them runs. Each message is also
      a warning of the task.
    - These are statements that create Python functions or libraries, psql commands and other text that
      M(immuta.integrations.redshift_script) refuses, statements about a database that is neither O(config.database)
      nor O(config.initial_database) if both are set, and a script without statements.
  type: list
  elements: dict
  returned: success, and if O(require_runnable=true) made the task fail
  contains:
    severity:
      description: V(error) for a statement that cannot run, V(warning) for one that may fail.
      type: str
      sample: error
    line:
      description: The line in the script; V(null) for the whole script.
      type: int
      sample: 40
    command:
      description: The kind of statement; V(null) if it is not known.
      type: str
      sample: CREATE FUNCTION
    message:
      description: The finding as a sentence. The only text from the script in it is the name of a database.
      type: str
      sample: >-
        Line 40 of the script, CREATE FUNCTION, creates a Python function, which this server refuses, like every
        Redshift since patch 198. Ask Immuta for a script without Python functions. Running the script again does not
        help.
varying_lines:
  description:
    - The unified diff, without secrets, of two scripts that Immuta generated one after the other. Empty if they are
      the same.
  type: list
  elements: str
  returned: with O(check_repeatable=true)
  sample: ["@@ -1,1 +1,1 @@", "--- salt 1", "+-- salt 2"]
difference:
  description:
    - The unified diff, without secrets, between the reviewed script and this one. Invisible characters and trailing
      spaces are shown as escapes.
  type: list
  elements: str
  returned: if the script does not match O(reviewed_checksum), and the reviewed one is available for comparison
  sample: ["@@ -1,1 +1,1 @@", "-GRANT USAGE ON SCHEMA a TO b;", "+GRANT USAGE ON SCHEMA a TO PUBLIC;"]
backup_file:
  description: Path of the backup of the previous script.
  type: str
  returned: if O(backup=true) and the file was replaced
  sample: /srv/immuta/initial_create.sql.2026-01-31@12:00:00~
"""

from ansible_collections.immuta.integrations.plugins.module_utils._common.runner import AnsibleModule, run_module
from ansible_collections.immuta.integrations.plugins.module_utils._modules.immuta_integration_script import (
    arguments,
    run,
)


def main() -> None:
    run_module(AnsibleModule(supports_check_mode=True, **arguments()), run)


if __name__ == "__main__":
    main()
