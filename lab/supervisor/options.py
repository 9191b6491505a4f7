"""How the network of a lab is run, beside what the clouds say."""

from __future__ import annotations

from dataclasses import dataclass

from lab.impairments import Order
from lab.smtp import Relay


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    """`capture`, an open file, takes what passes all interfaces, from the first packet on; `keylog`, an open directory, all keys.

    `meters`, an open directory, takes what is counted of clients, and outlives the network. `wan` is what the links do by which
    tunnels enter the internet. `smtp` takes the clouds' mail, which stays inside without it.
    """

    cipher: str
    capture: int | None = None
    keylog: int | None = None
    wan: Order | None = None
    meters: int | None = None
    smtp: Relay | None = None
