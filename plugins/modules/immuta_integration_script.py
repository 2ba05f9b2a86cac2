#!/usr/bin/python
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: immuta_integration_script
short_description: Have Immuta generate a script for a Redshift cluster
version_added: 1.0.0
description:
  - Has Immuta generate one of the scripts that prepare, change or clean an Amazon Redshift cluster, and writes it to
    a file.
  - The script holds the password of Immuta's account, so that it goes to the file byte for byte and never through a
    result. Ansible would replace the password there, and the script would no longer work.
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
      - Immuta generates the script, which changes nothing there. It is compared, and nothing is written.
  diff_mode:
    support: full
    details:
      - The whole script is shown, procedure bodies, literals and comments included. Hidden are the secrets of O(config)
        and what follows a word for a password, key or token.
  idempotent:
    support: full
    details:
      - As long as Immuta generates the same text.
options:
  state:
    description:
      - V(present) writes the script. V(absent) deletes the file O(dest), and what a killed task left of writing it,
        without asking Immuta.
    type: str
    choices: [present, absent]
    default: present
  script:
    description:
      - Required with O(state=present).
      - V(initial_create) is the first script of a manual setup, to be run in O(config.initial_database).
      - V(create) is the second one, to be run in O(config.database).
      - V(edit) prepares a change of the integration O(id) to what O(config) says. What O(config) leaves out stays as
        it is.
      - V(delete) removes what Immuta made for the integration O(id).
      - V(cleanup) removes what a setup left that did not come to its end.
    type: str
    choices: [initial_create, create, edit, delete, cleanup]
  id:
    description:
      - The id of the integration, for O(script=edit) and O(script=delete).
    type: str
  config:
    description:
      - The settings of the integration, the same as are given to
        M(immuta.integrations.immuta_redshift_integration). Not used for O(script=delete).
  dest:
    description:
      - The file to write. Its directory must exist, unless O(create_parents=true).
    type: path
    required: true
  create_parents:
    description:
      - Whether to create the directory of O(dest), open to its owner only, when it is missing.
    type: bool
    default: false
  require_unchanged:
    description:
      - Whether to fail, instead of writing, when O(dest) does not hold what Immuta generates now.
    type: bool
    default: false
  server_version:
    description:
      - The version of the server that the script is for, as RV(immuta.integrations.redshift_info#module:version) gives
        it. The script is inspected for what that server refuses, such as Python functions.
      - Without it, or with one that is not known, these are reported as warnings.
    type: str
  require_runnable:
    description:
      - Whether to fail, instead of writing, when RV(inspection) has an error.
    type: bool
    default: false
  reviewed_checksum:
    description:
      - The RV(checksum) of the script that somebody has reviewed. The task fails, and writes nothing, when Immuta
        generates another script. With O(require_unchanged=true), it fails when O(dest) holds another script, and what
        Immuta generates now does not matter.
      - Where the reviewed script is there to compare with, the failure shows the lines that differ.
    type: str
  check_repeatable:
    description:
      - Whether to have Immuta generate the script twice, and to warn when the two differ. A script that changes each
        time cannot be generated again after a review, so its file has to be kept.
    type: bool
    default: false
  review:
    description:
      - Renders scripts for a person to review, as text of 80 columns and as an HTML page. A summary of what they
        create, change, drop and grant comes first, then every line. Secrets are masked as in the difference.
    type: dict
    suboptions:
      dest:
        description:
          - The files to write, without their extensions C(.txt) and C(.html). Their mode is C(0600).
        type: path
        required: true
      host:
        description: The cluster, for the title.
        type: str
      login:
        description: The account that will run the scripts.
        type: str
      scripts:
        description:
          - The scripts, in the order in which they will run. The one of this task is rendered as it is generated, the
            others as they are in their files. A file that does not exist is left out.
        type: list
        elements: dict
        required: true
        suboptions:
          name:
            description: The name of the script.
            type: str
            required: true
          path:
            description: Its file.
            type: path
            required: true
          database:
            description: The database in which it will run.
            type: str
            required: true
  mode:
    description:
      - The permissions of the file, as octal text. Others than owner and group can be given none.
    type: raw
    default: "0600"
  backup:
    description:
      - Whether to keep the file that was there before, under a name with the date and time.
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

- name: Generate the script that removes what Immuta made
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
  description: The file.
  type: str
  returned: success
  sample: /srv/immuta/initial_create.sql
checksum:
  description:
    - HMAC-SHA256 of the bytes of the script under O(api_key), as hexadecimal digits. Scripts that differ in one byte
      have different checksums. Nobody without the key can try passwords against it, or make a script that fits it.
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
  description: The number of statements in the script, or V(null) when it cannot be split.
  type: int
  returned: success
  sample: 12
inspection:
  description:
    - What the server is known to refuse in the script, found before any of it runs. Each message is a warning of the
      task too.
    - Statements that create Python functions or libraries, psql commands and other text that
      M(immuta.integrations.redshift_script) refuses, statements about a database that is neither O(config.database)
      nor O(config.initial_database) when both are set, and a script without statements.
  type: list
  elements: dict
  returned: success, and when O(require_runnable=true) made the task fail
  contains:
    severity:
      description: V(error) for what cannot run, V(warning) for what may not run.
      type: str
      sample: error
    line:
      description: The line in the script; V(null) for the whole script.
      type: int
      sample: 40
    command:
      description: The kind of statement; V(null) when it is not known.
      type: str
      sample: CREATE FUNCTION
    message:
      description: The finding as a sentence, without any text of the script but the name of a database.
      type: str
      sample: >-
        Line 40 of the script, CREATE FUNCTION, creates a Python function, which this server refuses, as Redshift does
        since its patch 198. Ask Immuta for a script without Python functions. Running the script again does not help.
varying_lines:
  description:
    - How two scripts differ that Immuta generated one after the other, as a unified difference without secrets. Empty
      when they are the same.
  type: list
  elements: str
  returned: with O(check_repeatable=true)
  sample: ["@@ -1,1 +1,1 @@", "--- salt 1", "+-- salt 2"]
difference:
  description:
    - How the script differs from the reviewed one, as a unified difference without secrets. Invisible characters and
      spaces at the end of a line are shown as escapes.
  type: list
  elements: str
  returned: when the script is not the one of O(reviewed_checksum), and the reviewed one is there to compare with
  sample: ["@@ -1,1 +1,1 @@", "-GRANT USAGE ON SCHEMA a TO b;", "+GRANT USAGE ON SCHEMA a TO PUBLIC;"]
backup_file:
  description: The file that the former script was kept in.
  type: str
  returned: when O(backup=true) and the file was replaced
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
