# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""No literal or quoted value of a failing statement appears in a result, whatever the server's message."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import IntegrationsError
from ansible_collections.immuta.integrations.plugins.module_utils._modules.redshift_script import arguments, run
from tests.support.standin import Standins

CANARY = "Hunter2xyz"
# Each fails for another reason. Object names in messages may appear, so no name is the canary.
FAILING = [
    'COMMENT ON SCHEMA public "{}"',
    "COMMENT ON SCHEMA public {}",
    "CREATE USER zoe PASSWORD '{}' NONSENSE",
    "CREATE USER bootstrap PASSWORD '{}'",
    'CREATE USER zoe PASSWORD "{}"',
    "ALTER USER zoe PASSWORD {}",
    "SELECT '{}'::int",
    "SELECT '{}'::date",
    "SELECT '{}'::regclass",
    "SELECT '{}'::regrole",
    "SELECT ('{{{}' || '}}')::json",
    "SELECT '{}'::inet",
    "SELECT '{}'::boolean",
    'INSERT INTO pg_database VALUES ("{}")',
    "SELECT nothing('{}')",
    "SELECT * FROM nowhere WHERE a = '{}'",
    "SELECT 1 WHERE $1 = '{}'",
    "SET statement_timeout TO '{}'",
    'SET client_min_messages TO "{}"',
    "SELECT set_config('nothing at all', '{}', false)",
    "SELECT to_date('{}', 'YYYY-MM-DD')",
    "SELECT '{}' FROM FROM",
    "SELECT $tag${}$tag$::int",
    "CREATE FUNCTION own.f() RETURNS int AS $$ SELECT '{}'::int $$ LANGUAGE sql",
    'CREATE FUNCTION own.f() RETURNS int AS $$ SELECT "{}" $$ LANGUAGE sql',
    "CREATE PROCEDURE own.p() AS $$ BEGIN {} '{}' END $$ LANGUAGE plpgsql",
    "CREATE FUNCTION own.f() RETURNS int AS $$ token = '{}' $$ LANGUAGE plpythonu",
    "COPY nowhere FROM 's3://b' CREDENTIALS 'aws_secret_access_key={}'",
    "CREATE DATABASE d ENCODING '{}'",
    "CREATE SCHEMA nowhere AUTHORIZATION zoe; -- {}\nCREATE SCHEMA s; SELECT '{}'::uuid",
    "GRANT SELECT ON nowhere TO zoe /* {} */",
    "DO $$ BEGIN RAISE '{}'; END $$",
    "DO $$ BEGIN RAISE 'it is %', '{}'; END $$",
    "DO $$ BEGIN EXECUTE 'SELECT ''{}''::int'; END $$",
]


# The Python refusal of a current Redshift.
TOKEN = f"token = language_{CANARY}"
REFUSED = "RAISE 'Create function is not supported for language plpythonu anymore.'"


def failure(standins: Standins, directory: pathlib.Path, driver: str, script: str) -> dict[str, t.Any]:
    """Return the failure of a script, empty if it succeeds."""
    login = {"login_host": standins.redshift.host, "login_port": standins.redshift.port, "login_db": "dev"}
    account = {"login_user": standins.bootstrap.user, "login_password": standins.bootstrap.password}
    options = {**login, **account, "ssl_mode": "disable", "driver": driver, "path": str(directory / "script.sql")}
    defaults = {name: option.get("default") for name, option in arguments()["argument_spec"].items()}
    (directory / "script.sql").write_text(script, encoding="utf-8")
    try:
        run({**defaults, **options}, False, {})
    except IntegrationsError as error:
        return error.as_failure()
    return {}


@pytest.mark.parametrize("driver", ["redshift_connector", "psycopg"])
def test_failing_statement_text_is_hidden(standins: Standins, tmp_path: pathlib.Path, driver: str) -> None:
    standins.postgres.run(f"CREATE SCHEMA own AUTHORIZATION {standins.bootstrap.user}", database="dev")
    shown = {
        statement: failure(standins, tmp_path, driver, statement.format(*[CANARY] * statement.count("{}")))
        for statement in FAILING
    }
    assert [statement for statement in FAILING if "SQLSTATE" not in shown.get(statement, {}).get("msg", "")] == []
    assert [message for message in shown.values() if CANARY.lower() in json.dumps(message).lower()] == []


@pytest.mark.parametrize("driver", ["redshift_connector", "psycopg"])
@pytest.mark.parametrize(
    "script",
    [
        f"DO $$ BEGIN PERFORM '{TOKEN}'; {REFUSED}; END $$",
        f"CREATE PROCEDURE pg_temp.p(a text) AS $$ BEGIN {REFUSED}; END $$ LANGUAGE plpgsql; CALL pg_temp.p('{TOKEN}')",
    ],
)
def test_refused_python_function_is_named(standins: Standins, tmp_path: pathlib.Path, driver: str, script: str) -> None:
    shown = failure(standins, tmp_path, driver, script)
    assert "(Create function is not supported for language plpythonu anymore): this server does not" in shown["msg"]
    assert "Ask Immuta for a script without Python functions." in shown["msg"]
    assert CANARY not in json.dumps(shown)
