"""All that compete, in the order of the table's columns."""

from __future__ import annotations

from functools import partial

from testbed import saglab
from testbed.contender import Contender
from testbed.path import Path

CONTENDERS = (
    Contender("none", "the kernel forwards the packets as they are: the ceiling", Path.route_plainly),
    Contender("saglab", "AES-256-GCM", partial(saglab.start, cipher="aes-256-gcm", changes={})),
    Contender("saglab-chacha", "ChaCha20-Poly1305", partial(saglab.start, cipher="chacha20-poly1305", changes={})),
)
