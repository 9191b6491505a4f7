"""What is handed out once and never again: identifiers, secrets, operation numbers, public addresses.

A cloud shares its supply with all its forks. So a script that makes some of its calls on a fork is given the same identifiers
as one that makes all of them on the original, and nothing that a fork was given is ever known to the original by accident.
"""

from __future__ import annotations

import hmac
import secrets
from ipaddress import IPv4Address

from lab.cloud.errors import CloudError
from lab.cloud.password import SALT_BYTES

DIGITS = "0123456789"
HEXADECIMAL = "0123456789abcdef"
LOWER_CASE = "0123456789abcdefghijklmnopqrstuvwxyz"
UPPER_CASE = LOWER_CASE.upper()
MIXED_CASE = LOWER_CASE + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Serial number and key as the document shows them, one star read as one character (S0-036).
SERIAL_PREFIX = "sag"
SERIAL_LENGTH = 23
KEY_LENGTH = 40

# Document "Smart Access Gateway APP", 4.1: five letters and digits. Ours are upper case (decision 0034).
ENTERPRISE_CODE_LENGTH = 5
# Our choice: 71 bits, and within the rule of the document (8 to 32 characters).
PASSWORD_LENGTH = 12
ONE_TIME_SECRET_LENGTH = 32  # bytes

# Our choice: both clouds give 17 characters behind the dash. The last 11 are enough to name a kernel interface.
ID_LENGTH = 17

# Blocks kept free for documentation and benchmarks (RFC 5737, RFC 2544). 198.51.100.0/24 is left to the points of presence.
PUBLIC_ADDRESSES = (
    (IPv4Address("203.0.113.10"), IPv4Address("203.0.113.254")),
    (IPv4Address("192.0.2.1"), IPv4Address("192.0.2.254")),
    (IPv4Address("198.18.0.1"), IPv4Address("198.19.255.254")),
)


class Supply:
    """A deterministic generator: HMAC-SHA256(seed, counter). Without a seed it is random. Nothing is taken back."""

    def __init__(self, seed: bytes | None = None) -> None:
        self._seed = secrets.token_bytes(32) if seed is None else seed
        self._drawn = 0
        self._operations = 0
        self._public = 0

    @property
    def position(self) -> tuple[int, int, int]:
        """How much has been handed out: identifiers and secrets, operation numbers, public addresses."""
        return self._drawn, self._operations, self._public

    def move_to(self, position: tuple[int, int, int]) -> None:
        """Skip what another supply of the same seed has handed out, so that both give the same from here on. Never goes back."""
        self._drawn, self._operations, self._public = map(max, self.position, position)

    def twin(self) -> Supply:
        """Another one that gives the same from here on."""
        twin = Supply(self._seed)
        twin.move_to(self.position)
        return twin

    def operation_number(self) -> int:
        """The place of a call in the journal, from 1."""
        self._operations += 1
        return self._operations

    def aws_id(self, prefix: str) -> str:
        """An identifier that looks like AWS's: "vpc-" and 17 hexadecimal digits."""
        return f"{prefix}-{self._draw(HEXADECIMAL, ID_LENGTH)}"

    def alibaba_id(self, prefix: str) -> str:
        """An identifier that looks like Alibaba Cloud's: "ccn-" and 17 lower-case letters and digits."""
        return f"{prefix}-{self._draw(LOWER_CASE, ID_LENGTH)}"

    def order_id(self) -> str:
        """15 digits, the first of them 2, as Alibaba Cloud numbers its orders."""
        return "2" + self._draw(DIGITS, 14)

    def serial_number(self) -> str:
        return SERIAL_PREFIX + self._draw(LOWER_CASE, SERIAL_LENGTH - len(SERIAL_PREFIX))

    def secret_key(self) -> str:
        return self._draw(MIXED_CASE, KEY_LENGTH)

    def enterprise_code(self) -> str:
        return self._draw(UPPER_CASE, ENTERPRISE_CODE_LENGTH)

    def password(self) -> str:
        return self._draw(MIXED_CASE, PASSWORD_LENGTH)

    def one_time_secret(self) -> bytes:
        return self._bytes()[:ONE_TIME_SECRET_LENGTH]

    def salt(self, number: int) -> bytes:
        """The salt of a password that the call of this number brings. Not drawn: the same whether or not it is needed."""
        return hmac.digest(self._seed, b"salt" + number.to_bytes(8, "big"), "sha256")[:SALT_BYTES]

    def public_address(self) -> IPv4Address:
        """The next public address. Raises InsufficientAddressCapacity when all are spent."""
        number = self._public
        for first, last in PUBLIC_ADDRESSES:
            if int(first) + number <= int(last):
                self._public += 1
                return first + number
            number -= int(last) - int(first) + 1
        raise CloudError(
            "InsufficientAddressCapacity",
            "the lab has handed out all its public addresses, and none is given twice; start a new lab",
        )

    def _draw(self, alphabet: str, length: int) -> str:
        """`length` characters. 256 bits hold 40 of 62 kinds; the bias of the remainder stays below 2⁻¹⁷."""
        number = int.from_bytes(self._bytes(), "big")
        characters = []
        for _ in range(length):
            number, rest = divmod(number, len(alphabet))
            characters.append(alphabet[rest])
        return "".join(characters)

    def _bytes(self) -> bytes:
        self._drawn += 1
        return hmac.digest(self._seed, self._drawn.to_bytes(8, "big"), "sha256")
