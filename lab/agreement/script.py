"""A state and its packets as a script that anybody can run again, and the function that it calls."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from lab.agreement.asks import Ask, questions
from lab.agreement.call import Call
from lab.agreement.pair import Pair
from lab.agreement.world import make_world
from lab.cloud import Cloud, CloudError
from lab.compiler import compile_topology
from lab.emulation.sandbox import run_in_sandbox
from lab.simulation import Probe


def write_script(calls: Sequence[Call], wanted: Sequence[Ask]) -> str:
    """The calls as they were made, the refused ones as comments, and the packets."""
    return "\n".join(
        (
            "# Run as root, with saglab's own Python.",
            "from ipaddress import IPv4Address",
            "",
            "from lab.agreement.asks import Ask",
            "from lab.agreement.script import replay",
            "from lab.agreement.world import make_world",
            "from lab.simulation import Probe",
            "",
            "cloud = make_world().cloud",
            "aws, alibaba, clock = cloud.aws, cloud.alibaba, cloud.clock",
            *_calls(calls),
            "replay(",
            "    cloud,",
            *(f"    {_ask(ask)}," for ask in wanted),
            ")",
        )
    )


def replay(cloud: Cloud, *wanted: Ask) -> None:
    """Send packets in both backends on a new network, print what they say, and exit with 1 where they disagree."""
    sys.exit(run_in_sandbox(lambda: _replay(cloud, wanted)))


def _replay(cloud: Cloud, wanted: Sequence[Ask]) -> int:
    topology = compile_topology(cloud)
    pair = Pair(topology)
    answers = pair.ask(questions(topology, wanted))
    for ask, forecast, outcome in zip(wanted, answers.forecasts, answers.outcomes, strict=True):
        print(f"{ask}\n    simulation: {forecast.outcome}, {forecast.reason or 'no drop'}\n    emulation:  {outcome}")
    disagreements = [*pair.disagreements, *answers.disagreements]
    print(*disagreements, sep="\n")
    pair.close()
    return int(bool(disagreements))


def _calls(calls: Sequence[Call]) -> Iterator[str]:
    cloud = make_world().cloud
    for call in calls:
        try:
            call.make(cloud)
        except CloudError as error:
            yield f"# {call}  refused: {error.code}"
        else:
            yield str(call)


def _ask(ask: Ask) -> str:
    return f"Ask({ask.machine!r}, {_probe(ask.probe)}, spoofed={ask.spoofed})"


def _probe(probe: Probe) -> str:
    """As Probe's own repr, but with addresses that a reader's eye finds."""
    default = Probe(probe.source, probe.destination, probe.protocol)
    given = [f"{name}={getattr(probe, name)!r}" for name in Probe.__slots__ if getattr(probe, name) != getattr(default, name)]
    return f"Probe({', '.join([repr(probe.source), repr(probe.destination), repr(probe.protocol), *given])})"
