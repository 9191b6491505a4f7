"""Why a packet was dropped: one code for each rule that can stop it.

The codes on the AWS side are those of AWS Reachability Analyzer. Alibaba Cloud publishes none; ours follow the same style.
A dataplane names its own drops (`dataplane.errors`); they are repeated here so that a reader finds every code in one place.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The code of a drop."""

    # AWS: the interface, its groups, the subnet's list
    ENI_SOURCE_DEST_CHECK_RESTRICTION = "ENI_SOURCE_DEST_CHECK_RESTRICTION"
    ENI_SG_RULES_MISMATCH = "ENI_SG_RULES_MISMATCH"
    SG_HAS_NO_RULES = "SG_HAS_NO_RULES"
    SUBNET_ACL_RESTRICTION = "SUBNET_ACL_RESTRICTION"
    # Both clouds: routing
    NO_ROUTE_TO_DESTINATION = "NO_ROUTE_TO_DESTINATION"
    NO_POSSIBLE_DESTINATION = "NO_POSSIBLE_DESTINATION"
    BAD_STATE_ROUTE = "BAD_STATE_ROUTE"
    # AWS: the internet gateway
    IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS = "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"
    IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS = "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"
    IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS = "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS"
    # Alibaba Cloud
    ECS_SG_RULES_MISMATCH = "ECS_SG_RULES_MISMATCH"
    CEN_NO_BANDWIDTH_PLAN = "CEN_NO_BANDWIDTH_PLAN"
    CEN_BANDWIDTH_EXCEEDED = "CEN_BANDWIDTH_EXCEEDED"
    # Smart Access Gateway
    SAG_DEVICE_NOT_ASSOCIATED = "SAG_DEVICE_NOT_ASSOCIATED"
    SAG_NOT_ATTACHED_TO_CCN = "SAG_NOT_ATTACHED_TO_CCN"
    SAG_OVERDUE_PAYMENT = "SAG_OVERDUE_PAYMENT"
    SAG_DEVICE_STANDBY = "SAG_DEVICE_STANDBY"
    SAG_DEVICE_NOT_CONFIGURED = "SAG_DEVICE_NOT_CONFIGURED"
    SAG_APP_NOT_CONNECTED = "SAG_APP_NOT_CONNECTED"

    @property
    def text(self) -> str:
        """What the code says, in one sentence that ends without a full stop."""
        return _TEXT[self]


_TEXT = {
    Reason.ENI_SOURCE_DEST_CHECK_RESTRICTION: "the interface's source/destination check is on, and the address is not its own",
    Reason.ENI_SG_RULES_MISMATCH: "no rule of the interface's security groups admits the packet",
    Reason.SG_HAS_NO_RULES: "the interface's security groups have no rule in this direction",
    Reason.SUBNET_ACL_RESTRICTION: "the subnet's network ACL denies the packet",
    Reason.NO_ROUTE_TO_DESTINATION: "the route table has no route to the destination",
    Reason.NO_POSSIBLE_DESTINATION: "the address lies inside the VPC, but no interface has it",
    Reason.BAD_STATE_ROUTE: "the route's target is gone; the route is a blackhole",
    Reason.IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS: "the source has no public IP address, and the internet gateway needs one",
    Reason.IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS: "the public address belongs to no interface of the VPC",
    Reason.IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS: "an internet gateway refuses private destination addresses",
    Reason.ECS_SG_RULES_MISMATCH: "no rule of the ECS instance's security groups admits the packet",
    Reason.CEN_NO_BANDWIDTH_PLAN: "the CEN has no bandwidth between the two regions",
    Reason.CEN_BANDWIDTH_EXCEEDED: "more is sent between the two regions than the bandwidth that was shared out",
    Reason.SAG_DEVICE_NOT_ASSOCIATED: "the machine is no gateway: another image, or serial number and key of no device",
    Reason.SAG_NOT_ATTACHED_TO_CCN: "the gateway is attached to no CCN, so it has no tunnel",
    Reason.SAG_OVERDUE_PAYMENT: "the gateway's subscription has ended, so it has no tunnel",
    Reason.SAG_DEVICE_STANDBY: "the device is the standby one of its pair, and has no tunnel until it is switched to",
    Reason.SAG_DEVICE_NOT_CONFIGURED: "the device has trusted no controller since it started: it has no configuration, no tunnel",
    Reason.SAG_APP_NOT_CONNECTED: "no client of the SAG app is connected to the CCN, so the address is nobody's",
}
