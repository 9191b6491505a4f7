"""What the kernel can do. Each feature is tried as a lab uses it; a version number or a module list proves nothing."""

from __future__ import annotations

import fcntl
import os
import platform
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from lab.doctor.check import Check
from lab.doctor.isolation import CannotDo, Outcome, command, try_isolated

# linux/if_tun.h
_TUN = "/dev/net/tun"
_TUNSETIFF, _TUNSETOFFLOAD = 0x400454CA, 0x400454D0
_IFF_TUN, _IFF_NO_PI, _IFF_VNET_HDR = 0x0001, 0x1000, 0x4000
_CSUM, _TSO4, _TSO6, _USO4, _USO6 = 0x01, 0x02, 0x04, 0x20, 0x40

# The forms that the gates and the address translation of a lab use.
_RULESET = """
table inet probe {
  set admitted { typeof ct id . iif; flags dynamic,timeout; timeout 1m; size 16; }
  counter dropped { }
  chain gate {
    ct state established,related ct id . iif @admitted return
    add @admitted { ct id . iif } return
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname vmap { "probe-a" : jump gate }
    ip saddr != { 10.0.0.1 } counter name "dropped" drop
  }
  chain prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    dnat ip to ip daddr map { 192.0.2.1 : 10.0.0.1 }
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    snat ip to ip saddr map { 10.0.0.1 : 192.0.2.1 }
  }
}
"""

# -n: without it mount(8) makes /run/mount where there is none, and leaves it.
_SANDBOX = "unshare --pid --fork --mount-proc setpriv --pdeathsig KILL mount -n -t tmpfs tmpfs /dev/shm"
# What strongSwan asks of a kernel that is to do ESP itself: AES-GCM (RFC 4106) in UDP (RFC 3948). The key is of zeros.
_ESP = (
    "ip xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 256 mode tunnel"
    f" aead rfc4106(gcm(aes)) 0x{'00' * 20} 128 encap espinudp 4500 4500 0.0.0.0"
)
_ESP_IN_KERNEL = "IPsec ESP in the kernel"
_MODULE = "a kernel that has it: Debian's and Ubuntu's own do; in a container, load it on the host"


@dataclass(frozen=True, slots=True)
class _Feature:
    name: str
    probe: Callable[[], str]
    remedy: str
    required: bool = False


def features(*, required_only: bool = False) -> list[Check]:
    """One check for each feature. Without root nothing is tried, and each check says so."""
    return _try([feature for feature in _FEATURES if feature.required or not required_only])


def esp_in_kernel() -> Check:
    """Whether the kernel does ESP itself."""
    (check,) = _try([feature for feature in _FEATURES if feature.name == _ESP_IN_KERNEL])
    return check


def _try(wanted: Sequence[_Feature]) -> list[Check]:
    if os.geteuid() == 0:
        outcomes = try_isolated([feature.probe for feature in wanted])
    else:
        outcomes = [Outcome(False, "not tried: needs root")] * len(wanted)
    return [
        Check(feature.name, outcome.ok, feature.required, outcome.found, feature.remedy)
        for feature, outcome in zip(wanted, outcomes, strict=True)
    ]


@contextmanager
def _tun(flags: int) -> Iterator[int]:
    try:
        device = os.open(_TUN, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise CannotDo(f"{_TUN}: {error.strerror}") from None
    try:
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"probe%d", _IFF_TUN | _IFF_NO_PI | flags))
        yield device
    except OSError as error:
        raise CannotDo(f"{_TUN} opens, but not as asked: {error.strerror}") from None
    finally:
        os.close(device)


def _tun_opens() -> str:
    with _tun(0):
        return "works"


def _tun_segments_udp() -> str:
    with _tun(_IFF_VNET_HDR) as device:
        try:
            fcntl.ioctl(device, _TUNSETOFFLOAD, _CSUM | _TSO4 | _TSO6 | _USO4 | _USO6)
        except OSError as error:
            raise CannotDo(f"Linux {platform.release()}: {error.strerror}") from None
    return "works"


def _runs(line: str, text: str = "") -> Callable[[], str]:
    return lambda: command(line.split(), text)


_FEATURES = (
    _Feature("network namespaces", lambda: "works", "run as root, in a virtual machine or a privileged container", True),
    _Feature("process and mount namespaces", _runs(_SANDBOX), "use a virtual machine, or a privileged container", True),
    _Feature("TUN device", _tun_opens, "modprobe tun; in a container, give it /dev/net/tun", True),
    _Feature("veth", _runs("ip link add probe-a type veth peer name probe-b"), f"modprobe veth; or {_MODULE}", True),
    _Feature("nftables, nat, ct", _runs("nft -f -", _RULESET), f"modprobe -a nf_tables nft_ct nft_nat; or {_MODULE}", True),
    _Feature("policy routing", _runs("ip rule add iif lo lookup 1000"), _MODULE, True),
    _Feature("netem (delay, jitter)", _runs("tc qdisc replace dev lo root netem delay 1ms"), f"modprobe sch_netem; or {_MODULE}"),
    _Feature("htb (rates)", _runs("tc qdisc replace dev lo root htb"), f"modprobe sch_htb; or {_MODULE}"),
    _Feature(
        "tbf (rates)",
        _runs("tc qdisc replace dev lo root tbf rate 1mbit burst 10kb latency 10ms"),
        f"modprobe sch_tbf; or {_MODULE}",
    ),
    _Feature("ifb", _runs("ip link add probe-c type ifb"), f"modprobe ifb; or {_MODULE}"),
    _Feature("vxlan", _runs("ip link add probe-d type vxlan id 1 dstport 4789"), f"modprobe vxlan; or {_MODULE}"),
    _Feature(_ESP_IN_KERNEL, _runs(_ESP), f"modprobe esp4; or {_MODULE}; only tests of interoperability use it"),
    _Feature("UDP segments through TUN (USO)", _tun_segments_udp, "Linux 6.2 or newer; tunnels carry UDP more slowly without"),
)
