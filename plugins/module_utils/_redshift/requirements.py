# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Whether a Redshift, and the account that sets it up, meet what Immuta requires.

Immuta's documentation, "Configure a Redshift Integration", Requirements, and "Redshift Pre-Configuration Details".
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._redshift.catalog import (
    Account,
)

IMMUTA_SCHEMAS = ("immuta_system", "immuta_functions", "immuta_procedures")


@dataclasses.dataclass(frozen=True)
class Facts:
    """What was asked, and what was found; None is "not asked" or "cannot be known"."""

    account: Account
    database: str | None = None
    database_exists: bool | None = None
    database_owner: str | None = None
    schemas: t.Sequence[str] = ()
    """The schemas in ``database`` that hold something."""
    single_database: bool = False
    integration_exists: bool = False
    """Whether Immuta has an integration in ``database`` already, and with it what its users created there."""
    system_user: str | None = None
    system_user_exists: bool | None = None
    impersonation_role: str | None = None
    impersonation_role_exists: bool | None = None
    serverless: bool = False
    datashare_enabled: bool | None = None
    case_sensitive: bool | None = None
    has_python: bool = False


class Check(t.NamedTuple):
    """One requirement: ``status`` is passed, failed, warning or skipped."""

    name: str
    status: str
    message: str


def evaluate(facts: Facts) -> dict[str, t.Any]:
    """The requirements in the shape of Immuta's own validation results, keys in snake_case."""
    tests = [
        _database(facts),
        _create_database(facts),
        _create_user(facts),
        _own_database("REVOKE ALL PRIVILEGES ON DATABASE", facts),
        _own_database("GRANT TEMP ON DATABASE", facts),
        _manage_grants(facts),
        _node_type(facts),
        _case(facts),
        _python(facts),
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
                name, "failed", f"The database '{database}' does not exist: it is to hold the external tables."
            )
        return Check(name, "passed", f"The database '{database}' does not exist yet.")
    if foreign and not facts.single_database:
        others = f"The database '{database}' exists and holds other schemas ({', '.join(foreign)})"
        return Check(name, "failed", f"{others}: name a new one, or say that it is the single database.")
    if foreign:
        return Check(name, "passed", f"The database '{database}' exists.")
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
    remedy = f"GRANT ROLE sys:secadmin TO {_quoted(account.name)}"
    if facts.integration_exists and not account.createuser:
        return Check(name, "warning", f"{account.name} may not create users, in case a change needs it: {remedy}")
    if account.createuser is None:
        return Check(name, "warning", f"It is not known whether {account.name} may create users; if not: {remedy}")
    return Check(name, "failed", f"{account.name} may not create users: {remedy}")


def _own_database(name: str, facts: Facts) -> Check:
    account = facts.account
    if account.superuser:
        return Check(name, "passed", f"{account.name} is a superuser.")
    if facts.database is None:
        return Check(name, "skipped", "No database was named.")
    if facts.database_exists:
        if facts.database_owner in (account.name, facts.system_user):
            return Check(name, "passed", f"{facts.database_owner} owns the database '{facts.database}'.")
        remedy = f"ALTER DATABASE {_quoted(facts.database)} OWNER TO {_quoted(account.name)}"
        return Check(name, "failed", f"{account.name} does not own the database '{facts.database}': {remedy}")
    if account.createdb and not facts.single_database:
        return Check(name, "passed", f"{account.name} will own the database it creates.")
    return Check(name, "failed", f"{account.name} can neither own nor create the database: {_grant_createdb(account)}")


def _manage_grants(facts: Facts) -> Check:
    name, account = "MANAGE GRANTS ON ACCOUNT", facts.account
    if account.superuser:
        return Check(name, "passed", f"{account.name} is a superuser.")
    reason = "is no superuser, and Redshift has no such privilege: it can grant rights only on what it owns"
    return Check(name, "warning", f"{account.name} {reason}.")


def _node_type(facts: Facts) -> Check:
    name = "RA3 node type"
    if facts.single_database:
        return Check(name, "skipped", "A single database needs no queries across databases.")
    if facts.serverless:
        return Check(name, "passed", "Redshift Serverless can query across databases.")
    if facts.datashare_enabled is None:
        return Check(name, "skipped", "The server does not say whether it can query across databases, as RA3 can.")
    if facts.datashare_enabled:
        return Check(name, "passed", "The server reports data sharing, which RA3 nodes have.")
    return Check(name, "warning", "The server reports no data sharing, which RA3 nodes have: check the node type.")


def _case(facts: Facts) -> Check:
    name = "Case-insensitive identifiers"
    if facts.case_sensitive is None:
        return Check(name, "skipped", "The server does not say whether enable_case_sensitive_identifier is on.")
    if facts.case_sensitive:
        return Check(name, "failed", "enable_case_sensitive_identifier is on: turn it off in the parameter group.")
    return Check(name, "passed", "enable_case_sensitive_identifier is off.")


def _python(facts: Facts) -> Check:
    name = "Language plpythonu"
    if facts.has_python:
        return Check(name, "passed", "The language, on which Immuta grants usage to its system account, is there.")
    return Check(name, "warning", "The language, on which Immuta grants usage to its system account, is not there.")


def _system_user(facts: Facts) -> Check:
    name, user = "System account", facts.system_user
    if user is None:
        return Check(name, "skipped", "No system account was named.")
    if facts.system_user_exists:
        return Check(name, "warning", f"The user '{user}' exists already: the script will not set its password.")
    return Check(name, "passed", f"The user '{user}' does not exist yet.")


def _impersonation(facts: Facts) -> Check:
    name, role = "Impersonation group", facts.impersonation_role
    if role is None:
        return Check(name, "skipped", "No impersonation was asked for.")
    if facts.account.superuser:
        return Check(name, "passed", f"{facts.account.name} is a superuser.")
    if facts.impersonation_role_exists:
        return Check(name, "warning", f"The group '{role}' exists: {facts.account.name} must be allowed to alter it.")
    reason = f"{facts.account.name} is no superuser and must be allowed to create the group '{role}'; if it is not:"
    return Check(name, "warning", f"{reason} CREATE GROUP {_quoted(role)} as a superuser")


def _grant_createdb(account: Account) -> str:
    return f"ALTER USER {_quoted(account.name)} CREATEDB"


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
