"""Sends UDP packets to hosts behind many peers, and prints when it is done. A program of its own, started on a host.

    python scatter.py PEERS PACKETS BURST

However many peers there are, each burst is of another flow than the one before: gateways join packets of one flow.
"""

from __future__ import annotations

import json
import socket
import sys
import time

from many import PAUSE_EVERY, PAYLOAD_LENGTH, TARGET_PORT, host_of  # beside this file

FLOWS = 1000


def main(peers: str, packets: str, burst: str) -> None:
    hosts = [str(host_of(number)) for number in range(int(peers))]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        for number in range(int(packets)):
            flow = number // int(burst)
            where = hosts[flow % len(hosts)], TARGET_PORT + flow % FLOWS
            connection.sendto(number.to_bytes(8, "big").ljust(PAYLOAD_LENGTH, b"\0"), where)
            if number % PAUSE_EVERY == 0:
                time.sleep(0.001)  # so that no queue on the way is ever full
    print(json.dumps({"sent": int(packets)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
