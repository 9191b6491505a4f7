"""strongSwan takes the place of the SAG app on a laptop, with the secret that a log-on returned.

                   home                                        Alibaba Cloud
      laptop ── home router ── internet ── ccn PoP ── CCN ── CEN ── vpc ── ecs 172.16.1.10
      [strongSwan] ═══ IKEv2, ESP in UDP ═══╝
      192.168.10.x, by configuration payload

Replays app-get-started, and sets DNS servers. Only the software that opens the laptop's tunnel differs: a client that nobody
here wrote gets its address and its servers by IKE's configuration payload, and reaches the host. With --keep,
`on laptop swanctl --list-sas` shows its view.
"""

from __future__ import annotations

from lab import Lab, NodeKind, Software, main
from scenarios import app_get_started

SERVERS = ("100.100.2.136", "100.100.2.138")  # those of PrivateZone


def run(lab: Lab) -> None:
    lab.use_software(Software.STRONGSWAN, at=NodeKind.TERMINAL)
    app_get_started.run(lab)
    (laptop,) = lab.terminals.describe_terminals()
    (order,) = lab.alibaba.describe_smart_access_gateway_software_orders()

    with lab.step("3.2", "Set DNS servers, which the client learns as it connects"):
        lab.alibaba.modify_client_user_dns(order.smart_ag_id or "", SERVERS)
        lab.app(laptop).connect()
        lab.expect_message(laptop, "Connected to Intranet")


if __name__ == "__main__":
    main()
