# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install pip into a bare virtual environment with uv, else from the copy that comes with Python.

ansible-test downloads a get-pip script unless its cache has a file of that name. This file replaces it and takes the
same arguments: the packages to install, and options for pip.
"""

from __future__ import annotations

import ensurepip
import os
import ssl
import subprocess
import sys

packages = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
if subprocess.call(["uv", "pip", "install", "--quiet", "--system-certs", "--python", sys.executable, *packages]):
    ensurepip.bootstrap()
    # The bundled pip does not know certificates that only the system trusts.
    certificates = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
    options = ["--cert", certificates] if os.path.exists(certificates) else []
    sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", "--quiet", *options, *packages]))
