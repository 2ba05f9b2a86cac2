# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The shapes of the API's documents.

Immuta's documentation, "Response Schema" and "Integration Configuration Payload".
"""

from __future__ import annotations

import typing as t

Record = dict[str, t.Any]

Config = dict[str, t.Any]

TYPE = "Redshift"

# Immuta's documentation, "Response Schema", the table of statuses.
GONE = ("deleted", "disabled")

FAILED = ("createError", "editError", "deleteError", "migrateError", "recurringValidationError")

SETTLED = ("enabled", *FAILED, *GONE)
