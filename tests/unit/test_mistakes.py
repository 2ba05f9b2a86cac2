# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and values that are used as a script by mistake."""

from __future__ import annotations

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ScriptError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.mistakes import check, check_file
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import split


@pytest.mark.parametrize(
    ("script", "line", "reason"),
    [
        ("A;\nB\u00a0c;", 2, "the character NO-BREAK SPACE (U+00A0) is between the words"),
        ("A;\n\nB -- it\n\u200bc;", 4, "ZERO WIDTH SPACE (U+200B)"),
        ("A;\n\ufeffB;", 2, "ZERO WIDTH NO-BREAK SPACE (U+FEFF)"),
        ("A \u200eb", 1, "LEFT-TO-RIGHT MARK (U+200E)"),
        ("A so\u00adft", 1, "SOFT HYPHEN (U+00AD)"),
        ("A \u2018b\u2019", 1, "LEFT SINGLE QUOTATION MARK (U+2018)"),
        ("A \u2013- b", 1, "EN DASH (U+2013)"),
        ("A \x07", 1, "CONTROL CHARACTER (U+0007)"),
        ("A \u3164", 1, "HANGUL FILLER (U+3164)"),
        ("A;\nGRANT x TO {{ name }}", 2, "a template expression is not rendered"),
        ("{% if a %} A", 1, "as JSON does"),
        ("A;\nCREATE USER a\nPASSWORD '{{ pw }}'", 3, "a template expression would become the password"),
        ("A PASSWORD $$ {{ pw }} $$", 1, "a template expression would become the password"),
        ('\n"CREATE SCHEMA \\"a\\";\\n"', 2, "as JSON does: save the decoded text"),
        ('{"script": 1}', 1, "as JSON does"),
        ("<!DOCTYPE html>", 1, "as a web page does"),
    ],
)
def test_invalid_values_are_refused(script: str, line: int, reason: str) -> None:
    def read() -> None:
        check_file(script)
        check(split(script))

    with pytest.raises(ScriptError) as caught:
        read()
    assert caught.value.facts["line"] == line
    assert caught.value.message.startswith(f"Line {line} of the script: ")
    assert reason in caught.value.message


@pytest.mark.parametrize(
    ("script", "warning"),
    [
        (
            "CREATE USER a PASSWORD 'x{{ y }}z'",
            "Line 1 of the script has a template expression, which runs unrendered.",
        ),
        ("A;\nB 'c\n{{ d }}'", "Line 3 of the script has a template expression, which runs unrendered."),
        ("A;\nB PASSWORD '${PW}'", "The password on line 2 of the script looks like a placeholder."),
        ("B PASSWORD '<your-password>'", "The password on line 1 of the script looks like a placeholder."),
    ],
)
def test_suspicious_values_warn(script: str, warning: str) -> None:
    assert check(split(script)) == [warning]


@pytest.mark.parametrize(
    "script",
    [
        "A 'b\u00a0c' \"d\u200be\" $$f\u00a0g$$ -- h\u00a0i {{ j }}",
        "SELECT gr\u00fc\u00dfe, \u4e2d\u6587, prix_\u20ac FROM t",
        "B PASSWORD '${PW}x'",
        "B '${PW}'",
        "\ufeff-- it\n(SELECT 1)",
        "",
    ],
)
def test_valid_values_are_accepted(script: str) -> None:
    check_file(script)
    assert check(split(script)) == []
