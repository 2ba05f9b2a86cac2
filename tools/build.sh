#!/usr/bin/env bash
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Build the artifact and its checksum in .cache/build, install it elsewhere, and check it as a user and Galaxy do.

set -euo pipefail
cd "$(dirname "$0")/.."

out=$PWD/.cache/build
rm -rf "$out"
ansible-galaxy collection build --force --output-path "$out"
artifact=$(echo "$out"/*.tar.gz)
(cd "$out" && sha256sum -- *.tar.gz > "${artifact##*/}.sha256")

export ANSIBLE_COLLECTIONS_PATH=$out/collections
ansible-galaxy collection install --offline "$artifact" --collections-path "$ANSIBLE_COLLECTIONS_PATH"
# ansible-doc skips names that it cannot find, so check each name.
check_documentation() { # TYPE FILE...
    local type=$1 names name documented
    shift
    names=$(for file in "$@"; do echo "immuta.integrations.$(basename "$file" .py)"; done)
    documented=$(xargs ansible-doc --json --type "$type" <<< "$names")
    for name in $names; do
        grep --quiet --fixed-strings "\"$name\"" <<< "$documented" || { echo "No $type $name."; exit 1; }
    done
}
check_documentation module plugins/modules/*.py
check_documentation inventory plugins/inventory/*.py
check_documentation role roles/*
# No server listens on this port, so the plugin reports an error.
echo "{plugin: immuta.integrations.tenant, url: 'http://127.0.0.1:9', api_key: key, retries: 0}" > "$out/tenant.immuta.yml"
listed=$(ansible-inventory --inventory "$out/tenant.immuta.yml" --list 2>&1 || true)
grep --quiet "GET /integrations at http://127.0.0.1:9 failed" <<< "$(tr '\n' ' ' <<< "$listed")" || { echo "$listed"; exit 1; }
for playbook in playbooks/*.yml; do echo "immuta.integrations.$(basename "$playbook" .yml)"; done |
    xargs ansible-playbook --syntax-check

# Galaxy's own checks, including the tag that certified collections need.
(cd "$out" && GALAXY_IMPORTER_CHECK_REQUIRED_TAGS=true python -m galaxy_importer.main "$artifact" 2>&1 | tee import.log)
python -m tools.artifact
