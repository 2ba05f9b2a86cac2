# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-ins in the foreground leave nothing, however they end."""

from __future__ import annotations

import pathlib
import re
import shlex
import signal
import socket
import subprocess
import sys
import time

import pytest
import requests

from tests.support.paths import COLLECTIONS, ROOT
from tests.support.playbooks import ended, environment, program


def processes(directory: pathlib.Path) -> list[pathlib.Path]:
    """Return the processes in a directory: the guardian and the server."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cwd"):
        try:
            if path.readlink().is_relative_to(directory):
                found.append(path)
        except OSError:
            continue  # It has ended.
    return found


def gone(directory: pathlib.Path) -> bool:
    """Return whether the directory and its processes disappear within some seconds."""
    deadline = time.monotonic() + 60
    while directory.exists() or processes(directory):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def starting(tmp_path):
    """Yield the process of `python -m tools.standin` right after its start, and its environment file."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.standin", "--env-file", tmp_path / "env"],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process, tmp_path / "env"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def guarded_directory(process: subprocess.Popen) -> pathlib.Path:
    """Return the directory of a process's server after its creation."""
    while True:
        for guardian in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            directory = pathlib.Path(f"/proc/{guardian}/cwd").readlink()
            if directory.name.startswith("immuta-standin-"):
                return directory
        time.sleep(0.002)


@pytest.fixture
def foreground(starting):
    """Yield the started process, its output, the server's directory, and the file."""
    process, environment = starting
    printed = "".join(iter(process.stdout.readline, "Ctrl-C stops both and deletes their data.\n"))
    return process, printed, guarded_directory(process), environment


def check_stops(process, directory, settings, number):
    """Send a signal; the process ends and leaves nothing."""
    process.send_signal(number)
    assert process.wait(timeout=60) == 0
    assert not directory.exists()
    assert not processes(directory)
    assert not settings.exists()


def test_readme_playbook_runs_with_the_printed_variables(foreground, tmp_path):
    process, printed, directory, file = foreground
    assert file.stat().st_mode & 0o777 == 0o600
    settings = dict(word.split("=", 1) for word in shlex.split(file.read_text()) if "=" in word)
    command = shlex.split(re.search(r"List integrations:  curl (.*)", printed)[1])
    header, url = command[1], command[2]
    assert url == settings["IMMUTA_URL"] + "/integrations"
    assert requests.get(url, headers=dict([header.split(": ")]), timeout=10).json() == []

    option, variables = shlex.split(re.search(r"^  (-e .*)", printed, re.MULTILINE)[1])
    playbook = tmp_path / "cluster.yml"
    playbook.write_text(re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1])
    shell = environment(tmp_path, ANSIBLE_COLLECTIONS_PATH=str(COLLECTIONS), **settings)
    run = ended([program("ansible-playbook"), playbook, option, variables], shell, tmp_path)
    assert (run.succeeded, run.changed) == (True, 3), run.output
    check_stops(process, directory, file, signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signal_stops_the_foreground(foreground, number):
    process, _printed, directory, file = foreground
    check_stops(process, directory, file, number)


def test_killed_owner_leaves_no_server(starting):
    process, _environment = starting
    directory = guarded_directory(process)
    process.kill()
    assert gone(directory)


def test_port_in_use_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = subprocess.run(
            [sys.executable, "-m", "tools.standin", "--port", str(taken.getsockname()[1])],
            cwd=ROOT,
            text=True,
            capture_output=True,
            check=False,
        )
    assert process.returncode == 1
    assert process.stderr.startswith("The stand-ins cannot start: ")
    assert process.stderr.count("\n") == 1
