# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The requirements of Immuta for a Redshift and for the account that sets it up.

Immuta's documentation, "Configure a Redshift Integration", Requirements, and "Redshift Pre-Configuration Details". For
a single database, "Configure an Amazon Redshift Spectrum Integration". The troubleshooting guide names the source of
each message.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._redshift.catalog import (
    Account,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.inspection import (
    PYTHON_ADVICE,
)

IMMUTA_SCHEMAS = ("immuta_system", "immuta_functions", "immuta_procedures")


@dataclasses.dataclass(frozen=True)
class Facts:
    """The facts to check; None means "not checked" or "unknown"."""

    account: Account
    database: str | None = None
    database_exists: bool | None = None
    database_owner: str | None = None
    schemas: t.Sequence[str] = ()
    """The non-empty schemas in ``database``."""
    all_privileges: bool | None = None
    """Whether the account has all privileges on ``database``."""
    grants_temp: bool | None = None
    """Whether the account has the grant option for TEMP on ``database``."""
    single_database: bool = False
    integration_exists: bool = False
    """Whether Immuta already has an integration in ``database``, with objects of its users."""
    system_user: str | None = None
    system_user_exists: bool | None = None
    impersonation_role: str | None = None
    impersonation_role_exists: bool | None = None
    serverless: bool = False
    datashare_enabled: bool | None = None
    case_sensitive: bool | None = None
    accepts_python: bool | None = None
    """Whether the server accepts new Python functions, by its version."""
    has_python: bool = False
    """Whether the server has the language. It may still refuse functions in it."""
    grants_python: bool | None = None
    """Whether the account has the grant option for the language in ``database``."""


class Check(t.NamedTuple):
    """A requirement: ``status`` is passed, failed, warning or skipped."""

    name: str
    status: str
    message: str


def evaluate(facts: Facts) -> dict[str, t.Any]:
    """Return the requirements in the shape of Immuta's validation results, keys in snake_case."""
    tests = [
        _database(facts),
        _create_database(facts),
        _create_user(facts),
        *(_existing_database(facts) if facts.single_database else _new_database(facts)),
        _manage_grants(facts),
        _node_type(facts),
        _case(facts),
        _python_functions(facts),
        _python_language(facts),
        _system_user(facts),
        _impersonation(facts),
    ]
    found = {test.status for test in tests}
    status = next((status for status in ("failed", "warning", "passed") if status in found), "skipped")
    return {"status": status, "validation_tests": [test._asdict() for test in tests]}


def _database(facts: Facts) -> Check:
    name, database = "Immuta database", facts.database
    if database is None:
        return Check(name, "skipped", "No database was named.")
    foreign = sorted(set(facts.schemas) - set(IMMUTA_SCHEMAS))
    if facts.integration_exists:
        return Check(name, "passed", f"The database '{database}' is the one of the integration.")
    if not facts.database_exists:
        if facts.single_database:
            return Check(
                name, "failed", f"The database '{database}' does not exist: set it up with its external tables first."
            )
        return Check(name, "passed", f"The database '{database}' does not exist yet.")
    if foreign and not facts.single_database:
        others = f"The database '{database}' exists and holds other schemas ({', '.join(foreign)})"
        return Check(name, "failed", f"{others}: set a new one, or set single_database.")
    if foreign:
        return Check(name, "passed", f"The database '{database}' exists.")
    if facts.single_database:
        return Check(name, "warning", f"The database '{database}' has no external tables yet: set them up first.")
    what = "Immuta's schemas" if facts.schemas else "nothing"
    return Check(name, "warning", f"The database '{database}' exists already and holds {what}.")


def _create_database(facts: Facts) -> Check:
    name, account = "CREATE DATABASE", facts.account
    if facts.database_exists or facts.single_database:
        return Check(name, "skipped", "The database is not to be created.")
    if account.superuser or account.createdb:
        return Check(name, "passed", f"{account.name} may create databases.")
    return Check(name, "failed", f"{account.name} may not create databases: {_grant_createdb(account)}")


def _create_user(facts: Facts) -> Check:
    name, account = "CREATE USER", facts.account
    if account.createuser:
        return Check(name, "passed", f"{account.name} may create users.")
    remedy = f"GRANT ROLE sys:secadmin TO {quoted(account.name)}"
    if facts.integration_exists and not account.createuser:
        return Check(name, "warning", f"{account.name} may not create users, in case a change needs it: {remedy}")
    if account.createuser is None:
        return Check(name, "warning", f"It is not known whether {account.name} may create users; if not: {remedy}")
    return Check(name, "failed", f"{account.name} may not create users: {remedy}")


def _new_database(facts: Facts) -> list[Check]:
    """Return the requirements of a database that the scripts create and own."""
    return [_own_database(name, facts) for name in ("REVOKE ALL PRIVILEGES ON DATABASE", "GRANT TEMP ON DATABASE")]


def _existing_database(facts: Facts) -> list[Check]:
    """Return the requirements of an existing database, from Immuta's page for Redshift Spectrum: no owner."""
    names, account, database = ("ALL PRIVILEGES ON DATABASE", "GRANT TEMP ON DATABASE"), facts.account, facts.database
    if account.superuser:
        return [Check(name, "passed", f"{account.name} is a superuser.") for name in names]
    if database is None or not facts.database_exists:
        return [Check(name, "skipped", "There is no database to have privileges on.") for name in names]
    if facts.database_owner == account.name:
        return [Check(name, "passed", f"{account.name} owns the database '{database}'.") for name in names]
    to_account = f"ON DATABASE {quoted(database)} TO {quoted(account.name)}"
    return [
        _privilege(
            names[0],
            facts.all_privileges,
            f"{account.name} has all privileges on the database '{database}'",
            f"{account.name} lacks privileges on the database '{database}': GRANT ALL PRIVILEGES {to_account}",
        ),
        _privilege(
            names[1],
            facts.grants_temp,
            f"{account.name} may grant TEMP on the database '{database}'",
            f"{account.name} may not grant TEMP on the database '{database}'; if a script does that: GRANT TEMP "
            f"{to_account} WITH GRANT OPTION",
        ),
    ]


def _privilege(name: str, held: bool | None, may: str, may_not: str) -> Check:
    """Return a requirement for an optional privilege, which never fails; ``may_not`` has the fix."""
    if held is None:
        return Check(name, "skipped", f"It is not known whether {may}.")
    return Check(name, "passed", f"{may}.") if held else Check(name, "warning", may_not)


def _own_database(name: str, facts: Facts) -> Check:
    account = facts.account
    if account.superuser:
        return Check(name, "passed", f"{account.name} is a superuser.")
    if facts.database is None:
        return Check(name, "skipped", "No database was named.")
    if facts.database_exists:
        if facts.database_owner in (account.name, facts.system_user):
            return Check(name, "passed", f"{facts.database_owner} owns the database '{facts.database}'.")
        remedy = f"ALTER DATABASE {quoted(facts.database)} OWNER TO {quoted(account.name)}"
        return Check(name, "failed", f"{account.name} does not own the database '{facts.database}': {remedy}")
    if account.createdb:
        return Check(name, "passed", f"{account.name} will own the database it creates.")
    return Check(name, "failed", f"{account.name} can neither own nor create the database: {_grant_createdb(account)}")


def _manage_grants(facts: Facts) -> Check:
    name, account = "MANAGE GRANTS ON ACCOUNT", facts.account
    if account.superuser:
        return Check(name, "passed", f"{account.name} is a superuser.")
    reason = "is not a superuser, and Redshift has no such privilege: it can grant privileges only on its own objects"
    return Check(name, "warning", f"{account.name} {reason}.")


def _node_type(facts: Facts) -> Check:
    name = "RA3 node type"
    if facts.single_database:
        return Check(name, "skipped", "A single database needs no queries across databases.")
    if facts.serverless:
        return Check(name, "passed", "Redshift Serverless can query across databases.")
    if facts.datashare_enabled is None:
        return Check(name, "skipped", "The server does not report whether it can query across databases, as RA3 can.")
    if facts.datashare_enabled:
        return Check(name, "passed", "The server reports data sharing, which RA3 nodes have.")
    return Check(name, "warning", "The server reports no data sharing, which RA3 nodes have: check the node type.")


def _case(facts: Facts) -> Check:
    name = "Case-insensitive identifiers"
    if facts.case_sensitive is None:
        return Check(name, "skipped", "The server does not report whether enable_case_sensitive_identifier is on.")
    if facts.case_sensitive:
        return Check(name, "failed", "enable_case_sensitive_identifier is on: turn it off in the parameter group.")
    return Check(name, "passed", "enable_case_sensitive_identifier is off.")


def _python_functions(facts: Facts) -> Check:
    name = "Python functions"
    if facts.accepts_python is None:
        return Check(name, "skipped", "The version of this server does not show whether it accepts Python functions.")
    if facts.accepts_python:
        return Check(name, "passed", "This server still accepts Python functions, as Redshift does up to patch 197.")
    reason = "This server refuses Python functions, like every Redshift since patch 198"
    return Check(name, "warning", f"{reason}. A script that creates one fails. {PYTHON_ADVICE}.")


def _python_language(facts: Facts) -> Check:
    name, account = "USAGE ON LANGUAGE plpythonu", facts.account
    if not facts.has_python:
        return Check(
            name, "warning", "This server has no language plpythonu, and a script that grants usage on it fails."
        )
    if account.superuser:
        return Check(name, "passed", f"{account.name} is a superuser.")
    if facts.database_exists is False:
        return Check(name, "skipped", "Privileges on a language belong to a database, which does not exist yet.")
    remedy = f"GRANT USAGE ON LANGUAGE plpythonu TO {quoted(account.name)} WITH GRANT OPTION"
    return _privilege(
        name,
        facts.grants_python,
        f"{account.name} may grant usage on the language plpythonu",
        f"{account.name} may not grant usage on the language plpythonu; if a script does that: {remedy}",
    )


def _system_user(facts: Facts) -> Check:
    name, user = "System account", facts.system_user
    if user is None:
        return Check(name, "skipped", "No system account was named.")
    if facts.system_user_exists:
        return Check(name, "warning", f"The user '{user}' exists already: the script does not set its password.")
    return Check(name, "passed", f"The user '{user}' does not exist yet.")


def _impersonation(facts: Facts) -> Check:
    name, role = "Impersonation group", facts.impersonation_role
    if role is None:
        return Check(name, "skipped", "Impersonation is not enabled.")
    if facts.account.superuser:
        return Check(name, "passed", f"{facts.account.name} is a superuser.")
    if facts.impersonation_role_exists:
        return Check(name, "warning", f"The group '{role}' exists: {facts.account.name} must be allowed to alter it.")
    reason = f"{facts.account.name} is not a superuser and must be allowed to create the group '{role}'; if it is not:"
    return Check(name, "warning", f"{reason} CREATE GROUP {quoted(role)} as a superuser")


def _grant_createdb(account: Account) -> str:
    return f"ALTER USER {quoted(account.name)} CREATEDB"


def quoted(name: str) -> str:
    """Return a name as a quoted identifier of SQL."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
