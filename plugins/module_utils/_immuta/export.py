# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The role's variables of existing integrations, as functions of plain data."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import MASK, is_redacted
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import (
    CREDENTIALS,
    config_spec,
    missing_credentials,
    snake_name,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import TYPE, Record
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.integration import (
    config_for_display,
    hidden_settings,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.inventory import in_use, role_setup

_SECRET = "immuta_redshift_secret"


class Literal(str):
    """A text of Immuta that Ansible would render as a template."""

    __slots__ = ()


@dataclass(frozen=True)
class Export:
    """The variables of an integration under the name of its file; texts that are no `Literal` may be templates.

    ``gap`` says what may be missing, for an authentication type that Immuta's documentation does not describe.
    """

    id: str
    name: str
    variables: dict[str, t.Any]
    gap: str | None

    @property
    def warnings(self) -> list[str]:
        return [f"The file of {self.name} is incomplete: {self.gap}"] if self.gap else []


def exports(records: t.Iterable[Record]) -> list[Export]:
    """Return an export for each Redshift integration in use, with references to variables instead of secrets."""
    found: dict[str, Export] = {}
    for record in in_use(records):
        if record.get("type") == TYPE:
            name = re.sub(r"[^A-Za-z0-9._-]", "_", str(record["config"].get("host") or record["id"]))
            name = f"{name}-{record['id']}" if name in found else name
            variables = {"immuta_redshift_setup": role_setup(record), "immuta_redshift_config": _config(record)}
            found[name] = Export(record["id"], name, variables, _gap(record))
    return list(found.values())


def _kind(record: Record) -> str:
    """Return the authentication type. That an integration without one has a password is an assumption."""
    return record["config"].get("authenticationType") or "userPassword"


def _config(record: Record) -> dict[str, t.Any]:
    kind = _kind(record)
    others = [name for other in CREDENTIALS if kind in CREDENTIALS and other != kind for name in CREDENTIALS[other]]
    shown = _without_nulls({**config_for_display(record), "authentication_type": kind})
    for name in missing_credentials(_without_nulls({**record["config"], "authenticationType": kind})):
        _config_name, *parents, last = name.split(".")
        owner = shown
        for parent in parents:
            owner = owner.setdefault(parent, {})
        owner[last] = MASK
    # The name of a variable has the levels inside a setting, not that of the setting itself.
    return {
        name: _referenced(shown[name], _SECRET if isinstance(shown[name], dict) else f"{_SECRET}_{name}")
        for name in config_spec()
        if name in shown and name not in others
    }


def _without_nulls(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    return value


def _referenced(value: t.Any, variable: str) -> t.Any:
    """Return a copy with references to variables for hidden values."""
    if isinstance(value, dict):
        return {name: _referenced(item, f"{variable}_{_word(name)}") for name, item in value.items()}
    if isinstance(value, list):
        return [_referenced(item, f"{variable}_{number}") for number, item in enumerate(value, 1)]
    if value == MASK or is_redacted(value):
        return f"{{{{ {variable} }}}}"
    return Literal(value) if isinstance(value, str) and re.search(r"\{[{%#]", value) else value


def _word(name: t.Any) -> str:
    return re.sub(r"[^a-z0-9]+", "_", str(snake_name(name)))


def _gap(record: Record) -> str | None:
    kind = _kind(record)
    if kind in CREDENTIALS:
        return None
    hidden = ", ".join(hidden_settings(config_for_display(record))) or "none of those that it returns"
    return (
        f"Immuta's documentation does not describe the settings of authentication type {kind}. Immuta hides "
        f"{hidden}. Define the variables for hidden settings, and add settings that Immuta does not return to "
        "config.extra."
    )
