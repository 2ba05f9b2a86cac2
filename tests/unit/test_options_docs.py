# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of the modules matches their arguments."""

from __future__ import annotations

import importlib
import typing as t

import pytest
import yaml

from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import is_secret_name
from tests.docs.arguments import module_arguments
from tests.support.paths import ROOT

PLUGINS = "ansible_collections.immuta.integrations.plugins"
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
GROUPS = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]


def documentation(module: str) -> dict[str, t.Any]:
    return yaml.safe_load(importlib.import_module(f"{PLUGINS}.modules.{module}").DOCUMENTATION)


def fragments(module: str) -> list[str]:
    """Return the doc fragments of a module, without the name of the collection."""
    named = documentation(module)["extends_documentation_fragment"]
    assert all(fragment.startswith("immuta.integrations.") for fragment in named)
    return [fragment.removeprefix("immuta.integrations.") for fragment in named]


def documented_options(module: str) -> dict[str, t.Any]:
    """Return the module's own options and those of its fragments, merged as Ansible does."""
    options = documentation(module).get("options", {})
    for fragment in fragments(module):
        name, _dot, part = fragment.partition(".")
        holder = importlib.import_module(f"{PLUGINS}.doc_fragments.{name}").ModuleDocFragment
        extra = yaml.safe_load(getattr(holder, part.upper() or "DOCUMENTATION")).get("options", {})
        options = {**options, **{key: {**value, **options.get(key, {})} for key, value in extra.items()}}
    return options


def summary(option: dict[str, t.Any], suboptions: str) -> dict[str, t.Any]:
    """Return the fields that both a documentation and an argument spec of an option have."""
    return {
        "type": option.get("type", "str"),
        "elements": option.get("elements"),
        "required": option.get("required", False),
        "default": option.get("default"),
        "choices": option.get("choices"),
        "aliases": option.get("aliases"),
        "suboptions": summaries(option.get(suboptions) or {}, suboptions),
    }


def summaries(options: dict[str, t.Any], suboptions: str) -> dict[str, t.Any]:
    return {name: summary(option, suboptions) for name, option in options.items()}


def flat(options: dict[str, t.Any]) -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    for name, option in options.items():
        yield name, option
        yield from flat(option.get("options") or option.get("suboptions") or {})


@pytest.mark.parametrize("module", MODULES)
def test_documented_options_match_the_code(module: str):
    spec = module_arguments(module)["argument_spec"]
    assert summaries(documented_options(module), "suboptions") == summaries(spec, "options")


@pytest.mark.parametrize("module", MODULES)
def test_check_mode_secrets_and_environment_variables(module: str):
    given, documented = module_arguments(module), dict(flat(documented_options(module)))
    assert given["supports_check_mode"] is True
    for name, option in flat(given["argument_spec"]):
        if is_secret_name(name):
            assert option["no_log"] is (name != "update_secrets"), name
        text = " ".join(documented[name]["description"])
        for variable in option["fallback"][1] if "fallback" in option else []:
            assert f"environment variable E({variable}) is used" in text


@pytest.mark.parametrize("group", GROUPS)
def test_action_group_is_the_modules_with_its_options(group: str):
    assert GROUPS[group] == [module for module in MODULES if group in fragments(module)]
    assert GROUPS[group] == [module for module in MODULES if f"attributes.actiongroup_{group}" in fragments(module)]
