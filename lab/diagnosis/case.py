"""What the checks of one gateway look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lab.cloud import Cloud
from lab.cloud.alibaba.resources import Cen, CloudConnectNetwork, EnsInstance, SmartAccessGateway
from lab.cloud.aws.resources import TERMINATED, Instance
from lab.compiler.device import Claim, Machine, running_claims
from lab.explanation import Call
from lab.simulation import Simulation, Walk
from lab.simulation.phones import device_end
from lab.status import StatusEnd
from lab.topology import Topology


@dataclass(frozen=True)
class Case:
    """A gateway in its cloud and network.

    `said` is what machines that phone home say of their Control Status, by id: why it is Abnormal, empty when it is Normal. None
    where they only exist in the model; then a simulation tells. `told` is how a call is advised.
    """

    cloud: Cloud
    gateway: SmartAccessGateway
    topology: Topology
    said: Mapping[str, str] | None
    told: Callable[[Call], str] = str

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

    @cached_property
    def control_reasons(self) -> Mapping[str, str]:
        """Why the Control Status of each machine that is to be a device is Abnormal, empty where it is Normal."""
        machines = [claim.machine.id for claim in self.claims]
        if self.said is not None:
            return {machine: self.said[machine] for machine in machines if machine in self.said}
        network = self.simulation.with_topology(self.topology)
        ends = (device_end(network, self.topology.node_of(machine)) for machine in machines)
        return {end.node: end.reason for end in ends if end is not None}

    @property
    def is_connected(self) -> bool:
        return bool(self.vpn_ends) and not any(end.reason for end in self.vpn_ends)
