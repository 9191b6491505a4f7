"""What the lab tells strongSwan, and how it reads what strongSwan says. strongSwan itself runs in tests/interop."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dataplane.check import EniCheck
from dataplane.ike.identity import Identity, address, fqdn, key_id
from lab.emulation.gateway import Options
from lab.emulation.strongswan.associations import peer_status
from lab.emulation.strongswan.configuration import charon_conf, connection, identity, secret
from lab.emulation.strongswan.journal import Journal
from lab.emulation.strongswan.process import require_possible
from lab.errors import MachineError
from lab.origin import Origin
from lab.scenario import Scenario
from lab.topology import NodeKind, PeerAuthentication, Software, Tunnel, TunnelPeer
from scenarios import ccn_strongswan, vcpe_ping, vcpe_strongswan

ORIGIN = Origin("sag-1", "alibaba.create_smart_access_gateway")
OPTIONS = Options("aes-256-gcm")
KEY = b"the key of sag-1"
SEED = b"tests of strongSwan"

FAILURES = {
    "refused by the peer": ("10[IKE] received AUTHENTICATION_FAILED notify error", "AUTHENTICATION_FAILED"),
    "refused by us": ("10[ENC] generating IKE_AUTH response 1 [ N(AUTH_FAILED) ]", "AUTHENTICATION_FAILED"),
    "no common cipher": ("10[IKE] received NO_PROPOSAL_CHOSEN notify error", "NO_PROPOSAL_CHOSEN"),
    "no common cipher for the child": ("10[IKE] received NO_PROPOSAL_CHOSEN notify, no CHILD_SA built", "NO_PROPOSAL_CHOSEN"),
    "we refuse the child": ("10[ENC] generating IKE_AUTH response 1 [ IDr AUTH N(NO_PROP) ]", "NO_PROPOSAL_CHOSEN"),
    "dead peer": ("10[IKE] giving up after 5 retransmits", "NO_ANSWER"),
    "an ordinary notification": ("10[ENC] generating IKE_SA_INIT response 0 [ SA KE No N(NATD_S_IP) N(FRAG_SUP) ]", None),
    "another group wanted": ("10[IKE] peer didn't accept DH group CURVE_25519, it requested ECP_256", None),
    "established after all": (
        "10[IKE] received AUTHENTICATION_FAILED notify error\n"
        "10[IKE] IKE_SA lab[2] established between 10.0.2.10[sn]...198.51.100.10[pop]",
        None,
    ),
    "half a line": (
        "10[IKE] received AUTHENTICATION_FAILED notify error\n10[IKE] IKE_SA lab[2] established bet",
        "AUTHENTICATION_FAILED",
    ),
}


@pytest.mark.parametrize(("lines", "failure"), FAILURES.values(), ids=FAILURES.keys())
def test_why_there_is_no_tunnel(lines: str, failure: str | None, tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")
    journal.path.write_text(lines if "bet" in lines[-3:] else lines + "\n")
    journal.read_on()
    assert journal.failure == failure


def test_each_line_is_read_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")
    journal.path.write_text(
        "10[ESP] no matching outbound IPsec policy for 10.0.1.10 == 192.168.1.10 [1]\n10[ESP] inbound ESP packet do"
    )
    journal.read_on()
    with journal.path.open("a") as file:
        file.write("es not belong to an installed SA\n10[NET] no matching outbound IPsec policy\n")
    journal.read_on()
    journal.read_on()
    assert journal.drops == {"PEER_NOT_HEARD": 1, "UNKNOWN_SPI": 1}


def test_a_refusal_is_the_reason_for_what_is_dropped_after_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "log")
    dropped = "10[ESP] no matching outbound IPsec policy for 10.0.1.10 == 192.168.1.10 [1]\n"
    journal.path.write_text(f"{dropped}10[IKE] received AUTHENTICATION_FAILED notify error\n{dropped}{dropped}")
    journal.read_on()
    assert journal.drops == {"PEER_NOT_HEARD": 1, "AUTHENTICATION_FAILED": 2}


IDENTITIES = {
    "serial number": (key_id("sage6m2p"), "keyid:#73616765366d3270"),
    "name": (fqdn("pop.example"), "fqdn:#706f702e6578616d706c65"),
    "address": (address(IPv4Address("198.51.100.10")), "ipv4:#c633640a"),
    "what strongSwan would read otherwise": (key_id("#0*% \n"), "keyid:#23302a25200a"),
}


@pytest.mark.parametrize(("who", "written"), IDENTITIES.values(), ids=IDENTITIES.keys())
def test_identities(who: Identity, written: str) -> None:
    assert identity(who) == written


def peer(name: str = "sag-1", *, speaks_first: bool = False) -> TunnelPeer:
    proof = PeerAuthentication(fqdn("pop"), key_id("sn"), KEY, ORIGIN)
    return TunnelPeer(name, (IPv4Network("10.0.0.0/16"),), proof, ORIGIN, speaks_first=speaks_first)


def tunnel(*peers: TunnelPeer, check: EniCheck | None = None) -> Tunnel:
    return Tunnel("ipsec0", IPv4Address("198.51.100.10"), 4500, peers, ORIGIN, check)


def test_the_key_goes_over_vici_alone() -> None:
    known = peer()
    assert secret(known)["data"] == KEY
    assert KEY.decode() not in charon_conf("/log", "/resolv.conf") + str(connection(tunnel(known), known, OPTIONS))


@pytest.mark.parametrize("speaks_first", [False, True], ids=["waits", "speaks first"])
def test_only_who_speaks_first_begins(speaks_first: bool) -> None:
    known = peer(speaks_first=speaks_first)
    (child,) = connection(tunnel(known), known, OPTIONS)["lab"]["children"].values()
    begins = {child[action] for action in ("start_action", "close_action", "dpd_action")}
    assert begins == ({"start", "restart"} if speaks_first else {"none", "clear"})


ASSOCIATION = {
    "state": b"ESTABLISHED", "established": b"9", "initiator-spi": b"aa", "responder-spi": b"bb",
    "encr-alg": b"AES_GCM_16", "encr-keysize": b"128", "prf-alg": b"PRF_HMAC_SHA2_256", "dh-group": b"ECP_256",
}  # fmt: skip
OLD, NEW = (
    {
        "state": b"INSTALLED", "install-time": age, "spi-in": spi, "spi-out": b"00000101", "encr-alg": b"CHACHA20_POLY1305",
        "packets-in": b"4", "bytes-in": b"336", "packets-out": b"5", "bytes-out": b"420",
    }
    for age, spi in ((b"60", b"00000110"), (b"1", b"00000120"))
)  # fmt: skip


def associations(*children: dict[str, Any], **members: bytes) -> list[dict[str, Any]]:
    return [{**ASSOCIATION, **members, "child-sas": {f"net-{number}": child for number, child in enumerate(children)}}]


def test_the_newest_child_speaks_for_the_peer() -> None:
    status = peer_status(associations(NEW, OLD), None)
    assert (status["vpn_status"], status["spi_in"], status["cipher"]) == ("Normal", 0x120, "chacha20-poly1305")
    assert (status["ike"]["cipher"], status["ike"]["established"], status["ike"]["failure"]) == ("aes-128-gcm", 9, None)


ABNORMAL = {
    "nothing": [],
    "not yet established": associations(NEW, state=b"CONNECTING"),
    "without a child": associations(),
    "a child that is gone": associations({**NEW, "state": b"DELETED"}),
}


@pytest.mark.parametrize("found", ABNORMAL.values(), ids=ABNORMAL.keys())
def test_without_a_child_the_vpn_status_is_abnormal(found: list[dict[str, Any]]) -> None:
    status = peer_status(found, "NO_ANSWER")
    assert (status["vpn_status"], status["spi_in"], status["ike"]["failure"]) == ("Abnormal", None, "NO_ANSWER")


IMPOSSIBLE = {
    "two gateways": (tunnel(peer("sag-1"), peer("sag-2")), "one gateway"),
    "its own check": (tunnel(peer(), check=EniCheck(frozenset(), enabled=True)), "source/destination check"),
}


@pytest.mark.parametrize(("asked", "said"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_what_strongswan_cannot_do_is_refused(asked: Tunnel, said: str) -> None:
    with pytest.raises(MachineError, match=said):
        require_possible(asked, [peer.name for peer in asked.peers])


CHOSEN = {
    "vcpe-strongswan": (vcpe_strongswan, {NodeKind.GATEWAY}),
    "ccn-strongswan": (ccn_strongswan, {NodeKind.CCN}),
}


@pytest.mark.parametrize(("module", "kinds"), CHOSEN.values(), ids=CHOSEN.keys())
def test_only_the_software_of_one_end_differs(module: ModuleType, kinds: set[NodeKind]) -> None:
    ours, theirs = (Scenario.of(each).topology((), SEED) for each in (vcpe_ping, module))
    assert theirs.links == ours.links
    for one, other in zip(ours.nodes, theirs.nodes, strict=True):
        expected = repr(one)
        if one.kind in kinds:
            expected = expected.replace("'tun0'", "'ipsec0'").replace(repr(Software.DATAPLANE), repr(Software.STRONGSWAN))
            assert expected != repr(one)
        assert repr(other) == expected
