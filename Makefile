# Every target installs what it needs first; a second run finds it in place.
SHELL := /bin/sh
# For what the tools start themselves: cdk runs `python app.py`, the CDK's library runs `node`. Recipes name .venv/bin/...:
# macOS's make 3.81 looks for a recipe's command on the PATH that it was started with.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONDONTWRITEBYTECODE :=  # what is compiled once stays so, also where a machine asks for the contrary
.DEFAULT_GOAL := help
# Workers of the tests: more than four have nothing to do. A file stays with one, which makes what it needs once.
PARALLEL := --numprocesses auto --maxprocesses 4 --dist loadfile
# What carries a delivery or a runbook out takes minutes (docs/decisions/0014-rehearsals-apart.md).
LONG := tests/rehearsal tools/drill/tests tools/rehearsal/tests/test_apps.py tools/rehearsal/tests/test_interruption.py
# The pipeline's builds after Synth name the packages that Synth copied: they install nothing (pipeline/packages.py).
INSTALLED := $(if $(PACKAGES),,setup)
PYTHON_OF_BUILD := $(if $(PACKAGES),PYTHONPATH="$(PACKAGES)" python3,.venv/bin/python)
.PHONY: help setup rehearse drill destroy emulator test every-test rehearsals switchboard lint check scan audit sbom synth packages bench verify upgrade-check plan release bootstrap compliance pictures lock clean

help:  ## What can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## Install the tools of the lock files into .venv and node_modules; every target does it first
	@sh scripts/setup

rehearse: setup  ## Carry out the whole delivery on an emulated AWS (APPROVE=yes|no answers the gate, COMMITS="A B" pushes several, TEARDOWN=yes takes all down again)
	@sh scripts/rehearse $(COMMITS)

drill: synth  ## Carry out docs/point-in-time-recovery.md and docs/disaster-recovery.md on an emulated AWS that loses a region, and count what was lost
	@.venv/bin/python -m tools.drill

emulator: setup  ## Keep an emulated AWS running, for several rehearsals against it (PORT=4566)
	@.venv/bin/python -m cdk_rehearsal.emulator --port "$(or $(PORT),4566)"

test: setup  ## Linter, types and every test but the rehearsals
	@$(MAKE) --no-print-directory --jobs=2 every-test lint scan

every-test: setup
	@# The files that take longest begin first.
	@.venv/bin/python -m pytest $(PARALLEL) --no-loadscope-reorder $(addprefix --ignore=,$(LONG)) \
		tests/policy tools/rehearsal/tests tests/switches tests/unit tools/bench/tests tools/pictures/tests

rehearsals: setup  ## The tests that deliver: a week of releases and refusals, the README's commands, the upgrade from the last release, drill, teardown, two other apps
	@.venv/bin/python -m pytest $(PARALLEL) --no-loadscope-reorder $(LONG)

switchboard: setup  ## Synthesize and check every documented change of the settings, such as another region or source
	@.venv/bin/python -m tests.switchboard $(SWITCHES)

lint: setup  ## Style and types
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

check: lint scan sbom audit  ## What the pipeline's build step runs: all that follows, and unit and policy tests
	@.venv/bin/python -m pytest $(PARALLEL) tests/unit tests/policy tools/bench/tests tools/pictures/tests --junitxml=build/reports/check.xml

scan: setup  ## Look for secrets in the files
	@sh scripts/scan

audit: setup  ## Ask OSV about known vulnerabilities of the locked packages; needs the network, and fails without it
	@sh scripts/audit

sbom: setup  ## Write the bill of materials of the locked packages to build/sbom
	@mkdir -p build/sbom
	@# Whether it fits the schema of CycloneDX takes ten times as long to see; a test looks.
	@.venv/bin/cyclonedx-py requirements requirements.txt --no-validate --output-reproducible --output-format JSON -o build/sbom/sbom.json
	@.venv/bin/python -m pipeline.npm_packages --sbom build/sbom/sbom.json

synth: setup  ## Write the cloud assembly to cdk.out; needs no AWS credentials
	@sh scripts/synth

bench: synth  ## How long delivery, synth, tests and rehearsal take (PARTS="synth growth" of delivery synth growth suite rehearsal)
	@.venv/bin/python -m tools.bench $(PARTS)

packages: setup  ## Copy the packages of the pipeline's builds after Synth to build/packages
	@.venv/bin/python -m pipeline.packages

verify: $(INSTALLED)  ## Test what was deployed (tests/integration); the pipeline does it after every deployment
	@RELEASE="$${RELEASE:-$$(sh scripts/release)}" $(PYTHON_OF_BUILD) -m pytest tests/integration --confcutdir=tests/integration \
		--junitxml=build/reports/verification.xml
	@RELEASE="$${RELEASE:-$$(sh scripts/release)}" $(PYTHON_OF_BUILD) -m tests.integration.record

upgrade-check: setup  ## What would be lost between the last release and HEAD, without an account (BASE=, HEAD= name other commits)
	@.venv/bin/python -m pipeline.plan.upgrade_check --base "$(BASE)" --head "$(or $(HEAD),HEAD)"

plan: $(INSTALLED)  ## What the release in cdk.out would change in a deployed environment (ENV=Prod; needs credentials of its account)
	@$(PYTHON_OF_BUILD) -m pipeline.plan "$(ENV)" --page "$(PAGE)" --pipeline "$(PIPELINE)" --digest "$(DIGEST)"

release: setup  ## Put a new image of the service into cdk.json, once it is checked (IMAGE=ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY@sha256:...)
	@.venv/bin/python -m pipeline.release "$(IMAGE)"

bootstrap: synth  ## Bring bootstrap/ up to what the templates declare, and to the template of the pinned CDK CLI
	@.venv/bin/python -m pipeline.bootstrap

compliance: setup  ## Bring the generated parts of docs/compliance.md up to date
	@.venv/bin/python -m tests.policy.compliance

pictures: synth  ## Draw docs/*.svg from the templates
	@.venv/bin/python -m tools.pictures

destroy: synth  ## Take an environment down with all its data (ENV=Dev; asks for the name, or CONFIRM=Dev); never one that retains data
	@.venv/bin/python -m pipeline.destroy "$(ENV)" --confirm "$(CONFIRM)"

lock: setup  ## Resolve requirements.in into requirements.txt
	@.venv/bin/python -m venv build/lock && build/lock/bin/pip install --quiet uv==0.13.9
	@build/lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --no-emit-find-links --quiet requirements.in -o requirements.txt

clean:  ## Remove what the other targets made
	@rm -rf .venv node_modules build cdk.out .mypy_cache .ruff_cache .pytest_cache
