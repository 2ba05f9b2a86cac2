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
for module in plugins/modules/*.py; do
    name=immuta.integrations.$(basename "$module" .py)
    ansible-doc --json --type module "$name" | grep --quiet --fixed-strings "\"$name\"" || { echo "No module $name."; exit 1; }
done
for plugin in plugins/inventory/*.py; do
    name=immuta.integrations.$(basename "$plugin" .py)
    ansible-doc --json --type inventory "$name" | grep --quiet --fixed-strings "\"$name\"" || { echo "No inventory plugin $name."; exit 1; }
done
# No server listens on this port, so the plugin reports an error.
echo "{plugin: immuta.integrations.tenant, url: 'http://127.0.0.1:9', api_key: key, retries: 0}" > "$out/tenant.immuta.yml"
listed=$(ansible-inventory --inventory "$out/tenant.immuta.yml" --list 2>&1 || true)
grep --quiet "GET /integrations at http://127.0.0.1:9 failed" <<< "$(tr '\n' ' ' <<< "$listed")" || { echo "$listed"; exit 1; }
for role in roles/*/; do
    name=immuta.integrations.$(basename "$role")
    ansible-doc --json --type role "$name" | grep --quiet --fixed-strings "\"$name\"" || { echo "No role $name."; exit 1; }
done
for playbook in playbooks/*.yml; do
    ansible-playbook --syntax-check "immuta.integrations.$(basename "$playbook" .yml)"
done

# Galaxy's own checks, including the tag that certified collections need.
(cd "$out" && GALAXY_IMPORTER_CHECK_REQUIRED_TAGS=true python -m galaxy_importer.main "$artifact" 2>&1 | tee import.log)
python -m tools.artifact
