"""A small network at each provider, and what every refusal must hold."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from lab.cloud import Cloud, CloudError
from lab.cloud import password as passwords
from lab.cloud.aws import LINUX, SAG_VCPE
from lab.cloud.record import Record
from lab.cloud.store import Store
from tests.cloud.alibaba.app.world import CHEAP

SEED = b"tests of the cloud model"


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing takes as long as it is to take in a lab, and that is long."""
    monkeypatch.setattr(passwords, "COST", CHEAP)


@pytest.fixture
def cloud() -> Cloud:
    return Cloud(SEED)


def contents(store: Store) -> list[tuple[Record, list[tuple[str, ...]]]]:
    """Every record, and what the index finds under each of its keys."""
    return [
        (
            record,
            [tuple(it.id for it in store.by(type(record), attribute, value)) for attribute, value in record.index_entries()],
        )
        for record in store.everything()
    ]


@pytest.fixture
def refused() -> Callable[[Cloud, Callable[[], object], str], CloudError]:
    """Make a call that must be refused with a code, change nothing, and be in the journal with that code."""

    def check(cloud: Cloud, call: Callable[[], object], code: str) -> CloudError:
        before = contents(cloud.store)
        calls = len(cloud.journal)
        with pytest.raises(CloudError) as caught:
            call()
        assert caught.value.code == code, str(caught.value)
        assert contents(cloud.store) == before
        entries = list(cloud.journal)
        assert [entry.error for entry in entries[calls:]] == [code]
        assert entries[-1].touched == ()
        return caught.value

    return check


@pytest.fixture
def aws_world(cloud: Cloud) -> SimpleNamespace:
    """An AWS VPC 10.0.0.0/16 with an app host and a vCPE host, and a second VPC with one of each thing.

    app 10.0.1.10 in 10.0.1.0/24, gw 10.0.2.10 with a public address in 10.0.2.0/24, an internet gateway, a custom route table
    for the second subnet.
    """
    aws = cloud.aws
    vpc, other_vpc = aws.create_vpc("10.0.0.0/16", name="main"), aws.create_vpc("10.9.0.0/16", name="other")
    inner, edge = aws.create_subnet(vpc.id, "10.0.1.0/24"), aws.create_subnet(vpc.id, "10.0.2.0/24")
    other_subnet = aws.create_subnet(other_vpc.id, "10.9.1.0/24")
    igw, other_igw = aws.create_internet_gateway(), aws.create_internet_gateway()
    aws.attach_internet_gateway(igw.id, vpc.id)
    table, other_table = aws.create_route_table(vpc.id), aws.create_route_table(other_vpc.id)
    association_id = aws.associate_route_table(table.id, edge.id)
    aws.create_route(table.id, "0.0.0.0/0", gateway_id=igw.id)
    group = aws.create_security_group("app", "the app host", vpc.id)
    other_group = aws.create_security_group("app", "same name, other VPC", other_vpc.id)
    cloud.alibaba.create_ticket()
    linux, sag_vcpe = aws.describe_images(name=LINUX)[0], aws.describe_images(name=SAG_VCPE)[0]
    app = aws.run_instances(linux.id, inner.id, security_group_ids=[group.id], private_ip_address="10.0.1.10")
    gw = aws.run_instances(sag_vcpe.id, edge.id, private_ip_address="10.0.2.10", associate_public_ip_address=True)
    other_eni = aws.create_network_interface(other_subnet.id)
    loose_eni = aws.create_network_interface(inner.id)
    twin = aws.run_instances(linux.id, inner.id, name="two interfaces")
    second_eni = aws.create_network_interface(edge.id)
    aws.attach_network_interface(second_eni.id, twin.id)
    ended = aws.run_instances(linux.id, inner.id, name="ended")
    aws.terminate_instances(ended.id)
    return SimpleNamespace(
        cloud=cloud,
        aws=aws,
        vpc=vpc,
        other_vpc=other_vpc,
        inner=inner,
        edge=edge,
        other_subnet=other_subnet,
        igw=igw,
        other_igw=other_igw,
        main_table=vpc.main_route_table_id,
        table=table,
        other_table=other_table,
        association_id=association_id,
        group=group,
        other_group=other_group,
        default_group=vpc.default_security_group_id,
        linux=linux,
        app=app,
        app_eni=app.network_interface_ids[0],
        gw=gw,
        gw_eni=gw.network_interface_ids[0],
        other_eni=other_eni.id,
        loose_eni=loose_eni.id,
        twin=twin,
        twin_eni=twin.network_interface_ids[0],
        second_eni=second_eni.id,
        ended=ended,
        acl=vpc.default_network_acl_id,
    )


@pytest.fixture
def alibaba_world(cloud: Cloud) -> SimpleNamespace:
    """A gateway with 10.0.0.0/16 behind it, a CCN, a CEN and a VPC 192.168.0.0/16, nothing tied to anything yet."""
    alibaba = cloud.alibaba
    sag, ordered, spare = (
        cloud.alibaba.create_smart_access_gateway(name=name).smart_ag_id for name in ("sag-1", "ordered", "spare")
    )
    tokyo = alibaba.create_smart_access_gateway("ap-northeast-1").smart_ag_id
    for smart_ag_id in (sag, spare, tokyo):
        alibaba.activate_smart_access_gateway(smart_ag_id)
    alibaba.modify_smart_access_gateway(sag, cidr_block="10.0.0.0/16")
    vpc, other_vpc = alibaba.create_vpc("192.168.0.0/16"), alibaba.create_vpc("172.16.0.0/12")
    switch, other_switch = alibaba.create_vswitch(vpc.id, "192.168.1.0/24"), alibaba.create_vswitch(other_vpc.id, "172.16.1.0/24")
    group, other_group = alibaba.create_security_group(vpc.id, "ecs"), alibaba.create_security_group(other_vpc.id, "ecs")
    ecs = alibaba.run_instances(switch.id, group.id, private_ip_address="192.168.1.10")
    return SimpleNamespace(
        cloud=cloud,
        alibaba=alibaba,
        sag=sag,
        ordered=ordered,
        spare=spare,
        tokyo=tokyo,
        ccn=alibaba.create_cloud_connect_network("ccn-1").id,
        other_ccn=alibaba.create_cloud_connect_network("ccn-2").id,
        cen=alibaba.create_cen("cen-1").id,
        other_cen=alibaba.create_cen("cen-2").id,
        vpc=vpc,
        other_vpc=other_vpc,
        switch=switch,
        other_switch=other_switch,
        group=group,
        other_group=other_group,
        ecs=ecs,
        ecs_eni=ecs.network_interface_ids[0],
    )
