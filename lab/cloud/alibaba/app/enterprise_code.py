"""Enterprise codes (document, 4): an account's own, of which one is the default, and the one that each instance has."""

from __future__ import annotations

from dataclasses import replace

from lab.cloud.alibaba.app.client_user import ClientUserOperations
from lab.cloud.alibaba.app.code import EnterpriseCode, default_code, parse_code
from lab.cloud.alibaba.app.resources import ClientUser, SagApp
from lab.cloud.errors import CloudError
from lab.cloud.operation import operation


class EnterpriseCodeOperations(ClientUserOperations):
    @operation
    def create_enterprise_code(self, enterprise_code: str) -> EnterpriseCode:
        """Create a custom code (4.2). Raises EnterpriseCode.Invalid, EnterpriseCode.Exist for one that any account has."""
        code = parse_code(enterprise_code)
        if self._store.find(EnterpriseCode, code) is not None:
            raise CloudError("EnterpriseCode.Exist", f"the enterprise code '{code}' is taken, and codes are unique")
        origin = self._origin(code)
        created = EnterpriseCode(id=code, origin=origin, account=self._account, is_default=False, default_origin=origin)
        self._store.put(created)
        return created

    @operation
    def update_enterprise_code(self, enterprise_code: str, *, is_default: bool) -> None:
        """Set as Default (4.2): instances bought from now on get this code; those that there are keep theirs.

        What was the default becomes a custom code. Raises EnterpriseCode.Invalid, EnterpriseCode.NotExist, InvalidParameter for
        is_default=False: an account always has a default.
        """
        code = self._code(enterprise_code)
        if not is_default:
            raise CloudError("InvalidParameter", "a default is replaced by setting another code as default")
        before = default_code(self._store, self._account)
        if before.id == code.id:
            return
        self._store.put(replace(before, is_default=False, default_origin=self._origin(before.id)))
        self._store.put(replace(code, is_default=True, default_origin=self._origin(code.id)))

    @operation
    def update_smart_ag_enterprise_code(self, smart_ag_id: str, enterprise_code: str, *, create: bool = False) -> SagApp:
        """Change Enterprise Code (4.2) of an instance: to an existing code of the account, or, with `create`, to a new one.

        Its users log on with the new code from now on; who is logged on stays so.
        Raises InvalidId.SMARTAG, EnterpriseCode.Invalid, EnterpriseCode.NotExist, EnterpriseCode.Exist, ClientUser.UserExist when
        two accounts would have the same name and code.
        """
        instance = self._get(SagApp, smart_ag_id)
        code = self.create_enterprise_code(enterprise_code) if create else self._code(enterprise_code)
        changed = replace(instance, enterprise_code=code.id, code_origin=self._origin(smart_ag_id))
        for user in self._store.by(ClientUser, "smart_ag_id", smart_ag_id):
            if user.replica_of is None:
                self._check_name_and_code(changed, user.user_name)
        self._store.put(changed)
        return changed

    @operation
    def delete_enterprise_code(self, enterprise_code: str) -> None:
        """Delete a custom code that no instance has (4.2).

        Raises EnterpriseCode.Invalid, EnterpriseCode.NotExist, EnterpriseCode.DeleteLimit, EnterpriseCode.BeingUsed.
        """
        code = self._code(enterprise_code)
        if code.is_default:
            raise CloudError(
                "EnterpriseCode.DeleteLimit", f"'{code.id}' is the default enterprise code; set another one as the default first"
            )
        used = self._store.by(SagApp, "enterprise_code", code.id)
        if used:
            named = ", ".join(instance.id for instance in used)
            raise CloudError(
                "EnterpriseCode.BeingUsed", f"'{code.id}' is the enterprise code of {named}; change theirs to another one first"
            )
        self._store.delete(code)

    def list_enterprise_code(self) -> tuple[EnterpriseCode, ...]:
        """The codes of the account, the default among them."""
        return self._store.by(EnterpriseCode, "account", self._account)

    def _code(self, enterprise_code: str) -> EnterpriseCode:
        """Raises EnterpriseCode.Invalid, EnterpriseCode.NotExist."""
        code = self._store.find(EnterpriseCode, parse_code(enterprise_code))
        if code is None or code.account != self._account:
            raise CloudError(EnterpriseCode.NOT_FOUND, f"the account has no enterprise code '{enterprise_code}'; create it first")
        return code
