# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Errors of a server that may not recur; the one list for logins, queries and statements."""

from __future__ import annotations

import re

# PostgreSQL's documentation, "Error Codes": connection exceptions, except a violation of the protocol (08P01) and an
# establishment that the server rejects permanently (08004); too many connections; shutting down, crashed, starting up.
_CONNECTION = re.compile(r"08(?!P01|004)...|53300|57P0[123]")

# Serialization failure, deadlock.
_CONFLICT = ("40001", "40P01")

# The number of retries after a conflict, and the seconds before each.
CONFLICT_RETRIES, CONFLICT_BACKOFF = 5, 2.0

_UNIQUE_VIOLATION = "23505"

# A concurrent insert of two sessions into the catalog.
_CATALOG_WRITES = re.compile(r"CREATE|GRANT|REVOKE|ALTER DEFAULT PRIVILEGES|ALTER (?:USER|GROUP)")

# Redshift reports a serializable isolation violation as error 1023, and others with SQLSTATE XX000 and these words.
_CONFLICT_MESSAGES = re.compile(
    r"\s*(?:ERROR:\s*)?(?:"
    r"1023\b|tuple concurrently |could not complete because of conflict with concurrent transaction|"
    r"(?:could not open )?relation with OID \d|cache lookup failed for "
    r")"
)


def is_transient_login(sqlstate: str | None) -> bool:
    """Return whether a server that refused a login with ``sqlstate`` may accept it later."""
    return bool(sqlstate and _CONNECTION.fullmatch(sqlstate))


def is_conflict(sqlstate: str | None, server_message: str | None, command: str = "") -> bool:
    """Return whether another concurrent session made a statement fail.

    ``command`` is the start of the statement in upper case, such as ``CREATE USER``. A unique violation is a conflict
    only for a statement that writes to the catalog.
    """
    if sqlstate == _UNIQUE_VIOLATION:
        return bool(_CATALOG_WRITES.match(command))
    return sqlstate in _CONFLICT or bool(_CONFLICT_MESSAGES.match(server_message or ""))
