"""Operations, journal, forks: what holds for every call of both providers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest

from lab.cloud import Cloud, CloudError
from lab.cloud.alibaba import Alibaba
from lab.cloud.alibaba.resources import Cen, CloudConnectNetwork
from lab.cloud.aws import Aws, Vpc
from lab.cloud.operation import Provider, operation
from lab.origin import Origin

SEED = b"x"


def script(record: Callable[[str, Callable[[Cloud], object]], object]) -> None:
    """Some calls of both providers. `record` makes each and says on which cloud."""
    vpc = record("first", lambda c: c.aws.create_vpc("10.0.0.0/16"))
    record("left out", lambda c: c.alibaba.create_cen("cen-1"))
    record("left out", lambda c: c.aws.allocate_address())
    record("last", lambda c: c.aws.create_subnet(vpc.id, "10.0.1.0/24"))  # type: ignore[attr-defined]
    record("last", lambda c: c.aws.allocate_address())


def test_a_call_is_journalled_with_number_parameters_and_what_it_touched() -> None:
    cloud = Cloud(SEED)
    vpc = cloud.aws.create_vpc("10.0.0.0/16", name="main")
    entry = cloud.journal[1]
    assert (entry.number, entry.call, entry.error, entry.result_id) == (1, "aws.create_vpc", None, vpc.id)
    assert entry.parameters == {"cidr_block": "10.0.0.0/16", "name": "main"}
    assert set(entry.touched) == {
        vpc.id,
        vpc.main_route_table_id,
        vpc.default_security_group_id,
        vpc.default_network_acl_id,
    }


def test_everything_an_operation_makes_bears_it_as_origin() -> None:
    cloud = Cloud(SEED)
    vpc = cloud.aws.create_vpc("10.0.0.0/16")
    cloud.aws.authorize_security_group_ingress(vpc.default_security_group_id, ip_protocol="icmp", cidr_ip="0.0.0.0/0")
    group = cloud.aws.describe_security_groups(vpc.id)[0]
    assert vpc.origin == Origin(vpc.id, "aws.create_vpc", 1)
    assert group.origin == Origin(group.id, "aws.create_vpc", 1)
    assert group.ingress[-1].origin == Origin(group.id, "aws.authorize_security_group_ingress", 2)


def test_a_refused_call_keeps_its_number_and_gives_no_identifier_back(refused) -> None:
    cloud, undisturbed = Cloud(SEED), Cloud(SEED)
    refused(cloud, lambda: cloud.aws.create_subnet("vpc-0", "10.0.0.0/24"), "InvalidVpcID.NotFound")
    assert cloud.aws.create_vpc("10.0.0.0/16").origin.number == 2
    assert undisturbed.aws.create_vpc("10.0.0.0/16").origin.number == 1


def test_a_refusal_says_code_and_message() -> None:
    with pytest.raises(CloudError) as caught:
        Cloud(SEED).alibaba.delete_cloud_connect_network("ccn-0")
    assert re.fullmatch(r"InvalidId\.CCN: the CCN instance 'ccn-0' does not exist; .+", str(caught.value))


class Nesting(Provider):
    """Two public calls, one of which makes the other and may then fail."""

    PROVIDER: ClassVar[str] = "test"

    @operation
    def inner(self, name: str) -> None:
        self._store.put(Cen(id=name, origin=self._origin(name), name=name, protection_level="REDUCED"))

    @operation
    def outer(self, names: str, error: Exception | None = None) -> None:
        for name in names:
            self.inner(name)
        if error is not None:
            raise error


def nesting(cloud: Cloud) -> Nesting:
    return Nesting(cloud.aws._state)


def test_a_call_made_by_a_call_belongs_to_the_outer_one() -> None:
    cloud = Cloud(SEED)
    nesting(cloud).outer("ab")
    assert [(entry.call, entry.touched) for entry in cloud.journal] == [("test.outer", ("a", "b"))]
    assert {cen.origin.operation for cen in cloud.store.all(Cen)} == {"test.outer"}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(CloudError("Code", "message"), "Code", id="refused"),
        pytest.param(ZeroDivisionError(), "ZeroDivisionError", id="a defect of ours"),
    ],
)
def test_a_call_that_fails_late_undoes_everything_and_the_next_one_works(error, code) -> None:
    cloud = Cloud(SEED)
    with pytest.raises(type(error)):
        nesting(cloud).outer("ab", error)
    assert cloud.store.all(Cen) == ()
    assert [(entry.error, entry.touched) for entry in cloud.journal] == [(code, ())]
    nesting(cloud).outer("c")
    assert [cen.id for cen in cloud.store.all(Cen)] == ["c"]


def test_a_call_with_arguments_it_does_not_take_is_no_call() -> None:
    cloud = Cloud(SEED)
    with pytest.raises(TypeError):
        cloud.aws.create_vpc(cidr="10.0.0.0/16")  # type: ignore[call-arg]
    assert len(cloud.journal) == 0
    assert cloud.aws.create_vpc("10.0.0.0/16").origin.number == 1


def test_the_same_seed_gives_the_same_state() -> None:
    def run() -> tuple[object, ...]:
        cloud = Cloud(SEED)
        script(lambda _, call: call(cloud))
        return cloud.store.everything()

    assert run() == run()


def test_calls_left_out_are_unknown_to_the_original_and_shift_nothing() -> None:
    whole, part = Cloud(SEED), Cloud(SEED)
    results: list[object] = []
    script(lambda _, call: results.append(call(whole)) or results[-1])
    shadow: list[object] = []

    def leave_out(step: str, call: Callable[[Cloud], object]) -> object:
        shadow.append(call(part.fork() if step == "left out" else part))
        return shadow[-1]

    script(leave_out)
    assert shadow == results
    assert part.store.all(Cen) == ()
    assert len(part.aws.describe_addresses()) == 1
    with pytest.raises(CloudError, match="ParameterCenInstanceId"):
        part.alibaba.delete_cen(results[1].id)  # type: ignore[attr-defined]


def test_a_fork_and_its_original_go_their_own_ways() -> None:
    cloud = Cloud(SEED)
    ccn = cloud.alibaba.create_cloud_connect_network("kept").id
    fork = cloud.fork()
    fork.alibaba.delete_cloud_connect_network(ccn)
    mine, its = cloud.aws.create_vpc("10.0.0.0/16"), fork.aws.create_vpc("10.0.0.0/16")
    assert mine.id != its.id
    assert cloud.aws.describe_vpcs() == (mine,)
    assert fork.aws.describe_vpcs() == (its,)
    assert cloud.store.find(CloudConnectNetwork, ccn) is not None
    assert [entry.number for entry in cloud.journal] == [1, 3]
    assert [entry.number for entry in fork.journal] == [1, 2, 4]


def test_cidr_blocks_may_be_given_as_objects() -> None:
    vpc = Cloud(SEED).aws.create_vpc(IPv4Network("10.0.0.0/16"))
    assert vpc.cidr_block == IPv4Network("10.0.0.0/16")
    assert isinstance(vpc, Vpc)


def test_outside_an_operation_nothing_has_an_origin() -> None:
    with pytest.raises(RuntimeError, match="vpc-1 has no origin"):
        Cloud(SEED).aws._origin("vpc-1")


@pytest.mark.parametrize("provider", [Aws, Alibaba], ids=["aws", "alibaba"])
def test_every_code_a_docstring_names_is_one_that_the_package_raises(provider) -> None:
    """A code in a docstring that is nowhere else in the package's source is a promise without a refusal."""
    package = inspect.getmodule(provider)
    assert package is not None
    source = "".join(path.read_text() for path in _sources(package))
    literals = set(re.findall(r'"([A-Z][A-Za-z]*(?:\.[A-Za-z]+)*)"', source))
    literals |= {f"Invalid{side}{rest}" for side in ("Source", "Dest") for rest in ("CidrIp.Malformed", "GroupId.NotFound")}
    named = {
        code
        for _, method in inspect.getmembers(provider, inspect.isfunction)
        for sentence in re.findall(r"Raises ([^:]*?)(?:\.\s|\.$|$)", inspect.getdoc(method) or "", re.DOTALL)
        for code in re.findall(r"\b[A-Z][A-Za-z]+(?:\.[A-Za-z]+)+\b", sentence)
    }
    assert len(named) > 10
    assert named - literals == set()


def _sources(package: ModuleType) -> list[Path]:
    """The files of a provider's package, and those that all providers share, of people's devices too."""
    folder = Path(str(package.__file__)).parent
    return sorted([*folder.rglob("*.py"), *folder.parent.glob("*.py"), *folder.parent.glob("terminals/*.py")])
