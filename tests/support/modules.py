# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run modules as programs, with their arguments on standard input.

A module spends most of its time importing ansible-core, requests and the drivers. So a server that has imported them
forks for each run: ``python -m tests.support.modules SOCKET``. It ends with its standard input.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
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
import traceback
import typing as t
import weakref

from tests.support.paths import COLLECTIONS, ROOT

TIME_LIMIT = 120  # seconds for one run
PACKAGE = "ansible_collections.immuta.integrations.plugins"


class Ended(t.NamedTuple):
    """The output of a module."""

    stdout: str
    stderr: str


def run_module(name: str, arguments: dict[str, t.Any], environment: dict[str, str], directory: pathlib.Path) -> Ended:
    """Run a module in a separate process, with only this environment.

    A ``PYTHONPATH`` changes the available imports, so such a module starts without the server.
    """
    text = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
    if "PYTHONPATH" in environment:
        python_path = os.pathsep.join([str(COLLECTIONS), environment["PYTHONPATH"]])
        run = subprocess.run(
            [sys.executable, "-m", f"{PACKAGE}.modules.{name}"],
            env={**environment, "PYTHONPATH": python_path},
            cwd=directory,
            input=text,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            check=False,
        )
        return Ended(run.stdout, run.stderr)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIME_LIMIT + 10)
        connection.connect(_server())
        request = {"module": name, "input": text, "environment": environment, "directory": str(directory)}
        connection.sendall(json.dumps(request).encode())
        connection.shutdown(socket.SHUT_WR)
        return Ended(*json.loads(_received(connection)))


@functools.cache
def _server() -> str:
    """Return the address of a server that ends with this process."""
    home = tempfile.TemporaryDirectory(prefix="immuta-modules-")
    path = f"{home.name}/socket"
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.support.modules", path],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(COLLECTIONS), str(ROOT)])},
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


def _received(connection: socket.socket) -> bytes:
    return b"".join(iter(functools.partial(connection.recv, 65536), b""))


def _serve(path: str) -> None:
    """Answer one request per connection until standard input ends."""
    for module in ("ansible.module_utils.basic", "redshift_connector", "psycopg", "requests"):
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    shared = importlib.import_module(f"{PACKAGE}.module_utils._modules")
    for module in pkgutil.iter_modules(shared.__path__):
        importlib.import_module(f"{shared.__name__}.{module.name}")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, unused = listener.accept()
            with connection:
                if os.fork() == 0:
                    listener.close()
                    _answer(connection)


def _answer(connection: socket.socket) -> t.NoReturn:
    """Run the module of a request in a child and send its output."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request = json.loads(_received(connection))
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        child = os.fork()
        if child == 0:
            connection.close()
            os.dup2(stdout.fileno(), 1)
            os.dup2(stderr.fileno(), 2)
            _run(request)
            os._exit(0)
        os.waitpid(child, 0)
        texts = [os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode() for file in (stdout, stderr)]
    connection.sendall(json.dumps(texts).encode())
    connection.close()
    os._exit(0)


def _run(request: dict[str, t.Any]) -> None:
    signal.alarm(TIME_LIMIT)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])
    sys.argv = sys.argv[:1]
    sys.stdin = io.TextIOWrapper(io.BytesIO(request["input"].encode()))
    try:
        runpy.run_module(f"{PACKAGE}.modules.{request['module']}", run_name="__main__", alter_sys=True)
    except SystemExit:
        pass
    except Exception:  # noqa: BLE001  # Python would print it too, but this process must not return
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])
