# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files with the same declarations must agree."""

from __future__ import annotations

import configparser
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tests.support.paths import ROOT
from tools import collection_copy, matrix
from tools.pythons import PYTHONS

WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def requirements(path: str) -> dict[str, Requirement]:
    """Return the requirements in a file, without comments."""
    lines = (line.partition("#")[0].strip() for line in read(path).splitlines())
    found = map(Requirement, filter(None, lines))
    return {requirement.name: requirement for requirement in found}


def lowest(requirement: Requirement) -> str:
    """Return the version of ``>=``."""
    [version] = [one.version for one in requirement.specifier if one.operator == ">="]
    return version


def jobs() -> t.Iterator[tuple[str, dict[str, t.Any]]]:
    """Return each job of the workflows, with its name."""
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            yield f"{path.name} {name}", job


def test_each_linter_is_a_hook() -> None:
    [linters] = re.findall(r"^lint: ([^#\n]*)", read("Makefile"), re.MULTILINE)
    [repository] = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert [hook["entry"] for hook in repository["hooks"]] == [f"make {linter}" for linter in linters.split()]
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}


def test_copy_in_a_hook_keeps_the_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setattr(collection_copy, "ROOT", tmp_path)
    (tmp_path / "galaxy.yml").touch()
    (tmp_path / ".gitignore").write_text(".cache\n")
    assert (collection_copy.copy_collection("hook") / "galaxy.yml").exists()
    assert not (tmp_path / "index").exists()


def test_lock_file_has_all_requirements_with_hashes() -> None:
    lock = read("tests/requirements.lock")
    assert "://" not in lock, "it names no index"
    pins = re.findall(r"^([\w.-]+)(?:\[\w+\])?==([\w.]+)(?: ; [^\\\n]+)? \\\n    --hash=sha256:", lock, re.M)
    assert len(pins) == len(re.findall("==", re.sub(r"(?m)[;#].*$", "", lock)))
    for name, requirement in requirements("tests/requirements.txt").items():
        versions = [version for pin, version in pins if pin == name.lower().replace("_", "-")]
        assert versions, f"{name} is not in the lock file: run make lock"
        assert all(map(requirement.specifier.contains, versions)), f"{name} is too old: run make lock"


def test_editors_use_the_line_length_of_the_linters() -> None:
    parser = configparser.ConfigParser()
    parser.read_string("[top]\n" + read(".editorconfig"))
    length = parser.getint("*", "max_line_length")
    assert f"\nline-length = {length}\n" in read("ruff.toml")
    assert length == yaml.safe_load(read(".yamllint"))["rules"]["line-length"]["max"]


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("requirements.txt", r"^{}>=(\S+)"),
        ("docs/examples/pipeline/requirements.txt", r"^{}>=(\S+)"),
        ("plugins/doc_fragments/immuta.py", r"\b{} >= ([\d.]+)"),
        ("plugins/doc_fragments/redshift.py", r"\b{} >= ([\d.]+)"),
        ("plugins/inventory/tenant.py", r"\b{} >= ([\d.]+)"),
        ("plugins/module_utils/_redshift/drivers.py", r'_library\("{}", "([\d.]+)"'),
        ("extensions/controller/execution-environment.yml", r"\b{}(?:\[\w+\])?>=([\d.]+)"),
        ("README.md", r"\b{}>=([\d.]+)"),
    ],
)
def test_lowest_versions_are_consistent(path: str, pattern: str) -> None:
    tested = {name: lowest(requirement) for name, requirement in requirements("tests/requirements.txt").items()}
    declared = {
        (name, version)
        for name in ("requests", "redshift_connector", "psycopg")
        for version in re.findall(pattern.format(name), read(path), re.MULTILINE)
    }
    assert declared
    assert declared <= set(tested.items())


def test_lowest_ansible_core_is_consistent() -> None:
    declared = yaml.safe_load(read("meta/runtime.yml"))["requires_ansible"]
    tested = lowest(requirements("tests/requirements.txt")["ansible-core"])
    assert declared == f">={tested}.0"
    assert next(iter(matrix.CORES)) == tested


def test_workflows_match_the_matrix() -> None:
    tested = dict(jobs())
    assert tested["matrix.yml matrix"]["strategy"]["matrix"]["core"] == list(matrix.CORES)
    for name in ("matrix.yml matrix", "matrix.yml floors", "test.yml test"):
        [versions] = [
            step["with"]["python-version"] for step in tested[name]["steps"] if "setup-python@" in step.get("uses", "")
        ]
        assert sorted(versions.split(), key=PYTHONS.index) == PYTHONS


def test_workflows_only_run_make_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    for name, job in jobs():
        for command in [step["run"] for step in job["steps"] if "run" in step]:
            program, *arguments = command.split()
            known = program == "make" and targets.issuperset(arguments)
            assert known or command.startswith("gh release create"), f"{name}: {command}"


def test_floors_pin_the_lowest_version() -> None:
    marker = '; python_version >= "3.10"'
    assert matrix.pin(f"psycopg[binary]>=3.3.5{marker}") == f"psycopg[binary]==3.3.5{marker}"
