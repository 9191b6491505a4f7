"""Smart Access Gateway: a gateway's routes, its CCN."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Network

from lab.cloud.addressing import Cidr, parse_cidr
from lab.cloud.alibaba.base import DEFAULT_REGION
from lab.cloud.alibaba.conflict import Conflicts
from lab.cloud.alibaba.name import GATEWAY_NAME
from lab.cloud.alibaba.order import check_choice
from lab.cloud.alibaba.propagation import LearnedRoute, gateway_routes
from lab.cloud.alibaba.resources import ACTIVE, ARREARAGE, DYNAMIC, STATIC, CloudConnectNetwork, SmartAccessGateway
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation

# Static routes of a gateway: /8 to /32; so many at most, once a ticket has raised the quota.
WIDEST = 8
MOST_STATIC_ROUTES = 50


class SmartAccessGatewayOperations(Conflicts):
    @operation
    def delete_smart_access_gateway(self, smart_ag_id: str) -> None:
        """Give a gateway back; its serial numbers and keys are of no device any more.

        Raises InvalidId.SMARTAG, SmartAccessGatewayAlreadyBound while it is on a CCN.
        """
        gateway = self._get(SmartAccessGateway, smart_ag_id)
        self._check_unbound(gateway)
        self._store.delete(gateway)

    @operation
    def raise_static_route_quota(self, smart_ag_id: str, quota: int) -> None:
        """Let a gateway have up to 50 static routes: what a ticket does, so an extension of ours.

        Raises InvalidId.SMARTAG, InvalidParameter.
        """
        gateway = self._get(SmartAccessGateway, smart_ag_id)
        if not gateway.static_route_quota <= quota <= MOST_STATIC_ROUTES:
            raise CloudError(
                "InvalidParameter",
                f"the quota {quota} of '{smart_ag_id}' is not within {gateway.static_route_quota} to {MOST_STATIC_ROUTES}",
            )
        self._store.put(replace(gateway, static_route_quota=quota))

    def describe_smart_access_gateway_attribute(self, smart_ag_id: str) -> SmartAccessGateway:
        """A gateway with its devices, their serial numbers and keys (document 000…, step 1.7). Raises InvalidId.SMARTAG."""
        return self._get(SmartAccessGateway, smart_ag_id)

    def describe_smart_access_gateways(self, region_id: str = DEFAULT_REGION) -> tuple[SmartAccessGateway, ...]:
        """The gateways of one region; the console shows one at a time (step 1.5). Raises InvalidRegionId.NotFound."""
        return self._store.by(SmartAccessGateway, "region_id", self._region(region_id))

    def describe_sag_route_list(self, smart_ag_id: str) -> tuple[LearnedRoute, ...]:
        """The routes a gateway has learned from its CCN. Raises InvalidId.SMARTAG."""
        return gateway_routes(self._store, self._get(SmartAccessGateway, smart_ag_id).id)

    @operation
    def modify_smart_access_gateway(
        self,
        smart_ag_id: str,
        *,
        name: str | None = None,
        routing_strategy: str | None = None,
        cidr_block: str | Sequence[Cidr] | None = None,
    ) -> None:
        """Name a gateway, or say how Alibaba Cloud learns the networks behind it (document 000…, step 3.1).

        `cidr_block` is a comma-separated text, as in the API, or a sequence, and replaces what was entered before.
        Raises SAG.InstanceNoFound, InvalidName, InvalidParameter, SAG.NotAllowConfigCidr, SAG.CidrEmpty, InvalidCidr,
        CidrConflict.
        """
        gateway = self._store.find(SmartAccessGateway, smart_ag_id)
        if gateway is None:
            raise CloudError("SAG.InstanceNoFound", f"the Smart Access Gateway instance '{smart_ag_id}' does not exist")
        if name is not None:
            GATEWAY_NAME.check(name)
            gateway = replace(gateway, name=name)
        if routing_strategy is not None or cidr_block is not None:
            gateway = self._with_routes(gateway, routing_strategy or gateway.routing_strategy, cidr_block)
        self._store.put(gateway)

    @operation
    def bind_smart_access_gateway(self, ccn_id: str, smart_ag_id: str) -> None:
        """Attach a gateway to a CCN (document 000…, step 3.2).

        Raises InvalidId.CCN, InvalidId.SMARTAG, SmartAccessGatewayNotActivated, SmartAccessGatewayAlreadyBound, CidrConflict.
        """
        network = self._get(CloudConnectNetwork, ccn_id)
        gateway = self._get(SmartAccessGateway, smart_ag_id)
        if gateway.status != ACTIVE:
            way_out = "renew" if gateway.status == ARREARAGE else "activate"
            raise CloudError(
                "SmartAccessGatewayNotActivated", f"'{smart_ag_id}' has the status {gateway.status}; {way_out} it first"
            )
        self._check_unbound(gateway)
        self._check_same_area(gateway, network)
        self._check_ccn_blocks(smart_ag_id, gateway.cidr_blocks, network)
        self._store.put(replace(gateway, ccn_id=ccn_id, ccn_origin=self._origin(smart_ag_id)))

    @operation
    def unbind_smart_access_gateway(self, ccn_id: str, smart_ag_id: str) -> None:
        """Raises InvalidId.CCN, InvalidId.SMARTAG, SmartAccessGatewayNotBind."""
        self._get(CloudConnectNetwork, ccn_id)
        gateway = self._get(SmartAccessGateway, smart_ag_id)
        if gateway.ccn_id != ccn_id:
            raise CloudError(
                "SmartAccessGatewayNotBind", f"'{smart_ag_id}' is bound to {gateway.ccn_id or 'no CCN'}, not to {ccn_id}"
            )
        self._store.put(replace(gateway, ccn_id=None, ccn_origin=self._origin(smart_ag_id)))

    def _check_unbound(self, gateway: SmartAccessGateway) -> None:
        if gateway.ccn_id is not None:
            raise CloudError("SmartAccessGatewayAlreadyBound", f"'{gateway.id}' is bound to {gateway.ccn_id}; unbind it first")

    def _with_routes(
        self, gateway: SmartAccessGateway, strategy: str, cidr_block: str | Sequence[Cidr] | None
    ) -> SmartAccessGateway:
        check_choice("routing_strategy", strategy, (STATIC, DYNAMIC))
        if strategy == DYNAMIC and cidr_block is not None:
            raise CloudError(
                "SAG.NotAllowConfigCidr",
                f"'{gateway.id}' learns its routes ({DYNAMIC}); choose {STATIC} to enter them",
            )
        blocks = gateway.cidr_blocks if cidr_block is None else _static_routes(gateway, cidr_block)
        if strategy == DYNAMIC:
            blocks = ()
        if gateway.ccn_id is not None:
            self._check_ccn_blocks(gateway.id, blocks, self._get(CloudConnectNetwork, gateway.ccn_id))
        return replace(gateway, routing_strategy=strategy, cidr_blocks=blocks, cidr_origin=self._origin(gateway.id))


def _static_routes(gateway: SmartAccessGateway, given: str | Sequence[Cidr]) -> tuple[IPv4Network, ...]:
    """The blocks, each once. Raises SAG.CidrEmpty, InvalidCidr."""
    values: Iterable[Cidr] = given.split(",") if isinstance(given, str) else given
    texts = [value.strip() if isinstance(value, str) else value for value in values]
    if not any(texts):
        raise CloudError("SAG.CidrEmpty", f"no CIDR block is given for '{gateway.id}'; name the private networks behind it")
    blocks = tuple(dict.fromkeys(parse_cidr(text, "InvalidCidr") for text in texts))
    for block in blocks:
        if block.prefixlen < WIDEST:
            raise CloudError("InvalidCidr", f"the static route {block} of '{gateway.id}' is wider than /{WIDEST}")
    quota = gateway.static_route_quota
    if len(blocks) > quota:
        raise CloudError("InvalidCidr", f"'{gateway.id}' may have {quota} static routes, not {len(blocks)}; join some")
    return blocks
