"""What belongs to SAG APP, as frozen records, and how the records refer to each other:

    SagApp ◀─── ClientUser ◀─── AppSession ───▶ Terminal (lab.cloud.terminals)
      │             └─ replica_of ─▶ ClientUser of an instance in another area
      ├─▶ EnterpriseCode      ├─▶ AccelerationPlan      └─▶ CloudConnectNetwork

Attribute names are those of smartag 2018-03-13 where it has one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

from lab.cloud.alibaba.region import area_of
from lab.cloud.alibaba.resources import ACTIVE
from lab.cloud.record import Record
from lab.origin import Origin

# 2 step 1.3, 3.3: the default of an account, and the most without a ticket, in Kbit/s.
DEFAULT_BANDWIDTH = 2_000
MOST_BANDWIDTH = 20_000


@dataclass(frozen=True, kw_only=True)
class SagApp(Record):
    """A SAG app instance. `data_plan` is in bytes for each account and month, `period` in months, `user_count` in accounts.

    `next_user_count` is the number that was bought with a renewal, and counts from `next_from` on. `dns` has the active server
    first, then the standby one; empty: a client keeps its own. `private_cidrs` are the blocks that clients are numbered from;
    `cidr_origin`, `dns_origin`, `ccn_origin`, `code_origin` and `status_origin` are the calls that made each what it is. Times
    are the lab's.
    """

    NOUN: ClassVar[str] = "SAG app instance"
    NOT_FOUND: ClassVar[str] = "InvalidId.SMARTAG"
    INDEXED: ClassVar[tuple[str, ...]] = ("ccn_id", "region_id", "enterprise_code", "acceleration_plan_id")

    name: str
    region_id: str
    account: str
    user_count: int
    next_user_count: int | None = None
    next_from: datetime | None = None
    data_plan: int
    period: int
    auto_renew: bool
    order_id: str
    created_at: datetime
    expires_at: datetime
    status: str = ACTIVE
    status_origin: Origin
    enterprise_code: str
    code_origin: Origin
    ccn_id: str | None = None
    ccn_origin: Origin
    private_cidrs: tuple[IPv4Network, ...] = ()
    cidr_origin: Origin
    dns: tuple[IPv4Address, ...] = ()
    dns_origin: Origin
    acceleration_plan_id: str | None = None

    @property
    def area(self) -> str:
        return area_of(self.region_id)

    @property
    def seats(self) -> int:
        """How many accounts there may be: of the number of now and the one that is to come, the smaller."""
        return self.user_count if self.next_user_count is None else min(self.user_count, self.next_user_count)

    @property
    def active(self) -> bool:
        """Whether it is paid for: one in arrears serves nobody."""
        return self.status == ACTIVE


@dataclass(frozen=True, kw_only=True)
class ClientUser(Record):
    """A client account. `bandwidth` and `acceleration_bandwidth` are in Kbit/s, `bandwidth_quota` is the most it may be given.

    `password` is an argon2id hash, empty for a replica, which is made by roaming and has that of the account it was made of,
    `replica_of`. `static_ip` is the address it always connects with. `bandwidth_origin` and `enabled_origin` are the calls that
    made these what they are.
    """

    NOUN: ClassVar[str] = "client account"
    NOT_FOUND: ClassVar[str] = "ClientUser.NotExist"
    INDEXED: ClassVar[tuple[str, ...]] = ("smart_ag_id", "user_name", "replica_of", "place")

    smart_ag_id: str
    user_name: str
    user_mail: str
    password: str = field(repr=False)
    static_ip: IPv4Address | None = None
    bandwidth: int = DEFAULT_BANDWIDTH
    bandwidth_quota: int = MOST_BANDWIDTH
    bandwidth_origin: Origin
    acceleration_bandwidth: int | None = None
    enabled: bool = True
    enabled_origin: Origin
    replica_of: str | None = None

    @property
    def place(self) -> tuple[tuple[str, IPv4Address], ...]:
        """The static address with its instance, which nobody else may have."""
        return () if self.static_ip is None else ((self.smart_ag_id, self.static_ip),)


@dataclass(frozen=True, kw_only=True)
class AppSession(Record):
    """A log-on of the app on a terminal, from there to the log-off. Its id is what the client's tunnel is known by (IKE).

    While it is connected it has an `address` and a `secret`, which are another each time; the secret opens one tunnel once.
    `keeps_dns` is whether the terminal goes on asking its own DNS servers, though the app has set others. `origin` is the log-on,
    `connect_origin` the call that connected it, or disconnected it last.
    """

    NOUN: ClassVar[str] = "session"
    NOT_FOUND: ClassVar[str] = "App.NotLoggedOn"
    INDEXED: ClassVar[tuple[str, ...]] = ("terminal_id", "client_user_id", "smart_ag_id", "place")

    terminal_id: str
    client_user_id: str
    smart_ag_id: str
    user_name: str
    logged_on_at: datetime
    address: IPv4Address | None = None
    secret: bytes | None = field(default=None, repr=False)
    keeps_dns: bool = False
    connect_origin: Origin

    @property
    def connected(self) -> bool:
        return self.address is not None

    @property
    def place(self) -> tuple[tuple[str, IPv4Address], ...]:
        """The address with its instance, which no two sessions have at a time."""
        return () if self.address is None else ((self.smart_ag_id, self.address),)


@dataclass(frozen=True, kw_only=True)
class ConnectedBefore(Record):
    """That the app of a terminal has been connected. Its id is the terminal's."""

    NOUN: ClassVar[str] = "earlier connection"
    NOT_FOUND: ClassVar[str] = "InvalidTerminalId.NotFound"


@dataclass(frozen=True, kw_only=True)
class AddressCursor(Record):
    """The address that an instance gave last, or that an account was given last. Its id is the instance's, or the account's."""

    NOUN: ClassVar[str] = "address cursor"
    NOT_FOUND: ClassVar[str] = "InvalidId.SMARTAG"

    last: IPv4Address
