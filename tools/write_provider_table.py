"""Write the table of operations and providers into README.md; a test says when it is out of date.

Run it where no other distribution brings a provider: the table has those of cloudai alone.
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
