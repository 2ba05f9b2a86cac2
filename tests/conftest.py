# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shared stand-ins of all tests in a process, reset before each test."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from tests.support.playbooks import Workspace
from tests.support.standin import Standins


@pytest.fixture(scope="session")
def running_standins() -> t.Iterator[Standins]:
    with Standins() as standins:
        yield standins


@pytest.fixture
def standins(running_standins: Standins) -> Standins:
    running_standins.reset()
    return running_standins


@pytest.fixture
def workspace(tmp_path: pathlib.Path, standins: Standins) -> Workspace:
    return Workspace(tmp_path, standins)
