"""What would mend an expectation that is not met, said as a change of the file, which then is met."""

from __future__ import annotations

import pytest

from lab.contact import ContactRecord
from lab.explanation import Call
from lab.files import LabFile
from lab.files.advice import Advisor
from lab.files.first import FIRST
from lab.files.source import Source
from lab.listener import Listener
from lab.supervisor.run import run_scenario
from lab.supervisor.simulated import SimulationBackend


def contacts(text: str) -> list[ContactRecord]:
    file = LabFile.of(Source("lab.yaml", text))
    return run_scenario(file.scenario, skip=(), backend=SimulationBackend(), listener=Listener()).contacts


# id: (what the first file has, what it has instead, what is advised for the first expectation that is not met)
BROKEN = {
    "a rule of AWS": (
        "            - all from 192.168.0.0/16   # 4.3\n",
        "",
        "add `icmp from 192.168.0.0/16` to the ingress of the security group app (lab.yaml:21)",
    ),
    "a rule of Alibaba Cloud": (
        "ingress: [all from 10.0.0.0/16]",
        "ingress: [tcp 1-79 from 10.0.0.0/16]",
        "add `icmp from 10.0.0.0/16` to the ingress of the security group ecs (lab.yaml:44)",
    ),
    "a route": ("main: {192.168.0.0/16: vcpe}", "main: {}", "add `192.168.0.0/16: vcpe` to the route table main (lab.yaml:18)"),
    "the check": (
        "security_groups: [vcpe]}",
        "security_groups: [vcpe], source_dest_check: true}",
        "say `source_dest_check: false` of vcpe (lab.yaml:35)",
    ),
    "the attachment": (
        "[ccn-singapore, alibaba]",
        "[ccn-singapore]",
        "add `alibaba` to the attachments of the CEN hybrid (lab.yaml:57)",
    ),
    "the networks behind the gateway": (
        "cidr_blocks: [10.0.0.0/16] ",
        "cidr_blocks: [10.9.0.0/16] ",
        "say `cidr_blocks: [10.9.0.0/16, 10.0.0.0/16]` of the gateway vcpe-singapore (lab.yaml:50)",
    ),
    "a machine that is stopped": (
        "security_groups: [vcpe]}",
        "security_groups: [vcpe], state: stopped}",
        "say `state: running` of vcpe (lab.yaml:35)",
    ),
}


@pytest.mark.parametrize(("what", "instead", "advice"), BROKEN.values(), ids=BROKEN.keys())
def test_advice(what: str, instead: str, advice: str) -> None:
    assert what in FIRST
    told = next(record.foretold for record in contacts(FIRST.replace(what, instead)) if not record.passed)
    assert told is not None
    assert told.solved
    assert [fix.rsplit(":", 1)[0] for fix in told.fixes] == [advice.rsplit(":", 1)[0]]


FAR = """\
aws:
  vpcs:
    office:
      cidr_block: 10.0.0.0/16
      route_tables: {main: {0.0.0.0/0: internet_gateway, 172.16.0.0/12: vcpe}}
      instances: {app: , vcpe: }
alibaba:
  vpcs:
    data:
      cidr_block: 172.16.0.0/16
      region: cn-shanghai
      security_groups: {default: {ingress: [all from 10.0.0.0/8]}}
      instances: {db: }
  smart_access_gateways:
    sag: {runs_on: vcpe, region: eu-central-1}
  cloud_connect_networks: {near: {region: ap-southeast-1}}
  cens:
    backbone: {attachments: [near, data]}
expect: [app reaches db]
"""
MENDED = (
    ("{near: {region: ap-southeast-1}}", "{near: {region: ap-southeast-1}, ccn-eu-central-1: {region: eu-central-1}}"),
    ("region: eu-central-1}\n", "region: eu-central-1, cloud_connect_network: ccn-eu-central-1}\n"),
    ("[near, data]", "[near, data, ccn-eu-central-1]"),
    (
        "attachments:",
        "bandwidth_packages: [{between: [Europe, China], bandwidth: 10}], inter_region_bandwidth: "
        "[{between: [eu-central-1, cn-shanghai], bandwidth: 10}], attachments:",
    ),
)


def test_all_that_a_network_in_another_region_needs_is_told_and_is_enough() -> None:
    (record,) = contacts(FAR)
    assert record.foretold is not None
    assert [fix.partition(" (")[0] for fix in record.foretold.fixes] == [
        "add `ccn-eu-central-1: {region: eu-central-1}` to cloud_connect_networks",
        "say `cloud_connect_network: ccn-eu-central-1` of the gateway sag",
        "add `ccn-eu-central-1` to the attachments of the CEN backbone",
        "add `{between: [Europe, China], bandwidth: 10}` to the bandwidth_packages of the CEN backbone",
        "have `{between: [eu-central-1, cn-shanghai], bandwidth: 10}` among the inter_region_bandwidth of the CEN backbone",
    ]
    text = FAR
    for what, instead in MENDED:
        text = text.replace(what, instead, 1)
    (record,) = contacts(text)
    assert record.passed, record.foretold


def test_of_a_plan_that_is_nearly_spent_the_rest_is_enough() -> None:
    text = FAR.replace("near: {region: ap-southeast-1}", "near: {region: eu-central-1}").replace(
        "{attachments: [near, data]}",
        "{attachments: [near, data], bandwidth_packages: [{between: [Europe, China], bandwidth: 10}], "
        "inter_region_bandwidth: [{between: [eu-central-1, cn-beijing], bandwidth: 2}]}",
    )
    (record,) = contacts(text)
    assert record.foretold is not None
    (fix,) = record.foretold.fixes
    assert fix.startswith("have `{between: [eu-central-1, cn-shanghai], bandwidth: 1}` among the inter_region_bandwidth")


def test_the_place_is_where_the_file_speaks_of_it() -> None:
    broken = FIRST.replace("main: {192.168.0.0/16: vcpe}", "main: {}")
    told = next(record.foretold for record in contacts(broken) if not record.passed)
    assert told is not None
    line = next(number for number, text in enumerate(broken.splitlines(), 1) if "main: {}" in text)
    assert told.fixes == (f"add `192.168.0.0/16: vcpe` to the route table main (lab.yaml:{line})",)


def test_a_call_that_no_line_stands_for_is_told_with_the_names() -> None:
    file = LabFile.of(Source("lab.yaml", FIRST))
    built = file.built
    (gateway,) = (id for id, name in built.names.items() if name == "vcpe-singapore")
    advisor = Advisor(file.state.cloud, built.names, {})
    call = Call.of("alibaba.activate_smart_access_gateway", smart_ag_id=gateway)
    assert advisor(call) == f'alibaba.activate_smart_access_gateway(smart_ag_id="{gateway}")  # {gateway} is vcpe-singapore'
