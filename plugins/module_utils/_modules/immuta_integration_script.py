# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The work of the module `immuta_integration_script`: have Immuta generate a script and keep it in a file."""

from __future__ import annotations

import os
import stat
import time
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ApiError,
    InputError,
    ScriptError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._common.files import (
    _read,
    check_dest,
    create_parents,
    file_mode,
    write_file,
)
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    distinctive,
    secret_values,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.api import (
    IntegrationsApi,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import (
    immuta_spec,
    tenant_from,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import (
    Wanted,
    api_config,
    check_config,
    config_spec,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import (
    session,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.integration import (
    payload,
    refuse_change,
    refuse_other,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.masking import (
    fingerprint,
    mask,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import (
    split,
)


def arguments() -> dict[str, t.Any]:
    """The arguments of ``immuta_integration_script``."""
    return {
        "argument_spec": {
            **immuta_spec(),
            "script": {
                "type": "str",
                "choices": ["initial_create", "create", "edit", "delete", "cleanup"],
                "required": True,
            },
            "id": {"type": "str"},
            "config": {"type": "dict", "options": config_spec()},
            "dest": {"type": "path", "required": True},
            "make_folder": {"type": "bool", "default": False},
            "mode": {"type": "raw", "default": "0600"},
            "backup": {"type": "bool", "default": False},
        },
        "required_if": [
            ("script", "initial_create", ["config"]),
            ("script", "create", ["config"]),
            ("script", "edit", ["id", "config"]),
            ("script", "delete", ["id"]),
            ("script", "cleanup", ["config"]),
        ],
    }


def run(params: t.Mapping[str, t.Any], check_mode: bool, environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    """The work of ``immuta_integration_script``. Raises IntegrationsError."""
    name, dest = params["script"], os.path.realpath(params["dest"])
    mode = file_mode(params["mode"])
    config, extra = api_config(params["config"] or {})
    wanted = Wanted("present", params["id"], False, config, extra, update_secrets=False)
    if name != "delete":
        check_config(wanted, complete=name != "edit")
    check_dest(dest, params["make_folder"])
    tenant, cautions = tenant_from(params, environ)
    with session(tenant) as http:
        script = _generate(IntegrationsApi(http), name, wanted)
    secrets = [tenant.api_key, *distinctive(secret_values({**config, **extra}))]
    before = _read(dest)
    changed = before != script or stat.S_IMODE(os.stat(dest).st_mode) != mode
    result: dict[str, t.Any] = {
        "changed": changed,
        "dest": params["dest"],
        "checksum": fingerprint(script),
        "size": len(script),
        "statement_count": None,
        "diff": {
            "before_header": dest,
            "after_header": dest,
            "before": "" if before is None else mask(before, secrets),
            "after": mask(script, secrets),
        },
        "warnings": cautions,
    }
    try:
        result["statement_count"] = len(split(script))
        if not result["statement_count"]:
            cautions.append("The script that Immuta generated has no statements: there is nothing to run.")
    except ScriptError as error:
        cautions.append(f"The script is one that redshift_script refuses. {error}")
    if changed and not check_mode:
        if params["make_folder"]:
            create_parents(os.path.dirname(dest))
        if params["backup"] and before is not None and before != script:
            result["backup_file"] = f"{dest}.{time.strftime('%Y-%m-%d@%H:%M:%S')}~"
            write_file(result["backup_file"], before, mode)
        write_file(dest, script, mode)
    return result


def _generate(api: IntegrationsApi, name: str, wanted: Wanted) -> bytes:
    """Ask for the script with the payload that the registration sends too.

    The documentation shows no body for the delete script. That the cleanup script takes the payload of a creation is an
    assumption.
    """
    if name == "delete":
        try:
            return api.script(name, wanted.id, None)
        except ApiError as error:
            if error.status != 404 or not error.is_document:
                raise
            raise InputError(
                f"Immuta has no integration with id {wanted.id}, which somebody else may have just deleted: there is "
                "nothing to delete."
            ) from None
    if name != "edit":
        return api.script(name, None, payload(None, wanted))
    record = api.get(t.cast(str, wanted.id))
    if record is None:
        raise InputError(f"Immuta has no integration with id {wanted.id}: there is nothing to edit.")
    refuse_other(record, wanted)
    refuse_change(record, wanted)
    return api.script(name, record["id"], payload(record, wanted))
