#!/usr/bin/python
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: immuta_redshift_integration
short_description: Manage an Amazon Redshift integration in Immuta
version_added: 1.0.0
description:
  - Creates, updates, repairs or deletes the integration of an Amazon Redshift cluster in Immuta.
  - It connects to Immuta only. With O(auto_bootstrap=false), run the bootstrap scripts in the cluster first, see
    M(immuta.integrations.immuta_integration_script) and M(immuta.integrations.redshift_script). The role
    P(immuta.integrations.immuta_redshift#role) does all of this in order.
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
      - Sends only GET requests, and the login request of O(auth_scheme=bearer).
  diff_mode:
    support: full
    details:
      - Secrets are masked on both sides. A masked password next to C(<REDACTED>) means that credentials are sent.
  idempotent:
    support: partial
    details:
      - Full with O(update_secrets=on_create). With O(update_secrets=always), every run sends the credentials.
options:
  state:
    description:
      - V(present) ensures that the integration exists with these settings and is enabled. It repairs an integration
        whose creation failed.
      - V(absent) ensures that the integration does not exist. After a manual setup, first run the V(delete) script of
        M(immuta.integrations.immuta_integration_script) to remove Immuta's objects from the cluster.
    type: str
    choices: [present, absent]
    default: present
  id:
    description:
      - The id of the integration. If not set, the integration is found by its type and O(config.host).
    type: str
  auto_bootstrap:
    description:
      - Whether Immuta sets up the cluster itself, with the credentials of a privileged account that it does not keep.
      - Required with O(state=present). It cannot be changed later.
    type: bool
  config:
    description:
      - With O(state=present), O(config.host), O(config.database), O(config.initial_database) and
        O(config.authentication_type) are required. Settings that you omit do not change.
      - Credentials are required to create or change the integration, but not to compare it, and not in check mode.
      - With O(state=absent), O(config.host) or O(id) is enough after a manual setup. After an automatic setup,
        O(config.authentication_type) and the credentials of a privileged account are also required.
  update_secrets:
    description:
      - When to send credentials. They cannot be compared, because Immuta does not return them.
      - V(on_create) sends them when the integration is created, or changed for another reason.
      - V(always) sends them in every run, which then always reports a change.
    type: str
    choices: [on_create, always]
    default: on_create
notes:
  - With O(auto_bootstrap=true), the format of the credentials that a deletion sends is an assumption, because Immuta's
    documentation has no example of it. With an undocumented O(config.authentication_type), it sends all of
    O(config.extra).
  - Authentication types other than V(userPassword) and V(okta) are untested against Immuta.
  - Immuta refuses to change some settings, and its documentation does not list them. The failure then includes
    Immuta's message.
seealso:
  - module: immuta.integrations.immuta_integration_info
  - module: immuta.integrations.immuta_integration_script
  - name: Configure a Redshift Integration
    description: Immuta's documentation of the API that this module calls.
    link: https://documentation.immuta.com/
"""

EXAMPLES = r"""
- name: Register a cluster whose bootstrap scripts have been run
  immuta.integrations.immuta_redshift_integration:
    url: https://tenant.example.com
    api_key: "{{ immuta_api_key }}"
    auto_bootstrap: false
    config:
      host: cluster.example.com
      database: immuta
      initial_database: dev
      authentication_type: userPassword
      username: immuta_system
      password: "{{ immuta_system_password }}"

- name: Let Immuta set up the cluster itself
  immuta.integrations.immuta_redshift_integration:
    url: https://tenant.example.com
    api_key: "{{ immuta_api_key }}"
    auto_bootstrap: true
    config:
      host: cluster.example.com
      database: immuta
      initial_database: dev
      impersonation:
        enabled: true
        role: immuta_impersonation
      authentication_type: okta
      okta:
        username: taylor@example.com
        password: "{{ okta_password }}"
        app_id: Okta
        idp_host: organization.okta.com
        role: admin

- name: Send Immuta the new password of its system account
  immuta.integrations.immuta_redshift_integration:
    url: https://tenant.example.com
    api_key: "{{ immuta_api_key }}"
    auto_bootstrap: false
    update_secrets: always
    config:
      host: cluster.example.com
      database: immuta
      initialDatabase: dev
      authenticationType: userPassword
      username: immuta_system
      password: "{{ immuta_system_password }}"

- name: Delete the integration
  immuta.integrations.immuta_redshift_integration:
    url: https://tenant.example.com
    api_key: "{{ immuta_api_key }}"
    state: absent
    config:
      host: cluster.example.com
"""

RETURN = r"""
would_change:
  description:
    - Whether the task changes something, or would in check mode.
    - The same as C(changed), but C(changed_when) does not override it.
  type: bool
  returned: success
  sample: true
exists:
  description: Whether the integration exists when the task ends; in check mode, whether it exists now.
  type: bool
  returned: success
  sample: true
settled:
  description: Whether Immuta has finished its work on the integration.
  type: bool
  returned: success
  sample: true
creation_failed:
  description:
    - Whether Immuta failed to create the integration. The state of Redshift is then unknown.
  type: bool
  returned: success
  sample: false
action:
  description:
    - The action of the task, or in check mode the next one. V(wait) means that Immuta was working on the integration.
    - For display only. Ansible masks it if it happens to equal a secret, so use the other values in conditions.
  type: str
  returned: success
  sample: create
differences:
  description: The settings whose current value is not the desired one, as suboptions of O(config).
  type: list
  elements: str
  returned: success, and if a difference cannot be changed
  sample: ["impersonation.enabled"]
secrets_updated:
  description: Whether credentials were sent, or would be in check mode.
  type: bool
  returned: success
  sample: true
integration:
  description:
    - The integration as Immuta returns it, with keys in snake_case and secrets masked. V(null) if there is none.
  type: dict
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
      description: Whether Immuta set up the cluster itself.
      type: bool
      sample: false
    config:
      description: The settings.
      type: dict
      sample: {"host": "cluster.example.com", "port": 5439, "password": "<REDACTED>"}
    validation_results:
      description: The validation results as Immuta returns them.
      type: dict
config:
  description: The desired settings, with keys in snake_case and secrets masked.
  type: dict
  returned: success
  sample: {"host": "cluster.example.com", "password": "********"}
validation_results:
  description: The results of Immuta's validation tests.
  type: dict
  returned: success, and on a failure if Immuta returned some
  contains:
    status:
      description: One of V(passed), V(failed), V(warning), V(skipped), or V(null) if Immuta has none.
      type: str
      sample: passed
    validation_tests:
      description: Each test with its C(name), C(status) and, if it failed, C(message).
      type: list
      elements: dict
      sample: [{"name": "Initial Validation: Basic Connection Test", "status": "passed"}]
last_status:
  description: The last status of the integration.
  type: str
  returned: if the integration ended in an error status or the wait timed out
  sample: createError
status:
  description: The HTTP status of the response.
  type: int
  returned: if Immuta refused a request
  sample: 422
method:
  description: The method of the request that failed.
  type: str
  returned: if a request failed
  sample: POST
path:
  description: The path of the request that failed.
  type: str
  returned: if a request failed
  sample: /integrations
api_message:
  description: The message of Immuta.
  type: str
  returned: if Immuta refused a request and gave a reason
  sample: Validation of prerequisite setup failed. Unable to create integration.
"""

from ansible_collections.immuta.integrations.plugins.module_utils._common.runner import AnsibleModule, run_module
from ansible_collections.immuta.integrations.plugins.module_utils._modules.immuta_redshift_integration import (
    arguments,
    run,
)


def main() -> None:
    run_module(AnsibleModule(supports_check_mode=True, **arguments()), run)


if __name__ == "__main__":
    main()
