"""Enterprise codes say whose account a name is.

      account main                                 account partner
      default code ── headquarters (Shanghai)      its own default code ── theirs (Shanghai)
      LAB01 ───────── branch (Beijing)
                      both have a wang.wei                                 so has theirs

Replays "Smart Access Gateway APP", chapter 4: default and custom codes, another default, another code of an instance, which names
may be there twice, and how a code goes. You see whose account the app logs on to, and what is refused. It needs no packet.
"""

from __future__ import annotations

from lab import Finds, Lab, Refused, Shows, main

SHANGHAI, BEIJING, SINGAPORE = "cn-shanghai", "cn-beijing", "ap-southeast-1"
USER, PASSWORD = "wang.wei", "off-site@2022"
MAIL = "wang.wei@example.com"
NO_LOG_ON = Shows("laptop", "App.LogOnFailed")


def run(lab: Lab) -> None:
    alibaba, partner = lab.alibaba, lab.alibaba_as("partner/")
    laptop = lab.terminals.create_terminal("laptop", platform="macOS", os_version="12")

    def log_on(code: str, shown: str) -> None:
        """Enter a code, the name and the password in the app, and expect it to show this."""
        lab.app(laptop).log_on(enterprise_code=code, user_name=USER, password=PASSWORD)
        (lab.expect_refused if shown.startswith("App.") else lab.expect_message)(laptop, shown)

    def default() -> str:
        return next(code.id for code in alibaba.list_enterprise_code() if code.is_default)

    with lab.step(
        "4.1.1",
        "An account has a default code, and an instance that is bought has it, too",
        without=[
            NO_LOG_ON,
            Refused("4.2.3", "App.LogOnFailed"),
            Refused("4.2.4", "App.LogOnFailed"),
            Refused("4.2.4", "InvalidId.SMARTAG"),
        ],
    ):
        former = default()
        headquarters = alibaba.create_smart_access_gateway_software(SHANGHAI, name="headquarters")
        bought = headquarters.instance
        lab.expect("headquarters has the default code", True, bought is not None and bought.enterprise_code == former)
        alibaba.create_smart_access_gateway_client_user(
            headquarters.smart_ag_id, user_mail=MAIL, user_name=USER, password=PASSWORD
        )
        log_on(former, "Logged on")

    with lab.step(
        "4.1.2",
        "One area, one code: a name is there once",
        without=[NO_LOG_ON, Refused("4.2.2", "InvalidId.SMARTAG"), Refused("4.2.2", "App.LogOnFailed")],
    ):
        branch = alibaba.create_smart_access_gateway_software(BEIJING, name="branch").smart_ag_id
        create = alibaba.create_smart_access_gateway_client_user
        with lab.expect_refusal("ClientUser.UserExist", "the same name with the same code"):
            create(branch, user_mail=MAIL, user_name=USER, password=PASSWORD)

    with lab.step(
        "4.2.1",
        "Create a custom code, and no other that is none, or taken",
        without=[
            NO_LOG_ON,
            Finds("who logged on with LAB01 is at the branch", "False"),
            Finds("instance bought later has LAB01", "False"),
            *(Refused("4.2.2", code) for code in ("EnterpriseCode.NotExist", "ClientUser.UserExist", "App.LogOnFailed")),
            Refused("4.2.3", "EnterpriseCode.NotExist"),
            Refused("4.2.4", "EnterpriseCode.DeleteLimit"),
        ],
    ):
        for code, text in (("EnterpriseCode.Invalid", "LAB-1"), ("EnterpriseCode.Exist", former)):
            with lab.expect_refusal(code, f"to create {'the default code again' if text == former else text}"):
                alibaba.create_enterprise_code(text)
        alibaba.create_enterprise_code("lab01")

    with lab.step(
        "4.2.2",
        "Change the branch's code: now its users may have the same names, and say their code",
        without=[Refused("4.2.4", "EnterpriseCode.BeingUsed")],
    ):
        alibaba.update_smart_ag_enterprise_code(branch, "LAB01")
        create(branch, user_mail=MAIL, user_name=USER, password=PASSWORD)
        log_on("LAB01", "Logged on")
        lab.expect("who logged on with LAB01 is at the branch", True, bool(alibaba.describe_user_online_clients(branch)))
        log_on("", "App.EnterpriseCodeNeeded")
        with lab.expect_refusal("ClientUser.UserExist", "the branch gets the code of headquarters back"):
            alibaba.update_smart_ag_enterprise_code(branch, former)

    with lab.step(
        "4.1.3",
        "Another area has a name by roaming only, another customer has its own codes",
        without=[Refused("4.2.4", "InvalidId.SMARTAG")],
    ):
        abroad = alibaba.create_smart_access_gateway_software(SINGAPORE, name="abroad").smart_ag_id
        with lab.expect_refusal("ClientUser.UserExist", "the same name in another area"):
            create(abroad, user_mail=MAIL, user_name=USER, password=PASSWORD)
        alibaba.create_account("partner")
        theirs = partner.create_smart_access_gateway_software(SHANGHAI).smart_ag_id
        partner.create_smart_access_gateway_client_user(theirs, user_mail=MAIL, user_name=USER, password=PASSWORD)
        with lab.expect_refusal("EnterpriseCode.Exist", "another customer creates LAB01"):
            partner.create_enterprise_code("LAB01")
        with lab.expect_refusal("EnterpriseCode.NotExist", "another customer's instance gets LAB01"):
            partner.update_smart_ag_enterprise_code(theirs, "LAB01")

    with lab.step(
        "4.2.3",
        "Set LAB01 as default: instances bought from now on have it, those there are keep theirs",
        without=[Refused("4.2.4", "EnterpriseCode.DeleteLimit")],
    ):
        with lab.expect_refusal("EnterpriseCode.DeleteLimit", "to delete the default code"):
            alibaba.delete_enterprise_code(former)
        alibaba.update_enterprise_code("LAB01", is_default=True)
        later = alibaba.create_smart_access_gateway_software(SINGAPORE, name="later").instance
        lab.expect("instance bought later has LAB01", True, later is not None and later.enterprise_code == "LAB01")
        log_on(former, "Logged on")

    with lab.step("4.2.4", "Delete the former default: not before the last instance has another code"):
        for name, smart_ag_id in (("headquarters", headquarters.smart_ag_id), ("abroad", abroad)):
            with lab.expect_refusal("EnterpriseCode.BeingUsed", f"to delete a code that {name} has"):
                alibaba.delete_enterprise_code(former)
            alibaba.update_smart_ag_enterprise_code(smart_ag_id, f"NEW{name[:2]}", create=True)
        alibaba.delete_enterprise_code(former)
        log_on(former, "App.LogOnFailed")
        log_on("NEWHE", "Logged on")


if __name__ == "__main__":
    main()
