# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Says what stands in a Redshift, and whether it meets what Immuta requires."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils import _catalog
from ansible_collections.immuta.integrations.plugins.module_utils._redshift import Login, Session, connect
from ansible_collections.immuta.integrations.plugins.module_utils._requirements import Facts, evaluate


def run(params: t.Mapping[str, t.Any], _check_mode: bool, _environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    """The work of ``redshift_info``. Raises IntegrationsError."""
    login = Login.from_params(params)
    with connect(login) as session:
        version = _catalog.version(session)
        account = _catalog.account(session, "redshift" in version.lower())
        databases = _catalog.entries(session, "database")
        users = _catalog.entries(session, "user")
        groups = _catalog.entries(session, "group")
        wanted = _named(databases, params["database"] or login.database)
        schemas, filled = _schemas(login, session, wanted)
        facts = Facts(
            account=account,
            database=params["database"],
            database_exists=bool(wanted) if params["database"] else None,
            database_owner=wanted["owner"] if wanted else None,
            schemas=filled,
            single_database=params["single_database"],
            system_user=params["system_user"],
            system_user_exists=bool(_named(users, params["system_user"])),
            impersonation_role=params["impersonation_role"],
            impersonation_role_exists=bool(_named(groups, params["impersonation_role"])),
            serverless=bool(login.workgroup),
            datashare_enabled=_switch(session.parameter("datashare_enabled")),
            case_sensitive=_catalog.case_sensitive(session),
            has_python=_catalog.has_language(session, "plpythonu"),
        )
    shown = {
        "schemas": _catalog.select(schemas, "schema", params["schemas"]),
        "users": _catalog.select(users, "user", params["users"]),
        "groups": _catalog.select(groups, "group", params["groups"]),
    }
    requirements = evaluate(facts)
    return {
        "changed": False,
        "version": version,
        "current_user": dataclasses.asdict(account),
        "databases": _catalog.select(databases, "database", None),
        "database_exists": bool(wanted),
        **shown,
        **{f"missing_{kind}": [entry["name"] for entry in shown[kind] if not entry["exists"]] for kind in shown},
        "requirements": requirements,
        "requirements_met": requirements["status"] != "failed",
    }


def _schemas(login: Login, session: Session, database: _catalog.Entry | None) -> tuple[list[_catalog.Entry], list[str]]:
    """The schemas of a database, and which of them are not empty; there are none where there is no database."""
    if database is None:
        return [], []
    if database["name"].lower() == login.database.lower():
        return _catalog.entries(session, "schema"), _catalog.filled_schemas(session)
    with connect(login, database["name"]) as other:
        return _catalog.entries(other, "schema"), _catalog.filled_schemas(other)


def _named(entries: t.Iterable[_catalog.Entry], name: str | None) -> _catalog.Entry | None:
    return next((entry for entry in entries if name and entry["name"].lower() == name.lower()), None)


def _switch(reported: str | None) -> bool | None:
    return None if reported is None else reported == "on"
