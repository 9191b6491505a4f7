"""Client accounts (document, 2 step 4, 3.3, 3.9, 6): who may log on to an instance, with which address and bandwidth."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from lab.cloud.addressing import Address, parse_address
from lab.cloud.alibaba.app.form import check_bandwidth, check_mail, check_password, check_user_name
from lab.cloud.alibaba.app.notice import account_notice, reset_notice
from lab.cloud.alibaba.app.resources import DEFAULT_BANDWIDTH, MOST_BANDWIDTH, AddressCursor, AppSession, ClientUser, SagApp
from lab.cloud.alibaba.app.session import AppSessions
from lab.cloud.alibaba.app.usage import ClientMeter, bytes_this_month
from lab.cloud.errors import CloudError
from lab.cloud.operation import PASSWORD, operation
from lab.cloud.password import Password


class ClientUserOperations(AppSessions):
    @operation
    def create_smart_access_gateway_client_user(
        self,
        smart_ag_id: str,
        *,
        user_name: str = "",
        user_mail: str,
        static_ip: bool | None = None,
        client_ip: Address | None = None,
        bandwidth: int = DEFAULT_BANDWIDTH,
        password: str | Password = "",
        acceleration_bandwidth: int | None = None,
    ) -> ClientUser:
        """Create Client Account (2 step 4, 3.3). Name, password and how to get the app are mailed to `user_mail`.

        Without `user_name` the mail address is the name; without `password` one is generated. `static_ip` asks for a `client_ip`,
        the address inside a block of the instance with which the account always connects. Bandwidths are in Kbit/s.
        Raises InvalidId.SMARTAG, SmartAccessGatewayArrearage, ClientUser.EmailInvalid, ClientUser.NameInvalid,
        ClientUser.UserExist, ClientUser.UserOverLimit, ClientUser.InvalidClientIp, ClientUser.BandwidthInvalid,
        ClientUser.PasswordInvalid, AccelerationPlan.NotAssociated.
        """
        instance = self._get(SagApp, smart_ag_id)
        check_mail(user_mail)
        if user_name:
            check_user_name(user_name)
        check_bandwidth(bandwidth, MOST_BANDWIDTH)
        _check_acceleration(instance, acceleration_bandwidth)
        self._check_name_is_new(instance, user_name or user_mail)
        self._check_name_and_code(instance, user_name or user_mail)
        address = self._static_address(instance, client_ip, static_ip)
        self._check_seat(instance)
        user_id = self._supply.alibaba_id("cu")
        sealed = self._sealed(password)
        origin = self._origin(user_id)
        user = ClientUser(
            id=user_id,
            origin=origin,
            smart_ag_id=smart_ag_id,
            user_name=user_name or user_mail,
            user_mail=user_mail,
            password=sealed.hash,
            static_ip=address,
            bandwidth=bandwidth,
            bandwidth_origin=origin,
            acceleration_bandwidth=acceleration_bandwidth,
            enabled_origin=origin,
        )
        self._store.put(user)
        if sealed.clear is not None:
            self._state.outbox.append(account_notice(user, instance, sealed.clear))
        return told(user)

    @operation
    def modify_smart_access_gateway_client_user(
        self,
        smart_ag_id: str,
        user_name: str,
        *,
        user_mail: str | None = None,
        client_ip: Address | None = None,
        static_ip: bool | None = None,
        bandwidth: int | None = None,
        acceleration_bandwidth: int | None = None,
    ) -> ClientUser:
        """Modify (6.2): what is not given stays. Bandwidth counts at once; another address from the next connection on.

        Raises InvalidId.SMARTAG, ClientUser.NotExist, ClientUser.EmailInvalid, ClientUser.InvalidClientIp,
        ClientUser.BandwidthInvalid, AccelerationPlan.NotAssociated.
        """
        instance = self._get(SagApp, smart_ag_id)
        user = self._user(smart_ag_id, user_name)
        if user_mail is not None:
            check_mail(user_mail)
            user = replace(user, user_mail=user_mail)
        if client_ip is not None or static_ip is not None:
            user = replace(user, static_ip=self._static_address(instance, client_ip, static_ip, holder=user.id))
        if bandwidth is not None:
            check_bandwidth(bandwidth, user.bandwidth_quota)
            user = replace(user, bandwidth=bandwidth, bandwidth_origin=self._origin(user.id))
        if acceleration_bandwidth is not None:
            _check_acceleration(instance, acceleration_bandwidth)
            user = replace(user, acceleration_bandwidth=acceleration_bandwidth)
        self._store.put(user)
        return told(user)

    @operation
    def raise_client_user_bandwidth_quota(self, smart_ag_id: str, user_name: str, quota: int) -> None:
        """Let an account have more than 20,000 Kbit/s: what a ticket does (6.2), so an extension of ours.

        Raises InvalidId.SMARTAG, ClientUser.NotExist, ClientUser.BandwidthInvalid.
        """
        user = self._user(self._get(SagApp, smart_ag_id).id, user_name)
        if quota < user.bandwidth_quota:
            raise CloudError("ClientUser.BandwidthInvalid", f"the quota {quota} is less than the {user.bandwidth_quota} of now")
        self._store.put(replace(user, bandwidth_quota=quota))

    @operation
    def reset_smart_access_gateway_client_user_password(
        self, smart_ag_id: str, user_name: str, password: str | Password = ""
    ) -> None:
        """Reset Password (6.1): to one of the administrator's choice, or a generated one; it is mailed to the account's owner.

        That of a replica is that of the account it was made of, where it is reset. Who is logged on stays so.
        Raises InvalidId.SMARTAG, ClientUser.NotExist, ClientUser.IsReplica, ClientUser.PasswordInvalid.
        """
        instance = self._get(SagApp, smart_ag_id)
        user = self._user(smart_ag_id, user_name)
        if user.replica_of is not None:
            source = self._store.get(ClientUser, user.replica_of)
            raise CloudError(
                "ClientUser.IsReplica", f"'{user_name}' has the password of the account at '{source.smart_ag_id}'; reset it there"
            )
        sealed = self._sealed(password)
        self._store.put(replace(user, password=sealed.hash))
        self._state.attempts.forget(user.id)
        if sealed.clear is not None:
            self._state.outbox.append(reset_notice(user, instance, sealed.clear))

    @operation
    def enable_smart_access_gateway_user(self, smart_ag_id: str, user_name: str) -> None:
        """Raises InvalidId.SMARTAG, ClientUser.NotExist."""
        self._set_enabled(smart_ag_id, user_name, True)

    @operation
    def disable_smart_access_gateway_user(self, smart_ag_id: str, user_name: str) -> None:
        """Disable (3.9): the account and its replicas log on no more, and their sessions end. It keeps its seat.

        Raises InvalidId.SMARTAG, ClientUser.NotExist.
        """
        self._set_enabled(smart_ag_id, user_name, False)

    @operation
    def delete_smart_access_gateway_client_user(self, smart_ag_id: str, user_name: str) -> None:
        """Remove (3.9). Raises InvalidId.SMARTAG, ClientUser.NotExist, ClientUser.DataUsed, ClientUser.HasReplica."""
        user = self._user(self._get(SagApp, smart_ag_id).id, user_name)
        if bytes_this_month(self._store, user.id, self._now):
            raise CloudError(
                "ClientUser.DataUsed",
                f"'{user_name}' has used data this month; disable it now (Disable), and delete it next month",
            )
        replicas = self._store.by(ClientUser, "replica_of", user.id)
        if replicas:
            places = ", ".join(replica.smart_ag_id for replica in replicas)
            raise CloudError("ClientUser.HasReplica", f"'{user_name}' was replicated to {places}; delete it there first")
        self._end_sessions("client_user_id", user.id)
        for record in (user, self._store.find(AddressCursor, user.id), self._store.find(ClientMeter, user.id)):
            if record is not None:
                self._store.delete(record)

    @operation
    def kick_out_clients(self, smart_ag_id: str, user_name: str) -> None:
        """End the session of an account; it may log on again. Raises InvalidId.SMARTAG, ClientUser.NotExist, App.NotLoggedOn."""
        user = self._user(self._get(SagApp, smart_ag_id).id, user_name)
        if not self._store.count(AppSession, "client_user_id", user.id):
            raise CloudError(AppSession.NOT_FOUND, f"'{user_name}' is not logged on to '{smart_ag_id}'")
        self._end_sessions("client_user_id", user.id)

    def describe_smart_access_gateway_client_users(self, smart_ag_id: str) -> tuple[ClientUser, ...]:
        """The accounts of an instance, without what belongs to their passwords. Raises InvalidId.SMARTAG."""
        users = self._store.by(ClientUser, "smart_ag_id", self._get(SagApp, smart_ag_id).id)
        return tuple(told(user) for user in users)

    def describe_user_online_clients(self, smart_ag_id: str, user_name: str | None = None) -> tuple[AppSession, ...]:
        """Who is logged on to an instance, or one account of it, without secrets. Raises InvalidId.SMARTAG."""
        sessions = self._store.by(AppSession, "smart_ag_id", self._get(SagApp, smart_ag_id).id)
        return tuple(replace(session, secret=None) for session in sessions if user_name in (None, session.user_name))

    def _user(self, smart_ag_id: str, user_name: str) -> ClientUser:
        """Raises ClientUser.NotExist."""
        for user in self._store.by(ClientUser, "user_name", user_name):
            if user.smart_ag_id == smart_ag_id:
                return user
        raise CloudError(ClientUser.NOT_FOUND, f"'{smart_ag_id}' has no client account '{user_name}'; correct the name")

    def _sealed(self, password: str | Password) -> Password:
        """The password that is given, or a generated one, with its hash, which is what is written down of the call."""
        generated = self._supply.password()  # whether or not it is needed: a call that is made again draws the same
        given = password if isinstance(password, Password) else Password(password)
        if given.clear == "":
            given = self._state.parameters[PASSWORD] = Password(generated)
        check_password(given)
        given.seal(self._salt())
        return given

    def _check_seat(self, instance: SagApp) -> None:
        """Raises SmartAccessGatewayArrearage, ClientUser.UserOverLimit."""
        if not instance.active:
            raise CloudError("SmartAccessGatewayArrearage", f"the subscription of '{instance.id}' has ended; renew it first")
        existing = self._store.count(ClientUser, "smart_ag_id", instance.id)
        if existing >= instance.seats:
            raise CloudError(
                "ClientUser.UserOverLimit",
                f"'{instance.id}' has {existing} client accounts, and may have {instance.seats}; upgrade it, or delete one",
            )

    def _check_name_is_new(self, instance: SagApp, user_name: str) -> None:
        """Raises ClientUser.UserExist."""
        if any(other.smart_ag_id == instance.id for other in self._store.by(ClientUser, "user_name", user_name)):
            raise CloudError("ClientUser.UserExist", f"'{instance.id}' has a client account '{user_name}' already")

    def _check_name_and_code(self, instance: SagApp, user_name: str) -> None:
        """Whether an account of this name can be at an instance beside those at others (4.1; decision 0034). Replicas can.

        Raises ClientUser.UserExist.
        """
        for other in self._store.by(ClientUser, "user_name", user_name):
            home = self._store.get(SagApp, other.smart_ag_id)
            if other.replica_of is not None or home.id == instance.id or home.account != instance.account:
                continue
            if home.area != instance.area:
                raise CloudError(
                    "ClientUser.UserExist",
                    f"'{home.id}', in another area, has a client account '{user_name}' already; have it roam (roam_client_user)",
                )
            if home.enterprise_code == instance.enterprise_code:
                raise CloudError(
                    "ClientUser.UserExist",
                    f"'{home.id}' has a client account '{user_name}' already, with the enterprise code {home.enterprise_code}",
                )

    def _static_address(
        self, instance: SagApp, client_ip: Address | None, static_ip: bool | None, *, holder: str = ""
    ) -> IPv4Address | None:
        """The address that is asked for, if one is. Raises ClientUser.InvalidClientIp."""
        if static_ip is None:
            static_ip = client_ip is not None
        if static_ip != (client_ip is not None):
            raise CloudError("ClientUser.InvalidClientIp", "a static IP address takes both static_ip and client_ip, or neither")
        if client_ip is None:
            return None
        address = parse_address(client_ip, "ClientUser.InvalidClientIp")
        block = next((block for block in instance.private_cidrs if address in block), None)
        if block is None or address in (block[0], block[-1]):
            blocks = ", ".join(map(str, instance.private_cidrs)) or "none yet"
            raise CloudError(
                "ClientUser.InvalidClientIp",
                f"{address} is no client address of the private CIDR blocks of '{instance.id}': {blocks}",
            )
        self._check_idle(instance, address, holder)
        return address

    def _check_idle(self, instance: SagApp, address: IPv4Address, holder: str) -> None:
        """Raises ClientUser.InvalidClientIp."""
        place = (instance.id, address)
        users = [user.id for user in self._store.by(ClientUser, "place", place)]
        users += [session.client_user_id for session in self._store.by(AppSession, "place", place)]
        if any(user != holder for user in users):
            raise CloudError("ClientUser.InvalidClientIp", f"{address} of '{instance.id}' is another account's; take an idle one")

    def _set_enabled(self, smart_ag_id: str, user_name: str, enabled: bool) -> None:
        user = self._user(self._get(SagApp, smart_ag_id).id, user_name)
        if user.enabled != enabled:
            self._store.put(replace(user, enabled=enabled, enabled_origin=self._origin(user.id)))
        if not enabled:
            for one in (user, *self._store.by(ClientUser, "replica_of", user.id)):
                self._end_sessions("client_user_id", one.id)


def told(user: ClientUser) -> ClientUser:
    """An account as it is shown: nothing of its password, not even the hash."""
    return replace(user, password="")


def _check_acceleration(instance: SagApp, bandwidth: int | None) -> None:
    """Raises AccelerationPlan.NotAssociated, ClientUser.BandwidthInvalid."""
    if bandwidth is None:
        return
    if instance.acceleration_plan_id is None:
        raise CloudError(
            "AccelerationPlan.NotAssociated",
            f"'{instance.id}' is not associated with an application acceleration plan; associate_acceleration_plan does it",
        )
    check_bandwidth(bandwidth, MOST_BANDWIDTH)
