# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of a tenant: valid, nearly valid, and arbitrary."""

from __future__ import annotations

import typing as t

from hypothesis import strategies as st

HOST = "cluster.example.com"
STATUSES = (
    *("creating", "editing", "deleting", "migrating", "enabled", "disabled", "deleted", "thinking"),
    *("createError", "editError", "deleteError", "migrateError", "recurringValidationError"),
)
REDACTED = ("REDACTED", "<REDACTED>", "[REDACTED]")
NAMES = (
    *("id", "status", "type", "autoBootstrap", "config", "message", "validationResults", "validationTests", "name"),
    *("host", "port", "database", "okta", "impersonation", "enabled", "role", "script", "token", "statusCode"),
)
WORDS = ("Redshift", "Snowflake", "passed", "failed", HOST, "immuta", "", "0", *REDACTED, *STATUSES)

Record = dict[str, t.Any]


def anything(*texts: str) -> st.SearchStrategy[t.Any]:
    """Generate any JSON value; ``texts`` are among its texts."""
    words = st.sampled_from(WORDS + texts) | st.text(max_size=20) | st.just("\ud800\n")
    leaves = st.none() | st.booleans() | st.integers() | st.floats() | words
    names = st.sampled_from(NAMES) | st.text(max_size=8)
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=6), max_leaves=12
    )


def mostly(right: st.SearchStrategy[t.Any], *texts: str) -> st.SearchStrategy[t.Any]:
    """Generate mostly valid values."""
    return st.integers(0, 9).flatmap(lambda dice: right if dice else anything(*texts))


def results(*texts: str) -> st.SearchStrategy[t.Any]:
    """Generate the results of validation tests."""
    test = st.fixed_dictionaries(
        {"name": mostly(st.just("Basic Connection Test"))},
        optional={"status": st.sampled_from(("passed", "failed")), "message": st.text(max_size=9) | anything(*texts)},
    )
    tests = mostly(st.lists(mostly(test, *texts), max_size=3), *texts)
    return mostly(st.fixed_dictionaries({}, optional={"status": anything(), "validationTests": tests}), *texts)


def configs() -> st.SearchStrategy[Record]:
    """Generate the settings of an integration."""
    hidden = st.sampled_from(REDACTED)
    return st.fixed_dictionaries(
        {},
        optional={
            "host": st.sampled_from((HOST, HOST.upper(), f"{HOST}.", f"{HOST}:5439")),
            "port": st.sampled_from((5439, 5440, "5439")),
            "database": st.sampled_from(("immuta", "IMMUTA")),
            "initialDatabase": st.sampled_from(("dev", "Dev")),
            "authenticationType": st.sampled_from(("userPassword", "okta", "iam")),
            "username": hidden,
            "password": hidden,
            "okta": st.dictionaries(st.sampled_from(("username", "password", "appId")), hidden | st.just("x")),
            "impersonation": st.none()
            | st.fixed_dictionaries({}, optional={"enabled": st.booleans(), "role": st.sampled_from(("a", "b"))}),
            "more": st.dictionaries(st.sampled_from("ab"), st.integers(0, 2) | hidden | st.lists(hidden, max_size=2)),
            "flag": st.booleans() | st.just("true"),
        },
    )


def records() -> st.SearchStrategy[Record]:
    """Generate an integration of the documented shape."""
    return st.fixed_dictionaries(
        {"id": st.sampled_from((1, "1", "17")), "status": st.sampled_from(STATUSES), "config": configs()},
        optional={
            "type": st.sampled_from(("Redshift", "Redshift", "Snowflake")),
            "autoBootstrap": st.booleans(),
            "validationResults": results(),
        },
    )


def near_records(*texts: str) -> st.SearchStrategy[t.Any]:
    """Generate an integration of the documented shape, or of another one."""
    spoiled = st.builds(lambda one, name, value: {**one, name: value}, records(), st.sampled_from(NAMES), anything())
    return st.one_of(records(), records(), spoiled, anything(*texts))
