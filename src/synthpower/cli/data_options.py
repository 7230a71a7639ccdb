"""The options of ``synthpower data``, in groups."""

from __future__ import annotations

import argparse

from synthpower.cli.parser import (
    Interval,
    add_common,
    add_workers,
    delimiter,
    path,
    place,
    seed_number,
    shard_part,
    table,
    whole,
)
from synthpower.dataset.lake import LAKES
from synthpower.formats import COMPRESSIONS, FORMATS
from synthpower.model.calendar import HOUR
from synthpower.model.grid import WHOLE
from synthpower.model.specification import DEFAULT_SIGNAL
from synthpower.signals import SIGNALS

_IMPLEMENTATIONS = ("fast", "pyarrow")  # as in formats.interface, which is heavy to import


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``data``; its usage line leaves most of them to the groups."""
    parser.usage = "%(prog)s --directory DIR --date YYYY-MM-DD[THH] [options]"
    _add_readings(parser)
    _add_files(parser)
    _add_form(parser)
    run = parser.add_argument_group("the run")
    run.add_argument("--dry-run", action="store_true", help="write nothing; say what would be")
    run.add_argument("--overwrite", action="store_true", help="replace files that are there")
    add_workers(run)
    add_common(parser)
    parser.set_defaults(bare_interval=False)


def _add_readings(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("which readings").add_argument
    add("--directory", required=True, type=place, metavar="DIR",
        help="holds the inventory and receives the data: a directory, or "
        "s3://bucket/prefix")  # fmt: skip
    add("--date", required=True, metavar="YYYY-MM-DD[THH]",
        help="the base time in UTC: 24 hours for a date, one hour with THH")  # fmt: skip
    add("--days", type=whole, default=1, metavar="N", help="so many days (default 1)")
    add("--interval", nargs="?", type=whole, default=HOUR, metavar="SECONDS", action=Interval,
        help="seconds between samples (default 3600)")  # fmt: skip
    add("--fuzz", type=whole, default=0, metavar="SECONDS",
        help="by how much a sample may be late (default 0)")  # fmt: skip
    add("--measurements", type=table, metavar="FILE",
        help="CSV with name,unit,scale and, optionally, decimals,quantity,minimum, in place of the "
        "directory's; 'load' is a shipped one of all quantities")  # fmt: skip
    add("--signal", choices=SIGNALS, default=DEFAULT_SIGNAL,
        help="uniform (default): a random number from the minimum, or 0, to the scale; "
        "triangular: the smaller of two such numbers; load: servers with work to do, their power "
        "following it")  # fmt: skip
    add("--faults", type=path, metavar="FILE",
        help="CSV with kind,share and, optionally, scope: faults in the readings of load; "
        "events-DATE.csv says which")  # fmt: skip
    add("--seed", type=seed_number, metavar="N", help="in place of the dataset's")


def _add_files(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("which files").add_argument
    add("--path", metavar="PATTERN",
        help="divide the rows and name the files by {date}, {hour}, {location}, {name}, {shard}: "
        "such as dt={date}/hour={hour}/data{suffix}")  # fmt: skip
    add("--shard", type=shard_part, default=WHOLE, metavar="I/N",
        help="the I-th of N parts of each file: one after the other they are the file; auto or "
        "auto/N: that of this task of an array job")  # fmt: skip
    add("--table", choices=LAKES,
        help="add the Parquet files, when they are whole, to a Delta or an Iceberg table: the "
        "first folder of the path (default readings/)")  # fmt: skip
    add("--output", type=place, metavar="FILE",
        help="one file elsewhere, in the format that its name ends in; - is standard "
        "output")  # fmt: skip


def _add_form(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("their form").add_argument
    add("--format", choices=FORMATS, help="csv is the default")
    add("--columns", type=path, metavar="FILE",
        help="CSV with column,source and, optionally, format, in place of the directory's "
        "columns.csv")  # fmt: skip
    add("--end", action="store_true", help="only the end time of each interval, no start time")
    add("--compression", choices=COMPRESSIONS,
        help="none, snappy or zstd of all columns of Parquet, none or zstd of Arrow (by default "
        "only of what repeats); gzip or zstd of text: .csv.gz")  # fmt: skip
    add("--delimiter", type=delimiter, default=",", metavar="CHARACTER",
        help="between the fields of CSV; \\t is a tab")  # fmt: skip
    add("--no-header", dest="header", action="store_false", help="CSV without its first line")
    add("--row", metavar="PATTERN",
        help="the rows of text, such as '{sn} {end_time:s} {measurement_value}'")  # fmt: skip
    add("--row-group-rows", type=whole, metavar="N",
        help="the most rows of a row group of Parquet (default 2,500,000)")  # fmt: skip
    add("--writer", choices=_IMPLEMENTATIONS, default=_IMPLEMENTATIONS[0],
        help="fast (default), or pyarrow's own: slower, for cross-checking")  # fmt: skip
