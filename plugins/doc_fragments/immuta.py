# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options of action group C(immuta)."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  url:
    description:
      - The root of the Immuta tenant, such as V(https://tenant.example.com).
      - A bare host name means https. Plain http is refused for any host but this machine, unless
        O(validate_certs=false).
      - If not set, the environment variable E(IMMUTA_URL) is used.
    type: str
    required: true
  api_key:
    description:
      - An API key of a user with the Immuta permission C(APPLICATION_ADMIN).
      - If not set, the environment variable E(IMMUTA_API_KEY) is used.
    type: str
    required: true
  auth_scheme:
    description:
      - V(api_key) sends the key as it is in the C(Authorization) header.
      - V(bearer) exchanges the key for a token first, and once more when the token has expired.
      - If not set, the environment variable E(IMMUTA_AUTH_SCHEME) is used.
    type: str
    choices: [api_key, bearer]
    default: api_key
  validate_certs:
    description:
      - Whether the certificate of the tenant is verified, whatever E(REQUESTS_CA_BUNDLE) or a C(.netrc) file say.
      - If not set, the environment variable E(IMMUTA_VALIDATE_CERTS) is used.
    type: bool
    default: true
  ca_path:
    description:
      - A file with the certificates of the authorities to trust, in PEM format.
      - Without it, those that come with the Python library C(requests) are trusted.
      - If not set, the environment variable E(IMMUTA_CA_PATH) is used.
    type: path
  use_proxy:
    description:
      - Whether the proxy that E(https_proxy), E(http_proxy), E(all_proxy) and E(no_proxy) name is used.
      - A variable in lower case counts before one in capital letters. Set to nothing, it means no proxy.
    type: bool
    default: true
  timeout:
    description:
      - Maximum time for one request, from its start to the end of its reply, in seconds, V(86400) at most.
    type: int
    default: 60
  retries:
    description:
      - How often a request that is safe to repeat is sent again after a lost connection or the HTTP status 429, 502,
        503 or 504, V(100) at most. A C(Retry-After) header is honoured up to a minute.
      - A request that changes something in Immuta is never repeated before a look at what stands there.
    type: int
    default: 3
requirements:
  - requests >= 2.28 (on the host that runs the task)
notes:
  - Environment variables are read on the host that runs the task.
  - A redirect is an error, since the API key is sent nowhere but to O(url).
"""
