"""The network of an instance: its CCN, the addresses of its clients, their DNS (document, 2 steps 2 and 3, 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

from lab.cloud.addressing import Address, Cidr, parse_address, parse_cidr
from lab.cloud.alibaba.app.resources import AppSession, ClientUser, SagApp
from lab.cloud.alibaba.app.session import AppSessions
from lab.cloud.alibaba.cloud_connect_network import CloudConnectNetworkOperations
from lab.cloud.alibaba.name import CCN_NAME, CEN_NAME
from lab.cloud.alibaba.resources import CloudConnectNetwork
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

# 2 step 2.2 has five, 3.2 has ten: decision 0033.
QUICK_BLOCKS = 5
BLOCKS = 10
DNS_SERVERS = 2  # an active one and a standby one
LONGEST_PREFIX = 30  # our choice: the first and last address of a block are nobody's, which leaves two


class AppNetworkOperations(AppSessions, CloudConnectNetworkOperations):
    @operation
    def quick_configure_smart_access_gateway_software(
        self,
        smart_ag_id: str,
        *,
        cidr_blocks: Sequence[Cidr],
        ccn_id: str | None = None,
        ccn_name: str | None = None,
        dns_servers: Sequence[Address] = (),
        cen_id: str | None = None,
        cen_name: str | None = None,
    ) -> SagApp:
        """Quick Configuration (2 steps 2 and 3): a CCN, up to five CIDR blocks, and a CEN, unless it is skipped.

        An existing CCN (`ccn_id`) or one that is created now (`ccn_name`); so with the CEN, which is optional. All of it is done,
        or nothing. The wizard is the console's, so the call is an extension of ours; creating accounts is its last page.
        Raises what configure_smart_access_gateway_software_network, create_cen and attach_ccn_instance_to_cen raise.
        """
        configured = self._configure(smart_ag_id, ccn_id, ccn_name, cidr_blocks, dns_servers, QUICK_BLOCKS)
        if cen_id is not None and cen_name is not None:
            raise CloudError("InvalidParameter", "cen_id names an existing CEN, cen_name one to create; give one, or none")
        assert configured.ccn_id is not None  # noqa: S101 - it was just configured
        if cen_name is not None:
            CEN_NAME.check(cen_name)
            self.create_cen(cen_name, ccn_id=configured.ccn_id)
        if cen_id is not None:
            self.attach_ccn_instance_to_cen(configured.ccn_id, cen_id)
        return configured

    @operation
    def configure_smart_access_gateway_software_network(
        self,
        smart_ag_id: str,
        *,
        cidr_blocks: Sequence[Cidr] | None = None,
        ccn_id: str | None = None,
        ccn_name: str | None = None,
        dns_servers: Sequence[Address] | None = None,
    ) -> SagApp:
        """Network Configuration (3.2): as the wizard does, with up to ten blocks; what is not given stays as it is.

        Who is connected with an address that is in no block any more is disconnected. The page is the console's, so the call is
        an extension of ours.
        Raises InvalidId.SMARTAG, InvalidParameter, InvalidId.CCN, InvalidName, CcnAmountLimit, InvalidCidr, CidrConflict,
        InvalidDns, ClientUser.InvalidClientIp for a block that an account's static address needs.
        """
        return self._configure(smart_ag_id, ccn_id, ccn_name, cidr_blocks, dns_servers, BLOCKS)

    @operation
    def modify_client_user_dns(self, smart_ag_id: str, app_dns: Sequence[Address]) -> SagApp:
        """The DNS servers of clients, the active one first; none: clients keep their own.

        Raises InvalidId.SMARTAG, InvalidDns.
        """
        changed = self._with_dns(self._get(SagApp, smart_ag_id), app_dns)
        self._store.put(changed)
        return changed

    def describe_client_user_dns(self, smart_ag_id: str) -> tuple[IPv4Address, ...]:
        """Raises InvalidId.SMARTAG."""
        return self._get(SagApp, smart_ag_id).dns

    @operation
    def unbind_smart_access_gateway_software(self, ccn_id: str, smart_ag_id: str) -> None:
        """Take an instance off its CCN; nobody can connect, and who is connected is no longer.

        Raises InvalidId.CCN, InvalidId.SMARTAG, SmartAccessGatewayNotBind.
        """
        self._get(CloudConnectNetwork, ccn_id)
        instance = self._get(SagApp, smart_ag_id)
        if instance.ccn_id != ccn_id:
            raise CloudError(
                "SmartAccessGatewayNotBind", f"'{smart_ag_id}' is bound to {instance.ccn_id or 'no CCN'}, not to {ccn_id}"
            )
        self._store.put(replace(instance, ccn_id=None, ccn_origin=self._origin(smart_ag_id)))
        for session in self._store.by(AppSession, "smart_ag_id", smart_ag_id):
            self._disconnect(session)

    def _configure(
        self,
        smart_ag_id: str,
        ccn_id: str | None,
        ccn_name: str | None,
        cidr_blocks: Sequence[Cidr] | None,
        dns_servers: Sequence[Address] | None,
        most: int,
    ) -> SagApp:
        instance = self._get(SagApp, smart_ag_id)
        instance = self._with_ccn(instance, ccn_id, ccn_name)
        if cidr_blocks is not None:
            instance = self._with_blocks(instance, cidr_blocks, most)
        if dns_servers is not None:
            instance = self._with_dns(instance, dns_servers)
        if instance.ccn_id is None or not instance.private_cidrs:
            missing = "CCN" if instance.ccn_id is None else "private CIDR block"
            raise CloudError("InvalidParameter", f"the network of '{smart_ag_id}' has no {missing}; give both it and the rest")
        self._check_ccn_blocks(instance.id, instance.private_cidrs, self._get(CloudConnectNetwork, instance.ccn_id))
        self._store.put(instance)
        self._disconnect_strays(instance)
        return instance

    def _with_ccn(self, instance: SagApp, ccn_id: str | None, ccn_name: str | None) -> SagApp:
        if ccn_id is not None and ccn_name is not None:
            raise CloudError("InvalidParameter", "ccn_id names an existing CCN, ccn_name one to create; give one of them")
        if ccn_name is not None:
            CCN_NAME.check(ccn_name)
            ccn_id = self.create_cloud_connect_network(ccn_name, instance.region_id).id
        if ccn_id is None or ccn_id == instance.ccn_id:
            return instance
        self._check_same_area(instance, self._get(CloudConnectNetwork, ccn_id))
        return replace(instance, ccn_id=ccn_id, ccn_origin=self._origin(instance.id))

    def _with_blocks(self, instance: SagApp, given: Sequence[Cidr], most: int) -> SagApp:
        blocks = _blocks(instance, given, most)
        for user in self._store.by(ClientUser, "smart_ag_id", instance.id):
            if user.static_ip is not None and not any(user.static_ip in block for block in blocks):
                raise CloudError(
                    "ClientUser.InvalidClientIp",
                    f"the client account '{user.user_name}' has the static IP address {user.static_ip}, which none of the blocks "
                    f"{', '.join(map(str, blocks))} holds; change the account first",
                )
        return replace(instance, private_cidrs=blocks, cidr_origin=self._origin(instance.id))

    def _with_dns(self, instance: SagApp, given: Sequence[Address]) -> SagApp:
        servers = tuple(parse_address(server, "InvalidDns") for server in given)
        if len(servers) > DNS_SERVERS or len(set(servers)) < len(servers):
            raise CloudError(
                "InvalidDns", f"'{instance.id}' takes an active and a standby DNS server, not {', '.join(map(str, servers))}"
            )
        return replace(instance, dns=servers, dns_origin=self._origin(instance.id))

    def _disconnect_strays(self, instance: SagApp) -> None:
        for session in self._store.by(AppSession, "smart_ag_id", instance.id):
            if session.address is not None and not any(session.address in block for block in instance.private_cidrs):
                self._disconnect(session)


def _blocks(instance: SagApp, given: Sequence[Cidr], most: int) -> tuple[IPv4Network, ...]:
    """Blocks that can live together. Raises InvalidCidr, CidrConflict."""
    blocks = tuple(parse_cidr(block, "InvalidCidr") for block in given)
    if not 1 <= len(blocks) <= most:
        raise CloudError("InvalidCidr", f"'{instance.id}' takes 1 to {most} private CIDR blocks here, not {len(blocks)}")
    for number, block in enumerate(blocks):
        if block.prefixlen > LONGEST_PREFIX:
            raise CloudError("InvalidCidr", f"{block} has no address for a client; take a /{LONGEST_PREFIX} at least")
        for other in blocks[:number]:
            if block.overlaps(other):
                raise CloudError("CidrConflict", f"the private CIDR blocks {other} and {block} of '{instance.id}' overlap")
    return blocks
