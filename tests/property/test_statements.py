# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every script, made of well-formed pieces or of anything at all."""

from __future__ import annotations

import typing as t

from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ScriptError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.execute import plan
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import (
    Statement,
    fingerprint,
    mask,
    split_script,
)

CANARY = "C4nary"
PIECES = (
    *("'", "''", '"', "$$", "$a$", "$1", ";", "--", "/*", "*/", "\\", "\n", "\r\n", "(", ")", " ", "e", "x'", "E'"),
    *("CREATE USER", "a", "é", "/", "-", "$", "1", "password", "BEGIN", "\\'", "\\c", "\t", "\0"),
)
soup = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
contents = st.lists(st.sampled_from(("'", '"', "$$", ";", "--", "/*", "*/", "\\", "\n", " ", "ä", "0")), max_size=6)


def literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


names = contents.map(lambda parts: name("n" + "".join(parts)))
codes = st.sampled_from(("CREATE USER", "a", "SELECT", "1", "(b)", ",", "a$b", "- -", "/ /", ";", "$1", "|| ", "\n"))
comments = st.sampled_from(("-- it's; one\n", "/* it's /* nested; */ \"one */", "--\n"))
quoted = st.sampled_from(("$$ BEGIN; -- it's\nEND $$", "$a$ $$ ; $a$", "$ä$;$ä$"))


class Skeleton(t.NamedTuple):
    """Well-formed SQL around string literals."""

    parts: tuple[str, ...]

    def filled(self, texts: t.Sequence[str]) -> str:
        whole = [self.parts[0]]
        for text, part in zip(texts, self.parts[1:]):
            whole += [literal(text), part]
        return " ".join(whole)


skeletons = st.lists(st.lists(codes | names | comments | quoted, max_size=4).map(" ".join), min_size=3, max_size=3).map(
    lambda parts: Skeleton(tuple(parts))
)
texts = st.tuples(*[contents.map(lambda parts: CANARY.join(["", *parts, ""]))] * 2)


def refusal(work: t.Callable[[], object]) -> ScriptError | None:
    try:
        work()
    except ScriptError as error:
        return error
    return None


def statements_of(script: str | bytes) -> list[Statement] | None:
    """The statements, or None for a script that is refused; the refusal names a line that is there."""
    error = refusal(lambda: split_script(script))
    if error is None:
        return split_script(script)
    newline = "\n" if isinstance(script, str) else b"\n"
    assert str(error).startswith(f"Line {error.facts['line']} of the script: ")
    assert 1 <= error.facts["line"] <= script.count(newline) + 1
    return None


@given(script=soup)
def test_what_was_split_is_split_the_same_again(script: str) -> None:
    statements = statements_of(script)
    assume(statements is not None)
    texts = [statement.text for statement in statements]
    assert [statement.text for statement in split_script("\n;".join(texts))] == texts
    assert all(text.strip() for text in texts)
    position = 0
    for statement in statements:
        position = script.index(statement.text, position) + len(statement.text)
        assert script.split("\n")[statement.line - 1]


@given(script=soup | st.text())
def test_no_script_is_too_odd_to_be_read_or_refused(script: str) -> None:
    mask(script, [CANARY])
    fingerprint(script)
    statements = statements_of(script) or []
    for statement in statements:
        assert all(word.isalpha() for word in statement.command.split())
        assert isinstance(statement.code, str)
        assert isinstance(statement.literals, list)
    error = refusal(lambda: plan(statements, "auto"))
    assert error is None or error.facts["line"] in [statement.line for statement in statements]


@given(script=st.binary(max_size=40))
def test_bytes_are_read_or_refused(script: bytes) -> None:
    mask(script)
    fingerprint(script)
    statements_of(script)


@given(skeleton=skeletons, texts=texts)
def test_no_literal_is_shown(skeleton: Skeleton, texts: tuple[str, ...]) -> None:
    script = skeleton.filled(texts)
    assert CANARY not in mask(script)
    for statement in split_script(script):
        assert CANARY not in repr(statement)
        assert CANARY.upper() not in statement.code
        assert CANARY not in statement.command


@given(skeleton=skeletons, texts=texts, others=texts)
def test_literals_count_neither_for_the_fingerprint_nor_for_the_statements(
    skeleton: Skeleton, texts: tuple[str, ...], others: tuple[str, ...]
) -> None:
    one, other = skeleton.filled(texts), skeleton.filled(others)
    assert fingerprint(one) == fingerprint(other)
    assert mask(one) == mask(other)
    assert [s.code for s in split_script(one)] == [s.code for s in split_script(other)]


@given(skeleton=skeletons, texts=texts)
def test_literals_are_found_as_they_were_meant(skeleton: Skeleton, texts: tuple[str, ...]) -> None:
    found = [text for statement in split_script(skeleton.filled(texts)) for text in statement.literals]
    assert set(texts) <= set(found)


@given(inside=texts, others=texts)
def test_literals_within_dollar_quotes_count_for_no_fingerprint(
    inside: tuple[str, ...], others: tuple[str, ...]
) -> None:
    assume("$$" not in "".join((*inside, *others)) and "\\" not in "".join((*inside, *others)))
    one, other = (f"CREATE FUNCTION f() AS $$ SELECT {literal(text[0])} $$" for text in (inside, others))
    assert CANARY not in mask(one)
    assert fingerprint(one) == fingerprint(other)
