# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The collection, found by its name although this directory has another one.
LINK := .ansible/collections/ansible_collections/immuta/integrations
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.ansible/collections
# Nothing is kept in the user's home.
export ANSIBLE_HOME := $(CURDIR)/.cache/home/.ansible
IN_CACHE_HOME := HOME=$(CURDIR)/.cache/home
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.PHONY: help
help: ## Say what can be made (this)
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

.PHONY: env
env: | $(LINK) ## Build .venv with everything that the other targets need
	@mkdir -p .cache/home
	@PATH="$${PATH#*:}" tools/env.sh

.PHONY: lock
lock: env ## Write tests/requirements.lock; UPGRADE=1 takes the newest versions of everything
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes $(if $(UPGRADE),--upgrade) \
	    --custom-compile-command "make lock" --output-file tests/requirements.lock tests/requirements.txt

$(LINK):
	@mkdir -p $(@D)
	@ln -sfn ../../../.. $@

.PHONY: demo
demo: env ## Set up, repair and remove a cluster against the stand-ins, and say what happened
	@python -m tools.demo

.PHONY: standin
standin: env ## Run both stand-ins in the foreground, to try a playbook or curl against
	@python -m tools.standin

# Longest first: two run at a time.
STEPS := sanity integration molecule lint docs-site build docs changelog-lint

.PHONY: test
test: env ## Run everything that CI runs
	@python -m tools.steps $(STEPS)
	@echo "--> pytest: Run the unit tests, the tests of the stand-ins, and the functional tests"
	@python -m pytest --numprocesses 2 --dist worksteal

.PHONY: lint
lint: lint-python lint-yaml lint-workflows lint-shell lint-types lint-licenses lint-ansible ## Check style, types, licenses and Ansible's production profile

# Each is a hook of .pre-commit-config.yaml, too.
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
sanity: env ## Run ansible-test sanity on every Python that is found
	python -m tools.run_ansible_test sanity

.PHONY: integration
integration: env ## Run the targets of ansible-test integration against the stand-ins
	python -m tools.run_ansible_test integration

.PHONY: unit
unit: env ## Run the unit tests
	@python -m pytest tests/unit --numprocesses 2 --dist worksteal

.PHONY: functional
functional: env ## Run the tests of roles and playbooks against the stand-ins
	@python -m pytest tests/functional --numprocesses 2 --dist worksteal

.PHONY: molecule
molecule: env ## Run the molecule scenarios against the stand-ins
	@python -m tools.run_molecule

.PHONY: matrix
matrix: env ## Run the tests on every ansible-core and Python that can be had, and print a table
	@python -m tools.matrix $(if $(CORE),--core $(CORE))

.PHONY: floors
floors: env ## Run the unit tests and some flows with the lowest supported versions of everything
	@python -m tools.matrix --floors

.PHONY: live
live: env ## Try a real tenant and cluster, for whoever has both; tools/live/settings.py names the settings
	@PYTHONPATH=$(CURDIR)/.ansible/collections:$(CURDIR) python -m tools.live

.PHONY: bench
bench: env ## Time everything beside what one would write instead, and beside the floors
	@PYTHONPATH=$(CURDIR)/.ansible/collections:$(CURDIR) python -m tools.bench

.PHONY: torture
torture: env ## Kill, break and race everything, and say how much of it was survived
	@python -m tools.torture

.PHONY: corpus
corpus: env ## Split the SQL below DIRECTORY and compare with psql: make corpus DIRECTORY=...
	@PYTHONPATH=$(CURDIR)/.ansible/collections:$(CURDIR) python -m tools.corpus "$(DIRECTORY)"

.PHONY: docs
docs: env ## Check the documentation of the collection and its plugins
	$(IN_CACHE_HOME) antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=all .

.PHONY: docs-site
docs-site: env ## Build the documentation site into .cache/site and check its links
	@$(IN_CACHE_HOME) python -m tools.build_site

.PHONY: changelog-lint
changelog-lint: env ## Check the changelog and its fragments
	$(IN_CACHE_HOME) antsibull-changelog lint
	$(IN_CACHE_HOME) antsibull-changelog lint-changelog-yaml changelogs/changelog.yaml

.PHONY: changelog
changelog: env ## Take the fragments into CHANGELOG.md, under the version of galaxy.yml
	$(IN_CACHE_HOME) antsibull-changelog release --reload-plugins --refresh --update-existing

.PHONY: build
build: env ## Build the artifact into .cache/build, and use it as Galaxy and a user would
	$(IN_CACHE_HOME) tools/build.sh

.PHONY: release-check
release-check: env ## Build the artifact, and report what is missing for a release; TAG=... is a tag that was pushed
	@$(IN_CACHE_HOME) python -m tools.release

.PHONY: publish
publish: env ## Publish the artifact in .cache/build to Galaxy, with the token in GALAXY_TOKEN
	@$(IN_CACHE_HOME) python -m tools.publish

.PHONY: clean
clean: ## Remove everything that the other targets made
	rm -rf .ansible .cache .hypothesis .venv changelogs/.plugin-cache.yaml tests/output
	find . -name __pycache__ -prune -exec rm -rf {} +
