# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Immuta stand-in: replies beyond the how-to's examples, and its controls for tests."""

from __future__ import annotations

import copy
import time

import pytest
import requests

from tests.support.by_hand import automatic_config, payload, run_scripts
from tests.support.standin import HOST

# From Immuta's documentation, for Redshift, this host and this id.
ERRORS = {400: "Bad request", 404: "Not found", 409: "Conflict", 422: "Unprocessable entity"}
MISSING = (404, "No integration found with ID 5.")
NOT_EDITABLE = (400, "Unable to edit integration due to changes of non-editable attribute(s).")
WRONG_STATE = "Unable to {} integration with ID 5 in current state {}."
TAKES_NO_CREDENTIALS = (
    "Credentials are not required for disable unless the integration was configured automatically. If you need to "
    "update your integration credentials, use PUT to update the integration before disabling."
)
NEEDS_CREDENTIALS = (
    "Integrations that are automatically configured require privileged credentials to disable. Please "
    "provide them in your payload."
)
EXISTS = (409, f"Redshift integration already exists on {HOST} (id = 5).")
USE_PUT = (
    f"Use PUT /integrations/5 endpoint to update connection information for Redshift integration on host {HOST} "
    "(id = 5) that previously failed to create."
)
CREDENTIALS = {"authenticationType": "userPassword", "username": "somebody", "password": "pw"}


def config(host: str = HOST, database: str = "immuta") -> dict:
    """Return a config as GET shows it, for an integration that is not set up."""
    return {
        "host": host,
        "database": database,
        "initialDatabase": "dev",
        "port": 5439,
        "impersonation": {"enabled": False},
        **CREDENTIALS,
    }


CHANGE = payload(config())


def refusal(reply: requests.Response) -> tuple[int, str]:
    """Return the status and the message of a reply, which has Immuta's error envelope."""
    envelope = reply.json()
    assert (envelope["statusCode"], envelope["error"]) == (reply.status_code, ERRORS[reply.status_code])
    return reply.status_code, envelope["message"]


@pytest.mark.parametrize(
    ("seeded", "method", "body", "expected"),
    [
        (None, "GET", None, (404, "No Integration found with ID 5.")),
        (None, "PUT", CHANGE, MISSING),
        (None, "DELETE", None, MISSING),
        ({}, "DELETE", CREDENTIALS, (400, TAKES_NO_CREDENTIALS)),
        ({"autoBootstrap": True}, "DELETE", None, (400, NEEDS_CREDENTIALS)),
        ({}, "PUT", payload(config(database="other")), NOT_EDITABLE),
        ({}, "PUT", payload(config(), automatic=True), NOT_EDITABLE),
        ({"status": "editing"}, "PUT", CHANGE, (409, WRONG_STATE.format("edit", "editing"))),
        ({"status": "deleting"}, "DELETE", None, (409, WRONG_STATE.format("delete", "deleting"))),
        ({}, "PUT", CHANGE, (422, "Validation of prerequisite setup failed. Unable to edit integration.")),
    ],
)
def test_refusals_about_one_integration(standins, api, seeded, method, body, expected):
    if seeded is not None:
        standins.immuta.seed(**{"id": 5, "config": config(), **seeded})
    assert refusal(api.request(method, "/integrations/5", json=body)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("enabled", EXISTS),
        ("creating", EXISTS),
        ("createError", (400, USE_PUT)),
        ("deleted", None),
        ("disabled", None),
    ],
)
def test_one_integration_per_host(standins, api, status, expected):
    standins.immuta.seed(id=5, status=status, config=config(host=HOST.upper()))
    run_scripts(standins, standins.config())
    reply = api.post("/integrations", json=payload(standins.config()))
    if expected:
        assert refusal(reply) == expected
    else:
        assert reply.json()["id"] == "6"


@pytest.mark.parametrize("setup", ["nothing", "first script", "both, another password", "database exists, automatic"])
def test_prerequisites_are_checked(standins, api, setup):
    asked = payload(standins.config())
    if setup == "first script":
        run_scripts(standins, standins.config())
        with standins.postgres.connect("immuta") as admin:
            admin.execute("DROP SCHEMA immuta_procedures CASCADE")
    elif setup == "both, another password":
        run_scripts(standins, standins.config(password="An0ther-Pa55word"))
    elif setup == "database exists, automatic":
        asked = payload(automatic_config(standins, database="dev"), automatic=True)
    reply = api.post("/integrations", json=asked)
    assert refusal(reply) == (422, "Validation of prerequisite setup failed. Unable to create integration.")
    failing = [test["name"] for test in reply.json()["validationResults"]["validationTests"] if "message" in test]
    assert failing == [
        "Validate Automatic Bootstrap: Immuta Database Does Not Exist"
        if "automatic" in setup
        else "Initial Validation: Basic Connection Test"
    ]
    assert api.get("/integrations").json() == []


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({"type": "redshift"}, "type"),
        ({"autoBootstrap": "false"}, "autoBootstrap"),
        ({"config": None}, "config"),
        ({"invented": 1}, "payload"),
        ({"config.host": "https://cluster.example.com"}, "config.host"),
        ({"config.database": ""}, "config.database"),
        ({"config.port": "5439"}, "config.port"),
        ({"config.impersonation": {"enabled": "no"}}, "config.impersonation"),
        ({"config.authenticationType": "accessKey"}, "config.authenticationType"),
        ({"config.password": None}, "config.password"),
        ({"config.authenticationType": "okta"}, "config.okta"),
        ({"config.authenticationType": "okta", "config.okta": {"username": "x"}}, "config.okta.password"),
    ],
)
def test_invalid_payload_is_refused(api, change, member):
    asked = payload(config())
    for key, value in change.items():
        owner, _dot, name = key.rpartition(".")
        (asked["config"] if owner else asked)[name] = value
    status, message = refusal(api.post("/integrations", json=asked))
    assert status == 400
    assert f'"{member}"' in message


@pytest.mark.parametrize("headers", [{}, {"Authorization": "wrong"}, {"Authorization": "Bearer wrong"}])
def test_requests_without_a_key_are_refused(standins, headers):
    for path in ("/integrations", "/integrations/1"):
        assert requests.get(standins.immuta.url + path, headers=headers, timeout=10).status_code == 401


def test_unknown_scripts(api):
    assert api.post("/integrations/scripts/post-cleanup", json=payload(config())).status_code == 404
    assert api.post("/integrations/scripts/create", json=payload(config(), automatic=True)).status_code == 400


def test_failed_change_keeps_the_config(standins, api):
    asked = payload(automatic_config(standins), automatic=True)
    number = api.post("/integrations", json=asked).json()["id"]
    before = copy.deepcopy(standins.immuta.records())
    standins.immuta.set(failing=["editing"])
    api.put(f"/integrations/{number}", json=payload({**asked["config"], "port": 1}, automatic=True))
    shown = api.get(f"/integrations/{number}").json()
    assert (shown["status"], shown["validationResults"]["status"]) == ("editError", "failed")
    assert standins.immuta.records()[0]["config"] == before[0]["config"]


def test_put_repairs_a_failed_automatic_setup(standins, api):
    """The account may create the database but no user, so the work fails after the checks."""
    standins.postgres.create_user("halfway", "Half-Pa55word", createdb=True)
    asked = payload(standins.config(username="halfway", password="Half-Pa55word"), automatic=True)
    number = api.post("/integrations", json=asked).json()["id"]
    assert api.get(f"/integrations/{number}").json()["status"] == "createError"
    asked = payload(automatic_config(standins), automatic=True)
    assert api.put(f"/integrations/{number}", json=asked).json()["status"] == "editing"
    assert api.get(f"/integrations/{number}").json()["status"] == "enabled"


def test_log_omits_control_requests(standins, api):
    assert api.post("/_standin/integrations", json={"type": "Trino", "id": 9}).json() == {"id": "9"}
    api.post("/integrations", json={"a": 1})
    (entry,) = api.get("/_standin/requests").json()
    assert (entry["method"], entry["path"], entry["body"], entry["status"]) == ("POST", "/integrations", {"a": 1}, 400)
    assert entry["headers"]["authorization"] == standins.immuta.api_key


@pytest.mark.parametrize(
    ("kind", "acted"),
    [
        ("drop_before", False),
        ("hang", False),
        ("drop_after", True),
        ("truncate_body", True),
        ("on_request", False),
        ("on_reply", True),
    ],
)
def test_faults_that_lose_the_reply(standins, api, kind, acted):
    standins.immuta.seed(id=3, config=config())
    if kind.startswith("on_"):
        setattr(standins.immuta.wire, kind, lambda entry: "drop" if entry["method"] == "DELETE" else None)
    else:
        standins.immuta.add_fault(kind, method="DELETE", path="^/integrations/3$", seconds=0.05)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        api.delete("/integrations/3")
    assert (api.get("/integrations/3").status_code == 404) is acted
    assert standins.immuta.writes == ["deleting"] * acted
    assert [entry["method"] for entry in standins.immuta.requests()] == ["DELETE", "GET"]


def test_faults_that_corrupt_the_reply(standins, api):
    standins.immuta.add_fault("status", skip=1, status=500, body="no envelope")
    standins.immuta.add_fault("html", skip=1)
    standins.immuta.add_fault("redirect", skip=1, location="https://elsewhere.example.com/")
    standins.immuta.add_fault("truncate_headers", skip=1)
    replies = [api.get("/integrations", allow_redirects=False) for unused in range(5)]
    assert replies[0].json() == []
    assert (replies[1].status_code, replies[1].text) == (500, "no envelope")
    assert replies[2].headers["content-type"].startswith("text/html")
    assert (replies[3].status_code, replies[3].headers["location"]) == (307, "https://elsewhere.example.com/")
    assert (replies[4].status_code, replies[4].content) == (200, b"")


@pytest.mark.parametrize("kind", ["latency", "slow"])
def test_faults_that_delay_the_reply(standins, api, kind):
    standins.immuta.seed(config=config())
    standins.immuta.add_fault(kind, seconds=0.2)
    begin = time.monotonic()
    assert len(api.get("/integrations").json()) == 1
    assert time.monotonic() - begin >= 0.2
