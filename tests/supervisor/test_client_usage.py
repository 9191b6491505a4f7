"""What points of presence count, on its way to the clouds: told before each call, once, and kept with the lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataplane.meters import Reading
from lab.meters import grown
from lab.session import Lab
from lab.supervisor.keeping import Keeping
from lab.supervisor.simulated import SimulationBackend
from tests.compiler.app_cloud import AppCloud, app_cloud


class Counting(SimulationBackend):
    """Shows what a test wants the meters to show."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[str, Reading] = {}

    def meters(self) -> dict[str, Reading]:
        return self.shown


@pytest.fixture
def w() -> AppCloud:
    return app_cloud()


def user_of(w: AppCloud) -> str:
    return w.session.client_user_id


def shows(received: int, sent: int) -> Reading:
    return Reading(received_packets=1, received_bytes=received, sent_packets=1, sent_bytes=sent)


def test_only_what_is_new_is_reported(w: AppCloud) -> None:
    shown = {user_of(w): shows(10, 20), "an account that was deleted": shows(1, 1)}
    (reading,) = grown(w.cloud, shown)
    assert (reading.client_user_id, reading.rx_bytes, reading.tx_bytes) == (user_of(w), 10, 20)
    w.cloud.alibaba.report_client_usage((reading,))
    assert grown(w.cloud, shown) == ()


def test_each_call_of_a_script_is_made_with_what_was_counted_before_it() -> None:
    backend = Counting()
    lab = Lab(backend=backend)
    app = lab.alibaba.create_smart_access_gateway_software("cn-shanghai", name="staff").smart_ag_id
    lab.alibaba.quick_configure_smart_access_gateway_software(app, cidr_blocks=["192.168.10.0/24"], ccn_name="staff-ccn")
    user = lab.alibaba.create_smart_access_gateway_client_user(app, user_mail="li@example.com")
    user_id = lab.alibaba.describe_smart_access_gateway_client_users(app)[0].id
    assert user is not None
    for received, sent in ((5, 6), (7, 6)):
        backend.shown = {user_id: shows(received, sent)}
        (flow,) = lab.alibaba.describe_user_flow_statistics(app)
        assert (flow.rx_bytes, flow.tx_bytes) == (received, sent)


@pytest.mark.requirement("S2-018")
def test_what_was_counted_before_the_month_turned_is_the_old_months() -> None:
    backend = Counting()
    lab = Lab(backend=backend)
    app = lab.alibaba.create_smart_access_gateway_software("cn-shanghai", name="staff").smart_ag_id
    lab.alibaba.quick_configure_smart_access_gateway_software(app, cidr_blocks=["192.168.10.0/24"], ccn_name="staff-ccn")
    lab.alibaba.create_smart_access_gateway_client_user(app, user_mail="li@example.com")
    user_id = lab.alibaba.describe_smart_access_gateway_client_users(app)[0].id
    backend.shown = {user_id: shows(100, 0)}
    lab.clock.move_forward(months=1)
    backend.shown = {user_id: shows(130, 0)}
    months = [lab.alibaba.describe_user_flow_statistics(app, month)[0].rx_bytes for month in ("202601", "202602")]
    assert months == [100, 30]


def test_meters_stay_with_a_lab_and_go_with_it(tmp_path: Path) -> None:
    directory = tmp_path / "lab"
    keeping, lab = Keeping(directory), Lab()
    keeping.begin("x", (), lab.clouds.seed, lab.cloud)
    (directory / "meters" / "ccn-1.meters").touch()
    keeping.close()
    keeping = Keeping(directory)
    assert (directory / "meters" / "ccn-1.meters").exists()
    keeping.begin("y", (), lab.clouds.seed, Lab().cloud)
    assert list((directory / "meters").iterdir()) == []
    keeping.close(forget=True)
    assert not directory.exists()
