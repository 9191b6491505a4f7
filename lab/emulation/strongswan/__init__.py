"""strongSwan as a gateway's software: charon with ESP of its own (kernel-libipsec), as Debian has it."""

from __future__ import annotations

from lab.emulation.strongswan.process import StrongswanProcess

__all__ = ["StrongswanProcess"]
