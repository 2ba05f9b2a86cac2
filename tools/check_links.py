# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the links of a built site."""

from __future__ import annotations

import os
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """An HTML page with its anchors and links, including images and style sheets."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record the anchors and links of an element."""
        values = {name: value for name, value in attrs if value}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        self.links += [values[name] for name in ("href", "src") if name in values]


def pages(site: Path) -> dict[Path, Page]:
    """Return the pages of a site by path."""
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def is_external(link: str) -> bool:
    """Return whether a link leaves the site."""
    parts = urlsplit(link)
    return bool(parts.scheme or parts.netloc)


def external(site: Path) -> list[str]:
    """Return the links that leave the site."""
    return sorted({link for page in pages(site).values() for link in page.links if is_external(link)})


def broken(site: Path) -> list[str]:
    """Return a line for each internal link to a missing file or anchor."""
    known, found = pages(site), []
    for path, page in known.items():
        for link in dict.fromkeys(link for link in page.links if not is_external(link)):
            parts = urlsplit(link)
            target = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
            if not target.is_file():
                found.append(f"{path.relative_to(site)}: {link}: file not found")
            elif parts.fragment and target in known and unquote(parts.fragment) not in known[target].anchors:
                found.append(f"{path.relative_to(site)}: {link}: anchor not found")
    return found
