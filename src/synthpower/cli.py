"""The command line: arguments -> a command, and what becomes of it -> an exit status."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from synthpower.commands import COMMANDS
from synthpower.errors import InputError, one_line
from synthpower.options import FIRST, build_alias_parser, build_parser
from synthpower.storage import remove_own

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``synthpower`` and return its exit status.

    0 is success; 2 a wrong command line or bad input; 1 a failure while running;
    130 after Ctrl-C and 143 after SIGTERM.
    """
    return _run(build_parser(), sys.argv[1:] if argv is None else argv)


def generate_inventory() -> int:
    """Run ``generate-inventory``, the founding document's name for ``synthpower inventory``."""
    return _run(build_alias_parser("generate-inventory", "inventory"), sys.argv[1:])


def generate_data() -> int:
    """Run ``generate-data``, the founding document's name for ``synthpower data``."""
    return _run(build_alias_parser("generate-data", "data"), sys.argv[1:])


def _run(parser: argparse.ArgumentParser, argv: Sequence[str]) -> int:
    _prepare()
    status: int | None = 0
    try:
        args = parser.parse_args(argv)
        if args.command is None:
            print(f"{FIRST}\n\nand see '{parser.prog} --help' for more.")
        else:
            parser = args.parser
            status = COMMANDS[args.command](args)
        if sys.stdout:
            sys.stdout.flush()
    except InputError as error:
        if error.argument:
            flag = error.argument.replace("_", "-")
            parser.error(f"argument --{flag}: {_with_flags(str(error))}")
        return _failed(parser, error, 2)
    except KeyboardInterrupt:
        return _failed(parser, "interrupted", 130)
    except BrokenPipeError:
        # The reader has seen enough. What Python flushes at exit has to go somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        place = f"{one_line(error.filename)}: " if error.filename else ""
        return _failed(parser, f"{place}{error.strerror or error}", 1)
    except MemoryError:
        return _failed(parser, "not enough memory", 1)
    finally:
        _settle()
        remove_own()
    return status or 0


def _prepare() -> None:
    if sys.stderr is None:  # closed by whoever started this
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
    if isinstance(sys.stdout, io.TextIOWrapper):  # as standard error does, in whatever encoding
        sys.stdout.reconfigure(errors="backslashreplace")
    with contextlib.suppress(ValueError):  # not in the main thread: then no signal comes here
        for number in _SIGNALS:
            signal.signal(number, _interrupted)


def _too_late(number: int, frame: object) -> None: ...


def _settle() -> None:
    """After an interruption and its clearing up: let no signal change the exit status."""
    if signal.getsignal(signal.SIGINT) is _too_late:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)


def _interrupted(number: int, _frame: object) -> NoReturn:
    """End the run; a second signal must not interrupt the clearing up."""
    for each in _SIGNALS:  # not SIG_IGN: Python would complain of one that is on its way
        signal.signal(each, _too_late)
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


def _failed(parser: argparse.ArgumentParser, reason: object, status: int) -> int:
    with contextlib.suppress(OSError):  # standard error is full, or its reader is gone
        print(f"{parser.prog}: error: {_with_flags(one_line(reason))}", file=sys.stderr)
    return status


def _with_flags(message: str) -> str:
    """Return the library's message with its arguments as the command line calls them."""
    return re.sub(r"\b(overwrite)=True", r"--\1", message)
