# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""Execution of a module's work inside the controller process, if the result is the same.

A separate process costs a task a quarter of a second. The functions, the argument checks, the masking and the result
are those of the module.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import importlib
import json
import multiprocessing
import os
import signal
import sys
import typing as t

from ansible import constants
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator, ValidationResult
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    Caught,
    IntegrationsError,
    MissingLibraryError,
    failure_of,
)
from ansible_collections.immuta.integrations.plugins.module_utils._common.redaction import (
    distinctive,
    hidden_values,
    shown_arguments,
)
from ansible_collections.immuta.integrations.plugins.module_utils._common.runner import Work
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.desired import check_as_given
from ansible_collections.immuta.integrations.plugins.module_utils._immuta.http import keep_sessions
from ansible_collections.immuta.integrations.plugins.plugin_utils import _progress

SWITCH = "IMMUTA_IN_PROCESS"


class Module(t.Protocol):
    """The interface of ``module_utils/_modules``: an argument spec and the work."""

    @property
    def arguments(self) -> t.Callable[[], dict[str, t.Any]]:
        """Return the arguments for AnsibleModule."""

    @property
    def run(self) -> Work:
        """Run the task and return its result."""


class InProcessAction(ActionBase):
    """The action plugin of a module; a subclass sets the module of `module_utils` that does its work.

    ``isolated`` runs the work in a child process, for libraries with native code: a crashing driver then fails its task
    and not the play.
    """

    module: Module
    isolated = False

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Run the task, in this process or as an ordinary module, and return its result."""
        result = super().run(tmp, task_vars)
        task_vars = task_vars or {}
        environment: dict[str, t.Any] = {}
        self._compute_environment_string(environment)
        if self._fits(task_vars, {**os.environ, **environment}):
            with contextlib.suppress(MissingLibraryError), task_environment(environment):
                result.update(self._run_here(task_vars))
                return result
        result.update(self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val))
        return result

    def _fits(self, task_vars: dict[str, t.Any], environ: t.Mapping[str, t.Any]) -> bool:
        """Return whether the module would run on the same host, as the same account, with the same Python."""
        become = self._connection.become is not None or self._play_context.become
        if self._connection.transport != "local" or become or self._task.async_val:
            return False
        return is_switched_on(environ) and is_own_python(task_vars, self._templar.template)

    def _run_here(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        args = as_sent(self._task.args)
        validation = validate(self.module.arguments(), args)
        params = {**args, **validation.validated_parameters}
        secrets = distinctive([*validation._no_log_values, *hidden_values(params)])
        if validation.error_messages:
            outcome: dict[str, t.Any] = {"failed": True, "msg": objection(self._task.action, validation)}
        else:
            about = _progress.subject(str(task_vars.get("inventory_hostname")), params)
            outcome = self._outcome(args, params, self._teller(about, secrets))
        if not outcome.get("warnings"):
            outcome.pop("warnings", None)
        if _shows_invocation(task_vars):
            outcome["invocation"] = {"module_args": shown_arguments(self.module.arguments()["argument_spec"], params)}
        return t.cast(dict[str, t.Any], remove_values(outcome, secrets))

    def _teller(self, about: str, secrets: t.Collection[str]) -> _progress.Tell | None:
        """Return the printer of progress lines, or None if the task or its environment disables them."""
        if self._task.no_log or not boolean(os.environ.get(_progress.SWITCH, "true"), strict=False):
            return None
        return _progress.printer(about, secrets)

    def _outcome(
        self, args: dict[str, t.Any], params: dict[str, t.Any], tell: _progress.Tell | None
    ) -> dict[str, t.Any]:
        check_mode = bool(self._task.check_mode)
        try:
            check_as_given(args)
        except IntegrationsError as error:
            return {**error.as_failure(), "failed": True}
        if self.isolated:
            return in_child(self.module.run, params, check_mode, os.environ, tell)
        keep_sessions()
        with _progress.telling(tell):
            return attempt(self.module.run, params, check_mode, os.environ)


def is_switched_on(environ: t.Mapping[str, t.Any]) -> bool:
    """Return whether modules may run in the controller process."""
    return bool(boolean(environ.get(SWITCH, "true"), strict=False))


def is_own_python(variables: t.Mapping[str, t.Any], template: t.Callable[[t.Any], t.Any]) -> bool:
    """Return whether a host with these variables uses the Python of this process."""
    asked = constants.config.get_config_value("INTERPRETER_PYTHON", variables=variables)
    interpreter = str(template(asked) or "auto")
    return interpreter.startswith("auto") or _identity(interpreter) == _identity(sys.executable)


def _identity(interpreter: str) -> tuple[str, str]:
    """Return the identity of a Python: the program and its virtual environment."""
    return os.path.realpath(interpreter), os.path.dirname(os.path.abspath(interpreter))


def _shows_invocation(task_vars: dict[str, t.Any]) -> bool:
    """Return whether results include the arguments of their task; always before ansible-core 2.21."""
    if not hasattr(constants, "INJECT_INVOCATION"):
        return True
    return bool(constants.config.get_config_value("INJECT_INVOCATION", variables=task_vars))


def preload(library: str) -> None:
    """Import an installed library once in the controller, not in every task process."""
    with contextlib.suppress(ImportError):
        importlib.import_module(library)


def validate(arguments: dict[str, t.Any], args: dict[str, t.Any]) -> ValidationResult:
    """Validate the arguments of a task as AnsibleModule does."""
    spec = dict(arguments)
    return t.cast(ValidationResult, ArgumentSpecValidator(spec.pop("argument_spec"), **spec).validate(args))


def objection(action: str, validation: ValidationResult) -> str:
    """Return AnsibleModule's message for invalid arguments of a task."""
    message = str(validation.errors.msg)
    if isinstance(validation.errors[0], UnsupportedError):
        return f"Unsupported parameters for ({action}) module: {message}"
    return message


def attempt(work: Work, params: dict[str, t.Any], check_mode: bool, environ: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Return the result of ``work``, failed if it raises. Raise MissingLibraryError, for a retry by the module."""
    outcome: dict[str, t.Any] = {}
    with Caught() as caught:
        outcome = work(params, check_mode, environ)
    if isinstance(caught.error, MissingLibraryError):
        raise caught.error
    return {**failure_of(caught.error), "failed": True} if caught.error else outcome


def in_child(
    work: Work,
    params: dict[str, t.Any],
    check_mode: bool,
    environ: t.Mapping[str, str],
    tell: _progress.Tell | None = None,
) -> dict[str, t.Any]:
    """Run `attempt` in a child process. Its crash is a failed result, and it ends with the controller.

    ``tell`` is called in this process while the work lasts.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    controller, parent = os.getppid(), os.getpid()

    def run() -> None:
        _end_with(parent)
        try:
            with _progress.telling(tell and (lambda text: sender.send((_TEXT, text)))):
                outcome = attempt(work, params, check_mode, environ)
            sender.send((_OUTCOME, outcome))
        except MissingLibraryError:
            sender.send((_OUTCOME, None))

    child = context.Process(target=run, daemon=True)
    child.start()
    sender.close()
    try:
        kind = content = None
        while kind != _OUTCOME:
            while not receiver.poll(_PARENT_CHECK):
                if os.getppid() != controller:
                    return {"failed": True, "msg": "The controller has ended."}
            kind, content = receiver.recv()
            if kind == _TEXT and tell:
                tell(content)
    except EOFError:
        child.join()
        return {
            "failed": True,
            "msg": f"The process with the database driver ended with exit status {child.exitcode} before it returned a "
            "result: its statements may have taken effect. Check the database, and run the task again.",
        }
    finally:
        child.kill()
        child.join()
    if content is None:
        raise MissingLibraryError("A library is missing in the controller's Python.")
    return t.cast(dict[str, t.Any], content)


_PARENT_CHECK = 1.0  # seconds

_TEXT, _OUTCOME = "text", "outcome"  # The message of a child.

_PR_SET_PDEATHSIG = 1  # prctl(2)


def _end_with(parent: int) -> None:
    """Make the kernel kill this process when its parent ends, even during a computation; on Linux only."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


@contextlib.contextmanager
def task_environment(changes: t.Mapping[str, t.Any]) -> t.Iterator[None]:
    """Set the task's ``environment`` while the context lasts, as a module's process does."""
    before = dict(os.environ)
    os.environ.update({name: str(value) for name, value in changes.items()})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def as_sent(args: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the arguments of a task as its module receives them, by way of JSON."""
    return t.cast(dict[str, t.Any], json.loads(json.dumps(_plain(args))))


def _plain(value: t.Any) -> t.Any:
    """Return a copy without the controller's metadata."""
    if isinstance(value, dict) or hasattr(value, "items"):
        return {_plain(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (bool, int, float, type(None))):
        return value
    if isinstance(value, (list, tuple, set)):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime.date) else "".join(str(value))
