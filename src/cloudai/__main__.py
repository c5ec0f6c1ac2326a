"""``python -m cloudai`` runs the command ``cloudai``."""

import sys

from cloudai.cli import main

sys.exit(main())
