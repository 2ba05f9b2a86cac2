# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test without containers: ``python -m tools.run_ansible_test COMMAND [ARGUMENT...]``.

ansible-test requires the directory name of a collection, so it runs in a copy of this checkout, with a home directory
in .cache. The command ``integration`` also starts the stand-ins; targets get their settings as lower-case variables.
The command ``sanity`` checks the published files, with the oldest, the newest and this Python; ``make changelog-lint``
checks the changelog.
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

from tests.support.paths import ROOT
from tools.collection_copy import copy_collection
from tools.pythons import search_path

HOME = ROOT / ".cache" / "home"


def put_get_pip() -> None:
    """Copy get_pip.py into the cache of ansible-test, in place of its download."""
    pins = Path(ansible_test.__file__).parent / "_internal" / "python_requirements.py"
    found = re.search(r"\bpip=['\"]([\d.]+)['\"]", pins.read_text())
    if not found:
        sys.exit(f"No pinned version of pip in {pins}. Check how this ansible-test names its get-pip script.")
    script = HOME / ".ansible" / "test" / "cache" / f"get_pip_{found[1].replace('.', '_')}.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / "tools" / "get_pip.py", script)


def run(copy: Path, command: str, arguments: list[str]) -> int:
    """Run ansible-test in the copy, and return its exit status."""
    env = {**os.environ, "HOME": str(HOME), "PATH": search_path(extremes=command == "sanity")}
    return subprocess.run(["ansible-test", command, *arguments], cwd=copy, env=env, check=False).returncode


def run_with_standins(copy: Path, arguments: list[str]) -> int:
    """Run the integration targets, and return the exit status."""
    from tests.support.standin import Standins

    with Standins() as standins:
        settings = {name.lower(): value for name, value in standins.environment().items()}
        directory = copy / "tests" / "integration"
        (directory / "integration_config.yml").write_text(yaml.safe_dump(settings))
        (directory / "integration.cfg").write_text(f"[defaults]\nremote_tmp = {HOME}/.ansible/tmp\n")
        return run(copy, "integration", arguments)


def main() -> int:
    """Return the exit status of ansible-test."""
    command, *arguments = sys.argv[1:]
    if command == "integration" and " " in str(ROOT):
        sys.exit(f"ansible-test starts no playbook below a directory with a space in its name. Move {ROOT}.")
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(f"ansible-test {command} was stopped."))
    put_get_pip()
    copy = copy_collection(command)
    if command == "integration":
        return run_with_standins(copy, arguments)
    return run(copy, command, [*arguments, "--exclude", "tests/", "--exclude", "tools/", "--skip-test", "changelog"])


if __name__ == "__main__":
    sys.exit(main())
