"""The life of client accounts: created, mailed to, changed, disabled, deleted.

      administrator ── console ── staff, 5 accounts ── 192.168.10.0/24
                                      │
      laptop ── internet ── log on ───┘        li.lei@example.com ◀── mail

Replays "Smart Access Gateway APP", 3.1 to 3.3, 3.9 and chapter 6, and of what the document forbids the most telling. You see
what each call is answered, which mails come, and what the app on the laptop is told. It needs no packet; with a network the app
logs on over TLS.
"""

from __future__ import annotations

from lab import Effect, Finds, Lab, Refused, Shows, main

SHANGHAI = "cn-shanghai"  # Mainland China
BLOCK = "192.168.10.0/24"
LI_LEI, HAN = "li.lei@example.com", "han.mm@example.com"
USER = "li.lei.01"
PASSWORD, NEW = "off-site@2022", "on.site@2022"  # of an example

# Without the account of Li Lei nobody logs on with it, nothing is mailed, and what is to be changed does not exist.
NO_LOG_ON: list[Effect] = [Shows("laptop", "App.LogOnFailed"), *(Refused(step, "App.LogOnFailed") for step in ("5.2", "6.1"))]
CHANGES = ("3.3.5", "6.1", "6.2", "3.9.1", "3.9.2")
NO_LI_LEI = [*NO_LOG_ON, Finds(f"mail to {LI_LEI}", "0"), *(Refused(step, "ClientUser.NotExist") for step in CHANGES)]
NO_INSTANCE = [
    *NO_LOG_ON,
    *(Finds(f"mail to {address}", "0") for address in (LI_LEI, HAN)),
    *(Refused(step, "InvalidId.SMARTAG") for step in ("3.2", "3.3.1", "3.3.2", "3.3.4", "3.6", "3.7", "3.8", *CHANGES)),
    Refused("3.6", "InvalidOrderId.NotFound"),
]


def run(lab: Lab) -> None:
    alibaba = lab.alibaba
    laptop = lab.terminals.create_terminal("laptop", platform="Windows", os_version="11")

    def log_on(user_name: str, password: str, shown: str) -> None:
        """Enter these in the app, and expect it to show this."""
        lab.app(laptop).log_on(smart_ag_id=staff, user_name=user_name, password=password)
        (lab.expect_refused if shown.startswith("App.") else lab.expect_message)(laptop, shown)

    with lab.step("3.1", "Purchase an SAG app instance: five accounts, one month", without=NO_INSTANCE):
        staff = alibaba.create_smart_access_gateway_software(SHANGHAI, name="staff", user_count=5).smart_ag_id

    with lab.step(
        "3.2",
        "Network Configuration: a new CCN, a private CIDR block",
        without=[*NO_LI_LEI, *(Refused(step, "ClientUser.InvalidClientIp") for step in ("3.3.1", "3.9.2"))],
    ):
        alibaba.configure_smart_access_gateway_software_network(staff, ccn_name="staff-ccn", cidr_blocks=[BLOCK])

    with lab.step("3.3.1", "Create a client account: name, static IP, 500 Kbit/s, password", without=NO_LI_LEI):
        alibaba.create_smart_access_gateway_client_user(
            staff, user_mail=LI_LEI, user_name=USER, client_ip="192.168.10.7", bandwidth=500, password=PASSWORD
        )
        lab.expect_mail(LI_LEI, staff, USER, PASSWORD, "Download the app")

    with lab.step(
        "3.3.2",
        "Create another one of nothing but an email address: the mail says with which password",
        without=[Shows("laptop", "App.LogOnFailed"), Refused("3.9.2", "ClientUser.NotExist")],
    ):
        alibaba.create_smart_access_gateway_client_user(staff, user_mail=HAN)
        generated = _password(lab.expect_mail(HAN, staff, HAN).text)

    with lab.step("3.3.3", "What the form does not take"):
        create = alibaba.create_smart_access_gateway_client_user
        for code, what, form in (
            ("ClientUser.UserExist", "the same name again", {"user_name": USER}),
            ("ClientUser.EmailInvalid", "no at sign", {"user_mail": "li.lei"}),
            ("ClientUser.NameInvalid", "six characters", {"user_name": "li.lei"}),
            ("ClientUser.PasswordInvalid", "a password that begins with @", {"password": "@2022.offsite"}),
            ("ClientUser.InvalidClientIp", "an address outside the block", {"client_ip": "192.168.11.7"}),
            ("ClientUser.InvalidClientIp", "an address that is another account's", {"client_ip": "192.168.10.7"}),
            ("ClientUser.BandwidthInvalid", "20,001 Kbit/s", {"bandwidth": 20_001}),
            ("AccelerationPlan.NotAssociated", "acceleration without a plan", {"acceleration_bandwidth": 100}),
        ):
            with lab.expect_refusal(code, what):
                create(staff, **{"user_mail": LI_LEI, "user_name": "li.lei.02", **form})  # type: ignore[arg-type]

    with lab.step("3.3.4", "Five are five"):
        for number in (3, 4, 5):
            create(staff, user_mail=f"staff-{number}@example.com")
        with lab.expect_refusal("ClientUser.UserOverLimit", "a sixth account of five"):
            create(staff, user_mail="staff-6@example.com")

    with lab.step("3.8", "Upgrade: more accounts at once", without=[Finds("accounts now, and later", "5, 20")]):
        with lab.expect_refusal("InvalidParameter", "to upgrade to as many as there are"):
            alibaba.upgrade_smart_access_gateway_software(staff, 5)
        alibaba.upgrade_smart_access_gateway_software(staff, 10)
        create(staff, user_mail="staff-6@example.com")

    with lab.step("3.6", "Renew: the Terms of Service come first"):
        order = alibaba.renew_smart_access_gateway_software(staff, 1, auto_pay=False).order_id
        with lab.expect_refusal("AgreementNotAccepted", "to pay without accepting them"):
            alibaba.pay_smart_access_gateway_software_order(order, accept_terms=False)
        alibaba.pay_smart_access_gateway_software_order(order, accept_terms=True)

    with lab.step("3.7", "Renew and change: another number of accounts, from the renewed month on"):
        with lab.expect_refusal("InvalidParameter", "to renew for 12 accounts, no multiple of five"):
            alibaba.renew_smart_access_gateway_software(staff, 1, user_count=12)
        renewed = alibaba.renew_smart_access_gateway_software(staff, 1, user_count=20).instance
        lab.expect("accounts now, and later", "10, 20", f"{renewed.user_count}, {renewed.next_user_count}" if renewed else "none")

    with lab.step("3.3.5", "Application acceleration: a plan for the instance, a maximum for the account"):
        plan = alibaba.create_acceleration_plan(SHANGHAI)
        alibaba.associate_acceleration_plan(plan.id, staff, user_name=USER, bandwidth=300)

    with lab.step("5.2", "Log on with what came by mail; a wrong password and a wrong name are told the same"):
        log_on(HAN, generated, "Logged on")
        log_on(USER, generated, "App.LogOnFailed")
        log_on("nobody.there", PASSWORD, "App.LogOnFailed")
        log_on(USER, PASSWORD, "Logged on")

    with lab.step("6.1", "Reset Password: the old one is no good any more"):
        alibaba.reset_smart_access_gateway_client_user_password(staff, USER, NEW)
        lab.expect_mail(LI_LEI, NEW)
        log_on(USER, PASSWORD, "App.LogOnFailed")
        log_on(USER, NEW, "Logged on")

    with lab.step("6.2", "Modify the maximum bandwidth; more than 20,000 Kbit/s takes a ticket"):
        modify = alibaba.modify_smart_access_gateway_client_user
        with lab.expect_refusal("ClientUser.BandwidthInvalid", "50,000 Kbit/s without a ticket"):
            modify(staff, USER, bandwidth=50_000)
        alibaba.raise_client_user_bandwidth_quota(staff, USER, 50_000)
        lab.expect("maximum bandwidth with a ticket", 50_000, modify(staff, USER, bandwidth=50_000).bandwidth)

        with lab.expect_refusal("Forbidden", "an end user modifies the own bandwidth"):
            lab.alibaba_as(USER).modify_smart_access_gateway_client_user(staff, USER, bandwidth=1)

    with lab.step("3.9.1", "Disable the account: who is logged on is so no longer"):
        alibaba.disable_smart_access_gateway_user(staff, USER)
        lab.expect_message(laptop, "Logged off")
        log_on(USER, NEW, "App.AccountDisabled")

    with lab.step("3.9.2", "Remove the account: its static address is idle"):
        alibaba.delete_smart_access_gateway_client_user(staff, USER)
        log_on(USER, NEW, "App.LogOnFailed")
        alibaba.modify_smart_access_gateway_client_user(staff, HAN, client_ip="192.168.10.7")


def _password(text: str) -> str:
    """The password that a mail tells; empty when it tells none."""
    return next((line.removeprefix("Password: ") for line in text.splitlines() if line.startswith("Password: ")), "")


if __name__ == "__main__":
    main()
