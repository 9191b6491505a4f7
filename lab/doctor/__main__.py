"""`python -m lab.doctor`: the checks as plain lines, without the command line. `saglab doctor` draws them as a table."""

from __future__ import annotations

import sys

from lab.doctor import checks


def main() -> int:
    """Print one line for each check. The exit status is 2 when something required is missing, else 0."""
    results = checks()
    for check in results:
        mark = "ok     " if check.ok else "MISSING" if check.required else "without"
        print(f"{mark} {check.name}: {check.found}" + ("" if check.ok or not check.remedy else f" -> {check.remedy}"))
    return 2 if any(check.required and not check.ok for check in results) else 0


if __name__ == "__main__":
    sys.exit(main())
