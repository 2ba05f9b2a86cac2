# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkout of the pipeline example, and a tenant with its two clusters."""

from __future__ import annotations

import pathlib
import shutil
import typing as t

import pytest
import yaml
from psycopg import sql

from tests.support.pipeline import EXAMPLE, Runner
from tests.support.standin import Standins
from tests.support.standin.postgres import Postgres
from tests.support.standin.relay import Relay


@pytest.fixture(scope="session")
def second_cluster(running_standins: Standins) -> t.Iterator[tuple[Postgres, Relay]]:
    """A second cluster with the same bootstrap account."""
    login = running_standins.bootstrap
    with Postgres() as postgres, Relay(postgres.port) as relay:
        postgres.create_user(login.user, login.password, createdb=True, createrole=True)
        yield postgres, relay


@pytest.fixture
def runner(tmp_path: pathlib.Path, standins: Standins) -> Runner:
    """The stand-ins after a reset, and a checkout whose project has their variables."""
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    shutil.copytree(EXAMPLE, checkout)
    home.mkdir()
    names = ("IMMUTA_URL", "IMMUTA_API_KEY", "REDSHIFT_USER", "REDSHIFT_PASSWORD")
    variables = {name: standins.environment()[name] for name in names}
    for host in ("FINANCE", "SALES"):
        variables[f"IMMUTA_PASSWORD_{host}"] = f"{host.title()}-Pa55word"
    return Runner(checkout, home, variables)


@pytest.fixture
def clusters(runner: Runner, standins: Standins, second_cluster: tuple[Postgres, Relay]) -> list[Postgres]:
    """The two clusters of the inventory, at the addresses of the stand-ins and without TLS."""
    postgres, relay = second_cluster
    user = standins.bootstrap.user
    postgres.reset(keep_users=[user])
    postgres.run(sql.SQL("GRANT CREATE ON DATABASE dev TO {}").format(sql.Identifier(user)))
    inventory = yaml.safe_load((runner.checkout / "inventory.yml").read_text(encoding="utf-8"))
    (runner.checkout / "host_vars").mkdir()
    addresses = {}
    for (name, variables), address in zip(
        inventory["redshift"]["hosts"].items(), (standins.redshift, relay), strict=True
    ):
        login = {"login_host": address.host, "login_port": address.port, "ssl_mode": "disable"}
        with (runner.checkout / "host_vars" / f"{name}.yml").open("w", encoding="utf-8") as file:
            yaml.safe_dump({"immuta_redshift_login": login}, file, explicit_start=True)
        addresses[variables["cluster_host"]] = (address.host, address.port)
    standins.immuta.set(hosts=addresses)
    return [standins.postgres, postgres]
