# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the option O(config)."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  config:
    description:
      - The settings of the integration, as in the API's C(config) object. The names of the API are accepted too, so you
        can paste a payload from Immuta's documentation.
    type: dict
    suboptions:
      host:
        description:
          - Host name of the Redshift cluster or workgroup, without scheme and port. Immuta allows one Redshift
            integration per host.
        type: str
      port:
        description:
          - Port of the cluster. If not set, Immuta uses 5439.
        type: int
      database:
        description:
          - The database that Immuta manages. The setup creates it, unless it exists already and contains external
            tables (Redshift Spectrum).
        type: str
      initial_database:
        description:
          - An existing database to connect to first, and to create O(config.database) from.
        type: str
        aliases: [initialDatabase]
      authentication_type:
        description:
          - How Immuta logs in to Redshift. Immuta's documentation of this API names V(userPassword) and V(okta), which
            newer versions of Immuta deprecate.
          - Any other value, such as the one for an AWS access key, is sent unchanged, with its settings in
            O(config.extra). This is B(untested) against Immuta, because its documentation does not name the settings.
          - With such a type, a change or deletion that sends credentials requires every setting that Immuta redacts.
        type: str
        aliases: [authenticationType]
      username:
        description:
          - The account for O(config.authentication_type=userPassword). With manual setup, it is the system account
            that the first script creates. With automatic setup, it is a privileged account that Immuta uses once.
        type: str
      password:
        description:
          - The password of O(config.username).
        type: str
      okta:
        description:
          - The account for O(config.authentication_type=okta), which requires all of these.
        type: dict
        suboptions:
          username:
            description: Name of the Okta user.
            type: str
          password:
            description: Password of the Okta user.
            type: str
          app_id:
            description: Id of the Okta application.
            type: str
            aliases: [appId]
          idp_host:
            description: Host name of the Okta organization.
            type: str
            aliases: [idpHost]
          role:
            description: The role to assume.
            type: str
      impersonation:
        description:
          - Whether Immuta administrators can let users query data as other Immuta users.
        type: dict
        suboptions:
          enabled:
            description: Whether impersonation is enabled. If not set, Immuta uses V(false).
            type: bool
          role:
            description: The Redshift group whose members may impersonate.
            type: str
      extra:
        description:
          - Additional members of the API's C(config) object, sent unchanged, for settings that Immuta's documentation
            does not name. They are compared only if Immuta returns them.
          - Keys are spelled as in the API, also in results.
          - A value with the name of a secret, such as C(secretKey) or C(sessionToken), is hidden.
        type: dict
"""
