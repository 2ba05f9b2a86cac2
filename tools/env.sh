#!/usr/bin/env bash
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds .venv from the active python3 (or $PYTHON) with the packages of tests/requirements.lock, unless it is up to date.

set -euo pipefail
cd "$(dirname "$0")/.."

lock=tests/requirements.lock
# Resolve symbolic links, so an activated .venv can rebuild itself.
python=$("${PYTHON:-python3}" -c 'import os, sys; print(os.path.realpath(sys.executable))')
version=$("$python" -c 'import platform; print(platform.python_version())')
wanted=$({ echo "$PWD $python $version"; cat "$lock"; } | sha256sum)

if [ "$(cat .venv/.built-from 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

echo "env: building .venv with Python $version and $lock (about 10 seconds, once)"
rm -rf .venv
"$python" -m venv .venv
pip=(.venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes --no-deps --requirement)
# pip installs uv, and uv installs the rest, six times as fast. pip is the fallback for an index that only pip knows.
"${pip[@]}" <(sed -n '/^uv==/,/^    #/p' "$lock")
if ! .venv/bin/uv pip install --quiet --system-certs --python .venv/bin/python --require-hashes --no-deps --requirement "$lock"; then
    echo "env: uv failed (see above); installing with pip, which takes about a minute"
    "${pip[@]}" "$lock"
fi
echo "$wanted" > .venv/.built-from
echo "env: ready in $SECONDS s"
