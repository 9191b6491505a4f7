"""What a file's parts have become: the ids of what was made, the place of each call, and all that went wrong on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from typing import Concatenate, ParamSpec, TypeVar

from lab.cloud import CloudError, Supply
from lab.cloud.record import Record
from lab.files.errors import FileError
from lab.files.source import Source, Spot, Trail

P = ParamSpec("P")
T = TypeVar("T")

# Refusals that are about another key than the one that the rest of a call's are about.
_KEYS = {"InvalidRegionId.NotFound": "region", "InvalidZoneId.NotFound": "zone", "UnknownEndpoint": "region"}

_ID = re.compile(r"\b[a-z]+-[0-9a-z]{17}\b")


class _Skipped(Exception):
    """Something cannot be made, and what is wrong with it has been noted."""


class Ledger:
    """`ids` gives the id of what stands at a place of the file."""

    def __init__(self, source: Source, supply: Supply) -> None:
        self.ids: dict[Trail, str] = {}
        self.names: dict[str, str] = {}
        self.errors: list[FileError] = []
        self._source = source
        self._supply = supply
        self._callers: dict[tuple[int, str], Trail] = {}  # what asks for each call, and for what a call has made, by its id

    def twin(self, source: Source, supply: Supply) -> Ledger:
        """A ledger that goes on from here with another file, which says the same of everything that is made so far."""
        twin = Ledger(source, supply)
        twin.ids, twin.names, twin._callers = dict(self.ids), dict(self.names), dict(self._callers)
        return twin

    @property
    def places(self) -> dict[tuple[int, str], Spot]:
        """Where the file asks for each call, by its number and "".

        What a call has made has a place of its own under the number and its id, since one call may make several things.
        """
        source = self._source
        return {made: source.key_spot(trail) if made[1] else source.spot(trail) for made, trail in self._callers.items()}

    def call(self, at: Trail, operation: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call that the file asks for at a place. One that is refused is an error there, and ends the `attempt`."""
        _, before, _ = self._supply.position
        try:
            return operation(*args, **kwargs)
        except CloudError as error:
            place = (*at[:-1], _KEYS[error.code]) if error.code in _KEYS else at
            raise self.refused(place, f"{error.code}: {self._spoken(error.message)}") from None
        finally:
            _, after, _ = self._supply.position
            self._callers.update(((number, ""), at) for number in range(before + 1, after + 1))

    def make(
        self, at: Trail, key: str, operation: Callable[P, Record], *args: P.args, **kwargs: P.kwargs
    ) -> str:
        """Call what makes the resource that stands at a place, an error of which is about one of its keys. Returns its id."""
        return self.know(at, self.call((*at, key), operation, *args, **kwargs).id)

    def know(self, at: Trail, id: str) -> str:
        """From here on, the resource at a place is the one with this id, which the last call has made."""
        self.ids[at] = id
        if self._source.has_key(at):
            _, number, _ = self._supply.position
            self._callers[number, id] = at
        self.names[id] = str(at[-1])
        return id

    def name_of(self, id: str) -> str:
        """What the file calls a resource; its id where it has no name there."""
        return self.names.get(id, id)

    def refused(self, at: Trail, message: str, *, at_key: bool = False) -> _Skipped:
        """Note an error; the result is to be raised inside an `attempt`."""
        self.errors.append(self._source.error(at, message, at_key=at_key))
        return _Skipped()

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What is inside is given up at its first error, and what follows goes on without it."""
        with suppress(_Skipped):
            yield

    def each(
        self,
        base: Trail,
        parts: Mapping[str, T],
        make: Callable[Concatenate[Trail, T, P], object],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        """Make each of several parts, in an attempt of its own. `make` is given where it stands, and the part."""
        for name, part in parts.items():
            with self.attempt():
                make((*base, name), part, *args, **kwargs)

    def find(self, base: Trail, name: str, known: Collection[str], noun: str, at: Trail) -> str:
        """The id of what is called so among the parts below `base`; an error at the place that names it if there is none."""
        if name not in known:
            raise self.refused(at, f"there is no {noun} '{name}'{_inside(base)}{choices(name, known)}")
        found = self.ids.get((*base, name))
        if found is None:
            raise _Skipped  # it could not be made, which has been noted
        return found

    def of(self, at: Trail) -> str:
        """The id of what stands at a place; ends the attempt if it could not be made."""
        if at not in self.ids:
            raise _Skipped
        return self.ids[at]

    def _spoken(self, message: str) -> str:
        """With the names of the file instead of ids."""
        return _ID.sub(lambda found: self.name_of(found[0]), message)


def choices(name: str, known: Collection[str]) -> str:
    """What may have been meant by a name that is not known."""
    close = get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; there are: {', '.join(known)}" if known else "; there are none"


def _inside(base: Trail) -> str:
    """ " in office", for what stands below that network."""
    return f" in {base[2]}" if len(base) > 3 else ""
