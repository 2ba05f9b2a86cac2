# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparison of a script with the reviewed one."""

from __future__ import annotations

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._redshift.compare import (
    ONLY_HIDDEN,
    checksum,
    differing_lines,
    has_checksum,
)

SCRIPT = b"CREATE USER a PASSWORD 'p';\nCREATE PROCEDURE f() AS $$ BEGIN x 'q'; END $$; -- it's\n"


def test_checksum_is_the_hmac_of_rfc_4231() -> None:
    """Test case 2."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert checksum(b"what do ya want for nothing?", "Jefe") == expected
    assert has_checksum(b"what do ya want for nothing?", "Jefe", f" {expected.upper()}\n")


def test_every_byte_changes_the_checksum() -> None:
    others = [SCRIPT[:place] + bytes([SCRIPT[place] ^ 1]) + SCRIPT[place + 1 :] for place in range(len(SCRIPT))]
    others += [SCRIPT + b" ", SCRIPT[:-1], SCRIPT.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + SCRIPT, b""]
    assert len({checksum(script, "k") for script in [SCRIPT, *others]}) == len(others) + 1


@pytest.mark.parametrize(
    "expected", ["", "0" * 64, "\u00e9", checksum(SCRIPT, "other key"), checksum(SCRIPT, "k")[:-1]]
)
def test_another_checksum_is_not_accepted(expected: str) -> None:
    assert not has_checksum(SCRIPT, "k", expected)


def test_difference_has_context_and_line_numbers() -> None:
    before = [f"line {number}" for number in range(1, 101)]
    after = [*before[:49], "LINE 50", *before[50:]]
    shown = differing_lines("\n".join(before), "\n".join(after))
    assert shown == ["@@ -49,3 +49,3 @@", " line 49", "-line 50", "+LINE 50", " line 51"]


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("a", "a ", r"+a\x20"),
        ("a", "a\r", r"+a\r"),
        ("a b", "a\tb", r"+a\tb"),
        ("a b", "a\u00a0b", r"+a\xa0b"),
        ("ab", "a\u202eb", r"+a\u202eb"),
        ("ab", "a\x1b[2Jb", r"+a\x1b[2Jb"),
        ("a", "a\n", "+"),
    ],
)
def test_invisible_characters_are_shown(before: str, after: str, shown: str) -> None:
    assert differing_lines(before, after)[-1] == shown


def test_difference_in_secrets_is_reported() -> None:
    assert differing_lines("********", "********") == [ONLY_HIDDEN]


def test_long_difference_is_cut() -> None:
    shown = differing_lines("\n".join(map(str, range(9999))), "")
    assert (len(shown), shown[-1]) == (201, "...")
