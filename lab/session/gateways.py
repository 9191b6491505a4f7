"""Expectations of gateways: their status, what a diagnosis finds, what the provider tells of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.backend import Backend
from lab.cloud import Cloud
from lab.results import DiagnosisRecord, EventRecord, Finding, StatusRecord
from lab.session.ground import Gateway, Ground, Instance
from lab.status import NO_TUNNEL, NORMAL, NOT_REPORTING, StatusEnd, StatusKind
from lab.topology import Topology

if TYPE_CHECKING:
    pass

NORMAL_WITHIN = 3.0
"""Seconds that a status may take to become Normal, our choice: a handshake takes milliseconds, and a request that gets lost is
repeated after 0.5 and 1.5 s, that for a TCP connection after 1 s."""

EVENT_WITHIN = 8.0
"""Seconds that an event may take to come, our choice: a device is missed after one, or five if it is alone."""

_POLL = 0.02  # seconds between two looks

# What a status is Abnormal for where there is nobody to be asked.
NOBODY = {StatusKind.VPN: NO_TUNNEL, StatusKind.CONTROL: NOT_REPORTING}


class GatewayExpectations(Ground):
    """How gateways are."""

    def expect_vpn_status(self, gateway: Gateway, status: str = NORMAL, *, within: float = NORMAL_WITHIN) -> None:
        """Wait for the VPN Status of a gateway, as its console shows it (document 000…, step 3.2.4), and expect it to be Normal.

        Ends that have neither connected nor been told why not are given `within` seconds.
        """
        self._expect_status(StatusKind.VPN, gateway, status, within)

    def expect_control_status(self, gateway: Gateway, status: str = NORMAL, *, within: float = NORMAL_WITHIN) -> None:
        """Wait for the Control Status of a gateway (step 3.2.4), and expect it to be Normal.

        A device that has not finished its first call to the controller is given `within` seconds.
        """
        self._expect_status(StatusKind.CONTROL, gateway, status, within)

    def _expect_status(self, kind: StatusKind, gateway: Gateway, status: str, within: float) -> None:
        if self.clouds.leaving_out:
            return
        label = gateway.name or gateway.id
        self._listener.status_started(kind, label)
        record = StatusRecord(self._number, label, status, kind=kind)
        if self._backend is not None:
            topology = self._follow(self._backend)
            ask = self._backend.vpn_ends if kind is StatusKind.VPN else self._backend.control_ends
            record = _asked(record, topology, ask(gateway.id, within=within))
        self.result.statuses.append(record)
        self._listener.status_finished(record)

    def expect_diagnosis(self, gateway: Gateway, *checks: str) -> None:
        """Have a gateway diagnosed, and expect errors of exactly these checks (`lab.Check`), or of none.

        What is looked at is how the clouds are configured, whether or not the network shows it.
        """
        if self.clouds.leaving_out:
            return
        record = DiagnosisRecord(self._number, gateway.name or gateway.id, checks)
        if self._backend is not None:
            record = replace(record, asked=True, found=_diagnosed(self.cloud, gateway.id))
        self.result.diagnoses.append(record)
        self._listener.diagnosis_finished(record)

    def fail(self, machine: Instance) -> None:
        """Let a gateway's machine fail, as by kill -9 of what makes it one. It is started anew by itself."""
        if self.clouds.leaving_out:
            return
        if self._backend is not None:
            self._follow(self._backend)
            self._backend.fail(machine.id)
            self.apps.renew([machine.id])
            self._applied = None  # what has died is started anew
            self._listen(self._backend)  # where another device stands by, it takes over first
            return
        phone = self.compile().by_name[machine.id].phone
        for online in (False, True):
            if phone is not None:
                self.hear(phone.serial_number, online=online)
        self.settle()

    def expect_event(self, gateway: Gateway, name: str, *, within: float = EVENT_WITHIN) -> None:
        """Wait for an event of a gateway that nobody has waited for yet, so many seconds at most, and expect it to come."""
        if self.clouds.leaving_out:
            return
        record = EventRecord(self._number, gateway.name or gateway.id, name)
        self._listener.event_started(record)
        if self._backend is not None:
            record = replace(record, asked=True, came=self._await_event(self._backend, gateway.id, name, within))
        self.result.events.append(record)
        self._listener.event_finished(record)

    def _await_event(self, backend: Backend, gateway_id: str, name: str, within: float) -> bool:
        deadline = time.monotonic() + within
        while True:
            self._listen(backend)
            found = next((event for event in self._events if (event.resource_id, event.name) == (gateway_id, name)), None)
            if found is not None:
                self._events.remove(found)
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL)  # a poll of the condition, with the deadline above


def _asked(record: StatusRecord, topology: Topology, ends: Sequence[StatusEnd]) -> StatusRecord:
    """What the ends said, with the names that a person knows."""
    told = tuple(replace(end, node=topology.by_name[end.node].label) for end in ends)
    reason = next((end.reason for end in told if end.reason), "" if told else NOBODY[record.kind])
    return replace(record, ends=told, reason=reason)


def _diagnosed(cloud: Cloud, gateway_id: str) -> tuple[Finding, ...]:
    from lab.diagnosis import diagnose_smart_access_gateway  # stands above, on what replays scenarios

    return tuple(
        Finding(str(item.check), item.finding, item.advice) for item in diagnose_smart_access_gateway(cloud, gateway_id).errors
    )
