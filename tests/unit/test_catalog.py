# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interpretation of catalog rows; tests/functional covers the queries."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._redshift.catalog import (
    account,
    case_sensitive,
    entries,
    find,
    has_all_privileges,
    lookalikes,
    may_grant_language,
    may_grant_temp,
    missing,
    select,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.drivers import DriverError, Rows

FOUND = [{"name": name, "owner": "admin"} for name in ("Immuta_System", "pg_catalog", "public")]


class FakeSession:
    """A session that answers queries with the word in them, and refuses others."""

    def __init__(self, **rows: Rows) -> None:
        self.rows = rows
        self.problems: list[DriverError] = []
        self.tries = 0

    def query(self, sql: str) -> Rows:
        self.tries += 1
        if self.problems:
            raise self.problems.pop()
        for word, rows in self.rows.items():
            if word in sql:
                return rows
        raise DriverError(sqlstate="42P01", lost=False)


def test_name_is_exact_or_lower_case() -> None:
    assert select(FOUND, "schema", ["PUBLIC", "Immuta_System", "immuta_system"]) == [
        {"name": "public", "owner": "admin", "exists": True},
        {"name": "Immuta_System", "owner": "admin", "exists": True},
        {"name": "immuta_system", "owner": None, "exists": False},
    ]
    assert missing(FOUND, ["PUBLIC", "immuta_system"]) == ["immuta_system"]
    assert find([{"name": "etl"}, {"name": "ETL"}], "ETL") == {"name": "ETL"}


def test_name_differing_in_case_warns() -> None:
    assert lookalikes(FOUND, "schema", ["PUBLIC", "immuta_system", "x"]) == [
        "The schema 'immuta_system' does not exist, but 'Immuta_System' does: check the spelling."
    ]


@pytest.mark.parametrize(
    ("problem", "tries"),
    [
        (DriverError(sqlstate="XX000", lost=False, server_message="could not open relation with OID 123"), 3),
        (DriverError(sqlstate="XX000", lost=False, server_message="cache lookup failed for relation 5"), 3),
        (DriverError(sqlstate="42501", lost=False), 1),
        (DriverError(sqlstate=None, lost=True), 1),
    ],
)
def test_query_conflict_is_retried(problem: DriverError, tries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    session = FakeSession(pg_group=[("g",)])
    session.problems = [problem] * 2
    if tries == 1:
        with pytest.raises(DriverError):
            entries(session, "group")
    else:
        assert entries(session, "group") == [{"name": "g"}]
    assert session.tries == tries
    session.problems = [problem] * 99
    with pytest.raises(DriverError):
        entries(session, "group")


def test_no_names_returns_all_user_objects() -> None:
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
def test_create_user_privilege(tables: dict[str, Rows], may: bool | None) -> None:
    session = FakeSession(usecreatedb=[("zoe", False, True)], **tables)
    found = account(session, is_redshift=True)
    assert (found.name, found.superuser, found.createdb, found.createuser) == ("zoe", False, True, may)


def test_missing_account_has_no_privileges() -> None:
    session = FakeSession(usecreatedb=[], current_user=[("IAM:zoe",)])
    assert account(session, is_redshift=True).name == "IAM:zoe"


def may_grant_python(session: FakeSession) -> bool | None:
    return may_grant_language(session, "plpythonu")


def may_grant_temp_on_immuta(session: FakeSession) -> bool | None:
    return may_grant_temp(session, "immuta")


@pytest.mark.parametrize(
    ("read", "rows", "expected"),
    [
        (case_sensitive, {"SHOW": [("on",)]}, True),
        (case_sensitive, {"SHOW": [("off",)]}, False),
        (may_grant_python, {"svv_language_privileges": [("exfunc",), ("plpythonu",)]}, True),
        (may_grant_python, {"svv_language_privileges": [("exfunc",)]}, False),
        (may_grant_temp_on_immuta, {"svv_database_privileges": [("immuta", "TEMP")]}, True),
        (may_grant_temp_on_immuta, {"svv_database_privileges": [("immuta", "TEMPORARY")]}, True),
        (may_grant_temp_on_immuta, {"svv_database_privileges": [("immuta", "CREATE"), ("other", "TEMP")]}, False),
        (has_all_privileges, {"has_database": [(True,)]}, True),
        (has_all_privileges, {"has_database": [(False,)]}, False),
    ],
)
def test_settings_and_grant_options(
    read: t.Callable[[FakeSession], bool | None], rows: dict[str, Rows], expected: bool
) -> None:
    assert read(FakeSession(**rows)) is expected
    assert read(FakeSession()) is None
