# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of a catalog's rows; the queries themselves are tested in tests/flows."""

from __future__ import annotations

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._redshift.catalog import (
    account,
    case_sensitive,
    select,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.drivers import DriverError, Rows

FOUND = [{"name": name, "owner": "admin"} for name in ("Immuta_System", "pg_catalog", "public")]


class FakeSession:
    """Answers a query that has the word in it; refuses any other."""

    def __init__(self, **rows: Rows) -> None:
        self.rows = rows

    def query(self, sql: str) -> Rows:
        for word, rows in self.rows.items():
            if word in sql:
                return rows
        raise DriverError(sqlstate="42P01", lost=False)


def test_names_are_found_in_any_case_and_spelled_as_in_the_catalog() -> None:
    assert select(FOUND, "schema", ["IMMUTA_system", "x"]) == [
        {"name": "Immuta_System", "owner": "admin", "exists": True},
        {"name": "x", "owner": None, "exists": False},
    ]


def test_without_names_all_but_the_systems_are_found() -> None:
    assert [entry["name"] for entry in select(FOUND, "schema", None)] == ["Immuta_System", "public"]


@pytest.mark.parametrize(
    ("tables", "may"),
    [
        ({"svv_user_grants": []}, False),
        ({"svv_user_grants": [("sys:secadmin",)]}, True),
        ({"svv_user_grants": [("a",)], "svv_system_privileges": [("b",), ("a",)]}, True),
        ({"svv_user_grants": [("a",)], "svv_system_privileges": [("b",)]}, None),
        ({"svv_user_grants": [("a",)]}, None),
        ({"pg_roles": [(True,)]}, True),
        ({"pg_roles": [(False,)]}, False),
        ({}, None),
    ],
)
def test_whether_an_account_may_create_users(tables: dict[str, Rows], may: bool | None) -> None:
    session = FakeSession(usecreatedb=[("zoe", False, True)], **tables)
    found = account(session, is_redshift=True)
    assert (found.name, found.superuser, found.createdb, found.createuser) == ("zoe", False, True, may)


def test_an_account_that_the_catalog_does_not_have_may_nothing() -> None:
    session = FakeSession(usecreatedb=[], current_user=[("IAM:zoe",)])
    assert account(session, is_redshift=True).name == "IAM:zoe"


@pytest.mark.parametrize(("rows", "expected"), [({"SHOW": [("on",)]}, True), ({"SHOW": [("off",)]}, False), ({}, None)])
def test_whether_capital_letters_count(rows: dict[str, Rows], expected: bool | None) -> None:
    assert case_sensitive(FakeSession(**rows)) is expected
