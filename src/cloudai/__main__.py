"""This module is where the process of the command ``cloudai`` begins, and that of ``python -m cloudai``.

It imports next to nothing itself, because the command takes a second to load, and Ctrl-C may come within that second.
"""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["main"]


def main() -> int:
    """Load the command and run it, and return its exit code; Ctrl-C while it loads ends the process with 130."""
    handler = signal.getsignal(signal.SIGINT)
    # A shell lets a command in the background ignore Ctrl-C, and it has to go on doing so.
    if handler is signal.default_int_handler:
        # KeyboardInterrupt in the middle of an import can be caught, or printed, by the module that is loaded. Nothing
        # is open yet that would have to be closed, so the process can end at once.
        signal.signal(signal.SIGINT, lambda *_: os._exit(128 + signal.SIGINT))
    from cloudai.cli import main as run

    signal.signal(signal.SIGINT, handler)
    return run()


if __name__ == "__main__":
    sys.exit(main())
