# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's README matches its variables, defaults, results and entry points."""

from __future__ import annotations

import re
import typing as t

import pytest
import yaml

from tests.docs.arguments import ROLE
from tests.docs.expressions import results_of
from tests.support.paths import ROOT

DIRECTORY = ROOT / "roles" / "immuta_redshift"
SPECS = yaml.safe_load((DIRECTORY / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
MAIN = SPECS["main"]["options"]
README = (DIRECTORY / "README.md").read_text(encoding="utf-8")
# Fields that must be equal in all entry points of a variable.
SAME = ("type", "choices", "default")


def table() -> dict[str, tuple[str, str]]:
    """Return, for each variable in the table, the text of its default and the whole row."""
    found = {}
    for row in re.findall(r"^\| `immuta_redshift_.*$", README, re.MULTILINE):
        cells = row.strip("|").split("|")
        names = re.findall(r"`(\w+)`", cells[0])
        defaults = cells[1].split(",") if len(names) > 1 else [cells[1]]
        for name, default in zip(names, defaults, strict=True):
            full_name = f"immuta_redshift{name}" if name.startswith("_") else name
            found[full_name] = (default.strip().strip("`"), row)
    return found


def code_after(words: str) -> list[str]:
    """Return the code in the sentence that starts with the words."""
    sentence = re.search(rf"{re.escape(words)}(.*?)\.(?:\s|$)", README, re.DOTALL)
    assert sentence
    return re.findall(r"`(\w+)`", sentence[1])


def test_defaults_match_the_argument_specs() -> None:
    defaults = yaml.safe_load((DIRECTORY / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert defaults == {name: option["default"] for name, option in MAIN.items() if not option.get("required")}


def test_readme_lists_the_variables() -> None:
    assert sorted(table()) == sorted(MAIN)


@pytest.mark.parametrize("name", MAIN)
def test_readme_lists_defaults_and_choices(name: str) -> None:
    option, (default, row) = MAIN[name], table()[name]
    if option.get("required"):
        assert default == "required"
    elif option["default"] != "":
        assert yaml.safe_load(default) == option["default"]
    assert [choice for choice in option.get("choices", []) if f"`{choice}`" not in row] == []


@pytest.mark.parametrize("entry", SPECS)
def test_entry_points_agree(entry: str) -> None:
    for name, option in SPECS[entry]["options"].items():
        same = SAME if option.get("required") == MAIN[name].get("required") else SAME[:2]
        assert {key: option.get(key) for key in same} == {key: MAIN[name].get(key) for key in same}, name


def test_readme_lists_the_entry_points() -> None:
    assert sorted(code_after("`tasks_from` runs one part: ")) == sorted(SPECS.keys() - {"main"})


def test_readme_lists_the_results() -> None:
    named: t.Collection[str] = code_after("holds the result: ")
    assert sorted(named) == sorted(results_of(ROLE))
