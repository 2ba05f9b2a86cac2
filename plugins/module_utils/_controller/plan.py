# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The difference between desired and current objects of a controller, as functions of plain data.

A desired object has a ``kind`` (the API's collection), a ``name``, ``fields``, and references ``refers_to`` from fields
to other objects, each as ``kind/name``. An id is None for an object that check mode did not create.
"""

from __future__ import annotations

import typing as t

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    InputError,
)

Fields = dict[str, t.Any]
Ids = t.Mapping[str, t.Optional[int]]

# The scope in which a name is unique (measured on AWX 24.6.1): fields of the object; none for the whole controller.
SCOPES: dict[str, tuple[str, ...]] = {
    "credential_types": ("kind",),
    "execution_environments": (),
    "credentials": ("organization", "credential_type"),
    "projects": ("organization",),
    "inventories": ("organization",),
    "inventory_sources": ("inventory",),
    "job_templates": ("organization",),
    "workflow_job_templates": ("organization",),
}
# A job template has the organization of its project, and refuses one of its own.
DERIVED = {"job_templates": ("organization",)}
LABELS = {
    "credential_types": "credential type",
    "execution_environments": "execution environment",
    "credentials": "credential",
    "projects": "project",
    "inventories": "inventory",
    "inventory_sources": "inventory source",
    "job_templates": "job template",
    "workflow_job_templates": "workflow",
}
EDGES = ("success_nodes", "failure_nodes", "always_nodes")
# Overrides that a node can pass to its template. None of them is approved, so all are removed.
NO_PROMPTS: Fields = {
    "extra_data": {},
    "inventory": None,
    "scm_branch": None,
    "job_type": None,
    "job_tags": None,
    "skip_tags": None,
    "limit": None,
    "diff_mode": None,
    "verbosity": None,
    "execution_environment": None,
    "forks": None,
    "job_slice_count": None,
    "timeout": None,
    "all_parents_must_converge": False,
}
ACTIVE = ("new", "pending", "waiting", "running")


def with_project_url(desired: Fields, url: str) -> Fields:
    """Return ``desired`` with the repository address in its projects."""
    objects = [
        {**one, "fields": {**one["fields"], "scm_url": url}} if one["kind"] == "projects" else one
        for one in desired["objects"]
    ]
    return {**desired, "objects": objects}


def resolved(desired: Fields, ids: Ids) -> Fields:
    """Return the fields of an object, with references as ids."""
    references = {name: ids[key] for name, key in desired.get("refers_to", {}).items()}
    return {"name": desired["name"], **desired.get("fields", {}), **references}


def query(desired: Fields, ids: Ids) -> Fields | None:
    """Return the query for an object in the scope of its name, or None if the scope does not exist yet."""
    wanted = resolved(desired, ids)
    scope = {name: wanted[name] for name in SCOPES[desired["kind"]]}
    return None if None in scope.values() else {"name": desired["name"], **scope}


def creation(desired: Fields, ids: Ids) -> Fields:
    """Return the body that creates an object."""
    derived = DERIVED.get(desired["kind"], ())
    return {name: value for name, value in resolved(desired, ids).items() if name not in derived}


def update(desired: Fields, current: Fields, ids: Ids) -> Fields:
    """Return the desired values of fields that differ. Raise InputError for an object of another owner."""
    wanted = creation(desired, ids)
    outside = {"organization"} - set(SCOPES[desired["kind"]])
    if outside & set(wanted) and current.get("organization") != wanted["organization"]:
        owned = {name: value for name, value in wanted.items() if name != "organization"}
        if current.get("organization") is not None or differences(owned, current):
            raise InputError(
                f"The {LABELS[desired['kind']]} {desired['name']} belongs to another organization or to the whole "
                "controller, where such names are unique. Set immuta_controller_execution_environment to another "
                "name."
            )
        return {}
    return differences(wanted, current)


def differences(wanted: Fields, current: Fields) -> Fields:
    """Return the fields of ``wanted`` that differ in ``current``."""
    return {name: value for name, value in wanted.items() if not is_same(name, value, current.get(name))}


def is_same(name: str, wanted: t.Any, current: t.Any) -> bool:
    """Return whether a field needs no change. All kinds of empty values are equal."""
    empty: list[t.Any] = [None, "", {}, *(["---", "{}"] if name == "extra_vars" else [])]
    if wanted in (None, "", {}):
        return current in empty
    if wanted is False and current is None:
        return True  # a controller without the field
    return type(wanted) is type(current) and wanted == current


def missing_credentials(wanted: t.Mapping[str, int | None], given: t.Sequence[Fields]) -> list[str]:
    """Return the credentials, with type ids, whose type a template lacks. Other credentials of a type stay."""
    types = [credential["credential_type"] for credential in given]
    return [credential for credential, kind in wanted.items() if kind not in types]


class Edge(t.NamedTuple):
    """An edge from ``parent`` to ``child`` by the list ``kind``, by identifiers."""

    parent: str
    kind: str
    child: str


def foreign_nodes(desired: t.Sequence[Fields], current: t.Sequence[Fields]) -> list[str]:
    """Return a description of every unexpected node of a workflow."""
    known = [node["identifier"] for node in desired]
    strange = [node for node in current if node["identifier"] not in known]
    return [
        node.get("summary_fields", {}).get("unified_job_template", {}).get("name", node["identifier"])
        for node in strange
    ]


def edges(desired: t.Sequence[Fields], current: t.Sequence[Fields]) -> tuple[list[Edge], list[Edge]]:
    """Return the edges to remove from a workflow and those to add.

    Removals come first: the controller refuses a second edge between two nodes, and a cycle.
    """
    wanted = [Edge(one["identifier"], "success_nodes", two["identifier"]) for one, two in zip(desired, desired[1:])]
    names = {node["id"]: node["identifier"] for node in current}
    present = {
        Edge(node["identifier"], kind, names.get(child, str(child)))
        for node in current
        for kind in EDGES
        for child in node.get(kind, [])
    }
    return sorted(present - set(wanted)), [edge for edge in wanted if edge not in present]


def approval_of(node: Fields) -> Fields | None:
    """Return the approval of a node, or None if it has another or no template."""
    target = node.get("summary_fields", {}).get("unified_job_template", {})
    return target if target.get("unified_job_type") == "workflow_approval" else None


def update_in_progress(project: Fields) -> int | None:
    """Return the id of a project update in progress."""
    summary = project.get("summary_fields", {})
    running = summary.get("current_update") or summary.get("current_job") or {}
    return running.get("id") if project.get("status") in ACTIVE else None
