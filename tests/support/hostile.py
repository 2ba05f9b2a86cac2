# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and passwords of every kind, servers that never end, and how much memory a module takes."""

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
# Every character that means something to a shell, a template, a connection string or a server; 63 bytes at most.
AWKWARD = "-1 \"q\" 'p';--$$/*\\ %s{{ x }} host=h äΩ"
ODD_HOST = "0-Cluster_1.XN--bcher-kva.example.com."
# Starts what follows and says how much memory it took at most; a small process, whose own memory does not count.
MEASURE = """\
import resource, subprocess, sys
subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


def hostile_config(standins: Standins) -> dict[str, t.Any]:
    """A config in which everything that may be chosen is chosen badly."""
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
    """The result of a module, and the memory that its process took at most, in MB."""
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
    """Sends a body that has no end, packed so tightly where the path says so that a little is a lot."""

    def do_GET(self) -> None:
        body = b" " * 2**20
        packed = gzip.compress(body * 64)
        self.send_response(200)
        if "packed" in self.path:
            self.send_header("Content-Encoding", "gzip")
            body = packed
        self.end_headers()
        with contextlib.suppress(OSError):  # The client has gone.
            while True:
                self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *unused: object) -> None:
        pass


@contextlib.contextmanager
def endless_server() -> t.Iterator[str]:
    """Yield the address of a server each of whose replies is `Endless`."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
