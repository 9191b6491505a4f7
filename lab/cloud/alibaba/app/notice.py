"""The mails to the owner of a client account (document, 1 procedure 3, 3.3, 6.1)."""

from __future__ import annotations

from lab.cloud.alibaba.app.resources import ClientUser, SagApp
from lab.cloud.mail import Mail

_ACCOUNT = """An account of the SAG app was created for you.

SAG instance ID: {smart_ag_id}
Enterprise code: {enterprise_code}
Username: {user_name}
Password: {password}

Download the app:
  Windows  Windows clients on the download page: the standalone version, Windows 7 SP1 and later
  Android  scan the QR code of the download page, Android 5.0 to 10.0
  macOS    "Aliyun Network Client" in the App Store, macOS 10.11.1 and later; read the usage notes first
  iOS      "Aliyun Network Client" in the App Store, iOS 12.0 and later; read the usage notes first

Then log on with the above, and click CONNECT.
"""

_RESET = """The administrator has reset the password of your account of the SAG app.

SAG instance ID: {smart_ag_id}
Username: {user_name}
Password: {password}
"""


def account_notice(user: ClientUser, instance: SagApp, password: str) -> Mail:
    """What a new account is told: all that the document's lists name together (decision 0034)."""
    return _mail("Your account of the SAG app", _ACCOUNT, user, instance, password)


def reset_notice(user: ClientUser, instance: SagApp, password: str) -> Mail:
    return _mail("Your new password of the SAG app", _RESET, user, instance, password)


def _mail(subject: str, text: str, user: ClientUser, instance: SagApp, password: str) -> Mail:
    return Mail(
        user.user_mail,
        subject,
        text.format(
            smart_ag_id=instance.id, enterprise_code=instance.enterprise_code, user_name=user.user_name, password=password
        ),
    )
