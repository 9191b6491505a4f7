"""Instance types of ENS: the few that the documents' machines need (Ens 2017-11-10, RunInstances, InstanceType)."""

from __future__ import annotations

from dataclasses import dataclass

from lab.cloud.errors import CloudError


@dataclass(frozen=True, slots=True)
class EnsInstanceType:
    name: str
    cores: int
    memory_gib: float


# The provider's documentation gives the smallest as "Computational 1C2G"; each of the next has twice as much of both.
_TYPES = {
    kind.name: kind
    for kind in (
        EnsInstanceType("ens.sn1.stiny", 1, 2),
        EnsInstanceType("ens.sn1.tiny", 2, 4),
        EnsInstanceType("ens.sn1.small", 4, 8),
    )
}
DEFAULT = "ens.sn1.tiny"  # our choice: what the document recommends for a vCPE (step 2.2)


def ens_instance_type(name: str) -> EnsInstanceType:
    """Raises InvalidInstanceType.NotSupported."""
    kind = _TYPES.get(name)
    if kind is None:
        raise CloudError("InvalidInstanceType.NotSupported", f"the instance type '{name}' is none of {', '.join(_TYPES)}")
    return kind
