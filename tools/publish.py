# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publish the built artifact: ``python -m tools.publish``, with the API token in GALAXY_TOKEN.

The target is Galaxy or the server in ANSIBLE_GALAXY_SERVER. The artifact must have the checksum of the build.
The exit status is 1 if it was not published.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from ansible import constants

from tools import artifact


def checksum_problem(path: Path) -> str:
    """Return the problem with the checksum of an artifact, or an empty string."""
    expected = artifact.checksum_file(path)
    if not expected.exists():
        return f"{path} has no checksum file. Run make build."
    if hashlib.sha256(path.read_bytes()).hexdigest() != expected.read_text(encoding="utf-8").split()[0]:
        return f"{path} does not match the checksum of the build. Run make build."
    return ""


def environment(url: str, token: str) -> dict[str, str]:
    """Return the variables that set the server and the token of ansible-galaxy, outside its arguments.

    Source: Ansible's documentation, "Configuring the ansible-galaxy client".
    """
    return {
        "ANSIBLE_GALAXY_SERVER_LIST": "target",
        "ANSIBLE_GALAXY_SERVER_TARGET_URL": url,
        "ANSIBLE_GALAXY_SERVER_TARGET_TOKEN": token,
    }


def main() -> int:
    """Return 0 if the artifact was published."""
    token = os.environ.get("GALAXY_TOKEN")
    if not token:
        sys.exit("GALAXY_TOKEN is not set. Set it to the API token of your Galaxy account.")
    try:
        path = artifact.find()
    except FileNotFoundError as error:
        sys.exit(str(error))
    problem = checksum_problem(path)
    if problem:
        sys.exit(problem)
    command = ["ansible-galaxy", "collection", "publish", str(path)]
    return subprocess.run(
        command, env={**os.environ, **environment(constants.GALAXY_SERVER, token)}, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
