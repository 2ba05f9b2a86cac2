# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts pip into a bare virtual environment, from the copy that comes with Python and without the network.

ansible-test would download a get-pip script for that. It takes this one instead when it finds it under that script's
name in its cache; the arguments are those of the real one: what to install, and options for pip.
"""

from __future__ import annotations

import ensurepip
import os
import ssl
import subprocess
import sys

ensurepip.bootstrap()

arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
# The bundled pip knows none of the certificates that the system trusts in addition to its own.
certificates = ssl.get_default_verify_paths().cafile or "/etc/ssl/certs/ca-certificates.crt"
if os.path.exists(certificates):
    arguments += ["--cert", certificates]
sys.exit(subprocess.call([sys.executable, "-m", "pip", "install", *arguments]))
