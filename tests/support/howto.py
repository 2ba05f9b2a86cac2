# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands and example replies of Immuta's how-to page "Configure a Redshift Integration"."""

from __future__ import annotations

import json
import pathlib
import re
import shlex
import typing as t

PAGE = (pathlib.Path(__file__).parent / "howto.txt").read_text(encoding="utf-8")
PAGE_HOST = "https://www.organization.immuta.com"
PAGE_KEY = "846e9e43c86a4ct1be14290d95127d13f"


class Command(t.NamedTuple):
    """A curl command."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None

    @property
    def payload(self) -> t.Any:
        """Return the parsed body."""
        return json.loads(self.body)


def commands() -> list[Command]:
    """Return the page's curl commands, in order. A command ends before a line that neither continues nor is quoted."""
    found = []
    for text in re.findall(r"^curl (?:[^'\n\\]|\\\n|'[^']*')+$", PAGE, re.MULTILINE):
        words = shlex.split(text.replace("\\\n", ""))[1:]
        options: dict[str, list[str]] = {"-X": [], "-H": [], "-d": [], "url": []}
        while words:
            word = words.pop(0)
            options[word if word in options else "url"].append(words.pop(0) if word in options else word)
        (method,), (url,) = options["-X"], options["url"]
        assert url.startswith(PAGE_HOST)
        headers = dict(header.split(": ", 1) for header in options["-H"])
        assert headers.pop("Authorization") == PAGE_KEY
        found.append(Command(method, url.removeprefix(PAGE_HOST), headers, options["-d"][0] if options["-d"] else None))
    return found


def examples() -> list[t.Any]:
    """Return the page's example replies, in order."""
    # In the example list, the closing brace of the first integration comes after the second one.
    page = PAGE.replace('"role": "ACCOUNTADMIN"\n    },\n    {', '"role": "ACCOUNTADMIN"\n    }},\n    {')
    page = page.replace("\n      }\n    }\n  }\n]", "\n      }\n    }\n]")
    return [json.loads(text) for text in re.findall(r"^(?:\{\n.*?\n\}|\[\n.*?\n\])$", page, re.MULTILINE | re.DOTALL)]


COMMANDS = commands()
EXAMPLES = examples()
