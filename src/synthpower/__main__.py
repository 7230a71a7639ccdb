"""The programs: ``synthpower`` or ``python -m synthpower``, and its two aliases.

Each leaves at once when it is done. What Python clears up at its end takes a tenth of a second,
and Ctrl-C meanwhile would kill a program that has done its work.
"""

import contextlib
import gc
import os
import sys
from typing import NoReturn

from synthpower.cli.main import run_program


def synthpower() -> NoReturn:
    """Run ``synthpower``."""
    _run()


def generate_inventory() -> NoReturn:
    """Run ``generate-inventory``, the original script's name for ``synthpower inventory``."""
    _run("generate-inventory", "inventory")


def generate_data() -> NoReturn:
    """Run ``generate-data``, the original script's name for ``synthpower data``."""
    _run("generate-data", "data")


def _run(*alias: str) -> NoReturn:
    gc.set_threshold(100_000)  # imports make no garbage, and looking for it takes 10 ms
    try:
        status = run_program(*alias)
    except SystemExit as error:  # from argparse, or a signal
        status = error.code if isinstance(error.code, int) else bool(error.code)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, OSError, ValueError):  # closed by somebody
            stream.flush()
    os._exit(status)


if __name__ == "__main__":
    synthpower()
