"""A lab drawn: clouds, regions and VPCs as boxes, machines in them, tunnels as double lines, what is broken in red.

    picture = paint(cloud, topology, walks, title="vcpe-ping")
    to_mermaid(picture), to_dot(picture, LIGHT), to_svg(picture), to_png(picture, DARK)

What is drawn is decided once (`painter`, `marks`), as plain data (`picture`); how, by each format. It stands above clouds,
compiler and simulation, and knows neither the emulation nor who asks.
"""

from __future__ import annotations

from lab.drawing.asked import asked_title, asked_walks, expected_walks, unwanted
from lab.drawing.dot import to_dot
from lab.drawing.graphviz import to_png, to_svg
from lab.drawing.mermaid import to_mermaid
from lab.drawing.painter import paint
from lab.drawing.palette import DARK, LIGHT, Palette
from lab.drawing.picture import Picture

__all__ = [
    "DARK",
    "LIGHT",
    "Palette",
    "Picture",
    "asked_title",
    "asked_walks",
    "expected_walks",
    "paint",
    "to_dot",
    "to_mermaid",
    "to_png",
    "to_svg",
    "unwanted",
]
