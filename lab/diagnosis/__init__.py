"""What is wrong with a gateway, as a support engineer would find out: a check for each thing, with level, finding and advice.

    diagnosis = diagnose_smart_access_gateway(cloud, "sag-…")
    diagnosis.errors

Pure: reads the cloud, the network compiled from it and a simulation of it, and changes nothing. Stands above `lab.explanation`,
which finds the calls that would let a packet pass, and uses it.
"""

from __future__ import annotations

from lab.diagnosis.diagnosis import diagnose_smart_access_gateway
from lab.diagnosis.item import Check, Diagnosis, Item, Level
from lab.diagnosis.subject import find_gateway

__all__ = ["Check", "Diagnosis", "Item", "Level", "diagnose_smart_access_gateway", "find_gateway"]
