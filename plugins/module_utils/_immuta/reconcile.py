# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Carries a decision about an integration out, waits until Immuta has settled, and says what came of it.

Look, decide, write, look again: every write follows a look, and after a reply that was lost the next step is decided by
what Immuta then shows. Whatever moment the process dies at, running it again starts from what stands.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ApiError,
    UnsettledError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    masked,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.api import (
    IntegrationsApi,
    Record,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import (
    Spec,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import (
    Wanted,
    snake_case,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import (
    GONE,
    SETTLED,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import (
    pause,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.integration import (
    Decision,
    decide,
    differences,
    find,
    shown,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.results import (
    failing_tests,
    results_of,
)


def wait_spec() -> Spec:
    """Whether and how long to wait until an integration has settled; seconds."""
    return {
        "wait": {"type": "bool", "default": True},
        "wait_timeout": {"type": "int", "default": 600},
        "wait_sleep": {"type": "float", "default": 5},
    }


_NOUNS = {"create": "creation", "update": "change", "delete": "deletion"}


@dataclass(frozen=True)
class Waiting:
    """Whether to wait for Immuta, how long in all, and how long between two looks; seconds."""

    enabled: bool
    timeout: float
    sleep: float


class Course:
    """One task on one integration, from the first look to the result.

    ``retries`` is how often a write may follow one that did not go through.
    """

    def __init__(self, api: IntegrationsApi, wanted: Wanted, waiting: Waiting, retries: int) -> None:
        self._api = api
        self._wanted = wanted
        self._waiting = waiting
        self._retries = retries
        self._deadline = time.monotonic() + waiting.timeout
        self._cautions: list[str] = []

    def foretell(self) -> dict[str, t.Any]:
        """The result without any request but the first look."""
        record = self._look()
        decision = decide(record, self._wanted)
        self._is_to_wait(record, decision)
        return self._result(record, decision, decision.action, decision.changed)

    def follow(self) -> dict[str, t.Any]:
        """Do what is to be done and return the result. Raises IntegrationsError."""
        record = self._look()
        waited, failures = "", 0
        while True:
            decision = decide(record, self._wanted)
            if self._is_to_wait(record, decision):
                record, waited = self._settled(record), "wait"
                continue
            if decision.action in ("none", "wait"):
                return self._result(record, decision, waited or decision.action, changed=False)
            written: Record | None
            try:
                written = self._write(record, decision)
            except ApiError as error:
                failures += 1
                now = self._look_after(error, decision, failures)
                if not (error.acted and self._went_through(record, now, decision)):
                    self._check_repeatable(error, now, decision, failures)
                    record = now
                    continue
                written = now
            return self._finish(written, decision)

    def _look(self) -> Record | None:
        if self._wanted.id is not None:
            return self._api.get(self._wanted.id)
        return find(self._api.records(), self._wanted.host or "")

    def _is_to_wait(self, record: Record | None, decision: Decision) -> bool:
        """Whether to wait before going on.

        Without ``wait``, an integration on its way to what is wanted is left to it; raises UnsettledError for one that
        is on its way to something else.
        """
        if decision.action != "wait" or self._waiting.enabled or record is None:
            return decision.action == "wait"
        if decision.changed:
            raise UnsettledError(
                f"{self._wanted.subject} (id {record['id']}) is {record['status']}, so that it cannot be changed now: "
                "set wait to true, or run the task again later.",
                **self._facts(record),
            )
        return False

    def _write(self, record: Record | None, decision: Decision) -> Record:
        """Make the one request that the decision asks for; returns what is known of the integration then."""
        if decision.action == "create":
            return self._api.create(t.cast(Record, decision.body))
        record = t.cast(Record, record)
        if decision.action == "update":
            return self._api.update(record["id"], t.cast(Record, decision.body))
        self._api.delete(record["id"], decision.body)
        return {**record, "status": "deleting"}

    def _look_after(self, error: ApiError, decision: Decision, failures: int) -> Record | None:
        """What stands a moment after a write that failed; raises ``error`` where that could not change anything.

        Immuta's documentation, "HTTP Status Codes and Error Messages": POST 409 says that the integration exists, POST
        400 that one exists which failed to be created, PUT and DELETE 409 that its state allows neither now.
        """
        met_another = error.status == 409 or (error.status == 400 and decision.action == "create")
        is_missing = error.status == 404 and error.is_document and decision.action != "create"
        if not (error.acted or error.passing or met_another or is_missing):
            raise error
        pause(error, failures)
        return self._look()

    def _went_through(self, record: Record | None, now: Record | None, decision: Decision) -> bool:
        """Whether the step from ``record`` to ``now`` shows that a write whose reply was lost was carried out."""
        before, after = (one and one["status"] for one in (record, now))
        return before != after or bool(now and decision.differences and not differences(now, self._wanted))

    def _check_repeatable(self, error: ApiError, now: Record | None, decision: Decision, failures: int) -> None:
        """Raise when a write that did not go through is not to be decided about anew."""
        # Nobody can see whether credentials alone have arrived, but that a failed creation goes on.
        unseen = error.acted and decision.action == "update" and not decision.differences
        unseen = unseen and now is not None and now["status"] != "createError"
        possible, limit = error.passing and not unseen, self._retries
        if error.status in (400, 404, 409):
            is_there = now is not None and now["status"] not in GONE
            possible, limit = is_there or decision.action != "create", max(limit, 1)
            if decision.action == "create" and is_there:
                self._cautions.append(
                    f"Immuta had {self._wanted.target} already when it was to be created, so that somebody else may be "
                    "at work on it: going on from what is there."
                )
        if possible and failures <= limit:
            return
        if not error.acted:
            raise error
        raise ApiError(
            f"{error.message} Whether Immuta carried it out is not known, and nothing of it is to be seen: run the "
            "task again, which starts from what Immuta shows then.",
            **error.facts,
        )

    def _settled(self, record: Record | None) -> Record | None:
        """Look again and again until Immuta has finished; a look that fails in passing is followed by another."""
        while record is not None and record["status"] not in SETTLED:
            if time.monotonic() + self._waiting.sleep > self._deadline:
                why = failing_tests(record)
                raise UnsettledError(
                    f"{self._wanted.subject} (id {record['id']}) was still {record['status']} after "
                    f"{self._waiting.timeout} s: raise wait_timeout, or look into Immuta's log{why and '; '}{why}.",
                    **self._facts(record),
                )
            time.sleep(self._waiting.sleep)
            record = self._again(record)
        return record

    def _again(self, record: Record) -> Record | None:
        """The integration now, or as it was where Immuta cannot answer just now."""
        try:
            return self._api.get(record["id"])
        except ApiError as error:
            if not error.passing:
                raise
            return record

    def _finish(self, written: Record | None, decision: Decision) -> dict[str, t.Any]:
        """See a write through to its end. Raises UnsettledError when it ends badly."""
        record = None if written is None else self._again(written)
        if self._waiting.enabled:
            record = self._settled(record)
            self._check_end(record, decision)
        return self._result(record, decision, decision.action, changed=True)

    def _check_end(self, record: Record | None, decision: Decision) -> None:
        status = "gone" if record is None or record["status"] in GONE else record["status"]
        if status != ("gone" if decision.action == "delete" else "enabled"):
            why = failing_tests(record) or "Immuta names no failing validation test: look into its log"
            raise UnsettledError(
                f"{self._wanted.subject} is {status} after its {_NOUNS[decision.action]}; {why}. Mend the cause and "
                "run the task again.",
                **self._facts(record),
            )
        unmoved = differences(record, self._wanted) if record and decision.action != "delete" else []
        if unmoved:
            self._cautions.append(
                f"Immuta took the change of {self._wanted.target} but still shows another value of "
                f"{', '.join(unmoved)}: every run will send it again."
            )

    def _facts(self, record: Record | None) -> dict[str, t.Any]:
        return {
            "integration": shown(record),
            "last_status": None if record is None else record["status"],
            "validation_results": results_of(record),
        }

    def _result(self, record: Record | None, decision: Decision, action: str, changed: bool) -> dict[str, t.Any]:
        here = None if record is None or record["status"] in GONE else record
        asked = snake_case(masked(self._wanted.config))
        if self._wanted.extra:
            asked["extra"] = masked(self._wanted.extra)
        return {
            "changed": changed,
            "would_change": changed,
            "exists": here is not None,
            "settled": here is None or here["status"] in SETTLED,
            "creation_failed": here is not None and here["status"] == "createError",
            "action": action,
            "differences": list(decision.differences),
            "secrets_updated": changed and decision.body is not None,
            "integration": shown(here),
            "config": asked,
            "validation_results": results_of(here),
            "diff": {"before": decision.before, "after": decision.after},
            "warnings": [*self._cautions, *decision.cautions],
        }
