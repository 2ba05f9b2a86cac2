# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the option O(config)."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  config:
    description:
      - The settings of the integration, as in the API's C(config) object. Each is also known by its name there, so
        that a payload from Immuta's documentation can be pasted.
    type: dict
    suboptions:
      host:
        description:
          - Host name of the Redshift cluster or workgroup, without scheme and port. Immuta allows one Redshift
            integration on a host.
        type: str
      port:
        description:
          - Port of the cluster. Immuta takes 5439 when none is given.
        type: int
      database:
        description:
          - The database that Immuta manages. It is created by the setup, unless it exists already and holds external
            tables (Redshift Spectrum).
        type: str
      initial_database:
        description:
          - An existing database that is connected to first, and from which O(config.database) is created.
        type: str
        aliases: [initialDatabase]
      authentication_type:
        description:
          - How Immuta logs in to Redshift. Immuta's documentation of this API names V(userPassword) and V(okta), which
            newer versions of Immuta deprecate.
          - Any other value, such as the one for an AWS access key, is sent as it is, with its settings in
            O(config.extra). This is B(untested) against Immuta, since its documentation does not name the settings.
          - With such a type, a change or a deletion that sends credentials needs every setting that Immuta redacts.
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
          - The account for O(config.authentication_type=okta), which needs all of these.
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
          - Whether Immuta administrators may let users query data as other Immuta users.
        type: dict
        suboptions:
          enabled:
            description: Whether impersonation is on. Immuta takes V(false) when nothing is given.
            type: bool
          role:
            description: The Redshift group whose members may impersonate.
            type: str
      extra:
        description:
          - Further members of the API's C(config) object, sent as they are, for settings that Immuta's documentation
            does not name. They are compared only where Immuta shows them.
          - Keys are spelled as in the API, also where a result shows them.
          - A value is hidden when its name says that it is a secret, such as C(secretKey) or C(sessionToken).
        type: dict
"""
