# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The work of the module `redshift_script`: run the script in a file, unless what it creates exists."""

from __future__ import annotations

import contextlib
import os
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    InputError,
    LoginError,
    ScriptError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift import catalog, execute
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.drivers import (
    Session,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.login import (
    Login,
    login_spec,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.session import (
    connect,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import (
    Statement,
    fingerprint,
    split_script,
)


def arguments() -> dict[str, t.Any]:
    """The arguments of ``redshift_script``."""
    return {
        "argument_spec": {
            **login_spec(),
            "path": {"type": "path", "required": True},
            "creates": {
                "type": "dict",
                "options": {
                    kind: {"type": "list", "elements": "str"} for kind in ("database", "schema", "user", "group")
                },
            },
            "transaction": {"type": "str", "choices": ["auto", "single", "none"], "default": "auto"},
            "remove": {"type": "bool", "default": False},
            "on_existing": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
            "on_missing": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
        },
    }


def run(params: t.Mapping[str, t.Any], check_mode: bool, _environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    """The work of ``redshift_script``. Raises IntegrationsError."""
    login = Login.from_params(params)
    path = params["path"]
    script = _read(path)
    checksum = fingerprint(script)
    try:
        statements = split_script(script)
        single = execute.plan(statements, params["transaction"])
    except ScriptError as error:
        raise ScriptError(f"The script {path} was not run. {error.message}", **error.facts) from None
    del script
    if params["remove"] and not check_mode:
        _remove(path)
    creates = {kind: names for kind, names in (params["creates"] or {}).items() if names}
    result: dict[str, t.Any] = {
        "statement_count": len(statements),
        "transaction": "single" if single else "none",
        "checksum": checksum,
        "database_exists": True,
        "already_created": False,
    }
    outcomes: execute.Outcomes = {}
    cautions: list[str] = []
    try:
        with connect(login) as session:
            result["already_created"] = _all_exist(session, creates, cautions)
            if not result["already_created"] and not check_mode:
                skip = [what for what in ("existing", "missing") if params[f"on_{what}"] == "skip"]
                outcomes = execute.run(session, statements, single, skip)
    except LoginError as error:
        if not check_mode or not error.facts["database_missing"]:
            raise
        result["database_exists"] = False
    skipped = [statement for statement in statements if outcomes.get(statement.index) == "skipped"]
    gone_past = {statement.index for statement in skipped}
    would_run = [] if result["already_created"] else [one for one in statements if one.index not in gone_past]
    return {
        **result,
        "changed": bool(would_run),
        "statements": execute.report(statements, outcomes),
        "skipped_count": len(skipped),
        "user_skipped": any(_creates_user(statement) for statement in skipped),
        "diff": {
            "before_header": login.database,
            "after_header": path,
            "before": "",
            "after": "".join(f"line {statement.line}: {statement.command}\n" for statement in would_run),
        },
        "warnings": cautions + _warnings(skipped),
    }


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise InputError(
            f"There is no script {path} on the host that runs this task: have it generated, again where another run "
            "for the same cluster has removed it at its end."
        ) from None
    except OSError as error:
        raise InputError(f"The script {path} cannot be read: {error.strerror}.") from None


def _remove(path: str) -> None:
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    except OSError as error:
        raise InputError(f"The script {path} was not run, since it cannot be removed: {error.strerror}.") from None


def _all_exist(session: Session, creates: t.Mapping[str, t.Sequence[str]], cautions: list[str]) -> bool:
    """Whether everything in ``creates`` exists; adds a caution for what exists with other capital letters."""
    for kind, names in creates.items():
        found = catalog.entries(session, kind)
        cautions += catalog.lookalikes(found, kind, names)
        if catalog.missing(found, names):
            return False
    return bool(creates)


def _creates_user(statement: Statement) -> bool:
    return statement.command.startswith("CREATE USER")


def _warnings(skipped: t.Sequence[Statement]) -> list[str]:
    users = [statement for statement in skipped if _creates_user(statement)]
    others = ", ".join(str(statement.line) for statement in skipped if not _creates_user(statement))
    warnings = [
        f"The user that line {statement.line} creates exists already: the password in the script was not set."
        for statement in users
    ]
    if others:
        warnings.append(f"These lines create what exists or take away what does not, and were skipped: {others}.")
    return warnings
