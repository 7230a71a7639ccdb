"""The programs: ``synthpower`` or ``python -m synthpower``, and its two aliases.

Each leaves at once when it is done. What Python clears up at its end takes a tenth of a second,
and Ctrl-C meanwhile would kill a program that has done its work.
"""

import contextlib
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from synthpower import cli


def synthpower() -> NoReturn:
    """Run ``synthpower``."""
    _leave(cli.main)


def generate_inventory() -> NoReturn:
    """Run ``generate-inventory``."""
    _leave(cli.generate_inventory)


def generate_data() -> NoReturn:
    """Run ``generate-data``."""
    _leave(cli.generate_data)


def _leave(run: Callable[[], int]) -> NoReturn:
    try:
        status = run()
    except SystemExit as error:  # from argparse, or a signal
        status = error.code if isinstance(error.code, int) else bool(error.code)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # closed by somebody
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    synthpower()
