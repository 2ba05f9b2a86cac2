# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install pip into a bare virtual environment from the copy that comes with Python, without the network.

ansible-test downloads a get-pip script unless its cache has a file of that name. This file replaces it and takes the
same arguments: the packages to install, and options for pip.
"""

from __future__ import annotations

import ensurepip
import os
import ssl
import subprocess
import sys

ensurepip.bootstrap()

arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
# The bundled pip does not know certificates that only the system trusts.
certificates = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
if os.path.exists(certificates):
    arguments += ["--cert", certificates]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *arguments]))
