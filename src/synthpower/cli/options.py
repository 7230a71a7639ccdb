"""The options of the command line: what each is called, takes and says of itself."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from synthpower.errors import InputError, one_line, shown
from synthpower.formats import COMPRESSIONS, FORMATS
from synthpower.model.calendar import HOUR
from synthpower.model.grid import WHOLE, Part
from synthpower.model.specification import DEFAULT_SIGNAL
from synthpower.model.streams import SEED_LIMIT
from synthpower.signals import SIGNALS
from synthpower.version import __version__

_MOST_WORKERS = 1024  # threads
_IMPLEMENTATIONS = ("fast", "pyarrow")  # as in formats.interface, which is heavy to import

FIRST = """\
Make a first dataset with

  synthpower inventory --directory power --count 1000
  synthpower data --directory power --date 2023-02-27"""

_DESCRIPTION = """\
Synthetic data-centre power telemetry: an inventory of servers, and readings for
each server, time and kind of measurement, as CSV, Parquet or Arrow. The same
seed gives the same bytes."""

_EXAMPLES = {
    "inventory": """\
example:
  synthpower inventory --directory power --count 1000 --seed 1""",
    "data": """\
--interval with seconds sets the interval; without, it asks for start and end times,
which is the default. The seed is the dataset's.

examples:
  synthpower data --directory power --date 2023-02-27 --days 7 --format parquet
  synthpower data --directory power --date 2023-02-27 --interval 300 --signal load
  synthpower data --directory power --date 2023-02-27 --shard 3/10""",
    "verify": """\
A file is made again from what is recorded of it and compared byte for byte. What
differs is named by row and column. With --contract, a real producer's files are
checked: that they are complete and coherent. The exit status is 1 if something is
wrong, or could not be read.

examples:
  synthpower verify power
  synthpower verify --contract theirs --span 2023-02-27/2023-03-01""",
    "remake": """\
A dataset's manifest.json is enough, and the tables that its inventory was drawn from
where they are not the shipped ones; a Parquet or Arrow file is enough for itself.
What is there and whole is left alone, so the rest of a run that was killed is made, too.

examples:
  synthpower remake power
  synthpower remake power/data-2023-02-27.parquet --directory again""",
    "tables": """\
To add a server type: copy the tables out, add a line to server_types.csv, such as
"My server,P00001-B21,,,," (only model and product_id are needed; a column weight of
your own makes some likelier), and hand it to 'inventory'.

example:
  synthpower tables --copy my-tables
  synthpower inventory --directory power --count 1000 --server-types my-tables/server_types.csv""",
}


class UsageError(Exception):
    """A wrong command line: what is wrong, and of which program."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, and whose options cannot be abbreviated.

    Attributes
    ----------
    flags : set of str
        Its options, with their dashes.
    commands : dict of str to Parser
    """

    def __init__(self, **options: Any) -> None:
        self.flags: set[str] = set()
        self.commands: dict[str, Parser] = {}
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        self.flags.update(name for name in names if name.startswith("-"))
        return super().add_argument(*names, **options)

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{one_line(message)}; see '{self.prog} --help'", self.prog)

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """Return the arguments; an unknown option is named before one that is missing."""
        name = next((each for each in argv if not each.startswith("-")), "")
        command = self.commands.get(name, self)
        if command is not self:
            _fill(command, name)  # the one that is asked for: all five take 5 ms
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


class _Interval(argparse.Action):
    """``--interval N`` sets N; bare ``--interval`` only says that start times are wanted."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:  # noqa: ARG002
        if values is None:
            namespace.bare_interval = True
        else:
            namespace.interval = values


def _whole(text: str) -> int:
    if not re.fullmatch("[+-]?[0-9]{1,40}", text):
        raise argparse.ArgumentTypeError(f"{shown(text)!r} is not a whole number")
    return int(text)


def _seed(text: str) -> int:
    seed = _whole(text)
    if not 0 <= seed < SEED_LIMIT:
        raise argparse.ArgumentTypeError(f"{text}: it must be 0 to 2^63 - 1")
    return seed


def _workers(text: str) -> int:
    workers = _whole(text)
    if not 1 <= workers <= _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{text}: it must be 1 to {_MOST_WORKERS}")
    return workers


def _shard(text: str) -> Part:
    found = re.fullmatch("([0-9]{1,9})/([0-9]{1,9})", text)
    try:
        if found:
            return Part(int(found[1]), int(found[2]))
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    raise argparse.ArgumentTypeError(f"{shown(text)!r}: write I/N, such as 3/10")


def _table(text: str) -> Path | str:
    """Return a file, or the name of a shipped table: ``./load`` is a file."""
    return text if text == "load" else _path(text)


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("it is empty; name a file or directory")
    if "\0" in text:  # not from a shell, but from whoever calls main()
        raise argparse.ArgumentTypeError("no file or directory has a NUL in its name")
    return Path(text)


def _count(text: str) -> int:
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


def _add_common(parser: argparse.ArgumentParser) -> None:
    # Suppressed: a command's parser must not reset what comes before the command.
    parser.add_argument(
        "--quiet",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print nothing but errors",
    )
    parser.add_argument("--version", action="version", version=f"synthpower {__version__}")


def _add_workers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--workers", type=_workers, metavar="N", help="threads that compute (default: the cores)"
    )


def _add_inventory_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--directory",
        required=True,
        type=_path,
        metavar="DIR",
        help="where the inventory is written; made if it does not exist",
    )
    add(
        "--count",
        required=True,
        type=_count,
        metavar="N",
        help="how many servers: 100000, 100k, 1M or 1e6",
    )
    add("--seed", type=_seed, metavar="N", help="0 to 2^63 - 1; drawn from the system otherwise")
    add(
        "--server-types",
        type=_path,
        metavar="FILE",
        help="CSV with model,product_id and, optionally, weight, in place of the shipped table",
    )
    add(
        "--locations",
        type=_path,
        metavar="FILE",
        help="CSV with location and, optionally, weight,time_zone, in place of the shipped table",
    )
    add(
        "--measurements",
        type=_table,
        metavar="FILE",
        help="CSV with name,unit,scale and, optionally, decimals,quantity,minimum, in place of the "
        "shipped table; 'load' is the shipped one of all quantities",
    )
    add(
        "--columns",
        type=_path,
        metavar="FILE",
        help="CSV with column,source and, optionally, format: the columns of the files; "
        "'synthpower tables --copy' has an example",
    )
    add("--overwrite", action="store_true", help="replace an inventory that is there")
    _add_common(parser)


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--directory",
        required=True,
        type=_path,
        metavar="DIR",
        help="holds the inventory and receives the data",
    )
    add(
        "--date",
        required=True,
        metavar="YYYY-MM-DD[THH]",
        help="the base time in UTC: 24 hours of data for a date, one hour with THH",
    )
    add("--days", type=_whole, default=1, metavar="N", help="write N files, one a day (default 1)")
    add(
        "--interval",
        nargs="?",
        type=_whole,
        default=HOUR,
        metavar="SECONDS",
        action=_Interval,
        help="seconds between samples (default 3600)",
    )
    add(
        "--fuzz",
        type=_whole,
        default=0,
        metavar="SECONDS",
        help="by how much a sample may be late (default 0)",
    )
    add("--end", action="store_true", help="only the end time of each interval, no start time")
    add(
        "--columns",
        type=_path,
        metavar="FILE",
        help="CSV with column,source and, optionally, format, in place of the directory's "
        "columns.csv",
    )
    add("--format", choices=FORMATS, help="csv (default), jsonl, text, parquet or arrow")
    add(
        "--signal",
        choices=SIGNALS,
        default=DEFAULT_SIGNAL,
        help="uniform (default): a random number from the minimum, or 0, to the scale; "
        "triangular: the smaller of two such numbers; load: servers with work to do, their power "
        "following it",
    )
    add(
        "--measurements",
        type=_table,
        metavar="FILE",
        help="CSV with name,unit,scale and, optionally, decimals,quantity,minimum, in place of the "
        "directory's measurements.csv; 'load' is a shipped one of all quantities",
    )
    add(
        "--faults",
        type=_path,
        metavar="FILE",
        help="CSV with kind,share and, optionally, scope: faults in the readings of --signal load; "
        "events-DATE.csv says which",
    )
    add(
        "--delimiter",
        default=",",
        metavar="CHARACTER",
        help="between the fields of CSV (default a comma)",
    )
    add("--no-header", dest="header", action="store_false", help="CSV without its first line")
    add(
        "--row",
        metavar="PATTERN",
        help="the rows of --format text, such as '{sn} {end_time:s} {measurement_value}'",
    )
    add("--seed", type=_seed, metavar="N", help="in place of the dataset's")
    add(
        "--shard",
        type=_shard,
        default=WHOLE,
        metavar="I/N",
        help="the I-th of N parts of each file: one after the other they are the file",
    )
    add(
        "--compression",
        choices=COMPRESSIONS,
        help="none, snappy or zstd of all columns of Parquet, none or zstd of Arrow; by default "
        "only what repeats is compressed; gzip or zstd of text, whose names say it: .csv.gz",
    )
    add(
        "--writer",
        choices=_IMPLEMENTATIONS,
        default=_IMPLEMENTATIONS[0],
        help="fast (default), or pyarrow's own: slower, for cross-checking",
    )
    add(
        "--row-group-rows",
        type=_whole,
        metavar="N",
        help="the most rows of a row group of Parquet (default: 2,500,000)",
    )
    add("--dry-run", action="store_true", help="write nothing; say what would be written")
    _add_workers(parser)
    add("--overwrite", action="store_true", help="replace files that are there")
    add(
        "--output",
        type=_path,
        metavar="FILE",
        help="write one file elsewhere, in the format that its name ends in; - is standard output",
    )
    add(
        "--path",
        metavar="PATTERN",
        help="divide the rows and name the files by {date}, {hour}, {location}, {name}, {shard}: "
        "such as dt={date}/hour={hour}/data{suffix}",
    )
    _add_common(parser)
    parser.set_defaults(bare_interval=False)


def _add_verify_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("paths", nargs="+", type=_path, metavar="PATH", help="a dataset directory, or its files")
    add(
        "--contract",
        action="store_true",
        help="make nothing again: check anybody's files, in any order of rows, against the "
        "inventory, the measurement table and each other",
    )
    add(
        "--span",
        metavar="FROM/TO",
        help="with --contract: what the files must hold together, as two dates or times in UTC, "
        "if their names do not say it; the second is not part of it",
    )
    add("--json", action="store_true", help="print the checks as JSON")
    _add_workers(parser)
    _add_common(parser)


def _add_remake_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("path", type=_path, metavar="PATH", help="a dataset directory, or one of its files")
    add(
        "--directory",
        type=_path,
        metavar="DIR",
        help="make all of it there, and leave PATH alone; made if it does not exist",
    )
    _add_workers(parser)
    _add_common(parser)


def _add_tables_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--copy", type=_path, metavar="DIR", help="copy the tables there, as CSV")
    _add_common(parser)


_COMMANDS = {
    "inventory": ("make an inventory of servers", _add_inventory_options),
    "data": ("make the readings of an inventory", _add_data_options),
    "verify": ("check files against what they were made from", _add_verify_options),
    "remake": ("make again what is missing of a dataset", _add_remake_options),
    "tables": ("show the shipped tables, or copy them out", _add_tables_options),
}


def build_parser() -> Parser:
    """Return the parser of ``synthpower``."""
    parser = Parser(prog="synthpower", description=_DESCRIPTION, epilog=FIRST)
    parser.set_defaults(quiet=False)
    _add_common(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, (summary, _) in _COMMANDS.items():
        parser.commands[name] = commands.add_parser(name, help=summary)
    return parser


def build_alias_parser(program: str, command: str) -> Parser:
    """Return the parser of a program that is one command of ``synthpower``."""
    parser = Parser(prog=program)
    _fill(parser, command)
    parser.set_defaults(quiet=False)
    return parser


def _fill(parser: Parser, name: str) -> None:
    summary, add_options = _COMMANDS[name]
    parser.description = f"{summary.capitalize()}."
    parser.epilog = _EXAMPLES[name]
    parser.set_defaults(command=name, parser=parser)
    add_options(parser)
