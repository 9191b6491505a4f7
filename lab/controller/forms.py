"""What the two sides of a line have in common: names, and the JSON of all that is said there."""

from __future__ import annotations

from datetime import datetime
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from lab.logon import AppAnswer, AppPhone, AppRequest, AppVisit
from lab.phoning import Configuration, Entry, Validity

Json = dict[str, Any]

HOST = "controller.sag.example"  # the name on the controller's certificate: a domain kept for documentation (RFC 2606 §3)
CONFIGURATION, REPORTS, APP = "/configuration", "/reports", "/app"
MACHINE = "x-machine"  # the header in which a device, or the SAG app, says on which machine it runs
NONCE = "x-nonce"  # that in which the app proves that its request is a new one


def entry_json(entry: Entry) -> Json:
    told = entry.configuration
    return {
        "name": entry.name,
        "serial_number": entry.serial_number,
        "key": entry.key.decode(),
        "holder": entry.holder,
        "is_paired": entry.is_paired,
        "configuration": None if told is None else configuration_json(told),
        "withheld": entry.withheld,
    }


def entry_of(given: Json) -> Entry:
    told = given["configuration"]
    configuration = None if told is None else configuration_of(told)
    return Entry(**given | {"key": given["key"].encode(), "configuration": configuration})


def configuration_json(configuration: Configuration) -> Json:
    """A configuration as a device reads it."""
    return {
        "gateway": configuration.gateway,
        "role": configuration.role,
        "point_of_presence": str(configuration.point_of_presence),
        "learned": [str(network) for network in configuration.learned],
        "announced": [str(network) for network in configuration.announced],
        "max_bandwidth": configuration.max_bandwidth,
    }


def configuration_of(given: Json) -> Configuration:
    """Raises ValueError, KeyError."""
    return Configuration(
        gateway=given["gateway"],
        role=given["role"],
        point_of_presence=IPv4Address(given["point_of_presence"]),
        learned=tuple(map(IPv4Network, given["learned"])),
        announced=tuple(map(IPv4Network, given["announced"])),
        max_bandwidth=given["max_bandwidth"],
    )


def validity_json(validity: Validity) -> Json:
    return {"not_before": validity.not_before.isoformat(), "not_after": validity.not_after.isoformat()}


def validity_of(given: Json) -> Validity:
    return Validity(*(datetime.fromisoformat(given[name]) for name in ("not_before", "not_after")))


def app_request_json(request: AppRequest) -> Json:
    return {"operation": request.operation, "arguments": dict(request.arguments)}


def app_request_of(given: Any) -> AppRequest:
    """Raises ValueError."""
    match given:
        case {"operation": str(operation), "arguments": dict(arguments)} if _is_text(arguments):
            return AppRequest(operation, arguments)
    raise ValueError("a request is operation: str, arguments: an object of texts")


def _is_text(arguments: Json) -> bool:
    return all(isinstance(value, str) for value in arguments.values())


def answer_json(answer: AppAnswer) -> Json:
    return {"code": answer.code, "message": answer.message, "told": dict(answer.told)}


def answer_of(given: Json) -> AppAnswer:
    """Raises KeyError, TypeError."""
    return AppAnswer(given["code"], given["message"], given["told"])


def visit_json(visit: AppVisit) -> Json:
    return {"terminal": visit.terminal, "source": str(visit.source), "request": app_request_json(visit.request)}


def visit_of(given: Json) -> AppVisit:
    return AppVisit(given["terminal"], IPv4Address(given["source"]), app_request_of(given["request"]))


def app_phone_json(phone: AppPhone) -> Json:
    address, port = phone.controller
    return {"address": str(phone.address), "controller": [str(address), port], "clock": phone.clock.isoformat()}


def app_phone_of(given: Json) -> AppPhone:
    address, port = given["controller"]
    return AppPhone(IPv4Address(given["address"]), (IPv4Address(address), port), datetime.fromisoformat(given["clock"]))
