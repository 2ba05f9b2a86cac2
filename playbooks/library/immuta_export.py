# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the role's variables of existing integrations to files, for the playbook export_integrations only."""

from __future__ import annotations

import os
import re
import stat
import textwrap
import typing as t

import yaml

from ansible_collections.immuta.integrations.plugins.module_utils._common.files import (
    create_parents,
    read_if_exists,
    write_file,
)
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import MASK, is_secret_name
from ansible_collections.immuta.integrations.plugins.module_utils._common.runner import AnsibleModule, run_module
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.api import IntegrationsApi
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import immuta_spec, tenant_from
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.export import Export, Literal, exports
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import session

MODE = 0o600


class Dumper(yaml.SafeDumper):
    """A dumper that marks texts with ``!unsafe`` if Ansible must not render them."""


Dumper.add_representer(Literal, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))


def text_of(export: Export) -> str:
    """Return the content of the file."""
    comments = [
        f"Exported from Immuta: integration {export.id}.",
        "Immuta does not return secrets. Define the variables that start with immuta_redshift_secret_ elsewhere.",
    ]
    if export.gap:
        comments += textwrap.wrap(f"INCOMPLETE: {' '.join(export.gap.split())}", 110)
    head = "".join(f"# {comment}\n" for comment in comments)
    body = yaml.dump(export.variables, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=float("inf"))
    return f"---\n{head}{body}"


def shown(text: str) -> str:
    """Return a file that somebody edited without passwords in clear text, for a diff."""
    return re.sub(
        r"""(?m)^(\s*["']?([\w-]+)["']?:[ \t]+)(?!['"]?\{\{)\S.*""",
        lambda found: f"{found[1]}{MASK}" if is_secret_name(found[2]) else found[0],
        text,
    )


def run(params: dict[str, t.Any], check_mode: bool, environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Write the files that differ, and return their paths and diffs. Raise IntegrationsError."""
    tenant, warnings = tenant_from(params, environ)
    with session(tenant) as http:
        found = exports(IntegrationsApi(http).records())
    diffs = []
    for export in found:
        path, text = os.path.join(params["dest"], f"{export.name}.yml"), text_of(export)
        warnings += export.warnings
        before = read_if_exists(path)
        if before == text.encode() and stat.S_IMODE(os.stat(path).st_mode) == MODE:
            continue
        old = (before or b"").decode(errors="replace")
        diffs.append({"before": shown(old), "after": text, "before_header": path, "after_header": path})
        if not check_mode:
            create_parents(params["dest"])
            write_file(path, text.encode(), MODE)
    return {"changed": bool(diffs), "diff": diffs, "warnings": warnings}


def main() -> None:
    """Run the module."""
    arguments = {**immuta_spec(), "dest": {"type": "path", "required": True}}
    run_module(AnsibleModule(argument_spec=arguments, supports_check_mode=True), run)


if __name__ == "__main__":
    main()
