"""A device and its controller on a loopback address: real TLS and real HTTP, nothing of a lab."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
import uvicorn

from lab.cloud.lab_time import START
from lab.controller.certificates import Authority
from lab.controller.device import Device
from lab.controller.forms import CONFIGURATION, HOST, REPORTS, entry_json, entry_of
from lab.controller.line import Line, LineBroken, connect, trusting
from lab.controller.roll import Report, Roll
from lab.controller.service import Service
from lab.emulation.home.controller import hang_up, make_server, present
from lab.phoning import Configuration, Entry, Validity

TOLD = Configuration("sag-1", "active", IPv4Address("198.51.100.10"), (IPv4Network("192.168.0.0/16"),), (), 100)
DEVICE = Entry("sag-1", "sag1", b"key", "i-1", is_paired=False, configuration=TOLD)
CERTIFICATE = Validity(START, START + timedelta(days=30))
WAIT = 60.0
LARGE = 50_000_000  # bytes: more than is under way at once


@dataclass
class Site:
    roll: Roll
    authority: Authority
    port: int
    tls: ssl.SSLContext
    server: uvicorn.Server

    async def dial(self, *, serial_number: str = "sag1", key: bytes = b"key", machine: str = "i-1", trusts: str = "") -> Line:
        trust = trusting(trusts or self.authority.certificate.decode())
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        return await connect(made, ("127.0.0.1", self.port), trust, serial_number=serial_number, key=key, machine=machine)


@contextlib.asynccontextmanager
async def site(entry: Entry = DEVICE) -> AsyncIterator[Site]:
    """A controller with one device in its register."""
    roll, authority, tls = Roll(), Authority(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    roll.load([entry])
    present(tls, authority.issue(HOST, CERTIFICATE))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = make_server(Service(roll).app(), tls)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield Site(roll, authority, listener.getsockname()[1], tls, server)
        finally:
            server.should_exit = server.force_exit = True
            await serving


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, WAIT))


async def well() -> Report:
    return Report(serves=True, sent_bytes=1, received_bytes=2, dropped_packets=3)


async def settled(device: Device) -> None:
    """Let it live until it has called once."""
    living = asyncio.create_task(device.live())
    while not device.has_tried:
        await asyncio.sleep(0.01)
    living.cancel()


@pytest.mark.requirement("S0-006", "S0-050")
def test_a_device_reports_and_is_told_its_configuration() -> None:
    async def test() -> None:
        async with site() as here:
            device = Device(here.dial, well, START)
            await settled(device)
            assert (device.reason, device.configuration) == ("", TOLD)
            assert here.roll.reports() == {"sag1": await well()}

    run(test())


@pytest.mark.parametrize(
    ("who", "reason", "seen"),
    [
        pytest.param({"key": b"other"}, "WRONG_KEY", "WRONG_KEY", id="a wrong key"),
        pytest.param({"serial_number": "sag 2\u20ac"}, "UNKNOWN_SERIAL_NUMBER", "NOT_REPORTING", id="an unknown serial number"),
        pytest.param({"machine": "i-2"}, "SERIAL_NUMBER_IN_USE", "NOT_REPORTING", id="a used serial number"),
        pytest.param({"trusts": Authority().certificate.decode()}, "CERTIFICATE_NOT_TRUSTED", "NOT_REPORTING", id="a stranger"),
    ],
)
@pytest.mark.requirement("S0-037")
def test_who_is_refused_knows_why(who: dict[str, Any], reason: str, seen: str) -> None:
    async def test() -> None:
        async with site() as here:
            device = Device(lambda: here.dial(**who), well, START)
            await settled(device)
            assert (device.reason, device.configuration) == (reason, None)
            assert here.roll.reasons(now=0.0) == {"sag1": seen}

    run(test())


@pytest.mark.parametrize(
    ("clock", "reason"),
    [
        pytest.param(START - timedelta(seconds=1), "CERTIFICATE_NOT_YET_VALID", id="early"),
        pytest.param(START, "", id="in time"),
        pytest.param(START + timedelta(days=31), "CERTIFICATE_EXPIRED", id="late"),
    ],
)
def test_the_certificate_is_judged_by_the_devices_clock(clock: datetime, reason: str) -> None:
    async def test() -> None:
        async with site() as here:
            device = Device(here.dial, well, clock)
            await settled(device)
            assert device.reason == reason

    run(test())


def test_a_device_keeps_what_it_was_told_when_the_controller_is_away() -> None:
    async def test() -> None:
        async with site() as here:
            device = Device(here.dial, well, START)
            await settled(device)
        device.has_tried = False
        await settled(device)
        assert (device.reason, device.configuration) == ("CONTROLLER_UNREACHABLE", TOLD)

    run(test())


def test_a_certificate_that_is_replaced_is_judged_anew() -> None:
    async def test() -> None:
        async with site() as here:
            here.roll.load([DEVICE], every=0.01)
            device = Device(here.dial, well, START + timedelta(days=1))
            living = asyncio.create_task(device.live())
            for validity, reason in ((CERTIFICATE, ""), (Validity(START, START), "CERTIFICATE_EXPIRED"), (CERTIFICATE, "")):
                present(here.tls, here.authority.issue(HOST, validity))
                hang_up(here.server)
                while (device.reason, device.has_tried) != (reason, True):
                    await asyncio.sleep(0.01)
            living.cancel()

    run(test())


def test_nothing_is_told_without_a_proof_and_a_proof_is_good_once() -> None:
    async def test() -> None:
        async with site() as here:
            line = await here.dial()
            first = await line._exchange("GET", CONFIGURATION, None)
            assert (first.status, first.body) == (401, {"reason": ""})
            assert (await line._exchange("GET", CONFIGURATION, None)).status == 200
            line._count -= 1  # the next request will look like one that was made before
            repeated = await line._exchange("GET", CONFIGURATION, None)
            assert (repeated.status, repeated.body) == (401, {"reason": ""})
            assert (await line.ask("GET", CONFIGURATION))["withheld"] == ""
            line.close()

    run(test())


@pytest.mark.parametrize("report", [None, {}, {"serves": 1, "sent_bytes": 0, "received_bytes": 0, "dropped_packets": 0}], ids=str)
def test_a_malformed_report_is_refused(report: object) -> None:
    async def test() -> None:
        async with site() as here:
            line = await here.dial()
            with pytest.raises(LineBroken, match="status 400"):
                await line.ask("POST", REPORTS, report)
            line.close()
            assert here.roll.reports() == {}

    run(test())


async def half_a_report(here: Site) -> Line:
    """A line on which a report has begun that is far from its end."""
    line = await here.dial()
    await line.ask("GET", CONFIGURATION)
    asking = asyncio.create_task(line.ask("POST", REPORTS, "x" * LARGE))
    asking.add_done_callback(asyncio.Task.exception)  # it is not to succeed
    while not here.server.server_state.tasks:
        await asyncio.sleep(0)
    await asyncio.sleep(0)  # a task's first step
    return line


def test_a_device_that_dies_in_the_middle_of_a_report_is_no_mistake(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with site() as here:
            line = await half_a_report(here)
            line.close()
            while here.server.server_state.tasks:
                await asyncio.sleep(0.01)

    run(test())
    assert not caplog.records


def test_nor_is_the_end_of_the_controller(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with site() as here:
            line = await half_a_report(here)
            for task in here.server.server_state.tasks:
                task.cancel()  # as the end of the loop does
            while here.server.server_state.tasks:
                await asyncio.sleep(0)
            line.close()

    run(test())
    assert not caplog.records


def test_another_configuration_has_another_version() -> None:
    async def version(entry: Entry) -> str:
        async with site(entry) as here:
            line = await here.dial()
            try:
                return str((await line.ask("GET", CONFIGURATION))["version"])
            finally:
                line.close()

    async def test() -> None:
        other = replace(DEVICE, configuration=replace(TOLD, max_bandwidth=200))
        same, changed, none = [await version(it) for it in (DEVICE, other, replace(DEVICE, configuration=None))]
        assert len({same, changed, none}) == 3
        assert same == await version(replace(DEVICE, name="sag1"))

    run(test())


def test_an_entry_survives_its_way_to_the_controller() -> None:
    for entry in (DEVICE, replace(DEVICE, configuration=None, withheld="SAG_OVERDUE_PAYMENT")):
        assert entry_of(entry_json(entry)) == entry
