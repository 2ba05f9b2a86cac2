# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a YAML example: its syntax, its kind, and every name and value."""

from __future__ import annotations

import dataclasses
import typing as t

import yaml
from ansible.playbook.handler import Handler
from ansible.playbook.role.include import RoleInclude

from tests.docs.arguments import (
    BUILTIN,
    COLLECTION,
    ENVIRONMENT,
    ROLE,
    entry_points,
    inventory_options,
    is_template,
    module_problems,
    option_names,
    role_problems,
    role_variables,
    variable_problems,
)
from tests.docs.commands import command_problems
from tests.docs.expressions import expression_problems, expressions
from tests.docs.kinds import Mapping, host_variables, kind_of, parse, settings, unknown_names
from tests.docs.pages import EXAMPLE_FILES, Page
from tests.support.paths import ROOT

_BLOCK_KEYS = ("block", "rescue", "always")
_TASK_LISTS = ("pre_tasks", "tasks", "post_tasks", "handlers")
_ROLE_ACTIONS = (f"{BUILTIN}.include_role", f"{BUILTIN}.import_role")
_FILE_ACTIONS = (f"{BUILTIN}.include_tasks", f"{BUILTIN}.import_tasks")
_REMOVAL = "remove_redshift"
# The playbooks that take the role's variables, and the entry points with the same ones.
_ENTRY_POINTS = {"configure_redshift": "main", _REMOVAL: "main", "check_drift": "register"}
_SCRIPTS = ("run", "script", "before_script", "after_script")
_GROUPS = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]


def problems(text: str, page: Page) -> list[str]:
    """Return the problems of an example."""
    try:
        document = parse(text)
    except yaml.YAMLError as error:
        return [f"no YAML: {error}"]
    kind = kind_of(document, page)
    if kind is None:
        return ["of no kind that is known: no playbook, task list, inventory, variables or requirements"]
    judge = _Judge(page)
    judge.examine(kind, document)
    return judge.problems


@dataclasses.dataclass(frozen=True)
class _Scope:
    """The settings of the plays and blocks around a task."""

    defaults: tuple[Mapping, ...] = ()
    variables: Mapping = dataclasses.field(default_factory=dict)

    def within(self, item: Mapping) -> _Scope:
        defaults = item.get("module_defaults") or []
        more = [defaults] if isinstance(defaults, dict) else defaults
        return _Scope((*self.defaults, *more), {**self.variables, **(item.get("vars") or {})})

    def arguments(self, action: str, own: Mapping) -> Mapping:
        """Return the arguments of a task, merged with its defaults as Ansible does."""
        merged: Mapping = {}
        for defaults in self.defaults:
            merged.update(defaults)
        arguments: Mapping = {}
        for key in [*(f"group/{COLLECTION}.{group}" for group in _groups_of(action)), action]:
            arguments.update(merged[key] if isinstance(merged.get(key), dict) else {})
        return {**arguments, **own}

    def is_computed(self, action: str) -> bool:
        """Return whether defaults of the task come from a template."""
        groups = [f"group/{COLLECTION}.{group}" for group in _groups_of(action)]
        return any(is_template(defaults.get(group)) for defaults in self.defaults for group in groups)


def _groups_of(action: str) -> list[str]:
    return [group for group, members in _GROUPS.items() if action in {f"{COLLECTION}.{name}" for name in members}]


class _Judge:
    """A visitor that checks an example and records problems."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._environment = {name: value for name, value in ENVIRONMENT.items() if name in page.book}
        self._registered: dict[str, str] = {}
        self.problems: list[str] = []

    def examine(self, kind: str, document: t.Any) -> None:
        """Check a document of this kind."""
        examiners: dict[str, t.Callable[[t.Any], None]] = {
            "playbook": self._playbook,
            "tasks": self._tasks,
            "inventory": self._inventory,
            "variables": self._variables,
            "inventory source": self._inventory_source,
            "requirements": self._requirements,
            "changelog fragment": self._fragment,
            "pipeline": self._pipeline,
        }
        examiners[kind](document)
        # Expressions of a pipeline are not Jinja.
        for text, bare in expressions(document if kind != "pipeline" else None):
            self._note(text, expression_problems(text, bare, self._registered))

    def _note(self, where: str, found: t.Iterable[str]) -> None:
        self.problems += [f"{where}: {problem}" for problem in found]

    def _playbook(self, plays: list[Mapping]) -> None:
        for play in plays:
            where, scope = self._entered(play, _Scope())
            imported = play.get("import_playbook", play.get(f"{BUILTIN}.import_playbook"))
            if imported is not None:
                self._imported(where, imported, scope)
            for role in play.get("roles") or []:
                use: Mapping = {"role": role} if isinstance(role, str) else role
                parameters = {key: value for key, value in use.items() if key not in {*RoleInclude.fattributes, "name"}}
                own = {**parameters, **(use.get("vars") or {})}
                self._role(where, use.get("role", use.get("name")), "main", own, scope)
            for tasks in _TASK_LISTS:
                self._tasks(play.get(tasks) or [], scope)

    def _entered(self, item: Mapping, outer: _Scope) -> tuple[str, _Scope]:
        """Return the name and the scope of a play, block or task, and check its settings."""
        where, scope = item.get("name", "something without a name"), outer.within(item)
        for defaults in scope.defaults[len(outer.defaults) :]:
            for key, arguments in defaults.items():
                self._note(where, [f"module_defaults: {problem}" for problem in _default_problems(key, arguments)])
        self._note(where, _name_problems(item.get("vars") or {}))
        return where, scope

    def _imported(self, where: str, playbook: str, scope: _Scope) -> None:
        collection, _dot, name = playbook.rpartition(".")
        if collection != COLLECTION:
            return
        if not (ROOT / "playbooks" / f"{name}.yml").exists():
            self._note(where, [f"there is no playbook {playbook}"])
        elif name in _ENTRY_POINTS:
            own = {"immuta_redshift_state": "absent"} if name == _REMOVAL else {}
            self._role(where, ROLE, _ENTRY_POINTS[name], own, scope)

    def _tasks(self, tasks: list[Mapping], outer: _Scope | None = None) -> None:
        for task in tasks:
            where, scope = self._entered(task, outer or _Scope())
            if "block" in task:
                for key in _BLOCK_KEYS:
                    self._tasks(task.get(key) or [], scope)
            else:
                self._task(where, task, scope)

    def _task(self, where: str, task: Mapping, scope: _Scope) -> None:
        actions = [key for key in task if key not in Handler.fattributes and not key.startswith("with_")]
        if len(actions) != 1:
            self._note(where, [f"names no module or several: {', '.join(actions)}"])
            return
        (action,) = actions
        own = task[action] or {}
        arguments = scope.arguments(action, {**own, **task.get("args", {})}) if isinstance(own, dict) else own
        environment = ENVIRONMENT if scope.is_computed(action) else self._environment
        self._note(where, [f"{action}: {problem}" for problem in module_problems(action, arguments, environment)])
        if action in _ROLE_ACTIONS:
            entry = arguments.get("tasks_from", "main")
            self._role(where, arguments.get("name"), entry, task.get("vars") or {}, scope)
        if action in _FILE_ACTIONS:
            self._note(where, self._missing(arguments if isinstance(arguments, str) else arguments.get("file", "")))
        if "register" in task:
            is_loop = "loop" in task or any(key.startswith("with_") for key in task)
            self._registered[task["register"]] = "" if is_loop else action

    def _missing(self, name: str) -> list[str]:
        """Return the problem of a file that is missing among the example files."""
        if is_template(name) or not self._page.name.startswith(EXAMPLE_FILES):
            return []
        return [] if (ROOT / self._page.name / name).exists() else [f"there is no file {name}"]

    def _role(self, where: str, name: t.Any, entry: str, own: Mapping, scope: _Scope) -> None:
        if name != ROLE:
            self._note(where, [f"there is no role {name}, use the full name {ROLE}"])
            return
        variables = {**scope.variables, **own}
        shared, clusters = settings(self._page)
        if "immuta_redshift_config" in variables:
            clusters = [shared]
        elif not clusters:
            self._note(where, ["immuta_redshift_config is given neither here nor elsewhere on the page"])
        for cluster in clusters:
            self._note(where, role_problems(entry, {**cluster, **variables}, self._environment))
        self._note(where, [*_name_problems(own), *_unread(entry, own)])

    def _inventory(self, groups: Mapping) -> None:
        for host in host_variables(groups):
            self._variables(host)

    def _variables(self, variables: Mapping) -> None:
        self._note("variables", [*_name_problems(variables), *variable_problems(variables)])
        if "immuta_redshift_config" in variables:
            shared, _clusters = settings(self._page)
            # On a page about removal, fewer variables are sufficient.
            state: Mapping = {"immuta_redshift_state": "absent"} if _REMOVAL in self._page.text else {}
            self._note("variables", role_problems("main", {**state, **shared, **variables}, self._environment))

    def _inventory_source(self, document: Mapping) -> None:
        """Check the options in a file for the inventory plugin."""
        options = inventory_options(document["plugin"])
        self._note("plugin", [] if options else [f"there is no inventory plugin {document['plugin']}"])
        self._note("inventory source", [f"no option {name}" for name in document if options and name not in options])

    def _requirements(self, document: Mapping) -> None:
        for wanted in document.get("collections", []):
            name = wanted if isinstance(wanted, str) else wanted.get("name", "")
            self._note("requirements", [] if name == COLLECTION else [f"{name} is not this collection"])

    def _fragment(self, document: Mapping) -> None:
        for section, entries in document.items():
            fits = isinstance(entries, list) and all(isinstance(entry, str) for entry in entries)
            self._note(section, [] if fits else ["is no list of sentences"])

    def _pipeline(self, node: t.Any, key: str = "") -> None:
        """Check the commands of a GitHub workflow or a GitLab pipeline."""
        if isinstance(node, dict):
            for name, value in node.items():
                self._pipeline(value, name)
        elif isinstance(node, list):
            for item in node:
                self._pipeline(item, key)
        elif key in _SCRIPTS:
            for line in node.splitlines():
                self._note(line, command_problems(line, self._page))


def _name_problems(variables: Mapping) -> list[str]:
    return [f"the role has no variable {name}" for name in unknown_names(" ".join(variables))]


def _unread(entry: str, own: Mapping) -> t.Iterator[str]:
    """Return variables that are set only for an entry point that does not read them."""
    for name in own:
        if name in role_variables() and name not in entry_points().get(entry, {}):
            yield f"the entry point {entry} does not read {name}"


def _default_problems(key: str, arguments: t.Any) -> t.Iterator[str]:
    """Return the problems of an entry of module_defaults."""
    groups = {f"group/{COLLECTION}.{group}": members for group, members in _GROUPS.items()}
    for module in [f"{COLLECTION}.{name}" for name in groups[key]] if key in groups else [key]:
        options = option_names(module)
        if not options:
            yield f"{module} is neither a group of this collection nor a module"
        elif isinstance(arguments, dict):
            yield from (f"{module} has no option {name}" for name in arguments if name not in options)
