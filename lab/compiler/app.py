"""What a session of SAG APP becomes while it is connected: a tunnel from the terminal to the point of presence of a CCN.

The tunnel is split: into it go the networks that the CCN knows, and nothing else. The address and the DNS servers travel by IKE's
configuration payload (RFC 7296 §3.15), and the key of a session is good for one tunnel.
"""

from __future__ import annotations

from collections.abc import Iterator

from dataplane.ike.identity import fqdn, key_id
from dataplane.ike.policy import Lease
from lab.cloud import Cloud
from lab.cloud.alibaba.app.platform import sets_dns
from lab.cloud.alibaba.app.resources import AppSession, ClientUser, SagApp
from lab.cloud.alibaba.propagation import client_routes
from lab.cloud.terminals import Terminal
from lab.compiler.addressing import host_network, in_network
from lab.compiler.draft import NodeDraft
from lab.compiler.gateway import OVERLAY_MTU, UDP_PORT, ccn_address
from lab.compiler.names import TUN, presence_name
from lab.topology import Interface, PeerAuthentication, Route, Tunnel, TunnelPeer

KILOBIT = 1000


def connected_sessions(cloud: Cloud, ccn_id: str) -> Iterator[AppSession]:
    """The sessions whose tunnels end at a CCN's point of presence."""
    for app in cloud.store.by(SagApp, "ccn_id", ccn_id):
        yield from (session for session in cloud.store.by(AppSession, "smart_ag_id", app.id) if session.connected)


def stranded_sessions(cloud: Cloud) -> list[AppSession]:
    """Those whose terminals have come to another network since they connected: their tunnels ended with the address."""
    connected = (session for session in cloud.store.all(AppSession) if session.connected)
    return [session for session in connected if _has_moved(cloud.store.get(Terminal, session.terminal_id), session)]


def _has_moved(terminal: Terminal, session: AppSession) -> bool:
    return terminal.network_origin.number > session.connect_origin.number


def write_client(machine: NodeDraft, cloud: Cloud, terminal: Terminal) -> None:
    """The tunnel of who is connected with a terminal; nothing where nobody is."""
    for session in cloud.store.by(AppSession, "terminal_id", terminal.id):
        app = cloud.store.get(SagApp, session.smart_ag_id)
        if session.connected and app.ccn_id is not None and not _has_moved(terminal, session):
            _write_tunnel(machine, cloud, terminal, session, app.ccn_id)


def _write_tunnel(machine: NodeDraft, cloud: Cloud, terminal: Terminal, session: AppSession, ccn_id: str) -> None:
    learned = client_routes(cloud.store, session.smart_ag_id)
    own = (in_network(session.address, 32),) if session.address is not None else ()
    machine.interfaces.append(Interface(TUN, own, OVERLAY_MTU, tunnel=True, resource=session.id))
    machine.main += [Route(route.destination, route.origin, TUN, source=session.address) for route in learned]
    peer = TunnelPeer(
        session.id,
        tuple(route.destination for route in learned),
        _proof(session, ccn_id),
        session.connect_origin,
        endpoint=(ccn_address(cloud, ccn_id), UDP_PORT),
        speaks_first=True,
        lease=_lease(cloud, session),
        request_lease=True,
    )
    machine.services.append(Tunnel(TUN, terminal.address, UDP_PORT, (peer,), session.origin))
    servers = cloud.store.get(SagApp, session.smart_ag_id).dns
    if servers and sets_dns(terminal) and not session.keeps_dns:
        machine.nameservers = servers


def client_peers(cloud: Cloud, ccn_id: str) -> Iterator[TunnelPeer]:
    """What a point of presence knows of the clients that are connected to it."""
    for session in connected_sessions(cloud, ccn_id):
        if session.address is None:
            continue
        proof = _proof(session, ccn_id)
        bandwidth = cloud.store.get(ClientUser, session.client_user_id).bandwidth * KILOBIT
        yield TunnelPeer(
            session.id,
            (host_network(session.address),),
            PeerAuthentication(proof.remote, proof.local, proof.key, proof.origin),
            session.connect_origin,
            bandwidth=bandwidth,
            inbound_bandwidth=bandwidth,
            meter=session.client_user_id,
            lease=_lease(cloud, session),
            once=True,
        )


def _lease(cloud: Cloud, session: AppSession) -> Lease | None:
    return None if session.address is None else Lease(session.address, dns=cloud.store.get(SagApp, session.smart_ag_id).dns)


def _proof(session: AppSession, ccn_id: str) -> PeerAuthentication:
    """What a client tells the point of presence: the log-on that it is, and the secret that it was given for this tunnel."""
    local, remote = key_id(session.id), fqdn(presence_name(ccn_id))
    return PeerAuthentication(local, remote, session.secret or b"", session.connect_origin)
