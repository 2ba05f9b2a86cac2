# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parse YAML strictly, detect the kind of a document, and find role variables on a page."""

from __future__ import annotations

import contextlib
import functools
import re
import typing as t

import yaml

from tests.docs.arguments import BUILTIN, Literal, role_variables
from tests.docs.pages import Page
from tests.support.paths import ROOT

Mapping = dict[str, t.Any]

_INVENTORY_KEYS = {"hosts", "children", "vars"}
_SECTIONS = {
    name for name, _title in yaml.safe_load((ROOT / "changelogs/config.yaml").read_text(encoding="utf-8"))["sections"]
}


class StrictLoader(yaml.SafeLoader):
    """A YAML loader that refuses duplicate keys, with the tags of Ansible."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Mapping:
        """Raise an error for a duplicate key."""
        seen = set()
        for key, unused in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key.value}", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


for _tag in ("!vault", "!unsafe"):
    StrictLoader.add_constructor(_tag, lambda loader, node: Literal(loader.construct_scalar(node)))


def parse(text: str) -> t.Any:
    """Return the document in a text. Raise yaml.YAMLError."""
    return yaml.load(text, Loader=StrictLoader)


def kind_of_text(text: str, page: Page) -> str | None:
    """Return the kind of the document in a text, or None."""
    try:
        return kind_of(parse(text), page)
    except yaml.YAMLError:
        return None


def kind_of(document: t.Any, page: Page) -> str | None:
    """Return the kind of a document, or None."""
    if isinstance(document, list) and document and all(isinstance(item, dict) for item in document):
        plays = [bool({"hosts", "import_playbook", f"{BUILTIN}.import_playbook"} & item.keys()) for item in document]
        return "playbook" if all(plays) else None if any(plays) else "tasks"
    if not isinstance(document, dict) or not document:
        return None
    return next((kind for kind, fits in _SHAPES.items() if fits(document, page)), None)


def _is_inventory(document: Mapping, page: Page) -> bool:
    groups = [group or {} for group in document.values()]
    return any(groups) and all(isinstance(group, dict) and group.keys() <= _INVENTORY_KEYS for group in groups)


def _is_variables(document: Mapping, page: Page) -> bool:
    """Return whether each name is a variable of the role or of Ansible, or is used elsewhere on the page."""
    return all(
        name in known_variables()
        or str(name).startswith("ansible_")
        or len(re.findall(rf"\b{re.escape(str(name))}\b", page.text)) > 1
        for name in document
    )


_SHAPES: dict[str, t.Callable[[Mapping, Page], bool]] = {
    "requirements": lambda document, page: document.keys() <= {"collections", "roles"},
    "changelog fragment": lambda document, page: document.keys() <= _SECTIONS,
    "pipeline": lambda document, page: "jobs" in document or "stages" in document,
    "inventory source": lambda document, page: "plugin" in document,
    "inventory": _is_inventory,
    "variables": _is_variables,
}


@functools.cache
def known_variables() -> set[str]:
    """Return the immuta_redshift_ names that the role or the playbooks use."""
    playbooks = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "playbooks").glob("*.yml"))
    login = role_variables()["immuta_redshift_config"]["options"]
    secrets = {*login, *login["okta"]["options"]}
    return {
        *role_variables(),
        *re.findall(r"\bimmuta_redshift_\w+", playbooks),
        *(f"immuta_redshift_secret_{name}" for name in secrets),
        "immuta_redshift_integration",
        "immuta_redshift_plan",
        "immuta_redshift_fleet",
        "__immuta_redshift_fleet",
    }


def unknown_names(text: str) -> list[str]:
    """Return the names that look like variables of the role but do not exist."""
    names = set(re.findall(r"\w*immuta_redshift_\w+", text)) - known_variables()
    # A page that refers to several variables names their prefix.
    beginnings = {name for name in names if name.endswith("_")}
    return sorted(names - {one for one in beginnings if any(name.startswith(one) for name in known_variables())})


def settings(page: Page) -> tuple[Mapping, list[Mapping]]:
    """Return the role variables that a page sets outside playbooks, for all clusters and for each cluster."""
    found: list[Mapping] = []
    for example in page.examples:
        with contextlib.suppress(yaml.YAMLError):
            document: t.Any = parse(example.text) if example.language.startswith("yaml") else None
            kind = kind_of(document, page)
            if kind == "variables":
                found.append(document)
            elif kind == "inventory":
                found += host_variables(document)
    shared: Mapping = {}
    for variables in found:
        shared.update(variables if "immuta_redshift_config" not in variables else {})
    return shared, [{**shared, **variables} for variables in found if "immuta_redshift_config" in variables]


def host_variables(groups: Mapping, inherited: Mapping | None = None) -> list[Mapping]:
    """Return the variables of each host, and of each group without hosts."""
    found = []
    for group in groups.values():
        variables = {**(inherited or {}), **((group or {}).get("vars") or {})}
        hosts = (group or {}).get("hosts") or {}
        children = (group or {}).get("children") or {}
        found += [{**variables, **(own or {})} for own in hosts.values()] + host_variables(children, variables)
        found += [] if hosts or children else [variables]
    return found
