"""Whether address blocks can live together on one CCN and in one CEN."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network

from lab.cloud.alibaba.app.resources import SagApp
from lab.cloud.alibaba.base import AlibabaBase
from lab.cloud.alibaba.region import area_of
from lab.cloud.alibaba.resources import CCN, VPC, Cen, CloudConnectNetwork, SmartAccessGateway, Vpc
from lab.cloud.errors import CloudError

# cbn 2017-09-12, CreateCen: with REDUCED, blocks may overlap but not be equal; without it they may not overlap.
REDUCED = "REDUCED"

Owned = tuple[str, IPv4Network]


class Conflicts(AlibabaBase):
    def _check_ccn_blocks(self, smart_ag_id: str, blocks: Iterable[IPv4Network], network: CloudConnectNetwork) -> None:
        """Blocks behind gateways, and of app clients, on one CCN may not overlap; towards the CEN its protection level counts.

        Raises CidrConflict.
        """
        for block in blocks:
            for owner, other in self._ccn_blocks(network.id):
                if owner != smart_ag_id and block.overlaps(other):
                    raise CloudError(
                        "CidrConflict", f"{block} ({smart_ag_id}) overlaps {other} ({owner}); both are bound to {network.id}"
                    )
        if network.cen_id is not None:
            cen = self._get(Cen, network.cen_id)
            others = [(owner, other) for owner, other in self._cen_blocks(cen) if owner != smart_ag_id]
            self._check_cen(cen, [(smart_ag_id, block) for block in blocks], others, "CidrConflict")

    def _check_same_area(self, instance: SmartAccessGateway | SagApp, network: CloudConnectNetwork) -> None:
        """Raises InvalidId.CCN."""
        if area_of(instance.region_id) != area_of(network.region_id):
            raise CloudError(
                "InvalidId.CCN",
                f"'{network.id}' ({network.region_id}) lies outside the area of '{instance.id}' ({instance.region_id})",
            )

    def _check_child(self, cen: Cen, child: CloudConnectNetwork | Vpc) -> None:
        """Whether a network's blocks can join a CEN. Raises CidrConflict."""
        owned = [(child.id, child.cidr_block)] if isinstance(child, Vpc) else list(self._ccn_blocks(child.id))
        self._check_cen(cen, owned, list(self._cen_blocks(cen)), "CidrConflict")

    def _check_children(self, cen: Cen) -> None:
        """Whether the blocks that are in a CEN can live together under its protection level. Raises CidrConflict."""
        blocks = list(self._cen_blocks(cen))
        for position, block in enumerate(blocks):
            self._check_cen(cen, [block], blocks[:position], "CidrConflict")

    def _check_cen(self, cen: Cen, blocks: list[Owned], others: list[Owned], code: str) -> None:
        for owner, block in blocks:
            for other_owner, other in others:
                if block == other or (cen.protection_level != REDUCED and block.overlaps(other)):
                    raise CloudError(
                        code,
                        f"{block} ({owner}) conflicts with {other} ({other_owner}) in {cen.id}, whose protection level is "
                        f"{cen.protection_level}; change one of the blocks",
                    )

    def _ccn_blocks(self, ccn_id: str) -> Iterator[Owned]:
        for gateway in self._store.by(SmartAccessGateway, "ccn_id", ccn_id):
            yield from ((gateway.id, block) for block in gateway.cidr_blocks)
        for instance in self._store.by(SagApp, "ccn_id", ccn_id):
            yield from ((instance.id, block) for block in instance.private_cidrs)

    def _cen_blocks(self, cen: Cen) -> Iterator[Owned]:
        for attachment in cen.attachments:
            if attachment.child_instance_type == CCN:
                yield from self._ccn_blocks(attachment.child_instance_id)
            if attachment.child_instance_type == VPC:
                yield attachment.child_instance_id, self._get(Vpc, attachment.child_instance_id).cidr_block
