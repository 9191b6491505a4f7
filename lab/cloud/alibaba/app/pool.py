"""The addresses of an instance's clients: which is given next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from itertools import chain


def next_idle(
    blocks: Sequence[IPv4Network], last: IPv4Address | None, is_taken: Callable[[IPv4Address], bool]
) -> IPv4Address | None:
    """The first address behind `last` that is not taken, block after block and round; None when all are.

    So an address that was just given comes again after all others. The first and the last address of a block are nobody's.
    """
    return next((address for address in _behind(blocks, last) if not is_taken(address)), None)


def _behind(blocks: Sequence[IPv4Network], last: IPv4Address | None) -> Iterator[IPv4Address]:
    """All addresses, beginning behind `last`, which itself comes at the end."""
    place = next((place for place, block in enumerate(blocks) if last is not None and last in block), None)
    if place is None or last is None:
        return chain.from_iterable(_hosts(block) for block in blocks)
    rest = (*blocks[place + 1 :], *blocks[:place])
    ahead = _hosts(blocks[place], after=last)
    around = _hosts(blocks[place], until=last)
    return chain(ahead, chain.from_iterable(_hosts(block) for block in rest), around)


def _hosts(block: IPv4Network, *, after: IPv4Address | None = None, until: IPv4Address | None = None) -> Iterator[IPv4Address]:
    first = block.network_address + 1 if after is None else after + 1
    last = block.broadcast_address - 1 if until is None else until
    return map(IPv4Address, range(int(first), int(last) + 1))
