"""What every test may rely on: those that build networks run as root, or say why they do not."""

from __future__ import annotations

import os

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked `emulation` where there is no root: namespaces, TUN devices and nftables need it."""
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("emulation") is not None:
            item.add_marker(pytest.mark.skip(reason="network namespaces need root"))
