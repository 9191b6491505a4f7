"""Pictures as SVG and PNG, laid out by graphviz' program `dot`."""

from __future__ import annotations

import re
import subprocess

from lab.drawing.dot import to_dot
from lab.drawing.palette import DARK, LIGHT, Palette, exchanged
from lab.drawing.picture import Picture
from lab.errors import MachineError

_DPI = 144  # of a PNG: sharp on a screen of twice the usual density
_WITHIN = 60.0  # seconds that the layout may take, our choice: thousands of nodes take tens


def to_svg(picture: Picture, palette: Palette | None = None) -> str:
    """A drawing that stands alone: no script, no font, no link. Without a palette it follows what its reader prefers.

    Raises MachineError when graphviz is missing.
    """
    drawn = _laid_out(to_dot(picture, palette or LIGHT), "-Tsvg").decode()
    svg = re.sub(r"<!--.*?-->\n?", "", drawn[drawn.index("<svg") :], flags=re.DOTALL)
    svg = svg.replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)
    return svg if palette is not None else svg.replace("<g id=", f"{_follows_reader()}\n<g id=", 1)


def to_png(picture: Picture, palette: Palette) -> bytes:
    """Raises MachineError when graphviz is missing."""
    return _laid_out(to_dot(picture, palette), "-Tpng", f"-Gdpi={_DPI}")


def _follows_reader() -> str:
    """A style sheet that exchanges each light colour for its dark one where the reader prefers dark."""
    rules = "".join(
        f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}' for light, dark in exchanged(LIGHT, DARK).items()
    )
    return f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"


def _laid_out(dot: str, *options: str) -> bytes:
    try:
        done = subprocess.run(["dot", *options], input=dot.encode(), capture_output=True, timeout=_WITHIN, check=False)
    except FileNotFoundError as error:
        raise MachineError(
            "graphviz is missing, which lays drawings out: apt-get install graphviz. The formats mermaid and dot do without"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise MachineError(f"graphviz has not laid it out within {_WITHIN:.0f} s; mermaid and dot do without") from error
    if done.returncode:
        raise MachineError(f"graphviz fails: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
