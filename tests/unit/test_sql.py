# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where statements start and end, refusals, and the effect of a statement on a transaction.

test_sql_psql.py compares the ends of statements with psql.
"""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ScriptError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift import sql
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import (
    Statement,
    readings_differ,
    reads_backslash_as_escape,
    runs_in_transaction,
    split,
)


def texts(script: str | bytes, **reading: bool) -> list[str]:
    return [statement.text for statement in split(script, **reading)]


def refusal(script: str | bytes, splitter: t.Callable[[str | bytes], t.Any] = split) -> tuple[int, str]:
    with pytest.raises(ScriptError) as caught:
        splitter(script)
    return caught.value.facts["line"], caught.value.message


def test_statements_have_number_line_and_text() -> None:
    script = b"\xef\xbb\xbf-- it's; one\r\nCREATE USER a\r\n  PASSWORD 'b;c';\r\n;;\r\n/* ; */ ;\r\nDROP USER d -- last"
    assert split(script) == [
        Statement(1, 2, "CREATE USER a\r\n  PASSWORD 'b;c'"),
        Statement(2, 6, "DROP USER d -- last"),
    ]


@pytest.mark.parametrize("script", ["", " \n", ";", "-- nothing", "/* nothing */;\n;"])
def test_empty_statements_are_left_out(script: str) -> None:
    assert split(script) == []


def test_semicolon_inside_quotes_or_comments() -> None:
    whole = "A 'b;''c;' E'\\';' \"d;\"\"e;\" $$;$x$;$$ $x$ $$; $x$ /* ; /* ; */ ; */ (f; (g;) h;) i$$;"
    assert texts(f"{whole} J") == [whole[:-1], "J"]


def test_backslash_setting() -> None:
    script = r"A 'b\';c'; D"
    assert texts(script) == [r"A 'b\';c'", "D"]
    with pytest.raises(ScriptError):
        split(script, backslash_escapes=False)
    assert texts(r"A 'b\'; D", backslash_escapes=False) == [r"A 'b\'", "D"]


@pytest.mark.parametrize(
    ("script", "line", "reason"),
    [
        ("A;\nB 'c;\nD", 2, "a string starts here"),
        ("A 'b\n''c;\nD", 1, "a string starts here"),
        ('A;\n\nB "c;\nD', 3, "a quoted name starts here"),
        ("A $x$ b; $y$", 1, "dollar-quoted text starts here"),
        ("A;\n/* /* */ b;", 2, "a comment starts here"),
        ("A;\nB (c; (d);\nE", 2, "a parenthesis is opened here"),
        ("A;\n\\c immuta", 2, r"\c is a psql meta-command"),
        ("\\! rm -rf", 1, "\\ is a psql meta-command"),
        ("\\set ON_ERROR_STOP on", 1, r"\set is a psql meta-command"),
        ("\\hunter2", 1, "\\ is a psql meta-command"),
        ("A;\nB\0;", 2, "NUL"),
        (b"A;\nB '\xff';", 2, "not valid UTF-8"),
        (
            "A;\n\nB 'c\\';",
            3,
            "a string starts here and never ends. Redshift reads the backslash in the string on line 3",
        ),
        ("A 'c\\';\nB 'd';", 2, "in the string on line 1 as an escape: write '' for a quote and \\\\ for a backslash."),
    ],
)
def test_broken_script_is_refused(script: str | bytes, line: int, reason: str) -> None:
    found_line, message = refusal(script)
    assert found_line == line
    assert message.startswith(f"Line {line} of the script: ")
    assert reason in message


def test_too_long_statement_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "MAX_STATEMENT_BYTES", 13)
    assert len(split("SELECT 'éé'; SELECT 1234")) == 2
    assert refusal("A;\nSELECT 'ééé'") == (
        2,
        "Line 2 of the script: a statement starts here that is longer than the 16 MB Redshift accepts.",
    )


def test_refusal_names_a_literal_backslash() -> None:
    line, message = refusal("A;\nB 'c\\'d';", lambda script: split(script, backslash_escapes=False))
    assert line == 2
    expected = "This server reads the backslash in the string on line 2 as a plain character: write '' for a quote."
    assert message.endswith(expected)


@pytest.mark.parametrize("script", [r"A 'b\\c'; D", r"A $$b\$$; C", r"A E'\'' || '\n'; B"])
def test_unambiguous_backslash(script: str) -> None:
    assert not readings_differ(script)
    assert len(split(script)) == len(split(script, backslash_escapes=False)) == 2


def test_readings_differ_at_a_literal_end() -> None:
    assert readings_differ(r"UNLOAD ('SELECT 1 WHERE s = \'OH\' ') TO 's3://b'")


@pytest.mark.parametrize(
    ("version", "conforming", "escapes"),
    [("8.0.2", None, True), ("8.0.2", "on", True), ("15.4", "on", False), ("15.4", "off", True), (None, None, True)],
)
def test_backslash_setting_comes_from_the_server(version: str | None, conforming: str | None, escapes: bool) -> None:
    assert reads_backslash_as_escape(version, conforming) is escapes


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("create /* x */ user\n-- y\n zoe password 'p'", "CREATE USER"),
        ("CREATE OR REPLACE PROCEDURE p() AS $$$$", "CREATE OR REPLACE PROCEDURE"),
        ("alter default privileges for user zoe grant select on tables to y", "ALTER DEFAULT PRIVILEGES"),
        ("GRANT ALL PRIVILEGES ON DATABASE d TO u", "GRANT ALL PRIVILEGES"),
        ("CREATE SCHEMA user", "CREATE SCHEMA"),
        ("DROP GROUP role", "DROP GROUP"),
        ("CREATE TABLE table_2 (a int)", "CREATE TABLE"),
        ("CREATE EXTERNAL SCHEMA s FROM DATA CATALOG", "CREATE EXTERNAL SCHEMA"),
        ("TRUNCATE temp", "TRUNCATE"),
        ("CREATE USER2", "CREATE"),
        ("hunter2", "unknown command"),
        ("'hunter2'", "unknown command"),
    ],
)
def test_command_has_only_keywords(text: str, command: str) -> None:
    assert Statement(1, 1, text).command == command


OUTSIDE_TRANSACTIONS = (
    "create database immuta",
    "Drop /* it */ Database immuta",
    "ALTER TABLE a APPEND FROM b",
    'ALTER TABLE "from" APPEND FROM b',
    "create external table s.t (a int)",
    "DROP SCHEMA s DROP EXTERNAL DATABASE CASCADE",
    "GRANT USAGE ON EXTERNAL SCHEMA s TO u",
    "VACUUM",
    "CREATE LIBRARY l LANGUAGE plpythonu FROM 's3://b'",
    "ALTER DATABASE d COLLATE CASE_INSENSITIVE",
    "CREATE OR REPLACE LIBRARY l LANGUAGE plpythonu FROM 's3://b'",
    "ALTER TABLE t ALTER COLUMN c TYPE varchar(300)",
    'ALTER TABLE "s"."t u" ALTER c TYPE int',
    "CREATE IDENTITY PROVIDER p TYPE azure",
    "alter identity provider p enable",
    "ALTER DATASHARE d SET PUBLICACCESSIBLE true",
    "GRANT SELECT ON EXTERNAL TABLE s.t TO u",
)
INSIDE_TRANSACTIONS = (
    "CREATE USER database PASSWORD 'CREATE DATABASE'",
    "GRANT ALL ON DATABASE d TO u",
    "ALTER DATABASE d OWNER TO u",
    "ALTER TABLE a ADD COLUMN append int",
    "COMMENT ON TABLE t IS 'VACUUM'",
    "CREATE PROCEDURE p() AS $$ BEGIN COMMIT; TRUNCATE t; END $$",
    "CREATE TABLE external_things (a int)",
    "GRANT USAGE ON SCHEMA external TO g",
    "GRANT SELECT ON external TO g",
    'REVOKE ALL ON SCHEMA "external" FROM g',
    "CREATE EXTERNAL SCHEMA s FROM DATA CATALOG DATABASE 'd'",
    "CREATE EXTERNAL FUNCTION f(int) RETURNS int LAMBDA 'l' IAM_ROLE default",
    "ALTER DATASHARE publicaccessible ADD SCHEMA s",
    "ALTER TABLE t ADD COLUMN type int",
)


def test_statements_outside_transactions() -> None:
    assert [text for text in OUTSIDE_TRANSACTIONS if runs_in_transaction(Statement(1, 1, text))] == []
    assert [text for text in INSIDE_TRANSACTIONS if not runs_in_transaction(Statement(1, 1, text))] == []


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("BEGIN", "opens"),
        ("START /* one */ TRANSACTION READ WRITE", "opens"),
        ("END WORK", "commits"),
        ("commit", "commits"),
        ("TRUNCATE t", "commits"),
        ("-- undo\nROLLBACK", "rolls back"),
        ("ABORT TRANSACTION", "rolls back"),
        ("ROLLBACK WORK TO a", "nothing"),
        ("CREATE SCHEMA begin", "nothing"),
    ],
)
def test_transaction_effect_of_statements(text: str, effect: str) -> None:
    statement = Statement(1, 1, text)
    effects = {"opens": statement.opens, "commits": statement.commits, "rolls back": statement.rolls_back}
    assert [name for name, does in effects.items() if does] == [name for name in effects if name == effect]
    assert runs_in_transaction(statement) is (effect == "nothing")
    assert statement.ends is (effect in ("commits", "rolls back"))
    assert statement.is_control is (effect != "nothing" and "TRUNCATE" not in text)
