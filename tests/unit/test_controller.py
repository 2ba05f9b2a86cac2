# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The address of a controller, the message of a refusal, and the changes."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError
from ansible_collections.immuta.integrations.plugins.module_utils._controller import plan
from ansible_collections.immuta.integrations.plugins.module_utils._controller.connection import (
    TOKEN_VARIABLES,
    api_path,
    connection,
    first_of,
)
from ansible_collections.immuta.integrations.plugins.module_utils._controller.http import (
    Api,
    ControllerError,
    refusal,
    words,
)

NODES = [{"identifier": name} for name in ("generate", "approve", "execute")]


@pytest.mark.parametrize(
    ("host", "root"),
    [
        ("controller.example.com", "https://controller.example.com"),
        (" https://controller.example.com/ ", "https://controller.example.com"),
        ("http://localhost:8052", "http://localhost:8052"),
        ("https://example.com/awx/", "https://example.com/awx"),
        ("[::1]:443", "https://[::1]:443"),
    ],
)
def test_c12_host_with_or_without_scheme(host: str, root: str) -> None:
    assert connection(host, "token", None, True).root == root


@pytest.mark.parametrize(
    ("prefix", "path"),
    [
        (None, "/api/v2"),
        ("/api/v2", "/api/v2"),
        ("/api/", "/api/v2"),
        ("api/controller", "/api/controller/v2"),
        ("/api/controller/v2/", "/api/controller/v2"),
    ],
)
def test_c12_prefix_spellings(prefix: str | None, path: str) -> None:
    assert api_path(prefix) == path


def test_c12_variables_of_both_products_are_read() -> None:
    assert first_of(TOKEN_VARIABLES, {"TOWER_OAUTH_TOKEN": "old", "AAP_TOKEN": "new"}) == "new"
    assert first_of(TOKEN_VARIABLES, {"CONTROLLER_OAUTH_TOKEN": " "}) is None


@pytest.mark.parametrize("token", ["a\r\nb", "a b", "käse", "a\x00"])
def test_c5_invalid_token_is_not_quoted(token: str) -> None:
    with pytest.raises(InputError, match="Copy the token from the controller again") as caught:
        connection("controller.example.com", token, None, True)

    assert token not in caught.value.message


def test_c5_token_is_trimmed() -> None:
    assert connection("controller.example.com", " token\r\n", None, True).token == "token"


@pytest.mark.parametrize(
    "host", ["https://me:S3cret@x.example.com", "ftp://x.example.com", "https://x/?a=b", "x:99999"]
)
def test_invalid_controller_address(host: str) -> None:
    with pytest.raises(InputError, match="is not the address of a controller") as caught:
        connection(host, "token", None, True)

    assert "S3cret" not in caught.value.message


@pytest.mark.parametrize(
    ("host", "exposed"), [("http://10.0.0.1", True), ("http://127.0.0.1:80", False), ("10.0.0.1", False)]
)
def test_token_readable_by_others(host: str, exposed: bool) -> None:
    assert bool(connection(host, "token", None, True).caution) is exposed


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b'{"detail": "Not found."}', "Not found"),
        (b'{"name": ["Too long.", "Odd."], "__all__": ["No."]}', "name: Too long. name: Odd. No"),
        (
            b'{"scm_url": ["https://me:S3cret@x.example.com/y is none"]}',
            "scm_url: https://********@x.example.com/y is none",
        ),
        (b"<html>Bad Gateway</html>", "no explanation"),
        (b"", "no explanation"),
    ],
)
def test_refusal_message(text: bytes, shown: str) -> None:
    assert words(text) == shown


def test_not_a_controller_api(monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(connection("controller.example.com", "token", None, True))
    monkeypatch.setattr(api, "get", lambda path, **query: ["Welcome"])

    with pytest.raises(ControllerError, match=r"GET teams/ at https://controller.example.com is not from the API of a"):
        api.all("teams/")


def test_c11_retry_after() -> None:
    assert refusal("GET x", 429, "7", b"").facts["retry_after"] == 7.0
    assert "retry_after" not in refusal("GET x", 429, "soon", b"").facts
    assert not refusal("GET x", 500, None, b"").retryable


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        ("inventory_sources", {"inventory": 3}),  # C1
        ("execution_environments", {}),  # C3
        ("credentials", {"organization": 1, "credential_type": 2}),  # C7
        ("job_templates", {"organization": 1}),
    ],
)
def test_lookup_uses_the_scope_of_the_name(kind: str, scope: dict[str, int]) -> None:
    ids = {"organizations/O": 1, "credential_types/T": 2, "inventories/I": 3}
    references = {
        "organization": "organizations/O",
        "credential_type": "credential_types/T",
        "inventory": "inventories/I",
    }

    assert plan.query({"kind": kind, "name": "N", "refers_to": references}, ids) == {"name": "N", **scope}


def test_children_of_new_objects_are_new() -> None:
    desired = {"kind": "inventory_sources", "name": "N", "refers_to": {"inventory": "inventories/I"}}

    assert plan.query(desired, {"inventories/I": None}) is None


@pytest.mark.parametrize(
    ("name", "wanted", "current", "same"),
    [
        ("limit", "", None, True),
        ("extra_vars", "", "---", True),
        ("limit", "", "---", False),
        ("diff_mode", None, False, False),
        ("ask_tags_on_launch", False, None, True),
        ("forks", 1, True, False),
        ("forks", 5, 5, True),
        ("all_parents_must_converge", False, True, False),
    ],
)
def test_field_comparison(name: str, wanted: t.Any, current: t.Any, same: bool) -> None:
    assert plan.is_same(name, wanted, current) is same


def current_nodes(generate: dict[str, t.Any], approve: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    nodes = {"generate": generate, "approve": approve, "execute": {}}
    return [{"id": number, "identifier": name, **nodes[name]} for number, name in enumerate(nodes, 1)]


def test_c2_moved_edge_is_removed_first() -> None:
    current = current_nodes({"success_nodes": [2], "always_nodes": [3]}, {"failure_nodes": [3]})
    assert plan.edges(NODES, current) == (
        [plan.Edge("approve", "failure_nodes", "execute"), plan.Edge("generate", "always_nodes", "execute")],
        [plan.Edge("approve", "success_nodes", "execute")],
    )


def test_c2_correct_edge_is_kept() -> None:
    current = current_nodes({"success_nodes": [2]}, {"success_nodes": [3]})
    assert plan.edges(NODES, current) == ([], [])
