# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts that the Immuta stand-in generates, as lists of statements and as text.

Immuta publishes none. These create the objects in its documentation ("Redshift Overview", "User Impersonation"): the
account, the database, three schemas, the table `profile`, the view `user_profile`, procedures, privileges, and the
impersonation group. Every statement is documented for Redshift. ``config`` is the API's.
"""

from __future__ import annotations

import typing as t

SCHEMAS = ("immuta_system", "immuta_functions", "immuta_procedures")

Config = t.Mapping[str, t.Any]


def identifier(name: str) -> str:
    """Return a quoted name."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a quoted string for a server that reads a backslash in a string as an escape."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def account(config: Config) -> str:
    """Return the name of the system account."""
    if config["authenticationType"] == "okta":
        return config["okta"]["username"]
    return config.get("username", "immuta_system_account")


def secret(config: Config) -> str:
    """Return the value of PASSWORD: an account of Okta or of an access key has none in Redshift."""
    return literal(config["password"]) if config["authenticationType"] == "userPassword" else "DISABLE"


def impersonation_group(config: Config) -> str | None:
    """Return the group whose members may impersonate, None without impersonation."""
    impersonation = config.get("impersonation", {})
    return impersonation.get("role", "immuta_impersonation") if impersonation.get("enabled") else None


def initial_create(config: Config) -> list[str]:
    """Return the statements for ``initialDatabase``, run one by one."""
    database, user = identifier(config["database"]), identifier(account(config))
    return [
        f"-- The account that Immuta works with; it's the payload's.\nCREATE USER {user} PASSWORD {secret(config)}",
        f"/* This can't be run within a transaction;\n   run all one by one */\nCREATE DATABASE {database}",
        f"GRANT ALL PRIVILEGES ON DATABASE {database} TO {user}",
    ]


def create(config: Config) -> list[str]:
    """Return the statements for ``database``, run in one transaction."""
    database = identifier(config["database"])
    group = impersonation_group(config)
    return [
        f"REVOKE ALL PRIVILEGES ON DATABASE {database} FROM PUBLIC",
        f"GRANT TEMP ON DATABASE {database} TO PUBLIC",
        *(f"CREATE SCHEMA {schema}" for schema in SCHEMAS),
        *(f"GRANT USAGE ON SCHEMA {schema} TO PUBLIC" for schema in SCHEMAS),
        """\
CREATE TABLE immuta_system.profile (
    username varchar(128) NOT NULL, -- as Redshift knows the user; not as Immuta does
    iam varchar(128) DEFAULT 'bim',
    entitlements varchar(65535) DEFAULT '{"groups": [], "attributes": {}}'
)""",
        """\
CREATE VIEW immuta_system.user_profile AS
    SELECT username, iam, entitlements FROM immuta_system.profile WHERE username = current_user
    WITH NO SCHEMA BINDING""",
        "GRANT SELECT ON immuta_system.user_profile TO PUBLIC",
        # Privileges of PUBLIC by "Redshift Overview": future functions, and tables created after `profile`.
        "ALTER DEFAULT PRIVILEGES IN SCHEMA immuta_functions GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA immuta_system GRANT SELECT ON TABLES TO PUBLIC",
        """\
CREATE FUNCTION immuta_functions.has_group(varchar, varchar) RETURNS boolean STABLE AS $function$
    SELECT position('"' || $2 || '"' in $1) > 0 /* $1: entitlements; $2: a group's name */
$function$ LANGUAGE sql""",
        """\
CREATE PROCEDURE immuta_procedures.set_entitlements(name varchar(128), value varchar(65535)) AS $$
BEGIN
    -- Don't keep the old row; there is one for each user.
    DELETE FROM immuta_system.profile WHERE username = name;
    INSERT INTO immuta_system.profile (username, entitlements) VALUES (name, value);
END;
$$ LANGUAGE plpgsql SECURITY DEFINER""",
        *(impersonation_procedures(group) if group else []),
        *system_account_grants(config),
    ]


def system_account_grants(config: Config) -> list[str]:
    """Return the grants of the system account in the database."""
    user = identifier(account(config))
    return [
        *(f"GRANT ALL PRIVILEGES ON SCHEMA {schema} TO {user}" for schema in SCHEMAS),
        f"GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA immuta_system TO {user}",
        f"GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA immuta_procedures TO {user}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA immuta_procedures GRANT EXECUTE ON FUNCTIONS TO {user}",
        f"GRANT USAGE ON LANGUAGE plpythonu TO {user}",
    ]


def system_account_removal(config: Config) -> list[str]:
    """Return the statements that revoke these grants and drop the system account."""
    user = identifier(account(config))
    return [
        f"REVOKE USAGE ON LANGUAGE plpythonu FROM {user}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA immuta_procedures REVOKE EXECUTE ON FUNCTIONS FROM {user}",
        f"REVOKE EXECUTE ON ALL PROCEDURES IN SCHEMA immuta_procedures FROM {user}",
        f"REVOKE ALL PRIVILEGES ON ALL TABLES IN SCHEMA immuta_system FROM {user}",
        *(f"REVOKE ALL PRIVILEGES ON SCHEMA {schema} FROM {user}" for schema in SCHEMAS),
        f"REVOKE ALL PRIVILEGES ON DATABASE {identifier(config['database'])} FROM {user}",
        f"DROP USER {user}",
    ]


def impersonation_procedures(group: str) -> list[str]:
    """Return the statements that create the impersonation group and its two procedures."""
    return [f"CREATE GROUP {identifier(group)}"] + [
        f"""\
CREATE PROCEDURE immuta_procedures.{verb}_impersonation(name varchar(128)) AS $immuta$
BEGIN
    /* the group's name may hold anything; it's quoted "twice" */
    EXECUTE 'ALTER GROUP ' || quote_ident({literal(group)}) || ' {word} USER ' || quote_ident(name) || ';';
END;
$immuta$ LANGUAGE plpgsql SECURITY DEFINER"""
        for verb, word in (("grant", "ADD"), ("revoke", "DROP"))
    ]


def edit(before: Config, after: Config) -> list[str]:
    """Return the statements for ``database`` that change one config to another, run in one transaction."""
    statements = []
    if account(before) == account(after):
        statements += [f"ALTER USER {identifier(account(after))} PASSWORD {secret(after)}"]
    else:
        statements += [
            f"CREATE USER {identifier(account(after))} PASSWORD {secret(after)}",
            f"GRANT ALL PRIVILEGES ON DATABASE {identifier(after['database'])} TO {identifier(account(after))}",
            *system_account_grants(after),
            *system_account_removal(before),
        ]
    old_group, new_group = impersonation_group(before), impersonation_group(after)
    if old_group and old_group != new_group:
        statements += [
            "DROP PROCEDURE immuta_procedures.grant_impersonation(varchar)",
            "DROP PROCEDURE immuta_procedures.revoke_impersonation(varchar)",
            f"DROP GROUP {identifier(old_group)}",
        ]
    if new_group and old_group != new_group:
        statements += impersonation_procedures(new_group)
        statements += [f"GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA immuta_procedures TO {identifier(account(after))}"]
    return statements


def source(schema: str, view: str) -> list[str]:
    """Return the statements that Immuta itself runs in ``database`` for a data source that is registered later."""
    return [
        f"CREATE SCHEMA IF NOT EXISTS {identifier(schema)}",
        f"GRANT USAGE ON SCHEMA {identifier(schema)} TO PUBLIC",
        f"CREATE VIEW {identifier(schema)}.{identifier(view)} AS SELECT username FROM immuta_system.user_profile",
        f"GRANT SELECT ON {identifier(schema)}.{identifier(view)} TO PUBLIC",
    ]


def delete(config: Config, sources: t.Sequence[str] = ()) -> list[str]:
    """Return the statements for ``database`` that undo `initial_create` and `create`, except the database itself.

    ``sources`` are the schemas of data sources.
    """
    group = impersonation_group(config)
    return [
        *(f"DROP SCHEMA {identifier(schema)} CASCADE" for schema in sources),
        *(f"DROP SCHEMA {schema} CASCADE" for schema in reversed(SCHEMAS)),
        *([f"DROP GROUP {identifier(group)}"] if group else []),
        f"REVOKE USAGE ON LANGUAGE plpythonu FROM {identifier(account(config))}",
        f"REVOKE ALL PRIVILEGES ON DATABASE {identifier(config['database'])} FROM {identifier(account(config))}",
        f"DROP USER {identifier(account(config))}",
    ]


def cleanup(config: Config) -> list[str]:
    """Return the statements that clean up any partial setup, in ``database`` or, if it is missing, elsewhere.

    Redshift has IF EXISTS only for DROP SCHEMA and DROP USER. A procedure does the rest, in a schema that is dropped
    afterwards.
    """
    database, user = config["database"], account(config)
    group = impersonation_group(config)
    steps = f"""
    IF EXISTS (SELECT 1 FROM pg_database WHERE datname = {literal(database)})
            AND EXISTS (SELECT 1 FROM pg_user WHERE usename = {literal(user)}) THEN
        REVOKE USAGE ON LANGUAGE plpythonu FROM {identifier(user)};
        REVOKE ALL PRIVILEGES ON DATABASE {identifier(database)} FROM {identifier(user)};
    END IF;"""
    if group:
        steps += f"""
    IF EXISTS (SELECT 1 FROM pg_group WHERE groname = {literal(group)}) THEN
        DROP GROUP {identifier(group)};
    END IF;"""
    return [
        *(f"DROP SCHEMA IF EXISTS {schema} CASCADE" for schema in reversed(SCHEMAS)),
        "CREATE SCHEMA IF NOT EXISTS immuta_cleanup",
        f"CREATE OR REPLACE PROCEDURE immuta_cleanup.run() AS $immuta$\nBEGIN{steps}\nEND;\n$immuta$ LANGUAGE plpgsql",
        "CALL immuta_cleanup.run()",
        "DROP SCHEMA immuta_cleanup CASCADE",
        f"DROP USER IF EXISTS {identifier(user)}",
    ]


def text(name: str, statements: t.Sequence[str]) -> str:
    """Return the script as Immuta sends it, with comments. Only the first one ends with a newline."""
    end = "\n" if name == "initial-create" else ""
    return f"-- Immuta: {name}; don't change it\n\n" + ";\n\n".join(statements) + f"; -- the end{end}"
