# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live suite on the stand-ins, checked by its exit status and by remaining objects."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from tests.support.paths import ROOT
from tests.support.standin import Standins
from tests.support.standin.relay import Statement
from tools.live.settings import CONSENT, NEEDED, Settings, SkippedError

TIME_LIMIT = 300  # seconds
PASSWORD = "Live-Pa55word"


def start(standins: Standins, directory: pathlib.Path, **changes: str) -> subprocess.Popen[str]:
    """Start the suite; its temporary directory is below ``directory``."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT / ".ansible" / "collections"), str(ROOT)]),
        "TMPDIR": str(directory),
        **standins.environment(),
        "IMMUTA_LIVE": "yes",
        "IMMUTA_LIVE_DATABASE": "immuta live",
        "IMMUTA_LIVE_USERNAME": "immuta_live_account",
        "IMMUTA_LIVE_PASSWORD": PASSWORD,
        "IMMUTA_LIVE_SSL_MODE": "disable",
        **changes,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "tools.live"],
        env=environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(suite: subprocess.Popen[str]) -> str:
    with suite:
        return suite.communicate(timeout=TIME_LIMIT)[0]


def test_suite_passes_and_leaves_nothing(standins: Standins, tmp_path: pathlib.Path) -> None:
    standins.immuta.set(script_reply="object", keep_deleted=True)
    before = standins.catalog()

    suite = start(standins, tmp_path)
    output = finish(suite)

    assert suite.returncode == 0, output
    assert standins.immuta.writes == ["creating", "editing", "editing", "editing", "deleting"]
    assert standins.catalog() == before
    assert [record["status"] for record in standins.immuta.records()] == ["deleted"]
    assert list(tmp_path.iterdir()) == []
    assert "reply of create: 200, application/json, JSON object with script; 25 statements" in output
    assert "settings that GET redacts: username, password" in output
    assert "GET of a deleted integration: status deleted" in output
    assert [
        secret for secret in (PASSWORD, standins.immuta.api_key, standins.bootstrap.password) if secret in output
    ] == []


def test_interrupted_suite_leaves_nothing(standins: Standins, tmp_path: pathlib.Path) -> None:
    before = standins.catalog()
    suite = start(standins, tmp_path)

    def interrupt(statement: Statement) -> str | None:
        if "CREATE TABLE" not in statement.text:
            return None
        suite.send_signal(signal.SIGTERM)
        return "drop_before"

    standins.redshift.on_statement = interrupt
    output = finish(suite)

    assert suite.returncode == 1, output
    assert "The suite was interrupted." in output
    assert "Not cleaned up" not in output
    assert any("CREATE DATABASE" in statement.text for statement in standins.postgres.statements())
    assert standins.catalog() == before
    assert standins.immuta.records() == []
    # ansible-core 2.21 leaves a directory of its own when it is stopped.
    assert [path for path in tmp_path.iterdir() if not path.name.startswith("pymp-")] == []


@pytest.mark.parametrize("what", ["integration", "database"])
def test_suite_refuses_a_used_cluster(standins: Standins, tmp_path: pathlib.Path, what: str) -> None:
    if what == "integration":
        standins.immuta.seed(config=standins.config(host=standins.redshift.host))
    else:
        standins.postgres.run('CREATE DATABASE "immuta live"')
    before = standins.immuta.records(), standins.catalog()

    suite = start(standins, tmp_path)
    output = finish(suite)

    assert suite.returncode == 1
    assert "already" in output
    assert (standins.immuta.records(), standins.catalog()) == before


def test_no_request_without_consent(standins: Standins, tmp_path: pathlib.Path) -> None:
    suite = start(standins, tmp_path, IMMUTA_LIVE="")
    output = finish(suite)

    assert suite.returncode == 0
    assert output.startswith("Skipped. Not set: IMMUTA_LIVE=yes")
    assert standins.immuta.requests() == []


@pytest.mark.parametrize("name", NEEDED)
def test_missing_settings_are_named(name: str) -> None:
    environment = {**dict.fromkeys(NEEDED, "x"), CONSENT: "yes"}
    Settings.from_environment(environment)

    with pytest.raises(SkippedError, match=rf"Not set: {name} \(.*\)\.$"):
        Settings.from_environment({**environment, name: ""})
