# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unusual names and passwords in every flow, and very large scripts."""

from __future__ import annotations

import typing as t

from tests.resilience.stage import FLOWS, OKTA, Play, Point, Stage, TortureError, said
from tests.support.hostile import AWKWARD, hostile_config, measured
from tests.support.playbooks import Run, Unsafe, Workspace

DRIVERS = ("redshift_connector", "psycopg")
PIECES = [b"/* ; */ SELECT $$" + b"'\"" * 50_000 + b"$$;\n"] * 150
SCRIPTS: dict[str, t.Callable[[], bytes]] = {
    "100,000 statements": lambda: b"SELECT 1;\n" * 100_000,
    "one statement of 15 MB": lambda: b"SELECT length('" + b"x;" * 7_500_000 + b"')",
    "15 MB": lambda: b"".join(PIECES),
}
ODD_SCRIPT_MEMORY = 300  # MB


def points(_bench: Stage) -> list[Point]:
    """Return points: names with each driver and setup, scripts with each driver."""
    found = [
        Point(f"names, {driver}, {way}", _names(driver, {"IMMUTA_IN_PROCESS": way}))
        for driver in DRIVERS
        for way in ("true", "false")
    ]
    return found + [Point(f"{name}, {driver}", _script(name, driver)) for name in SCRIPTS for driver in DRIVERS]


def _names(driver: str, environment: dict[str, str]) -> t.Callable[[Stage], None]:
    def attempt(stage: Stage) -> None:
        play = stage.begin(FLOWS["setup"], **environment)
        workspace, standins = play.workspace, stage.standins
        before = standins.catalog()
        config = hostile_config(standins)
        login = {"immuta_redshift_login": {**workspace.login, "driver": driver}}
        okta = {name: value for name, value in config.items() if name not in ("username", "password")}
        okta.update(authenticationType="okta", okta={**OKTA, "username": Unsafe("o" + AWKWARD)})
        check(workspace.configure(config=config, **login), "the setup")
        check_catalog(stage, config["username"], config)
        check(workspace.configure(config=okta, **login), "the change to Okta")
        check_catalog(stage, okta["okta"]["username"], config)
        again = check(workspace.configure(config=okta, **login), "the second run")
        if again.changed:
            raise TortureError(f"the run after the change had {again.changed} changes")
        check(workspace.remove(config=okta, **login), "the removal")
        if standins.catalog()["users"] != before["users"] or standins.immuta.records():
            raise TortureError("objects remain after the removal")
        check_begun_afresh(workspace, config, login)

    return attempt


def check_begun_afresh(workspace: Workspace, config: dict[str, t.Any], login: dict[str, t.Any]) -> None:
    """Raise TortureError unless a partial setup is cleaned up and recreated."""
    for what in ("the setup over leftovers", "the setup after a cleanup"):
        workspace.standins.immuta.reset()
        check(workspace.configure(config=config, immuta_redshift_on_partial="cleanup", **login), what)
    if [record["status"] for record in workspace.standins.immuta.records()] != ["enabled"]:
        raise TortureError("no integration after a cleanup")


def check(run: Run, what: str) -> Run:
    """Raise TortureError unless the run succeeded without showing a password."""
    if not run.succeeded:
        raise TortureError(f"{what} failed: {said(run)}")
    if "Pa55" in run.output:
        raise TortureError(f"{what} shows a password")
    return run


def check_catalog(stage: Stage, user: str, config: dict[str, t.Any]) -> None:
    """Raise TortureError unless all objects have their desired names."""
    catalog = stage.standins.catalog()
    found = user in catalog["users"], config["database"] in catalog["databases"], catalog["groups"]
    if found != (True, True, [config["impersonation"]["role"]]):
        raise TortureError(f"the catalog has other names: {catalog}")


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
        if peak > ODD_SCRIPT_MEMORY:
            raise TortureError(f"the script took {peak:.0f} MB")

    return attempt
