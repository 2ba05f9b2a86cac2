#!/usr/bin/env bash
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds .venv from the active python3 (or $PYTHON) with tests/requirements.txt, unless the one that is there was built from the same.

set -euo pipefail
cd "$(dirname "$0")/.."

# Through the real file, so that an activated .venv can rebuild itself.
python=$("${PYTHON:-python3}" -c 'import os, sys; print(os.path.realpath(sys.executable))')
version=$("$python" -c 'import platform; print(platform.python_version())')
wanted=$({ echo "$PWD $python $version"; cat tests/requirements.txt; } | sha256sum)

if [ "$(cat .venv/.built-from 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

echo "env: building .venv with Python $version and tests/requirements.txt (about a minute, once)"
rm -rf .venv
"$python" -m venv .venv
.venv/bin/python -m pip install -qq --disable-pip-version-check --requirement tests/requirements.txt
echo "$wanted" > .venv/.built-from
echo "env: ready in $SECONDS s"
