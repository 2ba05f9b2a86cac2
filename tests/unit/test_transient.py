# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of a server that may not recur."""

from __future__ import annotations

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._redshift.transient import (
    is_conflict,
    is_transient_login,
)

CONFLICTS = (
    ("40001", None, ""),
    ("40P01", "deadlock detected", ""),
    ("XX000", "1023", ""),
    ("XX000", "1023 \nDETAIL: Serializable isolation violation on table", ""),
    ("XX000", "could not open relation with OID 123", ""),
    ("42P01", "relation with OID 123 does not exist", ""),
    ("XX000", "could not complete because of conflict with concurrent transaction", ""),
    ("XX000", "cache lookup failed for relation 5", ""),
    ("XX000", "tuple concurrently updated", ""),
    ("XX000", "ERROR:  tuple concurrently deleted", ""),
    ("23505", "duplicate key", "CREATE SCHEMA"),
    ("23505", "duplicate key", "ALTER DEFAULT PRIVILEGES"),
    ("23505", "duplicate key", "GRANT ALL"),
)
OTHER_ERRORS = (
    (None, None, ""),
    ("23505", "duplicate key", "INSERT INTO"),
    ("23505", "duplicate key", ""),
    ("42P01", 'relation "could not open relation with OID 1" does not exist', ""),
    ("42601", "10234 is no statement", ""),
    ("57014", "canceling statement due to statement timeout", "CREATE SCHEMA"),
)


def test_session_conflict():
    assert [error for error in CONFLICTS if not is_conflict(*error)] == []
    assert [error for error in OTHER_ERRORS if is_conflict(*error)] == []


@pytest.mark.parametrize(
    ("sqlstate", "is_transient"),
    [
        *((sqlstate, True) for sqlstate in ("08000", "08006", "53300", "57P01", "57P02", "57P03")),
        *((sqlstate, False) for sqlstate in (None, "", "08P01", "08004", "28P01", "28000", "3D000", "42501", "57014")),
    ],
)
def test_retryable_login_error(sqlstate: str | None, is_transient: bool):
    assert is_transient_login(sqlstate) == is_transient
