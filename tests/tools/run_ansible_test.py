# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs ansible-test without containers: ``python -m tests.tools.run_ansible_test COMMAND [ARGUMENT...]``.

It runs in a copy of this checkout, since it insists on the name of the folder, and with a home in .cache. For the
command ``integration`` the stand-ins run meanwhile; their settings are variables of every target, in lower case.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import ansible_test
import yaml

from tests.tools.collection_copy import ROOT, copy_collection

HOME = ROOT / ".cache" / "home"


def put_get_pip() -> None:
    """Lay our get_pip.py where this ansible-test keeps the one that it would download."""
    pins = Path(ansible_test.__file__).parent / "_internal" / "python_requirements.py"
    found = re.search(r"\bpip=['\"]([\d.]+)['\"]", pins.read_text())
    if not found:
        sys.exit(f"No pinned version of pip in {pins}: see how this ansible-test names its get-pip script.")
    script = HOME / ".ansible" / "test" / "cache" / f"get_pip_{found[1].replace('.', '_')}.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "tests" / "tools" / "get_pip.py", script)


def search_path() -> str:
    """PATH with this environment first; where pyenv shows only the Pythons that it has activated, with all it has."""
    folders = [str(Path(sys.executable).parent)]
    for folder in map(Path, os.environ["PATH"].split(os.pathsep)):
        if folder.name == "shims":
            folders += sorted(map(str, (folder.parent / "versions").glob("3.*/bin")), reverse=True)
        folders.append(str(folder))
    return os.pathsep.join(folders)


def run(copy: Path, command: str, arguments: list[str]) -> int:
    """The exit status of ansible-test in the copy."""
    env = {**os.environ, "HOME": str(HOME), "PATH": search_path()}
    return subprocess.run(["ansible-test", command, *arguments], cwd=copy, env=env, check=False).returncode


def run_with_standins(copy: Path, arguments: list[str]) -> int:
    """The exit status of the integration targets."""
    from tests.standin import Standins

    with Standins() as standins:
        settings = {name.lower(): value for name, value in standins.environment().items()}
        (copy / "tests" / "integration" / "integration_config.yml").write_text(yaml.safe_dump(settings))
        return run(copy, "integration", arguments)


def main() -> int:
    """The exit status of ansible-test."""
    command, *arguments = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(f"ansible-test {command} was stopped."))
    put_get_pip()
    copy = copy_collection(command)
    if command == "integration":
        return run_with_standins(copy, arguments)
    return run(copy, command, arguments)


if __name__ == "__main__":
    sys.exit(main())
