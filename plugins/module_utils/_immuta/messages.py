# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Private to this collection: it may change without notice.
"""A request to Immuta and its reply."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.immuta.integrations.plugins.module_utils._common.errors import (
    ApiError,
)

NESTING_LIMIT = 100  # levels of nesting

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True)
class Request:
    """A request. ``repeatable`` means that repeating it has no further effect."""

    method: str
    path: str
    body: t.Any = field(default=None, repr=False)
    repeatable: bool = False

    def error(self, message: str, **about: t.Any) -> ApiError:
        """Return the error of the request; ``about`` are the other arguments of ApiError."""
        known = {"method": self.method, "path": self.path, "may_have_taken_effect": not self.repeatable}
        return ApiError(message, **{**known, **about})


@dataclass
class Reply:
    """A reply to ``request`` with a status of 2xx."""

    request: Request
    status: int
    content_type: str
    body: bytes = field(repr=False)

    def document(self) -> t.Any:
        """Return the JSON document and empty the body: a large list needs its memory only once.

        Raise ApiError without one.
        """
        document = parsed(self._take())
        if document is None:
            raise self.request.error(
                f"Immuta's reply to {self.request.method} {self.request.path} "
                f"({self.content_type.partition(';')[0] or 'of no type'}) is not JSON: check that url is the root of "
                "an Immuta tenant and that no proxy or login page answers in its place.",
                status=self.status,
            )
        return document

    def _take(self) -> bytes:
        body, self.body = self.body, b""
        return body


def parsed(body: bytes) -> t.Any:
    """Return ``body`` as a JSON document, or None if it is none or too deeply nested for a result.

    A surrogate, which no result can contain, becomes a ``?``.
    """
    try:
        text = body.decode("utf-8-sig")
        del body
        document = json.loads(text)
        if _SURROGATE.search(text):
            document = json.loads(json.dumps(document, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    level = [document]
    for _depth in range(NESTING_LIMIT):
        level = [item for container in level for item in _items(container)]
    return None if level else document


def _items(container: t.Any) -> t.Iterable[t.Any]:
    if isinstance(container, dict):
        return container.values()
    return container if isinstance(container, list) else ()
