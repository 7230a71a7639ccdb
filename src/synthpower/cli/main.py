"""Arguments -> a command, and what becomes of it -> an exit status."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from synthpower.cli.options import FIRST, build_alias_parser, build_parser
from synthpower.cli.parser import Parser, UsageError
from synthpower.cli.terminal import say
from synthpower.errors import InputError, Notice, one_line

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``synthpower`` and return its exit status.

    0 is success; 2 a wrong command line or bad input; 1 a failure while running;
    130 after Ctrl-C and 143 after SIGTERM. Signal handlers are as before afterwards.
    """
    with _handlers_put_back():
        return run(build_parser(), sys.argv[1:] if argv is None else argv)


def run_program(alias: str | None = None, command: str = "") -> int:
    """Run ``synthpower``, or a program that is one command of it, until the process ends."""
    parser = build_alias_parser(alias, command) if alias else build_parser()
    return run(parser, sys.argv[1:])


def run(parser: Parser, argv: Sequence[str]) -> int:
    """Run a command line and return its exit status."""
    _prepare()
    program, status = parser.prog, 0
    try:
        args = parser.parse(argv)
        if args.command is None:
            print(f"{FIRST}\n\nand see '{parser.prog} --help' for more.")
        else:
            program = args.parser.prog
            status = _run_command(args)
        if sys.stdout:
            sys.stdout.flush()
    except UsageError as error:
        return _failed(error.args[1], error.args[0], 2)
    except InputError as error:
        if not error.argument:
            return _failed(program, error, 2)
        flag = f"--{error.argument.replace('_', '-')}"
        return _failed(program, f"argument {flag}: {error}; see '{program} --help'", 2)
    except KeyboardInterrupt as error:
        return _failed(program, str(error) or "interrupted", 130)
    except BrokenPipeError:
        # The reader has seen enough. What Python flushes at exit has to go somewhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{one_line(error.filename)}: " if error.filename else ""
        return _failed(program, f"{where}{error.strerror or error}", 1)
    except MemoryError:
        return _failed(program, "not enough memory", 1)
    finally:
        _settle()
        _remove_own()
    return status


def _run_command(args: argparse.Namespace) -> int:
    """Run a command; what the library warns of is a line on standard error."""
    command: Callable[[argparse.Namespace], int | None]
    command = import_module(f"synthpower.cli.{args.command}").run
    with warnings.catch_warnings():
        show = warnings.showwarning
        said: set[str] = set()

        def show_line(message: Warning | str, category: type[Warning], *rest: object) -> None:
            if issubclass(category, Notice):
                if str(message) in said:  # of each file, such as that there is no lock
                    return
                said.add(str(message))
                say(f"{args.parser.prog}: warning: {message}", args.quiet)
            else:
                show(message, category, *rest)  # type: ignore[arg-type]

        warnings.showwarning = show_line  # type: ignore[assignment]
        warnings.filterwarnings("always", category=Notice)
        return command(args) or 0


def _prepare() -> None:
    if sys.stderr is None:  # closed by whoever started this
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
    if isinstance(sys.stdout, io.TextIOWrapper):  # as standard error does, in whatever encoding
        sys.stdout.reconfigure(errors="backslashreplace")
    # Arrow's own allocator keeps 100 MB more than the system's, and is no faster.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    with contextlib.suppress(ValueError):  # not in the main thread: then no signal comes here
        for number in _SIGNALS:
            signal.signal(number, _interrupted)


@contextlib.contextmanager
def _handlers_put_back() -> Iterator[None]:
    handlers = [signal.getsignal(number) for number in _SIGNALS]
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            for number, handler in zip(_SIGNALS, handlers, strict=True):
                if handler is not None:  # not one of Python's
                    signal.signal(number, handler)


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


def _remove_own() -> None:
    """Remove the temporary files of this process, where any can be."""
    if storage := sys.modules.get("synthpower.storage"):
        storage.remove_own()


def _failed(program: str, reason: object, status: int) -> int:
    say(f"{program}: error: {_with_flags(one_line(reason))}", quiet=False)
    return status


def _with_flags(message: str) -> str:
    """Return the library's message with its arguments as the command line calls them."""
    return re.sub(r"\b(overwrite)=True\b", r"--\1", message)
