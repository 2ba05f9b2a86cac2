# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings in a generated script before it runs."""

from __future__ import annotations

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._redshift.inspection import (
    accepts_python,
    inspect,
)

PATCH_190 = "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2, Redshift 1.0.124906"
PATCH_198 = "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2, Redshift 1.0.204436"
BETWEEN = "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2, Redshift 1.0.190000"
POSTGRESQL = "PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu"
FUNCTION = "CREATE FUNCTION immuta_functions.f(a int) RETURNS int STABLE AS $$\n  return token\n$$ LANGUAGE plpythonu"
NAMES = ("immuta", "dev")


def found(script: str, version: str | None = PATCH_198, name: str = "create") -> list[tuple[str, int | None]]:
    return [(finding.severity, finding.line) for finding in inspect(name, script.encode(), version, NAMES).findings]


@pytest.mark.parametrize(
    ("version", "accepts"),
    [
        (PATCH_190, True),
        ("Redshift 1.0.179517", True),
        ("Redshift 1.0.179518", None),
        (BETWEEN, None),
        ("Redshift 1.0.204435", None),
        (PATCH_198, False),
        ("PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC, redshift 1.0.212832", False),
        ("Redshift 2.0.300000", False),
        (POSTGRESQL, None),
        ("Redshift", None),
        ("", None),
        (None, None),
    ],
)
def test_server_accepts_python_functions(version: str | None, accepts: bool | None) -> None:
    assert accepts_python(version) is accepts


@pytest.mark.parametrize(
    ("version", "findings"),
    [
        (PATCH_198, [("error", 2)]),
        (PATCH_190, []),
        *((version, [("warning", 2)]) for version in (BETWEEN, POSTGRESQL, None)),
    ],
)
def test_python_function_by_server_version(version: str | None, findings: list[tuple[str, int]]) -> None:
    assert found(f"SELECT 1;\n{FUNCTION};\nSELECT 2", version) == findings


@pytest.mark.parametrize(
    ("statement", "is_refused"),
    [
        ("create or  replace\nfunction f() returns int as $$ x $$ language PLPYTHONU", True),
        ('CREATE FUNCTION f() RETURNS int LANGUAGE "plpythonu" AS $$ x $$', True),
        ("CREATE FUNCTION f() RETURNS int LANGUAGE 'plpythonu' AS 'x'", True),
        ("CREATE /* a */ FUNCTION f() -- b\nRETURNS int AS $a$ language sql $a$ LANGUAGE/**/plpython3u", True),
        ("CREATE LIBRARY l LANGUAGE plpythonu FROM 's3://b'", True),
        ("CREATE OR REPLACE LIBRARY l LANGUAGE plpythonu FROM 's3://b'", True),
        ("CREATE FUNCTION f() RETURNS int AS $$ language plpythonu $$ LANGUAGE sql", False),
        ("CREATE FUNCTION f() RETURNS int AS 'LANGUAGE plpythonu' LANGUAGE sql -- language plpythonu", False),
        ("CREATE EXTERNAL FUNCTION f() RETURNS int STABLE LAMBDA 'f' IAM_ROLE default", False),
        ("GRANT USAGE ON LANGUAGE plpythonu TO immuta_system", False),
        ("DROP LIBRARY l", False),
        ("COMMENT ON FUNCTION f() IS 'CREATE FUNCTION f() LANGUAGE plpythonu'", False),
    ],
)
def test_python_is_refused_by_a_current_server(statement: str, is_refused: bool) -> None:
    assert found(statement) == ([("error", 1)] if is_refused else [])


def test_procedure_with_dynamic_sql_warns() -> None:
    body = (
        "CREATE PROCEDURE p() AS $$ BEGIN EXECUTE 'CREATE FUNCTION f() ... LANGUAGE plpythonu'; END $$ LANGUAGE plpgsql"
    )

    assert found(body) == [("warning", 1)]
    assert found(body, PATCH_190) == []
    revokes = "BEGIN REVOKE USAGE ON LANGUAGE plpythonu FROM immuta_system; END"
    assert found(f"CREATE PROCEDURE p() AS $$ {revokes} $$ LANGUAGE plpgsql") == []


@pytest.mark.parametrize(
    ("statement", "is_other"),
    [
        ('CREATE DATABASE "Immuta"', False),
        ("CREATE DATABASE other", True),
        ("GRANT ALL PRIVILEGES ON DATABASE immuta TO u", False),
        ("GRANT TEMP ON DATABASE immuta, other TO u", True),
        ('REVOKE ALL PRIVILEGES ON DATABASE "o""ther" FROM PUBLIC', True),
        ("GRANT USAGE FOR SCHEMAS IN DATABASE other TO ROLE r", True),
        ("ALTER DATABASE other OWNER TO u", True),
        ("DROP DATABASE IF EXISTS immuta", False),
        ("DROP DATABASE other FORCE", True),
        ("COMMENT ON DATABASE other IS 'x'", True),
        ("USE other", True),
        ("CREATE EXTERNAL SCHEMA s FROM DATA CATALOG DATABASE 'glue' IAM_ROLE default", False),
        ("GRANT USAGE ON SCHEMA database TO u", False),
        ("SELECT 'GRANT x ON DATABASE other TO u'", False),
    ],
)
def test_database_outside_the_config(statement: str, is_other: bool) -> None:
    assert found(statement) == ([("error", 1)] if is_other else [])
    # Without the settings, names are not compared.
    assert inspect("delete", statement.encode(), PATCH_198).findings == []


def test_the_other_database_is_named() -> None:
    (finding,) = inspect("create", b'\nCREATE DATABASE "o""ther  one"', None, NAMES).findings

    assert (finding.line, finding.command) == (2, "CREATE DATABASE")
    assert 'about the database o"ther  one, which' in finding.message


@pytest.mark.parametrize(
    ("script", "line", "count"),
    [
        ("SELECT 1;\n\\c immuta\nSELECT 2;", 2, None),
        ("SELECT 'a", 1, None),
        ("SELECT\u00a01", 1, 1),
        ('"SELECT 1;"', 1, 1),
        ("CREATE USER u PASSWORD '{{ password }}'", 1, 1),
    ],
)
def test_refused_script_is_an_error(script: str, line: int, count: int | None) -> None:
    inspection = inspect("create", script.encode(), PATCH_198, NAMES)

    assert inspection.statement_count == count
    assert [(finding.severity, finding.line) for finding in inspection.findings] == [("error", line)]


def test_ambiguous_backslash_warns() -> None:
    assert found(r"SELECT 'a\'; SELECT 1") == [("warning", 1)]
    assert found("SELECT 1\0") == [("error", 1)]


@pytest.mark.parametrize(
    ("name", "severity"),
    [
        ("initial_create", "error"),
        ("create", "error"),
        ("edit", "warning"),
        ("delete", "warning"),
        ("cleanup", "warning"),
    ],
)
def test_every_script_is_inspected_and_may_be_empty(name: str, severity: str) -> None:
    assert found("-- nothing\n;", name=name) == [(severity, None)]
    assert found(FUNCTION, name=name) == [("error", 1)]


def test_message_omits_the_statement() -> None:
    script = "CREATE FUNCTION f() AS $$ password = 'Hunter2' $$ LANGUAGE plpythonu;CREATE LIBRARY l FROM 's3://Hunter2'"

    for version in (PATCH_198, None):
        assert "Hunter2" not in "".join(map(str, inspect("create", script.encode(), version, NAMES).findings))
