# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Reports what long work is doing. Nobody listens in a process that cannot print, such as that of a module."""

from __future__ import annotations

import contextlib
import re
import typing as t


class State(t.NamedTuple):
    """What is under way, in words without a secret, and the time limit in seconds, if there is one."""

    doing: str
    limit: float | None = None


Listener = t.Callable[[t.Optional[State]], None]
"""Takes what is under way from now on; None for nothing worth reporting."""

_listeners: list[Listener] = []


def show(state: State | None) -> None:
    """Report what is under way from now on."""
    for listener in _listeners[-1:]:
        listener(state)


@contextlib.contextmanager
def listening(listener: Listener) -> t.Iterator[None]:
    """Have ``listener`` called, instead of any other, while the context lasts."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.pop()


# As in Immuta's documentation, "Response Schema": creating, recurringValidationError.
_STATUS = re.compile(r"[A-Za-z]{1,30}")


def waiting_for(status: str, limit: float) -> State:
    """Return the state of waiting for Immuta; ``status`` comes from the server, and is shown if it is one word."""
    return State(status if _STATUS.fullmatch(status) else "in progress", limit)


def running(number: int, count: int) -> State:
    """Return the state of running statement ``number`` of ``count``."""
    return State(f"statement {number:,} of {count:,}")
