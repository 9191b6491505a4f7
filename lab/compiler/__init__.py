"""From the cloud's state to the Topology: a pure function.

It reads lab.cloud and writes lab.topology. The same state always gives the same Topology, whatever machine it is compiled on.
"""

from __future__ import annotations

from lab.cloud import Cloud
from lab.cloud.alibaba.resources import Cen, CloudConnectNetwork, EnsNetwork
from lab.cloud.alibaba.resources import Vpc as AlibabaVpc
from lab.cloud.aws.resources import Vpc as AwsVpc
from lab.compiler import alibaba_vpc, aws_vpc, ccn, cen, ens
from lab.compiler.draft import Draft
from lab.compiler.gateway import running_gateways
from lab.topology import Topology

__all__ = ["compile_topology"]


def compile_topology(cloud: Cloud) -> Topology:
    """The network that the cloud's state describes. Nodes first, then the transits that join them, then what these teach."""
    draft = Draft()
    for aws in cloud.store.all(AwsVpc):
        aws_vpc.write_vpc(draft, cloud, aws)
    for vpc in cloud.store.all(AlibabaVpc):
        alibaba_vpc.write_vpc(draft, cloud, vpc)
    for network in cloud.store.all(EnsNetwork):
        ens.write_network(draft, cloud, network)
    ens.write_lone_instances(draft, cloud)
    running = running_gateways(cloud)
    for presence in cloud.store.all(CloudConnectNetwork):
        ccn.write_ccn(draft, cloud, presence, running)
    for transit in cloud.store.all(Cen):
        cen.write_cen(draft, cloud, transit)
    for presence in cloud.store.all(CloudConnectNetwork):
        ccn.write_routes(draft, cloud, presence)
    for vpc in cloud.store.all(AlibabaVpc):
        alibaba_vpc.write_routes(draft, cloud, vpc)
    return draft.freeze()
