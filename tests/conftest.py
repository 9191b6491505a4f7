"""What every test may rely on: those that build networks run as root, or say why they do not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import settings

# Machines are noisy: how long an example takes says nothing about the code.
settings.register_profile("saglab", deadline=None)
settings.load_profile("saglab")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is marked `emulation` where there is no root: namespaces, TUN devices and nftables need it."""
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("emulation") is not None:
            item.add_marker(pytest.mark.skip(reason="network namespaces need root"))


@pytest.fixture(scope="session")
def nobody_may_read() -> None:
    """Skip a test that goes on as user 65534 where that user may not even enter the checkout's folder."""
    reader = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "test", "-r", str(Path(__file__))]
    if subprocess.run(reader, check=False).returncode != 0:
        pytest.skip("user 65534 may not read this checkout")
