# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller for all tests in this directory."""

from __future__ import annotations

import copy
import json
import pathlib
import typing as t

import pytest
import trustme

from tests.support.controller.jobs import Jobs
from tests.support.controller.runs import GATEWAY, PROJECT, command, handed_over, playbooks, reconcile
from tests.support.controller.standin import Controller
from tests.support.paths import ROOT
from tests.support.standin import Standins


@pytest.fixture(scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, t.Any]]:
    """Desired states as the playbook passes them to its module, without and with optional variables."""
    return handed_over(
        tmp_path_factory.mktemp("desired"),
        default={},
        finance={"immuta_controller_organization": "Finance"},
        approvers={"immuta_controller_approvers": "Security"},
        private={"immuta_controller_project_credential": "Git"},
        gateway={"immuta_controller_prefix": GATEWAY},
    )


@pytest.fixture(scope="session")
def gateway(states: dict[str, dict[str, t.Any]]) -> t.Iterator[Controller]:
    """A configured controller behind the gateway of Automation Platform."""
    with Controller(playbooks(), prefix=GATEWAY) as controller:
        reconcile(controller, states["gateway"])
        yield controller


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The directory of the installed collection, from its artifact, as in an execution environment."""
    directory = tmp_path_factory.mktemp("collections")
    galaxy = "ansible-galaxy"
    status, output = command(directory, galaxy, "collection", "build", str(ROOT), "--output-path", str(directory))
    assert status == 0, output
    [artefact] = directory.glob("*.tar.gz")
    status, output = command(
        directory, galaxy, "collection", "install", "--offline", str(artefact), "--collections-path", str(directory)
    )
    assert status == 0, output
    return directory


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """The CA of the Immuta stand-in's certificate."""
    return trustme.CA()


@pytest.fixture(scope="session")
def running_standins(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Standins]:
    directory = tmp_path_factory.mktemp("certificate")
    certificate = authority.issue_cert("127.0.0.1")
    chain, key = directory / "chain.pem", directory / "key.pem"
    chain.write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(str(key))
    with Standins(immuta_tls=(str(chain), str(key))) as standins:
        yield standins


@pytest.fixture
def standins(running_standins: Standins) -> Standins:
    running_standins.reset()
    return running_standins


@pytest.fixture(scope="session")
def secrets(running_standins: Standins, gateway: Controller) -> list[str]:
    """The secrets that must not appear: API key, passwords of both accounts, token of the controller."""
    passwords = [running_standins.bootstrap.password, "Sy5tem-{{Pa55word}}"]
    return [running_standins.immuta.api_key, *passwords, gateway.token]


@pytest.fixture(scope="session")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> dict[str, t.Any]:
    """The inventory that a controller imports from the example."""
    home = tmp_path_factory.mktemp("inventory")
    status, output = command(home, "ansible-inventory", "-i", str(PROJECT / "inventory.yml"), "--list", "--export")
    assert status == 0, output
    return json.loads(output)


@pytest.fixture
def jobs(
    gateway: Controller,
    standins: Standins,
    secrets: list[str],
    installed: pathlib.Path,
    inventory: dict[str, t.Any],
    authority: trustme.CA,
) -> Jobs:
    """A controller whose credentials lead to the stand-ins; a relay is the address of every cluster."""
    api_key, password, system_password, token = secrets
    return Jobs(
        gateway,
        {
            "Immuta": {
                "url": standins.immuta.url,
                "api_key": api_key,
                "ca_certificates": authority.cert_pem.bytes().decode(),
            },
            "Amazon Redshift for Immuta": {
                "user": standins.bootstrap.user,
                "password": password,
                "system_username": "immuta_system_account",
                "system_password": system_password,
            },
            "Immuta Redshift approvals": {
                "host": gateway.url,
                "oauth_token": token,
                "verify_ssl": True,
            },
        },
        installed,
        PROJECT,
        copy.deepcopy(inventory),
        {
            "immuta_redshift_login": {
                "login_host": standins.redshift.host,
                "login_port": standins.redshift.port,
                "ssl_mode": "disable",
            },
            "immuta_redshift_wait_sleep": 0.1,
        },
    )
