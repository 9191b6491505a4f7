"""The ticket that gets the image of SAG vCPE shared."""

from __future__ import annotations

import pytest

from lab.cloud import Cloud
from lab.cloud.aws import SAG_VCPE, Image


@pytest.mark.requirement("S0-031")
def test_the_image_is_unknown_until_a_ticket_has_it_shared(cloud: Cloud, refused) -> None:
    aws = cloud.aws
    subnet = aws.create_subnet(aws.create_vpc("10.0.0.0/16").id, "10.0.1.0/24")
    (image,) = cloud.store.by(Image, "name", SAG_VCPE)
    assert aws.describe_images(name=SAG_VCPE) == ()
    refused(cloud, lambda: aws.run_instances(image.id, subnet.id), "InvalidAMIID.NotFound")
    cloud.alibaba.create_ticket(content="please")
    assert [it.id for it in aws.describe_images(name=SAG_VCPE)] == [image.id]
    assert aws.run_instances(image.id, subnet.id).image_id == image.id


def test_a_second_ticket_does_nothing_more(cloud: Cloud) -> None:
    tickets = [cloud.alibaba.create_ticket(content=text) for text in ("please", "again")]
    assert cloud.alibaba.describe_tickets() == tuple(tickets)
    assert len(cloud.aws.describe_images(name=SAG_VCPE)) == 1


def test_a_ticket_about_another_product_is_refused(cloud: Cloud, refused) -> None:
    refused(cloud, lambda: cloud.alibaba.create_ticket(1309), "InvalidParameter")
