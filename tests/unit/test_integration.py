# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a Redshift integration, on plain data."""

from __future__ import annotations

import copy
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import (
    Desired,
    api_config,
    check_as_given,
    check_config,
    snake_case,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.integration import (
    build_payload,
    check_payload,
    check_write,
    decide,
    delete_credentials,
    differences,
    find,
    for_display,
    hidden_settings,
    refuse_change,
    refuse_other,
    settings_view,
)

HOST = "organization.aws.amazon.com"
# Immuta's documentation, "Configure a Redshift Integration", the payload of the manual setup.
CONFIG: dict[str, t.Any] = {
    "host": HOST,
    "database": "immuta",
    "initialDatabase": "REDSHIFT_SAMPLE_DATA",
    "authenticationType": "userPassword",
    "username": "taylor@redshift.com",
    "password": "abc1234",
}
OKTA: dict[str, t.Any] = {
    "username": "taylor@redshift.com",
    "password": "abc1234",
    "appId": "Okta",
    "idpHost": "organization.okta.com",
    "role": "admin",
}
WITH_OKTA = {name: CONFIG[name] for name in ("host", "database", "initialDatabase")}
WITH_OKTA.update(authenticationType="okta", okta=OKTA)
# The same page, the reply of GET.
SHOWN: dict[str, t.Any] = {
    **CONFIG,
    "port": 5439,
    "impersonation": {"enabled": False},
    "username": "<REDACTED>",
    "password": "<REDACTED>",
}


def record(status: str = "enabled", automatic: bool = False, **config: t.Any) -> dict[str, t.Any]:
    return {
        "id": "7",
        "status": status,
        "type": "Redshift",
        "autoBootstrap": automatic,
        "config": {**copy.deepcopy(SHOWN), **config},
    }


def desired(
    config: dict[str, t.Any] | None = None,
    state: str = "present",
    extra: dict[str, t.Any] | None = None,
    automatic: bool | None = False,
    **more: t.Any,
) -> Desired:
    base = Desired(state, None, automatic, CONFIG if config is None else config, extra or {}, update_secrets=False)
    return replace(base, **more)


def changed(**settings: t.Any) -> dict[str, t.Any]:
    """Return the whole config with other settings; None omits one."""
    return {name: value for name, value in {**CONFIG, **settings}.items() if value is not None}


# Options


def test_api_config_uses_api_names():
    """Ansible keeps both spellings of an alias among the options."""
    options = {
        **dict.fromkeys(("port", "okta", "username", "password", "extra")),
        "host": HOST,
        "database": "immuta",
        "initial_database": "dev",
        "initialDatabase": "dev",
        "authentication_type": "okta",
        "authenticationType": "okta",
        "okta": {"app_id": "Okta", "appId": "Okta", "idp_host": None, "username": "u", "password": None, "role": None},
        "impersonation": {"enabled": False, "role": None},
        "extra": {"sslMode": "require", "nested": {"a": 1}},
    }
    assert api_config(options) == (
        {
            "host": HOST,
            "database": "immuta",
            "initialDatabase": "dev",
            "authenticationType": "okta",
            "okta": {"appId": "Okta", "username": "u"},
            "impersonation": {"enabled": False},
        },
        {"sslMode": "require", "nested": {"a": 1}},
    )
    assert api_config({"okta": {"role": None}, "impersonation": {}}) == api_config({}) == ({}, {})


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"initial_database": "a", "initialDatabase": "b"}, "config.initial_database and .*initialDatabase differ"),
        ({"okta": {"app_id": "a", "appId": "b"}}, "config.okta.app_id and config.okta.appId differ"),
        ({"password": {"hush": 1}}, "config.password is a dictionary: set it to text"),
        ({"okta": {"password": ["hush"]}}, "config.okta.password is a list"),
        ({"authenticationType": ["okta"]}, "config.authenticationType is a list"),
    ],
)
def test_config_with_ambiguous_yaml_types(config: dict[str, t.Any], said: str):
    with pytest.raises(InputError, match=said) as caught:
        check_as_given({"config": config})
    assert "hush" not in caught.value.message


def test_unmodified_config_is_accepted():
    same = {"initial_database": "a", "initialDatabase": "a", "port": "5439", "extra": {"any": ["thing"]}}
    for args in ({}, {"config": None}, {"config": [1]}, {"config": same}):
        check_as_given(args)


@pytest.mark.parametrize("name", ["host", "initial_database", "initialDatabase"])
def test_extra_rejects_known_settings(name: str):
    with pytest.raises(InputError, match=f"config.extra contains {name}"):
        api_config({"extra": {name: "x"}})


@pytest.mark.parametrize("config", [CONFIG, WITH_OKTA, {**CONFIG, "port": 65535, "host": "x_y-z.1"}])
def test_complete_config_is_accepted(config: dict[str, t.Any]):
    check_config(desired(config), complete=True)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (changed(host="https://h"), "config.host is not a host name"),
        (changed(host="h:5439"), "config.host is not a host name"),
        ({**WITH_OKTA, "okta": {**OKTA, "idpHost": "https://o"}}, "config.okta.idp_host is not a host name"),
        (changed(port=0), "config.port is 0: set"),
        (changed(port=65536), "config.port is 65536: set"),
        (changed(password="REDACTED"), "config.password is the placeholder that Immuta shows"),
        ({**WITH_OKTA, "okta": {**OKTA, "password": "[REDACTED]"}}, "config.okta.password is the placeholder"),
        (changed(initialDatabase=""), "config.initial_database is empty"),
        (changed(okta=OKTA), "config.okta is set with authentication_type userPassword"),
        ({**WITH_OKTA, "username": "u"}, "authentication_type okta: set them inside config.okta"),
        ({**WITH_OKTA, "password": "u"}, "authentication_type okta: set them inside config.okta"),
        (changed(host=None), "identify the integration by one of them"),
        (changed(database=None), "also needs config.database."),
        (changed(initialDatabase=None, authenticationType=None), "initial_database and config.authentication_type."),
    ],
)
def test_impossible_config(config: dict[str, t.Any], said: str):
    with pytest.raises(InputError, match=said) as caught:
        check_config(desired(config), complete=True)
    assert "abc1234" not in caught.value.message


def test_placeholder_in_extra_and_empty_auto_bootstrap_are_refused():
    with pytest.raises(InputError, match=r"config.extra.deep.secretKey is the placeholder"):
        check_config(desired(extra={"deep": {"secretKey": "<REDACTED>"}}), complete=True)
    with pytest.raises(InputError, match="auto_bootstrap is empty"):
        check_config(desired(automatic=None), complete=True)
    check_config(desired(state="absent", automatic=None), complete=False)


@pytest.mark.parametrize(
    "config", [{"host": HOST}, changed(password=None), {"host": HOST, "authenticationType": "okta"}]
)
def test_partial_config_without_a_payload(config: dict[str, t.Any]):
    check_config(desired(config, state="absent"), complete=False)
    check_config(desired({}, id="7"), complete=False)


# Selection of the integration


@pytest.mark.parametrize("spelled", [HOST, f"{HOST.title()}.:5439"])
def test_host_spellings_match(spelled: str):
    assert find([record(host=spelled)], HOST)
    assert find([record(host=HOST)], spelled)


@pytest.mark.parametrize(
    "other",
    [
        record(host=f"x.{HOST}"),
        record(host=None),
        record(host=["organization.aws.amazon.com"]),
        {**record(), "type": "Snowflake"},
        {**record(), "type": None},
        {**record(), "config": {}},
    ],
)
def test_other_integrations_do_not_match(other: dict[str, t.Any]):
    assert find([other], HOST) is None


def test_integration_in_use_among_deleted_ones():
    """Immuta's documentation, "Response Schema": ``deleted`` and ``disabled`` are not in use."""
    used = {**record("createError"), "id": "2"}
    gone = [{**record("deleted"), "id": "1"}, {**record("disabled"), "id": "3"}]
    assert find([gone[0], used, gone[1]], HOST) is used
    assert find(gone, HOST) is gone[1]
    assert find([], HOST) is None


def test_id_selects_among_several_in_use():
    with pytest.raises(InputError, match=r"several Redshift integrations on .* \(7, 8\): set id"):
        find([record(), {**record("editError"), "id": "8"}], HOST)


@pytest.mark.parametrize(
    ("there", "config", "said"),
    [
        ({**record(), "type": "Snowflake"}, CONFIG, "Integration 7 is of type Snowflake, not Redshift"),
        (record(), {"host": "other"}, f"Integration 7 is on {HOST}, not on other"),
    ],
)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_id_of_another_integration_is_refused(there: dict[str, t.Any], config: dict[str, t.Any], said: str, state: str):
    with pytest.raises(InputError, match=said):
        decide(there, desired(config, state=state, id="7"))


# Differences


@pytest.mark.parametrize(
    ("asked", "there", "names"),
    [
        ({}, {}, []),
        ({"host": f"{HOST.upper()}.", "database": "IMMUTA", "initialDatabase": "redshift_sample_data"}, {}, []),
        ({"username": "other", "password": "other"}, {}, []),
        ({"username": "other"}, {"username": "shown"}, ["username"]),
        ({"password": "other"}, {"password": "in clear"}, []),
        ({"initialDatabase": "dev"}, {}, ["initial_database"]),
        ({"port": 5439}, {}, []),
        ({"port": 5440}, {}, ["port"]),
        ({"port": 5440}, {"port": "5440"}, []),
        ({"impersonation": {"enabled": False}}, {}, []),
        ({"impersonation": {"enabled": True, "role": "r"}}, {}, ["impersonation.enabled"]),
        ({"impersonation": {"role": "r"}}, {"impersonation": {"role": "R"}}, ["impersonation.role"]),
        ({"impersonation": {"enabled": True}}, {"impersonation": "odd"}, ["impersonation"]),
        ({"impersonation": {"enabled": True}}, {"impersonation": {"role": "r"}}, ["impersonation.enabled"]),
        (WITH_OKTA, {}, ["authentication_type"]),
        (WITH_OKTA, {"authenticationType": "okta"}, []),
        (WITH_OKTA, {"authenticationType": "okta", "okta": "<REDACTED>"}, []),
        (
            WITH_OKTA,
            {"authenticationType": "okta", "okta": {"appId": "A", "idpHost": "Organization.Okta.com", "role": "b"}},
            ["okta.app_id", "okta.role"],
        ),
    ],
)
def test_only_set_and_visible_settings_are_compared(asked: dict[str, t.Any], there: dict[str, t.Any], names: list[str]):
    assert differences(record(**there), desired({**CONFIG, **asked})) == names


@pytest.mark.parametrize("missing", ["port", "impersonation"])
@pytest.mark.parametrize("value", [None, "left out"])
def test_default_applies_to_settings_get_omits(missing: str, value: str | None):
    """Immuta's documentation, the reply of GET: port 5439 and impersonation disabled, though neither was sent."""
    there = record(**{missing: value})
    if value:
        del there["config"][missing]
    assert differences(there, desired({**CONFIG, "port": 5439, "impersonation": {"enabled": False}})) == []


def test_non_default_differs_if_get_omits_it():
    there = {**record(), "config": {"host": HOST}}
    asked = {**CONFIG, "port": 1, "impersonation": {"enabled": True}}
    assert differences(there, desired(asked)) == ["port", "impersonation.enabled"]


def test_extra_is_compared_if_get_shows_the_key():
    extra = {"hidden": 1, "same": "a", "other": "b", "list": [1], "deep": {"x": 1, "secretKey": "s"}, "flag": True}
    there = record(same="a", other="c", list=[2], deep={"x": 2, "secretKey": "t"}, flag="True")
    assert differences(there, desired(extra=extra)) == ["extra.other", "extra.list", "extra.deep.x", "extra.flag"]


@pytest.mark.parametrize(
    ("there", "asked", "differing", "said"),
    [
        (record(database="old"), desired(), "database", r"\(id 7\) has the database old, not immuta, and the database"),
        (record(automatic=True), desired(), "auto_bootstrap", "was set up automatically, and auto_bootstrap cannot be"),
        (record(), desired(automatic=True), "auto_bootstrap", "was set up manually, and auto_bootstrap cannot be"),
    ],
)
def test_change_of_an_immutable_setting_is_refused(there: dict[str, t.Any], asked: Desired, differing: str, said: str):
    for status in ("enabled", "createError", "creating"):
        with pytest.raises(InputError, match=said) as caught:
            decide({**there, "status": status}, asked)
        assert caught.value.facts == {
            "differences": [differing],
            "integration": for_display({**there, "status": status}),
        }


def test_missing_or_equivalent_settings_are_no_change():
    refuse_other(record(), desired({}, id="7"))
    refuse_other({**record(), "config": {}}, desired(id="7"))
    refuse_change(record(database="IMMUTA"), desired())
    refuse_change({**record(), "autoBootstrap": None, "config": {}}, desired(automatic=True))


# Payloads


def test_payload_of_a_change_keeps_unset_options():
    there = record(
        host=HOST.upper(),
        port=5440,
        impersonation={"enabled": True, "role": "r"},
        tags=["<REDACTED>", {"a": "REDACTED"}],
    )
    asked = {**CONFIG, "database": "IMMUTA", "initialDatabase": "dev", "impersonation": {"enabled": False}}
    assert build_payload(there, desired(asked, automatic=None)) == {
        "type": "Redshift",
        "autoBootstrap": False,
        "config": {
            "host": HOST.upper(),
            "database": "immuta",
            "initialDatabase": "dev",
            "port": 5440,
            "impersonation": {"enabled": False, "role": "r"},
            "authenticationType": "userPassword",
            "username": CONFIG["username"],
            "password": CONFIG["password"],
            "tags": [{}],
        },
    }


def test_payload_drops_credentials_of_another_type():
    """Immuta's documentation, Update an integration configuration: from userPassword to okta."""
    sent = build_payload(record(username="shown"), desired(WITH_OKTA))["config"]
    assert sent == {**WITH_OKTA, "port": 5439, "impersonation": {"enabled": False}}
    okta = record(authenticationType="okta", okta={**OKTA, "password": "<REDACTED>"})
    back = build_payload(okta, desired())["config"]
    assert "okta" not in back
    assert back["password"] == "abc1234"
    access_key = desired({"host": HOST, "authenticationType": "accessKey"})
    assert "username" not in build_payload(record(username="shown"), access_key)["config"]


def test_payload_keeps_an_unknown_authentication_type():
    there = record(authenticationType="accessKey", username="shown")
    sent = build_payload(there, desired({"host": HOST, "port": 1}, id="7"))["config"]
    assert (sent["authenticationType"], sent["username"], sent["port"]) == ("accessKey", "shown", 1)


NO_PASSWORD = {"authenticationType": "okta", "okta": {**OKTA, "password": "<REDACTED>"}}


@pytest.mark.parametrize(
    ("there", "asked", "missing"),
    [
        (None, changed(password=None), "config.password"),
        (None, changed(username=None, password=None), "config.username and config.password"),
        (None, {**WITH_OKTA, "okta": {"username": "u", "role": "r"}}, "config.okta.password, config.okta.app_id and"),
        (None, {**WITH_OKTA, "okta": {}}, "config.okta.username, "),
        (record(), changed(username=None, password=None, port=1), "config.username and config.password"),
        (record(**NO_PASSWORD), {"host": HOST, "port": 1}, "config.okta.password"),
    ],
)
def test_credentials_are_required_only_for_a_write(
    there: dict[str, t.Any] | None, asked: dict[str, t.Any], missing: str
):
    want = desired(asked)
    decision = decide(there, want)
    assert decision.changed
    with pytest.raises(InputError, match=f"Set {missing}"):
        check_write(decision, want, there)
    with pytest.raises(InputError, match=f"Set {missing}"):
        check_payload(build_payload(there, want), want, there)


def test_write_with_undocumented_type_and_credentials():
    for want in (desired({**CONFIG, "port": 1}), desired({"host": HOST, "authenticationType": "accessKey"})):
        check_write(decide(record(), want), want, record())
    check_write(decide(record(), desired(state="absent")), desired(state="absent"), record())


@pytest.mark.parametrize("shown_as", [True, False, None])
def test_auto_bootstrap_comes_from_the_record(shown_as: bool | None):
    sent = build_payload({**record(), "autoBootstrap": shown_as}, desired(automatic=True))
    assert sent["autoBootstrap"] is (shown_as is not False)


@pytest.mark.parametrize(
    ("config", "there", "body"),
    [
        (CONFIG, {}, {name: CONFIG[name] for name in ("authenticationType", "username", "password")}),
        (WITH_OKTA, {}, {"authenticationType": "okta", "okta": OKTA}),
        (
            {"host": HOST, "username": "u", "password": "p"},
            {},
            {"authenticationType": "userPassword", "username": "u", "password": "p"},
        ),
        ({"host": HOST}, {"authenticationType": "accessKey"}, {"authenticationType": "accessKey", "keyId": "k"}),
    ],
)
def test_delete_sends_automatic_setup_credentials(
    config: dict[str, t.Any], there: dict[str, t.Any], body: dict[str, t.Any]
):
    """Immuta's documentation, Delete an integration: authenticationType and the credentials, or no payload at all."""
    want = desired(config, state="absent", extra={"keyId": "k"})
    assert delete_credentials(record(automatic=True, **there), want) == body
    assert delete_credentials(record(automatic=False), desired(config, state="absent")) is None


@pytest.mark.parametrize(
    ("config", "there", "said"),
    [
        ({"host": HOST}, {}, "set config.username and config.password."),
        (changed(password=None), {}, "set config.password."),
        ({"host": HOST}, {"authenticationType": "okta"}, "set config.okta.username, "),
        ({"host": HOST}, {"authenticationType": None}, "set config.authentication_type and its credentials."),
        ({"host": HOST}, {"authenticationType": "accessKey"}, "set config.username and config.password."),
        (
            {"host": HOST},
            {"authenticationType": "accessKey", "username": None, "password": None},
            "set config.authentication_type and its credentials.",
        ),
    ],
)
def test_delete_without_credentials_is_refused(config: dict[str, t.Any], there: dict[str, t.Any], said: str):
    """Immuta's documentation, DELETE 400: "Please provide them in your payload."."""
    want, current = desired(config, state="absent"), record(automatic=True, **there)
    decision = decide(current, want)
    assert decision.action == "delete"
    with pytest.raises(InputError, match=said):
        check_write(decision, want, current)


def with_access_key(automatic: bool = False, **members: t.Any) -> dict[str, t.Any]:
    """Return settings of such an integration. Their names are not documented: these are examples."""
    config = {name: value for name, value in SHOWN.items() if name not in ("username", "password")}
    key = {"authenticationType": "accessKey", "awsAccessKeyId": "AKIA1", "awsSecretAccessKey": "[REDACTED]"}
    return {**record(automatic=automatic), "config": {**config, **key, **members}}


ACCESS_KEY = changed(username=None, password=None, authenticationType="accessKey")


@pytest.mark.parametrize(
    ("extra", "members", "missing"),
    [
        ({}, {}, "config.extra.awsSecretAccessKey"),
        ({"awsAccessKeyId": "AKIA2"}, {}, "config.extra.awsSecretAccessKey"),
        ({"awsSecretAccessKey": "s"}, {}, None),
        ({"awsSecretAccessKey": "s"}, {"username": "<REDACTED>"}, "config.username"),
        (
            {"deep": {"other": 1}},
            {"deep": {"handle": "REDACTED"}},
            "config.extra.awsSecretAccessKey and config.extra.deep.handle",
        ),
        ({"awsSecretAccessKey": "s", "deep": "text"}, {"deep": {"handle": "REDACTED"}}, None),
        ({"awsSecretAccessKey": "s", "list": ["l"]}, {"list": ["REDACTED"]}, None),
        ({"awsSecretAccessKey": "s"}, {"list": ["REDACTED"]}, "config.extra.list"),
    ],
)
def test_undocumented_type_requires_redacted_values(
    extra: dict[str, t.Any], members: dict[str, t.Any], missing: str | None
):
    """PUT takes the whole payload, and DELETE the credentials: Immuta's page "Configure a Redshift Integration"."""
    there = with_access_key(automatic=True, **members)
    change = desired({**ACCESS_KEY, "port": 5441}, extra=extra, automatic=True)
    removal = desired({"host": HOST}, state="absent", extra=extra)
    for want in (change, removal):
        decision = decide(there, want)
        if missing is None:
            check_write(decision, want, there)
        else:
            with pytest.raises(InputError) as caught:
                check_write(decision, want, there)
            assert f"et {missing}" in str(caught.value)


@pytest.mark.parametrize("status", ["enabled", "disabled"])
def test_documented_type_ignores_undocumented_settings(status: str):
    there = {**with_access_key(), "status": status}
    want = desired({**CONFIG, "authenticationType": "userPassword"})
    check_write(decide(there, want), want, there)
    gone = {**there, "status": "disabled"}
    check_write(decide(gone, desired(ACCESS_KEY)), desired(ACCESS_KEY), gone)


def test_display_config_keeps_unknown_names():
    shown = for_display(with_access_key(futureSetting={"subLevel": 1}, apiToken="t"))["config"]
    assert shown["initial_database"] == "REDSHIFT_SAMPLE_DATA"
    assert shown["extra"] == {
        "awsAccessKeyId": "AKIA1",
        "awsSecretAccessKey": "[REDACTED]",
        "futureSetting": {"subLevel": 1},
        "apiToken": "********",
    }
    assert hidden_settings(shown) == ["extra.awsSecretAccessKey", "extra.apiToken"]


# Decisions

GONE = ["deleted", "disabled"]
BUSY = ["creating", "editing", "migrating", "a status of tomorrow"]
DEGRADED = ["editError", "deleteError", "migrateError", "recurringValidationError"]

# status: (equal, different, secrets only) for state present, then the action for state absent
TABLE: dict[str | None, tuple[str, str, str, str]] = {
    None: ("create", "create", "create", "none"),
    **dict.fromkeys(GONE, ("create", "create", "create", "none")),
    **dict.fromkeys(BUSY, ("none, wait", "update, wait", "update, wait", "delete, wait")),
    "enabled": ("none", "update", "update", "delete"),
    "createError": ("update", "update", "update", "delete"),
    **dict.fromkeys(DEGRADED, ("none, warning", "update", "update", "delete")),
    "deleting": ("create, wait", "create, wait", "create, wait", "none, wait"),
}


def said(decision: t.Any) -> str:
    words = [decision.action]
    if decision.wait:
        words.append("wait")
    if decision.warnings:
        words.append("warning")
    return ", ".join(words)


@pytest.mark.parametrize("status", TABLE, ids=str)
def test_decision(status: str | None):
    """Immuta's documentation, "Response Schema", the table of statuses; POST 400 asks for PUT after ``createError``."""
    there = None if status is None else record(status)
    equal, different, secrets, absent = TABLE[status]
    if status == "disabled":
        equal, different, secrets, absent = (f"{cell}, warning" for cell in TABLE[status])
    assert said(decide(there, desired())) == equal
    assert said(decide(there, desired({**CONFIG, "port": 5440}))) == different
    assert said(decide(there, desired(update_secrets=True))) == secrets
    assert said(decide(there, desired({"host": HOST}, state="absent", automatic=None))) == absent


def test_statuses_match_the_documentation():
    assert len(set(TABLE) - {None, "a status of tomorrow"}) == 12


@pytest.mark.parametrize("status", ["deleting", "disabled", "deleted"])
def test_recreation_ignores_the_old_record(status: str):
    decision = decide(record(status, port=1), desired(extra={"sslMode": "require"}))
    config = {**CONFIG, "sslMode": "require"}
    assert decision.payload == {"type": "Redshift", "autoBootstrap": False, "config": config}
    assert (decision.before, decision.after) == ({}, settings_view(decision.payload))


@pytest.mark.parametrize(
    ("there", "state"), [(None, "has no"), (record("deleted"), "has no"), (record("deleting"), "is deleting the")]
)
def test_missing_id_cannot_be_created(there: dict[str, t.Any] | None, state: str):
    with pytest.raises(InputError, match=f"Immuta {state} integration with id 7: leave out id to create one"):
        decide(there, desired(id="7"))


def test_warnings_of_a_decision():
    tests = [{"name": "Grants", "status": "failed", "message": "USAGE is missing"}]
    degraded = {**record("recurringValidationError"), "validationResults": {"validationTests": tests}}
    (warning,) = decide(degraded, desired()).warnings
    assert warning == (
        f"The Redshift integration on {HOST} (id 7) is as desired, but in status recurringValidationError; failing "
        "validation tests: Grants (USAGE is missing)."
    )
    (leftovers,) = decide(record("disabled"), desired()).warnings
    assert "without cleaning up: objects that it created in Redshift (immuta, its schemas" in leftovers


# Display


def test_record_is_masked_and_in_snake_case():
    document = {
        **record(),
        "apiKey": "hush",
        "validationResults": {"validationTests": [{"name": "T", "result": [None]}]},
    }
    assert for_display(document) == {
        "id": "7",
        "status": "enabled",
        "type": "Redshift",
        "auto_bootstrap": False,
        "api_key": "********",
        "validation_results": {"validation_tests": [{"name": "T", "result": [None]}]},
        "config": snake_case(SHOWN),
    }
    assert for_display(None) is None
