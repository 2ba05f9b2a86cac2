# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo passes, and the README shows its output."""

from __future__ import annotations

import pathlib
import re
import runpy
import subprocess
import typing as t

import pytest

from tests.docs.pages import find_examples
from tests.support.paths import ROOT
from tests.support.playbooks import program
from tests.support.preloaded import run_program

COMMAND = "$ make demo\n"
GAP = re.compile(r"^ *\.\.\.\n", re.MULTILINE)


def plain(text: str) -> str:
    """Return a text without trailing spaces and without the random part of the directory name."""
    return "".join(re.sub(r"\S*/immuta-demo-\w+", "~", line.rstrip()) + "\n" for line in text.splitlines())


def shown() -> list[str]:
    """Return the demo output in the README, split where it omits lines."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = [block.text.removeprefix(COMMAND) for block in find_examples("README.md", readme) if COMMAND in block.text]
    return [piece for block in blocks for piece in GAP.split(plain(block)) if piece]


def missing(pieces: t.Iterable[str], output: str) -> list[str]:
    """Return the pieces that are not in the output, in order."""
    position, lost = 0, []
    for piece in pieces:
        found = output.find(piece, position)
        if found < 0:
            lost.append(piece)
        else:
            position = found + len(piece)
    return lost


def test_missing_pieces_are_found() -> None:
    output = plain("one \n  two /tmp/immuta-demo-x1/a\nthree\n")
    assert missing([plain("one\n  two /var/immuta-demo-x2/a\n"), "three\n"], output) == []
    assert missing(["three\n", "one\n"], output) == ["one\n"]


def test_readme_matches_the_demo_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path
) -> None:
    start = subprocess.run

    def run(command: list[str], **options: t.Any) -> subprocess.CompletedProcess[str]:
        if command[0] != program("ansible-playbook"):
            return start(command, **options)
        ended = run_program(command, options["env"], tmp_path)
        return subprocess.CompletedProcess(command, ended.status, ended.stdout, ended.stderr)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("tools.demo", run_name="__main__")
    output = capsys.readouterr()

    assert ended.value.code == 0, output.out + output.err
    assert shown(), "README.md has no console block that starts with $ make demo."
    assert missing(shown(), plain(output.out)) == []
