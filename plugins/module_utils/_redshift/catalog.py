# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Queries of the Redshift catalog.

A name means the object with exactly that name, or else its lower-case form, as for an unquoted name in SQL.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._redshift.drivers import (
    DriverError,
    Rows,
    Session,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.transient import (
    CONFLICT_BACKOFF,
    CONFLICT_RETRIES,
    is_conflict,
)

_SYSTEM_DATABASES = {"template0", "template1", "padb_harvest", "sys:internal"}

_SYSTEM_SCHEMAS = {"information_schema", "catalog_history", "padb_harvest"}

_SYSTEM_USERS = {"rdsdb"}

# Each query returns the name, then the columns of a result, in the order of `_DETAILS`.
_QUERIES = {
    "database": "SELECT d.datname, u.usename FROM pg_database d LEFT JOIN pg_user u ON u.usesysid = d.datdba",
    "schema": "SELECT n.nspname, u.usename FROM pg_namespace n LEFT JOIN pg_user u ON u.usesysid = n.nspowner",
    "user": "SELECT usename, usesuper, usecreatedb FROM pg_user",
    "group": "SELECT groname FROM pg_group",
}

_DETAILS = {"database": ("owner",), "schema": ("owner",), "user": ("superuser", "createdb"), "group": ()}

# As in the views of privileges.
_GRANT_OPTION = "identity_type = 'user' AND identity_name = current_user AND admin_option"

# Redshift's own roles that may create users.
_USER_CREATORS = {"sys:superuser", "sys:secadmin"}

Entry = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Account:
    """The account of a session; ``createuser`` is None if unknown."""

    name: str
    superuser: bool
    createdb: bool
    createuser: bool | None


def entries(session: Session, kind: str) -> list[Entry]:
    """Return the objects of a kind (database, schema, user, group) by name; schemas are of the current database."""
    details = _DETAILS[kind]
    return [{"name": name, **dict(zip(details, rest))} for name, *rest in sorted(_rows(session, _QUERIES[kind]))]


def select(found: t.Iterable[Entry], kind: str, names: t.Sequence[str] | None) -> list[Entry]:
    """Return an entry for each of ``names`` with ``exists``; without names, all of ``found`` except system objects."""
    if names is None:
        return [{**entry, "exists": True} for entry in found if not _is_system(kind, entry["name"])]
    nothing: Entry = {**dict.fromkeys(_DETAILS[kind]), "exists": False}
    found = list(found)
    selected = []
    for name in names:
        entry = find(found, name)
        selected.append({"name": name, **nothing} if entry is None else {**entry, "exists": True})
    return selected


def find(found: t.Iterable[Entry], name: str | None) -> Entry | None:
    """Return the entry for ``name``, or None."""
    known = {entry["name"]: entry for entry in found}
    return known.get(name, known.get(name.lower())) if name else None


def missing(found: t.Iterable[Entry], names: t.Iterable[str]) -> list[str]:
    """Return the ``names`` that do not exist."""
    found = list(found)
    return [name for name in names if find(found, name) is None]


def lookalikes(found: t.Iterable[Entry], kind: str, names: t.Iterable[str]) -> list[str]:
    """Return a warning for each missing name with an existing one that differs only in case."""
    found = list(found)
    return [
        f"The {kind} '{name}' does not exist, but '{entry['name']}' does: check the spelling."
        for name in names
        if find(found, name) is None
        for entry in found
        if entry["name"].lower() == name.lower()
    ]


def filled_schemas(session: Session) -> list[str]:
    """Return the schemas of the session's database, without system schemas and an empty ``public``."""
    filled = "SELECT n.nspname FROM pg_namespace n WHERE EXISTS (SELECT 1 FROM {} WHERE {} = n.oid)"
    filled = f"{filled.format('pg_class', 'relnamespace')} UNION {filled.format('pg_proc', 'pronamespace')}"
    names = {name for (name,) in _rows(session, "SELECT nspname FROM pg_namespace") if not _is_system("schema", name)}
    if "public" in names and ("public",) not in _rows(session, filled):
        names.remove("public")
    return sorted(names)


def version(session: Session) -> str:
    """Return the version of the server."""
    return str(_rows(session, "SELECT version()")[0][0])


def account(session: Session, is_redshift: bool) -> Account:
    """Return the account of the session."""
    rows = _rows(session, "SELECT current_user, usesuper, usecreatedb FROM pg_user WHERE usename = current_user")
    if not rows:
        return Account(str(_rows(session, "SELECT current_user")[0][0]), False, False, None)
    name, superuser, createdb = rows[0]
    return Account(name, superuser, createdb, superuser or _may_create_users(session, is_redshift))


def case_sensitive(session: Session) -> bool | None:
    """Return whether names are case-sensitive, or None if unknown."""
    rows = _probe(session, "SHOW enable_case_sensitive_identifier")
    return rows[0][0] == "on" if rows else None


def has_language(session: Session, name: str) -> bool:
    """Return whether the database has a procedural language. It may still refuse functions in it."""
    return (name,) in _rows(session, "SELECT lanname FROM pg_language")


def may_grant_language(session: Session, name: str) -> bool | None:
    """Return whether the account may grant USAGE on a language of the session's database, or None if unknown.

    Amazon Redshift's documentation, "SVV_LANGUAGE_PRIVILEGES": only users have the grant option, and each sees its own.
    """
    granted = _probe(session, f"SELECT language_name FROM svv_language_privileges WHERE {_GRANT_OPTION}")
    return None if granted is None else (name,) in granted


def may_grant_temp(session: Session, database: str) -> bool | None:
    """Return whether the account may grant TEMP on a database of another owner, or None if unknown.

    Amazon Redshift's documentation, "SVV_DATABASE_PRIVILEGES".
    """
    query = f"SELECT database_name, privilege_type FROM svv_database_privileges WHERE {_GRANT_OPTION}"
    granted = _probe(session, query)
    return None if granted is None else any((database, kind) in granted for kind in ("TEMP", "TEMPORARY"))


def has_all_privileges(session: Session) -> bool | None:
    """Return whether the account has CREATE and TEMP on the session's database, or None if unknown.

    Amazon Redshift's documentation, "HAS_DATABASE_PRIVILEGE": it has no other privilege on a database.
    """
    has = "has_database_privilege(current_database(), '{}')"
    rows = _probe(session, f"SELECT {has.format('CREATE')} AND {has.format('TEMP')}")
    return bool(rows[0][0]) if rows else None


def _may_create_users(session: Session, is_redshift: bool) -> bool | None:
    # Amazon Redshift's documentation, "SVV_USER_GRANTS" and "SVV_SYSTEM_PRIVILEGES".
    query = "SELECT role_name FROM svv_user_grants WHERE user_name = current_user"
    granted = _probe(session, query) if is_redshift else None
    if granted is None:
        rows = _probe(session, "SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user")
        return bool(rows[0][0]) if rows else None
    roles = {name for (name,) in granted}
    if not roles or roles & _USER_CREATORS:
        return bool(roles)
    query = "SELECT identity_name FROM svv_system_privileges WHERE system_privilege = 'CREATE USER'"
    creators = {name for (name,) in _probe(session, query) or []}
    # No match is inconclusive: a role can have the privilege from another role.
    return True if roles & creators else None


def _probe(session: Session, sql: str) -> Rows | None:
    """Return the rows of a query, or None if the server does not support it."""
    try:
        return _rows(session, sql)
    except DriverError as error:
        if error.lost:
            raise
        return None


def _rows(session: Session, sql: str) -> Rows:
    """Return the rows of a query, with a retry after a session conflict. Raise DriverError."""
    for _attempt in range(CONFLICT_RETRIES):
        try:
            return session.query(sql)
        except DriverError as error:
            if error.lost or not is_conflict(error.sqlstate, error.server_message):
                raise
        time.sleep(CONFLICT_BACKOFF)
    return session.query(sql)


def _is_system(kind: str, name: str) -> bool:
    system = {"database": _SYSTEM_DATABASES, "schema": _SYSTEM_SCHEMAS, "user": _SYSTEM_USERS}.get(kind, set())
    return name in system or (kind != "database" and name.startswith("pg_"))
