# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options of action group C(redshift)."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
requirements:
  - redshift_connector >= 2.1.14, or psycopg >= 3.3.5 with O(driver=psycopg), which requires Python 3.10
options:
  login_host:
    description:
      - Host name of the cluster or workgroup.
      - O(driver=redshift_connector) reaches IPv4 addresses only.
      - Required with O(auth_method=password). With the other methods, it is looked up in AWS if not set.
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
      - Account to log in with; with O(auth_method=okta), the Okta user.
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
      - V(password) requires O(login_host), O(login_user) and O(login_password).
      - V(iam) gets temporary credentials from AWS. It requires O(cluster_identifier) and O(db_user), or O(workgroup),
        and finds the AWS credentials in the same places as boto3.
      - V(okta) gets temporary credentials from AWS through Okta. It requires O(login_user), O(login_password),
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
      - If not set, it is taken from O(login_host) or from the AWS configuration.
    type: str
  profile:
    description: Profile of the AWS configuration, for O(auth_method=iam).
    type: str
  db_user:
    description: Database user to get credentials for, with O(cluster_identifier).
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
    description: ARN of the IAM role to assume, if Okta offers several.
    type: str
  ssl_mode:
    description:
      - V(verify-full) accepts only a trusted certificate for O(login_host).
      - V(verify-ca) accepts any trusted certificate.
      - V(disable) sends everything in clear text, including scripts and passwords. It works with
        O(auth_method=password) only.
    type: str
    choices: [verify-full, verify-ca, disable]
    default: verify-full
  ca_path:
    description:
      - Path of a file with the CA certificates to trust, in PEM format.
      - With O(driver=redshift_connector), the certificates that come with the driver are trusted as well.
      - If not set, those of the operating system are trusted. With O(driver=psycopg), those of the Python library
        C(certifi) are used if the operating system has no such file.
    type: path
  connect_timeout:
    description: Maximum time to wait for the server when logging in, in seconds. At most V(86400).
    type: int
    default: 30
  connect_retries:
    description:
      - How many times to retry the login if the server refuses or drops the connection, does not answer, or is
        starting. At most V(100).
      - A refused password, an unknown host name or an untrusted certificate is not retried.
    type: int
    default: 3
  statement_timeout:
    description:
      - Maximum time for one statement before the server cancels it, in seconds. At most V(2147483).
      - V(0) sets no limit.
    type: int
    default: 600
  driver:
    description:
      - Python library to connect with.
      - V(psycopg) works with O(auth_method=password) only.
    type: str
    choices: [redshift_connector, psycopg]
    default: redshift_connector
notes:
  - Environment variables of the driver, such as E(PGHOSTADDR), do not override options.
  - The library of O(driver) must be installed for the Python that runs the module.
"""
