"""A point of presence that runs strongSwan takes in a SAG vCPE.

    AWS, VPC 10.0.0.0/16           internet         Alibaba Cloud, VPC 192.168.0.0/16

    app 10.0.1.10 ───┐
                    VPC ── igw ══ ESP in UDP ══ CCN ── CEN ── VPC ── ecs 192.168.1.10
    vcpe 10.0.2.10 ──┘ 203.0.113.10   [strongSwan] 198.51.100.10

Replays vcpe-ping, the document's steps 1 to 4. Only the software differs at one end of the tunnel: our vCPE proves who it is to
strongSwan, which nobody here wrote, and the tunnel is theirs both. What you see is what vcpe-ping shows. The other way round is
vcpe-strongswan. With --keep, `on ccn swanctl --list-sas` shows strongSwan's view of the tunnel.
"""

from __future__ import annotations

from lab import Lab, NodeKind, Software, main
from scenarios import vcpe_ping


def run(lab: Lab) -> None:
    lab.use_software(Software.STRONGSWAN, at=NodeKind.CCN)
    vcpe_ping.run(lab)


if __name__ == "__main__":
    main()
