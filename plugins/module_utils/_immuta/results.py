# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Results of Immuta's validation tests (Immuta's documentation, "Response Schema")."""

from __future__ import annotations

import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    masked,
)


def results_of(document: t.Any) -> dict[str, t.Any]:
    """Return ``status`` and ``validation_tests`` of a reply, masked and in one shape.

    Immuta returns an object, or an empty list without tests.
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
    """Return the failing tests of a reply with names and messages as one clause, empty without failures."""
    failing = [
        f"{test.get('name') or 'a test without a name'} ({test.get('message') or 'no message'})"
        for test in results_of(document)["validation_tests"]
        if test.get("status") == "failed"
    ]
    return " ".join(f"failing validation tests: {'; '.join(failing)}".split()) if failing else ""
