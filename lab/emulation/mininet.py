"""Mininet's Node, imported without the packaging tools.

Mininet compares versions of Open vSwitch with distutils, which Python dropped in 3.12 and setuptools stands in for, in earlier
Pythons too. All of setuptools takes longer to load than Mininet, and no node of ours is a switch: so a distutils that knows no
versions is put in its place while Mininet is loaded.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

_NAMES = ("distutils", "distutils.version")


def _import_node() -> Any:
    before = {name: sys.modules.get(name) for name in _NAMES}
    for name in _NAMES:
        sys.modules[name] = ModuleType(name)
    sys.modules["distutils.version"].StrictVersion = None  # type: ignore[attr-defined]  # it is imported by this name
    try:
        from mininet.node import Node
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    return Node


Node = _import_node()
