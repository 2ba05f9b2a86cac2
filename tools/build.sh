#!/usr/bin/env bash
# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the artefact and installs it apart: is everything in it that a user runs, and nothing of what only we need?

set -euo pipefail
cd "$(dirname "$0")/.."

out=$PWD/.cache/build
rm -rf "$out"
ansible-galaxy collection build --force --output-path "$out"
artefact=$(echo "$out"/*.tar.gz)

export ANSIBLE_COLLECTIONS_PATH=$out/collections
ansible-galaxy collection install --offline "$artefact" --collections-path "$ANSIBLE_COLLECTIONS_PATH"
installed=$ANSIBLE_COLLECTIONS_PATH/ansible_collections/immuta/integrations

# Only what is for users: all of plugins/, roles/, playbooks/ and meta/, and no file of the tests but one.
for folder in plugins roles playbooks meta docs; do
    diff --recursive --exclude __pycache__ --exclude site "$folder" "$installed/$folder"
done
strays=$(cd "$installed" && find . \( -path './.*' -o -path './tests/*' \) -type f ! -path ./tests/config.yml)
if [ -n "$strays" ]; then
    echo "Not for users, see build_ignore in galaxy.yml: $strays"
    exit 1
fi

# ansible-doc passes over what it cannot find, so ask for each by name and count.
for module in plugins/modules/*.py; do
    name=immuta.integrations.$(basename "$module" .py)
    ansible-doc --json --type module "$name" | grep --quiet --fixed-strings "\"$name\"" || { echo "No module $name."; exit 1; }
done
for plugin in plugins/inventory/*.py; do
    name=immuta.integrations.$(basename "$plugin" .py)
    ansible-doc --json --type inventory "$name" | grep --quiet --fixed-strings "\"$name\"" || { echo "No inventory plugin $name."; exit 1; }
done
# Nothing listens there: the sentence about it comes from the plugin.
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

# The checks of Galaxy itself, and that one of its tags is among ours, which it asks of certified collections.
cd "$out"
GALAXY_IMPORTER_CHECK_REQUIRED_TAGS=true python -m galaxy_importer.main "$artefact"
