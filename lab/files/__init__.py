"""Lab files: a network in AWS and Alibaba Cloud and what is expected of it, written in YAML in the providers' own nouns.

    file = LabFile.read(Path("lab.yaml"))      # or InvalidFile: every error at once, with line and column
    file.scenario                              # for everything that takes a scenario
    file.cloud()                               # the clouds as it describes them

`source` reads YAML and knows where each value stands, `schema` says which keys there are, `validation` what is wrong with them,
`build` makes calls on the clouds. Stands on the session and the explanation; knows no backend.
"""

from __future__ import annotations

from lab.files.errors import FileError, InvalidFile
from lab.files.lab_file import LabFile
from lab.files.source import Spot

__all__ = ["FileError", "InvalidFile", "LabFile", "Spot"]
