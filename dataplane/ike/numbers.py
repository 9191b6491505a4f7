"""The numbers of IKEv2, from IANA's registry "Internet Key Exchange Version 2 (IKEv2) Parameters" and RFC 7296 §3."""

from __future__ import annotations

from enum import IntEnum, IntFlag

IKE_PORT = 500  # RFC 7296 §2
NAT_PORT = 4500  # RFC 7296 §2.23, RFC 3948
NON_ESP_MARKER = bytes(4)  # RFC 3948 §2.2
VERSION = 0x20  # major 2, minor 0

ANY_PROTOCOL = 0  # of a traffic selector
IPV4_RANGE = 7  # TS_IPV4_ADDR_RANGE
PRE_SHARED_KEY = 2  # authentication method "Shared Key Message Integrity Code"
KEY_LENGTH_ATTRIBUTE = 14  # RFC 7296 §3.3.5, in bits
FIRST_STATUS = 16384  # notifications below are errors: RFC 7296 §3.10.1


class Exchange(IntEnum):
    IKE_SA_INIT = 34
    IKE_AUTH = 35
    CREATE_CHILD_SA = 36
    INFORMATIONAL = 37


class Flag(IntFlag):
    INITIATOR = 0x08  # the sender initiated the IKE SA
    VERSION = 0x10  # the sender could speak a higher major version
    RESPONSE = 0x20


class PayloadType(IntEnum):
    NONE = 0
    SA = 33
    KE = 34
    ID_INITIATOR = 35
    ID_RESPONDER = 36
    CERT = 37
    CERTREQ = 38
    AUTH = 39
    NONCE = 40
    NOTIFY = 41
    DELETE = 42
    VENDOR_ID = 43
    TS_INITIATOR = 44
    TS_RESPONDER = 45
    SEALED = 46
    CONFIGURATION = 47
    EAP = 48


class Protocol(IntEnum):
    NONE = 0
    IKE = 1
    AH = 2
    ESP = 3


class TransformType(IntEnum):
    ENCRYPTION = 1
    PRF = 2
    INTEGRITY = 3
    GROUP = 4
    ESN = 5  # extended sequence numbers


class IdKind(IntEnum):
    IPV4_ADDR = 1
    FQDN = 2
    RFC822_ADDR = 3
    IPV6_ADDR = 5
    KEY_ID = 11


class CfgType(IntEnum):
    REQUEST = 1
    REPLY = 2
    SET = 3
    ACK = 4


class CfgAttribute(IntEnum):
    INTERNAL_IP4_ADDRESS = 1
    INTERNAL_IP4_NETMASK = 2
    INTERNAL_IP4_DNS = 3


class Notice(IntEnum):
    """Types of notification."""

    UNSUPPORTED_CRITICAL_PAYLOAD = 1
    INVALID_IKE_SPI = 4
    INVALID_MAJOR_VERSION = 5
    INVALID_SYNTAX = 7
    INVALID_MESSAGE_ID = 9
    INVALID_SPI = 11
    NO_PROPOSAL_CHOSEN = 14
    INVALID_KE_PAYLOAD = 17
    AUTHENTICATION_FAILED = 24
    SINGLE_PAIR_REQUIRED = 34
    NO_ADDITIONAL_SAS = 35
    INTERNAL_ADDRESS_FAILURE = 36
    FAILED_CP_REQUIRED = 37
    TS_UNACCEPTABLE = 38
    INVALID_SELECTORS = 39
    TEMPORARY_FAILURE = 43
    CHILD_SA_NOT_FOUND = 44
    INITIAL_CONTACT = 16384
    NAT_DETECTION_SOURCE_IP = 16388
    NAT_DETECTION_DESTINATION_IP = 16389
    COOKIE = 16390
    REKEY_SA = 16393
    ESP_TFC_PADDING_NOT_SUPPORTED = 16394
