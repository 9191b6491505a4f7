"""Colours, for light and for dark surroundings: our choice. Text has a contrast of 4.5 to 1 to what it stands on (WCAG 2.2)."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Palette:
    """Each as #rrggbb. Within a palette all differ: an SVG goes from light to dark by exchanging them one for one."""

    paper: str
    ink: str
    soft: str  # text of less weight
    line: str
    faint: str
    aws: str
    aws_edge: str
    alibaba: str
    alibaba_edge: str
    vpc: str
    vpc_edge: str
    host: str
    host_edge: str
    gateway: str
    gateway_edge: str
    hub: str
    hub_edge: str
    tunnel: str
    passed: str
    broken: str
    broken_fill: str


LIGHT = Palette(
    paper="#ffffff",
    ink="#1f2933",
    soft="#52606d",
    line="#7b8794",
    faint="#cbd2d9",
    aws="#eff4fb",
    aws_edge="#b3c7e6",
    alibaba="#fdf4ec",
    alibaba_edge="#ecc9a8",
    vpc="#fdfdfe",
    vpc_edge="#9fb3c8",
    host="#f8fafc",
    host_edge="#829ab1",
    gateway="#e0f2ef",
    gateway_edge="#2f8f83",
    hub="#fbe6d2",
    hub_edge="#c8793a",
    tunnel="#1e7d72",
    passed="#1a8045",
    broken="#c81e1e",
    broken_fill="#fde8e8",
)

DARK = Palette(
    paper="#12161c",
    ink="#e6eaf0",
    soft="#a9b4c2",
    line="#75839a",
    faint="#39424f",
    aws="#172231",
    aws_edge="#35517a",
    alibaba="#291f17",
    alibaba_edge="#6e4d31",
    vpc="#191f28",
    vpc_edge="#4a5d75",
    host="#222b37",
    host_edge="#60758d",
    gateway="#16322f",
    gateway_edge="#3fa598",
    hub="#3a2817",
    hub_edge="#d08a4e",
    tunnel="#4fb8aa",
    passed="#4cc27d",
    broken="#ff7b72",
    broken_fill="#3d1d1f",
)


def exchanged(light: Palette, dark: Palette) -> dict[str, str]:
    """Each colour of the one with that of the other."""
    return {getattr(light, field.name): getattr(dark, field.name) for field in fields(light)}
