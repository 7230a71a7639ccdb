"""Flags -> specification -> files. A thin skin over the library; the only room with rich."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from synthpower import __version__, catalog, dataset
from synthpower.errors import InputError, one_line
from synthpower.files import STDOUT, check_directory, check_output
from synthpower.specification import HOUR, SIGNALS, Specification, following_dates
from synthpower.streams import SEED_LIMIT, draw_seed

if TYPE_CHECKING:
    from synthpower.generate import Summary

FORMATS = ("csv", "parquet")

_FIRST = """\
Make a first dataset with

  synthpower inventory --directory power --count 1000
  synthpower data --directory power --date 2023-02-27

and see 'synthpower --help' for more."""

_DESCRIPTION = """\
Synthetic data-centre power telemetry: an inventory of servers, and readings for
each server, time and kind of measurement, as CSV or Parquet. The same seed gives
the same bytes."""

_EXAMPLES = {
    "inventory": """\
example:
  synthpower inventory --directory power --count 1000 --seed 1""",
    "data": """\
--interval with seconds sets the interval; without, it asks for start and end times,
which is the default. The seed is the inventory's, from README.md.

example:
  synthpower data --directory power --date 2023-02-27 --days 7 --format parquet""",
    "tables": """\
To add a server type: copy the tables out, add a line to server_types.csv (model and
product_id are all it needs) and hand it to 'inventory'.

example:
  synthpower tables --copy my-tables
  synthpower inventory --directory power --count 1000 --server-types my-tables/server_types.csv""",
}


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line and whose options cannot be abbreviated."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        super().error(one_line(message))


class _Interval(argparse.Action):
    """``--interval N`` sets N; bare ``--interval`` only says that start times are wanted."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        if values is None:
            namespace.bare_interval = True
        else:
            namespace.interval = values


def _whole(text: str) -> int:
    if not re.fullmatch("[+-]?[0-9]{1,40}", text):
        raise argparse.ArgumentTypeError(f"{catalog.shown(text)!r} is not a whole number")
    return int(text)


def _seed(text: str) -> int:
    seed = _whole(text)
    if not 0 <= seed < SEED_LIMIT:
        raise argparse.ArgumentTypeError(f"{text}: it must be 0 to 2^63 - 1")
    return seed


def _workers(text: str) -> int:
    workers = _whole(text)
    if workers < 1:
        raise argparse.ArgumentTypeError(f"{text}: it must be 1 or more")
    return workers


def _count(text: str) -> int:
    """Return a count written as 100000, 100k, 1M or 1e6."""
    found = re.fullmatch("([+-]?[0-9]{1,40}(?:[.][0-9]{1,40})?(?:[eE][+]?[0-9]{1,2})?)([kKmM]?)", text)
    if not found:
        raise argparse.ArgumentTypeError(
            f"{catalog.shown(text)!r} is not a count; write 100000, 100k, 1M or 1e6"
        )
    count = Decimal(found[1]) * {"": 1, "k": 1000, "m": 1_000_000}[found[2].lower()]
    if count != int(count):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of servers")
    return int(count)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    parser.add_argument("--version", action="version", version=f"synthpower {__version__}")


def _add_inventory_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--directory", required=True, type=Path, metavar="DIR",
        help="where the inventory is written; made if it does not exist")
    add("--count", required=True, type=_count, metavar="N",
        help="how many servers: 100000, 100k, 1M or 1e6")
    add("--seed", type=_seed, metavar="N", help="0 to 2^63 - 1; drawn from the system otherwise")
    add("--server-types", type=Path, metavar="FILE",
        help="CSV with model,product_id and, optionally, weight, in place of the shipped table")
    add("--locations", type=Path, metavar="FILE",
        help="CSV with location and, optionally, weight, in place of the shipped table")
    add("--measurements", type=Path, metavar="FILE",
        help="CSV with name,unit,scale and, optionally, decimals, in place of the shipped table")
    add("--overwrite", action="store_true", help="replace an inventory that is there")
    _add_common(parser)


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--directory", required=True, type=Path, metavar="DIR",
        help="holds the inventory and receives the data")
    add("--date", required=True, metavar="YYYY-MM-DD[THH]",
        help="the base time in UTC: 24 hours of data for a date, one hour with THH")
    add("--days", type=_whole, default=1, metavar="N", help="write N files, one a day (default 1)")
    add("--interval", nargs="?", type=_whole, default=HOUR, metavar="SECONDS", action=_Interval,
        help="seconds between samples (default 3600)")
    add("--fuzz", type=_whole, default=0, metavar="SECONDS",
        help="by how much a sample may be late (default 0)")
    add("--end", action="store_true", help="only the end time of each interval, no start time")
    add("--format", choices=FORMATS, help="csv (default) or parquet")
    add("--signal", choices=SIGNALS, default=SIGNALS[0],
        help="uniform (default): a random number in [0, 1) times the measurement's scale; "
        "triangular: the smaller of two such numbers")
    add("--measurements", type=Path, metavar="FILE",
        help="CSV with name,unit,scale and, optionally, decimals, "
        "in place of the directory's measurements.csv")
    add("--seed", type=_seed, metavar="N", help="in place of the one in README.md")
    add("--workers", type=_workers, metavar="N", help="threads that compute (default: the cores)")
    add("--overwrite", action="store_true", help="replace files that are there")
    add("--output", type=Path, metavar="FILE",
        help="write one file elsewhere; - is standard output, whose format needs --format")
    _add_common(parser)
    parser.set_defaults(bare_interval=False)


def _add_tables_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--copy", type=Path, metavar="DIR", help="copy the tables there, as CSV")
    _add_common(parser)


def _inventory(args: argparse.Namespace) -> None:
    from synthpower import inventory

    started = time.perf_counter()
    server_types = catalog.read_server_types(args.server_types)
    locations = catalog.read_locations(args.locations)
    measurements = catalog.read_measurements(args.measurements)
    inventory.check_count(args.count)
    inventory.check_new(args.directory, args.overwrite)
    made = inventory.Inventory.generate(args.count, args.seed, server_types, locations)
    command = f"synthpower inventory --directory . --count {args.count} --seed {made.seed}"
    for option in ("server_types", "locations", "measurements"):
        if table := getattr(args, option):
            command += f" --{option.replace('_', '-')} {shlex.quote(one_line(table))}"
    size = made.write(args.directory, measurements, args.overwrite, command)
    seconds = time.perf_counter() - started
    _say(
        args,
        f"{dataset.INVENTORY}  {args.count:,} servers  {_size_text(size)}  "
        f"{seconds:.1f} s  seed {made.seed}",
    )


def _data(args: argparse.Namespace) -> None:
    started = time.perf_counter()
    if args.bare_interval and args.end:
        raise InputError(
            "without a number it asks for start and end times, but --end for end times only; "
            "give one of them",
            "interval",
        )
    if args.output and args.days > 1:
        raise InputError("it names one file; it does not go with --days above 1", "output")
    dates = following_dates(args.date, args.days)
    check_directory(args.directory)
    specifications = _specifications(args, dates)
    format = args.format or FORMATS[0]
    if args.output and not args.format and args.output.suffix.lower() == ".parquet":
        format = "parquet"
    paths = [args.output or args.directory / f"{s.name}.{format}" for s in specifications]
    for path in paths:
        check_output(path, args.overwrite, "output" if args.output else "directory")

    from synthpower.generate import Job, generate
    from synthpower.inventory import Inventory

    servers = Inventory.read(args.directory)
    if args.drawn:
        _keep_seed(args.directory, specifications[0].seed)
    jobs = [
        Job(specification, path, format, args.overwrite)
        for specification, path in zip(specifications, paths, strict=True)
    ]
    described = {job.path: job.specification.describe() for job in jobs}

    def finished(summary: Summary) -> None:
        if _stands_in(summary.path, args.directory):
            entry = {"format": format, "rows": summary.rows, "bytes": summary.bytes}
            entry["specification"] = described[summary.path] | {"inventory": servers.describe()}
            dataset.update_manifest(args.directory, {summary.path.name: entry})

    names = [path.name if path != STDOUT else "standard output" for path in paths]
    title = names[0] if len(names) == 1 else f"{len(names)} files, {names[0]} to {names[-1]}"
    rows = sum(
        job.specification.steps * len(servers) * len(job.specification.measurements) for job in jobs
    )
    with _progress_bar(args, title, rows) as progress:
        summaries = generate(jobs, servers, args.workers, progress, finished)
    _say(
        args,
        f"{title}  {sum(s.rows for s in summaries):,} rows  "
        f"{_size_text(sum(s.bytes for s in summaries))}  {time.perf_counter() - started:.1f} s  "
        f"seed {specifications[0].seed} (UTC)",
    )


def _specifications(args: argparse.Namespace, dates: list[str]) -> list[Specification]:
    """Return the specification of each file; `args.drawn` says whether the seed is new."""
    table = args.measurements
    if table is None and (args.directory / catalog.MEASUREMENTS).exists():
        table = args.directory / catalog.MEASUREMENTS
    measurements = tuple(catalog.read_measurements(table))
    seeds = (
        args.seed,
        dataset.readme_seed(args.directory) if args.seed is None else None,
    )
    seed = next((seed for seed in seeds if seed is not None), None)
    if seed is None:
        seed = dataset.manifest_seed(args.directory)
    args.drawn = seed is None
    if seed is None:
        seed = draw_seed()
    return [
        Specification(
            date, measurements, seed, args.interval, args.fuzz, args.end, args.signal
        )
        for date in dates
    ]


def _keep_seed(directory: Path, seed: int) -> None:
    try:
        dataset.update_manifest(directory, {}, seed)
    except OSError as error:
        raise InputError(
            f"{directory / dataset.MANIFEST}: the drawn seed cannot be kept there: "
            f"{error.strerror}; give one with --seed"
        ) from None


def _stands_in(path: Path, directory: Path) -> bool:
    return path != STDOUT and path.is_file() and path.parent.samefile(directory)


def _tables(args: argparse.Namespace) -> None:
    sources = [catalog.shipped(name) for name in catalog.TABLES]
    if args.copy is None:
        print("\n\n".join(_aligned(source) for source in sources))
        return
    for source in sources:
        if (args.copy / source.name).exists():
            raise InputError(f"{args.copy / source.name} exists; remove it or choose another DIR")
    try:
        args.copy.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{args.copy}: {error.strerror}", "copy") from None
    for source in sources:
        shutil.copyfile(source, args.copy / source.name)
    _say(args, f"{args.copy}: {', '.join(catalog.TABLES)}")


def _aligned(source: Path) -> str:
    """Return a table as text, its columns aligned."""
    import csv

    rows = list(csv.reader(source.read_text().splitlines()))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([f"{source.name}:", *lines])


def _say(args: argparse.Namespace, line: str) -> None:
    if not args.quiet:
        print(one_line(line), file=sys.stderr)


def _size_text(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


@contextlib.contextmanager
def _progress_bar(
    args: argparse.Namespace, title: str, rows: int
) -> Iterator[Callable[[int, int], None] | None]:
    """Show rows, rows/s, MB/s and the time left on standard error, where that is a terminal."""
    if args.quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rates(ProgressColumn):
        def render(self, task: Any) -> Text:
            seconds = task.elapsed or 1e-9
            written = task.fields["written"]
            return Text(
                f"{task.completed:,.0f} rows  {task.completed / seconds / 1e6:.1f} M rows/s  "
                f"{written / seconds / 1e6:,.0f} MB/s"
            )

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        Rates(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task(one_line(title), total=rows, written=0)
        written = 0

        def progress(more_rows: int, more_bytes: int) -> None:
            nonlocal written
            written += more_bytes
            bar.update(task, advance=more_rows, written=written)

        yield progress


_COMMANDS: dict[str, tuple[str, Callable[..., None], Callable[..., None]]] = {
    "inventory": ("make an inventory of servers", _add_inventory_options, _inventory),
    "data": ("make the readings of an inventory", _add_data_options, _data),
    "tables": ("show the shipped tables, or copy them out", _add_tables_options, _tables),
}


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of ``synthpower``."""
    parser = _Parser(prog="synthpower", description=_DESCRIPTION, epilog=_FIRST)
    _add_common(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, (summary, add_options, _) in _COMMANDS.items():
        command = commands.add_parser(
            name, help=summary, description=summary.capitalize() + ".", epilog=_EXAMPLES[name]
        )
        command.set_defaults(parser=command)
        add_options(command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``synthpower`` and return its exit status.

    0 is success; 2 a wrong command line or bad input; 1 a failure while running;
    130 after Ctrl-C and 143 after SIGTERM.
    """
    return _run(build_parser(), sys.argv[1:] if argv is None else argv)


def generate_inventory() -> int:
    """Run ``generate-inventory``, the founding document's name for ``synthpower inventory``."""
    return _run_alias("generate-inventory", "inventory")


def generate_data() -> int:
    """Run ``generate-data``, the founding document's name for ``synthpower data``."""
    return _run_alias("generate-data", "data")


def _run_alias(program: str, command: str) -> int:
    summary, add_options, _ = _COMMANDS[command]
    parser = _Parser(
        prog=program, description=summary.capitalize() + ".", epilog=_EXAMPLES[command]
    )
    parser.set_defaults(command=command, parser=parser)
    add_options(parser)
    return _run(parser, sys.argv[1:])


def _run(parser: argparse.ArgumentParser, argv: Sequence[str]) -> int:
    with contextlib.suppress(ValueError):  # not in the main thread: then no signal comes here
        signal.signal(signal.SIGTERM, _terminated)
    try:
        args = parser.parse_args(argv)
        if args.command is None:
            print(_FIRST)
        else:
            parser = args.parser
            run = _COMMANDS[args.command][2]
            run(args)
        sys.stdout.flush()
    except InputError as error:
        if error.option:
            parser.error(f"argument --{error.option}: {error}")
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
    return 0


def _terminated(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def _failed(parser: argparse.ArgumentParser, reason: object, status: int) -> int:
    print(f"{parser.prog}: error: {one_line(reason)}", file=sys.stderr)
    return status
