# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options of action group C(immuta)."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  url:
    description:
      - URL of the Immuta tenant, such as V(https://tenant.example.com).
      - A bare host name means https. Plain http is accepted only for localhost, or with O(validate_certs=false).
      - If not set, the environment variable E(IMMUTA_URL) is used.
    type: str
    required: true
  api_key:
    description:
      - API key of a user with the Immuta permission C(APPLICATION_ADMIN).
      - If not set, the environment variable E(IMMUTA_API_KEY) is used.
    type: str
    required: true
  auth_scheme:
    description:
      - V(api_key) sends the key itself in the C(Authorization) header.
      - V(bearer) exchanges the key for a token first, and again after the token has expired.
      - If not set, the environment variable E(IMMUTA_AUTH_SCHEME) is used.
    type: str
    choices: [api_key, bearer]
    default: api_key
  validate_certs:
    description:
      - Whether to verify the certificate of the tenant. E(REQUESTS_CA_BUNDLE) and C(.netrc) files are ignored.
      - If not set, the environment variable E(IMMUTA_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - Path of a file with the CA certificates to trust, in PEM format. By default, those that come with the Python
        library C(requests) are trusted.
      - If not set, the environment variable E(IMMUTA_CA_PATH) is used.
    type: path
  use_proxy:
    description:
      - Whether to use the proxy that E(https_proxy), E(http_proxy), E(all_proxy) and E(no_proxy) set.
      - A lowercase variable takes precedence over an uppercase one. An empty value means no proxy.
    type: bool
    default: true
  timeout:
    description:
      - Maximum time for one request including its response, in seconds. At most V(86400).
    type: int
    default: 60
  retries:
    description:
      - How many times to retry a request that is safe to repeat, after a lost connection or the HTTP status 429, 502,
        503 or 504. At most V(100). A C(Retry-After) header is honored, up to one minute.
      - A request that changes something in Immuta is retried only after the current record has been read.
    type: int
    default: 3
requirements:
  - requests >= 2.28 (on the host that runs the task)
notes:
  - Environment variables are read on the host that runs the task.
  - A redirect is an error, because the API key is sent only to O(url).
"""
