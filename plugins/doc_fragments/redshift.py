# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to log in to Redshift: the options of action group redshift."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - redshift_connector >= 2.1.14, or psycopg >= 3.3.5 with O(driver=psycopg), which needs Python 3.10
options:
  login_host:
    description:
      - Host name of the cluster or workgroup.
      - O(driver=redshift_connector) reaches IPv4 addresses only.
      - Required with O(auth_method=password). Otherwise AWS is asked for it when it is left out.
      - If not set, the value of the environment variable E(REDSHIFT_HOST) is used.
    type: str
  login_port:
    description:
      - Port of the cluster or workgroup.
      - If not set, the value of the environment variable E(REDSHIFT_PORT) is used.
    type: int
    default: 5439
  login_user:
    description:
      - Account that logs in; with O(auth_method=okta) the Okta user.
      - Not used with O(auth_method=iam).
      - If not set, the value of the environment variable E(REDSHIFT_USER) is used.
    type: str
  login_password:
    description:
      - Password of O(login_user).
      - If not set, the value of the environment variable E(REDSHIFT_PASSWORD) is used.
    type: str
  login_db:
    description:
      - Database to log in to.
      - If not set, the value of the environment variable E(REDSHIFT_DB) is used.
    type: str
    required: true
  auth_method:
    description:
      - V(password) needs O(login_host), O(login_user) and O(login_password).
      - V(iam) gets temporary credentials from AWS. It needs O(cluster_identifier) and O(db_user), or O(workgroup),
        and finds the AWS identity as boto3 does.
      - V(okta) gets temporary credentials from AWS by way of Okta. It needs O(login_user), O(login_password),
        O(idp_host), O(app_id), and O(cluster_identifier) or O(workgroup).
      - V(iam) and V(okta) work with O(driver=redshift_connector) only.
    type: str
    choices: [password, iam, okta]
    default: password
  cluster_identifier:
    description: Identifier of a provisioned cluster, for O(auth_method=iam) and O(auth_method=okta).
    type: str
  workgroup:
    description: Name of a Redshift Serverless workgroup, for O(auth_method=iam) and O(auth_method=okta).
    type: str
  region:
    description:
      - AWS region of the cluster or workgroup.
      - If not set, it is taken from O(login_host), or from the AWS configuration.
    type: str
  profile:
    description: Profile of the AWS configuration, for O(auth_method=iam).
    type: str
  db_user:
    description: User of the database to get credentials for, with O(cluster_identifier).
    type: str
  idp_host:
    description: Host name of the Okta organization.
    type: str
  app_id:
    description: Identifier of the Okta application for Redshift.
    type: str
  app_name:
    description: Name of the Okta application; the driver's default is V(amazon_aws_redshift).
    type: str
  preferred_role:
    description: ARN of the IAM role to assume, where Okta offers several.
    type: str
  ssl_mode:
    description:
      - V(verify-full) accepts only a trusted certificate for O(login_host).
      - V(verify-ca) accepts any trusted certificate.
      - V(disable) sends everything, scripts and passwords too, in clear text. It can only be used with
        O(auth_method=password).
    type: str
    choices: [verify-full, verify-ca, disable]
    default: verify-full
  ca_path:
    description:
      - File of certificates in PEM format to trust.
      - With O(driver=redshift_connector) those that come with the driver are trusted as well.
      - If not set, those of the operating system are trusted. With O(driver=psycopg), those of the Python library
        C(certifi) are used where the operating system has no file of them.
    type: path
  connect_timeout:
    description: Maximum time to wait for the server when logging in, in seconds, V(86400) at most.
    type: int
    default: 30
  connect_retries:
    description:
      - How many times to try again to log in when the server refuses or drops the connection, does not answer, or is
        starting, V(100) at most.
      - A refused password, an unknown host name or an untrusted certificate is not tried again.
    type: int
    default: 3
  statement_timeout:
    description:
      - Seconds after which the server is to cancel a statement.
      - V(0) sets no limit. V(2147483) is the most that a server takes.
    type: int
    default: 600
  driver:
    description:
      - Python library to reach the database with.
      - V(psycopg) works with O(auth_method=password) only.
    type: str
    choices: [redshift_connector, psycopg]
    default: redshift_connector
notes:
  - No environment variable of the driver's own, such as E(PGHOSTADDR), overrules an option.
  - The library of O(driver) must be installed for the Python that runs the module.
"""
