"""The files of a run's folder, and what is in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from lab.report.explanation import explanation_json
from lab.report.folder.chronicle import Chronicle
from lab.report.folder.made_by import made_by
from lab.report.folder.page import page
from lab.report.machine import to_json, to_junit

FILES = ("report.json", "junit.xml", "report.html")


def contents(chronicle: Chronicle, *, simulated: bool) -> Mapping[str, str]:
    """What is to be written into each of FILES."""
    made = made_by(chronicle, simulated=simulated)
    return {
        "report.json": _json(chronicle, made),
        "junit.xml": to_junit(chronicle.result),
        "report.html": page(chronicle, made),
    }


def _json(chronicle: Chronicle, made: dict[str, str]) -> str:
    """What --json writes, and by what it was made, when what happened, and why probes failed."""
    whole = json.loads(to_json(chronicle.result))
    whole["made_by"] = made
    whole["timeline"] = [asdict(moment) for moment in chronicle.in_order()]
    whole["explanations"] = [json.loads(explanation_json(failure.explanation)) for failure in chronicle.failures]
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
