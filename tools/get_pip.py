# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Be the pip of the virtual environments of ansible-test: uv installs the packages, three times as fast.

ansible-test downloads a get-pip script unless its cache has a file of that name. This file replaces it, and installs
itself as pip. If uv fails, it installs the pip that comes with Python, for an index that only pip knows.
"""

from __future__ import annotations

import ensurepip
import os
import shutil
import ssl
import subprocess
import sys
import sysconfig

PIP = os.path.join(sysconfig.get_path("purelib"), "pip")


def install_itself() -> None:
    """Become ``python -m pip``."""
    os.makedirs(PIP)
    shutil.copyfile(__file__, os.path.join(PIP, "__main__.py"))


def run(command: str, arguments: list[str]) -> int:
    """Run a command of pip, and return the exit status. ansible-test uninstalls only pip itself."""
    known = [argument for argument in arguments if argument != "--disable-pip-version-check"]
    uv = ["uv", "pip", command, "--quiet", "--system-certs", "--python", sys.executable]
    if command == "install" and subprocess.call([*uv, *known]) == 0:
        return 0
    shutil.rmtree(PIP)
    if command == "uninstall":
        return 0
    ensurepip.bootstrap()
    # The bundled pip does not know certificates that only the system trusts.
    certificates = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    options = ["--cert", certificates] if os.path.exists(certificates) else []
    return subprocess.call([sys.executable, "-m", "pip", command, *arguments, "--quiet", *options])


if os.path.dirname(os.path.abspath(__file__)) == PIP:
    sys.exit(run(sys.argv[1], sys.argv[2:]))
install_itself()
