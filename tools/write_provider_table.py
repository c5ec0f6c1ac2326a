"""Write the tables of the providers into README.md and docs/vendors.md; a test fails if they are out of date.

Run this script where no other installed distribution brings a provider: the tables list only those of cloudai.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from cloudai import retirements  # noqa: E402
from cloudai.cli.commands import markdown  # noqa: E402

README = ROOT / "README.md"
VENDORS = ROOT / "docs" / "vendors.md"
TABLE = r"^\| {} \|.*?(?=\n\n|\n\Z)"


def table_of_ends() -> str:
    """Return the table of what was switched off as Markdown, as docs/vendors.md has it."""
    lines = [
        "| day | vendor | service | what ends | instead |",
        "|---|---|---|---|---|",
        *(
            "| {date} | {provider} | [{service}]({page}) | {what} | {instead} |".format_map(row)
            for row in retirements()
        ),
    ]
    return "\n".join(lines)


def write(path: Path, first: str, table: str) -> None:
    """Replace the table of a page whose first column has this name."""
    pattern = re.compile(TABLE.format(first), re.DOTALL | re.MULTILINE)
    path.write_text(pattern.sub(lambda _: table, path.read_text("utf-8"), count=1), "utf-8", newline="\n")


if __name__ == "__main__":
    write(README, "operation", markdown())
    write(VENDORS, "day", table_of_ends())
