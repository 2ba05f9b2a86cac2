# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Test the collection with every supported ansible-core and Python: ``python -m tools.matrix``.

Each ansible-core has an environment in .cache/matrix for each Python that runs it. Each environment runs the unit tests
and the functional tests; the first and the last one also search for secrets. Then the oldest and the newest
ansible-core run the integration targets, with tasks on each supported Python. The output is two tables and a list of
untested versions. The logs are in .cache/matrix. The exit status is 1 on a failure.

With ``--floors``, the environments have the lowest supported versions. The unit tests and some functional tests run on
the oldest ansible-core and Python for playbooks, and the targets with tasks on the oldest Python for tasks.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import functools
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import typing as t
import xml.etree.ElementTree as ET
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.standin import Standins
from tools.pythons import PYTHONS, find_python

DIRECTORY = ROOT / ".cache" / "matrix"
HOME = ROOT / ".cache" / "home"
TARGETS = ROOT / "tests" / "integration" / "targets"
FOR_USERS, FOR_TESTS = "What a user of the collection has", "Tests and stand-ins"
TESTS = [
    "tests/unit",
    "tests/functional",
    # They run linters, which the environments do not have.
    "--ignore=tests/functional/test_pipeline.py",
    "--ignore=tests/functional/controller/test_execution_environment.py",
]
QUICK_TESTS = [
    "tests/unit",
    "tests/functional/test_in_process.py",
    "tests/functional/test_role_configure.py",
    "tests/functional/test_role_isolation.py",
]
# The search for secrets runs one in this many points.
EVERY, QUICK_EVERY = 20, 60

DRIVERS = ("redshift_connector", "psycopg")
ABSENT = "-"

find = functools.cache(find_python)


def pythons(first: int, last: int) -> list[str]:
    """Return Python 3.first to 3.last."""
    return [f"3.{minor}" for minor in range(first, last + 1)]


class Core(t.NamedTuple):
    """The Pythons that run the playbooks and the tasks of an ansible-core."""

    playbooks: list[str]
    tasks: list[str]


# Source: Ansible's documentation, "ansible-core support matrix". Tasks start at the lowest Python of the collection.
CORES = {
    "2.16": Core(pythons(10, 12), pythons(9, 12)),
    "2.17": Core(pythons(10, 12), pythons(9, 12)),
    "2.18": Core(pythons(11, 13), pythons(9, 13)),
    "2.19": Core(pythons(11, 13), pythons(9, 13)),
    "2.20": Core(pythons(12, 14), pythons(9, 14)),
    "2.21": Core(pythons(12, 14), pythons(9, 14)),
}


class Environment(t.NamedTuple):
    """A virtual environment, for playbooks and tests with an ansible-core, else for tasks."""

    python: str
    core: str = ""
    lowest: bool = False  # lowest versions of the user's packages, else the newest

    @property
    def name(self) -> str:
        prefix = "lowest-" if self.lowest else ""
        return f"{prefix}core{self.core}-py{self.python}" if self.core else f"{prefix}tasks-py{self.python}"

    @property
    def directory(self) -> Path:
        return DIRECTORY / self.name

    def program(self, name: str = "python") -> str:
        """Return the path of a program."""
        return str(self.directory / "bin" / name)

    def build(self) -> None:
        """Create the environment unless it exists with the same packages."""
        python = find(self.python) or ""
        core, *packages = requirements(FOR_USERS)
        if self.lowest:
            core, *packages = map(pin, (core, *packages))
        else:
            core = f"ansible-core=={self.core}.*"
        if self.core:
            packages += [core, *requirements(FOR_TESTS)]
        stamp = self.directory / "built-from"
        wanted = json.dumps([str(self.directory), python, packages])
        if stamp.exists() and stamp.read_text() == wanted:
            return
        for command in (
            [python, "-m", "venv", "--clear", str(self.directory)],
            [self.program(), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *packages],
        ):
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode != 0:
                sys.exit(f"Cannot create the environment {self.name}: {run.stdout}{run.stderr}")
        stamp.write_text(wanted)

    def version(self, package: str) -> str:
        """Return the version of a package, or of Python itself, or ABSENT."""
        asked = "platform.python_version()" if package == "python" else f"importlib.metadata.version({package!r})"
        command = [self.program(), "-c", f"import importlib.metadata, platform; print({asked})"]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        return run.stdout.strip() or ABSENT


class Row(t.NamedTuple):
    """A line of a table, and whether it passed."""

    cells: list[str]
    passed: bool


def pin(requirement: str) -> str:
    """Return a requirement for the lowest allowed version: ``a==1; b >= "2"`` for ``a>=1; b >= "2"``."""
    return requirement.replace(">=", "==", 1)


def requirements(wanted: str) -> list[str]:
    """Return the requirements under a heading of tests/requirements.txt; for users, ansible-core is the first."""
    heading, found = "", []
    for line in (ROOT / "tests" / "requirements.txt").read_text().splitlines():
        requirement, unused, comment = (part.strip() for part in line.partition("#"))
        if not requirement:
            heading = comment or heading
        elif heading == wanted:
            found.append(requirement)
    return found


def execute(log: Path, command: list[str], **variables: str) -> bool:
    """Run a command, append its output to the log, and return whether it succeeded."""
    settings = {
        "HOME": str(HOME),
        "ANSIBLE_HOME": str(HOME / ".ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
        **variables,
    }
    with log.open("a") as output:
        run = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return run.returncode == 0


def run_tests(environment: Environment, with_secrets: bool, quick: bool) -> Row:
    """Run the tests and the search for secrets."""
    start = time.monotonic()
    log, report = DIRECTORY / f"{environment.name}.log", DIRECTORY / f"{environment.name}.xml"
    for file in (log, report):
        file.unlink(missing_ok=True)
    options = ["-o", f"cache_dir={environment.directory / 'pytest'}", f"--junit-xml={report}"]
    tests = QUICK_TESTS if quick else TESTS
    passed = execute(log, [environment.program(), "-m", "pytest", *tests, *options])
    secrets = "-"
    if with_secrets:
        every = str(QUICK_EVERY if quick else EVERY)
        search = [environment.program(), "-m", "tools.torture", "secrets", "--jobs", "1", "--every", every]
        passed = execute(log, search) and passed
        found = re.search(r"(\d+ of \d+) survived", log.read_text())
        secrets = found[1] if found else "failed"
    cells = [environment.version("ansible-core"), environment.version("python"), *counts(report), secrets]
    return Row([*cells, f"{time.monotonic() - start:.0f}"], passed)


def counts(report: Path) -> list[str]:
    """Return the numbers of passed, failed and skipped tests in a pytest report."""
    if not report.exists():
        return ["-", "-", "-"]
    suite = ET.parse(report).getroot()[0]
    total, failures, errors, skipped = (int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped"))
    return [str(total - failures - errors - skipped), str(failures + errors), str(skipped)]


def run_targets(environment: Environment, tasks: Environment) -> Row:
    """Run the integration targets, with tasks in another environment."""
    start = time.monotonic()
    log = DIRECTORY / f"core{environment.core}-{tasks.name}.log"
    log.unlink(missing_ok=True)
    with Standins() as standins, tempfile.TemporaryDirectory(dir=DIRECTORY) as output:
        settings = {key.lower(): value for key, value in standins.environment().items()}
        play = {
            "hosts": "localhost",
            "gather_facts": False,
            "environment": {"IMMUTA_IN_PROCESS": "false"},
            "vars": {
                **settings,
                "output_dir": output,
                "ansible_python_interpreter": tasks.program(),
                "redshift_drivers": [driver for driver in DRIVERS if tasks.version(driver) != ABSENT],
            },
            "roles": sorted(directory.name for directory in TARGETS.iterdir()),
        }
        playbook = Path(output) / "playbook.json"
        playbook.write_text(json.dumps([play]))
        command = [environment.program("ansible-playbook"), str(playbook)]
        passed = execute(log, command, ANSIBLE_ROLES_PATH=str(TARGETS))
    drivers = [tasks.version(package) for package in ("requests", *DRIVERS)]
    cells = [tasks.version("python"), environment.version("ansible-core"), *drivers, "passed" if passed else "failed"]
    return Row([*cells, f"{time.monotonic() - start:.0f}"], passed)


def parse_arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.matrix", description=__doc__)
    parser.add_argument("--core", nargs="+", choices=list(CORES), default=list(CORES), help="only these ansible-core")
    parser.add_argument("--python", nargs="+", choices=PYTHONS, default=PYTHONS, help="only these Pythons")
    parser.add_argument("--quick", action="store_true", help="a sample of the tests")
    parser.add_argument("--floors", action="store_true", help="only the lowest versions of everything")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N", help="parallel jobs")
    return parser.parse_args()


def plan(
    cores: dict[str, list[str]], there: list[str]
) -> tuple[list[Environment], list[tuple[Environment, Environment]]]:
    """Return the environments of the tests, and those of playbooks and tasks of the targets.

    ``cores`` has each ansible-core with the Pythons that can run it, ``there`` has the Pythons to test with.
    """
    tests = [Environment(python, core) for core, found in cores.items() for python in found if python in there]
    targets = [
        (Environment(cores[core][0], core), Environment(python))
        for core in ends(list(cores))
        for python in CORES[core].tasks
        if python in there
    ]
    return tests, targets


def plan_floors() -> tuple[list[Environment], list[tuple[Environment, Environment]]]:
    """Return the environments with the lowest versions, for the Pythons on this machine."""
    oldest, core = next(iter(CORES.items()))
    playbooks, tasks = ([python for python in found if find(python)] for found in core)
    tests = [Environment(python, oldest, lowest=True) for python in playbooks[:1]]
    return tests, [(test, Environment(python, lowest=True)) for test in tests for python in tasks[:1]]


def newest_core(environment: Environment) -> str:
    """Return the newest available ansible-core for an environment."""
    command = [environment.program(), "-m", "pip", "index", "versions", "ansible-core"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"ansible-core \((\d+\.\d+)", run.stdout)
    return found[1] if found else environment.core


def ends(items: list[t.Any]) -> list[t.Any]:
    """Return the first and the last item, without duplicates."""
    return list(dict.fromkeys([*items[:1], *items[-1:]]))


def show(titles: str, rows: t.Iterable[Row]) -> bool:
    """Print a Markdown table row by row, and return whether all rows passed."""
    passed = True
    for number, row in enumerate(rows):
        if number == 0:
            print(f"\n| {' | '.join(titles.split())} |\n{'| --- ' * len(row.cells)}|")
        print(f"| {' | '.join(row.cells)} |", flush=True)
        passed = passed and row.passed
    return passed


def main() -> int:
    """Return 0 if nothing failed."""
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit("The matrix was stopped."))
    for directory in (DIRECTORY, HOME):
        directory.mkdir(parents=True, exist_ok=True)
    cores = {core: [python for python in CORES[core].playbooks if find(python)] for core in options.core}
    runnable = {core: found for core, found in cores.items() if found}
    if options.floors:
        tests, targets = plan_floors()
    else:
        tests, targets = plan(runnable, [python for python in options.python if find(python)])
    if not tests and not targets:
        sys.exit("Nothing to test: the Pythons are not on this machine, or do not run the selected ansible-core.")
    pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
    try:
        list(pool.map(Environment.build, dict.fromkeys([*tests, *itertools.chain(*targets)])))
        quick, secrets = options.quick or options.floors, [] if options.floors else ends(tests)
        rows = pool.map(lambda one: run_tests(one, one in secrets, quick), tests)
        passed = show("ansible-core Python passed failed skipped secrets seconds", rows)
        rows = pool.map(lambda pair: run_targets(*pair), targets)
        passed = show("Python ansible-core requests redshift_connector psycopg targets seconds", rows) and passed
    finally:
        pool.shutdown(cancel_futures=True)
    if options.floors:
        packages = ("ansible-core", "requests", *DRIVERS)
        print("\nThe tests ran with", ", ".join(f"{package} {tests[0].version(package)}" for package in packages))
        return 0 if passed else 1
    untested = [f"Python {python}" for python in options.python if not find(python)]
    untested += [f"ansible-core {core}" for core in options.core if core not in runnable]
    newest = newest_core(targets[-1][0] if targets else tests[-1])
    if newest not in CORES:
        untested.append(f"ansible-core {newest}")
    if untested:
        print(f"\nNot tested: {', '.join(untested)}.")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
