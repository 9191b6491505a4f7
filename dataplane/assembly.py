"""From a configuration and its keys to an engine with its peers."""

from __future__ import annotations

from collections.abc import Mapping

from dataplane.config import Config, Keys, PeerConfig, PeerKeys, PreSharedKey
from dataplane.engine import Engine
from dataplane.errors import LocalError
from dataplane.esp import InboundSa, OutboundSa
from dataplane.ike.algorithms import Entropy
from dataplane.ike.offers import EspOffer
from dataplane.ike.policy import Policy
from dataplane.keylog import KeyLog
from dataplane.meters import Meters
from dataplane.negotiated import NegotiatedPeer
from dataplane.negotiation import IkeSetup
from dataplane.peer import Peer, RemoteGateway


def build_engine(
    config: Config,
    keys: Mapping[str, Keys],
    now: float,
    entropy: Entropy | None = None,
    keylog: KeyLog | None = None,
    meters: Meters | None = None,
) -> Engine:
    """The engine that a configuration describes. Raises LocalError when it lacks something that is needed for it."""
    peers = [build_peer(peer, keys[peer.name], keylog, meters) for peer in config.peers]
    ike = None
    if config.underlay.ike:
        if entropy is None:
            raise LocalError("IKE needs entropy")
        ike = IkeSetup((str(config.underlay.address), config.underlay.port), entropy, config.ike)
    return Engine(
        peers,
        mtu=config.tun.mtu,
        icmp_source=config.icmp_source,
        now=now,
        check=config.eni_check,
        ike=ike,
        rules=config.headers,
        keylog=keylog,
        meters=meters,
    )


def build_peer(
    config: PeerConfig, keys: Keys, keylog: KeyLog | None = None, meters: Meters | None = None
) -> RemoteGateway:
    """The peer that a configuration describes; keys set by hand are logged.

    Raises LocalError for keys of the wrong kind, and for a meter without a file for it.
    """
    peer = _keyed_peer(config, keys, keylog)
    peer.bandwidth, peer.inbound_bandwidth = config.bandwidth, config.inbound_bandwidth
    if config.meter:
        if meters is None:
            raise LocalError(f"peer {config.name} has a meter, and there is no file to count in; set meters")
        peer.count_in(meters.record(config.meter))
    return peer


def _keyed_peer(config: PeerConfig, keys: Keys, keylog: KeyLog | None) -> RemoteGateway:
    if config.ike is not None and isinstance(keys, PreSharedKey):
        esp = EspOffer() if config.suite is None else EspOffer(ciphers=(config.suite,))
        policy = Policy(
            config.ike.identity,
            config.ike.remote_identity,
            keys.key,
            esp,
            request_lease=config.ike.request_lease,
            lease=config.ike.lease,
            once=config.ike.once,
        )
        return NegotiatedPeer(
            config.name, policy, config.prefixes, config.endpoint, speaks_first=config.speaks_first
        )
    if config.suite is None or not isinstance(keys, PeerKeys):
        raise LocalError(f"the keys of peer {config.name} are of the wrong kind")
    if keylog is not None:
        keylog.child(config.suite, keys)
    return Peer(
        config.name,
        OutboundSa(keys.outbound.spi, config.suite, keys.outbound.material),
        InboundSa(keys.inbound.spi, config.suite, keys.inbound.material),
        config.prefixes,
        config.endpoint,
        speaks_first=config.speaks_first,
    )
