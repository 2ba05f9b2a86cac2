# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Publication of an artifact to a local server that behaves like Galaxy."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import subprocess
import sys
import tarfile
import threading
import typing as t
from pathlib import Path

import pytest

from tools import artifact, publish

TOKEN = "galaxy-token-of-the-test"


class Galaxy(http.server.BaseHTTPRequestHandler):
    """The API of a Galaxy that imports at once."""

    uploads: t.ClassVar[list[tuple[str, bytes]]] = []

    def do_GET(self) -> None:
        task = {"state": "completed", "finished_at": "now", "messages": []}
        self._reply(task if "imports" in self.path else {"available_versions": {"v3": "v3/"}})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.uploads.append((self.headers["Authorization"], body))
        self._reply({"task": f"{self.path.partition('/v3/')[0]}/v3/imports/collections/1/"})

    def _reply(self, document: t.Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *unused: t.Any) -> None:
        pass


@pytest.fixture
def galaxy() -> t.Iterator[str]:
    """The address of a Galaxy."""
    Galaxy.uploads.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Galaxy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api/"
        server.shutdown()
        thread.join()


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """An artifact with its checksum."""
    path = tmp_path / "immuta-integrations-1.0.0.tar.gz"
    manifest = tmp_path / "MANIFEST.json"
    manifest.write_text(
        json.dumps({"collection_info": {"namespace": "immuta", "name": "integrations", "version": "1"}})
    )
    with tarfile.open(path, "w:gz") as archive:
        archive.add(manifest, "MANIFEST.json")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    artifact.checksum_file(path).write_text(f"{digest}  {path.name}\n")
    return path


def run_publish(server: str, build: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the tool on the artifacts in ``build``."""
    program = "import pathlib, sys; from tools import artifact, publish; artifact.BUILD = pathlib.Path(sys.argv[1]); "
    return subprocess.run(
        [sys.executable, "-c", f"{program} sys.exit(publish.main())", str(build)],
        env={
            **{name: value for name, value in os.environ.items() if name != "GALAXY_TOKEN"},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "ANSIBLE_GALAXY_SERVER": server,
            **variables,
        },
        cwd=artifact.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_built_artifact_is_published(galaxy: str, built: Path) -> None:
    run = run_publish(galaxy, built.parent, GALAXY_TOKEN=TOKEN)
    assert run.returncode == 0, run.stdout + run.stderr
    [(authorization, body)] = Galaxy.uploads
    assert authorization == f"Token {TOKEN}"
    assert hashlib.sha256(built.read_bytes()).hexdigest().encode() in body
    assert TOKEN not in run.stdout + run.stderr


def test_no_upload_without_a_token(galaxy: str, built: Path) -> None:
    run = run_publish(galaxy, built.parent)
    assert (run.returncode, run.stderr) == (
        1,
        "GALAXY_TOKEN is not set. Set it to the API token of your Galaxy account.\n",
    )
    assert Galaxy.uploads == []


def test_artifact_changed_after_the_build_is_refused(built: Path) -> None:
    assert publish.checksum_problem(built) == ""
    built.write_bytes(built.read_bytes() + b"x")
    assert publish.checksum_problem(built) == (f"{built} does not match the checksum of the build. Run make build.")
    artifact.checksum_file(built).unlink()
    assert publish.checksum_problem(built) == f"{built} has no checksum file. Run make build."
