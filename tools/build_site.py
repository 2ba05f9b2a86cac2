# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the documentation site in .cache/site and check its links: ``python -m tools.build_site``.

The sources are the guides in docs/docsite, the pages that antsibull-docs generates for modules and role, and the
diagrams that d2 renders. The build needs no network.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tests.support.paths import ROOT
from tools.check_links import broken, external

SOURCES = ROOT / "docs" / "site"
GUIDES = ROOT / "docs" / "docsite" / "extra-docs.yml"
DIAGRAMS = SOURCES / "diagrams"
SITE = ROOT / ".cache" / "site"
COLLECTION = "immuta.integrations"
OTHER_PAGES = {"Release notes": "changelog"}


def run(tool: str, *arguments: str | Path) -> None:
    """Run a command of this environment, and print its output if it fails."""
    command = [Path(sys.executable).with_name(tool), *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}{tool} failed.")


def draw(source: Path, drawing: Path) -> None:
    """Render a diagram for light and dark pages."""
    run("d2", "--scale=1", "--theme=0", "--dark-theme=200", "--pad=8", source, drawing)


def tree(caption: str, entries: list[str]) -> str:
    """Return a section of the navigation."""
    lines = [".. toctree::", "   :maxdepth: 1", f"   :caption: {caption}", "", *(f"   {entry}" for entry in entries)]
    return "\n" + "\n".join(lines) + "\n"


def navigation(pages: Path) -> str:
    """Return the navigation: all pages by short name, in the sections of extra-docs.yml."""
    sections = yaml.safe_load(GUIDES.read_text(encoding="utf-8"))["sections"]
    parts = [tree(section["title"], [f"docsite/{guide}" for guide in section["toctree"]]) for section in sections]
    for kind in ("role", "module"):
        names = sorted(path.stem.removesuffix(f"_{kind}") for path in pages.glob(f"*_{kind}.rst"))
        parts.append(tree(f"{kind}s".capitalize(), [f"{name} <{name}_{kind}>" for name in names]))
    parts.append(tree("More", [f"{title} <{page}>" for title, page in OTHER_PAGES.items()]))
    return "".join(parts)


def build(pages: Path, html: Path) -> None:
    """Generate the sources of the pages and the site. A warning is an error."""
    options = ("--use-current", "--squash-hierarchy", "--fail-on-error")
    run("antsibull-docs", "collection", *options, "--dest-dir", pages, COLLECTION)
    for source in sorted(DIAGRAMS.glob("*.d2")):
        drawing = pages / "docsite" / "diagrams" / f"{source.stem}.svg"
        drawing.parent.mkdir(exist_ok=True)
        draw(source, drawing)
    introduction = (SOURCES / "index.rst").read_text(encoding="utf-8")
    (pages / "index.rst").write_text(introduction + navigation(pages), encoding="utf-8")
    run("sphinx-build", "-q", "-b", "html", "-W", "--keep-going", "-c", SOURCES, pages, html)


def main() -> int:
    """Return 0 if the site is built without broken links."""
    pages, html = SITE / "rst", SITE / "html"
    shutil.rmtree(SITE, ignore_errors=True)
    pages.mkdir(parents=True)
    pages.chmod(0o755)  # antsibull-docs refuses a directory that others can write to
    build(pages, html)
    print(f"External links, not checked: {', '.join(external(html))}")
    problems = broken(html)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{html / 'index.html'}: {len(problems)} broken links")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
