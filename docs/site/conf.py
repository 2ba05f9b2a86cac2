# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configure Sphinx for ``make docs-site``, which builds the documentation site without network access."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import yaml
from docutils import nodes

project = "immuta.integrations"
release = yaml.safe_load(Path(__file__).parents[2].joinpath("galaxy.yml").read_text(encoding="utf-8"))["version"]
project_copyright = "The immuta.integrations contributors"
html_title = "immuta.integrations"

extensions = ["sphinx_antsibull_ext"]
default_role = "any"
nitpicky = True
highlight_language = "YAML+Jinja"
pygments_style = "ansible"
pygments_dark_style = "monokai"

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_favicon = "static/favicon.svg"
antsibull_ext_color_scheme = "default-autodark"
html_show_sphinx = False
html_copy_source = False
html_use_index = False

# Targets in Ansible's own documentation that the generated pages reference.
_ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
_PAGES = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


_BUILTIN = "ansible_collections.ansible.builtin."


def elsewhere(_app: t.Any, _env: t.Any, reference: nodes.Element, content: nodes.Element) -> nodes.reference | None:
    """Return the link for a label, plugin or environment variable of Ansible's own documentation."""
    target = reference.get("reftarget", "")
    page = _PAGES.get(target)
    if target.startswith(_BUILTIN):
        page = f"collections/ansible/builtin/{target.removeprefix(_BUILTIN)}.html"
    elif reference.get("reftype") == "envvar" and target.startswith("ANSIBLE_"):
        page = f"{_PAGES['ansible_configuration_settings']}#envvar-{target}"
    return nodes.reference("", "", content, refuri=_ANSIBLE + page) if page else None


def shorten(_app: t.Any, page: nodes.document) -> None:
    """Remove the collection's name from titles, and mark tables of contents as intended for the theme."""
    for title in page.findall(nodes.title):
        for text in list(title.findall(nodes.Text)):
            text.parent.replace(text, nodes.Text(text.replace(f"{project}.", "")))
    for contents in page.findall(nodes.topic):
        contents["classes"].append("this-will-duplicate-information-and-it-is-still-useful-here")


def break_names(_app: t.Any, _page: str, _template: str, context: dict[str, t.Any], _doctree: t.Any) -> None:
    """Let a browser break a long name, in a title or a link, after a dot or an underscore only."""
    names = re.compile(rf"(?<=<h1>)[^<]+|(?<=>){re.escape(project)}\.\w+(?=<)")
    context["body"] = names.sub(lambda name: re.sub(r"(?<=[._])", "<wbr>", name[0]), context.get("body", ""))


def setup(app: t.Any) -> None:
    """Register the handlers."""
    app.connect("missing-reference", elsewhere)
    app.connect("doctree-read", shorten, priority=400)  # before titles are collected
    app.connect("html-page-context", break_names)
