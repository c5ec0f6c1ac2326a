"""Files, replies and addresses nobody would think of: ``make fuzz`` finds some, ``make test`` keeps to them."""

from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
