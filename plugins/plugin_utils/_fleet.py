# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Reading of the role's variables of many hosts in one process, without the secrets."""

from __future__ import annotations

import contextlib
import re
import typing as t

import ansible.errors
import jinja2
import jinja2.nodes
from ansible.module_utils.common.validation import check_type_dict
from ansible.module_utils.errors import UnsupportedError

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import InputError, IntegrationsError
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    is_secret_name,
    scrub,
    secret_values,
)
from ansible_collections.immuta.integrations.plugins.module_utils._drift.compare import Cluster
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.connection import (
    Tenant,
    immuta_spec,
    tenant_from,
)
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import check_config, desired_from
from ansible_collections.immuta.integrations.plugins.module_utils._modules import immuta_redshift_integration
from ansible_collections.immuta.integrations.plugins.plugin_utils._in_process import as_sent, validate

CONFIG = "immuta_redshift_config"

# The placeholder of an undefined variable, until it is known whether only a credential needs it.
_UNDEFINED = "__immuta_redshift_undefined__"
_UNDEFINED_NAME = re.compile(r"'[^'{}]+' is undefined|[\w ']+ has no attribute '[^'{}]+'")
# The exception of a template that renders to omit; ansible-core before 2.19 renders a placeholder.
OMITTED: t.Any = getattr(ansible.errors, "AnsibleValueOmittedError", ())
_SETUPS = {"manual": False, "automatic": True}


class Templar(t.Protocol):
    """The required part of Ansible's templar."""

    available_variables: t.Any

    def template(self, variable: t.Any) -> t.Any:
        """Render templates in a value."""


class HostReader:
    """A reader of the desired integrations in host variables.

    A secret is neither rendered nor required. Other credentials, which Immuta may show, are omitted if they cannot be
    rendered. ``connection`` has the options of action group ``immuta`` for every host, ``environ`` has the proxies.
    """

    def __init__(self, templar: Templar, connection: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> None:
        self._templar = templar
        self._connection = connection
        self._environ = environ
        self.secrets: set[str] = set()
        self.warnings: list[str] = []

    def read(self, name: str, variables: dict[str, t.Any]) -> tuple[Cluster, Tenant | None]:
        """Return the cluster and its tenant, or None for invalid variables; the cluster then has the error."""
        self._templar.available_variables = variables
        try:
            return self._read(name, variables)
        except IntegrationsError as error:
            message = error.message
        except Exception as error:  # noqa: BLE001  # any exception fails only this host
            message = _sentence(error, variables)
        return Cluster(name, host=self._host(variables), error=message), None

    def _read(self, name: str, variables: dict[str, t.Any]) -> tuple[Cluster, Tenant]:
        config = self._config(variables)
        setup = self._value(variables, "immuta_redshift_setup", "manual")
        if not isinstance(setup, str) or setup not in _SETUPS:
            raise InputError(f"immuta_redshift_setup is {setup}: set manual or automatic.")
        api = _parsed(self._value(variables, "immuta_redshift_api", {}))
        if not isinstance(api, dict):
            raise InputError("immuta_redshift_api is not a dictionary: set options of the action group immuta in it.")
        unknown = [str(option) for option in api if option not in immuta_spec()]
        if unknown:
            raise InputError(
                f"immuta_redshift_api contains {', '.join(unknown)}: set options of the action group immuta only."
            )
        validation = validate(
            immuta_redshift_integration.arguments(),
            {
                **self._connection,
                **api,
                "state": self._value(variables, "immuta_redshift_state", "present"),
                "auto_bootstrap": _SETUPS[setup],
                "config": config,
            },
        )
        self.secrets.update(map(str, validation._no_log_values))
        if validation.error_messages:
            unsupported = isinstance(validation.errors[0], UnsupportedError)
            raise InputError(f"{'Unsupported parameters: ' if unsupported else ''}{validation.errors.msg}")
        params = validation.validated_parameters
        desired = desired_from(params)
        check_config(desired, complete=desired.state == "present")
        tenant, warnings = tenant_from(params, self._environ)
        self.warnings += [warning for warning in warnings if warning not in self.warnings]
        return Cluster(name, desired.host, tenant.url, desired), tenant

    def _host(self, variables: dict[str, t.Any]) -> str | None:
        """Return the host of variables with errors in other places."""
        try:
            config = variables[CONFIG]
            is_written_out = isinstance(config, dict)
            computed = plain(self._templar.template(config["host"] if is_written_out else config))
            host = computed if is_written_out else _parsed(computed)["host"]
        except Exception:  # noqa: BLE001  # a template can raise anything
            return None
        return host if isinstance(host, str) else None

    def _value(self, variables: t.Mapping[str, t.Any], name: str, default: t.Any) -> t.Any:
        if name not in variables:
            return default
        try:
            return plain(self._templar.template(variables[name]))
        except Exception as error:  # a template can raise anything
            raise InputError(f"{name}: {_sentence(error, variables)}") from error

    def _config(self, variables: dict[str, t.Any]) -> dict[str, t.Any]:
        if CONFIG not in variables:
            raise InputError(f"{CONFIG} is not defined for this host: set it, or leave the host out.")
        config = _without_credentials(_parsed(self._member(CONFIG, variables[CONFIG], variables)))
        if not isinstance(config, dict):
            raise InputError(f"{CONFIG} is not a dictionary: set the settings of the integration in it.")
        return config

    def _member(self, path: str, value: t.Any, variables: dict[str, t.Any]) -> t.Any:
        """Return a setting without the secrets below it."""
        if isinstance(value, dict):
            members = {}
            for name, member in value.items():
                where = f"{path}.{name}"
                if is_secret_name(str(name)):
                    continue
                try:
                    computed = self._member(where, member, variables)
                except OMITTED:
                    continue
                except InputError:
                    if not _is_credential(where):
                        raise
                    continue
                if not is_omitted(computed, variables):
                    members[name] = computed
            return members
        try:
            # A template may render to a dictionary. Rendered values are never templates again.
            return _without_credentials(plain(self._computed(value, variables)))
        except OMITTED:
            raise
        except Exception as error:  # a template can raise anything
            raise InputError(f"{path}: {_sentence(error, variables)}") from error

    def _computed(self, value: t.Any, variables: dict[str, t.Any]) -> t.Any:
        try:
            return self._templar.template(value)
        except Exception:
            if not isinstance(value, str):
                raise
            computed = self._computed_without_credentials(value, variables)
            if computed is None:
                raise
            return computed

    def _computed_without_credentials(self, value: str, variables: dict[str, t.Any]) -> dict[str, t.Any] | None:
        """Return the value of a template in which only credentials of a dictionary cannot be rendered."""
        overlay = self._overlay(value, variables, set())
        self._templar.available_variables = {**variables, **overlay}
        try:
            computed = plain(self._templar.template(value))
        except Exception:  # noqa: BLE001  # the first attempt's error is the one to report
            return None
        finally:
            self._templar.available_variables = variables
        without = _without_credentials(_parsed(computed))
        return without if isinstance(without, dict) and _UNDEFINED not in str(without) else None

    def _overlay(self, value: str, variables: dict[str, t.Any], seen: set[str]) -> dict[str, t.Any]:
        """Return the variables of a template: dictionaries without credentials, and marks for undefined names."""
        overlay: dict[str, t.Any] = {}
        for name, mark in _references(value).items():
            if name in seen:
                continue
            seen.add(name)
            referred = variables.get(name, mark)
            if referred is mark:
                overlay[name] = mark
            elif isinstance(referred, dict):
                overlay[name] = self._pruned(referred)
            elif isinstance(referred, str):
                overlay.update(self._overlay(referred, variables, seen))
        return overlay

    def _pruned(self, settings: dict[str, t.Any]) -> dict[str, t.Any]:
        pruned = {}
        for name, value in settings.items():
            if is_secret_name(str(name)):
                continue
            if isinstance(value, dict):
                value = self._pruned(value)
            elif _is_credential(f"{CONFIG}.{name}") or name in _OKTA:
                try:
                    self._templar.template(value)
                except Exception:  # noqa: BLE001  # a template can raise anything
                    continue
            pruned[name] = value
        return pruned


_OKTA = ("app_id", "appId", "idp_host", "idpHost", "role")


def is_omitted(value: t.Any, variables: t.Mapping[str, t.Any]) -> bool:
    """Return whether a rendered value is the placeholder of omit, which is text before ansible-core 2.19."""
    return isinstance(value, str) and value == variables.get("omit")


def plain(value: t.Any) -> t.Any:
    """Return a rendered value as a module receives it."""
    return as_sent({"value": value})["value"]


def _parsed(value: t.Any) -> t.Any:
    """Return the dictionary in a text, which the role accepts too, or another value unchanged."""
    if isinstance(value, str):
        with contextlib.suppress(TypeError):
            return check_type_dict(value)
    return value


def _is_credential(path: str) -> bool:
    """Return whether a setting is part of a login of Immuta, which a comparison does not require."""
    return path in (f"{CONFIG}.username", f"{CONFIG}.okta") or path.startswith((f"{CONFIG}.okta.", f"{CONFIG}.extra."))


def _without_credentials(value: t.Any) -> t.Any:
    """Return a copy without secrets, and without user names and members of ``okta`` that have a mark."""
    if not isinstance(value, dict):
        return value
    kept = {}
    for name, member in value.items():
        if is_secret_name(str(name)):
            continue
        if name == "okta" and isinstance(member, dict):
            member = {key: item for key, item in member.items() if _UNDEFINED not in str(item)}
        if not (name == "username" and _UNDEFINED in str(member)):
            kept[name] = _without_credentials(member)
    return kept


def _references(template: str) -> dict[str, t.Any]:
    """Return the variables of a template, each with a placeholder for an undefined one.

    The placeholder is a mark, or a dictionary of marks for the members in the template.
    """
    try:
        tree = jinja2.Environment().parse(template)
    except jinja2.TemplateError:
        return {}
    found: dict[str, t.Any] = {node.name: _UNDEFINED for node in tree.find_all(jinja2.nodes.Name)}
    for node in tree.find_all((jinja2.nodes.Getattr, jinja2.nodes.Getitem)):
        name, path = _path(node)
        if name is not None:
            members = found
            for part in (name, *path[:-1]):
                if not isinstance(members.get(part), dict):
                    members[part] = {}
                members = members[part]
            members.setdefault(path[-1], _UNDEFINED)
    return found


def _path(node: t.Any) -> tuple[str | None, list[str]]:
    """Return the variable and the members of an expression such as ``a.b['c']``, or None for another expression."""
    path: list[str] = []
    while isinstance(node, (jinja2.nodes.Getattr, jinja2.nodes.Getitem)):
        part = node.attr if isinstance(node, jinja2.nodes.Getattr) else getattr(node.arg, "value", None)
        if not isinstance(part, str):
            return None, []
        path.insert(0, part)
        node = node.node
    return (node.name, path) if isinstance(node, jinja2.nodes.Name) else (None, [])


def _sentence(error: Exception, variables: t.Mapping[str, t.Any]) -> str:
    """Return Ansible's error of a template on one line, only the cause for an undefined name.

    ansible-core before 2.19 quotes the value of the variable with the template, including secrets.
    """
    text = " ".join(str(error).split())
    undefined = _UNDEFINED_NAME.findall(text)
    if undefined:
        return t.cast(str, undefined[-1])
    own = {name: value for name, value in variables.items() if name not in ("hostvars", "vars", "groups")}
    return t.cast(str, scrub(text, secret_values(own)))
