# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The work of the module `immuta_integration_script`: generate a script in Immuta and write it to a file."""

from __future__ import annotations

import functools
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
    telling_words,
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
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.compare import (
    checksum,
    differing_lines,
    has_checksum,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.inspection import (
    Inspection,
    inspect,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.masking import (
    mask,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.review import (
    as_html,
    as_text,
    script_for_review,
)


def arguments() -> dict[str, t.Any]:
    """Return the arguments for AnsibleModule and an action plugin."""
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
            "reviewed_checksum": {"type": "str"},
            "check_repeatable": {"type": "bool", "default": False},
            "review": {
                "type": "dict",
                "options": {
                    "dest": {"type": "path", "required": True},
                    "host": {"type": "str"},
                    "login": {"type": "str"},
                    "scripts": {
                        "type": "list",
                        "elements": "dict",
                        "required": True,
                        "options": {
                            "name": {"type": "str", "required": True},
                            "path": {"type": "path", "required": True},
                            "database": {"type": "str", "required": True},
                        },
                    },
                },
            },
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
    """Write or delete the script and return the result. Raise IntegrationsError."""
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
    show = _masking(tenant.api_key, {**config, **extra})
    before = read_if_exists(dest)
    with session(tenant) as http:
        generate = functools.partial(_generate, IntegrationsApi(http), name, desired)
        script = _accepted(params, tenant.api_key, before, generate, show)
        again = generate() if params["check_repeatable"] else script
    inspection = inspect(name, script, params["server_version"], _databases(config))
    if params["require_runnable"]:
        _check_inspection(name, inspection)
    files = {dest: script}
    if params["review"]:
        files.update(_review(params["review"], dest, script, tenant.api_key, show))
    changed = any(read_if_exists(path) != content for path, content in files.items())
    changed = changed or stat.S_IMODE(os.stat(dest).st_mode) != mode
    warnings += [finding.message for finding in inspection.findings]
    result: dict[str, t.Any] = {
        "changed": changed,
        "dest": params["dest"],
        "checksum": checksum(script, tenant.api_key),
        "size": len(script),
        "statement_count": inspection.statement_count,
        "inspection": _shown(inspection),
        "diff": {
            "before_header": dest,
            "after_header": dest,
            "before": "" if before is None else show(before),
            "after": show(script),
        },
        "warnings": warnings,
    }
    if params["check_repeatable"]:
        result["varying_lines"] = [] if again == script else differing_lines(show(script), show(again))
        if again != script:
            warnings.append(f"Immuta generates a different script {name} each time. {_KEEP_IT}")
    if changed and not check_mode:
        result.update(_write(params, files, mode, before))
    return result


def _databases(config: Config) -> list[str]:
    """Return the databases that a script may use, or none if the settings do not name all."""
    names = [config.get(name) for name in ("database", "initialDatabase")]
    return [name for name in names if name] if all(names) else []


def _shown(inspection: Inspection) -> list[dict[str, t.Any]]:
    return [finding._asdict() for finding in inspection.findings]


def _check_inspection(name: str, inspection: Inspection) -> None:
    """Raise ScriptError if the script cannot run."""
    if inspection.errors:
        found = " ".join(finding.message for finding in inspection.errors)
        raise ScriptError(
            f"Immuta's {name} script cannot run in Redshift, and it was not written: {found} To continue at your own "
            "risk, set require_runnable to false, or with the role, immuta_redshift_preflight.",
            script=name,
            inspection=_shown(inspection),
        )


def _write(params: t.Mapping[str, t.Any], files: dict[str, bytes], mode: int, before: bytes | None) -> dict[str, str]:
    """Write the script, which is the first file, and the review; return the backup of ``before``, its old content."""
    backup = {}
    dest, script = next(iter(files.items()))
    if params["create_parents"]:
        create_parents(os.path.dirname(dest))
    if params["backup"] and before is not None and before != script:
        backup["backup_file"] = f"{dest}.{time.strftime('%Y-%m-%d@%H:%M:%S')}~"
        write_file(backup["backup_file"], before, mode)
    for path, content in files.items():
        write_file(path, content, mode if path == dest else 0o600)
    return backup


_KEEP_IT = "Keep the reviewed file, and run it with the role's entry point execute and immuta_redshift_reviewed."

_Show = t.Callable[[bytes], str]


def _masking(api_key: str, config: dict[str, t.Any]) -> _Show:
    """Return the function that masks the secrets of a config in a script."""
    secrets = secret_values(config)
    known, words = [api_key, *distinctive(secrets)], telling_words(secrets, config)
    return lambda script: mask(script, known, words)


def _accepted(
    params: t.Mapping[str, t.Any], key: str, kept: bytes | None, generate: t.Callable[[], bytes], show: _Show
) -> bytes:
    """Return the generated script, or with a review and ``require_unchanged`` the kept one.

    Raise InputError for another script, with the differing lines if the reviewed one is available.
    """
    expected, dest, use_kept = params["reviewed_checksum"], params["dest"], params["require_unchanged"]
    generated = generate()
    if expected is None:
        if use_kept and kept != generated:
            state = "does not exist" if kept is None else "is not what Immuta generates now for this configuration"
            raise InputError(f"The script {dest} {state}: generate it again, review it, and run the task again.")
        return generated
    script, other = (kept, generated) if use_kept else (generated, kept)
    if script is None:
        raise InputError(f"The reviewed script {dest} does not exist: restore it, or generate and review it again.")
    if has_checksum(script, key, expected):
        return script
    if use_kept:
        message = f"The script {dest} is not the one that was reviewed, and nothing was run: restore the reviewed file"
    else:
        message = (
            f"The script {params['script']} that Immuta generates now is not the one that was reviewed, and nothing "
            "was run: undo the change of the configuration"
        )
    message += ", or review the script again."
    if not use_kept and generate() != generated:
        message += f" Immuta generates a different text each time. {_KEEP_IT}"
    difference = None
    if other is not None and has_checksum(other, key, expected):
        difference = differing_lines(show(other), show(script))
    raise InputError(message, difference=difference)


def _review(review: t.Mapping[str, t.Any], dest: str, script: bytes, key: str, show: _Show) -> dict[str, bytes]:
    """Return the files of the review by path. Missing scripts of other tasks are skipped."""
    scripts = []
    for entry in review["scripts"]:
        content = script if os.path.realpath(entry["path"]) == dest else read_if_exists(entry["path"])
        if content is not None:
            digest, text = checksum(content, key), show(content)
            scripts.append(script_for_review(entry["name"], entry["database"], digest, content, text))
    arguments = review["host"] or "", review["login"] or "", scripts
    return {
        f"{review['dest']}.txt": as_text(*arguments).encode("utf-8", "backslashreplace"),
        f"{review['dest']}.html": as_html(*arguments).encode("utf-8", "backslashreplace"),
    }


def _generate(api: IntegrationsApi, name: str, desired: Desired) -> bytes:
    """Request the script with the payload of the registration.

    The documentation shows no body for the delete script. That the cleanup script takes the payload of a creation is an
    assumption.
    """
    if name == "delete":
        try:
            return api.script(name, desired.id, None)
        except ApiError as error:
            if error.status != 404 or not error.is_document:
                raise
            raise _no_integration(name, desired) from None
    current = None
    if name == "edit":
        current = api.get(t.cast(str, desired.id))
        if current is None:
            raise _no_integration(name, desired)
        refuse_other(current, desired)
        refuse_change(current, desired)
    payload = build_payload(current, desired)
    check_payload(payload, desired, current)
    return api.script(name, None if current is None else current["id"], payload)


def _no_integration(name: str, desired: Desired) -> InputError:
    return InputError(
        f"Immuta has no integration with id {desired.id} to {name}: another run may have just deleted it. Check the "
        "id, or run the role again, which compares first."
    )
