# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The splitter compared with psql: for any accepted script, psql sends the same statements."""

from __future__ import annotations

import pathlib
import random
import re

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ScriptError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import Statement, split
from tests.support.psql_recorder import find_psql, queries

SCRIPTS = 1000

# Harmless alone, difficult in combination.
WORDS = r"""
; ; ; ;; ( ) $$ $$ $a$ $a$ $A$ $ab$ $ $1 $é$ ' ' '' ''' " " "" \' '\' '\\' \ \; E' e' E'\'' b' B'01' x'\' N' -- --x; /*
*/ /*/ /**/ /*/**/ */ * / - + @ -/* */* */- select grant begin end case a a$b$ a$$ é$$ ñ _ _$ be E e b x n 1 1.5 .5 :
:: = , . 'it''s;' 'a;b' "c;d" "e""f;" $$g;h$$ $b$i;$$j$b$ (m;n) 'o\';p' '\'q;' E'r\';s' /*l;'*/ '/*' "--" $$'$$ '$$'
($$)$$ ('(') "("
"""
BLANKS = [" ", "\n", "\n", "\r\n", "\t", "\f", "\ufeff", "\xa0", "'\n'", "'--t\n", "--k;'\n"]
PIECES = [*WORDS.split(), *BLANKS]
# Exclusions: `:name`, a variable of psql; a number with a letter right after it, a syntax error for newer
# servers, which lex it accordingly; CREATE FUNCTION: psql knows its BEGIN ATOMIC bodies, Redshift does
# not.
GLUED = re.compile(r"([0-9](?=[A-Za-z_\x80-\U0010ffff])|:(?=[\w\x80-\U0010ffff'\"]))")


def random_script(source: random.Random) -> str:
    glue = source.choice(["", " ", " ", "\n", "' "])
    script = glue.join(source.choice(PIECES) for unused in range(source.randrange(2, 25)))
    return GLUED.sub(r"\1 ", script)


def accepted_scripts(backslash_escapes: bool) -> tuple[list[str], list[list[Statement]]]:
    source = random.Random(f"psql {backslash_escapes}")
    scripts, expected = [], []
    while len(scripts) < SCRIPTS:
        script = random_script(source)
        try:
            statements = split(script, backslash_escapes)
        except ScriptError:
            continue
        if len(statements) > 1:
            scripts.append(script)
            expected.append(statements)
    return scripts, expected


def is_blank(text: str) -> bool:
    """Return whether there is only white space, semicolons and comments."""
    try:
        return not split(f" {text}")
    except ScriptError:
        return False


def matches(statement: Statement, query: str) -> bool:
    """Return whether psql's query is the statement, ignoring white space and comments around it, and empty lines."""
    text, query = (re.sub(r"\n+", "\n", text) for text in (statement.text, query))
    found = (place.start() for place in re.finditer(f"(?={re.escape(text)})", query))
    return any(is_blank(query[:start]) and is_blank(query[start + len(text) :]) for start in found)


@pytest.mark.parametrize("backslash_escapes", [True, False], ids=["redshift", "postgresql"])
def test_accepted_script_is_split_like_psql(backslash_escapes: bool, tmp_path: pathlib.Path) -> None:
    psql = find_psql()
    if not psql:
        pytest.skip("there is no psql on this machine")
    scripts, expected = accepted_scripts(backslash_escapes)
    recorded = queries(psql, scripts, tmp_path, backslash_escapes)
    assert len(recorded) == SCRIPTS
    wrong = []
    for script, statements, sent in zip(scripts, expected, recorded):
        sent = [query for query in sent if not is_blank(query)]
        if len(sent) != len(statements) or not all(map(matches, statements, sent)):
            wrong.append((script, [statement.text for statement in statements], sent))
    assert not wrong, f"{len(wrong)} of {SCRIPTS}, the first: " + "\n".join(map(repr, wrong[:12]))
