# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detection and masking of secrets."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    MASK,
    is_redacted,
    is_secret_name,
    masked,
    scrub,
    secret_values,
)


@pytest.mark.parametrize("value", ["<REDACTED>", "REDACTED", "[REDACTED]"])
def test_redacted_values_of_get(value: str):
    """Immuta's documentation, "Configure a Redshift Integration": a Redshift login and a Databricks token."""
    assert is_redacted(value)


@pytest.mark.parametrize("value", ["redacted", "REDACTED!", "<REDACTED> ", "<REDACTED>\n", "", None, 5, ["REDACTED"]])
def test_not_redacted(value: t.Any):
    assert not is_redacted(value)


@pytest.mark.parametrize(
    "name",
    [
        *("password", "pass", "passphrase", "oktaPassword", "okta_password", "PASSWORD"),
        *("secret", "clientSecret", "token", "sessionToken", "access_token", "credential", "credentials"),
        *("apiKey", "api_key", "apikey", "accessKey", "awsSecretAccessKey", "privateKey", "private_key", "key"),
        *("pwd", "dbPwd", "sharedKey", "api-key", "x-api-key", "connectionString", "connection_string", "hostKey"),
        *("Authorization", "session-cookie", "sas", "storageSas", "userJwt", "SIGNING_KEY", "kerberosKeytab"),
    ],
)
def test_name_of_a_secret(name: str):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("username", "host", "database", "appId", "idpHost", "role", "keyspace", "passed", "bypass", "monkey", "port"),
        *("publicKey", "primary_key", "sortKey", "authenticationType", "description", "accessibility", "keys"),
        *("accessKeyId", "awsAccessKeyId", "aws_access_key_id"),
    ],
)
def test_name_of_another_setting(name: str):
    assert not is_secret_name(name)


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
