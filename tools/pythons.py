# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the Pythons of this machine are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# The interpreter that a virtual environment was made from, which must be able to make another one.
REAL_PATH = "import ensurepip, os, sys, venv; print(os.path.realpath(sys.executable))"


def search_path() -> str:
    """PATH with this environment first; where pyenv shows only the Pythons that it has activated, with all it has."""
    directories = [str(Path(sys.executable).parent)]
    for directory in map(Path, os.environ["PATH"].split(os.pathsep)):
        if directory.name == "shims":
            directories += sorted(map(str, (directory.parent / "versions").glob("3.*/bin")), reverse=True)
        directories.append(str(directory))
    return os.pathsep.join(directories)


def find_python(version: str) -> str | None:
    """The first Python of this version, such as 3.12, that runs and can make virtual environments."""
    for directory in search_path().split(os.pathsep):
        program = Path(directory) / f"python{version}"
        if os.access(program, os.X_OK):
            run = subprocess.run([program, "-c", REAL_PATH], capture_output=True, text=True, check=False)
            if run.returncode == 0:
                return run.stdout.strip()
    return None
