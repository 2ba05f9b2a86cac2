# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the artifact and report missing parts of a release: ``python -m tools.release``.

The environment variable TAG is the tag to publish. It must be the version and point to this commit. Without TAG, the
version must not be tagged yet, or only on this commit. The exit status is 1 if a part is missing.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import yaml

from tests.support.paths import ROOT
from tools import artifact

BUILD_LOG = ROOT / ".cache" / "build.log"
# Installs the artifact of this version.
EXECUTION_ENVIRONMENT = "extensions/controller/execution-environment.yml"
# https://semver.org, required by Galaxy.
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


class Facts(t.NamedTuple):
    """The input of the checks."""

    version: str  # in galaxy.yml
    named: list[str]  # versions of the artifact in the execution environment
    released: dict[str, list[str]]  # in changelogs/changelog.yaml: the fragments of each version
    fragments: list[str]  # in changelogs/fragments
    page: str  # CHANGELOG.md
    commit: str  # current commit
    tags: dict[str, str]  # each with its commit
    pushed: str  # TAG, or nothing
    changes: list[str]  # as `git status --porcelain` lists them


def version_gaps(facts: Facts) -> list[str]:
    """Return the problems of the version and its tag."""
    version, tagged = facts.version, facts.tags.get(facts.version)
    gaps = []
    if not VERSION.fullmatch(version):
        gaps.append(f"The version in galaxy.yml is {version}. Galaxy needs a semantic version, such as 1.2.0.")
    if tagged not in (None, facts.commit):
        gaps.append(f"Version {version} is already tagged, on commit {tagged}. Set a new version in galaxy.yml.")
    if facts.pushed not in ("", version):
        gaps.append(
            f"The tag is {facts.pushed}, and the version in galaxy.yml is {version}. Delete the tag, and tag the "
            f"commit with {version}."
        )
    elif facts.pushed and not tagged:
        gaps.append(f"The tag {version} does not exist here. Create it on this commit, or fetch it.")
    gaps += [
        f"{EXECUTION_ENVIRONMENT} installs version {other}. Set it to {version}."
        for other in sorted(set(facts.named) - {version})
    ]
    return gaps


def changelog_gaps(facts: Facts) -> list[str]:
    """Return the missing parts of the changelog."""
    version, gaps = facts.version, []
    if version not in facts.released:
        gaps.append(f"The changelog has no version {version}. Run make changelog.")
    taken = {fragment for fragments in facts.released.values() for fragment in fragments}
    unreleased = sorted(set(facts.fragments) - taken)
    if unreleased:
        gaps.append(f"The changelog lacks the fragments {', '.join(unreleased)}. Run make changelog.")
    if f"## v{version}\n" not in facts.page.replace("\\", ""):
        gaps.append(f"CHANGELOG.md has no section for version {version}. Run make changelog.")
    return gaps


def tree_gaps(facts: Facts) -> list[str]:
    """Return the uncommitted changes."""
    return [f"Not committed: {', '.join(facts.changes)}. Commit or delete it."] if facts.changes else []


def missing(facts: Facts) -> list[str]:
    """Return the missing parts before the build, one sentence each."""
    return version_gaps(facts) + changelog_gaps(facts) + tree_gaps(facts)


def next_step(facts: Facts) -> str:
    """Return the next step of a complete release."""
    if facts.version in facts.tags:
        return f"Nothing is missing: version {facts.version} is tagged on this commit and can be published."
    return f"Nothing is missing. Tag this commit with {facts.version}, and push the tag."


def git(*arguments: str) -> list[str]:
    """Return the output lines of git."""
    run = subprocess.run(["git", *arguments], cwd=ROOT, check=False, capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"A release needs the git repository. git {' '.join(arguments)} failed: {run.stderr.strip()}")
    return run.stdout.splitlines()


def gather() -> Facts:
    """Return the facts of this checkout."""
    read = {path: (ROOT / path).read_text(encoding="utf-8") for path in (EXECUTION_ENVIRONMENT, "CHANGELOG.md")}
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    releases = yaml.safe_load((ROOT / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))["releases"]
    # An annotated tag is its own object; *objectname is the commit.
    tags = [line.split() for line in git("tag", "--format", "%(refname:strip=2) %(objectname) %(*objectname)")]
    return Facts(
        version=str(galaxy["version"]),
        named=re.findall(r"\bimmuta-integrations-(\S+?)\.tar\.gz", read[EXECUTION_ENVIRONMENT]),
        released={version: release.get("fragments", []) for version, release in releases.items()},
        fragments=[
            path.name for path in (ROOT / "changelogs" / "fragments").iterdir() if path.suffix in (".yml", ".yaml")
        ],
        page=read["CHANGELOG.md"],
        commit=git("rev-parse", "HEAD")[0],
        tags={name: objects[-1] for name, *objects in tags},
        pushed=os.environ.get("TAG", ""),
        changes=[line[3:] for line in git("status", "--porcelain")],
    )


def build() -> list[str]:
    """Build the artifact, and return its problems, one sentence each."""
    for stale in (artifact.IMPORT_LOG, *artifact.BUILD.glob("*.tar.gz")):
        stale.unlink(missing_ok=True)
    BUILD_LOG.parent.mkdir(exist_ok=True)
    with BUILD_LOG.open("wb") as output:
        script = Path(__file__).with_name("build.sh")
        status = subprocess.run([script], stdout=output, stderr=subprocess.STDOUT, check=False).returncode
    problems = []
    if artifact.IMPORT_LOG.exists():
        problems = artifact.problems()
    if status != 0 and not problems:
        problems.append(f"The artifact cannot be built. The output of the build is in {BUILD_LOG.relative_to(ROOT)}.")
    return problems


def main() -> int:
    """Return 0 if nothing is missing."""
    facts = gather()
    gaps = missing(facts) + build()
    print("\n".join(gaps) or next_step(facts))
    return 1 if gaps else 0


if __name__ == "__main__":
    sys.exit(main())
