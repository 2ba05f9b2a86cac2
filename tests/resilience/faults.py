# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault of the network and of the database, at every request and statement.

A run with a fault recovers, or fails with one clear sentence. No write is repeated. Without the fault, the next run
ends in the same state as an undisturbed one.
"""

from __future__ import annotations

import functools
import typing as t

from tests.resilience.kill import undisturbed
from tests.resilience.stage import FLOWS, LOGIN, SQL, Play, Point, Stage, TortureError, failures
from tests.support.playbooks import Run
from tests.support.standin import Standins
from tests.support.standin.postgres import free_port

# Seconds: the configured timeout, and a longer time.
TIMEOUT, TOO_LONG = 1, 1.5
PATIENCE = {
    "immuta_redshift_api": {"timeout": TIMEOUT, "retries": 1},
    "immuta_redshift_wait_timeout": 4,
}
RUN_LIMIT = 60.0

Rule = dict[str, t.Any]
NETWORK: dict[str, Rule] = {
    "drop_before": {"kind": "drop_before"},
    "drop_after": {"kind": "drop_after"},
    "hang": {"kind": "hang", "seconds": TOO_LONG},
    "latency": {"kind": "latency", "seconds": TOO_LONG},
    "slow": {"kind": "slow", "seconds": TIMEOUT / 2},
    "too slow": {"kind": "slow", "seconds": TOO_LONG},
    "truncate_headers": {"kind": "truncate_headers"},
    "truncate_body": {"kind": "truncate_body"},
    **{str(status): {"kind": "status", "status": status} for status in (400, 401, 403, 404, 409, 422, 429)},
    "429 with Retry-After": {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
    **{str(status): {"kind": "status", "status": status} for status in (500, 502, 503, 504)},
    "502 with a page": {"kind": "status", "status": 502, "body": "<html>Bad Gateway</html>"},
    "404 with a page": {"kind": "status", "status": 404, "body": "<html>Not Found</html>"},
    "html": {"kind": "html"},
    "redirect": {"kind": "redirect", "location": "https://elsewhere.example.com/login"},
    "another object": {"kind": "status", "status": 200, "body": {"unexpected": True}},
    "a number": {"kind": "status", "status": 200, "body": 7},
    "an id that is a list": {"kind": "status", "status": 200, "body": {"id": [1], "status": "enabled"}},
    "nothing": {"kind": "status", "status": 200, "body": ""},
}
STATEMENTS = {
    "drop_before": "drop_before",
    "drop_after": "drop_after",
    "serialization failure": "fail 40001",
    "statement timeout": "fail 57014",
    "in use": "fail 55006",
    "no privilege": "fail 42501",
}
LOGINS = {
    "closed": "drop",
    "too many connections": "fail 53300",
    "starting up": "fail 57P03",
    "wrong password": "fail 28P01",
}


def network(name: str) -> t.Callable[[Stage], list[Point]]:
    """Return a point for each request of a flow and each fault."""

    def points(stage: Stage) -> list[Point]:
        events, expected = undisturbed(stage, name)
        requests = [event for event in events if not event.startswith((LOGIN, SQL))]
        found = [Point("refused", _refused(name, expected, "IMMUTA_URL"))]
        for number, request in enumerate(requests):
            for kind, rule in NETWORK.items():
                for times in (1, None):
                    label = f"{number + 1} {kind} {'once' if times else 'for ever'} {request}"
                    inject = functools.partial(_spoil_requests, rule={**rule, "skip": number, "times": times})
                    found.append(Point(label, _attempt(name, expected, inject)))
        return found

    return points


def database(name: str) -> t.Callable[[Stage], list[Point]]:
    """Return a point for each login or statement of a flow and each fault."""

    def points(stage: Stage) -> list[Point]:
        events, expected = undisturbed(stage, name)
        statements = [event for event in events if event.startswith(SQL)]
        logins = [event for event in events if event.startswith(LOGIN)]
        found = [Point("refused", _refused(name, expected, "REDSHIFT_PORT"))]
        for number, login in enumerate(logins):
            for kind, action in LOGINS.items():
                for times in (1, None):
                    label = f"{number + 1} {kind} {'once' if times else 'for ever'} {login}"
                    inject = functools.partial(_spoil, kind=LOGIN, first=number, times=times, action=action)
                    found.append(Point(label, _attempt(name, expected, inject)))
        for number, statement in enumerate(statements):
            for kind, action in STATEMENTS.items():
                for times in (1, 2):
                    label = f"{number + 1} {kind} {'once' if times == 1 else 'twice'} {statement}"
                    inject = functools.partial(_spoil, kind=SQL, first=number, times=times, action=action)
                    found.append(Point(label, _attempt(name, expected, inject)))
        return found

    return points


def _attempt(
    name: str, expected: dict[str, t.Any], inject: t.Callable[[Standins], t.Collection[t.Any]]
) -> t.Callable[[Stage], None]:
    """Run a flow with a fault; ``inject`` returns the affected events, which the run fills."""

    def attempt(stage: Stage) -> None:
        play = _begin(stage, name)
        met = inject(stage.standins)
        run = play.start().end(RUN_LIMIT)
        if not met:
            raise TortureError("no login or statement had the fault")
        stage.standins.immuta.clear_faults()
        stage.standins.redshift.on_login = stage.standins.redshift.on_statement = None
        _judge(play, stage, run, expected)

    return attempt


def _spoil_requests(standins: Standins, rule: Rule) -> Rule:
    standins.immuta.add_fault(**rule)
    return rule


def _spoil(standins: Standins, kind: str, first: int, times: int | None, action: str) -> list[str]:
    """Inject a fault into a login or statement by number (from 0), and into later ones.

    Later ones are all logins, or statements with the same text, up to a total of ``times`` (None: no limit). Return the
    list of affected ones, which grows.
    """
    seen: list[str] = []
    met: list[str] = []

    def meet(application: str | None, text: str) -> str | None:
        if application == "immuta":
            return None
        seen.append(text)
        if len(met) == times or (text != met[0] if met else len(seen) <= first):
            return None
        met.append(text)
        return action

    if kind == LOGIN:
        standins.redshift.on_login = lambda settings: meet(settings.get("application_name"), LOGIN)
    else:
        standins.redshift.on_statement = lambda statement: meet(statement.application, statement.text)
    return met


def _refused(name: str, expected: dict[str, t.Any], variable: str) -> t.Callable[[Stage], None]:
    """Use an address without a server for Immuta, or Redshift."""

    def attempt(stage: Stage) -> None:
        play = _begin(stage, name)
        right = play.workspace.environment[variable]
        play.workspace.environment[variable] = right.rpartition(":")[0] + f":{free_port()}"
        if variable == "REDSHIFT_PORT":
            play.variables["immuta_redshift_login"] = {
                **play.workspace.login,
                "login_port": free_port(),
                "connect_retries": 1,
            }
        run = play.start().end(RUN_LIMIT)
        if run.succeeded:
            raise TortureError("the run succeeded")
        play.workspace.environment[variable] = right
        play.variables.pop("immuta_redshift_login", None)
        _judge(play, stage, run, expected)

    return attempt


def _begin(stage: Stage, name: str) -> Play:
    play = stage.begin(FLOWS[name])
    play.variables.update(PATIENCE)
    return play


def _judge(play: Play, stage: Stage, run: Run, expected: dict[str, t.Any]) -> None:
    left = play.left()
    if left:
        raise TortureError(f"the run with the fault left {', '.join(left)}")
    if not run.succeeded:
        check_sentence(run)
        play.variables.clear()
        run = play.run()
    play.check_ends_as(expected, stage, "the run without the fault", run)
    writes = stage.standins.immuta.writes
    if len(writes) != 1:
        raise TortureError(f"Immuta received a repeated write: {', '.join(writes)}")


def check_sentence(run: Run) -> None:
    """Raise TortureError unless a failed run reports once what failed, where, and what to do."""
    messages = set(failures(run))
    if len(messages) != 1 or "Traceback" in run.output:
        raise TortureError(f"no single sentence: {messages or run.output[-1500:]}")
    message = messages.pop()
    places = ("/integrations", "integration with id", "cluster.example.com", "127.0.0.1", "Statement ", "The script")
    is_located = any(place in message for place in places)
    if not (is_located and ":" in message and message.endswith(".") and len(message) < 900):
        raise TortureError(f"not a clear sentence: {message}")
