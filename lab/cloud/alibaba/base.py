"""What all Alibaba Cloud operations share."""

from __future__ import annotations

from typing import ClassVar

from lab.cloud.alibaba.region import check_region
from lab.cloud.operation import Provider

# The document's example buys, and deploys the Alibaba side, in Singapore (step 1.3).
DEFAULT_REGION = "ap-southeast-1"


class AlibabaBase(Provider):
    PROVIDER: ClassVar[str] = "alibaba"

    def _region(self, region_id: str) -> str:
        """Raises InvalidRegionId.NotFound."""
        return check_region(region_id)
