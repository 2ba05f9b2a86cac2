# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The shapes of the API's documents.

Source: Immuta's documentation, "Response Schema" and "Integration Configuration Payload".
"""

from __future__ import annotations

import typing as t

Config = dict[str, t.Any]
"""The settings of an integration, under the API's names."""


class _Details(t.TypedDict, total=False):
    """Members that only replies of GET have."""

    type: str
    autoBootstrap: bool
    validationResults: t.Any


class Record(_Details):
    """An integration in a reply of Immuta."""

    id: str
    status: str
    config: Config


class Payload(t.TypedDict):
    """The body of POST, PUT and most script endpoints."""

    type: str
    autoBootstrap: bool
    config: Config


Credentials = dict[str, t.Any]
"""The body of DELETE for an automatic setup."""

TYPE = "Redshift"

# "Response Schema", the table of statuses.
GONE = ("deleted", "disabled")
FAILED = ("createError", "editError", "deleteError", "migrateError", "recurringValidationError")
SETTLED = ("enabled", *FAILED, *GONE)


def is_gone(record: Record | None) -> bool:
    """Return whether the integration does not exist or is no longer in use."""
    return record is None or record["status"] in GONE
