# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of all scripts, well-formed or arbitrary."""

from __future__ import annotations

import typing as t

from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ScriptError
from ansible_collections.immuta.integrations.plugins.module_utils._redshift import mistakes
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.execute import plan
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.masking import (
    mask,
    server_sentence,
)
from ansible_collections.immuta.integrations.plugins.module_utils._redshift.sql import (
    Statement,
    readings_differ,
    split,
)

CANARY = "C4nary"
PIECES = (
    *("'", "''", '"', "$$", "$a$", "$1", ";", "--", "/*", "*/", "\\", "\n", "\r\n", "(", ")", " ", "e", "x'", "E'"),
    *("CREATE USER", "a", "é", "/", "-", "$", "1", "password", "BEGIN", "\\'", "\\c", "\t", "\0", "=", "||", "{{"),
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


def statements_of(script: str) -> list[Statement] | None:
    """Return the statements, or None for a refused script; the refusal names an existing line."""
    error = refusal(lambda: split(script))
    if error is None:
        return split(script)
    assert str(error).startswith(f"Line {error.facts['line']} of the script: ")
    assert 1 <= error.facts["line"] <= script.count("\n") + 1
    return None


@given(script=soup)
def test_splitting_is_idempotent(script: str) -> None:
    statements = statements_of(script)
    assume(statements is not None)
    texts = [statement.text for statement in statements]
    assert [statement.text for statement in split("\n;".join(texts))] == texts
    assert all(text.strip() for text in texts)
    position = 0
    for statement in statements:
        position = script.index(statement.text, position) + len(statement.text)
        assert script.split("\n")[statement.line - 1]


@given(script=soup)
def test_readings_differ_if_statements_differ(script: str) -> None:
    assume("\0" not in script)
    if refusal(lambda: split(script, True)) or refusal(lambda: split(script, False)):
        assert readings_differ(script) or (
            refusal(lambda: split(script, True)) and refusal(lambda: split(script, False))
        )
    else:
        assert readings_differ(script) or split(script, True) == split(script, False)


@given(script=soup | st.text())
def test_any_script_is_read_or_refused(script: str) -> None:
    mask(script, [CANARY])
    server_sentence(script, script)
    statements = statements_of(script) or []
    for statement in statements:
        assert all(word.isalpha() for word in statement.command.split())
        assert isinstance(statement.code, str)
    for work in (lambda: plan(statements, "auto"), lambda: mistakes.check(statements)):
        error = refusal(work)
        assert error is None or 1 <= error.facts["line"] <= script.count("\n") + 1


@given(skeleton=skeletons, texts=texts)
def test_no_literal_is_repeated(skeleton: Skeleton, texts: tuple[str, ...]) -> None:
    for statement in split(skeleton.filled(texts)):
        assert CANARY not in repr(statement)
        assert CANARY.upper() not in statement.code
        assert CANARY not in statement.command


@given(skeleton=skeletons, texts=texts)
def test_no_password_is_shown(skeleton: Skeleton, texts: tuple[str, ...]) -> None:
    """With any text before and after it, and any quoting."""
    begin, middle, end = skeleton.parts
    assert CANARY not in mask(f"{begin} PASSWORD {literal(texts[0])} {middle} token = {literal(texts[1])} {end}")


@given(
    skeleton=skeletons, texts=texts, sentence=st.sampled_from(('near "{}"', "bad: '{}'", 'role "{}" is missing', "{}"))
)
def test_no_literal_in_a_message(skeleton: Skeleton, texts: tuple[str, ...], sentence: str) -> None:
    shown = server_sentence(sentence.format(texts[0]), skeleton.filled(texts))
    assert CANARY not in (shown or "")


@given(skeleton=skeletons, texts=texts, others=texts)
def test_literals_do_not_affect_the_code(skeleton: Skeleton, texts: tuple[str, ...], others: tuple[str, ...]) -> None:
    one, other = skeleton.filled(texts), skeleton.filled(others)
    assert [s.code for s in split(one)] == [s.code for s in split(other)]
