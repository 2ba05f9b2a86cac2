# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detection and masking of secrets, in documents, texts and the arguments of a task."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    HIDDEN,
    MASK,
    distinctive,
    hidden_values,
    is_redacted,
    is_secret_name,
    masked,
    scrub,
    secret_values,
    shown_arguments,
)
from ansible_collections.immuta.integrations.plugins.module_utils._modules.immuta_redshift_integration import arguments


def test_redacted_values_of_get():
    """Immuta's documentation, "Configure a Redshift Integration": a Redshift login and a Databricks token."""
    assert all(map(is_redacted, ("<REDACTED>", "REDACTED", "[REDACTED]")))
    others = ("redacted", "REDACTED!", "<REDACTED> ", "<REDACTED>\n", "", None, 5, ["REDACTED"])
    assert not any(map(is_redacted, others))


SECRET_NAMES = (
    *("password", "pass", "passphrase", "oktaPassword", "okta_password", "PASSWORD"),
    *("secret", "clientSecret", "token", "sessionToken", "access_token", "credential", "credentials"),
    *("apiKey", "api_key", "apikey", "accessKey", "awsSecretAccessKey", "privateKey", "private_key", "key"),
    *("pwd", "dbPwd", "sharedKey", "api-key", "x-api-key", "connectionString", "connection_string", "hostKey"),
    *("Authorization", "session-cookie", "sas", "storageSas", "userJwt", "SIGNING_KEY", "kerberosKeytab"),
)
OTHER_NAMES = (
    *("username", "host", "database", "appId", "idpHost", "role", "keyspace", "passed", "bypass", "monkey", "port"),
    *("publicKey", "primary_key", "sortKey", "authenticationType", "description", "accessibility", "keys"),
    *("accessKeyId", "awsAccessKeyId", "aws_access_key_id"),
)


def test_names_of_secrets():
    assert [name for name in SECRET_NAMES if not is_secret_name(name)] == []
    assert [name for name in OTHER_NAMES if is_secret_name(name)] == []


def test_masked_hides_by_name_at_any_depth():
    document = {
        "host": "h",
        "password": "p",
        "token": "<REDACTED>",
        "apiKey": {"value": "a", "more": ["b"]},
        "list": [{"secret": 5}, "text"],
        "okta": {"password": "", "sessionToken": None, "credential": False},
        1: "one",
    }
    before = repr(document)
    assert masked(document) == {
        "host": "h",
        "password": MASK,
        "token": "<REDACTED>",
        "apiKey": MASK,
        "list": [{"secret": MASK}, "text"],
        "okta": {"password": "", "sessionToken": None, "credential": False},
        1: "one",
    }
    assert repr(document) == before


def test_secret_values_by_name():
    document = {
        "password": "p",
        "apiKey": {"value": "a", "more": ["b", None]},
        "list": [{"pin": 1, "secret": 5}],
        "x": "y",
    }
    assert secret_values(document) == ["p", "a", "b", "5"]
    assert secret_values(None) == []


def test_scrub_replaces_longer_secrets_first():
    document = {"message": "abc-12345 abc-1234", "list": ["xabc-1234", 7], "none": None}
    cleaned = scrub(document, ["abc-1234", "abc-12345", ""])
    assert cleaned == {"message": f"{MASK} {MASK}", "list": [f"x{MASK}", 7], "none": None}


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Validation of prerequisite setup", "Validation of prerequisite setup"),
        ("database p of p", "database p of p"),
        ("the password p is too short", f"the password {MASK} is too short"),
        ("password 'p', user 'p'", f"password '{MASK}', user 'p'"),
        ('{"password":"p","role":"p"}', f'{{"password":"{MASK}","role":"p"}}'),
        ("Pwd=p;User=p", f"Pwd={MASK};User=p"),
        ("password prefix", "password prefix"),
    ],
)
def test_scrub_of_common_words_after_secret_names(text: str, cleaned: str):
    assert scrub({"message": text}, ["p"]) == {"message": cleaned}


def test_scrub_handles_json_escapes():
    assert scrub(r'{"password": "a\"b\u00f6 1234"}', ['a"bö 1234']) == f'{{"password": "{MASK}"}}'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:hush@h/p", f"https://user:{MASK}@h/p"),
        ("https://hush@h", f"https://{MASK}@h"),
        ("see jdbc:redshift://u:hu@sh/1@h:5439/d now", f"see jdbc:redshift://u:{MASK}@h:5439/d now"),
        ("//u:hush@h", f"//u:{MASK}@h"),
        ("https://h:8443/a@b", "https://h:8443/a@b"),
        ("https://h/a@b", "https://h/a@b"),
        ("user:hush@h", "user:hush@h"),
        ("me@example.com", "me@example.com"),
    ],
)
def test_login_in_an_address_is_masked(text: str, shown: str):
    assert masked({"list": [text]}) == {"list": [shown]}


# Arguments of a task


@pytest.mark.parametrize(
    ("secret", "is_distinctive"),
    [
        *((word, False) for word in ("", "immuta", "password", "Passw0r", "immuta_system", "12345678")),
        *((text, True) for text in ("Passw0rd", "846e9e43c86a4ct1be14290d95127d13f", "correct horse", "p\u00e4sswort")),
    ],
)
def test_only_distinctive_secrets_are_searched(secret: str, is_distinctive: bool):
    assert distinctive([secret]) == ({secret} if is_distinctive else set())


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
