# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the Jinja expressions of an example, without knowing their values."""

from __future__ import annotations

import ast
import functools
import importlib.util
import typing as t

import jinja2
import yaml
from ansible.plugins.loader import filter_loader, test_loader
from jinja2 import nodes

from ansible_collections.immuta.integrations.plugins.module_utils._modules import immuta_redshift_plan
from tests.docs.arguments import BUILTIN, COLLECTION, ROLE, is_template, own_modules
from tests.support.paths import ROOT

_CONDITIONS = ("when", "until", "failed_when", "changed_when", "that")
# The keys of every result, in addition to those that its module documents.
_COMMON_RESULTS = {"changed", "failed", "skipped", "msg", "diff", "warnings", "invocation"}


def expressions(node: t.Any, key: str = "") -> t.Iterator[tuple[str, bool]]:
    """Yield every expression in a document, and whether it has no braces."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from expressions(value, name)
    elif isinstance(node, list):
        for item in node:
            yield from expressions(item, key)
    elif is_template(node):
        yield node, False
    elif isinstance(node, str) and key in _CONDITIONS:
        yield node, True


def expression_problems(text: str, bare: bool, registered: t.Mapping[str, str]) -> list[str]:
    """Return Jinja's errors about an expression, and result keys that no module returns."""
    template = "{{ " + text + " }}" if bare else text
    try:
        _jinja().compile(template)
    except jinja2.TemplateSyntaxError as error:
        return [str(error)]
    tree = _jinja().parse(template)
    found = []
    for access in tree.find_all(nodes.Getattr):
        if isinstance(access.node, nodes.Name) and access.node.name in {*registered, "immuta_redshift_integration"}:
            results = results_of(registered.get(access.node.name, ROLE))
            found += [f"{access.node.name} has no {access.attr}"] if results and access.attr not in results else []
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in ("lookup", "query", "q"):
            found += _lookup_problems(call.args)
    return found


def _lookup_problems(arguments: list[nodes.Expr]) -> list[str]:
    plugin = arguments[0] if arguments else None
    name = str(plugin.value) if isinstance(plugin, nodes.Const) else "without a name"
    found = importlib.util.find_spec(f"ansible.plugins.lookup.{name.removeprefix(f'{BUILTIN}.')}")
    return [] if found else [f"there is no lookup {name}"]


@functools.cache
def _jinja() -> jinja2.Environment:
    """Return Jinja with the names of Ansible's filters and tests."""
    environment = jinja2.Environment()
    for known, loader in ((environment.filters, filter_loader), (environment.tests, test_loader)):
        for plugin in loader.all():
            name = plugin.ansible_name
            known[name] = known[name.removeprefix(f"{BUILTIN}.")] = plugin.j2_function
    return environment


@functools.cache
def results_of(action: str) -> set[str]:
    """Return the keys that an action of the collection returns; empty if unknown."""
    if action == ROLE:
        return {"changed", "checksums", "host", "to_run", "leftovers", *immuta_redshift_plan.REPORTED}
    module = action.removeprefix(f"{COLLECTION}.")
    if module not in own_modules():
        return set()
    for node in ast.parse((ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RETURN":
            return {*yaml.safe_load(ast.literal_eval(node.value)), *_COMMON_RESULTS}
    return set()
