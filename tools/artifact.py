# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the artifact in .cache/build: ``python -m tools.artifact``. The exit status is 1 on a problem."""

from __future__ import annotations

import sys
import tarfile
import typing as t
from pathlib import Path

from tests.support.paths import ROOT
from tools.collection_copy import copy_collection

BUILD = ROOT / ".cache" / "build"
IMPORT_LOG = BUILD / "import.log"
# Directories end with a slash. tests/config.yml tells ansible-test which Pythons to check.
FOR_USERS = tuple(
    """
    .config/ansible-lint.yml CHANGELOG.md CODE_OF_CONDUCT.md CONTRIBUTING.md LICENSE LICENSES/GPL-3.0-or-later.txt
    README.md SECURITY.md changelogs/ docs/docsite/ docs/examples/ extensions/controller/ meta/ playbooks/ plugins/
    requirements.txt roles/ tests/config.yml
    """.split()
)
# What ansible-galaxy writes.
GENERATED = {"FILES.json", "MANIFEST.json"}


def find() -> Path:
    """Return the path of the built artifact. Raise FileNotFoundError unless there is exactly one."""
    found = sorted(BUILD.glob("*.tar.gz"))
    if len(found) != 1:
        raise FileNotFoundError(f"{BUILD} has {len(found)} artifacts instead of one. Run make build.")
    return found[0]


def checksum_file(artifact: Path) -> Path:
    """Return the path of the artifact's checksum file, in the format of sha256sum."""
    return artifact.with_name(f"{artifact.name}.sha256")


def packed(artifact: Path) -> set[str]:
    """Return the paths of the files in an artifact."""
    with tarfile.open(artifact) as archive:
        return {member.name for member in archive if not member.isdir()}


def kept() -> set[str]:
    """Return the paths of the tracked and of the new files, without ignored ones."""
    copy = copy_collection("artifact")
    files = (path.relative_to(copy) for path in copy.rglob("*") if not path.is_dir())
    return {str(path) for path in files if path.parts[0] != ".git"}


def content_problems(files: t.Collection[str], in_artifact: t.Collection[str]) -> list[str]:
    """Return missing and unexpected files of the artifact, one sentence each.

    ``files`` are the paths of the repository, ``in_artifact`` those of the artifact.
    """
    directories = tuple(path for path in FOR_USERS if path.endswith("/"))
    wanted = {file for file in files if file in FOR_USERS or file.startswith(directories)} | GENERATED
    missing, unknown = sorted(wanted.difference(in_artifact)), sorted(set(in_artifact) - wanted)
    found = []
    if missing:
        found.append(f"The artifact lacks {', '.join(missing)}. Check build_ignore in galaxy.yml.")
    if unknown:
        found.append(
            f"The artifact holds {', '.join(unknown)}, which git ignores or users do not need. Add it to build_ignore "
            f"in galaxy.yml, or to FOR_USERS in {Path(__file__).relative_to(ROOT)}."
        )
    return found


def import_problems(log: str) -> list[str]:
    """Return the warnings and errors in the output of Galaxy's importer, one sentence each."""
    lines = [line for line in log.splitlines() if line.startswith(("WARNING", "ERROR", "CRITICAL"))]
    return [f"Galaxy's importer reports: {line}" for line in dict.fromkeys(lines)]


def problems() -> list[str]:
    """Return the problems of the last build, one sentence each."""
    return content_problems(kept(), packed(find())) + import_problems(IMPORT_LOG.read_text(encoding="utf-8"))


def main() -> int:
    """Return 0 if there is no problem."""
    found = problems()
    print("\n".join(found) or "The artifact is complete, and Galaxy's importer reports no problem.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
