# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.standin``: run both stand-ins in the foreground, for playbooks or curl."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import signal
import sys
import threading
import typing as t

from tests.support.standin import HOST, Standins

BANNER = """\
Immuta stand-in     {immuta.url}
  API key           {immuta.api_key}
Redshift stand-in   {redshift.host}:{redshift.port}, database dev, without TLS (ssl_mode: disable)
  bootstrap login   {standins.bootstrap.user}, password {standins.bootstrap.password}
  unprivileged      {standins.unprivileged.user}, password {standins.unprivileged.password}
Every host in a payload, such as {host}, maps to this Redshift.

List integrations:  curl -H 'Authorization: {immuta.api_key}' {immuta.url}/integrations
List requests:  curl {immuta.url}/_standin/requests
Environment of a shell:
{settings}
Variables of the role, for the playbook in README.md:
  -e {variables}
Ctrl-C stops both and deletes their data.
"""


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.standin", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port of the Redshift stand-in (default: a free one)")
    parser.add_argument("--immuta-port", type=int, default=0, help="port of the Immuta stand-in (default: a free one)")
    parser.add_argument(
        "--settle",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="minimum time of creating, editing and deleting (default: %(default)s)",
    )
    parser.add_argument(
        "--env-file", metavar="FILE", help="write the settings to FILE for a shell to source (0600, deleted at the end)"
    )
    return parser.parse_args(arguments)


@contextlib.contextmanager
def private_file(path: str, text: str) -> t.Iterator[None]:
    """Create a file of mode 0600 and delete it at the end. Raise FileExistsError if it exists."""
    with open(path, "x", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    try:
        yield
    finally:
        os.remove(path)


def main(arguments: list[str]) -> int:
    """Run until a signal to stop arrives, and return the exit code."""
    options = parse_arguments(arguments)

    def stop(*unused: object) -> t.NoReturn:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    try:
        with contextlib.ExitStack() as stack:
            standins = stack.enter_context(
                Standins(port=options.port, immuta_port=options.immuta_port, settle=options.settle)
            )
            environment = standins.environment().items()
            settings = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment)
            if options.env_file:
                stack.enter_context(private_file(options.env_file, settings))
                settings = f"source {options.env_file}\n"
            password = standins.config()["password"]  # of the account that a setup creates
            variables = {"immuta_redshift_login": standins.login(), "immuta_system_password": password}
            banner = BANNER.format(
                standins=standins,
                immuta=standins.immuta,
                redshift=standins.redshift,
                host=HOST,
                settings=settings,
                variables=shlex.quote(json.dumps(variables)),
            )
            print(banner, flush=True)
            threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        print(f"The stand-ins cannot start: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
