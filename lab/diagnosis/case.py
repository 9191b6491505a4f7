"""What the checks of one gateway look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lab.cloud import Cloud
from lab.cloud.alibaba.resources import Cen, CloudConnectNetwork, EnsInstance, SmartAccessGateway
from lab.cloud.aws.resources import TERMINATED, Instance
from lab.compiler.device import Claim, Machine, running_claims
from lab.simulation import Simulation, Walk
from lab.status import StatusEnd
from lab.topology import Topology


@dataclass(frozen=True)
class Case:
    """A gateway in its cloud and network. `controllers` gives, by serial number, why a device's controller is not content.

    A text for each device that has a controller to ask: empty when all is well.
    """

    cloud: Cloud
    gateway: SmartAccessGateway
    topology: Topology
    controllers: Mapping[str, str]

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """The machines that run and are to be devices of this gateway."""
        return tuple(claim for claim in running_claims(self.cloud) if claim.gateway.id == self.gateway.id)

    @cached_property
    def right_claims(self) -> tuple[Claim, ...]:
        return tuple(claim for claim in self.claims if claim.is_right)

    @property
    def ccn(self) -> CloudConnectNetwork | None:
        return self.cloud.store.find(CloudConnectNetwork, self.gateway.ccn_id or "")

    @property
    def cen(self) -> Cen | None:
        ccn = self.ccn
        return self.cloud.store.find(Cen, ccn.cen_id or "") if ccn is not None else None

    @property
    def machines(self) -> Iterator[Machine]:
        """Every machine there is that user data may have been given to, running or not."""
        yield from (instance for instance in self.cloud.store.all(Instance) if instance.state != TERMINATED)
        yield from self.cloud.store.all(EnsInstance)

    @cached_property
    def simulation(self) -> Simulation:
        return Simulation(self.topology)

    @cached_property
    def opening(self) -> tuple[Walk, ...]:
        """The datagrams by which the tunnels are opened."""
        return self.simulation.open_tunnels()

    @cached_property
    def vpn_ends(self) -> tuple[StatusEnd, ...]:
        self.opening  # noqa: B018 - the ends know how they fared once they have tried
        return self.simulation.vpn_ends(self.gateway.id)

    @cached_property
    def obstacle(self) -> Walk | None:
        """The datagram that died while the tunnel was to be opened; None where it is open, or nobody could try."""
        if self.is_connected:
            return None
        own = {address for claim in self.claims for address in self.topology.node_of(claim.machine.id).addresses}
        return next(
            (walk for walk in self.opening if not walk.delivered and own & {walk.probe.source, walk.probe.destination}), None
        )

    @property
    def is_connected(self) -> bool:
        return bool(self.vpn_ends) and not any(end.reason for end in self.vpn_ends)
