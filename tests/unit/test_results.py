# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Immuta's validation results in any shape (Immuta's documentation, "Response Schema")."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._immuta.results import failing_tests, results_of


def test_failing_tests_include_their_messages():
    tests = [
        {
            "name": "Initial Validation: Basic Connection Test",
            "result": [None],
            "status": "failed",
            "message": "no route",
        },
        {"name": "Skipped", "status": "skipped", "message": "not now"},
        {"name": "Silent", "status": "failed"},
        {"status": "failed", "message": {"password": "hush"}},
    ]
    document = {"validationResults": {"status": "failed", "validationTests": tests}}
    assert failing_tests(document) == (
        "failing validation tests: Initial Validation: Basic Connection Test (no route); Silent (no message); "
        "a test without a name ({'password': '********'})"
    )
    assert results_of(document)["status"] == "failed"
    assert results_of(document)["validation_tests"][:3] == tests[:3]


@pytest.mark.parametrize(
    "document",
    [
        *(None, [], "text"),
        *({"validationResults": results} for results in (None, [], {}, "passed", 7)),
        *({"validationResults": {"validationTests": tests}} for tests in (None, {}, [None, "x", 3])),
    ],
    ids=str,
)
def test_results_of_any_shape(document: t.Any):
    """Immuta returns an empty list without tests."""
    assert results_of(document) == {"status": None, "validation_tests": []}
    assert failing_tests(document) == ""
