# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The work of the module `redshift_script`: run the script in a file, unless its objects exist."""

from __future__ import annotations

import contextlib
import os
import stat
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    InputError,
    LoginError,
    ScriptError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift import catalog, execute, mistakes
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.compare import (
    checksum,
    checksum_key_spec,
    has_checksum,
)
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
    readings_differ,
    reads_backslash_as_escape,
    split,
)


class _Plan(t.NamedTuple):
    """The statements of a script, their transaction mode, and warnings."""

    statements: list[Statement]
    single: bool
    warnings: list[str]


def arguments() -> dict[str, t.Any]:
    """Return the arguments of ``redshift_script``."""
    return {
        "argument_spec": {
            **login_spec(),
            "path": {"type": "path", "required": True},
            "checksum": {"type": "str"},
            "checksum_key": checksum_key_spec(),
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
    """Run the script and return the result. Raise IntegrationsError."""
    login = Login.from_params(params)
    path = params["path"]
    script = _read(path)
    key = (params["checksum_key"] or "").strip()
    if params["checksum"] is not None:
        _check_checksum(script, path, key, params["checksum"])
    seal = {"checksum": checksum(script, key)} if key else {}
    plans = _plans(script, path, params["transaction"])
    del script
    if params["remove"] and not check_mode:
        _remove(path)
    creates = {kind: names for kind, names in (params["creates"] or {}).items() if names}
    exists = True
    already_created = False
    outcome = execute.Run({})
    lookalikes: list[str] = []
    try:
        with connect(login) as session:
            plan = _raise_or_return(plans[_reads_backslash_as_escape(session)])
            already_created = _all_exist(session, creates, lookalikes)
            if not already_created and not check_mode:
                skip = [what for what in ("existing", "missing") if params[f"on_{what}"] == "skip"]
                fall_back = params["transaction"] == "auto"
                outcome = execute.run(session, plan.statements, plan.single, skip, fall_back)
    except LoginError as error:
        if not check_mode or not error.facts["database_missing"]:
            raise
        exists = False
        plan = _raise_or_return(plans[True])
    skipped = [statement for statement in plan.statements if outcome.outcomes.get(statement.index) == "skipped"]
    ignored = {index for index, became in outcome.outcomes.items() if became in ("skipped", "rolled_back")}
    would_run = [] if already_created else [one for one in plan.statements if one.index not in ignored]
    return {
        "statement_count": len(plan.statements),
        "transaction": "single" if plan.single and not outcome.fell_back_for else "none",
        **seal,
        "database_exists": exists,
        "already_created": already_created,
        "changed": not all(statement.is_control for statement in would_run),
        "statements": execute.report(plan.statements, outcome.outcomes),
        "skipped_count": len(skipped),
        "user_skipped": any(_creates_user(statement) for statement in skipped),
        "diff": {
            "before_header": login.database,
            "after_header": path,
            "before": "",
            "after": "".join(f"line {statement.line}: {statement.command}\n" for statement in would_run),
        },
        "warnings": [*plan.warnings, *lookalikes, *_warnings(skipped, outcome.fell_back_for)],
    }


def _check_checksum(script: bytes, path: str, key: str, expected: str) -> None:
    """Raise InputError for a script with another checksum."""
    if not key:
        raise InputError(
            f"The script {path} was not run, because its checksum cannot be verified: set checksum_key to the API key "
            "of Immuta that the checksum was made with."
        )
    if not has_checksum(script, key, expected):
        raise InputError(
            f"The script {path} was not run: it does not match the expected checksum. The file or the API key "
            "has changed. Generate the script and review it again."
        )


def _plans(script: bytes, path: str, transaction: str) -> dict[bool, _Plan | ScriptError]:
    """Return the plan, or the refusal, for each way to read a backslash.

    Raise ScriptError for a script that is refused in both, without a query of the server.
    """
    try:
        mistakes.check_file(script)
        readings = (True, False) if readings_differ(script) else (True,)
    except ScriptError as error:
        raise _named(error, path) from None
    plans: dict[bool, _Plan | ScriptError] = {}
    for backslash_escapes in readings:
        try:
            statements = split(script, backslash_escapes)
            warnings = mistakes.check(statements)
            plans[backslash_escapes] = _Plan(statements, execute.plan(statements, transaction), warnings)
            if not statements:
                warnings.append(f"The script {path} has no statements: there is nothing to run.")
        except ScriptError as error:
            plans[backslash_escapes] = _named(error, path)
    if all(isinstance(plan, ScriptError) for plan in plans.values()):
        _raise_or_return(plans[True])
    return {True: plans[True], False: plans.get(False, plans[True])}


def _named(error: ScriptError, path: str) -> ScriptError:
    return ScriptError(f"The script {path} was not run. {error.message}", **error.facts)


def _raise_or_return(plan: _Plan | ScriptError) -> _Plan:
    if isinstance(plan, ScriptError):
        raise plan
    return plan


def _reads_backslash_as_escape(session: Session) -> bool:
    return reads_backslash_as_escape(
        session.parameter("server_version"), session.parameter("standard_conforming_strings")
    )


def _read(path: str) -> bytes:
    if not path:
        raise InputError("The option path is empty: set the path of a script.")
    try:
        # Opening a named pipe would wait for a writer.
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError(f"The script {path} is not a regular file: save the script in a file.")
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise InputError(
            f"The script {path} was not found on the host that runs this task: generate it again; another run for the "
            "same cluster may have deleted it."
        ) from None
    except OSError as error:
        raise InputError(f"The script {path} cannot be read: {error.strerror}.") from None


def _remove(path: str) -> None:
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    except OSError as error:
        raise InputError(f"The script {path} was not run, because it cannot be removed: {error.strerror}.") from None


def _all_exist(session: Session, creates: t.Mapping[str, t.Sequence[str]], cautions: list[str]) -> bool:
    """Return whether all objects in ``creates`` exist, and add warnings about names that differ in case."""
    for kind, names in creates.items():
        found = catalog.entries(session, kind)
        cautions += catalog.lookalikes(found, kind, names)
        if catalog.missing(found, names):
            return False
    return bool(creates)


def _creates_user(statement: Statement) -> bool:
    return statement.command.startswith("CREATE USER")


def _warnings(skipped: t.Sequence[Statement], fell_back_for: Statement | None) -> list[str]:
    users = [statement for statement in skipped if _creates_user(statement)]
    others = ", ".join(str(statement.line) for statement in skipped if not _creates_user(statement))
    warnings = [
        f"The user that line {statement.line} creates exists already and keeps its password." for statement in users
    ]
    if others:
        warnings.append(f"These lines create existing objects or remove missing ones, and were skipped: {others}.")
    if fell_back_for:
        warnings.append(
            f"Statement {fell_back_for.index} (line {fell_back_for.line}, {fell_back_for.command}) cannot run inside a "
            "transaction: everything was rolled back, and the statements ran one by one."
        )
    return warnings
