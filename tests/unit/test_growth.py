# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Twice the text takes about twice the steps, for any text."""

from __future__ import annotations

import contextlib
import re
import types
import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ScriptError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift import (
    execute,
    inspection,
    masking,
    mistakes,
    sql,
)
from tests.support.steps import Steps

SIZE = 100
# The growth from a text to twice the text: 1 for linear steps, 3 for quadratic ones. For a pattern with a bounded
# distance, it is more than 1 until the text is longer than that.
MOST = 2

# A start, a repeated part, and an end.
SHAPES = {
    "ruler": ("SELECT\n", "-", "\n* FROM t"),
    "rulers": ("SELECT\n", "--\n", "* FROM t"),
    "block comments": ("CREATE ", "/**/ ", '"x"'),
    "nested comments": ("", "/*", ""),
    "slashes": ("", "/ ", "x"),
    "quotes": ("", "'", ""),
    "doubled quotes": ("SELECT '", "''", ""),
    "quoted names": ("", '""', '"'),
    "prefixes": ("", "E'", ""),
    "parentheses": ("", "(", ""),
    "pairs": ("", "()", ""),
    "dollars": ("", "$", ""),
    "parameters": ("", "$1", ""),
    "dollar tags": ("", "$a$ $b$ ", ""),
    "backslashes": ("", "\\", ""),
    "escapes": ("SELECT '", "\\'", ""),
    "word": ("", "a", ""),
    "spaces": ("SELECT", " ", "x"),
    "lines": ("SELECT", "\r\n", "x"),
    "passwords": ("", "password=", ""),
    "password words": ("", "password as ", "x"),
    "passwords in quotes": ("", "password 'a' ", ""),
    "passwords in one literal": ("'", 'password \\"x', "'"),
    "open passwords": ("", "PASSWORD '", ""),
    "users": ("", "create user ", "password x"),
    "tokens": ("", '"token":"x\\"', ""),
    "addresses": ("", "://a:", ""),
    "open address": ("://", "a", ""),
    "keys": ("", "AKIA", ""),
    "comments with quotes": ("-- ", "'a ", "\nA"),
    "templates": ("'", "{{ ", "'"),
    "open templates": ("'", "{% a ", "'"),
    "grants": ("GRANT ", "ON EXTERNAL ", ""),
    "revokes": ("ALTER DEFAULT PRIVILEGES ", "REVOK ", ""),
    "names": ("ALTER TABLE ", "a ", ""),
    "databases": ("GRANT a ", "ON DATABASE a, ", "'"),
    "languages": ("CREATE FUNCTION ", "LANGUAGE ", ""),
    "statements": ("", "a;", ""),
}

WORK: dict[str, t.Callable[[str], object]] = {
    "split": sql.split,
    "readings": sql.readings_differ,
    "mask": masking.mask,
    "classify": lambda text: execute.plan([sql.Statement(1, 1, text), sql.Statement(2, 1, "A")], "auto"),
    "command": lambda text: sql.Statement(1, 1, text).command,
    "mistakes": lambda text: mistakes.check([sql.Statement(1, 1, text or "A")]),
    "inspection": lambda text: inspection.inspect("create", text.encode(), "", ["a"]),
    "message": lambda text: masking.server_sentence(text, "SELECT 'abcde'"),
}


def steps(work: t.Callable[[str], object], shape: tuple[str, str, str], size: int) -> int:
    begin, part, end = shape
    text = begin + part * (size // len(part)) + end
    with Steps(sql, masking, mistakes, execute, inspection) as steps, contextlib.suppress(ScriptError):
        work(text)
    return steps.count


@pytest.mark.parametrize("work", WORK)
def test_steps_grow_linearly(work: str) -> None:
    grown = {}
    for name, shape in SHAPES.items():
        small, large = (steps(WORK[work], shape, size) for size in (SIZE, 2 * SIZE))
        grown[name] = (large - small) / max(small, SIZE)
    assert {name: growth for name, growth in grown.items() if growth > MOST} == {}


@pytest.mark.parametrize(
    ("pattern", "text", "is_linear"),
    [
        (r"(?:[\s(]|--[^\r\n]*)*([A-Za-z_]+)", "-", False),
        (r"[a-z]*[a-z]*x", "a", False),
        (r"[a-z]*x", "a", True),
    ],
)
def test_step_count_detects_nonlinear_patterns(pattern: str, text: str, is_linear: bool) -> None:
    """The first one is a pattern that once failed on a long ruler line."""
    module = types.ModuleType("module")
    module.__file__ = "module"
    counts = []
    for length in (8, 16):
        vars(module)["pattern"] = re.compile(pattern)
        with Steps(module) as counted:
            vars(module)["pattern"].match(text * length + "\n*")
        counts.append(counted.count)
    assert ((counts[1] - counts[0]) / counts[0] < MOST) is is_linear
