"""What a request of ours was for, which is what its response is about."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dataplane.ike.algorithms import Group, Secret

if TYPE_CHECKING:
    from dataplane.ike.association import IkeSa
    from dataplane.ike.children import ChildSa


@dataclass(slots=True)
class Initiate:
    """IKE_SA_INIT."""


@dataclass(slots=True)
class Authenticate:
    """IKE_AUTH. `spi` is the inbound one of the first child."""

    spi: int


@dataclass(slots=True)
class RekeyChild:
    """`rival` is what a request of the peer to replace the same child made meanwhile, and the lowest nonce of that exchange."""

    old: ChildSa
    spi: int
    nonce: bytes
    group: Group | None
    secret: Secret | None = field(repr=False)
    rival: tuple[ChildSa, bytes] | None = None


@dataclass(slots=True)
class RekeyIke:
    """`rival` is what a request of the peer to replace the same IKE SA made meanwhile, and the lowest nonce of that exchange."""

    spi: bytes
    nonce: bytes
    group: Group
    secret: Secret = field(repr=False)
    rival: tuple[IkeSa, bytes] | None = None


@dataclass(slots=True)
class DeleteChild:
    old: ChildSa


@dataclass(slots=True)
class DeleteIke:
    """Of the SA that carries the request."""


@dataclass(slots=True)
class Probe:
    """An empty request: are you there?"""


Job = Initiate | Authenticate | RekeyChild | RekeyIke | DeleteChild | DeleteIke | Probe
