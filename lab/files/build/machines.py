"""The machines of a file by their names, and which gateway runs on which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lab.files.build.ledger import Ledger, choices
from lab.files.schema import LabFileContent
from lab.files.source import Trail


@dataclass(frozen=True, slots=True)
class Machine:
    """`network` is the name of the VPC or ENS network it is in; empty for one outside any."""

    name: str
    network: str
    trail: Trail

    @property
    def full_name(self) -> str:
        return f"{self.network}/{self.name}" if self.network else self.name


@dataclass(frozen=True, slots=True)
class Seat:
    """A device of a gateway, the first or the second, and the machine that it is to run on."""

    gateway: str
    device: int


class Machines:
    """All machines of a file. A name that several have needs the network in front: "office/app"."""

    def __init__(self, content: LabFileContent, ledger: Ledger) -> None:
        self.all = tuple(_machines(content))
        self._ledger = ledger
        self.seats: dict[Trail, Seat] = {}
        for name, gateway in content.alibaba.smart_access_gateways.items():
            at: Trail = ("alibaba", "smart_access_gateways", name, "runs_on")
            listed = isinstance(gateway.runs_on, list)
            places = gateway.runs_on if isinstance(gateway.runs_on, list) else [gateway.runs_on]
            for number, reference in enumerate(places):
                with ledger.attempt():
                    self._seat(name, number, reference, (*at, number) if listed else at)

    def find(self, reference: str, at: Trail) -> Machine:
        """The machine that a name means; an error at the place that names it if there is not exactly one."""
        found = [machine for machine in self.all if reference in (machine.name, machine.full_name)]
        if len(found) == 1:
            return found[0]
        if not found:
            known = [machine.name for machine in self.all]
            raise self._ledger.refused(at, f"there is no machine '{reference}'{choices(reference, known)}")
        names = ", ".join(machine.full_name for machine in found)
        raise self._ledger.refused(at, f"{len(found)} machines are called '{reference}'; say which one: {names}")

    def _seat(self, gateway: str, number: int, reference: str, at: Trail) -> None:
        machine = self.find(reference, at)
        if machine.trail[0] == "terminals" or machine.trail[:2] == ("alibaba", "vpcs"):
            kind = "a terminal" if machine.trail[0] == "terminals" else "an ECS instance"
            rule = "a gateway runs on an instance of AWS or of ENS"
            raise self._ledger.refused(at, f"'{reference}' is {kind}, and {rule}")
        if machine.trail in self.seats:
            taken = self.seats[machine.trail].gateway
            raise self._ledger.refused(at, f"{taken} runs on '{reference}' already, and a machine is one device")
        if number > 1:
            raise self._ledger.refused(at, f"a gateway has two devices at most, and '{reference}' would be one more")
        self.seats[machine.trail] = Seat(gateway, number)


def _machines(content: LabFileContent) -> Iterator[Machine]:
    for name, office in content.aws.vpcs.items():
        yield from (Machine(one, name, ("aws", "vpcs", name, "instances", one)) for one in office.instances)
    for name, vpc in content.alibaba.vpcs.items():
        yield from (Machine(one, name, ("alibaba", "vpcs", name, "instances", one)) for one in vpc.instances)
    for name, edge in content.alibaba.ens_networks.items():
        yield from (Machine(one, name, ("alibaba", "ens_networks", name, "instances", one)) for one in edge.instances)
    yield from (Machine(one, "", ("alibaba", "ens_instances", one)) for one in content.alibaba.ens_instances)
    yield from (Machine(one, "", ("terminals", "terminals", one)) for one in content.terminals.terminals)
