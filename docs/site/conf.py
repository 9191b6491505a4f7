"""How Sphinx makes a site of the pages in docs/: `python -m sphinx -c docs/site docs build/site`."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

from sphinx.application import Sphinx

DOCS = Path(__file__).parent.parent
sys.path.insert(0, str(Path(__file__).parent))

from reference import write_reference  # noqa: E402 - beside this file

project = "saglab"
author = "the saglab authors"
project_copyright = "Apache License 2.0"
version = release = metadata.version("saglab")
language = "en"

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
exclude_patterns = ["site"]
suppress_warnings = ["misc.highlighting_failure"]  # console output in blocks that no lexer reads as a whole
nitpicky = True

html_theme = "furo"
html_title = "saglab"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1e7d72", "color-brand-content": "#1e7d72"},
    "dark_css_variables": {"color-brand-primary": "#4fb8aa", "color-brand-content": "#4fb8aa"},
}
html_static_path = ["static"]
html_css_files = ["site.css"]

_LINK = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+[^)#\s]*)(#[^)\s]*)?\)")


def setup(app: Sphinx) -> None:
    app.connect("builder-inited", lambda _app: write_reference(DOCS / "reference"))
    app.connect("source-read", _keep_inside)


def _keep_inside(_app: Sphinx, docname: str, source: list[str]) -> None:
    """Links to files of the project that are no pages, such as source code, become the name of the file.

    The pages are read in the repository, too, where such links lead somewhere.
    """
    page = DOCS / f"{docname}.md"

    def named(link: re.Match[str]) -> str:
        target = (page.parent / link[2]).resolve()
        if target.is_relative_to(DOCS):
            return link[0]
        path = target.relative_to(DOCS.parent)
        return link[1] if link[1].strip("`") == str(path) else f"{link[1]} (`{path}`)"

    source[0] = _LINK.sub(named, source[0])
    if docname.startswith("decisions/0"):
        source[0] = f"---\norphan: true\n---\n\n{source[0]}"  # their index leads to them, not the menu
