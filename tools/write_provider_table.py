"""Write the table of operations and providers into README.md; a test fails if it is out of date.

Run this script where no other installed distribution brings a provider: the table lists only those of cloudai.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from cloudai.cli.commands import markdown  # noqa: E402

README = ROOT / "README.md"
TABLE = re.compile(r"^\| operation \|.*?(?=\n\n)", re.DOTALL | re.MULTILINE)

if __name__ == "__main__":
    text = README.read_text("utf-8")
    README.write_text(TABLE.sub(lambda _: markdown(), text, count=1), "utf-8", newline="\n")
