# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Very large scripts."""

from __future__ import annotations

import typing as t

from tests.resilience.stage import FLOWS, Play, Point, Stage, TortureError
from tests.support.hostile import measured

DRIVERS = ("redshift_connector", "psycopg")
PIECES = [b"/* ; */ SELECT $$" + b"'\"" * 50_000 + b"$$;\n"] * 150
SCRIPTS: dict[str, t.Callable[[], bytes]] = {
    "100,000 statements": lambda: b"SELECT 1;\n" * 100_000,
    "one statement of 15 MB": lambda: b"SELECT length('" + b"x;" * 7_500_000 + b"')",
    "15 MB": lambda: b"".join(PIECES),
}
MEMORY = 300  # MB


def points(_bench: Stage) -> list[Point]:
    """Return a point for each script and driver."""
    return [Point(f"{name}, {driver}", _script(name, driver)) for name in SCRIPTS for driver in DRIVERS]


def _script(name: str, driver: str) -> t.Callable[[Stage], None]:
    def attempt(stage: Stage) -> None:
        play: Play = stage.begin(FLOWS["setup"])
        path = play.workspace.directory / "script.sql"
        path.write_bytes(SCRIPTS[name]())
        result, peak = measured(
            play.workspace, "redshift_script", path=str(path), ssl_mode="disable", driver=driver, statement_timeout=0
        )
        outcomes = {entry["outcome"] for entry in result.get("statements", [])}
        if outcomes != {"ok"}:
            raise TortureError(f"the script ended with {outcomes}: {result.get('msg')}")
        if peak > MEMORY:
            raise TortureError(f"the script took {peak:.0f} MB")

    return attempt
