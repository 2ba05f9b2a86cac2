#!/usr/bin/python
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: immuta_redshift_integration
short_description: Manage an Amazon Redshift integration of Immuta
version_added: 1.0.0
description:
  - Registers an Amazon Redshift cluster with Immuta, changes the registration, repairs it after a failure, or removes
    it.
  - It talks to Immuta only. With O(auto_bootstrap=false), the scripts that prepare the cluster have to be run first,
    see M(immuta.integrations.immuta_integration_script) and M(immuta.integrations.redshift_script). The role
    P(immuta.integrations.immuta_redshift#role) does all of it in order.
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
      - Nothing but GET is sent, and the log-in with O(auth_scheme=bearer).
  diff_mode:
    support: full
    details:
      - Secrets are masked on both sides. A masked password beside C(<REDACTED>) says that credentials are sent.
  idempotent:
    support: partial
    details:
      - Full with O(update_secrets=on_create). With O(update_secrets=always), every run sends the credentials.
options:
  state:
    description:
      - V(present) makes sure that the integration exists with these settings and is enabled. An integration that
        failed to be created is repaired.
      - V(absent) makes sure that Immuta has none. What Immuta made in a cluster that was set up manually has to be
        removed with the script V(delete) of M(immuta.integrations.immuta_integration_script) before.
    type: str
    choices: [present, absent]
    default: present
  id:
    description:
      - The id of the integration. Without it, the integration is found by its type and O(config.host).
    type: str
  auto_bootstrap:
    description:
      - Whether Immuta prepares the cluster itself, with the credentials of a privileged account that it does not keep.
      - Required with O(state=present). It cannot be changed later.
    type: bool
  config:
    description:
      - With O(state=present), O(config.host), O(config.database), O(config.initial_database) and
        O(config.authentication_type) are required. What else is left out stays as it is.
      - Credentials are needed when the integration is created or changed, not to compare it, and not in check mode.
      - With O(state=absent), O(config.host) or O(id) is enough, besides O(config.authentication_type) and the
        credentials of a privileged account where the setup was automatic.
  update_secrets:
    description:
      - Immuta does not show credentials, so that they cannot be compared.
      - V(on_create) sends them when the integration is created, or changed for another reason.
      - V(always) sends them in every run, which then always reports a change.
    type: str
    choices: [on_create, always]
    default: on_create
notes:
  - For O(auto_bootstrap=true), the shape of the credentials that a deletion sends is an assumption, since the example
    is missing in Immuta's documentation. With an undocumented O(config.authentication_type), it sends all of
    O(config.extra).
  - Authentication types other than V(userPassword) and V(okta) are untested against Immuta.
  - Immuta refuses to change some settings and its documentation does not say which. Its message is then part of the
    failure.
seealso:
  - module: immuta.integrations.immuta_integration_info
  - module: immuta.integrations.immuta_integration_script
  - name: Configure a Redshift Integration
    description: The page of Immuta's documentation that this module implements.
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

- name: Let Immuta prepare the cluster itself
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

- name: Give Immuta the new password of its account
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

- name: Remove the registration
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
    - Whether the task changes something, or in check mode would.
    - The same as C(changed), which C(changed_when) overwrites, so that a play can ask first what there is to do.
  type: bool
  returned: success
  sample: true
exists:
  description: Whether Immuta has the integration when the task ends; in check mode, whether it has it now.
  type: bool
  returned: success
  sample: true
settled:
  description: Whether Immuta has finished what it was doing with the integration.
  type: bool
  returned: success
  sample: true
creation_failed:
  description:
    - Whether the integration is one that Immuta failed to create, so that it is not known what stands in Redshift.
  type: bool
  returned: success
  sample: false
action:
  description:
    - What was done, or in check mode would be done next. For people. V(wait) says that Immuta was busy with the
      integration.
    - Branch on the other values, since Ansible masks a word here that happens to equal a secret.
  type: str
  returned: success
  sample: create
differences:
  description: The settings in which Immuta had something else than was asked for, as suboptions of O(config).
  type: list
  elements: str
  returned: success, and when what differs cannot be changed
  sample: ["impersonation.enabled"]
secrets_updated:
  description: Whether a request that carried credentials was sent, or in check mode would be.
  type: bool
  returned: success
  sample: true
integration:
  description:
    - The integration as Immuta shows it, keys in snake_case, secrets masked. V(null) when there is none.
  type: dict
  returned: success
  contains:
    id:
      description: The id in Immuta.
      type: str
      sample: "123456789"
    status:
      description: The status in Immuta.
      type: str
      sample: enabled
    type:
      description: The type in Immuta.
      type: str
      sample: Redshift
    auto_bootstrap:
      description: Whether Immuta prepared the cluster itself.
      type: bool
      sample: false
    config:
      description: The settings.
      type: dict
      sample: {"host": "cluster.example.com", "port": 5439, "password": "<REDACTED>"}
    validation_results:
      description: The validation results as Immuta shows them.
      type: dict
config:
  description: The settings that were asked for, keys in snake_case, secrets masked.
  type: dict
  returned: success
  sample: {"host": "cluster.example.com", "password": "********"}
validation_results:
  description: The results of Immuta's validation tests.
  type: dict
  returned: success, and on a failure when Immuta sent some
  contains:
    status:
      description: One of V(passed), V(failed), V(warning), V(skipped), or V(null) when Immuta has none.
      type: str
      sample: passed
    validation_tests:
      description: Each test with its C(name), C(status) and, when it failed, C(message).
      type: list
      elements: dict
      sample: [{"name": "Initial Validation: Basic Connection Test", "status": "passed"}]
last_status:
  description: The status that the integration ended in.
  type: str
  returned: when the integration ended in an error status or did not settle in time
  sample: createError
status:
  description: The HTTP status of the reply.
  type: int
  returned: when Immuta refused a request
  sample: 422
method:
  description: The method of the request that failed.
  type: str
  returned: when a request failed
  sample: POST
path:
  description: The path of the request that failed.
  type: str
  returned: when a request failed
  sample: /integrations
api_message:
  description: Immuta's own message.
  type: str
  returned: when Immuta refused a request and said why
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
