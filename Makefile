# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The collection under its own name, whatever the name of this directory.
LINK := .ansible/collections/ansible_collections/immuta/integrations
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.ansible/collections
# The user's home directory stays unchanged.
export ANSIBLE_HOME := $(CURDIR)/.cache/home/.ansible
# The default is in the home directory of the account, whatever HOME is.
export ANSIBLE_REMOTE_TEMP := $(ANSIBLE_HOME)/tmp
IN_CACHE_HOME := HOME="$(CURDIR)/.cache/home"
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Without compiled files, each start of Ansible takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

.PHONY: env
env: | $(LINK) ## Build .venv with the packages for all targets
	@mkdir -p .cache/home
	@PATH="$${PATH#*:}" tools/env.sh

.PHONY: lock
lock: env ## Write tests/requirements.lock; UPGRADE=1 upgrades all packages
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes $(if $(UPGRADE),--upgrade) \
	    --custom-compile-command "make lock" --output-file tests/requirements.lock tests/requirements.txt

$(LINK):
	@mkdir -p $(@D)
	@ln -sfn ../../../.. $@

.PHONY: demo
demo: env ## Set up, repair and remove a cluster on the stand-ins
	@python -m tools.demo

.PHONY: standin
standin: env ## Run both stand-ins in the foreground, for playbooks or curl
	@python -m tools.standin

# Two run at a time, so the longest ones come first.
STEPS := sanity integration molecule lint docs-site build docs changelog-lint

.PHONY: test
test: env ## Run everything that CI runs
	@# The step lint checks the files that Galaxy's importer would lint again.
	@GALAXY_IMPORTER_RUN_ANSIBLE_LINT=false python -m tools.steps $(STEPS)
	@echo "--> pytest: Run all pytest tests"
	@python -m pytest --numprocesses 2 --dist worksteal

.PHONY: lint
lint: lint-python lint-yaml lint-workflows lint-shell lint-types lint-licenses lint-ansible ## Check style, types, licenses and Ansible's production profile

# Each target is also a hook in .pre-commit-config.yaml.
.PHONY: lint-python lint-yaml lint-workflows lint-shell lint-types lint-licenses lint-ansible
lint-python: env
	ruff check .
lint-yaml: env
	yamllint --strict .
lint-workflows: env
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	zizmor --offline --quiet --pedantic .github
	$(IN_CACHE_HOME) pre-commit validate-config
lint-shell: env
	shellcheck .ci/run tools/*.sh
lint-types: env
	mypy
lint-licenses: env
	reuse --root "$$(python -m tools.collection_copy reuse)" lint --lines
lint-ansible: env
	ansible-lint

.PHONY: sanity
sanity: env ## Run ansible-test sanity on the published files
	python -m tools.run_ansible_test sanity

.PHONY: integration
integration: env ## Run ansible-test integration against the stand-ins
	python -m tools.run_ansible_test integration

.PHONY: unit
unit: env ## Run the unit tests
	@python -m pytest tests/unit --numprocesses 2 --dist worksteal

.PHONY: functional
functional: env ## Run the functional tests against the stand-ins
	@python -m pytest tests/functional --numprocesses 2 --dist worksteal

.PHONY: molecule
molecule: env ## Run the molecule scenarios against the stand-ins
	@python -m tools.run_molecule

.PHONY: matrix
matrix: env ## Run the tests on every available ansible-core and Python, and print a table
	@python -m tools.matrix $(if $(CORE),--core $(CORE))

.PHONY: floors
floors: env ## Run the unit tests and some functional tests with the lowest supported versions
	@python -m tools.matrix --floors

.PHONY: live
live: env ## Test against a real tenant and cluster; tools/live/settings.py lists the settings
	@PYTHONPATH="$(CURDIR)/.ansible/collections:$(CURDIR)" python -m tools.live

.PHONY: bench
bench: env ## Compare the run time with uri, psql and bare scripts
	@PYTHONPATH="$(CURDIR)/.ansible/collections:$(CURDIR)" python -m tools.bench

.PHONY: torture
torture: env ## Run the fault-injection tests
	@python -m tools.torture

.PHONY: corpus
corpus: env ## Split the SQL below DIRECTORY and compare with psql: make corpus DIRECTORY=...
	@PYTHONPATH="$(CURDIR)/.ansible/collections:$(CURDIR)" python -m tools.corpus "$(DIRECTORY)"

.PHONY: docs
docs: env ## Check the documentation of the collection
	$(IN_CACHE_HOME) antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=all .

.PHONY: docs-site
docs-site: env ## Build the documentation site in .cache/site and check its links
	@$(IN_CACHE_HOME) python -m tools.build_site

.PHONY: changelog-lint
changelog-lint: env ## Check the changelog and its fragments
	$(IN_CACHE_HOME) antsibull-changelog lint
	$(IN_CACHE_HOME) antsibull-changelog lint-changelog-yaml changelogs/changelog.yaml

.PHONY: changelog
changelog: env ## Write the fragments to CHANGELOG.md under the version of galaxy.yml
	$(IN_CACHE_HOME) antsibull-changelog release --reload-plugins --refresh --update-existing

.PHONY: build
build: env ## Build the artifact in .cache/build, and check it as Galaxy does
	$(IN_CACHE_HOME) tools/build.sh

.PHONY: release-check
release-check: env ## Build the artifact, and report missing parts of a release; TAG=... is a pushed tag
	@$(IN_CACHE_HOME) python -m tools.release

.PHONY: publish
publish: env ## Publish the artifact in .cache/build to Galaxy, with the token in GALAXY_TOKEN
	@$(IN_CACHE_HOME) python -m tools.publish

.PHONY: clean
clean: ## Delete all files of the other targets
	rm -rf .ansible .cache .hypothesis .venv changelogs/.plugin-cache.yaml tests/output
	find . -name __pycache__ -prune -exec rm -rf {} +
