# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Reconciliation of an integration: apply the decision, wait until Immuta settles, and return the result.

Query, decide, write, query again: every write follows a query, and after a lost reply the next step depends on the new
state. If the process dies, another run starts from the current state.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass

from ansible_collections.immuta.integrations.plugins.module_utils._common import progress
from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ApiError,
    InputError,
    UnsettledError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import masked
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.api import IntegrationsApi
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import Desired, Spec, snake_case
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import (
    SETTLED,
    Record,
    is_gone,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import backoff
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.integration import (
    Decision,
    check_write,
    decide,
    differences,
    find,
    for_display,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.results import failing_tests, results_of

_NOUNS = {"create": "creation", "update": "change", "delete": "deletion"}


def wait_spec(*, wait: bool = True) -> Spec:
    """Return the options for waiting; ``wait`` is the default of the first."""
    return {
        "wait": {"type": "bool", "default": wait},
        "wait_timeout": {"type": "int", "default": 600},
        "wait_sleep": {"type": "float", "default": 5},
    }


@dataclass(frozen=True)
class Waiting:
    """Whether to wait for Immuta, the maximum time, and the polling interval, in seconds."""

    enabled: bool
    timeout: float
    sleep: float

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> Waiting:
        """Read the options of `wait_spec`. Raise InputError for times that are not positive."""
        if not 0 < params["wait_timeout"] < 1e9 or not 0 < params["wait_sleep"] < 1e9:
            raise InputError("The options wait_timeout and wait_sleep are seconds: set numbers larger than 0.")
        return cls(params["wait"], params["wait_timeout"], params["wait_sleep"])


class Poller:
    """A poller that queries an integration until it settles or the time is up."""

    def __init__(self, api: IntegrationsApi, waiting: Waiting) -> None:
        self._api = api
        self._waiting = waiting
        self._deadline = time.monotonic() + waiting.timeout

    def settled(self, record: Record | None, subject: str) -> Record | None:
        """Return the settled integration, or None if it is deleted.

        ``subject`` starts the sentence of the UnsettledError for a timeout.
        """
        while record is not None and record["status"] not in SETTLED:
            left = self._deadline - time.monotonic()
            if left <= 0:
                why = failing_tests(record)
                raise UnsettledError(
                    f"{subject} (id {record['id']}) was still {record['status']} after {self._waiting.timeout} s: "
                    f"raise wait_timeout, or check Immuta's log{why and '; '}{why}.",
                    **unsettled_facts(record),
                )
            progress.show(progress.waiting_for(record["status"], self._waiting.timeout))
            time.sleep(min(self._waiting.sleep, left))
            record = self.query(record)
        progress.show(None)
        return record

    def query(self, record: Record) -> Record | None:
        """Return the current integration, or the last known one if Immuta cannot answer now."""
        try:
            return self._api.get(record["id"])
        except ApiError as error:
            if not error.retryable:
                raise
            return record


class Reconciliation:
    """A task on one integration, from the first query to the result.

    ``retries`` is the maximum number of repeated writes.
    """

    def __init__(self, api: IntegrationsApi, desired: Desired, waiting: Waiting, retries: int) -> None:
        self._api = api
        self._desired = desired
        self._waiting = waiting
        self._poller = Poller(api, waiting)
        self._retries = retries
        self._warnings: list[str] = []

    def plan(self, settle: bool = False) -> dict[str, t.Any]:
        """Return the predicted result of `apply`, from the first query alone.

        With ``settle``, wait first until Immuta settles.
        """
        current = self._query()
        if settle and self._waiting.enabled:
            current = self._poller.settled(current, self._desired.subject)
        decision = decide(current, self._desired)
        if decision.wait and not self._waiting.enabled:
            self._check_idle(current, decision)
        return planned(current, self._desired, decision)

    def apply(self) -> dict[str, t.Any]:
        """Reconcile the integration and return the result. Raise IntegrationsError."""
        current = self._query()
        waited, failures = False, 0
        while True:
            decision = decide(current, self._desired)
            if decision.wait and self._waiting.enabled:
                current, waited = self._poller.settled(current, self._desired.subject), True
                continue
            if decision.wait:
                self._check_idle(current, decision)
            if decision.wait or not decision.changed:
                action = "wait" if decision.wait or waited else "none"
                return self._result(current, decision, action, changed=False)
            check_write(decision, self._desired, current)
            written: Record | None
            try:
                written = self._write(current, decision)
            except ApiError as error:
                failures += 1
                now = self._query_after(error, decision, failures)
                if not (error.may_have_taken_effect and self._went_through(current, now, decision)):
                    self._check_repeatable(error, now, decision, failures)
                    current = now
                    continue
                written = now
            return self._finish(written, decision)

    def _query(self) -> Record | None:
        if self._desired.id is not None:
            return self._api.get(self._desired.id)
        return find(self._api.records(), self._desired.host or "")

    def _check_idle(self, current: Record | None, decision: Decision) -> None:
        """Raise UnsettledError if the integration needs a change and Immuta is busy with it."""
        if current is not None and decision.changed:
            raise UnsettledError(
                f"{self._desired.subject} (id {current['id']}) is {current['status']} and cannot be changed now: set "
                "wait to true, or retry later.",
                **unsettled_facts(current),
            )

    def _write(self, current: Record | None, decision: Decision) -> Record:
        """Send the request of the decision; return the known state afterwards."""
        if decision.payload is not None:
            if current is None or decision.action == "create":
                return self._api.create(decision.payload)
            return self._api.update(current["id"], decision.payload)
        current = t.cast(Record, current)
        self._api.delete(current["id"], decision.credentials)
        return {**current, "status": "deleting"}

    def _query_after(self, error: ApiError, decision: Decision, failures: int) -> Record | None:
        """Return the integration after a failed write.

        Raise ``error`` if the write had no effect. Immuta's documentation, "HTTP Status Codes and Error Messages": POST
        409 means that the integration exists, POST 400 that it exists and failed to be created, PUT and DELETE 409 that
        its status does not allow the change now.
        """
        met_another = error.status == 409 or (error.status == 400 and decision.action == "create")
        is_missing = error.status == 404 and error.is_document and decision.action != "create"
        if not (error.may_have_taken_effect or error.retryable or met_another or is_missing):
            raise error
        backoff(error, failures)
        return self._query()

    def _went_through(self, before: Record | None, now: Record | None, decision: Decision) -> bool:
        """Return whether a write with a lost reply took effect, by the integration before and after."""
        statuses = [one and one["status"] for one in (before, now)]
        return statuses[0] != statuses[1] or bool(now and decision.differences and not differences(now, self._desired))

    def _check_repeatable(self, error: ApiError, now: Record | None, decision: Decision, failures: int) -> None:
        """Raise the error if a failed write must not be repeated."""
        # A change of only credentials is not visible, except after a failed creation, which continues.
        unseen = error.may_have_taken_effect and decision.action == "update" and not decision.differences
        unseen = unseen and now is not None and now["status"] != "createError"
        possible, limit = error.retryable and not unseen, self._retries
        if error.status in (400, 404, 409):
            exists = not is_gone(now)
            possible, limit = exists or decision.action != "create", max(limit, 1)
            if decision.action == "create" and exists:
                self._warnings.append(
                    f"Immuta already had {self._desired.target} when this task tried to create it. Continuing with "
                    "it; another run may be changing it at the same time."
                )
        if possible and failures <= limit:
            return
        if not error.may_have_taken_effect:
            raise error
        raise ApiError(
            f"{error.message} The outcome is unknown; Immuta shows no change yet. Run the task again: it starts from "
            "the current record.",
            **error.facts,
        )

    def _finish(self, written: Record | None, decision: Decision) -> dict[str, t.Any]:
        """Wait for the end of a write. Raise UnsettledError for a failure."""
        current = None if written is None else self._poller.query(written)
        if self._waiting.enabled:
            current = self._poller.settled(current, self._desired.subject)
            self._check_end(current, decision)
        return self._result(current, decision, decision.action, changed=True)

    def _check_end(self, current: Record | None, decision: Decision) -> None:
        status = "gone" if current is None or is_gone(current) else current["status"]
        if status != ("gone" if decision.action == "delete" else "enabled"):
            why = failing_tests(current) or "Immuta reports no failing validation test: check its log"
            raise UnsettledError(
                f"{self._desired.subject} is {status} after its {_NOUNS[decision.action]}; {why}. Fix the cause and "
                "run the task again.",
                **unsettled_facts(current),
            )
        unmoved = differences(current, self._desired) if current and decision.action != "delete" else []
        if unmoved:
            self._warnings.append(
                f"Immuta accepted the change of {self._desired.target} but still returns another value of "
                f"{', '.join(unmoved)}: every run sends it again."
            )

    def _result(self, current: Record | None, decision: Decision, action: str, changed: bool) -> dict[str, t.Any]:
        return _result(current, self._desired, decision, action, changed, self._warnings)


def planned(current: Record | None, desired: Desired, decision: Decision) -> dict[str, t.Any]:
    """Return the predicted result of a task with the integration ``current``."""
    return _result(current, desired, decision, "wait" if decision.wait else decision.action, decision.changed)


def _result(
    current: Record | None,
    desired: Desired,
    decision: Decision,
    action: str,
    changed: bool,
    warnings: t.Sequence[str] = (),
) -> dict[str, t.Any]:
    used = None if is_gone(current) else current
    config = snake_case(masked(desired.config))
    if desired.extra:
        config["extra"] = masked(desired.extra)
    return {
        "changed": changed,
        "would_change": changed,
        "exists": used is not None,
        "settled": used is None or used["status"] in SETTLED,
        "creation_failed": used is not None and used["status"] == "createError",
        "action": action,
        "differences": list(decision.differences),
        "secrets_updated": changed and decision.sends_credentials,
        "integration": for_display(used),
        "config": config,
        "validation_results": results_of(used),
        "diff": {"before": decision.before, "after": decision.after},
        "warnings": [*warnings, *decision.warnings],
    }


def unsettled_facts(current: Record | None) -> dict[str, t.Any]:
    """Return the facts of a failure about the existing integration."""
    return {
        "integration": for_display(current),
        "last_status": None if current is None else current["status"],
        "validation_results": results_of(current),
    }
