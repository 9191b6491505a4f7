"""From the part of a file that tells of gateways, CCNs and CENs to calls. Gateways are bought first: machines need their keys."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

from lab.cloud.alibaba import Alibaba
from lab.cloud.alibaba.region import area_of
from lab.files.build.ledger import Ledger
from lab.files.build.machines import Machine, Machines
from lab.files.schema import LabFileContent
from lab.files.schema.alibaba import Cen, CloudConnectNetwork, SmartAccessGateway, Vpc
from lab.files.source import Trail

GATEWAYS: Trail = ("alibaba", "smart_access_gateways")
CCNS: Trail = ("alibaba", "cloud_connect_networks")
CENS: Trail = ("alibaba", "cens")


class TransitBuilder:
    """`buy` comes first, `join` when all networks are there."""

    def __init__(self, alibaba: Alibaba, ledger: Ledger, machines: Machines, content: LabFileContent) -> None:
        self._alibaba = alibaba
        self._ledger = ledger
        self._machines = machines
        self._aws = content.aws
        self._content = content.alibaba
        self.ccns = self._all_ccns()
        self._cens = self._all_cens()

    def _all_ccns(self) -> dict[str, CloudConnectNetwork]:
        """Those of the file; if it does not speak of any, one for each region that a gateway or an app instance is in."""
        if self._content.cloud_connect_networks is not None:
            return self._content.cloud_connect_networks
        regions = dict.fromkeys(
            [
                *(gateway.region for gateway in self._content.smart_access_gateways.values()),
                *(app.region for app in self._content.sag_apps.values()),
            ]
        )
        return {f"ccn-{region}": CloudConnectNetwork(region=region) for region in regions}

    def _all_cens(self) -> dict[str, Cen]:
        """Those of the file; if it does not speak of any and there is a CCN, one that joins everything."""
        if self._content.cens is not None:
            return self._content.cens
        return {"cen": Cen(attachments=[*self.ccns, *self._content.vpcs])} if self.ccns else {}

    # Gateways

    def buy(self) -> dict[Trail, str]:
        """Order the gateways. Returns the user data of the machines that they run on."""
        if self.needs_image:
            content = "Please share the SAG vCPE image with our AWS account."
            self._ledger.call(GATEWAYS, self._alibaba.create_ticket, content=content)
        self._ledger.each(GATEWAYS, self._content.smart_access_gateways, self._order)
        found = {}
        for trail, seat in self._machines.seats.items():
            with self._ledger.attempt():
                gateway_id = self._ledger.of((*GATEWAYS, seat.gateway))
                gateway = self._alibaba.describe_smart_access_gateway_attribute(gateway_id)
                device = gateway.active_device if seat.device == 0 else gateway.standby_device
                if device is None:
                    place = (*GATEWAYS, seat.gateway, "runs_on", seat.device)
                    told = f"{seat.gateway} has one device ({gateway.ha_type}), and this is a second machine"
                    raise self._ledger.refused(place, told)
                found[trail] = json.dumps({"sn": device.serial_number, "key": device.secret_key})
        return found

    @property
    def needs_image(self) -> bool:
        """Whether a machine of AWS boots from the image that the provider shares when it is asked to."""
        images = (one.image for vpc in self._aws.vpcs.values() for one in vpc.instances.values())
        return "sag-vcpe" in images or any(trail[0] == "aws" for trail in self._machines.seats)

    def _order(self, at: Trail, gateway: SmartAccessGateway) -> None:
        ledger, alibaba = self._ledger, self._alibaba
        order = ledger.call(
            at,
            alibaba.create_smart_access_gateway,
            gateway.region,
            name=str(at[-1]),
            ha_type=gateway.ha_type,
            max_bandwidth=gateway.max_bandwidth,
        )
        ledger.know(at, order.smart_ag_id)
        if gateway.activated:
            ledger.call((*at, "activated"), alibaba.activate_smart_access_gateway, order.smart_ag_id)
        if gateway.static_route_quota is not None:
            place = (*at, "static_route_quota")
            ledger.call(place, alibaba.raise_static_route_quota, order.smart_ag_id, gateway.static_route_quota)

    # What joins networks

    def join(self) -> None:
        self._ledger.each(CCNS, self.ccns, self._ccn)
        self._ledger.each(GATEWAYS, self._content.smart_access_gateways, self._announce)
        self._ledger.each(GATEWAYS, self._content.smart_access_gateways, self._bind)
        self._ledger.each(CENS, self._cens, self._cen)
        self._ledger.each(("alibaba", "vpcs"), self._content.vpcs, self._publish)

    def _ccn(self, at: Trail, network: CloudConnectNetwork) -> None:
        create = self._alibaba.create_cloud_connect_network
        self._ledger.make(at, "region", create, name=str(at[-1]), region_id=network.region)

    def _announce(self, at: Trail, gateway: SmartAccessGateway) -> None:
        modify, gateway_id = self._alibaba.modify_smart_access_gateway, self._ledger.of(at)
        if gateway.routing_strategy == "dynamic":
            place = (*at, "routing_strategy")
            self._ledger.call(place, modify, gateway_id, routing_strategy="dynamic", cidr_block=gateway.cidr_blocks)
            return
        blocks = self._blocks_behind(str(at[-1])) if gateway.cidr_blocks is None else gateway.cidr_blocks
        if blocks:
            place = (*at, "cidr_blocks" if gateway.cidr_blocks is not None else "runs_on")
            self._ledger.call(place, modify, gateway_id, routing_strategy="static", cidr_block=blocks)

    def _blocks_behind(self, gateway: str) -> list[IPv4Network]:
        """The networks that a gateway's machines are in."""
        seats = self._machines.seats
        there = [machine for machine in self._machines.all if machine.trail in seats and seats[machine.trail].gateway == gateway]
        return list(dict.fromkeys(block for machine in there for block in self._block_of(machine)))

    def _block_of(self, machine: Machine) -> list[IPv4Network]:
        if not machine.network:
            return []
        home = self._aws.vpcs if machine.trail[0] == "aws" else self._content.ens_networks
        return [home[machine.network].cidr_block]

    def _bind(self, at: Trail, gateway: SmartAccessGateway) -> None:
        ledger, place = self._ledger, (*at, "cloud_connect_network")
        name = gateway.cloud_connect_network
        if name is None:
            there = [ccn for ccn, network in self.ccns.items() if area_of(network.region) == area_of(gateway.region)]
            if len(there) > 1:
                raise ledger.refused(place, f"say which CCN {at[-1]} is bound to (cloud_connect_network): {', '.join(there)}")
            if not there:
                return
            name = there[0]
        ccn = ledger.find(CCNS, name, self.ccns, "CCN", place)
        ledger.call(place, self._alibaba.bind_smart_access_gateway, ccn, ledger.of(at))

    def _cen(self, at: Trail, cen: Cen) -> None:
        ledger, alibaba = self._ledger, self._alibaba
        cen_id = ledger.make(at, "protection_level", alibaba.create_cen, name=str(at[-1]), protection_level=cen.protection_level)
        for number, name in enumerate(cen.attachments):
            with ledger.attempt():
                self._attach((*at, "attachments", number), cen_id, name)
        for number, package in enumerate(cen.bandwidth_packages):
            place: Trail = (*at, "bandwidth_packages", number)
            with ledger.attempt():
                made = ledger.call(place, alibaba.create_cen_bandwidth_package, package.bandwidth, *package.between)
                ledger.names[made.id] = f"the plan between {package.between[0]} and {package.between[1]}"
                ledger.call(place, alibaba.associate_cen_bandwidth_package, cen_id, made.id)
        for number, share in enumerate(cen.inter_region_bandwidth):
            place = (*at, "inter_region_bandwidth", number)
            with ledger.attempt():
                limit = alibaba.set_cen_inter_region_bandwidth_limit
                ledger.call(place, limit, cen_id, *share.between, share.bandwidth)

    def _attach(self, at: Trail, cen_id: str, name: str) -> None:
        ledger, vpcs = self._ledger, self._content.vpcs
        if name in self.ccns and name in vpcs:
            raise ledger.refused(at, f"a CCN and a VPC are called '{name}'; call one of them otherwise")
        if name in self.ccns:
            ledger.call(at, self._alibaba.attach_ccn_instance_to_cen, ledger.of((*CCNS, name)), cen_id)
            return
        vpc = ledger.find(("alibaba", "vpcs"), name, [*self.ccns, *vpcs], "CCN or VPC of Alibaba Cloud", at)
        ledger.call(at, self._alibaba.attach_cen_child_instance, cen_id, vpc, "VPC", vpcs[name].region)

    def _publish(self, at: Trail, vpc: Vpc) -> None:
        """What a CEN learns of a VPC: its own block, unless the file says no; of custom routes those that the file says."""
        vpc_id = self._ledger.of(at)
        homes = [name for name, cen in self._cens.items() if at[-1] in cen.attachments]
        entries = [(destination, entry) for destination, entry in vpc.route_table.items() if entry.publish]
        if entries and not homes:
            place = (*at, "route_table", str(entries[0][0]), "publish")
            raise self._ledger.refused(place, f"{at[-1]} is attached to no CEN that could learn of a route; attach it")
        for name in homes:
            ends = (self._ledger.of((*CENS, name)), vpc_id, "VPC", vpc.region, self._ledger.of((*at, "route_table")))
            if not vpc.publish:
                withdraw = self._alibaba.withdraw_published_route_entries
                self._ledger.call((*at, "publish"), withdraw, *ends, vpc.cidr_block)
            for destination, _ in entries:
                place = (*at, "route_table", str(destination), "publish")
                self._ledger.call(place, self._alibaba.publish_route_entries, *ends, destination)
