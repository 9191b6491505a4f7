"""A file as a whole: the order in which its parts are made, and its expectations with the machines that they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address
from typing import Protocol

from lab.cloud import Supply
from lab.cloud.alibaba import Alibaba
from lab.cloud.aws import Aws
from lab.cloud.terminals import Terminals
from lab.errors import UsageError
from lab.files.build.alibaba import AlibabaBuilder
from lab.files.build.app import AppBuilder
from lab.files.build.aws import AwsBuilder
from lab.files.build.ledger import Ledger, choices
from lab.files.build.machines import Machines
from lab.files.build.transit import CCNS, CENS, TransitBuilder
from lab.files.errors import FileError
from lab.files.schema import LabFileContent
from lab.files.schema.alibaba import Vpc as AlibabaVpc
from lab.files.schema.aws import Vpc as AwsVpc
from lab.files.schema.expectation import Expectation
from lab.files.source import Source, Spot, Trail


@dataclass(frozen=True, slots=True)
class Expected:
    """An expectation with the ids of what it speaks of. `destination` may be an address.

    `through` gives, for each name, the ids that it may mean: a gateway's is that of any machine it runs on.
    """

    wanted: Expectation
    source: str
    destination: str
    through: tuple[tuple[str, frozenset[str]], ...]
    spot: Spot


@dataclass(frozen=True)
class Built:
    """What came of a file. `places` says where the file asks for each call, by its number and "", and for what a call has made,
    by the number and its id; `names` what it calls each id.

    `ids` is the other way round, by the names of machines, the full ones ("office/app") too.
    """

    places: Mapping[tuple[int, str], Spot]
    names: Mapping[str, str]
    ids: Mapping[str, str]
    expected: tuple[Expected, ...]
    errors: tuple[FileError, ...]

    def machine(self, name: str) -> str:
        """The id of a machine. Raises UsageError for a name that none has, or several."""
        if name not in self.ids:
            raise UsageError(f"there is no machine '{name}'{choices(name, list(self.ids))}")
        return self.ids[name]


class Providers(Protocol):
    """Whose calls a file becomes: those of a cloud, or of a lab."""

    @property
    def aws(self) -> Aws: ...
    @property
    def alibaba(self) -> Alibaba: ...
    @property
    def terminals(self) -> Terminals: ...


def build(source: Source, content: LabFileContent, clouds: Providers, supply: Supply) -> Built:
    """Make everything that a file describes. What cannot be made is left out, with everything that needs it, and is an error."""
    works = Works(source, content, clouds, Ledger(source, supply))
    works.begin()
    works.build_vpcs(content.aws.vpcs, content.alibaba.vpcs)
    return works.complete()


class Works:
    """A file that is being made: `begin`, then its VPCs, all of them in any order, then what joins and uses them."""

    def __init__(self, source: Source, content: LabFileContent, clouds: Providers, ledger: Ledger) -> None:
        self.ledger = ledger
        self.content = content
        self._source = source
        self._clouds = clouds
        self.machines = Machines(content, ledger)
        self.transit = TransitBuilder(clouds.alibaba, ledger, self.machines, content)
        self._credentials: dict[Trail, str] = {}

    def begin(self) -> None:
        """Buy the gateways, whose keys the machines need."""
        self._credentials = self.transit.buy()

    def twin(self, source: Source, content: LabFileContent, clouds: Providers, supply: Supply) -> Works:
        """Another file, whose making goes on from here in other clouds. It says the same of everything that is made so far."""
        twin = Works(source, content, clouds, self.ledger.twin(source, supply))
        twin._credentials = self._credentials
        return twin

    def build_vpcs(self, aws: Mapping[str, AwsVpc], alibaba: Mapping[str, AlibabaVpc]) -> None:
        self._amazon().build(aws)
        self._apsara().build_vpcs(alibaba)

    def complete(self) -> Built:
        ledger, content, clouds = self.ledger, self.content, self._clouds
        self._apsara().build_ens(content.alibaba)
        self.transit.join()
        app = AppBuilder(clouds.alibaba, clouds.terminals, ledger)
        app.build(content.alibaba.sag_apps, content.terminals, self.transit.ccns, CCNS)
        self._amazon().stop(content.aws.vpcs)
        self._apsara().stop(content.alibaba)
        expected = tuple(_Reader(self._source, content, ledger, self.machines).read())
        return Built(ledger.places, ledger.names, _ids(ledger, self.machines), expected, tuple(ledger.errors))

    def _amazon(self) -> AwsBuilder:
        return AwsBuilder(self._clouds.aws, self.ledger, self.machines, self._credentials)

    def _apsara(self) -> AlibabaBuilder:
        return AlibabaBuilder(self._clouds.alibaba, self.ledger, self.machines, self._credentials)


def _ids(ledger: Ledger, machines: Machines) -> dict[str, str]:
    made = [machine for machine in machines.all if machine.trail in ledger.ids]
    short = [machine.name for machine in made]
    return {machine.full_name: ledger.ids[machine.trail] for machine in made} | {
        machine.name: ledger.ids[machine.trail] for machine in made if short.count(machine.name) == 1
    }


class _Reader:
    """Finds what the expectations speak of."""

    def __init__(self, source: Source, content: LabFileContent, ledger: Ledger, machines: Machines) -> None:
        self._source = source
        self._content = content
        self._ledger = ledger
        self._machines = machines

    def read(self) -> Iterator[Expected]:
        for number, wanted in enumerate(self._content.expect):
            at: Trail = ("expect", number)
            with self._ledger.attempt():
                through = tuple(
                    (name, self._waypoint(name, (*at, "through", place))) for place, name in enumerate(wanted.through)
                )
                for source in wanted.sources:
                    for destination in wanted.destinations:
                        with self._ledger.attempt():
                            yield self._expected(at, wanted, source, destination, through)

    def _expected(
        self, at: Trail, wanted: Expectation, source: str, destination: str, through: tuple[tuple[str, frozenset[str]], ...]
    ) -> Expected:
        sender = self._machines.find(source, (*at, "from"))
        receiver = None if _is_address(destination) else self._machines.find(destination, (*at, "to"))
        if sender == receiver:
            raise self._ledger.refused(at, f"'{source}' is at both ends; name two machines")
        goal = destination if receiver is None else self._ledger.of(receiver.trail)
        return Expected(wanted, self._ledger.of(sender.trail), goal, through, self._source.spot(at))

    def _waypoint(self, name: str, at: Trail) -> frozenset[str]:
        """The ids of what a packet may pass under a name."""
        known = dict(self._waypoints())
        if name not in known:
            raise self._ledger.refused(at, f"there is nothing called '{name}' that a packet could pass{choices(name, known)}")
        return frozenset(self._ledger.of(trail) for trail in known[name])

    def _waypoints(self) -> Iterator[tuple[str, list[Trail]]]:
        """Machines, networks, CCNs and CENs by their names, and gateways by theirs. A later one of the same name is meant."""
        for trail in self._ledger.ids:
            if trail[:-1] in (CCNS, CENS, ("aws", "vpcs"), ("alibaba", "vpcs"), ("alibaba", "ens_networks")):
                yield str(trail[-1]), [trail]
        for name in self._content.alibaba.smart_access_gateways:
            yield name, [trail for trail, seat in self._machines.seats.items() if seat.gateway == name]
        for machine in self._machines.all:
            yield machine.name, [machine.trail]
            yield machine.full_name, [machine.trail]


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True
