#!/usr/bin/python
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: redshift_script
short_description: Run a script of SQL statements in a Redshift database
version_added: 1.0.0
description:
  - Runs every statement of a script in an Amazon Redshift database, such as one that
    M(immuta.integrations.immuta_integration_script) has written, and says what state a failure leaves.
  - A script is refused before anything runs when a quote, comment or parenthesis is never closed, when it holds a psql
    meta-command, a NUL character, an invisible character between the words, a template expression that is not filled in
    or a statement over 16 MB, when it opens a transaction that it does not end, and when the file is JSON or HTML.
  - The server that runs the script decides how a backslash in a string is read. Amazon Redshift reads it as an escape,
    PostgreSQL as it is. What is wrong in both readings is refused before the login.
  - The text of a statement never appears in a result, since it can hold a password. A failure shows what the server
    said, with the names of objects and without values.
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
      - The script is split, the log-in is tried, and O(creates) is looked up. No statement of the script is run.
      - That O(login_db) does not exist is then no error, since the step that makes it may be in check mode too.
  diff_mode:
    support: full
    details:
      - The difference lists the line and the keywords of the statements, never their text.
  idempotent:
    support: partial
    details:
      - With O(creates), as long as what it names exists.
options:
  path:
    description: The script, in UTF-8, on the host that runs the module.
    type: path
    required: true
  checksum:
    description:
      - The checksum of the script to run, as M(immuta.integrations.immuta_integration_script) returns it. Another file
        is refused before the login and before anything runs.
    type: str
  checksum_key:
    description:
      - The key under which O(checksum) was made, which is the API key of Immuta. Needed with O(checksum).
      - If not set, the environment variable E(IMMUTA_API_KEY) is used.
    type: str
  remove:
    description:
      - Whether to remove the file as soon as it has been read, so that the password in it is not kept on disk.
        What fails afterwards needs the script to be generated again. Nothing is removed in check mode.
    type: bool
    default: false
  creates:
    description:
      - What the script creates. When everything named here exists, nothing is run.
      - Names are compared without regard to upper and lower case, as Redshift does by default.
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
      - V(single) runs the script as one transaction, so that it takes effect wholly or not at all. A script with a
        statement that Redshift does not run inside a transaction, such as C(CREATE DATABASE), is refused.
      - V(none) runs each statement by itself. What ran before a failure stays.
      - V(auto) is V(single) for a script that can be run so, else V(none). When the server refuses to run a statement
        inside the transaction (SQLSTATE C(25001) or C(2D000)), everything is rolled back, the script runs again
        statement by statement, and a warning names the statement.
      - A script of one statement needs no transaction around it.
    type: str
    choices: [auto, single, none]
    default: auto
  on_existing:
    description:
      - What to do about a statement that creates what exists already.
      - V(fail) ends there.
      - V(skip) skips it. Within one transaction, also one of the script's own, everything is rolled back and the
        transaction starts over without that statement, since Redshift has no savepoints. What else has to be skipped
        is found on the way, which takes up to three times the statements of the script.
    type: str
    choices: [fail, skip]
    default: fail
  on_missing:
    description:
      - What to do about a statement that takes away what does not exist, as after an earlier run of the script.
      - V(fail) ends there. V(skip) skips it, as O(on_existing) does.
    type: str
    choices: [fail, skip]
    default: fail
notes:
  - A statement that meets another session's transaction (serializable isolation violation) is tried again, or the whole
    transaction that it is part of.
  - A script that runs inside the controller process prints the number of its current statement every ten seconds,
    to the standard error stream. Set the environment variable E(IMMUTA_PROGRESS) to V(false) to switch that off.
  - Redshift can keep the text of statements in its own logs and system tables, passwords in it too. Change a password
    that must not be known to those who can read them.
seealso:
  - module: immuta.integrations.immuta_integration_script
  - module: immuta.integrations.redshift_info
"""

EXAMPLES = r"""
- name: Make Immuta's database
  immuta.integrations.redshift_script:
    login_host: cluster.example.com
    login_user: admin
    login_password: "{{ redshift_admin_password }}"
    login_db: dev
    path: /srv/immuta/initial_create.sql
    creates:
      database: immuta

- name: Make Immuta's schemas in it, all or none
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

- name: Finish what an earlier run left half done, with credentials from AWS
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
  description: Every statement of the script, in order. A failed result has them too.
  type: list
  elements: dict
  returned: when the script could be split and the log-in worked
  contains:
    index:
      description: Its number, from 1.
      type: int
      sample: 2
    line:
      description: The line of the script on which it begins, from 1.
      type: int
      sample: 7
    command:
      description: The keywords it begins with.
      type: str
      sample: CREATE USER
    outcome:
      description:
        - V(ok), V(skipped) (see O(on_existing)), or V(not_run), for example in check mode. V(rolled_back) is a
          statement in a transaction that the script itself rolls back.
        - After a failure also V(failed), V(rolled_back), or V(unknown) when the connection was lost meanwhile.
      type: str
      sample: ok
statement_count:
  description: How many statements the script has.
  type: int
  returned: success
  sample: 3
skipped_count:
  description: How many statements were skipped because what they create exists already.
  type: int
  returned: success
  sample: 0
user_skipped:
  description: Whether a C(CREATE USER) is among them, so that the password in the script was not set.
  type: bool
  returned: success
  sample: false
transaction:
  description: V(single) when the statements are one transaction, V(none) when each is its own.
  type: str
  returned: success
  sample: none
already_created:
  description: Whether everything in O(creates) existed already, so that nothing was run.
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
    - HMAC-SHA256 of the bytes of the script under O(checksum_key), the same as
      M(immuta.integrations.immuta_integration_script) returns. There is none without a key, since passwords could be
      tried against it.
  type: str
  returned: when O(checksum_key) is set
  sample: 3f786850e387550fdab836ed7e6dc881de23001b5e6f5f8a5d3f7c8a9e0b1c2d
failed_statement:
  description: The C(index), C(line) and C(command) of the statement that failed.
  type: dict
  returned: when a statement failed
  sample: {"index": 2, "line": 7, "command": "CREATE USER"}
sqlstate:
  description: The server's code for what went wrong.
  type: str
  returned: when the server gave one
  sample: "42710"
state:
  description:
    - What a failure leaves behind. V(unchanged) is nothing, V(partial) is the statements whose outcome is V(ok).
    - V(unknown) means that the connection was lost when it mattered, or that a procedure failed which may have
      committed before. Query the catalog before another run.
  type: str
  returned: when a statement failed
  sample: unchanged
line:
  description: The line that the script was refused for.
  type: int
  returned: when the script was refused
  sample: 12
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
from ansible_collections.immuta.integrations.plugins.module_utils._modules.redshift_script import arguments, run


def main() -> None:
    run_module(AnsibleModule(supports_check_mode=True, **arguments()), run)


if __name__ == "__main__":
    main()
