# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Progress of long work. A process that cannot print, such as that of a module, has no listener."""

from __future__ import annotations

import contextlib
import re
import typing as t


class State(t.NamedTuple):
    """The work in progress, in words without a secret, with an optional time limit in seconds."""

    doing: str
    limit: float | None = None


Listener = t.Callable[[t.Optional[State]], None]
"""Called with the work in progress, or None."""

_listeners: list[Listener] = []


def show(state: State | None) -> None:
    """Report the work in progress."""
    for listener in _listeners[-1:]:
        listener(state)


@contextlib.contextmanager
def listening(listener: Listener) -> t.Iterator[None]:
    """Set the listener while the context lasts."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.pop()


# Source: Immuta's documentation, "Response Schema": creating, recurringValidationError.
_STATUS = re.compile(r"[A-Za-z]{1,30}")


def waiting_for(status: str, limit: float) -> State:
    """Return the state of waiting for Immuta, with the ``status`` from the server if it is one word."""
    return State(status if _STATUS.fullmatch(status) else "in progress", limit)


def running(number: int, count: int) -> State:
    """Return the state of running statement ``number`` of ``count``."""
    return State(f"statement {number:,} of {count:,}")
