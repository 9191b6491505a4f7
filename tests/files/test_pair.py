"""Two files of which one is a change of the other: what comes of them is what comes of each by itself."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from lab.files import InvalidFile, LabFile
from lab.files.source import Source
from lab.reachability import compare

OFFICES = """\
aws:
  vpcs:
    north:
      cidr_block: 10.0.0.0/16
      route_tables: {main: {0.0.0.0/0: internet_gateway, 192.168.0.0/16: vcpe}}
      security_groups: {default: {ingress: [all from 10.0.0.0/8, all from 192.168.0.0/16]}}
      instances: {app: , vcpe: }
    south:
      cidr_block: 10.1.0.0/16
      instances: {web: {elastic_ip: true}}
alibaba:
  vpcs:
    data:
      cidr_block: 192.168.0.0/16
      security_groups: {default: {ingress: [all from 10.0.0.0/16]}}
      instances: {db: , log: }
    spare: {cidr_block: 172.16.0.0/16, instances: {tape: }}
  smart_access_gateways:
    sag: {runs_on: vcpe, cidr_blocks: [10.0.0.0/16]}
expect:
  - {from: app, to: db}
"""


@dataclass(frozen=True)
class Case:
    """`shared` is whether anything could be made once."""

    what: str
    instead: str
    shared: bool = True


CASES = {
    "nothing": Case("spare", "spare"),
    "a rule": Case("all from 10.0.0.0/16", "tcp 443 from 10.0.0.0/16"),
    "lines that move": Case("aws:\n", "# a comment\n\naws:\n"),
    "another order of machines": Case("{db: , log: }", "{log: , db: }"),
    "another order of networks": Case("    north:", "    west: {cidr_block: 10.7.0.0/16}\n    north:"),
    "a network is gone": Case("    spare: {cidr_block: 172.16.0.0/16, instances: {tape: }}\n", ""),
    "the network of the gateway": Case("{app: , vcpe: }", "{app: , more: , vcpe: }"),
    "other gateways": Case("cidr_blocks: [10.0.0.0/16]}", "cidr_blocks: [10.0.0.0/8]}", shared=False),
    "no gateway": Case("{runs_on: vcpe, cidr_blocks: [10.0.0.0/16]}", "{}", shared=False),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_what_comes_of_each_is_what_comes_of_it_alone(case: Case, backwards: bool) -> None:
    assert case.what in OFFICES
    texts = [OFFICES, OFFICES.replace(case.what, case.instead)]
    sources = [Source("lab.yaml", text) for text in (reversed(texts) if backwards else texts)]
    files = LabFile.pair(sources[0], sources[1])
    assert all((file.made is not None) is case.shared for file in files)
    for file, source in zip(files, sources, strict=True):
        alone = LabFile.of(source)
        difference = compare(alone.state, file.state)
        assert (difference.changes, difference.removed, difference.added) == ((), (), ())
        assert sorted(file.built.ids) == sorted(alone.built.ids)
        assert _places(file) == _places(alone)


def test_both_clouds_give_the_same_names_to_the_same() -> None:
    """Also to what stands in another place of the second file."""
    west = "    west: {cidr_block: 10.7.0.0/16, instances: {till: {elastic_ip: true}}}\n"
    changed = OFFICES.replace("    south:", f"{west}    south:")
    files = LabFile.pair(Source("old.yaml", OFFICES), Source("new.yaml", changed))
    before, after = ({name: file.built.ids[name] for name in ("app", "vcpe", "web", "db", "tape")} for file in files)
    assert before == after


@pytest.mark.parametrize("backwards", [False, True], ids=["in the second", "in the first"])
def test_an_invalid_file_is_told_as_if_it_were_alone(backwards: bool) -> None:
    wrong = OFFICES.replace("10.1.0.0/16", "10.0.128.0/17").replace("vcpe}}", "vcp}}").replace("{app: , vcpe: }", "{vcpe: , b: }")
    with pytest.raises(InvalidFile) as alone:
        LabFile.of(Source("lab.yaml", wrong))
    texts = (wrong, OFFICES) if backwards else (OFFICES, wrong)
    with pytest.raises(InvalidFile) as together:
        LabFile.pair(*(Source("lab.yaml", text) for text in texts))
    assert str(together.value) == str(alone.value)


def _places(file: LabFile) -> list[tuple[str, int, int]]:
    """For each call that the file asks for, and for what it has made, its name and where that stands."""
    journal = file.state.cloud.journal
    calls = ((journal.find(number), spot) for (number, _), spot in file.built.places.items())
    return sorted((operation.call, spot.line, spot.column) for operation, spot in calls if operation is not None)
