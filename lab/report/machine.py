"""A run as JSON and as JUnit XML."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from lab.report.contact import contact_case, contact_json
from lab.results import (
    AppRecord,
    Blame,
    DiagnosisRecord,
    EventRecord,
    FactRecord,
    FlowRecord,
    Outcome,
    PingRecord,
    ReachRecord,
    RunResult,
    StatusRecord,
    StepResult,
)
from lab.status import text_of


def to_json(result: RunResult) -> str:
    """The run as a JSON object; times are in seconds, round trips in milliseconds."""
    return json.dumps(_run(result), indent=2, ensure_ascii=False) + "\n"


def _run(result: RunResult) -> dict[str, Any]:
    return {
        "scenario": result.scenario,
        "passed": result.passed,
        "error": result.error or None,
        "seconds": round(result.seconds, 3),
        "left_out": [step.number for step in result.left_out],
        "steps": [_step(step) for step in result.steps],
        "statuses": [_status(record) for record in result.statuses],
        "diagnoses": [_diagnosis(record) for record in result.diagnoses],
        "events": [_event(record) for record in result.events],
        "apps": [_app(record) for record in result.apps],
        "facts": [_fact(record) for record in result.facts],
        "reaches": [_reach(record) for record in result.reaches],
        "flows": [_flow(record) for record in result.flows],
        "contacts": [contact_json(record) for record in result.contacts],
        "pings": [_ping(ping) for ping in result.pings],
        "drops": [
            *(_drop(blame, None) for blame in result.stray),
            *(_drop(blame, f"{ping.source} → {ping.destination}") for ping in result.pings for blame in ping.drops),
            *(_drop(blame, None) for record in result.reaches for blame in record.drops),
        ],
    }


def _step(step: StepResult) -> dict[str, Any]:
    return {
        "step": step.number,
        "title": step.title,
        "passed": step.passed,
        "seconds": round(step.seconds, 3),
        "outcome": step.outcome.value,
        "refusals": [{"call": r.call, "code": r.code, "message": r.message} for r in step.refusals],
    }


def _status(record: StatusRecord) -> dict[str, Any]:
    return {
        "of": record.kind.value,
        "gateway": record.gateway,
        "step": record.step or None,
        "status": record.status or None,
        "expected": record.expected,
        "reason": record.reason or None,
        "ends": [{"node": end.node, "status": end.status, "reason": end.reason or None} for end in record.ends],
    }


def _diagnosis(record: DiagnosisRecord) -> dict[str, Any]:
    return {
        "gateway": record.gateway,
        "step": record.step or None,
        "passed": record.passed,
        "expected": list(record.expected),
        "found": [{"check": each.check, "finding": each.finding, "advice": each.advice} for each in record.found],
    }


def _event(record: EventRecord) -> dict[str, Any]:
    return {"gateway": record.gateway, "step": record.step or None, "event": record.event, "passed": record.passed}


def _fact(record: FactRecord) -> dict[str, Any]:
    return {
        "what": record.what,
        "step": record.step or None,
        "found": record.found,
        "expected": record.expected,
        "passed": record.passed,
    }


def _app(record: AppRecord) -> dict[str, Any]:
    return {
        "terminal": record.terminal,
        "step": record.step or None,
        "shows": record.shown or None,
        "message": record.message or None,
        "expected": record.expected,
        "passed": record.passed,
    }


def _reach(record: ReachRecord) -> dict[str, Any]:
    """`answered` and `expected` give the names that each machine reaches, and should reach."""
    return {
        "step": record.step or None,
        "passed": record.passed,
        "machines": list(record.machines),
        "answered": _reached(record.machines, record.answered),
        "expected": _reached(record.machines, record.expected),
        "problem": record.problem or None,
    }


def _reached(machines: tuple[str, ...], pairs: tuple[tuple[int, int], ...]) -> dict[str, list[str]]:
    return {
        machine: [machines[there] for here, there in pairs if here == number] for number, machine in enumerate(machines)
    }


def _flow(record: FlowRecord) -> dict[str, Any]:
    """Rates are in bit/s."""
    return {
        "source": record.source,
        "destination": record.destination,
        "step": record.step or None,
        "passed": record.passed,
        "protocol": record.protocol,
        "expected": record.expected,
        "tolerance": record.tolerance,
        "measured": record.measured and round(record.measured),
    }


def _ping(ping: PingRecord) -> dict[str, Any]:
    return {
        "source": ping.source,
        "destination": ping.destination,
        "sent": ping.result.sent,
        "received": ping.result.received,
        "rtt_ms": ping.result.rtt_ms,
        "source_address": str(ping.source_address) if ping.source_address else None,
        "destination_address": str(ping.destination_address) if ping.destination_address else None,
        "problem": ping.problem or None,
    }


def _drop(blame: Blame, ping: str | None) -> dict[str, Any]:
    place = blame.drop.place
    return {
        "node": blame.node_label,
        "reason": str(place.reason),
        "resource": place.origin.resource,
        "step": ", ".join(blame.steps) or None,
        "packets": blame.drop.packets,
        "filter": place.filter.value,
        "machine": blame.machine or None,
        "ping": ping,
    }


def to_junit(result: RunResult) -> str:
    """The run as a JUnit test suite: a case for each step and for each thing that was expected."""
    cases = [_step_case(result, step) for step in result.steps]
    cases += [_status_case(result, record) for record in result.statuses]
    cases += [_diagnosis_case(result, record) for record in result.diagnoses]
    cases += [_event_case(result, record) for record in result.events]
    cases += [_app_case(result, record) for record in result.apps]
    cases += [_fact_case(result, record) for record in result.facts]
    cases += [_reach_case(result, record) for record in result.reaches]
    cases += [_flow_case(result, record) for record in result.flows]
    cases += [_ping_case(result, ping) for ping in result.pings]
    cases += [contact_case(result.scenario, record) for record in result.contacts]
    if result.error:
        case = ElementTree.Element("testcase", classname=result.scenario, name="run")
        ElementTree.SubElement(case, "error", message=result.error)
        cases.append(case)
    suite = ElementTree.Element(
        "testsuite",
        name=result.scenario,
        tests=str(len(cases)),
        failures=str(_count(cases, "failure")),
        errors=str(_count(cases, "error")),
        skipped=str(_count(cases, "skipped")),
        time=f"{result.seconds:.3f}",
    )
    suite.extend(cases)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _step_case(result: RunResult, step: StepResult) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=result.scenario, name=f"{step.number} {step.title}", time=f"{step.seconds:.3f}"
    )
    if step.outcome is Outcome.LEFT_OUT:
        ElementTree.SubElement(case, "skipped", message="left out")
    elif not step.passed:
        said = "; ".join(f"{r.call}: {r.code}: {r.message}" for r in step.refusals)
        ElementTree.SubElement(case, "failure", message=step.outcome.value).text = said
    return case


def _status_case(result: RunResult, record: StatusRecord) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=result.scenario, name=f"{record.kind} of {record.gateway}")
    if not record.passed:
        message = f"{record.status or 'nobody was asked'}, {record.expected} expected"
        failure = ElementTree.SubElement(case, "failure", message=message)
        told = [f"{end.node}: {end.reason}: {text_of(end.reason)}" for end in record.ends if end.reason]
        failure.text = "\n".join(told or [text_of(record.reason)])
    return case


def _diagnosis_case(result: RunResult, record: DiagnosisRecord) -> ElementTree.Element:
    where = f"diagnosis of {record.gateway}" + (f" in step {record.step}" if record.step else "")
    case = ElementTree.Element("testcase", classname=result.scenario, name=where)
    if not record.passed:
        message = f"errors of {', '.join(record.expected) or 'no check'} expected"
        failure = ElementTree.SubElement(case, "failure", message=message)
        failure.text = "\n".join(f"{each.check}: {each.finding}" for each in record.found)
    return case


def _event_case(result: RunResult, record: EventRecord) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=result.scenario, name=f"event {record.event} of {record.gateway}")
    if not record.passed:
        ElementTree.SubElement(case, "failure", message="it did not come" if record.asked else "nobody waited for it")
    return case


def _app_case(result: RunResult, record: AppRecord) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=result.scenario, name=f"app of {record.terminal}: {record.expected}")
    if not record.passed:
        message = f"it shows {record.shown}" if record.asked else "nobody looked"
        ElementTree.SubElement(case, "failure", message=message).text = record.message
    return case


def _fact_case(result: RunResult, record: FactRecord) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=result.scenario, name=f"{record.what}: {record.expected}")
    if record.found is None:
        ElementTree.SubElement(case, "skipped", message="nothing ran that has it")
    elif not record.passed:
        ElementTree.SubElement(case, "failure", message=f"it is {record.found}")
    return case


def _reach_case(result: RunResult, record: ReachRecord) -> ElementTree.Element:
    where = f"an echo between each pair of {len(record.machines)} machines" + (f" in step {record.step}" if record.step else "")
    case = ElementTree.Element("testcase", classname=result.scenario, name=where)
    if not record.passed:
        wrong = set(record.answered) ^ set(record.expected)
        message = record.problem or (f"{len(wrong)} pairs are not as expected" if record.asked else "nobody was asked")
        failure = ElementTree.SubElement(case, "failure", message=message)
        told = (f"{record.machines[here]} → {record.machines[there]}" for here, there in sorted(wrong))
        failure.text = "\n".join([*told, *(_sentence(blame) for blame in record.drops)])
    return case


def _flow_case(result: RunResult, record: FlowRecord) -> ElementTree.Element:
    name = f"{record.protocol} {record.source} → {record.destination}" + (f" in step {record.step}" if record.step else "")
    case = ElementTree.Element("testcase", classname=result.scenario, name=name)
    if not record.passed and record.measured is not None:
        wanted = f"{record.expected / 1e6:g} Mbit/s within {record.tolerance:.0%}"
        ElementTree.SubElement(case, "failure", message=f"{record.measured / 1e6:.1f} Mbit/s, {wanted} expected")
    return case


def _ping_case(result: RunResult, ping: PingRecord) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=result.scenario, name=f"ping {ping.source} → {ping.destination}")
    if not ping.passed:
        message = ping.problem or f"{ping.result.received} of {ping.result.sent} echoes answered, {ping.expected} expected"
        failure = ElementTree.SubElement(case, "failure", message=message)
        failure.text = "\n".join(_sentence(blame) for blame in ping.drops)
    return case


def _sentence(blame: Blame) -> str:
    place = blame.drop.place
    due = f"; step {', '.join(blame.steps)} was left out" if blame.steps else ""
    return f"{blame.drop.packets} dropped at {blame.node_label}: {place.reason} ({place.filter}, {place.origin.resource}){due}"


def _count(cases: list[ElementTree.Element], kind: str) -> int:
    return sum(case.find(kind) is not None for case in cases)
