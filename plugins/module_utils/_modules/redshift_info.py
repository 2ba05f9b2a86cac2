# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The work of the module `redshift_info`: gather facts about a Redshift and check the requirements."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import LoginError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift import catalog
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.drivers import (
    Session,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.inspection import (
    accepts_python,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.login import (
    Login,
    login_spec,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.requirements import (
    IMMUTA_SCHEMAS,
    Facts,
    evaluate,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.session import (
    connect,
)

# Immuta grants usage on it to its system account (Immuta's documentation, "Redshift Overview").
_LANGUAGE = "plpythonu"


def arguments() -> dict[str, t.Any]:
    """Return the arguments of ``redshift_info``."""
    return {
        "argument_spec": {
            **login_spec(),
            "database": {"type": "str"},
            "schemas": {"type": "list", "elements": "str"},
            "users": {"type": "list", "elements": "str"},
            "groups": {"type": "list", "elements": "str"},
            "single_database": {"type": "bool", "default": False},
            "integration_exists": {"type": "bool", "default": False},
            "system_user": {"type": "str"},
            "system_password": {"type": "str", "no_log": True},
            "require_system_login": {"type": "bool", "default": False},
            "impersonation_role": {"type": "str"},
        },
    }


def run(params: t.Mapping[str, t.Any], _check_mode: bool, _environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return the result of ``redshift_info``. Raise IntegrationsError."""
    login = Login.from_params(params)
    database_name = params["database"] or login.database
    with connect(login) as session:
        version = catalog.version(session)
        account = catalog.account(session, "redshift" in version.lower())
        found = {kind: catalog.entries(session, kind) for kind in ("database", "user", "group")}
        database = catalog.find(found["database"], database_name)
        found["schema"], inside = _inside(login, session, database)
        facts = Facts(
            account=account,
            database=params["database"],
            database_exists=bool(database) if params["database"] else None,
            database_owner=database["owner"] if database else None,
            single_database=params["single_database"],
            integration_exists=params["integration_exists"],
            system_user=params["system_user"],
            system_user_exists=bool(catalog.find(found["user"], params["system_user"])),
            impersonation_role=params["impersonation_role"],
            impersonation_role_exists=bool(catalog.find(found["group"], params["impersonation_role"])),
            serverless=bool(login.workgroup),
            datashare_enabled=_switch(session.parameter("datashare_enabled")),
            case_sensitive=catalog.case_sensitive(session),
            accepts_python=accepts_python(version),
            **inside,
        )
    system_login = _system_login(login, params, facts)
    named = {
        "database": [database_name],
        "schema": params["schemas"] or [],
        "user": [*(params["users"] or []), *filter(None, [params["system_user"]])],
        "group": [*(params["groups"] or []), *filter(None, [params["impersonation_role"]])],
    }
    shown = {kind: catalog.select(found[kind], kind, params[f"{kind}s"]) for kind in ("schema", "user", "group")}
    requirements = evaluate(facts)
    return {
        "changed": False,
        "version": version,
        "current_user": dataclasses.asdict(account),
        "databases": catalog.select(found["database"], "database", None),
        "database_exists": bool(database),
        "system_login": system_login,
        "other_schemas": sorted(set(facts.schemas) - set(IMMUTA_SCHEMAS)),
        **{f"{kind}s": entries for kind, entries in shown.items()},
        **{f"missing_{kind}s": [one["name"] for one in shown[kind] if not one["exists"]] for kind in shown},
        "requirements": requirements,
        "requirements_met": requirements["status"] != "failed",
        "warnings": [text for kind, names in named.items() for text in catalog.lookalikes(found[kind], kind, names)],
    }


def _inside(
    login: Login, session: Session, database: catalog.Entry | None
) -> tuple[list[catalog.Entry], dict[str, t.Any]]:
    """Return the schemas of a database, and the facts that need a session in it.

    That is another session if ``session`` is in another database. A new database will have the same languages.
    """
    if database is None:
        return [], {"has_python": catalog.has_language(session, _LANGUAGE)}
    if database["name"].lower() == login.database.lower():
        return _read(session, database["name"])
    with connect(login, database["name"]) as other:
        return _read(other, database["name"])


def _read(session: Session, database: str) -> tuple[list[catalog.Entry], dict[str, t.Any]]:
    return catalog.entries(session, "schema"), {
        "has_python": catalog.has_language(session, _LANGUAGE),
        "schemas": catalog.filled_schemas(session),
        "all_privileges": catalog.has_all_privileges(session),
        "grants_temp": catalog.may_grant_temp(session, database),
        "grants_python": catalog.may_grant_language(session, _LANGUAGE),
    }


def _system_login(login: Login, params: t.Mapping[str, t.Any], facts: Facts) -> str | None:
    """Verify the password of an existing system account once, and return accepted, refused or None.

    Raise LoginError if it is refused and required.
    """
    if not (facts.system_user_exists and params["system_password"] and login.host):
        return None
    database = params["database"] if facts.database_exists else login.database
    try:
        with connect(login.as_user(params["system_user"], params["system_password"]), database):
            return "accepted"
    except LoginError as error:
        if not error.facts["authentication_failed"]:
            raise
    if params["require_system_login"]:
        raise LoginError(
            f"Account {params['system_user']} already exists on {login.where} with a different password, and "
            "Immuta could not log in. Set the password that the account has, or change it with ALTER USER.",
            authentication_failed=True,
            database_missing=False,
        )
    return "refused"


def _switch(reported: str | None) -> bool | None:
    return None if reported is None else reported == "on"
