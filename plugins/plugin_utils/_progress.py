# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Progress lines every ten seconds for long work inside the controller process.

The lines go to the standard error stream, like Ansible's warnings. Callback plugins use standard output for results.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
import typing as t

from ansible.module_utils.common.parameters import remove_values
from ansible.utils.display import Display

from ansible_collections.immuta.integrations.plugins.module_utils._common.progress import State, listening

INTERVAL = 10.0  # seconds

SWITCH = "IMMUTA_PROGRESS"

# Options of a module that identify a cluster, best first.
_NAMES = ("login_host", "cluster_identifier", "workgroup", "host")

Tell = t.Callable[[str], None]
"""Called with a text about the work in progress."""

_HOST = re.compile(r"[A-Za-z0-9_.-]{1,253}")


def subject(inventory_host: str, params: t.Mapping[str, t.Any]) -> str:
    """Return the start of a line: the cluster of a task with ``params``, and the inventory host if its name differs."""
    config = params.get("config")
    names = [config.get("host") if isinstance(config, dict) else None, *(params.get(name) for name in _NAMES)]
    cluster = next((name for name in names if isinstance(name, str) and _HOST.fullmatch(name)), inventory_host)
    return cluster if cluster == inventory_host else f"[{inventory_host}] {cluster}"


def described(state: State, seconds: float) -> str:
    """Return the text about work in progress after a number of seconds."""
    limit = "" if state.limit is None else f" of {state.limit:,.0f} s"
    return f"{state.doing}, {seconds:,.0f} s{limit}"


def texts(
    state: t.Callable[[], State | None], pause: t.Callable[[], bool], elapsed: t.Callable[[], float]
) -> t.Iterator[str]:
    """Yield the text about the current state, if any, after each interval; end when ``pause`` returns True."""
    while not pause():
        now = state()
        if now is not None:
            yield described(now, elapsed())


@contextlib.contextmanager
def telling(tell: Tell | None) -> t.Iterator[None]:
    """Call ``tell`` every `INTERVAL` while the work in the context reports a state; None disables it.

    It uses a thread, because the work can block anywhere. The thread starts with the first state.
    """
    if tell is None:
        yield
        return
    current: State | None = None
    ended = threading.Event()
    start = time.monotonic()

    def run() -> None:
        for text in texts(lambda: current, lambda: ended.wait(INTERVAL), lambda: time.monotonic() - start):
            tell(text)

    thread = threading.Thread(target=run, daemon=True)

    def listen(state: State | None) -> None:
        nonlocal current
        current = state
        if state is not None and thread.ident is None:
            thread.start()

    try:
        with listening(listen):
            yield
    finally:
        ended.set()
        if thread.ident is not None:
            thread.join()


def printer(about: str, secrets: t.Collection[str]) -> Tell:
    """Return a printer of lines that start with ``about``, secrets masked. It ignores a closed controller."""

    def tell(text: str) -> None:
        with contextlib.suppress(OSError):
            Display().display(remove_values(f"{about}: {text}", secrets), stderr=True)

    return tell
