# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Everything that can end a task, as exceptions that say themselves as a failed result."""

from __future__ import annotations

import os
import traceback
import types
import typing as t


class Caught:
    """Context manager: ends quietly at any exception but those that end the process, and keeps it as ``error``.

    For code whose exceptions cannot be known beforehand, such as that of a database driver.
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
    """One sentence that says what failed, on what, why, and what to do, with the facts beside it.

    ``facts`` become keys of the failed result next to ``msg``. They hold no secret, no script text, and no text that a
    driver or a server wrote around one.
    """

    def __init__(self, message: str, **facts: t.Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def as_failure(self) -> dict[str, t.Any]:
        """The keyword arguments of ``fail_json``."""
        return {"msg": self.message, **{name: value for name, value in self.facts.items() if value is not None}}


def failure_of(error: Exception) -> dict[str, t.Any]:
    """The keyword arguments of ``fail_json`` for any exception. The text of one that is not ours is not shown."""
    if isinstance(error, IntegrationsError):
        return error.as_failure()
    *_frames, (frame, line) = traceback.walk_tb(error.__traceback__)
    place = f"{os.path.basename(frame.f_code.co_filename)}, line {line}"
    return {
        "msg": f"The task failed with an unexpected {type(error).__name__} ({place}), which is a bug. Its "
        "changes may have taken effect."
    }


class InputError(IntegrationsError):
    """An option, or a file that an option names, that no request or statement could make good."""


class MissingLibraryError(IntegrationsError):
    """A Python library that the task needs is not there."""


class ApiError(IntegrationsError):
    """Immuta refused a request, answered something else than documented, or did not answer.

    ``status`` is the HTTP status, or None without a reply. ``may_have_taken_effect`` is False when the request was
    never sent or was refused. ``retryable`` says that the same request may get another answer a moment later.
    ``retry_after`` is what the server asked for, in seconds.
    ``is_document`` says that the refusal was an object of Immuta's and not some other server's page.
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
    """The integration ended in an error status, or did not settle in time."""


class ScriptError(IntegrationsError):
    """A SQL script that must not be run: broken, ambiguous, or not SQL alone. ``line`` counts from 1."""


class LoginError(IntegrationsError):
    """No session in the database could be opened."""


class StatementError(IntegrationsError):
    """A statement failed, or its fate is not known. ``sqlstate`` is None where the driver gave none."""

    def __init__(self, message: str, *, sqlstate: str | None = None, **facts: t.Any) -> None:
        super().__init__(message, sqlstate=sqlstate, **facts)
        self.sqlstate = sqlstate
