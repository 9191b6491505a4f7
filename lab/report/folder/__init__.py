"""What a run leaves behind when it is asked to: report.json, junit.xml, and report.html, which opens anywhere, offline."""

from __future__ import annotations

from lab.report.folder.chronicle import Chronicle
from lab.report.folder.writing import FILES, contents

__all__ = ["FILES", "Chronicle", "contents"]
