# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the fault-injection tests: ``python -m tools.torture [--list] [--every N] [--jobs N] [group ...]``."""

from __future__ import annotations

import argparse
import concurrent.futures
import contextlib
import os
import queue
import re
import signal
import sys
import time
import traceback
import typing as t

from tests.resilience import faults, kill, large, race, secrets, words
from tests.resilience.stage import FLOWS, Point, Stage, TortureError

AS_MODULES = {"IMMUTA_IN_PROCESS": "false"}


class Group(t.NamedTuple):
    """A group of fault-injection points. By default, one in ``every`` points runs."""

    points: t.Callable[[Stage], list[Point]]
    every: int = 1


# All points take hours. Values of `every` that share no factor with the points per request or statement (2, 60, 12)
# still cover every kind of fault.
GROUPS = {
    **{f"kill-{name}": Group(kill.whole(name)) for name in FLOWS},
    **{f"orphan-{name}": Group(kill.in_part(name), every=3) for name in FLOWS},
    **{f"kill-{name}-modules": Group(kill.whole(name, **AS_MODULES), every=9) for name in FLOWS},
    **{f"orphan-{name}-modules": Group(kill.in_part(name, **AS_MODULES), every=9) for name in FLOWS},
    **{f"network-{name}": Group(faults.network(name), every=7) for name in FLOWS},
    **{
        f"database-{name}": Group(faults.database(name), every=19) for name, flow in FLOWS.items() if not flow.automatic
    },
    **{f"race-{name}": Group(race.two(name), every=3) for name in FLOWS},
    "secrets": Group(secrets.points, every=5),
    "words": Group(words.points, every=5),
    "large": Group(large.points),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.torture", description=sys.modules[__package__].__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help="groups to run (default: all)")
    parser.add_argument("--list", action="store_true", help="list the groups")
    parser.add_argument("--every", type=int, metavar="N", help="run one point in N (1: all)")
    parser.add_argument("--only", default="", metavar="PATTERN", help="run points with a matching label")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N", help="parallel points")
    options = parser.parse_args()
    if options.list:
        print("\n".join(GROUPS))
        return 0
    unknown = set(options.groups) - set(GROUPS)
    if unknown:
        parser.error(f"no such group: {', '.join(sorted(unknown))}; --list shows all groups")
    # Running points stop and clean up.
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(1))
    began = time.monotonic()
    rows = []
    with contextlib.ExitStack() as stack:
        benches = [stack.enter_context(Stage()) for dummy in range(options.jobs)]
        for name in options.groups or GROUPS:
            group = GROUPS[name]
            start = time.monotonic()
            points = [point for point in group.points(benches[0]) if re.search(options.only, point.label)]
            points = points[:: options.every or group.every]
            survived = try_all(name, points, benches)
            rows.append((name, len(points), survived))
            print(f"{name}: {survived} of {len(points)} survived, {time.monotonic() - start:.0f} s", flush=True)
    return report(rows, time.monotonic() - began)


def try_all(name: str, points: list[Point], benches: list[Stage]) -> int:
    """Run every point on one of the benches, print failures, and return the number of survived points."""
    free: queue.SimpleQueue[Stage] = queue.SimpleQueue()
    for stage in benches:
        free.put(stage)

    def attempt(point: Point) -> None:
        stage = free.get()
        try:
            point.attempt(stage)
        finally:
            free.put(stage)

    survived = 0
    pool = concurrent.futures.ThreadPoolExecutor(len(benches))
    try:
        attempts = {pool.submit(attempt, point): point for point in points}
        for future in concurrent.futures.as_completed(attempts):
            problem = future.exception()
            survived += not problem
            if problem:
                print(f"{name}: NOT SURVIVED: {attempts[future].label}\n    {told(problem)}", flush=True)
    finally:
        pool.shutdown(cancel_futures=True)
    return survived


def told(problem: BaseException) -> str:
    """Return the problem as a sentence, or with its traceback if the test program itself failed."""
    return str(problem) if isinstance(problem, TortureError) else "".join(traceback.format_exception(problem))


def report(rows: list[tuple[str, int, int]], seconds: float) -> int:
    """Print the table and return the exit status."""
    rows.append(("all", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    width = max(len(row[0]) for row in rows)
    print(f"\n{'group':{width}}  points  survived")
    for name, tried, survived in rows:
        print(f"{name:{width}}  {tried:6}  {survived:8}")
    print(f"\n{seconds / 60:.0f} minutes")
    return 0 if rows[-1][1] == rows[-1][2] else 1


if __name__ == "__main__":
    sys.exit(main())
