# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Missing parts of a release."""

from __future__ import annotations

import typing as t

import pytest

from tools.artifact import GENERATED, content_problems, import_problems
from tools.release import Facts, missing, next_step

READY = Facts(
    version="1.1.0",
    named=["1.1.0", "1.1.0"],
    released={"1.0.0": ["1.0.0.yml"], "1.1.0": ["1.1.0.yml", "fix.yml"]},
    fragments=["1.0.0.yml", "1.1.0.yml", "fix.yml"],
    page="# Release Notes\n\n## v1\\.1\\.0\n\n## v1\\.0\\.0\n",
    commit="c1",
    tags={"1.0.0": "c0"},
    pushed="",
    changes=[],
)


def test_release_is_complete() -> None:
    tagged = READY._replace(tags={"1.0.0": "c0", "1.1.0": "c1"})
    assert missing(READY) == missing(tagged) == missing(tagged._replace(pushed="1.1.0")) == []
    assert next_step(READY) == "Nothing is missing. Tag this commit with 1.1.0, and push the tag."
    assert next_step(tagged) == "Nothing is missing: version 1.1.0 is tagged on this commit and can be published."


@pytest.mark.parametrize(
    ("facts", "gap"),
    [
        ({"tags": {"1.1.0": "c0"}}, "Version 1.1.0 is already tagged, on commit c0. Set a new version in galaxy.yml."),
        (
            {"pushed": "1.1"},
            "The tag is 1.1, and the version in galaxy.yml is 1.1.0. Delete the tag, and tag the commit with 1.1.0.",
        ),
        ({"pushed": "1.1.0"}, "The tag 1.1.0 does not exist here. Create it on this commit, or fetch it."),
        (
            {"named": ["1.1.0", "1.0.0"]},
            "extensions/controller/execution-environment.yml installs version 1.0.0. Set it to 1.1.0.",
        ),
        (
            {"released": {"1.0.0": ["1.0.0.yml"]}, "fragments": ["1.0.0.yml"]},
            "The changelog has no version 1.1.0. Run make changelog.",
        ),
        (
            {"fragments": [*READY.fragments, "new.yml", "a.yml"]},
            "The changelog lacks the fragments a.yml, new.yml. Run make changelog.",
        ),
        ({"page": "## v1\\.1\\.0\\-beta\n"}, "CHANGELOG.md has no section for version 1.1.0. Run make changelog."),
        ({"changes": ["README.md", "x"]}, "Not committed: README.md, x. Commit or delete it."),
    ],
)
def test_missing_release_parts_are_reported(facts: dict[str, t.Any], gap: str) -> None:
    assert missing(READY._replace(**facts)) == [gap]


@pytest.mark.parametrize(
    ("version", "is_one"), [("1.2", False), ("01.2.3", False), ("1.2.3-rc.1", True), ("v1.2.3", False)]
)
def test_version_is_semantic(version: str, is_one: bool) -> None:
    gaps = "\n".join(missing(READY._replace(version=version)))
    assert ("Galaxy needs a semantic version" in gaps) is not is_one


def test_artifact_has_only_user_files() -> None:
    needed = {"README.md", "plugins/modules/x.py", "docs/examples/pipeline/.github/workflows/clusters.yml"}
    files = {*needed, "README.md.orig", "tests/unit/x.py", ".github/workflows/test.yml"}
    assert content_problems(files, needed | GENERATED) == []
    lacking, holding = content_problems(files, {*GENERATED, "README.md", ".github/workflows/test.yml", "plugins/x.pyc"})
    assert lacking.startswith(
        "The artifact lacks docs/examples/pipeline/.github/workflows/clusters.yml, plugins/modules/x.py."
    )
    assert holding.startswith("The artifact holds .github/workflows/test.yml, plugins/x.pyc, which")


def test_importer_warning_is_a_problem() -> None:
    log = "Linting collection via ansible-lint 26...\nWARNING: a\nWARNING: a\nERROR: b\nImporter processing completed\n"
    assert import_problems(log) == [
        "Galaxy's importer reports: WARNING: a",
        "Galaxy's importer reports: ERROR: b",
    ]
