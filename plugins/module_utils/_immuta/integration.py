# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""The rules of a Redshift integration, as functions of plain data: find, compare, decide, build the payload."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    MASK,
    is_redacted,
    is_secret_name,
    masked,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import (
    CREDENTIALS,
    Desired,
    as_option,
    flat,
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
    Credentials,
    Payload,
    Record,
    is_gone,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.results import failing_tests

# Defaults that GET adds for unset settings (Immuta's documentation, "Configure a Redshift Integration").
_DEFAULTS: Config = {"port": 5439, "impersonation": {"enabled": False}}

# Redshift folds identifiers to lower case, and host names have no case.
_CASELESS = ("database", "initialDatabase", "okta.idpHost")


@dataclass(frozen=True)
class Decision:
    """The change of an integration.

    ``action`` is ``none``, ``create``, ``update`` or ``delete``. With ``wait``, Immuta must settle first, and then the
    decision is repeated. ``payload`` is the body of a creation or an update, ``credentials`` that of a deletion; either
    may lack unset credentials. ``before`` and ``after`` are the sides of the diff.
    """

    action: str
    wait: bool = False
    differences: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    payload: Payload | None = field(default=None, repr=False)
    credentials: Credentials | None = field(default=None, repr=False)
    before: dict[str, t.Any] = field(default_factory=dict)
    after: dict[str, t.Any] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return self.action != "none"

    @property
    def sends_credentials(self) -> bool:
        return self.payload is not None or self.credentials is not None


def find(records: t.Iterable[Record], host: str) -> Record | None:
    """Return the Redshift integration on ``host``, preferably one in use.

    Immuta allows one in use per type and host (its documentation, "HTTP Status Codes and Error Messages", POST 409).
    Raise InputError for more.
    """
    matches = [
        record for record in records if record.get("type") == TYPE and same_host(record["config"].get("host"), host)
    ]
    used = [record for record in matches if record["status"] not in GONE]
    if len(used) > 1:
        ids = ", ".join(record["id"] for record in used)
        raise InputError(
            f"Immuta has several Redshift integrations on {host} ({ids}): set id to one of them, or delete the others."
        )
    return (used or matches)[-1] if matches else None


def same_host(shown: t.Any, host: str) -> bool:
    """Return whether two hosts are the same, regardless of case, a final dot and a port."""
    return isinstance(shown, str) and bare_host(shown) == bare_host(host)


def bare_host(name: str) -> str:
    """Return a host in canonical spelling."""
    return name.lower().partition(":")[0].rstrip(".")


def decide(current: Record | None, desired: Desired) -> Decision:
    """Return the change from ``current`` to the desired state.

    Raise InputError for settings that Immuta does not change.
    """
    if current is not None:
        refuse_other(current, desired)
    if is_gone(current):
        return _decide_without(desired, warnings=_leftovers(current, desired))
    current = t.cast(Record, current)
    status = current["status"]
    if status == "deleting":
        return _decide_without(desired, wait=True)
    before, wait = settings_view(current), status not in SETTLED
    if desired.state == "absent":
        return Decision("delete", wait=wait, credentials=delete_credentials(current, desired), before=before)
    refuse_change(current, desired)
    changes = tuple(differences(current, desired))
    if not (changes or desired.update_secrets or status == "createError"):
        return Decision("none", wait=wait, warnings=_degraded(current, desired), before=before, after=before)
    payload = build_payload(current, desired)
    return Decision(
        "update", wait=wait, differences=changes, payload=payload, before=before, after=settings_view(payload)
    )


def _decide_without(desired: Desired, *, wait: bool = False, warnings: tuple[str, ...] = ()) -> Decision:
    """Return the decision without an integration, or with ``wait`` while Immuta is deleting it."""
    if desired.state == "absent":
        return Decision("none", wait=wait, warnings=warnings)
    if desired.id is not None:
        state = "is deleting the integration with id" if wait else "has no integration with id"
        raise InputError(f"Immuta {state} {desired.id}: leave out id to create one.")
    payload = build_payload(None, desired)
    return Decision("create", wait=wait, warnings=warnings, payload=payload, after=settings_view(payload))


def check_write(decision: Decision, desired: Desired, current: Record | None) -> None:
    """Raise InputError if the write lacks credentials, which Immuta requires every time.

    For a deletion with credentials: Immuta's documentation, "HTTP Status Codes and Error Messages", DELETE 400.
    """
    if decision.action == "delete":
        if decision.credentials is not None:
            _check_delete_credentials(decision.credentials, desired, current)
    elif decision.payload is not None:
        check_payload(decision.payload, desired, current)


def check_payload(payload: Payload, desired: Desired, current: Record | None) -> None:
    """Raise InputError if ``payload`` lacks credentials.

    A documented authentication type requires its credentials, any other the values that Immuta redacts in ``current``.
    """
    missing = missing_credentials(payload["config"]) or _missing_redacted(current, payload["config"])
    if missing:
        raise InputError(
            f"Set {listed(missing)} to create or change {desired.target}: Immuta does not return credentials and "
            "requires them with every change."
        )


def _missing_redacted(current: Record | None, sent: Config) -> list[str]:
    """Return the options that Immuta redacts in ``current`` and ``sent`` lacks, for an undocumented type.

    The requirements of another type than the current one are unknown, so none are missing.
    """
    kind = sent.get("authenticationType")
    if current is None or is_gone(current) or kind is None or kind in CREDENTIALS:
        return []
    if kind != current["config"].get("authenticationType"):
        return []
    given = [name for name, _value in flat(as_option(sent))]
    redacted = dict.fromkeys(name for name, value in flat(as_option(current["config"])) if is_redacted(value))
    return [f"config.{name}" for name in redacted if not any(f"{name}.".startswith(f"{one}.") for one in given)]


def _check_delete_credentials(credentials: Credentials, desired: Desired, current: Record | None) -> None:
    missing = missing_credentials(credentials) or _missing_redacted(current, credentials)
    if not missing and credentials.get("authenticationType") not in CREDENTIALS and len(credentials) == 1:
        missing = ["config.authentication_type and its credentials"]
    if missing:
        raise InputError(
            f"{desired.subject} was set up automatically, and Immuta needs a privileged account to delete it: set "
            f"{listed(missing)}."
        )


def _leftovers(current: Record | None, desired: Desired) -> tuple[str, ...]:
    if current is None or current["status"] != "disabled":
        return ()
    database = current["config"].get("database", "Immuta's database")
    warning = (
        f"Immuta disabled {desired.target} (id {current['id']}) without cleaning up: objects that it created in "
        f"Redshift ({database}, its schemas and the system account) may still exist."
    )
    return (warning,)


def _degraded(current: Record, desired: Desired) -> tuple[str, ...]:
    if current["status"] not in FAILED:
        return ()
    why = failing_tests(current) or "Immuta reports no failing validation test"
    return (f"{desired.subject} (id {current['id']}) is as desired, but in status {current['status']}; {why}.",)


def refuse_other(current: Record, desired: Desired) -> None:
    """Raise InputError if the integration with the id of the user is another one."""
    kind, host = current.get("type", TYPE), current["config"].get("host")
    if kind != TYPE:
        raise InputError(f"Integration {current['id']} is of type {kind}, not {TYPE}: set the id of another.")
    if desired.host and isinstance(host, str) and not same_host(host, desired.host):
        raise InputError(
            f"Integration {current['id']} is on {host}, not on {desired.host}, and a host cannot be changed: set the "
            "id of another, or leave it out."
        )


def refuse_change(current: Record, desired: Desired) -> None:
    """Raise InputError, with the difference, if ``desired`` requires a new integration.

    A different database is rejected because the current one has Immuta's objects, a different setup because the
    documentation requires the initial one. Immuta rejects other attributes that cannot be edited.
    """
    database, present = desired.config.get("database"), current["config"].get("database")
    if database and isinstance(present, str) and present.lower() != database.lower():
        raise InputError(
            f"{desired.subject} (id {current['id']}) has the database {present}, not {database}, and the database "
            "cannot be changed: delete the integration and create another.",
            differences=["database"],
            integration=for_display(current),
        )
    automatic = current.get("autoBootstrap")
    if desired.auto_bootstrap is not None and isinstance(automatic, bool) and automatic != desired.auto_bootstrap:
        way = "automatically" if automatic else "manually"
        raise InputError(
            f"{desired.subject} (id {current['id']}) was set up {way}, and auto_bootstrap cannot be changed: set it to "
            "match, or delete the integration and create another.",
            differences=["auto_bootstrap"],
            integration=for_display(current),
        )


def differences(current: Record, desired: Desired) -> list[str]:
    """Return the settings, as options of ``config``, in which Immuta's value differs from that of the user.

    Unset, redacted and invisible settings are not compared.
    """
    visible = visible_config(current)
    found = [option_name(name)[len("config.") :] for name in _differing(desired.config, visible)]
    return found + [f"extra.{name}" for name in _differing(desired.extra, current["config"])]


def visible_config(current: Record) -> Config:
    """Return the settings of a record with Immuta's defaults for missing ones."""
    config = current["config"]
    impersonation = config.get("impersonation")
    if isinstance(impersonation, dict):
        impersonation = {**_DEFAULTS["impersonation"], **impersonation}
    return {**_DEFAULTS, **config, "impersonation": impersonation or _DEFAULTS["impersonation"]}


def _differing(desired: Config, current: Config, prefix: str = "") -> list[str]:
    found = []
    for key, value in desired.items():
        name, other = f"{prefix}{key}", current.get(key)
        if isinstance(value, dict) and isinstance(other, dict):
            found += _differing(value, other, f"{name}.")
        elif other is not None and not _is_hidden(name, other) and not _equal(name, value, other):
            found.append(name)
    return found


def _is_hidden(name: str, current: t.Any) -> bool:
    return is_redacted(current) or is_secret_name(name.rpartition(".")[2])


def _equal(name: str, desired: t.Any, current: t.Any) -> bool:
    if name == "host":
        return same_host(current, desired)
    if name in _CASELESS and isinstance(current, str):
        return str(desired).lower() == current.lower()
    if isinstance(desired, (bool, dict, list)) or isinstance(current, bool):
        return t.cast(bool, desired == current)
    return str(desired) == str(current)


def build_payload(current: Record | None, desired: Desired) -> Payload:
    """Return the whole payload of a POST, PUT or script: the current settings overlaid with the desired ones.

    Redacted values and credentials of another authentication type are omitted, and equal values keep Immuta's spelling.
    Unset credentials are missing: see `check_payload`.
    """
    kept = {} if current is None else _without_redacted(current["config"])
    kind = desired.config.get("authenticationType", kept.get("authenticationType"))
    if kind in CREDENTIALS or kind != kept.get("authenticationType"):
        others = [name for other, names in CREDENTIALS.items() if other != kind for name in names]
        kept = {name: value for name, value in kept.items() if name not in others}
    automatic = None if current is None else current.get("autoBootstrap")
    return {
        "type": TYPE,
        "autoBootstrap": automatic if isinstance(automatic, bool) else bool(desired.auto_bootstrap),
        "config": _overlaid(kept, {**desired.config, **desired.extra}),
    }


def _without_redacted(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {name: _without_redacted(item) for name, item in value.items() if not is_redacted(item)}
    if isinstance(value, list):
        return [_without_redacted(item) for item in value if not is_redacted(item)]
    return value


def _overlaid(kept: Config, desired: Config, prefix: str = "") -> Config:
    result = dict(kept)
    for key, value in desired.items():
        name, other = f"{prefix}{key}", kept.get(key)
        if isinstance(value, dict) and isinstance(other, dict):
            result[key] = _overlaid(other, value, f"{name}.")
        elif other is None or not _equal(name, value, other):
            result[key] = value
    return result


def delete_credentials(current: Record, desired: Desired) -> Credentials | None:
    """Return the body of DELETE: credentials for an automatic setup, otherwise None.

    Immuta's documentation, "Configure a Redshift Integration", Delete an integration. That the members of
    ``config.extra`` are the credentials of an undocumented authentication type is an assumption.
    """
    if current.get("autoBootstrap") is not True:
        return None
    kind = desired.config.get("authenticationType") or current["config"].get("authenticationType")
    names = CREDENTIALS.get(kind or "", ("username", "password"))
    credentials = {name: desired.config[name] for name in names if name in desired.config}
    extra = {} if kind in CREDENTIALS else desired.extra
    return {"authenticationType": kind, **credentials, **extra}


def for_display(record: Record | None) -> dict[str, t.Any] | None:
    """Return a masked record with keys in snake_case for a result. For its config see `config_for_display`."""
    if record is None:
        return None
    return {**snake_case(masked(record)), "config": config_for_display(record)}


def config_for_display(document: Record | Payload) -> dict[str, t.Any]:
    """Return a masked config for a result; that of a Redshift integration has the shape of the option."""
    config = masked(document["config"])
    return as_option(config) if document.get("type", TYPE) == TYPE else snake_case(config)


def hidden_settings(config: t.Mapping[str, t.Any]) -> list[str]:
    """Return the settings of a displayed config without a visible value, with dots between levels.

    They are redacted by Immuta, or masked.
    """
    return list(dict.fromkeys(name for name, value in flat(config) if value == MASK or is_redacted(value)))


def settings_view(document: Record | Payload) -> dict[str, t.Any]:
    """Return the masked settings of a record or payload for a diff."""
    return {
        "auto_bootstrap": document.get("autoBootstrap"),
        "config": config_for_display(document),
    }
