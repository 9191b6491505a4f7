"""Roaming (document, 3.4): an account of an instance in one area, replicated to instances in others.

A replica has the name and the password of the account it was made of, for good, and everything else of the instance it is at:
addresses, routes, a seat.
"""

from __future__ import annotations

from lab.cloud.alibaba.app.client_user import ClientUserOperations, told
from lab.cloud.alibaba.app.resources import ClientUser, SagApp
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation


class RoamingOperations(ClientUserOperations):
    @operation
    def roam_client_user(self, origin_smart_ag_id: str, target_smart_ag_id: str, user_name: str) -> ClientUser:
        """Replicate an account. Its owner logs on there with the id of the target instance.

        A static address is of the origin's blocks, so the replica has a dynamic one.
        Raises InvalidId.SMARTAG, ClientUser.NotExist, ClientUser.SameArea, SAG.CidrOverlap, SmartAccessGatewayArrearage,
        ClientUser.UserOverLimit, ClientUser.UserExist.
        """
        origin, target = self._get(SagApp, origin_smart_ag_id), self._get(SagApp, target_smart_ag_id)
        user = self._source_of(self._user(origin.id, user_name))
        home = self._store.get(SagApp, user.smart_ag_id)
        if target.area in (origin.area, home.area):
            raise CloudError(
                "ClientUser.SameArea",
                f"'{target.id}' and the account's instance are both in {target.area}; accounts roam between areas only",
            )
        _check_blocks(origin, target)
        self._check_seat(target)
        self._check_name_is_new(target, user_name)
        return told(self._replica(user, target))

    def _replica(self, user: ClientUser, target: SagApp) -> ClientUser:
        replica_id = self._supply.alibaba_id("cu")
        made = self._origin(replica_id)
        replica = ClientUser(
            id=replica_id,
            origin=made,
            smart_ag_id=target.id,
            user_name=user.user_name,
            user_mail=user.user_mail,
            password="",
            bandwidth=min(user.bandwidth, user.bandwidth_quota),
            bandwidth_quota=user.bandwidth_quota,
            bandwidth_origin=made,
            enabled_origin=made,
            replica_of=user.id,
        )
        self._store.put(replica)
        return replica


def _check_blocks(origin: SagApp, target: SagApp) -> None:
    """The second limit of 3.4, which breaks off in the document: decision 0034. Raises SAG.CidrOverlap."""
    for block in origin.private_cidrs:
        for other in target.private_cidrs:
            if block.overlaps(other):
                raise CloudError(
                    "SAG.CidrOverlap", f"{block} ('{origin.id}') overlaps {other} ('{target.id}'); change one of the blocks"
                )
