"""Internet gateways."""

from __future__ import annotations

import pytest

from lab.cloud.aws import InternetGateway


@pytest.mark.parametrize(
    ("call", "code"),
    [
        pytest.param(
            lambda w: w.aws.attach_internet_gateway("igw-0", w.other_vpc.id), "InvalidInternetGatewayID.NotFound", id="unknown"
        ),
        pytest.param(lambda w: w.aws.attach_internet_gateway(w.other_igw.id, "vpc-0"), "InvalidVpcID.NotFound", id="unknown vpc"),
        pytest.param(
            lambda w: w.aws.attach_internet_gateway(w.igw.id, w.other_vpc.id), "Resource.AlreadyAssociated", id="attached already"
        ),
        pytest.param(
            lambda w: w.aws.attach_internet_gateway(w.other_igw.id, w.vpc.id), "InvalidParameterValue", id="second of a vpc"
        ),
        pytest.param(
            lambda w: w.aws.detach_internet_gateway(w.other_igw.id, w.vpc.id), "Gateway.NotAttached", id="detach what is loose"
        ),
        pytest.param(
            lambda w: w.aws.detach_internet_gateway(w.igw.id, w.other_vpc.id), "Gateway.NotAttached", id="detach from another vpc"
        ),
        pytest.param(
            lambda w: w.aws.detach_internet_gateway(w.igw.id, w.vpc.id), "DependencyViolation", id="public addresses depend on it"
        ),
        pytest.param(lambda w: w.aws.delete_internet_gateway(w.igw.id), "DependencyViolation", id="delete while attached"),
        pytest.param(lambda w: w.aws.delete_internet_gateway("igw-0"), "InvalidInternetGatewayID.NotFound", id="delete unknown"),
    ],
)
def test_refused(aws_world, refused, call, code) -> None:
    refused(aws_world.cloud, lambda: call(aws_world), code)


def test_it_is_attached_detached_and_deleted(aws_world) -> None:
    w = aws_world
    assert w.cloud.store.get(InternetGateway, w.igw.id).vpc_id == w.vpc.id
    w.aws.terminate_instances(w.gw.id)
    w.aws.detach_internet_gateway(w.igw.id, w.vpc.id)
    loose = w.cloud.store.get(InternetGateway, w.igw.id)
    assert (loose.vpc_id, loose.attachment_origin.operation) == (None, "aws.detach_internet_gateway")
    w.aws.delete_internet_gateway(w.igw.id)
    assert [gateway.id for gateway in w.aws.describe_internet_gateways()] == [w.other_igw.id]
