"""``python -m cloudai`` is ``cloudai``."""

import sys

from cloudai.cli import main

sys.exit(main())
