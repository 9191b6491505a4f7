"""A customer with an instance that is ready: bought, on a CCN, clients numbered from 192.168.10.0/24."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lab.cloud import Cloud, Mail
from tests.cloud.alibaba.app.world import PASSWORD, USER


@pytest.fixture
def w(cloud: Cloud) -> SimpleNamespace:
    """`app` is the instance, in mainland China like `ccn`; `mails` what was sent; `laptop` and `phone` are terminals.

    `user` makes an account, `log_on` and `connect` do what their names say.
    """
    mails: list[Mail] = []
    cloud.send_with(mails.append)
    alibaba = cloud.alibaba
    app = alibaba.create_smart_access_gateway_software("cn-shanghai", name="app-1").smart_ag_id
    ccn = alibaba.create_cloud_connect_network("ccn-1", "cn-shanghai").id
    alibaba.configure_smart_access_gateway_software_network(app, ccn_id=ccn, cidr_blocks=["192.168.10.0/24"])
    laptop = cloud.terminals.create_terminal("laptop")
    phone = cloud.terminals.create_terminal("phone", platform="iOS", os_version="15")

    def user(name: str = USER, smart_ag_id: str = app, **given: object):  # type: ignore[no-untyped-def]
        arguments = {"user_mail": "li.lei@example.com", "password": PASSWORD, **given}
        return alibaba.create_smart_access_gateway_client_user(smart_ag_id, user_name=name, **arguments)

    def log_on(terminal: str = laptop.id, **given: str):  # type: ignore[no-untyped-def]
        arguments = {"user_name": USER, "password": PASSWORD, "smart_ag_id": app, **given}
        return alibaba.log_on_app(terminal, **arguments)

    def connect(terminal: str = laptop.id, **given: str):  # type: ignore[no-untyped-def]
        return alibaba.connect_app(log_on(terminal, **given).id)

    return SimpleNamespace(
        cloud=cloud,
        alibaba=alibaba,
        clock=cloud.clock,
        mails=mails,
        app=app,
        ccn=ccn,
        laptop=laptop.id,
        phone=phone.id,
        user=user,
        log_on=log_on,
        connect=connect,
    )
