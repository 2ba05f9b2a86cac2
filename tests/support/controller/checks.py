# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller's checks of credential types and surveys."""

from __future__ import annotations

import re
import typing as t

import jinja2.sandbox

Fields = dict[str, t.Any]

NOT_FOR_CREDENTIALS = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "JOB_ID", "INVENTORY_ID", "AWX_HOST", "PROJECT_REVISION")
ANSWERS = {"text": str, "textarea": str, "password": str, "multiplechoice": str, "multiselect": str, "integer": int}


class RefusedError(Exception):
    """A reply with an error status."""

    def __init__(self, status: int, **body: t.Any) -> None:
        super().__init__(body)
        self.status = status
        self.body = body


def check_inputs(inputs: Fields) -> None:
    """Raise RefusedError for invalid fields of a credential."""
    known = {"id", "label", "type", "format", "choices", "help_text", "multiline", "secret", "default"}
    names = [field["id"] for field in inputs.get("fields", [])]
    wrong = [name for name in names if not re.fullmatch("[a-zA-Z_][a-zA-Z0-9_]*", name) or name == "tower"]
    if wrong or len(set(names)) != len(names) or set(inputs) - {"fields", "required"}:
        raise RefusedError(400, inputs=[f"These are no fields of a credential type: {inputs}"])
    for field in inputs.get("fields", []):
        field.setdefault("type", "string")
        if set(field) - known or field["type"] not in ("string", "boolean") or not isinstance(field.get("label"), str):
            raise RefusedError(400, inputs=[f"This is no field of a credential: {field}"])
        if field["type"] == "boolean" and set(field) & {"choices", "multiline", "format", "secret"}:
            raise RefusedError(400, inputs=[f"This is not for a boolean: {field}"])
        if field.get("format", "url") not in ("url", "ssh_private_key"):
            raise RefusedError(400, inputs=[f"There is no such format: {field}"])
    if set(inputs.get("required", [])) - set(names):
        raise RefusedError(400, inputs=["What is required is no field."])


def check_injectors(injectors: Fields, inputs: Fields) -> None:
    """Raise RefusedError for invalid templates, or for templates of unknown fields."""
    files = injectors.get("file", {})
    namespace: Fields = {field["id"]: "EXAMPLE" for field in inputs.get("fields", [])}
    namespace["tower"] = {"filename": "EXAMPLE"} if "template" in files else {}
    if set(injectors) - {"file", "env", "extra_vars"} or set(files) - {"template"}:
        raise RefusedError(400, injectors=["Unknown kind of injector."])
    for name in injectors.get("env", {}):
        if name in NOT_FOR_CREDENTIALS or not re.fullmatch("(?!ANSIBLE_)[a-zA-Z_][a-zA-Z0-9_]*", name):
            raise RefusedError(400, injectors=[f"Environment variable {name} is not allowed in credentials."])
    sandbox = jinja2.sandbox.ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined)
    for text in [*files.values(), *injectors.get("env", {}).values()]:
        try:
            sandbox.from_string(text).render(namespace)
        except jinja2.TemplateError as error:
            raise RefusedError(400, injectors=[f"{text} uses an undefined field ({error})"]) from None


def is_of(value: t.Any, kind: type) -> bool:
    """Return whether a JSON value has this type; true is no number."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def check_survey(survey: Fields) -> None:
    """Raise RefusedError for an invalid survey."""
    if set(survey) != {"name", "description", "spec"} or not survey["spec"]:
        raise RefusedError(400, error="A survey has a name, a description and a spec with questions.")
    needed = {"type", "question_name", "variable", "required"}
    known = needed | {"question_description", "default", "choices", "min", "max"}
    for number, question in enumerate(survey["spec"]):
        missing, unknown = needed - set(question), set(question) - known
        if missing or unknown or question["type"] not in ANSWERS or not is_of(question["required"], bool):
            raise RefusedError(400, error=f"Survey question {number} is none: {question}")
        if "default" in question and not is_of(question["default"], ANSWERS[question["type"]]):
            raise RefusedError(400, error=f"The default value in survey question {number} has another type.")
        if question["type"] == "multiplechoice" and question.get("default", "") not in ["", *question["choices"]]:
            raise RefusedError(400, error="Default choice must be answered from the choices listed.")
    names = [question["variable"] for question in survey["spec"]]
    if len(set(names)) != len(names):
        raise RefusedError(400, error="A variable is duplicated.")
