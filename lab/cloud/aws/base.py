"""What all AWS operations share."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar, TypeVar

from lab.cloud.addressing import Address, Cidr, parse_address, parse_cidr
from lab.cloud.aws.resources import Instance, NetworkInterface
from lab.cloud.errors import CloudError
from lab.cloud.operation import Provider

T = TypeVar("T")


class AwsBase(Provider):
    PROVIDER: ClassVar[str] = "aws"

    def _cidr(self, value: Cidr) -> IPv4Network:
        return parse_cidr(value, "InvalidParameterValue")

    def _address(self, value: Address) -> IPv4Address:
        return parse_address(value, "InvalidParameterValue")

    def _interface(self, parameter: str, id: str) -> NetworkInterface:
        """The network interface that `network_interface_id` or `instance_id` names."""
        return self._get(NetworkInterface, id) if parameter == "network_interface_id" else self._only_interface(id)

    def _only_interface(self, instance_id: str) -> NetworkInterface:
        """The network interface that a call means when it names an instance. Raises InvalidInstanceID if there are several."""
        instance = self._get(Instance, instance_id)
        if len(instance.network_interface_ids) > 1:
            raise CloudError(
                "InvalidInstanceID",
                f"there are multiple interfaces attached to instance '{instance_id}' "
                f"({', '.join(instance.network_interface_ids)}); name one of them instead",
            )
        if not instance.network_interface_ids:
            raise CloudError("IncorrectInstanceState", f"the instance '{instance_id}' is {instance.state}")
        return self._get(NetworkInterface, instance.network_interface_ids[0])


def exactly_one(**given: T | None) -> tuple[str, T]:
    """Name and value of the one argument that is not None. Raises MissingParameter, InvalidParameterCombination."""
    found = [(name, value) for name, value in given.items() if value is not None]
    if not found:
        raise CloudError("MissingParameter", f"the request must contain exactly one of {', '.join(given)}")
    if len(found) > 1:
        names = " and ".join(name for name, _ in found)
        raise CloudError("InvalidParameterCombination", f"{names} cannot be used together; give one of them")
    return found[0]
