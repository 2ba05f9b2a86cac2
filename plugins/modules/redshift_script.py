#!/usr/bin/python
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: redshift_script
short_description: Run a SQL script in an Amazon Redshift database
version_added: 1.0.0
description:
  - Runs every statement of a script in an Amazon Redshift database, such as a script that
    M(immuta.integrations.immuta_integration_script) wrote. After a failure, it reports the state of the database.
  - A script is refused before anything runs if a quote, comment or parenthesis is never closed, if it contains a psql
    meta-command, a NUL character, an invisible character between words, an unrendered template expression or a
    statement over 16 MB, if it opens a transaction and does not end it, and if the file is JSON or HTML.
  - How a backslash in a string is read depends on the server. Amazon Redshift reads it as an escape, PostgreSQL as a
    plain character. A script that is invalid either way is refused before the login.
  - The text of a statement never appears in a result, because it can contain a password. A failure shows the message
    of the server, with object names but without values.
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
      - Splits the script, logs in, and checks for the objects in O(creates). Runs no statement of the script.
      - A missing O(login_db) is not an error, because the task that creates it may be in check mode too.
  diff_mode:
    support: full
    details:
      - Lists the line and the keywords of each statement, never its text.
  idempotent:
    support: partial
    details:
      - With O(creates), if all of its objects exist.
options:
  path:
    description: Path of the script on the host that runs the module, in UTF-8.
    type: path
    required: true
  checksum:
    description:
      - The checksum of the script to run, as M(immuta.integrations.immuta_integration_script) returns it. A file that
        does not match is refused before the login.
    type: str
  checksum_key:
    description:
      - The key of O(checksum), which is the API key of Immuta. Required with O(checksum).
      - If not set, the environment variable E(IMMUTA_API_KEY) is used.
    type: str
  remove:
    description:
      - Whether to remove the file as soon as it has been read, because it contains a password. After a failure,
        generate the script again. Nothing is removed in check mode.
    type: bool
    default: false
  creates:
    description:
      - Objects that the script creates. If all of them exist, nothing is run.
      - A name is looked up exactly, then in lowercase, as Redshift stores a name without quotes.
    type: dict
    suboptions:
      database:
        description: Databases.
        type: list
        elements: str
      schema:
        description: Schemas in O(login_db).
        type: list
        elements: str
      user:
        description: Users.
        type: list
        elements: str
      group:
        description: Groups.
        type: list
        elements: str
  transaction:
    description:
      - V(single) runs the script in one transaction, all or nothing. A script with a statement that Redshift cannot run
        in a transaction, such as C(CREATE DATABASE), is refused.
      - V(none) runs each statement in its own transaction. Statements before a failure stay in effect.
      - V(auto) is V(single) if the script can run in one transaction, else V(none). If the server refuses to run a
        statement in the transaction (SQLSTATE C(25001) or C(2D000)), everything is rolled back, the script runs again
        statement by statement, and a warning names the statement.
      - A script of one statement needs no transaction.
    type: str
    choices: [auto, single, none]
    default: auto
  on_existing:
    description:
      - What to do if a statement creates an object that already exists.
      - V(fail) stops there.
      - V(skip) skips the statement. In a transaction, including one in the script, everything is rolled back and the
        transaction starts over without that statement, because Redshift has no savepoints. This can take up to three
        times the statements of the script.
    type: str
    choices: [fail, skip]
    default: fail
  on_missing:
    description:
      - What to do if a statement drops or revokes something that does not exist, as after an earlier run of the script.
      - V(fail) stops there. V(skip) skips the statement, as in O(on_existing).
    type: str
    choices: [fail, skip]
    default: fail
notes:
  - A statement that conflicts with another session (serializable isolation violation) is retried. In a transaction, the
    whole transaction is retried.
  - A script that runs inside the controller process prints the number of its current statement to the standard error
    stream every ten seconds. Set the environment variable E(IMMUTA_PROGRESS) to V(false) to turn this off.
  - Redshift can keep the text of statements, including passwords, in its logs and system tables. If others can read
    these, change the password afterwards.
seealso:
  - module: immuta.integrations.immuta_integration_script
  - module: immuta.integrations.redshift_info
"""

EXAMPLES = r"""
- name: Create Immuta's database
  immuta.integrations.redshift_script:
    login_host: cluster.example.com
    login_user: admin
    login_password: "{{ redshift_admin_password }}"
    login_db: dev
    path: /srv/immuta/initial_create.sql
    creates:
      database: immuta

- name: Create Immuta's schemas in it, all or none
  immuta.integrations.redshift_script:
    login_host: cluster.example.com
    login_user: admin
    login_password: "{{ redshift_admin_password }}"
    login_db: immuta
    path: /srv/immuta/create.sql
    transaction: single
    creates:
      schema:
        - immuta_system
        - immuta_functions
        - immuta_procedures

- name: Resume a partial setup, with credentials from AWS
  immuta.integrations.redshift_script:
    auth_method: iam
    cluster_identifier: analytics
    region: eu-central-1
    db_user: admin
    login_db: dev
    path: /srv/immuta/initial_create.sql
    on_existing: skip
"""

RETURN = r"""
statements:
  description: The statements of the script, in order.
  type: list
  elements: dict
  returned: if the script could be split and the login succeeded, also after a failure
  contains:
    index:
      description: The number of the statement, from 1.
      type: int
      sample: 2
    line:
      description: The line of the script on which it starts, from 1.
      type: int
      sample: 7
    command:
      description: The keywords at its start.
      type: str
      sample: CREATE USER
    outcome:
      description:
        - V(ok), V(skipped) (see O(on_existing)), or V(not_run), for example in check mode. V(rolled_back) is a
          statement in a transaction that the script itself rolls back.
        - After a failure also V(failed), V(rolled_back), or V(unknown) if the connection was lost during the statement.
      type: str
      sample: ok
statement_count:
  description: The number of statements in the script.
  type: int
  returned: success
  sample: 3
skipped_count:
  description: The number of statements skipped because of O(on_existing) or O(on_missing).
  type: int
  returned: success
  sample: 0
user_skipped:
  description: Whether a C(CREATE USER) was skipped. The user then keeps its password.
  type: bool
  returned: success
  sample: false
transaction:
  description: V(single) if the script runs in one transaction, else V(none).
  type: str
  returned: success
  sample: none
already_created:
  description: Whether all objects in O(creates) existed already. Nothing was then run.
  type: bool
  returned: success
  sample: false
database_exists:
  description: Whether O(login_db) exists; V(false) in check mode only.
  type: bool
  returned: success
  sample: true
checksum:
  description:
    - HMAC-SHA256 of the bytes of the script, keyed with O(checksum_key), the same as
      M(immuta.integrations.immuta_integration_script) returns. A checksum without a key would let others guess
      passwords from it.
  type: str
  returned: if O(checksum_key) is set
  sample: 3f786850e387550fdab836ed7e6dc881de23001b5e6f5f8a5d3f7c8a9e0b1c2d
failed_statement:
  description: The C(index), C(line) and C(command) of the statement that failed.
  type: dict
  returned: if a statement failed
  sample: {"index": 2, "line": 7, "command": "CREATE USER"}
sqlstate:
  description: The error code of the server.
  type: str
  returned: if the server sent one
  sample: "42710"
state:
  description:
    - The state of the database after the failure. V(unchanged) means that nothing took effect, V(partial) that the
      statements with the outcome V(ok) did.
    - V(unknown) means that the connection was lost at a point where it mattered, or that a failed procedure may have
      committed earlier. Check the catalog before another run.
  type: str
  returned: if a statement failed
  sample: unchanged
line:
  description: The line of the script that caused the refusal.
  type: int
  returned: if the script was refused
  sample: 12
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
from ansible_collections.immuta.integrations.plugins.module_utils._modules.redshift_script import arguments, run


def main() -> None:
    run_module(AnsibleModule(supports_check_mode=True, **arguments()), run)


if __name__ == "__main__":
    main()
