# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The rules of a Redshift integration, as functions of plain data: find, compare, decide, build the payload."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    InputError,
)
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    is_redacted,
    is_secret_name,
    masked,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import (
    CREDENTIALS,
    Wanted,
    listed,
    missing_credentials,
    option_name,
    snake_case,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.documents import (
    FAILED,
    GONE,
    SETTLED,
    TYPE,
    Config,
    Record,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.results import (
    failing_tests,
)

# What GET adds for settings that were never sent (Immuta's documentation, "Configure a Redshift Integration").
_DEFAULTS: Config = {"port": 5439, "impersonation": {"enabled": False}}

# Redshift folds identifiers to lower case, and host names have no case.
_CASELESS = ("database", "initialDatabase", "okta.idpHost")


@dataclass(frozen=True)
class Decision:
    """What to do next about a record, and what the task as a whole changes.

    ``action`` is ``none``, ``create``, ``update``, ``delete`` or ``wait``. ``body`` is what the write sends, if it
    sends anything; ``before`` and ``after`` are the two sides of the diff. With ``wait``, all but ``action`` tells what
    follows when the integration settles as ``enabled``.
    """

    action: str
    changed: bool
    differences: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    body: Record | None = field(default=None, repr=False)
    before: Record = field(default_factory=dict)
    after: Record = field(default_factory=dict)


def find(records: t.Iterable[Record], host: str) -> Record | None:
    """The Redshift integration on ``host``: one in use if there is one, else one that Immuta keeps as gone.

    Immuta allows one in use per type and host (its documentation, "HTTP Status Codes and Error Messages", POST 409).
    Raises InputError when there are more.
    """
    matches = [
        record for record in records if record.get("type") == TYPE and same_host(record["config"].get("host"), host)
    ]
    used = [record for record in matches if record["status"] not in GONE]
    if len(used) > 1:
        ids = ", ".join(record["id"] for record in used)
        raise InputError(f"Immuta has several Redshift integrations on {host}: say which one by id ({ids}).")
    return (used or matches)[-1] if matches else None


def same_host(shown: t.Any, host: str) -> bool:
    """Whether ``shown`` is that host, however each spells case, a final dot or a port."""

    def bare(name: str) -> str:
        return name.lower().partition(":")[0].rstrip(".")

    return isinstance(shown, str) and bare(shown) == bare(host)


def decide(record: Record | None, wanted: Wanted) -> Decision:
    """What to do about ``record`` so that it becomes what is wanted.

    Raises InputError, before anything is sent, for what Immuta does not change and for credentials that are missing.
    """
    if record is not None:
        refuse_other(record, wanted)
    status = None if record is None else record["status"]
    if record is None or status in GONE:
        return _decide_without(wanted, "create", _leftovers(record, wanted))
    if status == "deleting":
        return _decide_without(wanted, "wait")
    before = view(record)
    if wanted.state == "absent":
        body = delete_credentials(record, wanted)
        return Decision("delete" if status in SETTLED else "wait", changed=True, body=body, before=before)
    refuse_change(record, wanted)
    changes = tuple(differences(record, wanted))
    if not (changes or wanted.update_secrets or status == "createError"):
        action = "none" if status in SETTLED else "wait"
        return Decision(action, changed=False, cautions=_degraded(record, wanted), before=before, after=before)
    body = payload(record, wanted)
    return Decision("update" if status in SETTLED else "wait", True, changes, (), body, before, view(body))


def _decide_without(wanted: Wanted, action: str, cautions: tuple[str, ...] = ()) -> Decision:
    """What to do where Immuta has nothing; ``action`` is ``wait`` where it is still deleting what it had."""
    if wanted.state == "absent":
        return Decision("none" if action == "create" else action, changed=False, cautions=cautions)
    if wanted.id is not None:
        state = "no integration with id" if action == "create" else "begun to delete the integration with id"
        raise InputError(f"Immuta has {state} {wanted.id}: leave out id to create one.")
    body = payload(None, wanted)
    return Decision(action, changed=True, cautions=cautions, body=body, after=view(body))


def _leftovers(record: Record | None, wanted: Wanted) -> tuple[str, ...]:
    if record is None or record["status"] != "disabled":
        return ()
    database = record["config"].get("database", "Immuta's database")
    caution = (
        f"Immuta disabled {wanted.target} (id {record['id']}) without cleaning up: what it made in Redshift "
        f"({database}, its schemas and the system account) may still be there."
    )
    return (caution,)


def _degraded(record: Record, wanted: Wanted) -> tuple[str, ...]:
    if record["status"] not in FAILED:
        return ()
    why = failing_tests(record) or "Immuta names no failing validation test"
    return (f"{wanted.subject} (id {record['id']}) is as asked for, but in status {record['status']}; {why}.",)


def refuse_other(record: Record, wanted: Wanted) -> None:
    """Raise InputError when the integration with the id that the user gave is not the one that was meant."""
    kind, shown = record.get("type", TYPE), record["config"].get("host")
    if kind != TYPE:
        raise InputError(f"Integration {record['id']} is of type {kind}, not {TYPE}: give the id of another.")
    if wanted.host and isinstance(shown, str) and not same_host(shown, wanted.host):
        raise InputError(
            f"Integration {record['id']} is on {shown}, not on {wanted.host}, and a host cannot be changed: give the "
            "id of another, or leave it out."
        )


def refuse_change(record: Record, wanted: Wanted) -> None:
    """Raise InputError, with the difference, when ``wanted`` has what only a new integration can have.

    A different database is refused because it names what Immuta made, a different way of setup because the
    documentation asks to follow the initial one. Other attributes that may not be edited are for Immuta to refuse.
    """
    database, has = wanted.config.get("database"), record["config"].get("database")
    if database and isinstance(has, str) and has.lower() != database.lower():
        raise InputError(
            f"{wanted.subject} (id {record['id']}) has the database {has}, not {database}, and the database cannot "
            "be changed: delete the integration and create another.",
            differences=["database"],
            integration=shown(record),
        )
    automatic = record.get("autoBootstrap")
    if wanted.auto_bootstrap is not None and isinstance(automatic, bool) and automatic != wanted.auto_bootstrap:
        way = "automatically" if automatic else "manually"
        raise InputError(
            f"{wanted.subject} (id {record['id']}) was set up {way}, and auto_bootstrap cannot be changed: set it as "
            "it was, or delete the integration and create another.",
            differences=["auto_bootstrap"],
            integration=shown(record),
        )


def differences(record: Record, wanted: Wanted) -> list[str]:
    """The settings, as options of ``config``, in which Immuta shows something else than the user set.

    What the user did not set, what Immuta redacts and what it does not show is not compared.
    """
    shown = record["config"]
    impersonation = shown.get("impersonation")
    if isinstance(impersonation, dict):
        impersonation = {**_DEFAULTS["impersonation"], **impersonation}
    visible = {**_DEFAULTS, **shown, "impersonation": impersonation or _DEFAULTS["impersonation"]}
    found = [option_name(name)[len("config.") :] for name in _differing(wanted.config, visible)]
    return found + [f"extra.{name}" for name in _differing(wanted.extra, shown)]


def _differing(asked: Config, shown: Config, prefix: str = "") -> list[str]:
    found = []
    for key, value in asked.items():
        name, other = prefix + key, shown.get(key)
        if isinstance(value, dict) and isinstance(other, dict):
            found += _differing(value, other, f"{name}.")
        elif other is not None and not _hidden(name, other) and not _equal(name, value, other):
            found.append(name)
    return found


def _hidden(name: str, shown: t.Any) -> bool:
    return is_redacted(shown) or is_secret_name(name.rpartition(".")[2])


def _equal(name: str, asked: t.Any, shown: t.Any) -> bool:
    if name == "host":
        return same_host(shown, asked)
    if name in _CASELESS and isinstance(shown, str):
        return asked.lower() == shown.lower()
    if isinstance(asked, bool) or isinstance(shown, bool) or isinstance(asked, (dict, list)):
        return asked == shown
    return str(asked) == str(shown)


def payload(record: Record | None, wanted: Wanted) -> Record:
    """The whole payload of a POST or PUT, or of a script: what Immuta has, overlaid with what the user set.

    Redacted values and the credentials of another authentication type are left out, and what is equal is spelled as
    Immuta spells it. Raises InputError when credentials that Immuta does not show are missing.
    """
    kept = {} if record is None else _without_redacted(record["config"])
    config = _overlaid(kept, {**wanted.config, **wanted.extra})
    kind = config.get("authenticationType")
    if kind in CREDENTIALS:
        others = [name for other, names in CREDENTIALS.items() if other != kind for name in names]
        config = {name: value for name, value in config.items() if name not in others}
    missing = missing_credentials(config)
    if missing:
        raise InputError(
            f"To change {wanted.target}, give {listed(missing)} too: Immuta shows no credentials and wants them again."
        )
    automatic = None if record is None else record.get("autoBootstrap")
    return {
        "type": TYPE,
        "autoBootstrap": automatic if isinstance(automatic, bool) else bool(wanted.auto_bootstrap),
        "config": config,
    }


def _without_redacted(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {name: _without_redacted(item) for name, item in value.items() if not is_redacted(item)}
    if isinstance(value, list):
        return [_without_redacted(item) for item in value if not is_redacted(item)]
    return value


def _overlaid(kept: Config, asked: Config, prefix: str = "") -> Config:
    result = dict(kept)
    for key, value in asked.items():
        name, other = prefix + key, kept.get(key)
        if isinstance(value, dict) and isinstance(other, dict):
            result[key] = _overlaid(other, value, f"{name}.")
        elif other is None or not _equal(name, value, other):
            result[key] = value
    return result


def delete_credentials(record: Record, wanted: Wanted) -> Record | None:
    """What DELETE carries: credentials for an automatic setup, nothing otherwise.

    Immuta's documentation, "Configure a Redshift Integration", Delete an integration. Raises InputError when they are
    needed and not given.
    """
    if record.get("autoBootstrap") is not True:
        return None
    kind = wanted.config.get("authenticationType") or record["config"].get("authenticationType")
    credentials = {name: wanted.config[name] for name in CREDENTIALS.get(kind, ()) if name in wanted.config}
    body = {"authenticationType": kind, **credentials}
    missing = missing_credentials(body) if kind in CREDENTIALS else ["config.authentication_type and its credentials"]
    if missing:
        raise InputError(
            f"{wanted.subject} was set up automatically, so that deleting it takes a privileged account: give "
            f"{listed(missing)}."
        )
    return body


def shown(record: Record | None) -> Record | None:
    """A record for a result: keys in snake_case, secrets masked."""
    return None if record is None else snake_case(masked(record))


def view(document: Record) -> Record:
    """What a diff shows of a record or payload: what can be set, secrets masked."""
    return {
        "auto_bootstrap": document.get("autoBootstrap"),
        "config": snake_case(masked(document["config"])),
    }
