"""The configuration of a dataplane process, and the keys that go with it. Both are read whole, and every error is reported.

The keys come apart from the configuration, through an inherited file descriptor, so that no file with a name ever holds them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from dataplane.check import EniCheck
from dataplane.errors import LocalError
from dataplane.esp import FIRST_FREE_SPI, LAST_SPI, overlay_mtu
from dataplane.fields import Fields
from dataplane.headers import HeaderRules
from dataplane.ike.identity import Identity
from dataplane.ike.numbers import IKE_PORT, NAT_PORT, IdKind
from dataplane.ike.policy import Lease, Settings, lively
from dataplane.meters import NAME_LENGTH as METER_NAME_LENGTH
from dataplane.packets import Endpoint
from dataplane.suites import SUITES, Suite

MINIMUM_MTU = 68  # RFC 791 §3.2
MAXIMUM_MTU = 65535 - 28 - 16 - 16 - 2  # what one UDP datagram holds after the headers, ESP's head, the ICV and the trailer
SOCKET_PATH_LENGTH = 107  # sun_path of Linux, less the terminating zero

UNDERLAY_MTU = 1500  # our choice: Ethernet's
NAME_LENGTH = 128  # our choice
LONGEST_SILENCE = 3600  # seconds; our choice
SHORTEST_LIFETIME, LONGEST_LIFETIME = 10, 3600  # seconds; our choice: within the life of an IKE SA
GRACE = 1.5  # times a lifetime, after which keys that could not be replaced are not used any more; our choice
LEAST_BANDWIDTH, MOST_BANDWIDTH = 10**3, 10**12  # bit/s; our choice
PATH_LENGTH = 4095  # PATH_MAX of Linux, less the terminating zero
HIGHEST_USER = 2**32 - 2  # 2**32 - 1 stands for "leave it" in Linux's calls
WORKER_USER = 65533
"""User and group of the worker. Our choice: no distribution gives the number to anybody, and it exists in containers of 65,536
users. `nobody` would share its processes with every other service that runs as nobody."""
LOWEST_DESCRIPTOR = 3  # 0 to 2 are standard input, output and error

_IDENTITIES = {"key_id": IdKind.KEY_ID, "fqdn": IdKind.FQDN, "ipv4": IdKind.IPV4_ADDR}


class ConfigError(LocalError):
    """The configuration breaks one rule or several: `errors` holds a line "field: rule" for each."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = tuple(errors)


@dataclass(frozen=True, slots=True)
class TunConfig:
    name: str
    mtu: int  # of the overlay, in bytes


@dataclass(frozen=True, slots=True)
class UnderlayConfig:
    """With `ike`, IKE is spoken on the port, which it shares with ESP, and on UDP/500.

    That is so whenever a peer is keyed by IKE; to say so is for a dataplane that gets such peers later.
    """

    address: IPv4Address
    port: int
    ike: bool = False


@dataclass(frozen=True, slots=True)
class IkeConfig:
    """Who this end says it is to a peer, and who the peer has to prove it is.

    A peer with a `lease` is given that address and those DNS servers if it asks; with `request_lease` this end asks the peer. A
    peer keyed `once` can prove who it is a single time: afterwards its key is spent, and what goes on is rekeyed.
    """

    identity: Identity
    remote_identity: Identity
    lease: Lease | None = None
    request_lease: bool = False
    once: bool = False


@dataclass(frozen=True, slots=True)
class PeerConfig:
    """`prefixes` lie behind the peer. `speaks_first` is about this end: it opens the conversation with the peer.

    A peer with `ike` is keyed by IKE, any other by hand. `suite` may be None with `ike` alone: then any cipher will do.
    `bandwidth` is the most that is sent to it, `inbound_bandwidth` the most that is taken from it, in bit/s of inner packets,
    None for no limit. What passes is counted under the name `meter` in the file for the meters, "" for nowhere.
    """

    name: str
    suite: Suite | None
    prefixes: tuple[IPv4Network, ...]
    endpoint: Endpoint | None
    speaks_first: bool
    ike: IkeConfig | None = None
    bandwidth: int | None = None
    inbound_bandwidth: int | None = None
    meter: str = ""


@dataclass(frozen=True, slots=True)
class Offloads:
    """Where many packets go through the kernel at once, if it can. Each may be switched off, for a kernel that does it wrong."""

    tun_tcp: bool = True  # super-packets of TCP, from and to the TUN device
    tun_udp: bool = True  # of UDP
    underlay_send: bool = True  # UDP GSO
    underlay_receive: bool = True  # UDP GRO


@dataclass(frozen=True, slots=True)
class Config:
    """What one process is to do. The members that have defaults are about how it is run, and may be left out."""

    name: str
    tun: TunConfig
    underlay: UnderlayConfig
    icmp_source: IPv4Address
    control: str  # path of the control socket
    keys_fd: int
    eni_check: EniCheck | None
    peers: tuple[PeerConfig, ...]
    headers: HeaderRules = field(default_factory=HeaderRules)
    ike: Settings = field(default_factory=Settings)
    user: int | str = WORKER_USER  # whom the worker becomes: a number stands for user and group, a name is looked up
    seccomp: bool = True  # whether the worker gives up all system calls but a few
    offloads: Offloads = Offloads()  # what the kernel is asked to hand over or take many at once
    interfaces: tuple[str, ...] = ()  # the gateway's own, which may be tuned
    keylog: str | None = None  # the directory for the key log
    meters: str | None = None  # the file in which is counted what outlives the process


@dataclass(frozen=True, slots=True)
class SaKeys:
    """What one direction of an association is keyed with. `material` is the key, then the salt."""

    spi: int
    material: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class PeerKeys:
    outbound: SaKeys
    inbound: SaKeys


@dataclass(frozen=True, slots=True)
class PreSharedKey:
    """What a peer proves its identity with, and we ours to it."""

    key: bytes = field(repr=False)


Keys = PeerKeys | PreSharedKey


def parse_config(text: str | bytes) -> Config:
    """Read a configuration. Raises ConfigError with every error that it has."""
    errors: list[str] = []
    fields = Fields(_load(text, "the configuration"), "", errors)
    fields.only(
        *("name", "tun", "underlay", "icmp_source", "control", "keys_fd", "eni_check", "peers", "headers", "ike"),
        *("user", "seccomp", "offloads", "interfaces", "keylog", "meters"),
    )
    config = Config(
        name=fields.text("name", longest=NAME_LENGTH),
        tun=_tun(fields.nested("tun")),
        underlay=_underlay(fields.nested("underlay")),
        icmp_source=fields.address("icmp_source"),
        control=fields.text("control", longest=SOCKET_PATH_LENGTH),
        keys_fd=fields.integer("keys_fd", LOWEST_DESCRIPTOR, 2**31 - 1),
        eni_check=parse_eni_check(fields.nested("eni_check")) if "eni_check" in fields else None,
        peers=tuple(parse_peer(peer) for peer in fields.nested_list("peers")),
        headers=_headers(fields.nested("headers")) if "headers" in fields else HeaderRules(),
        ike=_ike_settings(fields.nested("ike")) if "ike" in fields else Settings(),
        user=_user(fields),
        seccomp=fields.flag("seccomp", default=True),
        offloads=_offloads(fields.nested("offloads")) if "offloads" in fields else Offloads(),
        interfaces=fields.interfaces("interfaces") if "interfaces" in fields else (),
        keylog=fields.text("keylog", longest=PATH_LENGTH) if "keylog" in fields else None,
        meters=fields.text("meters", longest=PATH_LENGTH) if "meters" in fields else None,
    )
    config = replace(config, underlay=_speaking(config, errors))
    _refuse_ambiguity(config.peers, errors)
    _raise(errors)
    return config


def _speaking(config: Config, errors: list[str]) -> UnderlayConfig:
    """The underlay, where IKE is spoken as soon as a peer is keyed by it."""
    underlay = config.underlay
    ike = underlay.ike or any(peer.ike is not None for peer in config.peers)
    if ike and underlay.port == IKE_PORT:
        errors.append(f"underlay.port: {IKE_PORT} is IKE's own, and ESP needs another such as {NAT_PORT}")
    return replace(underlay, ike=ike)


def parse_eni_check(fields: Fields) -> EniCheck:
    """An interface's check. On an error it is noted in the list behind `fields`."""
    fields.only("addresses", "enabled")
    addresses = fields.addresses("addresses")
    enabled = fields.flag("enabled")
    if enabled and not addresses:
        fields.error("addresses", "is empty, so the check would let nothing pass")
    return EniCheck(addresses, enabled)


def _ike_settings(fields: Fields) -> Settings:
    """What IKE does about silence, and how long a child's keys are used before they are replaced, in whole seconds."""
    fields.only("probe_after", "probe_waiting", "give_up_after", "child_lifetime")
    settings = Settings()
    if "probe_after" in fields:
        settings = replace(settings, probe_after=fields.integer("probe_after", 1, LONGEST_SILENCE))
    if "probe_waiting" in fields:
        settings = replace(settings, probe_waiting=fields.integer("probe_waiting", 1, LONGEST_SILENCE))
    if "give_up_after" in fields:
        settings = replace(settings, liveness=lively(fields.integer("give_up_after", 1, LONGEST_SILENCE)))
    if "child_lifetime" in fields:
        lifetime = fields.integer("child_lifetime", SHORTEST_LIFETIME, LONGEST_LIFETIME)
        lifetimes = replace(settings.lifetimes, child=lifetime, child_hard=GRACE * lifetime)
        settings = replace(settings, lifetimes=lifetimes)
    return settings


def _headers(fields: Fields) -> HeaderRules:
    switches = ("copy_dscp", "copy_ecn", "clamp_mss", "discover_mtu")
    fields.only(*switches)
    return HeaderRules(*(fields.flag(switch, default=True) for switch in switches))


def _user(fields: Fields) -> int | str:
    """Anybody but root: by a number, or by a name."""
    if "user" not in fields:
        return WORKER_USER
    return fields.text("user", longest=NAME_LENGTH) if fields.is_text("user") else fields.integer("user", 1, HIGHEST_USER)


def _offloads(fields: Fields) -> Offloads:
    names = ("tun_tcp", "tun_udp", "underlay_send", "underlay_receive")
    fields.only(*names)
    return Offloads(**{name: fields.flag(name, default=True) for name in names})


def _tun(fields: Fields) -> TunConfig:
    fields.only("name", "mtu")
    name = fields.interface("name")
    mtu = fields.integer("mtu", MINIMUM_MTU, MAXIMUM_MTU) if "mtu" in fields else overlay_mtu(UNDERLAY_MTU)
    return TunConfig(name, mtu)


def _underlay(fields: Fields) -> UnderlayConfig:
    fields.only("address", "port", "ike")
    return UnderlayConfig(
        fields.address("address"), fields.integer("port", 1, 65535), fields.flag("ike", default=False)
    )


def parse_peer(fields: Fields) -> PeerConfig:
    """One peer. On an error it is noted in the list behind `fields`."""
    fields.only(
        *("name", "cipher", "prefixes", "endpoint", "speaks_first", "ike", "bandwidth", "inbound_bandwidth", "meter")
    )
    negotiated = "ike" in fields
    peer = PeerConfig(
        name=fields.text("name", longest=NAME_LENGTH),
        suite=None if negotiated and "cipher" not in fields else SUITES[fields.choice("cipher", SUITES)],
        prefixes=fields.prefixes("prefixes"),
        endpoint=fields.endpoint("endpoint"),
        speaks_first=fields.flag("speaks_first", default=False),
        ike=_ike(fields.nested("ike")) if negotiated else None,
        bandwidth=parse_bandwidth(fields, "bandwidth"),
        inbound_bandwidth=parse_bandwidth(fields, "inbound_bandwidth"),
        meter=fields.text("meter", longest=METER_NAME_LENGTH) if "meter" in fields else "",
    )
    if peer.speaks_first and "endpoint" not in fields:
        fields.error("endpoint", "is missing, and an end that speaks first must know it")
    return peer


def parse_bandwidth(fields: Fields, name: str) -> int | None:
    """A member, in bit/s; None where there is none. On an error it is noted in the list behind `fields`."""
    return fields.integer(name, LEAST_BANDWIDTH, MOST_BANDWIDTH) if name in fields else None


def _ike(fields: Fields) -> IkeConfig:
    fields.only("identity", "remote_identity", "lease", "request_lease", "once")
    return IkeConfig(
        _identity(fields.nested("identity")),
        _identity(fields.nested("remote_identity")),
        lease=_lease(fields.nested("lease")) if "lease" in fields else None,
        request_lease=fields.flag("request_lease", default=False),
        once=fields.flag("once", default=False),
    )


def _lease(fields: Fields) -> Lease:
    fields.only("address", "dns")
    return Lease(fields.address("address"), dns=fields.addresses("dns") if "dns" in fields else ())


def _identity(fields: Fields) -> Identity:
    fields.only("type", "value")
    kind = _IDENTITIES[fields.choice("type", _IDENTITIES)]
    if kind is IdKind.IPV4_ADDR:
        return Identity(kind, fields.address("value").packed)
    value = fields.text("value", longest=NAME_LENGTH)
    if kind is IdKind.FQDN and not value.isascii():
        fields.error("value", f"{value!r} is no domain name: it must be ASCII")
    return Identity(kind, value.encode())


def _refuse_ambiguity(peers: Sequence[PeerConfig], errors: list[str]) -> None:
    """A name stands for one peer, an identity too, and a prefix lies behind one peer."""
    names: dict[str, int] = {}
    identities: dict[Identity, int] = {}
    owners: dict[IPv4Network, int] = {}
    for index, peer in enumerate(peers):
        if peer.name and names.setdefault(peer.name, index) != index:
            errors.append(f"peers[{index}].name: {peer.name!r} is the name of peers[{names[peer.name]}] already")
        known = peer.ike.remote_identity if peer.ike is not None and peer.ike.remote_identity.data else None
        if known is not None and identities.setdefault(known, index) != index:
            errors.append(f"peers[{index}].ike.remote_identity: {known} is that of peers[{identities[known]}] already")
        for place, prefix in enumerate(peer.prefixes):
            if owners.setdefault(prefix, index) != index:
                errors.append(f"peers[{index}].prefixes[{place}]: {prefix} lies behind peers[{owners[prefix]}] already")


def parse_keys(text: str | bytes, peers: Sequence[PeerConfig]) -> dict[str, Keys]:
    """Read the keys of all peers. Raises ConfigError with every error; no error shows a key."""
    errors: list[str] = []
    fields = Fields(_load(text, "the keys"), "keys", errors, secret=True)
    fields.only(*(peer.name for peer in peers))
    keys = {peer.name: parse_peer_keys(fields.nested(peer.name), peer) for peer in peers}
    _raise(errors)
    _refuse_shared_spi(keys)
    return keys


def _refuse_shared_spi(keys: Mapping[str, Keys]) -> None:
    """The inbound SPI is all that tells one peer's datagrams from another's."""
    owners: dict[int, str] = {}
    by_hand = {name: pair for name, pair in keys.items() if isinstance(pair, PeerKeys)}
    _raise(
        [
            f"keys.{name}.inbound.spi: {pair.inbound.spi} is the inbound SPI of {owners[pair.inbound.spi]} already"
            for name, pair in by_hand.items()
            if owners.setdefault(pair.inbound.spi, name) != name
        ]
    )


def parse_peer_keys(fields: Fields, peer: PeerConfig) -> Keys:
    """The keys of one peer. On an error it is noted in the list behind `fields`, without the key."""
    if peer.suite is None or peer.ike is not None:
        fields.only("psk")
        return PreSharedKey(fields.material("psk"))
    return _sa_pair(fields, peer.suite)


def _sa_pair(fields: Fields, suite: Suite) -> PeerKeys:
    fields.only("outbound", "inbound")
    keys = PeerKeys(_sa_keys(fields.nested("outbound"), suite), _sa_keys(fields.nested("inbound"), suite))
    if keys.outbound.material and keys.outbound.material == keys.inbound.material:
        fields.error("", "both directions have the same key, and so would use the same nonces")
    return keys


def _sa_keys(fields: Fields, suite: Suite) -> SaKeys:
    fields.only("spi", "key")
    keys = SaKeys(fields.integer("spi", FIRST_FREE_SPI, LAST_SPI), fields.material("key"))
    if keys.material and len(keys.material) != suite.material_length:
        rule = f"{suite.name} takes {suite.material_length} bytes, the key and then the salt"
        fields.error("key", f"{len(keys.material)} bytes are given; {rule}")
    return keys


def _load(text: str | bytes, what: str) -> Any:
    try:
        return json.loads(text if isinstance(text, str) else text.decode())  # bytes it would try in other encodings too
    except RecursionError:
        raise ConfigError([f"{what}: is nested too deeply"]) from None
    except ValueError as error:
        # The message of a decoding error names a position, never the text itself.
        position = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise ConfigError([f"{what}: is no JSON{position}"]) from None


def _raise(errors: Sequence[str]) -> None:
    if errors:
        raise ConfigError(errors)
