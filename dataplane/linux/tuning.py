"""How the gateway's own interfaces gather what they receive, so that many come up in one read; and how they were before."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from dataplane.errors import LocalError
from dataplane.linux.ethtool import features, set_features
from dataplane.linux.requests import Tune
from dataplane.linux.sysfs import read_attribute, write_attribute

GRO = "rx-gro"
UDP_GRO_FORWARDING = "rx-udp-gro-forwarding"
FLUSH_TIMEOUT = "gro_flush_timeout"
DEFERRALS = "napi_defer_hard_irqs"


class TuningError(LocalError):
    """The kernel does not let an interface be tuned."""


@dataclass(frozen=True, slots=True)
class _State:
    """Of one interface: features by ethtool's names, attributes by those of sysfs."""

    features: Mapping[str, bool]
    attributes: Mapping[str, int]


class Tuning:
    """Which interfaces were tuned, and how they were before."""

    def __init__(self) -> None:
        self._before: dict[str, _State] = {}

    def apply(self, interface: str, tune: Tune) -> None:
        """Tune an interface as it is asked for. Raises TuningError, and then it is as it was before."""
        wanted = _State(
            {GRO: tune.gro, UDP_GRO_FORWARDING: tune.udp_gro_forwarding},
            {FLUSH_TIMEOUT: tune.gro_flush_timeout, DEFERRALS: tune.napi_defer_hard_irqs},
        )
        try:
            self._before.setdefault(interface, _read(interface))
            _write(interface, wanted)
        except OSError as error:
            self.restore(interface)
            raise TuningError(f"interface {interface} cannot be tuned: {error.strerror}") from error

    def restore(self, interface: str) -> None:
        """Put an interface back; one that was never tuned, or is gone, is left alone."""
        state = self._before.pop(interface, None)
        if state is not None:
            with contextlib.suppress(OSError):
                _write(interface, state)

    def restore_all(self) -> None:
        for interface in tuple(self._before):
            self.restore(interface)


def _read(interface: str) -> _State:
    active = features(interface)
    wanted = {name: active[name] for name in (GRO, UDP_GRO_FORWARDING) if name in active}
    return _State(wanted, {name: int(read_attribute(interface, name)) for name in (FLUSH_TIMEOUT, DEFERRALS)})


def _write(interface: str, state: _State) -> None:
    set_features(interface, state.features)
    for name, value in state.attributes.items():
        write_attribute(interface, name, str(value))
