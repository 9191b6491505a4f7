"""Lab files from what the providers' command-line tools print about a real account."""

from __future__ import annotations

from lab.files.imports.alibaba import import_alibaba
from lab.files.imports.aws import import_aws
from lab.files.imports.document import Documents, Imported
from lab.files.imports.writing import written

__all__ = ["Documents", "Imported", "import_alibaba", "import_aws", "written"]
