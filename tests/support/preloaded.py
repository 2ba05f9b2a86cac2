# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run modules and Ansible's programs in forks of a process that has imported their dependencies.

Most of a short run is imports. So a server imports them once and forks for each run:
``python -m tests.support.preloaded SOCKET``. It ends with its standard input. A program imports ansible-core again,
because ansible-core reads its configuration from the environment at its import.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pathlib
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import typing as t
import weakref

from tests.support.paths import COLLECTIONS, ROOT

TIME_LIMIT = 120  # seconds for one run
PACKAGE = "ansible_collections.immuta.integrations.plugins"
BIN = pathlib.Path(sys.executable).parent
PRELOADED = [sys.executable, *(str(BIN / name) for name in ("ansible-playbook", "ansible-inventory"))]
DEPENDENCIES = ("ansible.cli.playbook", "ansible.cli.inventory", "psycopg", "redshift_connector", "requests")
IMPORTED_AGAIN = ("ansible", "ansible_collections", "tests")
INTERN = sys.intern
Files = tuple[int, int, int]
"""Standard input, output and error as file descriptors."""


class Ended(t.NamedTuple):
    """The exit status and the output of a program or module."""

    status: int
    stdout: str
    stderr: str


def run_module(name: str, arguments: dict[str, t.Any], environment: dict[str, str], directory: pathlib.Path) -> Ended:
    """Run a module in a separate process, with only this environment."""
    text = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
    if "PYTHONPATH" in environment:
        python_path = os.pathsep.join([str(COLLECTIONS), environment["PYTHONPATH"]])
        environment = {**environment, "PYTHONPATH": python_path}
    return _run([sys.executable, "-m", f"{PACKAGE}.modules.{name}"], environment, directory, text)


def run_program(
    command: t.Sequence[str | pathlib.Path],
    environment: dict[str, str],
    directory: pathlib.Path,
    *,
    merge: bool = False,
) -> Ended:
    """Run a command with an empty standard input, with only this environment; ``merge`` writes errors to stdout."""
    return _run([str(word) for word in command], environment, directory, merge=merge)


def _run(
    words: list[str], environment: dict[str, str], directory: pathlib.Path, text: str = "", *, merge: bool = False
) -> Ended:
    """Run a command, in a fork if the server can run it and ``PYTHONPATH`` does not change the available imports."""
    with contextlib.ExitStack() as stack:
        stdin, stdout, stderr = (stack.enter_context(tempfile.TemporaryFile()) for _number in range(3))
        stdin.write(text.encode())
        stdin.seek(0)
        files = stdin.fileno(), stdout.fileno(), (stdout if merge else stderr).fileno()
        if words[0] in PRELOADED and "PYTHONPATH" not in environment:
            status = _forked(words, environment, directory, files)
        else:
            status = subprocess.run(
                words,
                env=environment,
                cwd=directory,
                stdin=files[0],
                stdout=files[1],
                stderr=files[2],
                timeout=TIME_LIMIT,
                check=False,
            ).returncode
        return Ended(status, *(_text(file.fileno()) for file in (stdout, stderr)))


def _text(file: int) -> str:
    return os.pread(file, os.fstat(file).st_size, 0).decode()


def _forked(words: list[str], environment: dict[str, str], directory: pathlib.Path, files: Files) -> int:
    request = {"words": words, "environment": environment, "directory": str(directory)}
    with tempfile.TemporaryFile() as file, socket.socket(socket.AF_UNIX) as connection:
        file.write(json.dumps(request).encode())
        file.seek(0)
        connection.settimeout(TIME_LIMIT + 10)
        connection.connect(_server())
        socket.send_fds(connection, [b"."], [file.fileno(), *files])
        return int(connection.recv(16))


@functools.cache
def _server() -> str:
    """Return the address of a server that ends with this process."""
    home = tempfile.TemporaryDirectory(prefix="immuta-preloaded-")
    path = f"{home.name}/socket"
    python_path = os.pathsep.join([str(COLLECTIONS), str(ROOT)])
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.preloaded", path],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": home.name, "PYTHONPATH": python_path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdout
    assert server.stdout.readline() == b"ready\n"
    weakref.finalize(_server, _stop, server, home)
    return path


def _stop(server: subprocess.Popen[bytes], home: tempfile.TemporaryDirectory[str]) -> None:
    server.communicate()
    home.cleanup()


def _serve(path: str) -> None:
    """Fork for each connection until standard input ends; return in the child that runs the request, after the run."""
    for module in DEPENDENCIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    _forget()  # A module must not find the code of the controller.
    shared = importlib.import_module(f"{PACKAGE}.module_utils._modules")
    for module in pkgutil.iter_modules(shared.__path__):
        importlib.import_module(f"{shared.__name__}.{module.name}")
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _address = listener.accept()
            if os.fork() == 0:
                break
            connection.close()
        else:
            return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection:
        _data, (request, *files), _flags, _address = socket.recv_fds(connection, 1, 4)
        child = os.fork()
        if child:
            connection.sendall(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
            os._exit(0)
    for number, file in enumerate(files):
        os.dup2(file, number)
    with open(request, "rb") as file:
        _execute(**json.load(file))


def _execute(words: list[str], environment: dict[str, str], directory: str) -> None:
    """Do what a preloaded program does at its start, or ``python -m MODULE``."""
    signal.alarm(TIME_LIMIT)
    gc.disable()  # In a short process, it takes 8 % of the time (measured).
    os.environ.clear()
    os.environ.update(environment)
    if not {"LANG", "LC_ALL", "LC_CTYPE"} & set(environment):
        os.environ["LC_CTYPE"] = "C.UTF-8"  # PEP 538
    os.chdir(directory)
    status = 0
    try:
        _run_here(words)
    except SystemExit as end:
        if isinstance(end.code, str):
            raise
        status = end.code or 0
    # Without the cleanup of Python, which would copy the memory of the server.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _run_here(words: list[str]) -> None:
    if words[0] == sys.executable:
        sys.argv = words[2:]
        runpy.run_module(words[2], run_name="__main__", alter_sys=True)
    else:
        _forget()
        sys.intern = INTERN  # ansible-core before 2.19 replaces it, and warns if it did so before.
        sys.path[:] = [str(BIN), *(place for place in sys.path if place not in ("", str(ROOT), str(COLLECTIONS)))]
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in IMPORTED_AGAIN]:
        del sys.modules[name]


if __name__ == "__main__":
    _serve(sys.argv[1])
