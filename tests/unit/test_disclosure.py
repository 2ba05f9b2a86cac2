# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Display of a task's arguments, and secrets that are searched for in a result."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    HIDDEN,
    distinctive,
    hidden_values,
    shown_arguments,
)
from ansible_collections.immuta.integrations.plugins.module_utils._modules.immuta_redshift_integration import arguments


@pytest.mark.parametrize("secret", ["", "immuta", "password", "Passw0rd"[:7], "immuta_system", "12345678"])
def test_words_and_numbers_are_not_searched(secret: str):
    assert distinctive([secret]) == set()


@pytest.mark.parametrize("secret", ["Passw0rd", "846e9e43c86a4ct1be14290d95127d13f", "correct horse", "p\u00e4sswort"])
def test_distinctive_secrets_are_searched(secret: str):
    assert distinctive([secret]) == {secret}


@pytest.mark.parametrize(
    ("params", "hidden"),
    [
        ({}, []),
        ({"config": None}, []),
        ({"config": {"extra": None}}, []),
        (
            {"config": {"password": "p", "extra": {"secretKey": "hush", "deep": [{"sessionToken": 5}]}}},
            ["p", "hush", "5"],
        ),
        ({"config": "text"}, []),
        ({"url": ["list"]}, []),
        ({"url": "user:hush@tenant.example.com"}, ["hush"]),
        ({"url": "https://user:hu@sh/1@tenant.example.com"}, ["hu@sh/1"]),
        ({"url": "https://user:hush@tenant.example.com"}, ["hush"]),
        ({"url": "https://hush@tenant.example.com"}, ["hush"]),
        ({"url": "https://tenant.example.com/a@b"}, []),
    ],
)
def test_secrets_outside_the_spec(params: dict[str, t.Any], hidden: list[str]):
    assert hidden_values(params) == hidden


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"api_keey": "p"}, {"api_keey": HIDDEN}),
        ({"config": "p"}, {"config": HIDDEN}),
        ({"config": [{"password": "p"}]}, {"config": HIDDEN}),
        ({"config": {"okta": "p"}}, {"config": {"okta": HIDDEN}}),
        ({"config": {"pasword": "p"}}, {"config": {"pasword": HIDDEN}}),
        ({"config": {"idpHost": "p"}}, {"config": {"idpHost": HIDDEN}}),
        ({"config": {"initialDatabase": "d"}}, {"config": {"initialDatabase": "d"}}),
        ({"config": {"host": {"password": "p"}}}, {"config": {"host": {"password": "********"}}}),
        ({"url": "https://tenant.example.com?key=p"}, {"url": "https://tenant.example.com?********"}),
        ({"url": "user:p@tenant.example.com"}, {"url": "user:********@tenant.example.com"}),
    ],
)
def test_invalid_argument_is_treated_as_secret(given: dict[str, t.Any], shown: dict[str, t.Any]):
    assert shown_arguments(arguments()["argument_spec"], given) == shown


def test_secret_arguments_are_hidden_by_name():
    okta = {"username": "u", "password": "p", "app_id": "p"}
    params = {
        "url": "https://user:p@tenant.example.com",
        "api_key": "p",
        "update_secrets": "always",
        "config": {"host": "p", "password": "p", "okta": okta, "extra": {"secretKey": "p", "mode": "p"}},
        "id": None,
    }
    assert shown_arguments(arguments()["argument_spec"], params) == {
        "url": "https://user:********@tenant.example.com",
        "api_key": HIDDEN,
        "update_secrets": "always",
        "config": {
            "host": "p",
            "password": HIDDEN,
            "okta": {"username": "u", "password": HIDDEN, "app_id": "p"},
            "extra": {"secretKey": "********", "mode": "p"},
        },
        "id": None,
    }
