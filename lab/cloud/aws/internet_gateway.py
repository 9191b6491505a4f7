"""Internet gateways."""

from __future__ import annotations

from dataclasses import replace

from lab.cloud.aws.resources import ACTIVE, BLACKHOLE, Address, InternetGateway, NetworkInterface, Vpc
from lab.cloud.aws.route import RouteStates
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation


class InternetGatewayOperations(RouteStates):
    @operation
    def create_internet_gateway(self) -> InternetGateway:
        gateway_id = self._supply.aws_id("igw")
        origin = self._origin(gateway_id)
        gateway = InternetGateway(id=gateway_id, origin=origin, attachment_origin=origin)
        self._store.put(gateway)
        return gateway

    @operation
    def attach_internet_gateway(self, internet_gateway_id: str, vpc_id: str) -> None:
        """Raises InvalidInternetGatewayID.NotFound, InvalidVpcID.NotFound, Resource.AlreadyAssociated, InvalidParameterValue."""
        gateway = self._get(InternetGateway, internet_gateway_id)
        self._get(Vpc, vpc_id)
        if gateway.vpc_id is not None:
            raise CloudError(
                "Resource.AlreadyAssociated",
                f"the internet gateway '{internet_gateway_id}' is attached to {gateway.vpc_id}; detach it first",
            )
        for other in self._store.by(InternetGateway, "vpc_id", vpc_id):
            raise CloudError(
                "InvalidParameterValue", f"the network {vpc_id} already has an internet gateway attached: {other.id}"
            )
        self._store.put(replace(gateway, vpc_id=vpc_id, attachment_origin=self._origin(internet_gateway_id)))
        self._settle_routes(internet_gateway_id, vpc_id, ACTIVE)

    @operation
    def detach_internet_gateway(self, internet_gateway_id: str, vpc_id: str) -> None:
        """Routes to the gateway become blackholes.

        Raises InvalidInternetGatewayID.NotFound, InvalidVpcID.NotFound, Gateway.NotAttached, DependencyViolation.
        """
        gateway = self._get(InternetGateway, internet_gateway_id)
        self._get(Vpc, vpc_id)
        if gateway.vpc_id != vpc_id:
            raise CloudError("Gateway.NotAttached", f"resource {internet_gateway_id} is not attached to network {vpc_id}")
        mapped = self._public_addresses_in(vpc_id)
        if mapped:
            raise CloudError(
                "DependencyViolation",
                f"network {vpc_id} has mapped public addresses ({', '.join(mapped)}); unmap them before detaching the gateway",
            )
        self._store.put(replace(gateway, vpc_id=None, attachment_origin=self._origin(internet_gateway_id)))
        self._settle_routes(internet_gateway_id, vpc_id, BLACKHOLE)

    @operation
    def delete_internet_gateway(self, internet_gateway_id: str) -> None:
        """Raises InvalidInternetGatewayID.NotFound, DependencyViolation."""
        gateway = self._get(InternetGateway, internet_gateway_id)
        if gateway.vpc_id is not None:
            raise CloudError(
                "DependencyViolation",
                f"the internet gateway '{internet_gateway_id}' is attached to {gateway.vpc_id}; detach it first",
            )
        self._store.delete(gateway)

    def describe_internet_gateways(self) -> tuple[InternetGateway, ...]:
        return self._store.all(InternetGateway)

    def _public_addresses_in(self, vpc_id: str) -> list[str]:
        return [
            str(address.public_ip)
            for interface in self._store.by(NetworkInterface, "vpc_id", vpc_id)
            for address in self._store.by(Address, "network_interface_id", interface.id)
        ]
