"""Cloud Connect Networks: where gateways come together, and what is bound to a CEN (document 000…, steps 3.2 and 3.3)."""

from __future__ import annotations

from ipaddress import IPv4Address

from lab.cloud.alibaba.app.resources import SagApp
from lab.cloud.alibaba.base import DEFAULT_REGION
from lab.cloud.alibaba.cen import CenOperations
from lab.cloud.alibaba.name import CCN_NAME
from lab.cloud.alibaba.resources import Cen, CloudConnectNetwork, SmartAccessGateway
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

# CCN instances of an account ("Limits" of Smart Access Gateway).
CCNS = 10

# Our choice: points of presence have addresses kept free for documentation (TEST-NET-2, RFC 5737).
_FIRST_POINT_OF_PRESENCE = IPv4Address("198.51.100.10")


class CloudConnectNetworkOperations(CenOperations):
    @operation
    def create_cloud_connect_network(self, name: str = "", region_id: str = DEFAULT_REGION) -> CloudConnectNetwork:
        """Raises InvalidRegionId.NotFound, InvalidName, CcnAmountLimit."""
        self._region(region_id)
        if name:
            CCN_NAME.check(name)
        presence = self._free_point_of_presence()
        ccn_id = self._supply.alibaba_id("ccn")
        origin = self._origin(ccn_id)
        network = CloudConnectNetwork(
            id=ccn_id, origin=origin, name=name, region_id=region_id, point_of_presence=presence, cen_origin=origin
        )
        self._store.put(network)
        return network

    @operation
    def delete_cloud_connect_network(self, ccn_id: str) -> None:
        """Raises InvalidId.CCN, AlreadyBound.CEN, AlreadyBound.SMARTAG."""
        network = self._get(CloudConnectNetwork, ccn_id)
        if network.cen_id is not None:
            raise CloudError("AlreadyBound.CEN", f"'{ccn_id}' is bound to {network.cen_id}; detach it first")
        gateways = (*self._store.by(SmartAccessGateway, "ccn_id", ccn_id), *self._store.by(SagApp, "ccn_id", ccn_id))
        if gateways:
            bound = ", ".join(gateway.id for gateway in gateways)
            raise CloudError("AlreadyBound.SMARTAG", f"'{ccn_id}' has the gateways {bound}; unbind them first")
        self._store.delete(network)

    def describe_cloud_connect_networks(self, region_id: str = DEFAULT_REGION) -> tuple[CloudConnectNetwork, ...]:
        """The CCN instances of a region. Raises InvalidRegionId.NotFound."""
        return self._own(self._store.by(CloudConnectNetwork, "region_id", self._region(region_id)))

    @operation
    def attach_ccn_instance_to_cen(self, ccn_id: str, cen_id: str) -> None:
        """Bind a CCN, and never a gateway (S0-053), to a CEN. The same as attach_cen_child_instance with the type "CCN".

        Raises InvalidId.CCN, ParameterCenInstanceId, AlreadyBound.CEN, CidrConflict.
        """
        network = self._get(CloudConnectNetwork, ccn_id)
        cen = self._get(Cen, cen_id)
        if network.cen_id is not None:
            raise CloudError("AlreadyBound.CEN", f"'{ccn_id}' is bound to {network.cen_id}; detach it first")
        self._attach_ccn(cen, network)

    @operation
    def detach_ccn_instance_from_cen(self, ccn_id: str, cen_id: str) -> None:
        """Raises InvalidId.CCN, ParameterCenInstanceId, ParameterInstanceId."""
        self._get(CloudConnectNetwork, ccn_id)
        self._detach(self._get(Cen, cen_id), ccn_id)

    def _free_point_of_presence(self) -> IPv4Address:
        """The first address that no CCN has. Raises CcnAmountLimit when there are as many CCNs as an account may have."""
        taken = {network.point_of_presence for network in self._store.all(CloudConnectNetwork)}
        if len(taken) >= CCNS:
            raise CloudError("CcnAmountLimit", f"the account has {CCNS} CCN instances, and may have no more; delete one first")
        return next(_FIRST_POINT_OF_PRESENCE + rank for rank in range(CCNS) if _FIRST_POINT_OF_PRESENCE + rank not in taken)
