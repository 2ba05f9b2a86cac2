# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""What is a secret in a document of the API, and how it is hidden."""

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
