# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Reads the results of Immuta's validation tests (Immuta's documentation, "Response Schema")."""

from __future__ import annotations

import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    masked,
)


def results_of(document: t.Any) -> dict[str, t.Any]:
    """``status`` and ``validation_tests`` of a reply, masked; of one shape, whatever the reply holds.

    Immuta shows an object, or an empty list where there is nothing to test.
    """
    results = document.get("validationResults") if isinstance(document, dict) else None
    if not isinstance(results, dict):
        return {"status": None, "validation_tests": []}
    tests = results.get("validationTests")
    if not isinstance(tests, list):
        tests = []
    return {
        "status": results.get("status"),
        "validation_tests": [masked(test) for test in tests if isinstance(test, dict)],
    }


def failing_tests(document: t.Any) -> str:
    """Every failing test of a reply with its name and message, as one clause; empty when none failed."""
    failing = [
        f"{test.get('name') or 'a test without a name'} ({test.get('message') or 'no message'})"
        for test in results_of(document)["validation_tests"]
        if test.get("status") == "failed"
    ]
    return " ".join(f"failing validation tests: {'; '.join(failing)}".split()) if failing else ""
