"""`saglab call`: who calls, and passwords that nobody sees."""

from __future__ import annotations

import io
from typing import Any

import pytest

from lab.cli import call as verb
from lab.cli import main
from lab.cloud import Identity

CREATE = ["call", "alibaba", "create_smart_access_gateway_client_user", "--smart-ag-id", "sag-1", "--user-mail", "a@b.co"]


class _Lab:
    """Takes the calls that a lab would."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.answer: Any = None

    def call(self, *call: Any) -> Any:
        self.calls.append(call)
        return self.answer


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> _Lab:
    lab = _Lab()
    monkeypatch.setattr(verb, "the_lab", lambda _options: lab)
    monkeypatch.setattr(verb, "_is_meant", lambda provider: provider == "alibaba")
    return lab


def test_a_password_is_read_from_standard_input(lab: _Lab, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("pass-word.1\n"))
    assert main([*CREATE, "--password", "-"]) == 0
    assert lab.calls[0][2]["password"] == "pass-word.1"
    assert "pass-word.1" not in "".join(capsys.readouterr())


@pytest.mark.requirement("S2-194")
def test_a_password_on_the_command_line_is_no_way_to_give_it(lab: _Lab, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*CREATE, "--password", "pass-word.1"])
    assert ended.value.code == 2
    assert lab.calls == []


def test_without_it_none_is_asked_for(lab: _Lab) -> None:
    assert main(CREATE) == 0
    assert "password" not in lab.calls[0][2]


ANSWERS = {
    "a resource": ({"id": "sag-2", "name": "x"}, 0, "sag-2\n"),
    "an id": ("sag-2", 0, "sag-2\n"),
    "nothing": (None, 2, ""),
}


@pytest.mark.parametrize(("answer", "status", "said"), ANSWERS.values(), ids=ANSWERS.keys())
def test_only_the_id_of_what_was_made(lab: _Lab, answer: Any, status: int, said: str, capsys) -> None:
    lab.answer = answer
    assert main([*CREATE, "--id"]) == status
    assert capsys.readouterr().out == said


LABS = {
    "right behind the verb": (["call", "--lab", "demo", *CREATE[1:]], "demo"),
    "at the end": ([*CREATE, "--lab", "demo"], "demo"),
    "of a cloud's name": (["call", "--lab", "aws", *CREATE[1:]], "aws"),
    "nowhere": (CREATE, None),
}


@pytest.mark.parametrize(("said", "name"), LABS.values(), ids=LABS.keys())
def test_the_lab_is_named_behind_the_verb_or_at_the_end(
    lab: _Lab, monkeypatch: pytest.MonkeyPatch, said: list[str], name: str | None
) -> None:
    asked = []
    monkeypatch.setattr(verb, "the_lab", lambda options: asked.append(options.lab) or lab)
    assert main([word.replace("_", "-") if word == CREATE[2] else word for word in said]) == 0
    assert asked == [name]


@pytest.mark.requirement("S2-086", "S2-198")
@pytest.mark.parametrize(("said", "identity"), [([], Identity()), (["--as", "li.lei"], Identity(user="li.lei"))])
def test_who_calls_is_said_with_as(lab: _Lab, said: list[str], identity: Identity) -> None:
    assert main([*CREATE, *said]) == 0
    assert lab.calls[0][3] == identity
