"""A Cloud Enterprise Network, what is attached to it, and its bandwidth between regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lab.cloud.record import Record
from lab.origin import Origin

# ChildInstanceType of an attachment.
CCN = "CCN"
VPC = "VPC"


@dataclass(frozen=True, slots=True)
class CenAttachment:
    """A network in a CEN: "CCN" or "VPC".

    `publish_origin` is what announces a VPC's own block to the CEN: the attachment itself, a call that published it again, or
    None once it is withdrawn.
    """

    child_instance_id: str
    child_instance_type: str
    child_instance_region_id: str
    origin: Origin
    publish_origin: Origin | None


@dataclass(frozen=True, slots=True)
class InterRegionLimit:
    """The bandwidth, in Mbit/s, between two regions of a CEN (in alphabetical order), taken from a bandwidth plan."""

    region_ids: tuple[str, str]
    bandwidth_limit: int
    cen_bandwidth_package_id: str
    origin: Origin


@dataclass(frozen=True, kw_only=True)
class Cen(Record):
    NOUN: ClassVar[str] = "CEN instance"
    NOT_FOUND: ClassVar[str] = "ParameterCenInstanceId"
    INDEXED: ClassVar[tuple[str, ...]] = ("child_instance_ids",)

    name: str
    protection_level: str
    attachments: tuple[CenAttachment, ...] = ()
    inter_region_limits: tuple[InterRegionLimit, ...] = ()

    @property
    def child_instance_ids(self) -> tuple[str, ...]:
        return tuple(attachment.child_instance_id for attachment in self.attachments)


@dataclass(frozen=True, kw_only=True)
class CenBandwidthPackage(Record):
    """A bandwidth plan between two geographic regions (in alphabetical order), or inside one. `bandwidth` is in Mbit/s.

    `cen_origin` is the call that associated it with its CEN, or loosened it.
    """

    NOUN: ClassVar[str] = "bandwidth plan"
    NOT_FOUND: ClassVar[str] = "ParameterBwpInstanceId"
    INDEXED: ClassVar[tuple[str, ...]] = ("cen_id",)

    name: str
    bandwidth: int
    geographic_region_ids: tuple[str, str]
    period: int
    pricing_cycle: str
    cen_id: str | None = None
    cen_origin: Origin
