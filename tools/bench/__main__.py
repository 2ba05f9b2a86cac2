# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.bench``: compare the collection with a peer and with floors, by medians and ratios.

The peer is the same job with ansible.builtin.uri and psql (``peer_*.yml``). The floors are ``ansible.builtin.ping``, a
module that does nothing, and a bare script with requests. All run in turn on one machine.
"""

from __future__ import annotations

import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.immuta.integrations.plugins.module_utils._modules import redshift_script
from ansible_collections.immuta.integrations.plugins.module_utils._redshift import sql
from ansible_collections.immuta.integrations.plugins.plugin_utils._in_process import in_child, preload
from tests.support.paths import COLLECTIONS
from tests.support.playbooks import environment, program
from tests.support.standin import Standins

HERE = pathlib.Path(__file__).parent
RUNS = 5
INTEGRATIONS = 40
FLEETS = (10, 40)
DRIFT_FLEETS = (200, 1000)
TENANT_SIZE = 10_000
STATEMENTS = 2_000
BAR = 30  # characters of the longest bar
PIECE = """\
-- view number {0}; it's the reader's
CREATE TABLE immuta_system.t{0} (id int, name varchar(20) DEFAULT 'it''s');
GRANT SELECT ON TABLE immuta_system.t{0} TO GROUP "readers"; /* done; */
CREATE PROCEDURE p{0}(a int) AS $$ BEGIN INSERT INTO t VALUES ('x;y'); END; $$ LANGUAGE plpgsql;
"""


class Row(t.NamedTuple):
    """A comparison in seconds, with the target ratio if there is one."""

    what: str
    seconds: float
    other: str
    other_seconds: float
    goal: float | None

    @property
    def ratio(self) -> float:
        return self.seconds / self.other_seconds

    @property
    def is_reached(self) -> bool:
        return self.goal is None or self.ratio <= self.goal


class Bench:
    """A runner of playbooks and commands against the stand-ins that measures their time."""

    def __init__(self, standins: Standins, directory: pathlib.Path) -> None:
        self.standins = standins
        self.directory = directory
        self.environment = {
            **os.environ,
            **environment(directory, **standins.environment()),
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_HOME": str(directory / "ansible"),
            "PGPASSWORD": standins.bootstrap.password,
        }
        self.rows: list[Row] = []
        self.variables = {
            "immuta_redshift_config": standins.config(),
            "immuta_redshift_login": standins.login(),
            "immuta_redshift_wait_sleep": 1,
            "integrations": INTEGRATIONS,
            "script_directory": str(directory),
        }

    def play(self, playbook: str, **variables: t.Any) -> float:
        """Return the seconds that a playbook takes for one cluster. Raise RuntimeError if it fails."""
        return self.run(playbook, {**self.variables, **variables})

    def run(self, playbook: str, variables: dict[str, t.Any], *options: str) -> float:
        """Return the seconds that a playbook takes. Raise RuntimeError if it fails."""
        file = self.directory / "variables.json"
        file.write_text(json.dumps(variables), encoding="utf-8")
        path = playbook if playbook.startswith("immuta.") else str(HERE / playbook)
        started = time.perf_counter()
        run = subprocess.run(
            [program("ansible-playbook"), path, "-e", f"@{file}", *options],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        if run.returncode != 0:
            raise RuntimeError(f"{playbook} failed:\n{run.stdout}\n{run.stderr}")
        return seconds

    def alternate(self, *works: t.Callable[[], float]) -> list[float]:
        """Return the median time of each work, run in turn."""
        taken: list[list[float]] = [[] for dummy in works]
        for dummy in range(RUNS):
            for seconds, work in zip(taken, works, strict=True):
                seconds.append(work())
        return [statistics.median(seconds) for seconds in taken]

    def row(self, *row: t.Any) -> None:
        """Record and print a comparison."""
        self.rows.append(Row(*row))
        print(plotted(self.rows[-1:]), flush=True)


def plotted(rows: list[Row]) -> str:
    """Return the comparisons with a bar for each time; the longer one fills its line."""
    lines = []
    for row in rows:
        aim = f", at most {row.goal:.3f}: {'reached' if row.is_reached else 'NOT reached'}" if row.goal else ""
        lines.append(f"{row.what}: {row.ratio:.3f}{aim}")
        longest = max(row.seconds, row.other_seconds)
        for name, seconds in (("this collection", row.seconds), (row.other, row.other_seconds)):
            lines.append(f"  {name:22} {1000 * seconds:7.0f} ms  {'█' * max(1, round(BAR * seconds / longest))}")
    return "\n".join(lines)


def seed(standins: Standins, count: int) -> None:
    """Create that many integrations in the stand-in."""
    standins.reset()
    for number in range(count):
        config = standins.config(host=f"cluster-{number}.example.com", port=5439, impersonation={"enabled": False})
        standins.immuta.seed(config=config)


def no_change(bench: Bench) -> None:
    """Time an integration in sync: the module, the peer's task, and a module that does nothing."""
    seed(bench.standins, INTEGRATIONS)
    empty, ours, peer, ping = bench.alternate(
        lambda: bench.play("empty.yml"),
        lambda: bench.play("ours_no_change.yml"),
        lambda: bench.play("peer_no_change.yml"),
        lambda: bench.play("ping.yml"),
    )
    each = [(seconds - empty) / INTEGRATIONS for seconds in (ours, peer, ping)]
    bench.row("An integration without a change", each[0], "uri", each[1], 1 / 20)
    bench.row("An integration without a change", each[0], "ping", each[2], 1 / 14)
    bench.standins.immuta.clear_requests()
    bench.play("ours_no_change.yml")
    asked = len(bench.standins.immuta.requests())
    print(f"requests for {INTEGRATIONS} integrations without a change: {asked}")


def setup(bench: Bench) -> None:
    """Time a whole manual setup, startup included."""

    def from_scratch(playbook: str) -> float:
        bench.standins.reset()
        return bench.play(playbook)

    ours, peer = bench.alternate(
        lambda: from_scratch("immuta.integrations.configure_redshift"), lambda: from_scratch("peer_setup.yml")
    )
    bench.row("Manual setup by the role", ours, "uri and psql", peer, 0.35)
    again, empty = bench.alternate(
        lambda: bench.play("immuta.integrations.configure_redshift"), lambda: bench.play("empty.yml")
    )
    bench.row("The role without a change, over an empty playbook", again - empty, "an empty playbook", empty, 0.8)


def fleets(bench: Bench) -> None:
    """Time the role for clusters in sync: four times the hosts, four times the time."""
    seed(bench.standins, max(FLEETS))
    inventories = [inventory_of(bench, size) for size in FLEETS]

    def run(inventory: pathlib.Path) -> float:
        bench.standins.immuta.clear_requests()
        playbook = "immuta.integrations.configure_redshift"
        return bench.run(playbook, {"immuta_redshift_hosts": "all"}, "-i", str(inventory))

    empty, few, many = bench.alternate(
        lambda: bench.play("empty.yml"), lambda: run(inventories[0]), lambda: run(inventories[1])
    )
    bench.row(f"{FLEETS[1]} hosts without a change", many - empty, f"{FLEETS[0]} hosts", few - empty, 4.4)
    print(f"requests for {FLEETS[1]} hosts without a change: {len(bench.standins.immuta.requests())}")


def inventory_of(bench: Bench, size: int) -> pathlib.Path:
    """Write an inventory with that many clusters."""
    hosts = {
        f"c{number}": {
            "immuta_redshift_config": {**bench.standins.config(), "host": f"cluster-{number}.example.com"},
            "immuta_redshift_login": bench.variables["immuta_redshift_login"],
        }
        for number in range(size)
    }
    inventory = bench.directory / f"fleet-{size}.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    return inventory


def drift(bench: Bench) -> None:
    """Time the drift check of a fleet, minus an empty playbook: the collection, and one GET with Jinja."""
    few, many = DRIFT_FLEETS
    seed(bench.standins, many)
    small, large = (inventory_of(bench, size) for size in DRIFT_FLEETS)

    def run(playbook: str, inventory: pathlib.Path) -> float:
        bench.standins.immuta.clear_requests()
        report = str(bench.directory / "drift.json")
        variables = {"immuta_redshift_hosts": "all", "drift_report": report}
        return bench.run(playbook, variables, "-i", str(inventory))

    ours = "immuta.integrations.check_drift"
    nothing, checked, peer, nothing_large, checked_large = bench.alternate(
        lambda: run("empty.yml", small),
        lambda: run(ours, small),
        lambda: run("peer_drift.yml", small),
        lambda: run("empty.yml", large),
        lambda: run(ours, large),
    )
    print(f"requests for the drift check of {many} hosts: {len(bench.standins.immuta.requests())}")
    bench.row(f"Drift check of {few} hosts, over an empty playbook", checked - nothing, "to reach", 3.0, 1.0)
    bench.row(f"Drift check of {few} hosts", checked - nothing, "uri, one GET", peer - nothing, None)
    growth = 1.2 * many / few
    bench.row(f"Drift check of {many} hosts", checked_large - nothing_large, f"{few} hosts", checked - nothing, growth)


def configured_fleet(bench: Bench) -> None:
    """Time configure_redshift on a fleet in sync, minus an empty playbook, and the role for each host."""
    size = DRIFT_FLEETS[0]
    seed(bench.standins, size)
    inventory = inventory_of(bench, size)

    def run(playbook: str) -> float:
        bench.standins.immuta.clear_requests()
        return bench.run(playbook, {"immuta_redshift_hosts": "all"}, "-i", str(inventory))

    nothing, alone, ours = bench.alternate(
        lambda: run("empty.yml"),
        lambda: run("role_fleet.yml"),
        lambda: run("immuta.integrations.configure_redshift"),
    )
    print(f"requests of configure_redshift for {size} hosts in sync: {len(bench.standins.immuta.requests())}")
    bench.row(f"configure_redshift, {size} hosts in sync", ours - nothing, "the role for each", alone - nothing, 0.35)


def large_tenant(bench: Bench) -> None:
    """Time a tenant with ten thousand integrations."""
    seed(bench.standins, TENANT_SIZE)
    script = (
        "import json, os, requests\n"
        "reply = requests.get(os.environ['IMMUTA_URL'] + '/integrations',"
        " headers={'Authorization': os.environ['IMMUTA_API_KEY']}, timeout=60)\n"
        "assert len(json.loads(reply.content)) == " + str(TENANT_SIZE)
    )

    def bare() -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", script], env=bench.environment, check=True)
        return time.perf_counter() - started

    empty, ours, floor = bench.alternate(
        lambda: bench.play("empty.yml"),
        lambda: bench.play("ours_no_change.yml", integrations=1),
        bare,
    )
    bench.row(f"No change among {TENANT_SIZE} integrations", ours - empty, "requests alone", floor, 1.5)
    inventory = inventory_of(bench, DRIFT_FLEETS[0])
    variables = {
        "immuta_redshift_hosts": "all",
        "drift_report": str(bench.directory / "drift.json"),
        "drift_show": False,
    }
    empty, checked = bench.alternate(
        lambda: bench.run("empty.yml", variables, "-i", str(inventory)),
        lambda: bench.run("immuta.integrations.check_drift", variables, "-i", str(inventory)),
    )
    what = f"Drift check of {DRIFT_FLEETS[0]} hosts among {TENANT_SIZE} integrations"
    bench.row(what, checked - empty, "to reach", 3.0, 1.0)


def statements(bench: Bench) -> None:
    """Time splitting ten megabytes, and running two thousand statements compared with psql."""
    text = "".join(PIECE.format(number) for number in range(10_000_000 // len(PIECE)))

    def split() -> float:
        started = time.perf_counter()
        sql.split(text)
        return time.perf_counter() - started

    (seconds,) = bench.alternate(split)
    bench.row("A script of 10 MB split", seconds, "to reach", 1.5, 1.0)

    script = bench.directory / "many.sql"
    script.write_text("".join(f"GRANT USAGE ON SCHEMA public TO PUBLIC; -- {n}\n" for n in range(STATEMENTS)))
    redshift, login = bench.standins.redshift, bench.standins.bootstrap
    address = f"host={redshift.host} port={redshift.port} user={login.user} dbname=dev"
    bench.standins.reset()
    bench.standins.postgres.run(f'GRANT ALL ON SCHEMA public TO "{login.user}" WITH GRANT OPTION', database="dev")

    def psql() -> float:
        command = [shutil.which("psql") or str(bench.standins.postgres.binaries / "psql"), "-X", "-q", "-1", "-f"]
        started = time.perf_counter()
        subprocess.run([*command, str(script), address], env=bench.environment, check=True, stderr=subprocess.DEVNULL)
        return time.perf_counter() - started

    def ours(driver: str) -> float:
        options = {**bench.standins.login(), **account, "path": str(script), "driver": driver}
        params = ArgumentSpecValidator(redshift_script.arguments()["argument_spec"]).validate(options)
        started = time.perf_counter()
        in_child(redshift_script.run, params.validated_parameters, False, bench.environment)
        return time.perf_counter() - started

    account = {"login_user": login.user, "login_password": login.password, "login_db": "dev"}
    for driver in ("psycopg", "redshift_connector"):
        preload(driver)
    with_psycopg, with_own, floor = bench.alternate(lambda: ours("psycopg"), lambda: ours("redshift_connector"), psql)
    bench.row(f"{STATEMENTS} statements, with psycopg", with_psycopg, "psql", floor, 1.3)
    bench.row(f"{STATEMENTS} statements, with redshift_connector", with_own, "psql", floor, None)


def main() -> int:
    """Return 0 if every target is reached."""
    with tempfile.TemporaryDirectory(prefix="immuta-bench-") as directory, Standins() as standins:
        bench = Bench(standins, pathlib.Path(directory))
        for group in (no_change, setup, fleets, drift, configured_fleet, large_tenant, statements):
            group(bench)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest process: {peak:.0f} MB")
    print()
    print(plotted(bench.rows))
    return 0 if all(row.is_reached for row in bench.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
