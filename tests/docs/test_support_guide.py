# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of facts and assumptions name a source and existing tests."""

from __future__ import annotations

import re

import pytest

from tests.support.paths import ROOT

GUIDE = ROOT / "docs" / "docsite" / "rst" / "support_guide.rst"


def rows(kind: str) -> list[list[str]]:
    """Return the cells of the table of a class, without its heading."""
    table = re.search(rf":class: stacked {kind}\n\n((?:   .*\n)+)", GUIDE.read_text(encoding="utf-8"))
    assert table
    lines = [line[3:] for line in table[1].splitlines()]
    found = "\n".join(lines).split("* - ")[2:]
    return [[" ".join(cell.split()) for cell in row.split("\n  - ")] for row in found]


def defined() -> set[str]:
    """Return the names of all tests."""
    return {
        name
        for path in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"^ *def (test_\w+)\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }


@pytest.mark.parametrize("kind", ["facts", "assumptions"])
def test_each_row_has_a_source_and_existing_tests(kind: str) -> None:
    tests = defined()
    table = rows(kind)
    assert len(table) > 10
    for row in table:
        assert [bool(cell) for cell in row] == [True] * 3, row
        named = re.findall(r"``(\w+)``", row[2])
        assert named, row
        assert [name for name in named if name not in tests] == []


def test_tests_in_the_guide_exist() -> None:
    named = set(re.findall(r"``(test_\w+)``", GUIDE.read_text(encoding="utf-8")))
    assert named - defined() == set()
