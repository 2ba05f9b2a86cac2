# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Comparison of a script with the reviewed one."""

from __future__ import annotations

import difflib
import hashlib
import hmac
import itertools
import re
import typing as t

from ansible.module_utils.basic import env_fallback

# Limits of a difference: compared lines and shown lines.
_MOST_COMPARED, _MOST_SHOWN = 2000, 200

_TRAILING = re.compile(r"[^\S\n]+\Z")

ONLY_HIDDEN = "They differ only in what is not shown: a secret, or bytes that are not UTF-8."


def checksum_key_spec() -> dict[str, t.Any]:
    """Return the spec of the option for the key of `checksum`."""
    return {"type": "str", "no_log": True, "fallback": (env_fallback, ["IMMUTA_API_KEY"])}


def checksum(script: bytes, key: str) -> str:
    """Return the HMAC-SHA256 of a script's bytes under a key, as 64 hexadecimal digits (RFC 2104).

    Scripts that differ in one byte have different checksums. Without the key, a checksum does not allow guessing
    passwords.
    """
    return hmac.new(key.encode(), script, hashlib.sha256).hexdigest()


def has_checksum(script: bytes, key: str, expected: str) -> bool:
    """Return whether a script has the expected checksum, ignoring case and surrounding spaces."""
    return hmac.compare_digest(checksum(script, key).encode(), expected.strip().lower().encode())


def differing_lines(before: str, after: str) -> list[str]:
    """Return a unified difference of two masked scripts, with invisible characters and trailing spaces escaped."""
    old, new = before.split("\n"), after.split("\n")
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    around = max(0, start - 1)
    old, new = (
        [_escaped(line) for line in lines[around : len(lines) - max(0, end - 1)][:_MOST_COMPARED]]
        for lines in (old, new)
    )
    lines = list(difflib.unified_diff(old, new, n=1, lineterm=""))[2:]
    if not lines:
        return [ONLY_HIDDEN]
    lines = [_renumbered(line, around) for line in lines]
    return lines if len(lines) <= _MOST_SHOWN else [*lines[:_MOST_SHOWN], "..."]


def visible(text: str) -> str:
    """Return a line with invisible and reordering characters, except tabs, as Python escapes."""
    return "".join(char if char.isprintable() or char == "\t" else _escape(char) for char in text)


def _common(one: t.Sequence[str], other: t.Sequence[str]) -> int:
    """Return the number of common lines at the start of two scripts."""
    return sum(1 for _pair in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other)))


def _escaped(line: str) -> str:
    shown = visible(line).replace("\t", r"\t")
    return _TRAILING.sub(lambda found: found[0].replace(" ", r"\x20"), shown)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


_HUNK = re.compile(r"@@ -(\d+)(\S*) \+(\d+)(\S*) @@")


def _renumbered(line: str, offset: int) -> str:
    found = _HUNK.fullmatch(line)
    if not found:
        return line
    return f"@@ -{int(found[1]) + offset}{found[2]} +{int(found[3]) + offset}{found[4]} @@"
