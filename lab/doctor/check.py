"""A question about the machine, and its answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """`name` asks, `found` answers, `ok` judges; no lab runs without what is `required`.

    `remedy` says how to get what is missing; it stands there whether or not it is needed, and is "" where nothing helps.
    """

    name: str
    ok: bool
    required: bool
    found: str
    remedy: str = ""
