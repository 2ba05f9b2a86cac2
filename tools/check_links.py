# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the links of a built site."""

from __future__ import annotations

import os
import typing as t
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The anchors of an HTML page, and where it links to, images and style sheets too."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the element defines and where it leads."""
        values = {name: value for name, value in attrs if value}
        self.anchors.update(values[name] for name in ("id", "name") if name in values)
        self.links += [values[name] for name in ("href", "src") if name in values]


def pages(site: Path) -> dict[Path, Page]:
    """Every page of a site by its path."""
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def is_external(link: str) -> bool:
    """Whether a link leaves the site."""
    parts = urlsplit(link)
    return bool(parts.scheme or parts.netloc)


def external(site: Path) -> list[str]:
    """The links that leave the site."""
    return sorted({link for page in pages(site).values() for link in page.links if is_external(link)})


def broken(site: Path) -> list[str]:
    """A line for each link inside the site that leads to no file, or to no such place in it."""
    known = pages(site)
    return list(_broken(site, known))


def _broken(site: Path, known: dict[Path, Page]) -> t.Iterator[str]:
    for path, page in known.items():
        for link in dict.fromkeys(link for link in page.links if not is_external(link)):
            parts = urlsplit(link)
            target = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
            if not target.is_file():
                yield f"{path.relative_to(site)}: {link} leads to no file"
            elif parts.fragment and target in known and unquote(parts.fragment) not in known[target].anchors:
                yield f"{path.relative_to(site)}: {link} leads to no such place in the file"
