"""Regions. What the SAG console calls an area is the region of the gateway and CCN objects, not of any machine (S0-009)."""

from __future__ import annotations

from lab.cloud.errors import CloudError

# Alibaba Cloud, "Regions and zones"; those in which a SAG or a VPC of the documents can be.
REGIONS = {
    "cn-hangzhou": "Hangzhou",
    "cn-shanghai": "Shanghai",
    "cn-beijing": "Beijing",
    "cn-shenzhen": "Shenzhen",
    "cn-hongkong": "Hong Kong",
    "ap-southeast-1": "Singapore",
    "ap-southeast-2": "Sydney",
    "ap-southeast-3": "Kuala Lumpur",
    "ap-southeast-5": "Jakarta",
    "ap-northeast-1": "Tokyo",
    "ap-south-1": "Mumbai",
    "eu-central-1": "Frankfurt",
    "eu-west-1": "London",
    "us-west-1": "Silicon Valley",
    "us-east-1": "Virginia",
}


MAINLAND_CHINA = "mainland China"

# cbn 2017-09-12, CreateCenBandwidthPackage: the ends of a bandwidth plan.
GEOGRAPHIC_REGIONS = ("China", "Asia-Pacific", "Australia", "Europe", "North-America")


def check_region(region_id: str) -> str:
    """Raises InvalidRegionId.NotFound."""
    if region_id not in REGIONS:
        raise CloudError("InvalidRegionId.NotFound", f"the region '{region_id}' is none of {', '.join(REGIONS)}")
    return region_id


def area_of(region_id: str) -> str:
    """The area a region lies in: mainland China is one, every other region its own. A gateway and its CCN share an area."""
    return MAINLAND_CHINA if region_id.startswith("cn-") and region_id != "cn-hongkong" else region_id


def geographic_region_of(region_id: str) -> str:
    """The end of a bandwidth plan that a region lies in."""
    if area_of(region_id) == MAINLAND_CHINA:
        return "China"
    if region_id == "ap-southeast-2":
        return "Australia"
    return {"eu": "Europe", "us": "North-America"}.get(region_id.partition("-")[0], "Asia-Pacific")
