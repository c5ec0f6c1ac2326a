"""Files, replies and addresses nobody would think of: ``make fuzz`` finds some, ``make test`` keeps to them."""
