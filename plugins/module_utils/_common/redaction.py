# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""What is a secret, how it is hidden, and what of a task's arguments may be shown.

Ansible replaces every text of a result that equals a secret, and every part that does. A password that is a common word
would garble a result that holds no secret, since results are made without any. Arguments are hidden by their names
instead, and only secrets that are not met by chance are searched for.
"""

from __future__ import annotations

import json
import re
import typing as t

MASK = "********"

# Immuta shows "<REDACTED>" for a Redshift login and "REDACTED" for a Databricks token
# (Immuta's documentation, "Configure a Redshift Integration", the replies of GET).
_REDACTED = re.compile(r"[<\[]?REDACTED[>\]]?")

_SECRET_NAME = re.compile(
    r"pass(word|wd|phrase|code)|^pass$|secret|token|credential|(api|access|private|account|signing|encryption)_?key|^key$",
    re.IGNORECASE,
)


def is_redacted(value: t.Any) -> bool:
    """Whether ``value`` is what Immuta shows in place of a secret."""
    return isinstance(value, str) and _REDACTED.fullmatch(value) is not None


def is_secret_name(name: str) -> bool:
    """Whether a member of that name, in camelCase or snake_case, holds a secret."""
    return _SECRET_NAME.search(name) is not None


def masked(document: t.Any) -> t.Any:
    """A copy of ``document`` with every secret replaced, whatever its shape; what Immuta redacted stays as it is."""
    if isinstance(document, dict):
        return {
            name: MASK if _hides(name, value) and not is_redacted(value) else masked(value)
            for name, value in document.items()
        }
    if isinstance(document, list):
        return [masked(item) for item in document]
    return document


def secret_values(document: t.Any) -> list[str]:
    """Every text in ``document`` that stands under the name of a secret."""
    if isinstance(document, dict):
        found = []
        for name, value in document.items():
            found += _texts(value) if _hides(name, value) else secret_values(value)
        return found
    if isinstance(document, list):
        return [text for item in document for text in secret_values(item)]
    return []


def scrub(document: t.Any, secrets: t.Iterable[str]) -> t.Any:
    """A copy of ``document`` with each of ``secrets`` replaced wherever it stands in a text, also as JSON spells it."""
    spellings = {spelling for secret in secrets if secret for spelling in (secret, json.dumps(secret)[1:-1])}
    return _scrubbed(document, sorted(spellings, key=len, reverse=True))


def _scrubbed(document: t.Any, secrets: list[str]) -> t.Any:
    if isinstance(document, str):
        for secret in secrets:
            document = document.replace(secret, MASK)
        return document
    if isinstance(document, dict):
        return {name: _scrubbed(value, secrets) for name, value in document.items()}
    if isinstance(document, list):
        return [_scrubbed(item, secrets) for item in document]
    return document


def _hides(name: t.Any, value: t.Any) -> bool:
    return isinstance(name, str) and is_secret_name(name) and not isinstance(value, bool) and value not in (None, "")


def _texts(value: t.Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

# A password in an address, or the only name there.
_LOGIN = re.compile(r"(//[^/@]*?)([^/:@]+)@")

# Shorter texts, and those of one kind of characters, are words and numbers that a result holds anyway.
_DISTINCTIVE_LENGTH = 8

_KINDS = ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9_]")


def distinctive(secrets: t.Iterable[str]) -> set[str]:
    """Those of ``secrets`` that stand nowhere by chance."""
    return {
        secret
        for secret in secrets
        if len(secret) >= _DISTINCTIVE_LENGTH and sum(bool(re.search(kind, secret)) for kind in _KINDS) > 1
    }


def hidden_values(params: t.Mapping[str, t.Any]) -> list[str]:
    """The secrets among the options that their specs do not know: in ``config.extra``, and in an address by mistake."""
    login = _LOGIN.search(params.get("url") or "")
    return [*secret_values((params.get("config") or {}).get("extra")), *([login[2]] if login else [])]


def shown_arguments(spec: t.Mapping[str, t.Any], params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The arguments of a task as a result may show them; ``spec`` is their argument spec."""
    return {name: _shown(spec.get(name, {}), name, value) for name, value in params.items()}


def _shown(option: t.Mapping[str, t.Any], name: str, value: t.Any) -> t.Any:
    if option.get("no_log") and value is not None:
        return HIDDEN
    if name == "url" and value:
        return _LOGIN.sub(rf"\1{MASK}@", value)
    if isinstance(value, dict):
        suboptions = option.get("options")
        if suboptions is None:
            return masked(value)
        by_alias = {alias: known for known in suboptions.values() for alias in known.get("aliases", [])}
        return shown_arguments({**suboptions, **by_alias}, value)
    return value
