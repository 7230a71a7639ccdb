"""What the command line is taken apart by: a parser, and the types of arguments."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from synthpower.errors import InputError, one_line, shown
from synthpower.model.grid import Part
from synthpower.model.streams import SEED_LIMIT
from synthpower.scheduling import array_part
from synthpower.version import __version__

_MOST_WORKERS = 1024  # threads


class UsageError(Exception):
    """A wrong command line: what is wrong, and of which program."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, and whose options cannot be abbreviated.

    Attributes
    ----------
    commands : dict of str to Parser
    fill : callable, optional
        Of the initialiser: add its options to the command that is asked for.
    """

    def __init__(self, fill: Callable[[Parser, str], None] | None = None, **options: Any) -> None:
        self.commands: dict[str, Parser] = {}
        self._fill = fill
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    @property
    def flags(self) -> set[str]:
        """Its options, with their dashes."""
        return {*self._option_string_actions}

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{one_line(message)}; see '{self.prog} --help'", self.prog)

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """Return the arguments; an unknown option is named before one that is missing."""
        name = next((each for each in argv if not each.startswith("-")), "")
        command = self.commands.get(name, self)
        if command is not self:
            assert self._fill is not None
            self._fill(command, name)  # the one that is asked for: all take 5 ms
        for argument in argv:
            flag = argument.partition("=")[0]
            if flag.startswith("--") and flag != "--" and flag not in self.flags | command.flags:
                import difflib

                near = difflib.get_close_matches(flag, sorted(command.flags), 1)
                meant = f"; did you mean {near[0]}?" if near else ""
                command.error(f"there is no option {shown(flag)}{meant}")
        args, unknown = self.parse_known_args(argv)
        if unknown:
            parser: Parser = getattr(args, "parser", self)
            parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        return args


class Interval(argparse.Action):
    """``--interval N`` sets N; bare ``--interval`` only says that start times are wanted."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:  # noqa: ARG002
        if values is None:
            namespace.bare_interval = True
        else:
            namespace.interval = values


def whole(text: str) -> int:
    """Return a whole number."""
    if not re.fullmatch("[+-]?[0-9]{1,40}", text):
        raise argparse.ArgumentTypeError(f"{shown(text)!r} is not a whole number")
    return int(text)


def seed_number(text: str) -> int:
    """Return a seed."""
    seed = whole(text)
    if not 0 <= seed < SEED_LIMIT:
        raise argparse.ArgumentTypeError(f"{text}: it must be 0 to 2^63 - 1")
    return seed


def workers_number(text: str) -> int:
    """Return a number of threads."""
    workers = whole(text)
    if not 1 <= workers <= _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text}: it must be 1 to {_MOST_WORKERS}")
    return workers


def shard_part(text: str) -> Part:
    """Return a shard written as I/N, or that of a task: auto, auto/N."""
    found = re.fullmatch("(auto|[0-9]{1,9})(?:/([0-9]{1,9}))?", text)
    try:
        if found and found[1] == "auto":
            return array_part(int(found[2]) if found[2] else None)
        if found and found[2]:
            return Part(int(found[1]), int(found[2]))
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    raise argparse.ArgumentTypeError(f"{shown(text)!r}: write I/N, such as 3/10, or auto")


def table(text: str) -> Path | str:
    """Return a file, or the name of a shipped table: ``./load`` is a file."""
    return text if text == "load" else path(text)


def delimiter(text: str) -> str:
    """Return a delimiter; a tab may be written as one writes it in a pattern."""
    return text.replace("\\t", "\t")


def path(text: str) -> Path:
    """Return a file or directory of this machine."""
    if "://" in text:
        raise argparse.ArgumentTypeError(f"{shown(text)} is a URL; name a file of this machine")
    if not text:
        raise argparse.ArgumentTypeError("it is empty; name a file or directory")
    if "\0" in text:  # not from a shell, but from whoever calls main()
        raise argparse.ArgumentTypeError("no file or directory has a NUL in its name")
    return Path(text)


def place(text: str) -> Path | str:
    """Return a file or directory, and a URL of object storage as it is."""
    return text if "://" in text else path(text)


def server_count(text: str) -> int:
    """Return a count written as 100000, 100k, 1M or 1e6."""
    number = "[+-]?[0-9]{1,40}(?:[.][0-9]{1,40})?(?:[eE][+]?[0-9]{1,2})?"
    found = re.fullmatch(f"({number})([kKmM]?)", text)
    if not found:
        raise argparse.ArgumentTypeError(
            f"{shown(text)!r} is not a count; write 100000, 100k, 1M or 1e6"
        )
    count = Decimal(found[1]) * {"": 1, "k": 1000, "m": 1_000_000}[found[2].lower()]
    if count != int(count):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of servers")
    return int(count)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add what all commands have."""
    # Suppressed: a command's parser must not reset what comes before the command.
    parser.add_argument(
        "--quiet",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print nothing but errors",
    )
    parser.add_argument("--version", action="version", version=f"synthpower {__version__}")


def add_workers(parser: argparse._ActionsContainer) -> None:
    """Add the number of threads."""
    parser.add_argument(
        "--workers",
        type=workers_number,
        metavar="N",
        help="threads that compute (default: the cores)",
    )
