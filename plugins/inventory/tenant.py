# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""List the integrations of a tenant as hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: tenant
short_description: List the integrations of an Immuta tenant as hosts
version_added: 1.0.0
author:
  - The immuta.integrations contributors (@immuta-integrations)
description:
  - Creates a host for each integration of a tenant, of any type, with one request. The host has the name of its cluster
    or workspace, or else the type and the id of the integration.
  - Integrations that are deleted, disabled or being deleted are omitted.
  - Reads files named C(immuta.yml) or C(immuta.yaml), or with a name that ends with C(.immuta.yml) or C(.immuta.yaml).
  - The groups are C(immuta_type_) with the type, such as C(immuta_type_redshift), C(immuta_status_) with the status,
    such as C(immuta_status_create_error), and C(immuta_setup_manual) or C(immuta_setup_automatic).
  - The variables of a host are C(immuta_id), C(immuta_type), C(immuta_status), C(immuta_auto_bootstrap),
    C(immuta_config) and C(immuta_validation_results), as M(immuta.integrations.immuta_integration_info) returns them.
  - A Redshift integration also has C(immuta_redshift_setup) and C(immuta_redshift_config) as the role
    P(immuta.integrations.immuta_redshift#role) expects them, without the credentials, which Immuta does not return.
    The role needs those only for a change.
extends_documentation_fragment:
  - constructed
  - inventory_cache
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [immuta.integrations.tenant]
  url:
    description:
      - URL of the Immuta tenant, such as V(https://tenant.example.com).
      - A bare host name means https. Plain http is accepted only for localhost, or with O(validate_certs=false).
      - Can be a template.
    type: str
    required: true
    env:
      - name: IMMUTA_URL
  api_key:
    description:
      - API key of a user with the Immuta permission C(APPLICATION_ADMIN).
      - Can be a template.
    type: str
    required: true
    env:
      - name: IMMUTA_API_KEY
  auth_scheme:
    description:
      - V(api_key) sends the key itself in the C(Authorization) header.
      - V(bearer) exchanges the key for a token first.
    type: str
    choices: [api_key, bearer]
    default: api_key
    env:
      - name: IMMUTA_AUTH_SCHEME
  validate_certs:
    description: Whether to verify the certificate of the tenant.
    type: bool
    default: true
    env:
      - name: IMMUTA_VALIDATE_CERTS
  ca_path:
    description:
      - Path of a file with the CA certificates to trust, in PEM format. By default, those that come with the Python
        library C(requests) are trusted.
    type: path
    env:
      - name: IMMUTA_CA_PATH
  use_proxy:
    description: Whether to use the proxy that E(HTTPS_PROXY), E(HTTP_PROXY), E(ALL_PROXY) and E(NO_PROXY) set.
    type: bool
    default: true
  timeout:
    description: Maximum time for one request, in seconds.
    type: int
    default: 60
  retries:
    description:
      - How many times to retry the request after a lost connection or the HTTP status 429, 502, 503 or 504.
    type: int
    default: 3
  filters:
    description:
      - Which integrations become hosts. The first matching filter decides. Without a match, an integration is a host.
      - A filter is a Jinja expression over the variables of the host and C(inventory_hostname).
    type: list
    elements: dict
    default: []
    suboptions:
      include:
        description: Include the host if this is true.
        type: str
      exclude:
        description: Exclude the host if this is true.
        type: str
requirements:
  - requests >= 2.28 (on the controller)
notes:
  - The cache contains no secrets.
  - If the tenant cannot be read, Ansible warns and continues without its hosts, and a play that finds no host succeeds.
    Set E(ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED) to V(true) to fail instead.
seealso:
  - module: immuta.integrations.immuta_integration_info
  - module: immuta.integrations.immuta_redshift_drift
"""

EXAMPLES = r"""
# tenant.immuta.yml: all integrations, with the URL and the key from IMMUTA_URL and IMMUTA_API_KEY
---
plugin: immuta.integrations.tenant

# redshift.immuta.yml: Redshift clusters only, with groups by region and for errors
---
plugin: immuta.integrations.tenant
url: https://tenant.example.com
api_key: "{{ lookup('ansible.builtin.env', 'MY_IMMUTA_KEY') }}"
filters:
  - include: immuta_type == 'Redshift'
  - exclude: true
keyed_groups:
  - key: immuta_config.host.split('.')[2]
    prefix: region
groups:
  failing: immuta_status.endswith('Error')
compose:
  cluster_name: immuta_config.host.split('.')[0]
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: .cache/immuta
"""

import hashlib
import os
import typing as t

import ansible.template
from ansible.errors import AnsibleParserError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import IntegrationsError
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.api import IntegrationsApi
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import (
    Tenant,
    immuta_spec,
    tenant_from,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import Record
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import session
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.inventory import (
    InventoryHost,
    hosts_of,
    in_use,
)

# Since ansible-core 2.19, a text is a template only if it is marked as one; before, unless it is marked as unsafe.
_MARKS_TEMPLATES = hasattr(ansible.template, "trust_as_template")


def _marked(value: t.Any) -> t.Any:
    """Return a copy in which no text from Immuta is a template.

    Text that cannot be a template is not marked, because ansible-inventory shows the mark.
    """
    if isinstance(value, dict):
        return {name: _marked(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_marked(item) for item in value]
    if isinstance(value, str):
        if "{" not in value:
            return ansible.template.trust_as_template(value) if _MARKS_TEMPLATES else value
        return value if _MARKS_TEMPLATES else wrap_var(value)
    return value


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """The integrations of a tenant as hosts."""

    NAME = "immuta.integrations.tenant"

    def verify_file(self, path: str) -> bool:
        """Return whether the name of the file is one for this plugin."""
        name = f".{os.path.basename(path)}"
        return super().verify_file(path) and name.endswith((".immuta.yml", ".immuta.yaml"))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        """Add a host for each integration, from the cache if the options and ``cache`` allow it."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            tenant = self._tenant()
            records = self._records(tenant, path, cache)
        except IntegrationsError as error:
            raise AnsibleParserError(error.message) from error
        for host in hosts_of(records):
            self._add(inventory, host)

    def _tenant(self) -> Tenant:
        self.templar.available_variables = self._vars or {}
        params = {name: self.get_option(name) for name in immuta_spec()}
        params.update({name: self.templar.template(params[name]) for name in ("url", "api_key")})
        tenant, warnings = tenant_from(params, os.environ)
        for warning in warnings:
            self.display.warning(warning)
        return tenant

    def _records(self, tenant: Tenant, path: str, cache: bool) -> list[Record]:
        if not self.get_option("cache"):
            return _listed(tenant)
        # The file alone does not identify the tenant, whose URL may come from the environment.
        key = f"{self.get_cache_key(path)}_{hashlib.sha256(tenant.url.encode()).hexdigest()[:12]}"
        if cache and key in self._cache:
            return t.cast(list[Record], self._cache[key])
        self._cache[key] = records = _listed(tenant)
        return records

    def _add(self, inventory: t.Any, host: InventoryHost) -> None:
        variables = _marked(host.variables)
        if not self._passes(host.name, variables):
            return
        inventory.add_host(host.name)
        for name, value in variables.items():
            inventory.set_variable(host.name, name, value)
        for group in host.groups:
            inventory.add_group(group)
            inventory.add_child(group, host.name)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host.name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host.name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host.name, strict=strict)

    def _passes(self, name: str, variables: dict[str, t.Any]) -> bool:
        for index, filter_ in enumerate(self.get_option("filters"), start=1):
            if len(filter_) != 1 or not set(filter_) <= {"include", "exclude"}:
                raise AnsibleParserError(f"Filter {index} must have one key, include or exclude.")
            ((kind, condition),) = filter_.items()
            try:
                matches = self._holds(condition, {**variables, "inventory_hostname": name})
            except Exception as error:
                raise AnsibleParserError(f"Filter {index}, {kind}: {condition}, fails for {name}: {error}") from error
            if matches:
                return bool(kind == "include")
        return True

    def _holds(self, condition: t.Any, variables: dict[str, t.Any]) -> bool:
        if isinstance(condition, bool):
            return condition
        self.templar.available_variables = variables
        if hasattr(self.templar, "evaluate_conditional"):
            return bool(self.templar.evaluate_conditional(condition))
        return bool(boolean(self.templar.template(f"{{% if {condition} %}}true{{% else %}}false{{% endif %}}")))


def _listed(tenant: Tenant) -> list[Record]:
    with session(tenant) as http:
        return in_use(IntegrationsApi(http).records())
