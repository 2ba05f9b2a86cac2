# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the commands on a page: named files must exist, and options must be valid."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import io
import itertools
import pathlib
import re
import shlex
import typing as t

from ansible.cli import CLI
from ansible.cli.doc import DocCLI
from ansible.cli.galaxy import GalaxyCLI
from ansible.cli.playbook import PlaybookCLI

from tests.docs.arguments import COLLECTION, own_modules
from tests.docs.pages import Page
from tests.support.paths import ROOT

_INLINE = re.compile(r"(`{1,2})((?:make|ansible-[a-z]+|python -m|pip)\s[^`]+)\1")
_SETTING = re.compile(r"(\w+)=")
_FULL_NAME = re.compile(r"\w+\.\w+\.\w+")
_SEPARATORS = re.compile(r"[|&;<>()]+")


def shell_commands(text: str) -> list[str]:
    """Return the commands in a console block, after a $; other lines are output."""
    return [line[2:] for line in text.replace("\\\n", "").splitlines() if line.startswith("$ ")]


def inline_commands(text: str) -> list[str]:
    """Return the commands in sentences."""
    return [" ".join(match[2].split()) for match in _INLINE.finditer(text)]


def command_problems(line: str, page: Page) -> list[str]:
    """Return the problems of a shell command."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError as error:
        return [f"no shell could read it: {error}"]
    found = []
    for is_end, command in itertools.groupby(words, lambda word: bool(_SEPARATORS.fullmatch(word))):
        found += [] if is_end else _problems(list(command), page)
    return found


def _problems(words: list[str], page: Page) -> list[str]:
    settings = [match[1] for word in words if (match := _SETTING.match(word))]
    ours = [name for name in settings if name.startswith(("IMMUTA_", "REDSHIFT_"))]
    found = [f"nothing reads the variable {name}" for name in ours if name not in _environment_variables()]
    rest = list(itertools.dropwhile(_SETTING.match, words))
    check = _CHECKS.get(pathlib.PurePath(rest[0]).name) if rest else None
    return found + (check(rest[1:], page) if check else [])


@functools.cache
def _environment_variables() -> set[str]:
    """Return the environment variables that the collection reads."""
    options = [option for taken in own_modules().values() for option in taken["argument_spec"].values()]
    fallbacks = {name for option in options for name in option.get("fallback", (None, []))[1]}
    return {"IMMUTA_IN_PROCESS", "IMMUTA_PROGRESS", *fallbacks}


def _make(words: list[str], page: Page) -> list[str]:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    return [f"make has no target {word}" for word in words if word not in targets and not _SETTING.match(word)]


def _playbook(words: list[str], page: Page) -> list[str]:
    arguments, found = _arguments(words, "ansible-playbook", PlaybookCLI)
    for name in arguments:
        collection, _dot, playbook = name.rpartition(".")
        if _FULL_NAME.fullmatch(name):
            is_there = collection == COLLECTION and (ROOT / "playbooks" / f"{playbook}.yml").exists()
        else:
            # A reader creates files from the pages.
            directory = ROOT / page.name
            is_there = (directory / name).exists() or (not directory.is_dir() and "hosts:" in page.book)
        found += [] if is_there else [f"there is no playbook {name}"]
    return found


def _doc(words: list[str], page: Page) -> list[str]:
    names, found = _arguments(words, "ansible-doc", DocCLI)
    roles = [f"{COLLECTION}.{path.name}" for path in (ROOT / "roles").iterdir()]
    modules = [f"{COLLECTION}.{name}" for name in own_modules()]
    known = roles if "role" in words else modules
    return found + [f"there is nothing called {name}" for name in names if name not in (*known, COLLECTION)]


def _galaxy(words: list[str], page: Page) -> list[str]:
    names, found = _arguments(words, "ansible-galaxy", GalaxyCLI)
    wanted = [name.partition(":")[0] for name in names if re.fullmatch(r"\w+\.\w+(:.*)?", name)]
    return found + [f"{name} is not this collection" for name in wanted if name != COLLECTION]


def _python(words: list[str], page: Page) -> list[str]:
    if words[:1] != ["-m"]:
        return []
    if words[1:2] == ["pip"]:
        return _pip(words[2:], page)
    return [] if importlib.util.find_spec(words[1]) else [f"there is no module {words[1]}"]


def _pip(words: list[str], page: Page) -> list[str]:
    """Check that requirements are those of the collection, in the same versions."""
    known = {f"{name}>={version}" if version else name for name, version in _requirements().items()}
    wanted = [word for word in words[1:] if not word.startswith("-") and "/" not in word and ".txt" not in word]
    return [f"{word} is no requirement" for word in wanted if word not in {*known, *_requirements()}]


@functools.cache
def _requirements() -> dict[str, str]:
    """Return the packages that the collection and its tests require, each with its lowest version."""
    text = (ROOT / "tests" / "requirements.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w-]+)(?:\[\w+\])?(?:>=([\d.]+))?", text, re.MULTILINE))


def version_problems(text: str) -> list[str]:
    """Return the sentences with another version of a library than the collection requires."""
    libraries = "|".join(re.escape(name) for name in _requirements())
    asked = re.findall(rf"\b({libraries})`* (\d[\d.]*\d) or later", " ".join(text.split()))
    needed = _requirements()
    return [f"{name} {version} is not {needed[name]}" for name, version in asked if version != needed[name]]


_CHECKS: dict[str, t.Callable[[list[str], Page], list[str]]] = {
    "make": _make,
    "ansible-playbook": _playbook,
    "ansible-doc": _doc,
    "ansible-galaxy": _galaxy,
    "python": _python,
    "pip": _pip,
}


def _arguments(words: list[str], command: str, cli: type[CLI]) -> tuple[list[str], list[str]]:
    """Return the positional arguments of an Ansible command, and the error of its parser."""
    parsed = cli([command, *words])
    parsed.init_parser()
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            return list(parsed.parser.parse_args(words).args), []
    except SystemExit:
        return [], errors.getvalue().splitlines()[-1:]
