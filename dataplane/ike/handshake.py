"""What the messages of IKE_SA_INIT and IKE_AUTH hold, for the end that initiates and for the other. RFC 7296 §1.2, §2.15."""

from __future__ import annotations

from dataclasses import dataclass

from dataplane.errors import DropReason
from dataplane.ike import children
from dataplane.ike.algorithms import GROUPS, Entropy, Group
from dataplane.ike.association import IkeSa
from dataplane.ike.errors import MalformedIke, Refusal
from dataplane.ike.events import Child
from dataplane.ike.identity import Identity
from dataplane.ike.keys import Nonces, derive_ike_keys, first_seed, proof, verify_proof
from dataplane.ike.message import Payloads
from dataplane.ike.numbers import PRE_SHARED_KEY, CfgAttribute, CfgType, Notice
from dataplane.ike.offers import IkeSuite, choose_ike, ike_proposal, require_one_choice
from dataplane.ike.paths import Path, nat_notices
from dataplane.ike.payloads import (
    Authentication,
    Configuration,
    IdInitiator,
    IdResponder,
    KeyExchange,
    Nonce,
    Notify,
    Payload,
    SecurityAssociation,
)
from dataplane.ike.policy import HOST_MASK, Lease, Lookup, Policy, Settings

NONCE_LENGTH = 32  # our choice: at least half the key of any PRF (RFC 7296 §2.10)
GROUP_LENGTH = 2
MOST_COOKIE = 64  # RFC 7296 §2.6
MOST_RETRIES = 4
"""Times that IKE_SA_INIT is begun anew because the peer wants a cookie or another group. Our choice: both, twice."""

CFG_REQUEST = Configuration(
    CfgType.REQUEST,
    (
        (CfgAttribute.INTERNAL_IP4_ADDRESS, b""),
        (CfgAttribute.INTERNAL_IP4_NETMASK, b""),
        (CfgAttribute.INTERNAL_IP4_DNS, b""),
    ),
)


class Initiation:
    """The initiator's side of a handshake."""

    def __init__(self, settings: Settings, policy: Policy, entropy: Entropy) -> None:
        self.policy = policy
        self._settings = settings
        self._entropy = entropy
        self._nonce = entropy(NONCE_LENGTH)
        self._group = settings.ike.groups[0]
        self._secret = self._group.generate(entropy)
        self._cookie: bytes | None = None
        self._retries = 0
        self._request = b""
        self._response = b""
        self._nonces = Nonces(self._nonce, b"")

    def init_request(self, sa: IkeSa, path: Path) -> bytes:
        """IKE_SA_INIT. The cookie, when there is one, comes first (§2.6)."""
        cookie = [] if self._cookie is None else [Notify(Notice.COOKIE, self._cookie)]
        offer = SecurityAssociation((ike_proposal(self._settings.ike),))
        exchange = KeyExchange(self._group.number, self._secret.public)
        nat = nat_notices(sa.spi_i, sa.spi_r, path, pretend=self._settings.encapsulate)
        self._request = sa.init_message([*cookie, offer, exchange, Nonce(self._nonce), *nat], response=False)
        return self._request

    def wants_retry(self, response: Payloads) -> bool:
        """Whether the peer wants a cookie or another group, which the next `init_request` then has. Raises Refusal."""
        cookies = response.notices(Notice.COOKIE)
        groups = response.notices(Notice.INVALID_KE_PAYLOAD)
        if not cookies and not groups:
            return False
        if self._retries >= MOST_RETRIES:
            raise Refusal(groups[0].notice if groups else Notice.TEMPORARY_FAILURE, "the peer wants something else every time")
        if cookies:
            self._take_cookie(cookies[0])
        else:
            self._change_group(wanted_group(groups[0], self._settings.ike.groups, self._group))
        self._retries += 1
        return True

    def _take_cookie(self, notify: Notify) -> None:
        if not 1 <= len(notify.data) <= MOST_COOKIE:
            raise MalformedIke(f"COOKIE: {len(notify.data)} bytes")
        self._cookie = notify.data

    def _change_group(self, group: Group) -> None:
        self._group = group
        self._secret = group.generate(self._entropy)

    def settle(self, sa: IkeSa, response: Payloads, data: bytes) -> None:
        """Key the SA by the peer's response. Raises MalformedIke, Refusal."""
        refuse_errors(response)
        proposals = response.one(SecurityAssociation).proposals
        suite = choose_ike(self._settings.ike, proposals).suite
        require_one_choice(proposals)
        exchange = response.one(KeyExchange)
        if not exchange.group == suite.group.number == self._group.number:
            raise MalformedIke("KE payload: it is of another group than the one settled")
        self._nonces = Nonces(self._nonce, response.one(Nonce).data)
        self._response = data
        key_first(sa, suite, self._secret.agree(exchange.data), self._nonces)

    def auth_request(self, sa: IkeSa, spi: int, *, initial_contact: bool) -> list[Payload]:
        policy = self.policy
        payloads: list[Payload] = [IdInitiator(policy.local)]
        if initial_contact:
            payloads.append(Notify(Notice.INITIAL_CONTACT))
        payloads += [IdResponder(policy.remote), Authentication(PRE_SHARED_KEY, self._proof(sa, policy.local))]
        if policy.request_lease:
            payloads.append(CFG_REQUEST)
        return payloads + children.ask(children.terms_of(policy), spi, exchange=False)

    def _proof(self, sa: IkeSa, identity: Identity) -> bytes:
        keys = sa.require_keys()
        return proof(keys.prf, self.policy.psk, keys.prove_i, self._request, self._nonces.responder, identity)

    def verify(self, sa: IkeSa, response: Payloads) -> Identity:
        """Who the peer proved to be. Raises MalformedIke, Refusal."""
        refuse_authentication_error(response)
        identity = response.one(IdResponder).identity
        if identity != self.policy.remote:
            raise Refusal(Notice.AUTHENTICATION_FAILED, f"the peer is {identity}, not {self.policy.remote}")
        received = received_proof(response)
        keys = sa.require_keys()
        expected = proof(keys.prf, self.policy.psk, keys.prove_r, self._response, self._nonces.initiator, identity)
        verify_proof(expected, received)
        return identity

    def accept_child(self, sa: IkeSa, response: Payloads, spi: int) -> Child:
        """Raises MalformedIke, Refusal."""
        refuse_errors(response)
        settled = children.accept(children.terms_of(self.policy), response, exchange=False)
        return settled.child(sa.require_keys(), self._nonces, spi, initiator=True)


@dataclass(frozen=True, slots=True)
class Welcome:
    """A peer that proved who it is, and what it is answered. Without a child, the answer says why, and so does `refusal`."""

    identity: Identity
    policy: Policy
    initial_contact: bool
    child: Child | None
    payloads: list[Payload]
    refusal: int | None


class Response:
    """The responder's side of a handshake."""

    def __init__(self, settings: Settings, entropy: Entropy) -> None:
        self._settings = settings
        self._entropy = entropy
        self._nonces = Nonces(b"", b"")
        self._request = b""
        self._response = b""

    def init_response(self, sa: IkeSa, request: Payloads, data: bytes, path: Path) -> bytes:
        """Key the SA by the peer's request, and answer it. Raises MalformedIke, Refusal."""
        choice = choose_ike(self._settings.ike, request.one(SecurityAssociation).proposals)
        exchange = request.one(KeyExchange)
        require_group(exchange, choice.suite.group)
        secret = choice.suite.group.generate(self._entropy)
        self._nonces = Nonces(request.one(Nonce).data, self._entropy(NONCE_LENGTH))
        key_first(sa, choice.suite, secret.agree(exchange.data), self._nonces)
        answer: list[Payload] = [SecurityAssociation((choice.proposal,)), KeyExchange(exchange.group, secret.public)]
        nat = nat_notices(sa.spi_i, sa.spi_r, path, pretend=self._settings.encapsulate)
        self._request = data
        self._response = sa.init_message([*answer, Nonce(self._nonces.responder), *nat], response=True)
        return self._response

    def welcome(self, sa: IkeSa, request: Payloads, lookup: Lookup, spi: int) -> Welcome:
        """Verify who the peer is. Raises MalformedIke, Refusal."""
        identity = request.one(IdInitiator).identity
        policy = self._policy(identity, request, lookup)
        received = received_proof(request)
        keys = sa.require_keys()
        if policy is None:
            why = f"{identity} is unknown, or it wants to speak to somebody else"
            raise Refusal(Notice.AUTHENTICATION_FAILED, why, reason=DropReason.IKE_STRANGER)
        verify_proof(proof(keys.prf, policy.psk, keys.prove_i, self._request, self._nonces.responder, identity), received)
        if policy.spent:
            why = f"the key of {identity} is good once, and was used before"
            raise Refusal(Notice.AUTHENTICATION_FAILED, why, reason=DropReason.IKE_SPENT_KEY)
        ours = proof(keys.prf, policy.psk, keys.prove_r, self._response, self._nonces.initiator, policy.local)
        answer: list[Payload] = [IdResponder(policy.local), Authentication(PRE_SHARED_KEY, ours)]
        contact = bool(request.notices(Notice.INITIAL_CONTACT))
        try:
            child, payloads = self._first_child(sa, request, policy, spi)
        except Refusal as refusal:  # it leaves the IKE SA standing (§1.2)
            return Welcome(identity, policy, contact, None, [*answer, Notify(refusal.notice, refusal.data)], refusal.notice)
        return Welcome(identity, policy, contact, child, answer + payloads, None)

    def _policy(self, identity: Identity, request: Payloads, lookup: Lookup) -> Policy | None:
        wanted = request.maybe(IdResponder)
        policy = lookup(identity)
        if policy is None or policy.remote != identity or (wanted is not None and wanted.identity != policy.local):
            return None
        return policy

    def _first_child(self, sa: IkeSa, request: Payloads, policy: Policy, spi: int) -> tuple[Child, list[Payload]]:
        """Raises MalformedIke, Refusal."""
        configuration = _lease_payloads(request, policy)
        settled = children.grant(children.terms_of(policy), request, exchange=False)
        child = settled.child(sa.require_keys(), self._nonces, spi, initiator=False)
        return child, configuration + children.answer(settled, spi)


def key_first(sa: IkeSa, suite: IkeSuite, shared: bytes, nonces: Nonces) -> None:
    sa.key(suite, derive_ike_keys(suite, first_seed(suite.prf, shared, nonces), nonces, sa.spi_i, sa.spi_r))


def require_group(exchange: KeyExchange, group: Group) -> None:
    """Raises Refusal INVALID_KE_PAYLOAD, which names the group that is wanted (§1.2)."""
    if exchange.group != group.number:
        number = group.number.to_bytes(GROUP_LENGTH, "big")
        raise Refusal(Notice.INVALID_KE_PAYLOAD, f"group {exchange.group} is not {group.name}", number)


def wanted_group(notify: Notify, offered: tuple[Group, ...], tried: Group | None) -> Group:
    """The group that an INVALID_KE_PAYLOAD names. Raises Refusal when it was not offered or was tried already."""
    group = GROUPS.get(int.from_bytes(notify.data, "big")) if len(notify.data) == GROUP_LENGTH else None
    if group is None or group not in offered or group == tried:
        raise Refusal(Notice.INVALID_KE_PAYLOAD, "the peer wants a group that it was not offered, or the one it got")
    return group


def refuse_errors(response: Payloads) -> None:
    """Raises Refusal for the first error that the peer notifies."""
    for notify in response.all(Notify):
        if notify.is_error:
            raise Refusal(notify.notice, "the peer says so", notify.data)


def refuse_authentication_error(response: Payloads) -> None:
    """An error beside an AUTH payload is about the child; without one it is about everything. Raises Refusal."""
    if not response.all(Authentication):
        refuse_errors(response)


def received_proof(payloads: Payloads) -> bytes:
    """Raises MalformedIke, Refusal."""
    authentication = payloads.one(Authentication)
    if authentication.method != PRE_SHARED_KEY:
        raise Refusal(Notice.AUTHENTICATION_FAILED, f"authentication method {authentication.method} is not spoken here")
    return authentication.data


def lease_from(response: Payloads) -> Lease | None:
    """The lease that the peer gave, if it gave one. Raises MalformedIke."""
    configuration = response.maybe(Configuration)
    if configuration is None or configuration.kind != CfgType.REPLY:
        return None
    addresses = configuration.addresses(CfgAttribute.INTERNAL_IP4_ADDRESS)
    netmasks = configuration.addresses(CfgAttribute.INTERNAL_IP4_NETMASK)
    if not addresses:
        return None
    netmask = netmasks[0] if netmasks else HOST_MASK
    return Lease(addresses[0], netmask, configuration.addresses(CfgAttribute.INTERNAL_IP4_DNS))


def _lease_payloads(request: Payloads, policy: Policy) -> list[Payload]:
    """Raises Refusal when a lease is asked for and there is none."""
    asked = request.maybe(Configuration)
    if asked is None or asked.kind != CfgType.REQUEST:
        return []
    if policy.lease is None:
        raise Refusal(Notice.INTERNAL_ADDRESS_FAILURE, "there is no address to lease")
    address = (CfgAttribute.INTERNAL_IP4_ADDRESS, policy.lease.address.packed)
    netmask = (CfgAttribute.INTERNAL_IP4_NETMASK, policy.lease.netmask.packed)
    dns = ((CfgAttribute.INTERNAL_IP4_DNS, server.packed) for server in policy.lease.dns)
    return [Configuration(CfgType.REPLY, (address, netmask, *dns))]
