# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the Pythons of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PYTHONS = [f"3.{minor}" for minor in range(9, 15)]
"""The supported Pythons; the first ones run only tasks."""
# The base interpreter of a virtual environment, which must be able to create another one.
REAL_PATH = "import ensurepip, os, sys, venv; print(os.path.realpath(sys.executable))"


def search_path(*, extremes: bool = False) -> str:
    """Return PATH with this environment first, and with all Pythons of pyenv, or only the oldest and the newest one.

    Unsupported versions are left out.
    """
    directories = [str(Path(sys.executable).parent)]
    for directory in map(Path, os.environ["PATH"].split(os.pathsep)):
        if directory.name != "shims":
            directories.append(str(directory))
            continue
        found = sorted((directory.parent / "versions").glob("3.*/bin"), key=_minor, reverse=True)
        found = [path for path in found if f"3.{_minor(path)}" in PYTHONS]
        directories += map(str, [found[0], found[-1]] if extremes and found else found)
    return os.pathsep.join(directories)


def _minor(directory: Path) -> int:
    """Return 11 for .../3.11.7/bin."""
    return int(directory.parent.name.split(".")[1])


def find_python(version: str) -> str | None:
    """Return the first working Python of a version, such as 3.12, that can create virtual environments."""
    for directory in search_path().split(os.pathsep):
        program = Path(directory) / f"python{version}"
        if os.access(program, os.X_OK):
            run = subprocess.run([program, "-c", REAL_PATH], capture_output=True, text=True, check=False)
            if run.returncode == 0:
                return run.stdout.strip()
    return None
