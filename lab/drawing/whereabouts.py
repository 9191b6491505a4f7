"""Where resources are: in which cloud, which region, with which block. A network knows no regions; the clouds do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

from lab.cloud import Cloud
from lab.cloud.alibaba.resources import CloudConnectNetwork, EnsNetwork
from lab.cloud.alibaba.resources import Vpc as AlibabaVpc
from lab.cloud.aws.resources import Vpc as AwsVpc


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """`cloud` is "aws", "alibaba" or "ens", Alibaba Cloud's edge nodes, which are sites of their own."""

    cloud: str
    region: str
    cidr: IPv4Network | None = None


def whereabouts(cloud: Cloud) -> Mapping[str, Whereabouts]:
    """By the resource's id."""
    store = cloud.store
    found = {vpc.id: Whereabouts("aws", vpc.region, vpc.cidr_block) for vpc in store.all(AwsVpc)}
    found |= {vpc.id: Whereabouts("alibaba", vpc.region_id, vpc.cidr_block) for vpc in store.all(AlibabaVpc)}
    found |= {net.id: Whereabouts("ens", net.ens_region_id, net.cidr_block) for net in store.all(EnsNetwork)}
    found |= {ccn.id: Whereabouts("alibaba", ccn.region_id) for ccn in store.all(CloudConnectNetwork)}
    return found
