# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.live``: manual setup, change, repair and removal on a real tenant and cluster, and what was found.

It makes an integration, a database, an account and a group, and takes all of them away again, also after a failure or
an interruption. It begins only where none of them exists. An automatic setup is not tried. `tools.live.settings` names
the environment variables that it needs.
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
    """The steps, in order. ``found`` is what they learnt, by topic."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.found: dict[str, str] = {}

    # Before anything is written

    def look(self) -> None:
        """Refuse to begin where something of ours, or of somebody else's, would be in the way."""
        settings = self.site.settings
        records = self.site.integrations()
        if records:
            raise LiveError(
                f"Immuta has a Redshift integration on {settings.host} (id {records[0]['id']}) already: give a cluster "
                "that has none."
            )
        self.expect(True, f"Immuta has no integration on {settings.host}")
        survey = self.site.survey()
        standing = left_in(survey, settings)
        if standing:
            raise LiveError(f"{settings.host} has {', '.join(standing)} already: give names that are not in use.")
        self.expect(True, f"{settings.host} has neither the database, nor the account, nor the group")
        unclear = [
            f"{test['status']}: {test['name']}"
            for test in survey["requirements"]["validation_tests"]
            if test["status"] != "passed"
        ]
        self.found["the cluster says that it is"] = survey["version"]
        self.found["requirements that did not just pass"] = "; ".join(unclear) or "none"
        self.expect(survey["requirements_met"], "the requirements are met")

    def generate(self) -> None:
        """The scripts for an integration that is yet to be."""
        for name in ("initial_create", "create", "cleanup"):
            self._script(name, f"/integrations/scripts/{name.replace('_', '-')}")

    # The life of an integration

    def set_up(self) -> None:
        """Check mode, the real run, and the same again."""
        self._play("configure_redshift", "--check", "--diff", changed=True)
        left = left_in(self.site.survey(), self.site.settings)
        self.expect(not left and not self.site.integrations(), "check mode made nothing")
        self._play("configure_redshift", changed=True)
        (record,) = self.site.integrations()
        self.expect(record["status"] == "enabled", "the integration is enabled")
        self._play("configure_redshift", changed=False)
        self._shown(record["id"])

    def generate_for_it(self) -> None:
        """The scripts for an integration that exists."""
        (record,) = self.site.integrations()
        for name in ("edit", "delete"):
            self._script(name, f"/integrations/{record['id']}/scripts/{name}", id=record["id"])

    def change(self) -> None:
        """Impersonation on."""
        self._play("configure_redshift", changed=True, impersonation=True)
        self.expect(not self.site.survey()["missing_groups"], "the cluster has the group")

    def repair(self) -> None:
        """What somebody else changed in Immuta is noticed and put back."""
        self.site.module("immuta_redshift_integration", auto_bootstrap=False, config=self.site.config())
        self._check_drift(3)
        self._play("configure_redshift", changed=True, impersonation=True)
        self._check_drift(0)

    def remove(self) -> None:
        """The registration, and what Immuta made in the cluster."""
        (record,) = self.site.integrations()
        self._play("remove_redshift", changed=True, impersonation=True)
        self.expect(self.site.integrations() == [], "Immuta has no integration on the cluster")
        self.found["GET of an integration that was deleted"] = self._gone(record["id"])
        left = left_in(self.site.survey(), self.site.settings)
        self.found["what the delete script leaves in the cluster"] = ", ".join(left) or "nothing"

    # Afterwards

    def clean_up(self) -> list[str]:
        """Take away what is left, as far as that goes, and return what is left then."""
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

    # What the steps have in common

    def expect(self, holds: bool, what: str) -> None:
        """Say that something holds. Raises LiveError when it does not."""
        if not holds:
            raise LiveError(f"Not so: {what}.")
        print(f"  ok: {what}", flush=True)

    def _play(self, name: str, *options: str, changed: bool, impersonation: bool = False) -> None:
        played = self._played(name, *options, impersonation=impersonation)
        said = " ".join([name, *options])
        self.expect((played.changed > 0) == changed, f"{said}: {'changed' if changed else 'changed=0'}")

    def _played(self, name: str, *options: str, impersonation: bool) -> Played:
        played = self.site.play(name, *options, impersonation=impersonation)
        if played.status:
            print(played.output, file=sys.stderr)
            raise LiveError(f"{name} ended with exit status {played.status}; what it said is above.")
        return played

    def _check_drift(self, exit_code: int) -> None:
        self._played("check_drift", impersonation=True)
        report = json.loads((self.site.directory / "drift.json").read_text(encoding="utf-8"))
        self.expect(report["exit_code"] == exit_code, f"check_drift says {report['clusters'][0]['result']}")

    def _script(self, name: str, path: str, **arguments: str) -> None:
        """Have a script generated, and note how it came and how many statements it has, but nothing of its text."""
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
        """Note which settings GET shows, and how it spells what the documentation leaves open."""
        record = self.site.http.request("GET", f"/integrations/{record_id}", repeatable=True).document()
        config = record.get("config", {})
        kinds: dict[str, list[str]] = {"shows": [], "redacts": [], "leaves out": []}
        for name in {**self.site.config(), **config}:
            kind = "leaves out" if name not in config else "redacts" if is_redacted(config[name]) else "shows"
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
    """What of the suite's stands in the cluster, as it would be dropped."""
    standing = {
        f"DATABASE {quoted(settings.database)}": survey["database_exists"],
        f"USER {quoted(settings.username)}": not survey["missing_users"],
        f"GROUP {quoted(settings.group)}": not survey["missing_groups"],
    }
    return [name for name, exists in standing.items() if exists]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def shape(body: bytes) -> str:
    """What a reply is, without what it says."""
    try:
        document = json.loads(body)
    except ValueError:
        return "text"
    if isinstance(document, dict):
        return f"JSON object with {', '.join(sorted(document))}"
    return "JSON string" if isinstance(document, str) else f"JSON {type(document).__name__}"


def walk(suite: Suite) -> list[str]:
    """Look, go through it all, and clean up; what went wrong. Raises LiveError where it is not to begin."""
    print("\n=== What stands", flush=True)
    suite.look()
    troubles = []
    try:
        for title, step in (
            ("The scripts of a setup", suite.generate),
            ("Manual setup", suite.set_up),
            ("The scripts of an integration", suite.generate_for_it),
            ("A change", suite.change),
            ("A drift and its repair", suite.repair),
            ("Removal", suite.remove),
        ):
            print(f"\n=== {title}", flush=True)
            step()
    except (LiveError, IntegrationsError) as error:
        troubles.append(str(error))
    except KeyboardInterrupt:
        troubles.append("It was interrupted.")
    for number in INTERRUPTIONS:
        signal.signal(number, signal.SIG_IGN)
    print("\n=== Cleaning up", flush=True)
    try:
        left = suite.clean_up()
    except LiveError as error:
        left = [f"what could not be looked at ({error})"]
    if left:
        troubles.append(f"Not cleaned up: {', '.join(left)}.")
    return troubles


def interrupt(*unused: object) -> t.NoReturn:
    raise KeyboardInterrupt


def main() -> int:
    """0 when everything came out as promised, or when nothing was to be tried."""
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
    print("\n=== What was found")
    for topic, finding in suite.found.items():
        print(f"  {topic}: {finding}")
    print("\n" + ("\n".join(troubles) or "All came out as promised, and nothing is left."))
    return 1 if troubles else 0


if __name__ == "__main__":
    sys.exit(main())
