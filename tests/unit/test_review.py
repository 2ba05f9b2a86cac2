# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The review of a script, as its approver sees it."""

from __future__ import annotations

import html
import re
import typing as t
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import distinctive, telling_words
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.compare import checksum, differing_lines
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.masking import mask
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.review import (
    Script,
    as_html,
    as_text,
    script_for_review,
)
from tests.support.html_page import HtmlPage

RENDERINGS = (as_text, as_html)
SCRIPT = """-- it's <b>the</b> account
CREATE USER "a b" PASSWORD 'hunter2' CREATEUSER; GRANT USAGE ON SCHEMA s TO GROUP "x", PUBLIC;
GRANT SELECT ON t TO "PUBLIC";
/* a; b */ CREATE PROCEDURE s.p() AS $$
BEGIN
    EXECUTE 'GRANT ALL ON t TO PUBLIC';
END $$ SECURITY DEFINER;
DROP SCHEMA IF EXISTS old CASCADE;
ALTER USER c PASSWORD 'other';
REVOKE ALL ON DATABASE d FROM PUBLIC;
CALL s.p(); CALL s.p()"""


def made(script: str = SCRIPT, *secrets: str) -> Script:
    return script_for_review("create", "immuta", "f00d", script.encode(), mask(script, secrets))


def test_summary_groups_statements_by_effect() -> None:
    assert [(effect.group, effect.what, effect.line) for effect in made().effects] == [
        ("creates", 'account "a b" (superuser)', 2),
        ("public", 'GRANT USAGE ON SCHEMA s TO GROUP "x", PUBLIC', 2),
        ("grants", 'GRANT SELECT ON t TO "PUBLIC"', 3),
        ("creates", "procedure s.p (runs with the privileges of its owner)", 4),
        ("drops", "schema old CASCADE", 8),
        ("changes", "account c PASSWORD '********'", 9),
        ("revokes", "REVOKE ALL ON DATABASE d FROM PUBLIC", 10),
        ("other", "CALL", 11),
        ("other", "CALL", 11),
    ]


def test_text_has_lines_statements_and_approval() -> None:
    text = as_text("cluster.example.com", "admin", [made()])
    assert "9 statements, to be run as admin, in this order: create in the database immuta." in " ".join(text.split())
    shown = [line[8:] for line in text.splitlines() if re.match(r" {3}[ 1]\d [|]|      :", line)]
    assert "".join(shown).replace(" ", "") == mask(SCRIPT).replace("\n", "").replace(" ", "")
    assert re.findall(r"^\[(\d)\] (.*), line (\d+)$", text, re.M)[:4] == [
        ("1", "CREATE USER", "2"),
        ("2", "GRANT", "2"),
        ("3", "GRANT", "3"),
        ("4", "CREATE PROCEDURE", "4"),
    ]
    assert "  CALL: 2\n" in text
    assert text.endswith("immuta_redshift_reviewed:\n  create:\n    f00d\n")


def test_grants_to_public_are_always_named() -> None:
    assert "Grants to PUBLIC\n----------------\n  None\n" in as_text("h", "", [made("SELECT 1")])


@pytest.mark.parametrize(
    "script", ["x" * 500, "\u4e2d" * 100, "e\u0301" * 100, f"SELECT '{'word ' * 60}'", f'CREATE USER "{"u" * 300}"']
)
def test_text_fits_the_terminal(script: str) -> None:
    def width(line: str) -> int:
        wide = sum(unicodedata.east_asian_width(char) in "WF" for char in line)
        return len(line) + wide - sum(map(bool, map(unicodedata.combining, line)))

    text = as_text("h" * 60, "admin", [made(script)])
    assert max(map(width, text.splitlines())) <= 80


def test_page_escapes_the_script() -> None:
    hostile = SCRIPT + "; -- </code><script>alert(1)</script><img src=x onerror=y>&amp;"
    page = HtmlPage(as_html("<i>h</i>", "<u>", [made(hostile)]))
    assert not {"script", "img", "i", "u", "b0", "link", "iframe"} & set(page.tags)
    assert not {"src", "href", "onerror"} & set(page.attributes)
    for line in mask(hostile).split("\n"):
        assert line in "".join(page.texts)


@pytest.mark.parametrize("render", RENDERINGS)
def test_deceptive_characters_are_escaped(render: t.Callable[..., str]) -> None:
    shown = render("h\u202e", "a\x1b[2J", [made("SELECT 1; --\u202e evil\u200b\x1b[2J\x07")])
    assert not [char for char in shown if not char.isprintable() and char != "\n"]
    assert r"--\u202e evil\u200b\x1b[2J\x07" in html.unescape(shown)


@pytest.mark.parametrize("render", RENDERINGS)
def test_refused_script_is_shown_with_the_reason(render: t.Callable[..., str]) -> None:
    shown = html.unescape(render("h", "", [made("SELECT 1;\nSELECT 'never ends")]))
    assert "This script will be refused. Line 2 of the script: a string starts here" in shown
    assert "SELECT 'never ends" in shown


# Characters that do not occur elsewhere in a rendering.
RARE = "\u00fc\u4e2d\u0416\u00a7\u00df"
PASSWORDS = st.text(st.sampled_from([*RARE, *"'\"\\$<&%aB1"]), min_size=1, max_size=64).filter(set(RARE).intersection)


def doubled(text: str) -> str:
    return text.replace("'", "''")


def scripts_with(password: str) -> tuple[str, str]:
    """Return a script with a password after the word, in code, in a body and in comments, and one without the word."""
    quoted = f"'{doubled(password.replace(chr(92), chr(92) * 2))}'"
    tag = "$body$" if "$$" in password else "$$"
    return (
        f"CREATE USER u PASSWORD {quoted};\n"
        f"CREATE PROCEDURE p() AS {tag} BEGIN EXECUTE 'ALTER USER u PASSWORD {doubled(quoted)}'; END; {tag};\n"
        f"-- password: {quoted}\n/* the password is {quoted} */ SELECT 1;\n"
    ), (
        f"-- made with {password}\nSELECT {quoted};\n"
        f"CREATE PROCEDURE p() AS {tag} BEGIN x := {quoted}; EXECUTE 'SELECT {doubled(quoted)}'; END; {tag};\n"
    )


def renderings(script: str, *, key: str = "", password: str = "") -> str:
    """Return all renderings of a script, and of its difference from another."""
    secrets = [password] if password else []
    other = script.replace("SELECT", "SELECT DISTINCT")
    shown, changed = (mask(text, distinctive(secrets), telling_words(secrets, {})) for text in (script, other))
    scripts = [script_for_review("s", "d", checksum(script.encode(), key), script.encode(), shown)]
    pages = [as_text("h", "", scripts), html.unescape(as_html("h", "", scripts))]
    return "\n".join([shown, *pages, *differing_lines(shown, changed)])


@given(PASSWORDS, st.booleans())
def test_password_is_hidden_by_its_position(password: str, is_known: bool) -> None:
    """Passwords of any length, whether or not they are in the config."""
    shown = renderings(scripts_with(password)[0], password=password if is_known else "")
    assert not set(RARE) & set(shown)
    assert "ALTER USER u PASSWORD" in shown


@given(PASSWORDS.filter(lambda password: distinctive([password])))
def test_configured_password_is_hidden_everywhere(password: str) -> None:
    assert not set(RARE) & set(renderings(scripts_with(password)[1], password=password))


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("Ab1x", "-- made with ********\nSELECT Ab1xyz, '********'"),
        ("correcthorsebattery", "-- made with ********\nSELECT correcthorsebatteryyz, '********'"),
        ("immuta_system", "-- made with immuta_system\nSELECT immuta_systemyz, 'immuta_system'"),
        ("sesame", "-- made with sesame\nSELECT sesameyz, 'sesame'"),
    ],
)
def test_short_secret_is_masked_as_a_whole_word(secret: str, shown: str) -> None:
    """Unless it is a word itself, or a name in the config."""
    words = telling_words([secret], {"username": "immuta_system", "password": secret})
    assert mask(f"-- made with {secret}\nSELECT {secret}yz, '{secret}'", words=words) == shown
