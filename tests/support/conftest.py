# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of the stand-ins."""

from __future__ import annotations

import typing as t

import pytest
import requests
import trustme

from tests.support.standin import Standins


class Api(requests.Session):
    """A session with the Immuta stand-in that takes paths and sends the key."""

    def __init__(self, standins: Standins) -> None:
        super().__init__()
        self.url = standins.immuta.url
        self.trust_env = False
        self.headers["Authorization"] = standins.immuta.api_key

    def request(self, method: str, path: str, *args: t.Any, **options: t.Any) -> requests.Response:
        return super().request(method, self.url + path, *args, timeout=10, **options)


@pytest.fixture
def api(standins: Standins) -> t.Iterator[Api]:
    with Api(standins) as session:
        yield session


@pytest.fixture
def localhost_tls(tmp_path):
    """Return the paths of a certificate for `localhost`, of its key, and of the CA's certificate."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    return tuple(str(tmp_path / name) for name in ("cert.pem", "key.pem", "ca.pem"))
