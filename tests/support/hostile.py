# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unusual names and passwords, endless servers, and the memory usage of a module."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import subprocess
import sys
import threading
import typing as t

from tests.support.paths import COLLECTIONS
from tests.support.playbooks import TIME_LIMIT, Unsafe, Workspace
from tests.support.standin import Standins

MODULES = "ansible_collections.immuta.integrations.plugins.modules"
# Characters with a meaning in a shell, a template, a connection string or a server; 63 bytes at most.
AWKWARD = "-1 \"q\" 'p';--$$/*\\ %s{{ x }} host=h äΩ"
ODD_HOST = "0-Cluster_1.XN--bcher-kva.example.com."
# Start a command and report its maximum memory; this process itself is small.
MEASURE = """\
import resource, subprocess, sys
subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


def hostile_config(standins: Standins) -> dict[str, t.Any]:
    """Return a config with unusual values for all settings."""
    password = ("Pa55" + AWKWARD + "#:\n\t&<>`~!?|") * 20
    return standins.config(
        host=ODD_HOST,
        database=Unsafe("d" + AWKWARD),
        username=Unsafe("u" + AWKWARD),
        password=Unsafe(password[:1000]),
        impersonation={"enabled": True, "role": Unsafe("g" + AWKWARD)},
    )


def measured(
    workspace: Workspace, module: str, check_mode: bool = False, **arguments: t.Any
) -> tuple[dict[str, t.Any], float]:
    """Return the result of a module, and the maximum memory of its process, in MB."""
    run = subprocess.run(
        [sys.executable, "-c", MEASURE, sys.executable, "-m", f"{MODULES}.{module}"],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check_mode}}),
        env={**workspace.environment, "PYTHONPATH": str(COLLECTIONS)},
        cwd=workspace.directory,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    assert run.stderr.strip().isdecimal(), run.stderr
    return json.loads(run.stdout), int(run.stderr) / 1024


class Endless(http.server.BaseHTTPRequestHandler):
    """A server of endless, highly compressed bodies."""

    def do_GET(self) -> None:
        body = gzip.compress(b" " * 2**26)
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        with contextlib.suppress(OSError):  # The client has disconnected.
            while True:
                self.wfile.write(body)

    def log_message(self, *unused: object) -> None:
        pass


@contextlib.contextmanager
def endless_server() -> t.Iterator[str]:
    """Yield the address of a server whose replies are `Endless`."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
