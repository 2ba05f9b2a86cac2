# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Exceptions that end a task, each with its own failed result."""

from __future__ import annotations

import os
import traceback
import types
import typing as t


class Caught:
    """Context manager that suppresses every exception except those that end the process, and keeps it as ``error``.

    For code with unknown exceptions, such as that of a database driver.
    """

    error: Exception | None = None

    def __enter__(self) -> Caught:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: types.TracebackType | None
    ) -> bool:
        self.error = error if isinstance(error, Exception) else None
        return self.error is not None


class IntegrationsError(Exception):
    """A failure in one sentence: what failed, on what, why, and what to do.

    ``facts`` become keys of the failed result next to ``msg``. They have no secret, no script text, and no text of a
    driver or a server.
    """

    def __init__(self, message: str, **facts: t.Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def as_failure(self) -> dict[str, t.Any]:
        """Return the keyword arguments of ``fail_json``."""
        return {"msg": self.message, **{name: value for name, value in self.facts.items() if value is not None}}


def failure_of(error: Exception) -> dict[str, t.Any]:
    """Return the keyword arguments of ``fail_json`` for any exception, without the text of an unexpected one."""
    if isinstance(error, IntegrationsError):
        return error.as_failure()
    *_frames, (frame, line) = traceback.walk_tb(error.__traceback__)
    place = f"{os.path.basename(frame.f_code.co_filename)}, line {line}"
    return {
        "msg": f"The task failed with an unexpected {type(error).__name__} ({place}), which is a bug. Its "
        "changes may have taken effect."
    }


class InputError(IntegrationsError):
    """An invalid option, or an invalid file that an option names."""


class MissingLibraryError(IntegrationsError):
    """A missing Python library."""


class ApiError(IntegrationsError):
    """A refused request, an undocumented reply, or no reply.

    ``status`` is the HTTP status, or None without a reply. ``may_have_taken_effect`` is False if the request was never
    sent or was refused. ``retryable`` means that a later identical request may succeed. ``retry_after`` is the time
    that the server requests, in seconds. ``is_document`` means that the refusal is an object of Immuta and not the page
    of another server.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        method: str | None = None,
        path: str | None = None,
        api_message: str | None = None,
        may_have_taken_effect: bool = False,
        retryable: bool = False,
        retry_after: float | None = None,
        is_document: bool = False,
        **facts: t.Any,
    ) -> None:
        super().__init__(message, status=status, method=method, path=path, api_message=api_message, **facts)
        self.status = status
        self.api_message = api_message
        self.may_have_taken_effect = may_have_taken_effect
        self.retryable = retryable
        self.retry_after = retry_after
        self.is_document = is_document


class UnsettledError(IntegrationsError):
    """An integration that ended in an error status or did not settle in time."""


class ScriptError(IntegrationsError):
    """A SQL script that must not run: broken, ambiguous, or not only SQL. ``line`` counts from 1."""


class LoginError(IntegrationsError):
    """A failure to open a database session."""


class StatementError(IntegrationsError):
    """A failed statement, or one with an unknown outcome. ``sqlstate`` is None if the driver reports none."""

    def __init__(self, message: str, *, sqlstate: str | None = None, **facts: t.Any) -> None:
        super().__init__(message, sqlstate=sqlstate, **facts)
        self.sqlstate = sqlstate
