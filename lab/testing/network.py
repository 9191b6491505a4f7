"""A network that tests ask: whether a packet gets there and its answer back; and why not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from lab.explanation import Question


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a packet and its answer. `reason` is the code of what stopped it; `text` tells all of it, for a person.

    `agrees` is false where the network did something else than what was predicted.
    """

    reaches: bool
    reason: str
    text: str
    agrees: bool = True


class Network(ABC):
    """Machines go by their names or ids, a destination by its address too. Without a port an echo is sent.

    Every method raises UsageError for an unknown machine, and for a packet that cannot be.
    """

    @abstractmethod
    def ask(self, question: Question) -> Answer:
        """Send a packet, or walk it."""

    def reaches(self, source: str, destination: str, *, tcp: int | None = None, udp: int | None = None) -> bool:
        """Whether a packet gets there, and its answer back."""
        return self.ask(_question(source, destination, tcp, udp)).reaches

    def assert_reaches(
        self,
        source: str,
        destination: str,
        *,
        tcp: int | None = None,
        udp: int | None = None,
        size: int | None = None,
        dont_fragment: bool = False,
    ) -> None:
        """Raises AssertionError, with where the packet died, why, and what would let it pass."""
        __tracebackhide__ = True
        question = _question(source, destination, tcp, udp, size, dont_fragment)
        answer = self.ask(question)
        if not answer.reaches:
            raise AssertionError(f"{_told(question)} does not reach: {answer.reason or 'no answer'}\n\n{answer.text}")
        _check_agreement(question, answer)

    def assert_unreachable(
        self, source: str, destination: str, *, tcp: int | None = None, udp: int | None = None, reason: str = ""
    ) -> None:
        """With `reason`, also expect that this is the code of what stops it, as docs/reasons.md lists them.

        Raises AssertionError, with the way of the packet and the rules that let it pass.
        """
        __tracebackhide__ = True
        question = _question(source, destination, tcp, udp)
        answer = self.ask(question)
        if answer.reaches:
            raise AssertionError(f"{_told(question)} reaches, and is not to\n\n{answer.text}")
        if reason and answer.reason != reason:
            raise AssertionError(f"{_told(question)} dies of {answer.reason}, not of {reason}\n\n{answer.text}")
        _check_agreement(question, answer)


def _question(
    source: str,
    destination: str,
    tcp: int | None,
    udp: int | None,
    size: int | None = None,
    dont_fragment: bool = False,
) -> Question:
    __tracebackhide__ = True
    if tcp is not None and udp is not None:
        raise ValueError("a packet is of one protocol: give tcp or udp, not both")
    if tcp is not None:
        return Question(source, destination, "tcp", tcp, size, dont_fragment=dont_fragment)
    if udp is not None:
        return Question(source, destination, "udp", udp, size, dont_fragment=dont_fragment)
    return Question(source, destination, size=size, dont_fragment=dont_fragment)


def _told(question: Question) -> str:
    port = f" {question.port}" if question.port is not None else ""
    return f"{question.source} → {question.destination} by {question.protocol}{port}"


def _check_agreement(question: Question, answer: Answer) -> None:
    __tracebackhide__ = True
    if not answer.agrees:
        raise AssertionError(f"{_told(question)}: predicted and observed disagree\n\n{answer.text}")
