# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the examples on pages, each with file and line."""

from __future__ import annotations

import ast
import dataclasses
import itertools
import pathlib
import re
import textwrap
import typing as t

from tests.support.paths import ROOT

# The guides are one book, and the example files belong to them.
GUIDES = "docs/docsite/rst"
EXAMPLE_FILES = "docs/examples"
_MARKDOWN = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "roles/*/README.md", "docs/**/*.md")
PAGES = (*_MARKDOWN, f"{GUIDES}/*.rst", "docs/site/*.rst")
YAML_FILES = (f"{EXAMPLE_FILES}/**/*.yml", f"{EXAMPLE_FILES}/**/*.yaml")
MODULES = "plugins/modules/*.py"

_FENCE = re.compile(r"^( *)(`{3,}|~{3,}) *([^\s`]*)[^\n]*\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
_DIRECTIVE = re.compile(
    r"^( *)\.\. (?:code-block|code|sourcecode):: *(\S*) *\n((?:\1 +:[\w-]+:.*\n)*)((?: *\n|\1 +\S.*\n)+)", re.MULTILINE
)
# The start of an example that the patterns above miss.
_STRAY = {".md": re.compile(r"^ *(```|~~~)", re.MULTILINE), ".rst": re.compile(r"::[ \t]*$", re.MULTILINE)}
_RST_COMMENT_OR_DIRECTIVE = re.compile(r"^ *\.\. .*$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Example:
    """A piece of a page that a reader may copy."""

    path: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclasses.dataclass(frozen=True)
class Page:
    """A page: a file, or a directory of example files.

    ``book`` is the context of its reader. ``strays`` are lines that look like an example that was not found.
    """

    name: str
    text: str
    examples: tuple[Example, ...]
    book: str
    strays: tuple[str, ...] = ()


def find_pages(root: pathlib.Path = ROOT) -> list[Page]:
    """Return all pages with their examples, in order."""
    files = {found for pattern in (*PAGES, *YAML_FILES, MODULES) for found in root.glob(pattern)}
    texts = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in sorted(files)}
    guides = "\n".join(text for name, text in texts.items() if name.startswith(GUIDES))
    pages = []
    for page, group in itertools.groupby(texts, _page_of):
        names = list(group)
        text = "\n".join(texts[name] for name in names)
        examples = [example for name in names for example in find_examples(name, texts[name])]
        strays = [f"{name}:{line}" for name in names for line in stray(name, texts[name])]
        book = guides + text if page.startswith((GUIDES, EXAMPLE_FILES)) else text
        pages.append(Page(page, text, tuple(examples), book, tuple(strays)))
    return pages


def _page_of(name: str) -> str:
    """Return the page of a file. Example files belong to their directory below docs/examples."""
    parts = pathlib.PurePosixPath(name).parts
    return "/".join(parts[:3]) if name.startswith(f"{EXAMPLE_FILES}/") and len(parts) > 3 else name


def find_examples(name: str, text: str) -> t.Iterator[Example]:
    """Return the examples in the text of a file."""
    suffix = pathlib.PurePosixPath(name).suffix
    if suffix == ".md":
        blocks = [(block.start(4), block[3], block[4]) for block in _FENCE.finditer(text)]
    elif suffix == ".rst":
        blocks = [(block.start(4), block[2], block[4]) for block in _DIRECTIVE.finditer(text)]
    elif suffix == ".py":
        yield from _module_examples(name, text)
        return
    else:
        blocks = [(0, "yaml", text)]
    for start, language, body in blocks:
        blank = len(body) - len(body.lstrip("\n"))
        line = text.count("\n", 0, start + blank) + 1
        yield Example(name, line, language.lower(), textwrap.dedent(body).strip("\n") + "\n")


def _module_examples(name: str, text: str) -> t.Iterator[Example]:
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "EXAMPLES":
            yield Example(name, node.lineno + 1, "yaml", ast.literal_eval(node.value).lstrip("\n"))


def stray(name: str, text: str) -> list[int]:
    """Return the lines that look like the start of an example that was not found."""
    suffix = pathlib.PurePosixPath(name).suffix
    found = {".md": _FENCE, ".rst": _DIRECTIVE}.get(suffix)
    if found is None:
        return []
    rest = found.sub(lambda block: "\n" * block[0].count("\n"), text)
    if suffix == ".rst":
        rest = _RST_COMMENT_OR_DIRECTIVE.sub("", rest)
    return [rest.count("\n", 0, match.start()) + 1 for match in _STRAY[suffix].finditer(rest)]
