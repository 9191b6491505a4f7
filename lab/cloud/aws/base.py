"""What all AWS operations share."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

from lab.cloud.addressing import Address, Cidr, parse_address, parse_cidr
from lab.cloud.aws.resources import Instance, NetworkInterface
from lab.cloud.errors import CloudError
from lab.cloud.operation import Provider


class AwsBase(Provider):
    PROVIDER: ClassVar[str] = "aws"

    def _cidr(self, value: Cidr) -> IPv4Network:
        return parse_cidr(value, "InvalidParameterValue")

    def _address(self, value: Address) -> IPv4Address:
        return parse_address(value, "InvalidParameterValue")

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


def exactly_one(**given: object) -> str:
    """The name of the one argument that is not None. Raises MissingParameter, InvalidParameterCombination."""
    names = [name for name, value in given.items() if value is not None]
    if not names:
        raise CloudError("MissingParameter", f"the request must contain exactly one of {', '.join(given)}")
    if len(names) > 1:
        raise CloudError("InvalidParameterCombination", f"{' and '.join(names)} cannot be used together; give one of them")
    return names[0]
