"""A lab file: a network of one's own, and what is expected of it, as a scenario without steps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from lab.cloud import Cloud
from lab.contact import Contact, Waypoint
from lab.explanation.state import State
from lab.files.advice import Advisor
from lab.files.build import Built, Expected, build, build_pair
from lab.files.errors import InvalidFile
from lab.files.schema import LabFileContent
from lab.files.source import Source, Spot
from lab.files.validation import validate
from lab.scenario import Scenario
from lab.session import Lab

_SEED = b"lab file"  # of the clouds in which a file is checked: any would do


@dataclass(frozen=True)
class LabFile:
    """A file whose every value is right and whose every call the providers accept. `made` is what has come of it already."""

    source: Source
    content: LabFileContent
    made: tuple[Cloud, Built] | None = field(default=None, repr=False, compare=False)

    @staticmethod
    def read(path: Path) -> LabFile:
        """Raises UsageError for a file that cannot be read, and InvalidFile with everything that is wrong with one."""
        return LabFile.of(Source.read(path))

    @staticmethod
    def of(source: Source) -> LabFile:
        """Raises InvalidFile."""
        return LabFile(source, validate(source))._accepted()

    @staticmethod
    def pair(before: Source, after: Source) -> tuple[LabFile, LabFile]:
        """Two files that have much in common, as before and after a change: faster than each by itself. Raises InvalidFile."""
        files = LabFile(before, validate(before)), LabFile(after, validate(after))
        made = build_pair((before, files[0].content), (after, files[1].content), Cloud(_SEED))
        if made is None:
            return files[0]._accepted(), files[1]._accepted()
        return replace(files[0], made=made[0]), replace(files[1], made=made[1])

    def _accepted(self) -> LabFile:
        """Raises InvalidFile if the providers refuse anything."""
        if self.built.errors:
            raise InvalidFile(self.built.errors)
        return self

    @property
    def name(self) -> str:
        return self.content.name or Path(self.source.name).stem

    @property
    def built(self) -> Built:
        """What comes of it in clouds of its own, whose ids are always the same."""
        return self._made[1]

    @property
    def state(self) -> State:
        """Those clouds, for questions about who reaches whom."""
        cloud, built = self._made
        return State(cloud, places=self._places(built))

    @cached_property
    def _made(self) -> tuple[Cloud, Built]:
        if self.made is not None:
            return self.made
        cloud = Cloud(_SEED)
        return cloud, self.build(cloud)

    def build(self, cloud: Cloud | Lab) -> Built:
        """Make in new clouds what the file describes."""
        supply = cloud.cloud.supply if isinstance(cloud, Lab) else cloud.supply
        return build(self.source, self.content, cloud, supply)

    def cloud(self, seed: bytes | None = None) -> Cloud:
        """New clouds with what the file describes. One seed gives the same ids each time."""
        cloud = Cloud(seed)
        self.build(cloud)
        return cloud

    @property
    def scenario(self) -> Scenario:
        """It configures everything, and then sees what is expected."""
        title = self.content.description or f"the network of {Path(self.source.name).name}"
        return Scenario(self.name, title, title, self._run)

    def _run(self, lab: Lab) -> None:
        built = self.build(lab)
        lab.places.update(self._places(built))
        lab.advise = Advisor(lab.cloud, built.names, lab.places)
        for expected in built.expected:
            lab.expect_contact(self._contact(expected))

    def _places(self, built: Built) -> dict[tuple[int, str], str]:
        return {call: self._told(spot) for call, spot in built.places.items()}

    def _contact(self, expected: Expected) -> Contact:
        wanted = expected.wanted
        return Contact(
            expected.source,
            expected.destination,
            wanted.protocol,
            wanted.port,
            wanted.reaches,
            wanted.because or "",
            tuple(Waypoint(name, nodes) for name, nodes in expected.through),
            wanted.within,
            wanted.size,
            wanted.dont_fragment,
            self._told(expected.spot),
        )

    def _told(self, spot: Spot) -> str:
        """A place as a person reads it: "lab.yaml:12"."""
        return f"{Path(self.source.name).name}:{spot.line}"
