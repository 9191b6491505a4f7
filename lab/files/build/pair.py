"""Two files that have much in common, as before and after a change: what both say of a VPC word for word is made once."""

from __future__ import annotations

from typing import TypeVar

from lab.cloud import Cloud
from lab.files.build.builder import Built, Works
from lab.files.build.ledger import Ledger
from lab.files.schema import LabFileContent
from lab.files.source import Source, Trail, Value

T = TypeVar("T")

_GATEWAYS: Trail = ("alibaba", "smart_access_gateways")

Checked = tuple[Source, LabFileContent]
Made = tuple[Cloud, Built]


def build_pair(before: Checked, after: Checked, cloud: Cloud) -> tuple[Made, Made] | None:
    """What becomes of both files, the first in `cloud`; the same ids mean the same in both as far as they say the same.

    VPCs that are alike come first, whatever their order in the files. So None where it might matter: something is refused, of
    which an error is to tell as the file's own order has it, or other gateways are bought.
    """
    works = Works(*before, cloud, Ledger(before[0], cloud.supply))
    other = Works(*after, cloud, Ledger(after[0], cloud.supply))
    if not _begin_alike(works, other, before[0], after[0]):
        return None
    works.begin()
    aws = _alike(("aws", "vpcs"), works.content.aws.vpcs, before[0], after[0])
    alibaba = _alike(("alibaba", "vpcs"), works.content.alibaba.vpcs, before[0], after[0])
    works.build_vpcs(aws, alibaba)
    twin = cloud.twin()
    other = works.twin(*after, twin, twin.supply)
    made = []
    for each, clouds in ((works, cloud), (other, twin)):
        each.build_vpcs(_without(each.content.aws.vpcs, aws), _without(each.content.alibaba.vpcs, alibaba))
        made.append((clouds, each.complete()))
    return None if any(built.errors for _, built in made) else (made[0], made[1])


def _begin_alike(one: Works, other: Works, before: Source, after: Source) -> bool:
    """Whether both buy the same gateways for the same machines."""
    gateways = repr(_said(before, _GATEWAYS)) == repr(_said(after, _GATEWAYS))
    image = one.transit.needs_image == other.transit.needs_image
    return gateways and image and one.machines.seats == other.machines.seats


def _alike(base: Trail, parts: dict[str, T], before: Source, after: Source) -> dict[str, T]:
    """The parts of a file that stand in another too, in the same words and order."""
    return {
        name: part for name, part in parts.items() if repr(_said(before, (*base, name))) == repr(_said(after, (*base, name)))
    }


def _said(source: Source, trail: Trail) -> Value:
    value: Value = source.value
    for key in trail:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _without(parts: dict[str, T], others: dict[str, T]) -> dict[str, T]:
    return {name: part for name, part in parts.items() if name not in others}
