"""Tell who offers what, and what was switched off when: a page and two tables. Nothing is sent, and no key is needed.

    python examples/capabilities.py
    python examples/capabilities.py --language ko

Two pages of the tutorial are about services that Google has switched off: the shortener goo.gl and Universal Analytics.
They are in the table, as are the video API of Microsoft and the expressions and ages of Azure Face.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cloudai
from cloudai.report import save_capabilities


def main() -> int:
    """Run the example."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    able, ended = cloudai.capabilities(), cloudai.retirements()
    known = list(dict.fromkeys(able["provider"]))
    parser.add_argument(
        "--provider", choices=known, help="show the rows of this provider alone; the page has all of them"
    )
    parser.add_argument("--language", default="en", choices=["en", "ko"], help="the language of the page")
    parser.add_argument("--out", type=Path, default=Path("out/capabilities"), help="default: %(default)s")
    options = parser.parse_args()
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        page = save_capabilities(options.out / "capabilities.html", language=options.language)
        able.to_csv(options.out / "capabilities.csv")
        ended.to_csv(options.out / "switched_off.csv")
    except (cloudai.CloudAIError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.provider:
        able, ended = (table.filter(provider=options.provider) for table in (able, ended))
    print(able.select("operation", "provider", "method", "status", "since", "until"))
    print(ended.select("date", "provider", "service", "what"))
    print("Open:", page, options.out / "capabilities.csv", options.out / "switched_off.csv", sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
