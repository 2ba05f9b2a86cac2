# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The shapes of the API's documents.

Immuta's documentation, "Response Schema" and "Integration Configuration Payload".
"""

from __future__ import annotations

import typing as t

Config = dict[str, t.Any]
"""The settings of an integration, under the API's names."""


class _Details(t.TypedDict, total=False):
    """Members that only the replies of GET have."""

    type: str
    autoBootstrap: bool
    validationResults: t.Any


class Record(_Details):
    """An integration as Immuta shows it."""

    id: str
    status: str
    config: Config


class Payload(t.TypedDict):
    """What POST, PUT and most script endpoints take."""

    type: str
    autoBootstrap: bool
    config: Config


Credentials = dict[str, t.Any]
"""What DELETE takes for an integration that Immuta set up itself."""

TYPE = "Redshift"

# "Response Schema", the table of statuses.
GONE = ("deleted", "disabled")
FAILED = ("createError", "editError", "deleteError", "migrateError", "recurringValidationError")
SETTLED = ("enabled", *FAILED, *GONE)


def is_gone(record: Record | None) -> bool:
    """Whether there is no such integration, or one that Immuta no longer uses."""
    return record is None or record["status"] in GONE
