# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The visible parts of a script, and of a server's message about a statement."""

from __future__ import annotations

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._redshift.masking import (
    mask,
    server_sentence,
)


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        ("CREATE USER a PASSWORD 'hunter2' CREATEDB;", "CREATE USER a PASSWORD '********' CREATEDB;"),
        ("create user a password'hunter'", "create user a password'********'"),
        ("CREATE USER a PASSWORD 'it''s hunter2';", "CREATE USER a PASSWORD '********';"),
        (r"CREATE USER a PASSWORD E'hunter2\'s';", "CREATE USER a PASSWORD E'********';"),
        ("CREATE USER a PASSWORD $$hunter2$$;", "CREATE USER a PASSWORD $$********$$;"),
        ('ALTER USER a PASSWORD "hunter2"', 'ALTER USER a PASSWORD "********"'),
        ("ALTER USER a PASSWORD hunter", "ALTER USER a PASSWORD ********"),
        ("A PASSWORD 'hun'\n 'ter2' || 'hunter2'", "A PASSWORD '********'\n '********' || '********'"),
        ("UPDATE t SET api_token = md5('hunter2')", "UPDATE t SET api_token = md5('********')"),
        ("A PASSWORD 'hunter2", "A PASSWORD '********"),
        ("A PASSWORD 'hunter2\0'", "A PASSWORD '********'"),
        (r"A PASSWORD 'b\'; hunter2 '; C", "A PASSWORD '********'; C"),
        (r"A PASSWORD 'b\'; C PASSWORD 'hunter2'; D", "A PASSWORD '********'********'; D"),
        (
            "AS $x$ BEGIN EXECUTE 'CREATE USER a PASSWORD ''hunter2'''; END $x$;",
            "AS $x$ BEGIN EXECUTE 'CREATE USER a PASSWORD ''********'''; END $x$;",
        ),
        (
            "AS $x$ BEGIN EXECUTE 'ALTER USER a PASSWORD ' || quote_literal('hunter2'); END $x$;",
            "AS $x$ BEGIN EXECUTE 'ALTER USER a PASSWORD ' || quote_literal('********'); END $x$;",
        ),
        (
            "COPY t FROM 's3://b' CREDENTIALS 'aws_access_key_id=x;aws_secret_access_key=hunter2' CSV",
            "COPY t FROM 's3://b' CREDENTIALS '********' CSV",
        ),
        (
            "COPY t ACCESS_KEY_ID 'hunter' SECRET_ACCESS_KEY 'hunter' SESSION_TOKEN 'hunter'",
            "COPY t ACCESS_KEY_ID '********' SECRET_ACCESS_KEY '********' SESSION_TOKEN '********'",
        ),
        (
            """CREATE IDENTITY PROVIDER x PARAMETERS '{"issuer": "i", "client_secret":"hun\\"ter2", "a": 1}'""",
            """CREATE IDENTITY PROVIDER x PARAMETERS '{"issuer": "i", "client_secret":"********", "a": 1}'""",
        ),
        ("SELECT dblink('user=a password=hunter2 port=1')", "SELECT dblink('user=a password=******** port=1')"),
        ("SELECT 'postgres://u:hunter2@h/d'", "SELECT 'postgres://u:********@h/d'"),
        ("-- CREATE USER a PASSWORD 'hunter2'\nA;", "-- CREATE USER a PASSWORD '********'\nA;"),
        ("/* the password: hunter2 */ A;", "/* the password: ******** */ A;"),
        ("-- the password is hunter\nA;", "-- the password is ********\nA;"),
        ("-- password 'x hunter2'", "-- password '********'"),
        ("-- pwd: hunter", "-- pwd: ********"),
        ("-- aws_secret_access_key=hunter", "-- aws_secret_access_key=********"),
        ("-- AKIAIOSFODNN7EXAMPLE", "-- ********"),
        ("-- don't use 'hunter2', it's old", "-- don't use '********', it's old"),
        ("$$ -- don't use 'hunter2'\n$$", "$$ -- don't use '********'\n$$"),
        ("-- postgres://u:hunter@h", "-- postgres://u:********@h"),
    ],
)
def test_secrets_are_masked_in_place(script: str, shown: str) -> None:
    assert mask(script) == shown
    assert mask(script.encode()) == shown


@pytest.mark.parametrize(
    "script",
    [
        "-- don't change the user's password; it's Immuta's\nCREATE USER \"a b\" PASSWORD DISABLE",
        "CREATE TABLE t (password varchar(20), token int, secret text DEFAULT 'a')",
        "CALL p($$d$$, $t$e$t$, 'f')",
        "CREATE FUNCTION f() AS $$ token = check(x) # the token\n$$ LANGUAGE plpythonu",
        "CREATE EXTERNAL SCHEMA s SECRET_ARN 'arn:aws:secretsmanager:us-east-1:1:secret:s'",
        "EXECUTE 'CREATE USER ' || name || ' PASSWORD ''' || given || '''';",
        "COPY t FROM 's3://bucket/key' IAM_ROLE 'arn:aws:iam::1:role/r'",
    ],
)
def test_other_text_is_shown(script: str) -> None:
    assert mask(script) == script


@pytest.mark.parametrize(
    ("secret", "script"),
    [
        ("hunter2", "GRANT a TO hunter2; -- hunter2\nB"),
        ("hun'ter2", "-- hun'ter2 or hun''ter2 or hun\\'ter2\nA"),
        ("hun\\ter2", "-- hun\\ter2, hun\\\\ter2\nA"),
        ('hun"ter2', 'GRANT a TO "hun""ter2"; -- hun\\"ter2'),
    ],
)
def test_known_secret_is_hidden_in_any_form(secret: str, script: str) -> None:
    shown = mask(script, [secret])
    assert "ter2" not in shown
    assert "********" in shown


@pytest.mark.parametrize(
    ("statement", "message", "shown"),
    [
        ("CREATE VIEW v AS SELECT * FROM s.nope WHERE k = 'r' AND x = 'e'", 'relation "s.nope" does not exist', None),
        ("SELECT * FROM Nope", 'relation "nope" does not exist', None),
        ('DROP GROUP "a b"', 'group "a b" does not exist', None),
        ("CALL p()", 'relation "elsewhere" does not exist', None),
        ("UPDATE t SET nope = 1", 'column "nope" of relation "t" does not exist', None),
        ("CREATE USER a PASSWORD 'hunter2'", 'user "a" already exists', None),
        ("CREATE USER a PASSWORD 'hunter2'", "password must contain a number", None),
        (
            "CREATE FUNCTION f() AS $$ # the token\n$$ LANGUAGE plpythonu",
            "Create function is not supported for language plpythonu anymore",
            None,
        ),
        (
            "CREATE FUNCTION f() AS $$ token = language_of(plpythonu) $$ LANGUAGE plpythonu",
            "ERROR:  CREATE function is not\nsupported for language plpythonu anymore. hunter2",
            "Create function is not supported for language plpythonu anymore",
        ),
        ("SELECT FROM FROM", 'syntax error at or near "FROM"', None),
        ('COMMENT ON SCHEMA s "hunter2"', 'syntax error at or near ""hunter2""', 'syntax error at or near "********"'),
        (
            '"A \'b\' relation ""s"" hunter2"',
            'syntax error at or near ""A \'b\' relation "s" hunter2""',
            'syntax error at or near "********"',
        ),
        (
            "SELECT \"hunter2\" FROM 'x'",
            'syntax error in context "SELECT "hunter2" FROM \'x\'", at line 1',
            'syntax error in context "********", at line 1',
        ),
        ("ALTER USER a PASSWORD hunter2", 'syntax error at or near "hunter2"', 'syntax error at or near "********"'),
        ("SELECT 'hunter2'::int", 'invalid input for integer: "hunter2"', 'invalid input for integer: "********"'),
        ("SELECT 'hunter2'::int", "Invalid digit, Value 'h', Pos 0", 'Invalid digit, Value "********", Pos 0'),
        ("SELECT 'hunter2'::int", "invalid: hunter2 there", "invalid: ******** there"),
        ("SELECT 'it''s hunter2'::int", "invalid: it's hunter2", "invalid: ********"),
        ("SELECT 'hunter2'::regclass", 'relation "hunter2" does not exist', 'relation "********" does not exist'),
        ("SELECT ('hunter2' || 'x')::regclass", 'relation "hunter2x" is not there', 'relation "********" is not there'),
        ('INSERT INTO t VALUES ("hunter2")', 'column "hunter2" does not exist', 'column "********" does not exist'),
        ("SELECT hunter2", "Spalte \u00bbhunter2\u00ab existiert nicht", 'Spalte "********" existiert nicht'),
        ("SELECT 1", "an unclosed 'hunter2 there", 'an unclosed "********"'),
        ("CREATE USER a PASSWORD 'hunter2'", "invalid: hunter", "-"),
        ("SELECT a FROM b WHERE hunter2", "in SELECT a FROM b WHERE hunter2", "-"),
    ],
)
def test_message_keeps_names_and_hides_values(statement: str, message: str, shown: str | None) -> None:
    assert server_sentence(message, statement) == (None if shown == "-" else shown or message)


def test_long_message_is_cut() -> None:
    assert server_sentence(f"{'error ' * 200}'hunter2'", "A") == ("error " * 200)[:500] + " ..."
