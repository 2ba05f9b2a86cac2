# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.live``: manual setup, change, repair and removal on a real tenant and cluster, with findings.

The suite creates an integration, a database, an account and a group, and removes all of them, also after a failure or
an interruption. It starts only if none of them exists. It does not test the automatic setup. `tools.live.settings`
lists the required environment variables.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import sys
import tempfile
import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import ApiError, IntegrationsError
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import is_redacted
from tools.live.settings import LiveError, Settings, SkippedError
from tools.live.site import Played, Site

INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Suite:
    """The steps, in order. ``found`` has their findings by topic."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.found: dict[str, str] = {}

    # Before anything is written

    def look(self) -> None:
        """Raise LiveError if the integration, database, account or group already exists."""
        settings = self.site.settings
        records = self.site.integrations()
        if records:
            raise LiveError(
                f"Immuta already has a Redshift integration on {settings.host} (id {records[0]['id']}). Use a cluster "
                "without an integration."
            )
        self.expect(True, f"Immuta has no integration on {settings.host}")
        survey = self.site.survey()
        standing = left_in(survey, settings)
        if standing:
            raise LiveError(f"{settings.host} already has {', '.join(standing)}. Set names that are not in use.")
        self.expect(True, f"{settings.host} has neither the database, nor the account, nor the group")
        unclear = [
            f"{test['status']}: {test['name']}"
            for test in survey["requirements"]["validation_tests"]
            if test["status"] != "passed"
        ]
        self.found["version of the cluster"] = survey["version"]
        self.found["requirements that did not pass"] = "; ".join(unclear) or "none"
        self.expect(survey["requirements_met"], "the requirements are met")

    def generate(self) -> None:
        """Generate the scripts of a new integration."""
        for name in ("initial_create", "create", "cleanup"):
            self._script(name, f"/integrations/scripts/{name.replace('_', '-')}")

    # The lifecycle of an integration

    def set_up(self) -> None:
        """Run in check mode, for real, and a second time."""
        self._play("configure_redshift", "--check", "--diff", changed=True)
        left = left_in(self.site.survey(), self.site.settings)
        self.expect(not left and not self.site.integrations(), "check mode created nothing")
        self._play("configure_redshift", changed=True)
        (record,) = self.site.integrations()
        self.expect(record["status"] == "enabled", "the integration is enabled")
        self._play("configure_redshift", changed=False)
        self._shown(record["id"])

    def generate_for_it(self) -> None:
        """Generate the scripts of an existing integration."""
        (record,) = self.site.integrations()
        for name in ("edit", "delete"):
            self._script(name, f"/integrations/{record['id']}/scripts/{name}", id=record["id"])

    def change(self) -> None:
        """Enable impersonation."""
        self._play("configure_redshift", changed=True, impersonation=True)
        self.expect(not self.site.survey()["missing_groups"], "the cluster has the group")

    def repair(self) -> None:
        """Detect and revert a change made in Immuta."""
        self.site.module("immuta_redshift_integration", auto_bootstrap=False, config=self.site.config())
        self._check_drift(3)
        self._play("configure_redshift", changed=True, impersonation=True)
        self._check_drift(0)

    def remove(self) -> None:
        """Remove the registration and the objects of Immuta in the cluster."""
        (record,) = self.site.integrations()
        self._play("remove_redshift", changed=True, impersonation=True)
        self.expect(self.site.integrations() == [], "Immuta has no integration on the cluster")
        self.found["GET of a deleted integration"] = self._gone(record["id"])
        left = left_in(self.site.survey(), self.site.settings)
        self.found["objects that the delete script leaves in the cluster"] = ", ".join(left) or "nothing"

    # Cleanup

    def clean_up(self) -> list[str]:
        """Remove the remaining objects, and return those that could not be removed."""
        settings = self.site.settings
        if self.site.integrations():
            removal = self.site.play("remove_redshift", impersonation=True)
            print(removal.output if removal.status else "  removed the integration", flush=True)
        script = self.site.directory / "drop.sql"
        for statement in left_in(self.site.survey(), settings):
            script.write_text(f"DROP {statement};\n", encoding="utf-8")
            try:
                self.site.redshift("redshift_script", path=str(script))
            except LiveError as error:
                print(f"  {error}", flush=True)
        integrations = [f"integration {record['id']}" for record in self.site.integrations()]
        return integrations + left_in(self.site.survey(), settings)

    # Helpers of the steps

    def expect(self, holds: bool, what: str) -> None:
        """Print a passed check, or raise LiveError."""
        if not holds:
            raise LiveError(f"Check failed: {what}.")
        print(f"  ok: {what}", flush=True)

    def _play(self, name: str, *options: str, changed: bool, impersonation: bool = False) -> None:
        played = self._played(name, *options, impersonation=impersonation)
        said = " ".join([name, *options])
        self.expect((played.changed > 0) == changed, f"{said}: {'changed' if changed else 'changed=0'}")

    def _played(self, name: str, *options: str, impersonation: bool) -> Played:
        played = self.site.play(name, *options, impersonation=impersonation)
        if played.status:
            print(played.output, file=sys.stderr)
            raise LiveError(f"{name} ended with exit status {played.status}; its output is above.")
        return played

    def _check_drift(self, exit_code: int) -> None:
        self._played("check_drift", impersonation=True)
        report = json.loads((self.site.directory / "drift.json").read_text(encoding="utf-8"))
        self.expect(report["exit_code"] == exit_code, f"check_drift reports {report['clusters'][0]['result']}")

    def _script(self, name: str, path: str, **arguments: str) -> None:
        """Generate a script, and record the kind of reply and the number of statements, but no text of it."""
        config = self.site.config(impersonation=True)
        body = None if name == "delete" else {"type": "Redshift", "autoBootstrap": False, "config": config}
        try:
            reply = self.site.http.request("POST", path, body, repeatable=True)
        except ApiError as error:
            self.found[f"reply of {name}"] = f"{error.status}, {error.api_message}"
            raise
        dest = self.site.directory / f"{name}.sql"
        result = self.site.module("immuta_integration_script", script=name, config=config, dest=str(dest), **arguments)
        dest.unlink()
        count = result["statement_count"]
        self.found[f"reply of {name}"] = (
            f"{reply.status}, {reply.content_type}, {shape(reply.body)}; {count} statements"
        )
        self.expect(count is not None, f"the script {name} can be split")

    def _shown(self, record_id: str) -> None:
        """Record which settings GET shows, and the types that the documentation leaves open."""
        record = self.site.http.request("GET", f"/integrations/{record_id}", repeatable=True).document()
        config = record.get("config", {})
        kinds: dict[str, list[str]] = {"shows": [], "redacts": [], "omits": []}
        for name in {**self.site.config(), **config}:
            kind = "omits" if name not in config else "redacts" if is_redacted(config[name]) else "shows"
            kinds[kind].append(name)
        for kind, names in kinds.items():
            self.found[f"settings that GET {kind}"] = ", ".join(names) or "none"
        self.found["id"] = type(record.get("id")).__name__
        self.found["validationResults"] = type(record.get("validationResults")).__name__

    def _gone(self, record_id: str) -> str:
        try:
            document = self.site.http.request("GET", f"/integrations/{record_id}", repeatable=True).document()
        except ApiError as error:
            return str(error.status)
        return f"status {document.get('status')}"


def left_in(survey: dict[str, t.Any], settings: Settings) -> list[str]:
    """Return the objects of the suite in the cluster, as DROP names them."""
    standing = {
        f"DATABASE {quoted(settings.database)}": survey["database_exists"],
        f"USER {quoted(settings.username)}": not survey["missing_users"],
        f"GROUP {quoted(settings.group)}": not survey["missing_groups"],
    }
    return [name for name, exists in standing.items() if exists]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def shape(body: bytes) -> str:
    """Return the kind of a reply, without its content."""
    try:
        document = json.loads(body)
    except ValueError:
        return "text"
    if isinstance(document, dict):
        return f"JSON object with {', '.join(sorted(document))}"
    return "JSON string" if isinstance(document, str) else f"JSON {type(document).__name__}"


def walk(suite: Suite) -> list[str]:
    """Run all steps, clean up, and return the problems. Raise LiveError if the suite must not start."""
    print("\n=== Existing objects", flush=True)
    suite.look()
    troubles = []
    try:
        for title, step in (
            ("Scripts of a setup", suite.generate),
            ("Manual setup", suite.set_up),
            ("Scripts of an integration", suite.generate_for_it),
            ("Change", suite.change),
            ("Drift and repair", suite.repair),
            ("Removal", suite.remove),
        ):
            print(f"\n=== {title}", flush=True)
            step()
    except (LiveError, IntegrationsError) as error:
        troubles.append(str(error))
    except KeyboardInterrupt:
        troubles.append("The suite was interrupted.")
    for number in INTERRUPTIONS:
        signal.signal(number, signal.SIG_IGN)
    print("\n=== Cleanup", flush=True)
    try:
        left = suite.clean_up()
    except LiveError as error:
        left = [f"objects that could not be checked ({error})"]
    if left:
        troubles.append(f"Not cleaned up: {', '.join(left)}.")
    return troubles


def interrupt(*unused: object) -> t.NoReturn:
    raise KeyboardInterrupt


def main() -> int:
    """Return 0 if every check passed or the suite was skipped."""
    for number in INTERRUPTIONS:
        signal.signal(number, interrupt)
    try:
        settings = Settings.from_environment(os.environ)
        with tempfile.TemporaryDirectory(prefix="immuta-live-") as directory:
            suite = Suite(Site(settings, pathlib.Path(directory)))
            troubles = walk(suite)
    except SkippedError as error:
        print(error)
        return 0
    except (LiveError, IntegrationsError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print("\n=== Findings")
    for topic, finding in suite.found.items():
        print(f"  {topic}: {finding}")
    print("\n" + ("\n".join(troubles) or "All checks passed; no objects remain."))
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
