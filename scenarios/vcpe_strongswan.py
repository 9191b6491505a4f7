"""A SAG vCPE that runs strongSwan joins AWS to Alibaba Cloud.

    AWS, VPC 10.0.0.0/16             internet         Alibaba Cloud, VPC 192.168.0.0/16

    app 10.0.1.10 ─────┐
                      VPC ── igw ══ ESP in UDP ══ CCN ── CEN ── VPC ── ecs 192.168.1.10
    [strongSwan] vcpe ─┘ 203.0.113.10     198.51.100.10
                 10.0.2.10

Replays vcpe-ping, the document's steps 1 to 4. Only the software differs at one end of the tunnel: on the vCPE runs strongSwan,
which nobody here wrote, and it agrees with our point of presence on keys by IKEv2 and carries packets to it by ESP. What you see
is what vcpe-ping shows. With --keep, `on vcpe swanctl --list-sas` shows strongSwan's view of the tunnel.
"""

from __future__ import annotations

from lab import Lab, NodeKind, Software, main
from scenarios import vcpe_ping


def run(lab: Lab) -> None:
    lab.use_software(Software.STRONGSWAN, at=NodeKind.GATEWAY)
    vcpe_ping.run(lab)


if __name__ == "__main__":
    main()
