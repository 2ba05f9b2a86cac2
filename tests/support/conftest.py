# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of the stand-ins."""

from __future__ import annotations

import typing as t

import pytest
import requests

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
