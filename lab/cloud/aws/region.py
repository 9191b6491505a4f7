"""Regions of AWS. Nothing here depends on where a VPC is; a name that is none is a slip of the pen."""

from __future__ import annotations

from difflib import get_close_matches

from lab.cloud.errors import CloudError

# AWS, "AWS Regions", with those of China, GovCloud and the European Sovereign Cloud.
REGIONS = (
    *("af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2"),
    *("ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6"),
    *("ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2"),
    *("eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1"),
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    *("cn-north-1", "cn-northwest-1", "us-gov-east-1", "us-gov-west-1", "eusc-de-east-1"),
)


def check_region(region: str) -> str:
    """Raises UnknownEndpoint, which is what the SDKs find: AWS has no endpoint there that could refuse it."""
    if region not in REGIONS:
        near = ", ".join(get_close_matches(region, REGIONS, n=3) or REGIONS[:3])
        raise CloudError("UnknownEndpoint", f"the region '{region}' is none of AWS's; there are {near} and others")
    return region
