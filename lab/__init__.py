"""saglab: rehearse a hybrid AWS and Alibaba Cloud network with real packets.

The public face: what scenarios and your own scripts import.
"""

from __future__ import annotations

import sys

from lab.cloud import CloudError
from lab.reasons import Reason
from lab.results import Dies, Refused
from lab.session import Lab

__all__ = ["CloudError", "Dies", "Lab", "Reason", "Refused", "main"]


def main() -> None:
    """Run the scenario that is the main module as `saglab run` does, with its options: the last line of a scenario."""
    from lab.cli import main_of_scenario  # only when a scenario is run by itself

    sys.exit(main_of_scenario())
