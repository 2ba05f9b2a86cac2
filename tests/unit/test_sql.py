# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where statements begin and end, what is refused, and what a person may see of a script.

That statements end where psql ends them is tested in tests/oracle.
"""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ScriptError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift import sql
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import (
    Statement,
    fingerprint,
    mask,
    runs_in_transaction,
    split,
    split_script,
    transaction_after,
)


def texts(script: str | bytes, **reading: bool) -> list[str]:
    return [statement.text for statement in split(script, **reading)]


def refusal(script: str | bytes, splitter: t.Callable[[str | bytes], t.Any] = split_script) -> tuple[int, str]:
    with pytest.raises(ScriptError) as caught:
        splitter(script)
    return caught.value.facts["line"], caught.value.message


def test_statements_have_their_number_their_line_and_their_text() -> None:
    script = b"\xef\xbb\xbf-- it's; one\r\nCREATE USER a\r\n  PASSWORD 'b;c';\r\n;;\r\n/* ; */ ;\r\nDROP USER d -- last"
    assert split(script) == [
        Statement(1, 2, "CREATE USER a\r\n  PASSWORD 'b;c'"),
        Statement(2, 6, "DROP USER d -- last"),
    ]


@pytest.mark.parametrize("script", ["", " \n", ";", "-- nothing", "/* nothing */;\n;"])
def test_what_holds_no_statement_is_left_out(script: str) -> None:
    assert split(script) == []


def test_a_semicolon_in_quotes_comments_or_parentheses_ends_nothing() -> None:
    whole = "A 'b;''c;' E'\\';' \"d;\"\"e;\" $$;$x$;$$ $x$ $$; $x$ /* ; /* ; */ ; */ (f; (g;) h;) i$$;"
    assert texts(f"{whole} J") == [whole[:-1], "J"]


def test_a_backslash_is_read_as_asked() -> None:
    script = r"A 'b\';c'; D"
    assert texts(script) == [r"A 'b\';c'", "D"]
    with pytest.raises(ScriptError):
        split(script, backslash_escapes=False)
    assert texts(r"A 'b\'; D", backslash_escapes=False) == [r"A 'b\'", "D"]


@pytest.mark.parametrize(
    ("script", "line", "reason"),
    [
        ("A;\nB 'c;\nD", 2, "a string begins here"),
        ("A 'b\n''c;\nD", 1, "a string begins here"),
        ('A;\n\nB "c;\nD', 3, "a quoted name begins here"),
        ("A $x$ b; $y$", 1, "dollar-quoted text begins here"),
        ("A;\n/* /* */ b;", 2, "a comment begins here"),
        ("A;\nB (c; (d);\nE", 2, "a parenthesis is opened here"),
        ("A;\n\\c immuta", 2, r"\c is a psql meta-command"),
        ("\\! rm -rf", 1, "\\ is a psql meta-command"),
        ("A;\nB\0;", 2, "NUL"),
        (b"A;\nB '\xff';", 2, "not valid UTF-8"),
        ("A;\nB 'c\\';\nD ';", 2, "not certain where the statement ends"),
        ("A;\nB 'c\\';", 2, "not certain where the statement ends"),
    ],
)
def test_a_broken_or_ambiguous_script_is_refused(script: str | bytes, line: int, reason: str) -> None:
    found_line, message = refusal(script)
    assert found_line == line
    assert message.startswith(f"Line {line} of the script: ")
    assert reason in message


def test_a_statement_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql, "MAX_STATEMENT_BYTES", 13)
    assert len(split("SELECT 'éé'; SELECT 1234")) == 2
    assert refusal("A;\nSELECT 'ééé'") == (
        2,
        "Line 2 of the script: a statement begins here that is longer than the 16 MB Redshift accepts.",
    )


@pytest.mark.parametrize("script", [r"A 'b\\c'; D", r"A $$b\$$; C", r"A E'\'' || '\n'; B"])
def test_a_backslash_that_splits_nothing_differently_is_accepted(script: str) -> None:
    assert len(split_script(script)) == 2


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("create /* x */ user\n-- y\n zoe password 'p'", "CREATE USER"),
        ("CREATE OR REPLACE PROCEDURE p() AS $$$$", "CREATE OR REPLACE PROCEDURE"),
        ("alter default privileges for user zoe grant select on tables to y", "ALTER DEFAULT PRIVILEGES"),
        ("GRANT ALL PRIVILEGES ON DATABASE d TO u", "GRANT ALL PRIVILEGES"),
        ("hunter2", "unknown command"),
        ("'hunter2'", "unknown command"),
    ],
)
def test_the_command_is_keywords_alone(text: str, command: str) -> None:
    assert Statement(1, 1, text).command == command


def test_a_statement_does_not_show_its_text() -> None:
    assert "hunter2" not in repr(Statement(1, 1, "CREATE USER zoe PASSWORD 'hunter2'"))


@pytest.mark.parametrize(
    "text",
    [
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
        "BEGIN",
        "start transaction",
        "COMMIT",
        "END",
        "rollback",
        "TRUNCATE t",
    ],
)
def test_a_statement_that_goes_alone_is_known(text: str) -> None:
    assert not runs_in_transaction(Statement(1, 1, text))


@pytest.mark.parametrize(
    "text",
    [
        "CREATE USER database PASSWORD 'CREATE DATABASE'",
        "GRANT ALL ON DATABASE d TO u",
        "ALTER DATABASE d OWNER TO u",
        "ALTER TABLE a ADD COLUMN append int",
        "COMMENT ON TABLE t IS 'VACUUM'",
        "CREATE PROCEDURE p() AS $$ BEGIN COMMIT; TRUNCATE t; END $$",
        "CREATE TABLE external_things (a int)",
    ],
)
def test_a_statement_that_goes_with_others_is_known(text: str) -> None:
    assert runs_in_transaction(Statement(1, 1, text))


def test_a_transaction_lasts_until_it_is_ended() -> None:
    begin, create, commit, truncate = split("BEGIN; CREATE SCHEMA s; COMMIT; TRUNCATE t")
    assert transaction_after(None, begin) == begin
    assert transaction_after(begin, create) == begin
    assert transaction_after(begin, commit) is None
    assert transaction_after(begin, truncate) is None
    assert transaction_after(None, create) is None


@pytest.mark.parametrize(
    "script",
    [
        "CREATE USER a PASSWORD 'hunter2';",
        "CREATE USER a PASSWORD 'it''s hunter2';",
        r"CREATE USER a PASSWORD E'hunter2\n';",
        "CREATE USER a PASSWORD $$hunter2$$;",
        "CREATE PROCEDURE p() AS $x$ BEGIN EXECUTE 'CREATE USER a PASSWORD ''hunter2'''; END $x$;",
        "-- CREATE USER a PASSWORD 'hunter2'\nA;",
        "/* the password: hunter2 */ A;",
        "-- password 'x hunter2'",
        r"A 'b\'; hunter2 '; C",
        "A 'hunter2",
        "A 'hunter2\0'",
    ],
)
def test_no_password_is_shown(script: str) -> None:
    assert "hunter2" not in mask(script)
    assert "hunter2" not in mask(script.encode())


def test_what_is_no_literal_is_shown() -> None:
    script = "-- the user\nCREATE USER \"a b\" PASSWORD 'x' CREATEDB;\nCALL p($$d$$, $t$e$t$)"
    assert mask(script) == (
        "-- the user\nCREATE USER \"a b\" PASSWORD '********' CREATEDB;\nCALL p($$********$$, $t$********$t$)"
    )


@pytest.mark.parametrize(
    ("secret", "script"),
    [
        ("hunter2", "GRANT a TO hunter2; -- hunter2\nB"),
        ("hun'ter2", "-- hun'ter2 or hun''ter2 or hun\\'ter2\nA"),
        ("hun\\ter2", "-- hun\\ter2, hun\\\\ter2\nA"),
        ('hun"ter2', 'GRANT a TO "hun""ter2"'),
    ],
)
def test_a_known_secret_is_hidden_in_any_form_and_place(secret: str, script: str) -> None:
    shown = mask(script, [secret])
    assert "ter2" not in shown
    assert "********" in shown


def test_the_fingerprint_knows_a_script_but_not_its_literals() -> None:
    script = (
        "CREATE USER a PASSWORD '{}'; CREATE PROCEDURE p() AS $$ BEGIN {} '{}'; END $$; CREATE USER b PASSWORD $${}$$"
    )
    one = fingerprint(script.format("p", "x", "q", "r"))
    assert one == fingerprint(script.format("s", "x", "t", "u").encode())
    assert one != fingerprint(script.format("p", "y", "q", "r"))
    assert fingerprint("A 'b") == fingerprint("A 'c")
