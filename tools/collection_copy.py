# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the files of this collection: ``python -m tools.collection_copy NAME`` prints the new directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT


def copy_collection(name: str) -> Path:
    """Create .../ansible_collections/immuta/integrations as its own git repository, and return the path.

    It has all tracked and new files, without ignored ones. The checkout itself may have no .git.
    """
    tree = ROOT / ".cache" / "copies" / name
    shutil.rmtree(tree, ignore_errors=True)
    copy = tree / "ansible_collections" / "immuta" / "integrations"
    # In a hook, git names the repository and its index in the environment.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    for command in (
        ["git", "init", "--quiet", str(copy)],
        ["git", f"--git-dir={copy / '.git'}", f"--work-tree={ROOT}", "add", "--all"],
        ["git", "-C", str(copy), "checkout-index", "--all"],
    ):
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return copy


if __name__ == "__main__":
    print(copy_collection(sys.argv[1]))
