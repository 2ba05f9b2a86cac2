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
    check_dest,
    create_parents,
    delete_file,
    file_mode,
    read_if_exists,
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
    Desired,
    api_config,
    check_config,
    config_spec,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import Config
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import (
    session,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.integration import (
    build_payload,
    check_payload,
    refuse_change,
    refuse_other,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.inspection import (
    Inspection,
    inspect,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.masking import (
    fingerprint,
    mask,
)


def arguments() -> dict[str, t.Any]:
    """Return the arguments as AnsibleModule and an action plugin take them."""
    return {
        "argument_spec": {
            **immuta_spec(),
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "script": {"type": "str", "choices": ["initial_create", "create", "edit", "delete", "cleanup"]},
            "id": {"type": "str"},
            "config": {"type": "dict", "options": config_spec()},
            "dest": {"type": "path", "required": True},
            "create_parents": {"type": "bool", "default": False},
            "require_unchanged": {"type": "bool", "default": False},
            "require_runnable": {"type": "bool", "default": False},
            "server_version": {"type": "str"},
            "mode": {"type": "raw", "default": "0600"},
            "backup": {"type": "bool", "default": False},
        },
        "required_if": [
            ("state", "present", ["script"]),
            ("script", "initial_create", ["config"]),
            ("script", "create", ["config"]),
            ("script", "edit", ["id", "config"]),
            ("script", "delete", ["id"]),
            ("script", "cleanup", ["config"]),
        ],
    }


def run(params: t.Mapping[str, t.Any], check_mode: bool, environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Write or delete the script and return the result. Raises IntegrationsError."""
    name, dest = params["script"], os.path.realpath(params["dest"])
    if params["state"] == "absent":
        return {"changed": delete_file(dest, dry_run=check_mode), "dest": params["dest"]}
    mode = file_mode(params["mode"])
    config, extra = api_config(params["config"] or {})
    desired = Desired("present", params["id"], False, config, extra, update_secrets=False)
    if name != "delete":
        check_config(desired, complete=name != "edit")
    check_dest(dest, params["create_parents"])
    tenant, warnings = tenant_from(params, environ)
    with session(tenant) as http:
        script = _generate(IntegrationsApi(http), name, desired)
    secrets = [tenant.api_key, *distinctive(secret_values({**config, **extra}))]
    before = read_if_exists(dest)
    if params["require_unchanged"] and before != script:
        state = "does not exist" if before is None else "is not what Immuta generates now for this configuration"
        raise InputError(f"The script {dest} {state}: generate it again, review it, and run the task again.")
    inspection = inspect(name, script, params["server_version"], _databases(config))
    if params["require_runnable"]:
        _check_inspection(name, inspection)
    changed = before != script or stat.S_IMODE(os.stat(dest).st_mode) != mode
    result: dict[str, t.Any] = {
        "changed": changed,
        "dest": params["dest"],
        "checksum": fingerprint(script),
        "size": len(script),
        "statement_count": inspection.statement_count,
        "inspection": _shown(inspection),
        "diff": {
            "before_header": dest,
            "after_header": dest,
            "before": "" if before is None else mask(before, secrets),
            "after": mask(script, secrets),
        },
        "warnings": [*warnings, *(finding.message for finding in inspection.findings)],
    }
    if changed and not check_mode:
        if params["create_parents"]:
            create_parents(os.path.dirname(dest))
        if params["backup"] and before is not None and before != script:
            result["backup_file"] = f"{dest}.{time.strftime('%Y-%m-%d@%H:%M:%S')}~"
            write_file(result["backup_file"], before, mode)
        write_file(dest, script, mode)
    return result


def _databases(config: Config) -> list[str]:
    """Return the databases that a script may be about, or none where the settings do not name them all."""
    names = [config.get(name) for name in ("database", "initialDatabase")]
    return [name for name in names if name] if all(names) else []


def _shown(inspection: Inspection) -> list[dict[str, t.Any]]:
    return [finding._asdict() for finding in inspection.findings]


def _check_inspection(name: str, inspection: Inspection) -> None:
    """Raise ScriptError when the script cannot run."""
    if inspection.errors:
        found = " ".join(finding.message for finding in inspection.errors)
        raise ScriptError(
            f"Immuta's {name} script cannot run in Redshift, and it was not written: {found} To continue at your own "
            "risk, set require_runnable to false, or with the role, immuta_redshift_preflight.",
            script=name,
            inspection=_shown(inspection),
        )


def _generate(api: IntegrationsApi, name: str, desired: Desired) -> bytes:
    """Request the script with the payload that the registration sends too.

    The documentation shows no body for the delete script. That the cleanup script takes the payload of a creation is an
    assumption.
    """
    if name == "delete":
        try:
            return api.script(name, desired.id, None)
        except ApiError as error:
            if error.status != 404 or not error.is_document:
                raise
            raise InputError(
                f"Immuta has no integration with id {desired.id}, so there is nothing to delete; another run may have "
                "just deleted it."
            ) from None
    current = None
    if name == "edit":
        current = api.get(t.cast(str, desired.id))
        if current is None:
            raise InputError(f"Immuta has no integration with id {desired.id}: there is nothing to edit.")
        refuse_other(current, desired)
        refuse_change(current, desired)
    payload = build_payload(current, desired)
    check_payload(payload, desired, current)
    return api.script(name, None if current is None else current["id"], payload)
