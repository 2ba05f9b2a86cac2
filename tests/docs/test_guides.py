# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides: all are listed and explain user-visible messages, diagrams are valid, and broken links are found."""

from __future__ import annotations

import ast
import pathlib
import re
import typing as t
from xml.etree import ElementTree

import pytest
import yaml

from tests.support.paths import ROOT
from tools.build_site import DIAGRAMS, GUIDES, draw
from tools.check_links import broken, external

RST = GUIDES.parent / "rst"
MESSAGES = RST / "troubleshooting_guide.rst"
PLUGINS = tuple(
    path
    for directory in ("module_utils/*", "plugin_utils", "inventory")
    for path in ROOT.glob(f"plugins/{directory}/*.py")
)
PLAYS = (*ROOT.glob("roles/*/*/*.yml"), *ROOT.glob("playbooks/**/*.yml"))
GAP = "..."
# For the controller; the module then shows the message.
UNSEEN = "A library is missing in the controller's Python."
# The width of a phone; letters at three quarters of their size are readable.
WIDEST_DIAGRAM = 360 / 0.75


def guides() -> list[str]:
    return [name for section in yaml.safe_load(GUIDES.read_text())["sections"] for name in section["toctree"]]


def quoted() -> list[str]:
    """Return the messages that the guide explains: literals in the terms of definitions."""
    terms = re.findall(r"^(``.+)\n  \S", MESSAGES.read_text(), re.MULTILINE)
    return [message for term in terms for message in re.findall(r"``(.+?)``", term)]


def texts_of_python(tree: ast.AST) -> t.Iterator[str]:
    """Yield every string, with a gap for inserted values, except docstrings and passed requirements."""
    if isinstance(tree, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in tree.values)
    elif isinstance(tree, ast.Constant):
        yield str(tree.value)
    elif not is_docstring(tree) and not is_well(tree):
        for part in ast.iter_child_nodes(tree):
            yield from texts_of_python(part)


def is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_well(node: ast.AST) -> bool:
    """Return whether a requirement's outcome needs no action."""
    outcome = [getattr(argument, "value", None) for argument in node.args] if isinstance(node, ast.Call) else []
    return "passed" in outcome or "skipped" in outcome


def texts_of_play(document: t.Any, key: str = "") -> t.Iterator[str]:
    """Yield the failure messages of a role or playbook, with a gap for inserted values."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from texts_of_play(value, name)
    elif isinstance(document, list):
        for value in document:
            yield from texts_of_play(value, key)
    elif isinstance(document, str) and (key in ("msg", "fail_msg") or key.startswith("__immuta_redshift_")):
        yield " ".join(re.sub(r"{{.*?}}", GAP, document, flags=re.DOTALL).split())


def messages() -> list[str]:
    """Return the messages in the sources."""
    texts = [text for path in PLAYS for text in texts_of_play(yaml.safe_load(path.read_text()))]
    return texts + [text for path in PLUGINS for text in texts_of_python(ast.parse(path.read_text()))]


def is_sentence(text: str) -> bool:
    """Return whether a text is a sentence, or its part with the reason or the fix; those are on one line."""
    if "\n" in text:
        return False
    prose = len(re.sub(r"[^a-z ]", "", text).split()) > 5
    is_style_sheet = text.lstrip().startswith(":root")
    return prose and not is_style_sheet and (": " in text or text.endswith("."))


def fits(quote: str, text: str) -> bool:
    """Return whether a line of a text contains the quoted words, with any text in the gaps."""
    return re.search(".*?".join(re.escape(part) for part in quote.split(GAP)), text) is not None


def test_guides_exist_and_are_listed() -> None:
    assert sorted(guides()) == sorted(path.stem for path in RST.glob("*.rst"))


def test_table_of_tests_names_existing_files() -> None:
    section = (RST / "development_guide.rst").read_text(encoding="utf-8").partition("\nFind a test\n")[2]
    names = re.findall(r"``([a-z_/]+)``", section)
    tests = ROOT / "tests"
    places = {
        name: (tests / "unit" / f"{name}.py", tests / f"{name}.py", tests / name)
        for name in names
        if not name.startswith("tests")
    }
    assert len(places) > 30
    assert [name for name, paths in places.items() if not any(path.exists() for path in paths)] == []


def test_explained_messages_exist() -> None:
    texts = "\n".join(messages())

    assert len(quoted()) > 100
    assert [quote for quote in quoted() if not fits(quote, texts)] == []


def test_messages_are_explained() -> None:
    explained = quoted()
    wordy = [quote for quote in explained if quote.replace(GAP, "").strip()]

    sentences = [text for text in messages() if is_sentence(text) and text != UNSEEN]

    assert len(sentences) > 80
    assert [text for text in sentences if not any(fits(quote, text) for quote in wordy)] == []


@pytest.mark.parametrize("source", sorted(DIAGRAMS.glob("*.d2")), ids=lambda path: path.stem)
def test_diagram_is_valid_and_narrow(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    drawing = tmp_path / "drawing.svg"
    draw(source, drawing)

    picture = ElementTree.parse(drawing).getroot()

    assert float(picture.attrib["width"]) <= WIDEST_DIAGRAM
    assert "prefers-color-scheme:dark" in drawing.read_text().replace(" ", "")


def test_diagrams_have_alt_text() -> None:
    shown = re.findall(
        r"\.\. image:: diagrams/(\w+)\.svg\n   :alt: \w", "".join(path.read_text() for path in RST.glob("*.rst"))
    )

    assert sorted(shown) == sorted(path.stem for path in DIAGRAMS.glob("*.d2"))


def test_broken_link_is_found(tmp_path: pathlib.Path) -> None:
    links = ["#here", "other.html", "other.html#there", "https://example.com/", "gone.html", "other.html#gone", "#gone"]
    page = '<p id="here">' + "".join(f'<a href="{link}">x</a>' for link in links)
    (tmp_path / "page.html").write_text(page)
    (tmp_path / "other.html").write_text('<h1 id="there">x</h1>')

    assert broken(tmp_path) == [
        "page.html: gone.html: file not found",
        "page.html: other.html#gone: anchor not found",
        "page.html: #gone: anchor not found",
    ]
    assert external(tmp_path) == ["https://example.com/"]
