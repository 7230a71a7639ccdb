"""The options of the command line: what each is called, takes and says of itself."""

from __future__ import annotations

import argparse

from synthpower.cli.data_options import add_data_options
from synthpower.cli.parser import (
    Parser,
    add_common,
    add_workers,
    path,
    place,
    seed_number,
    server_count,
    table,
)

_ENGINES = ("duckdb", "clickhouse", "postgres", "spark")  # as in dataset.sql

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
  synthpower data --directory power --date 2023-02-27 --shard 3/10
  synthpower data --directory power --date 2023-02-27 --columns agreed.csv \\
      --compression gzip --path 'dt={date}/hour={hour}/readings{suffix}'""",
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
    "totals": """\
Of each measurement: how many readings, their exact sum, the least and the greatest.
They are those in manifest.json, or made without the files.

examples:
  synthpower totals power
  synthpower totals power --by location,hour --json
  synthpower totals power --sql duckdb --table power""",
    "tables": """\
To add a server type: copy the tables out, add a line to server_types.csv, such as
"My server,P00001-B21,,,," (only model and product_id are needed; a column weight of
your own makes some likelier), and hand it to 'inventory'.

example:
  synthpower tables --copy my-tables
  synthpower inventory --directory power --count 1000 --server-types my-tables/server_types.csv""",
}


def _add_inventory_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--directory",
        required=True,
        type=place,
        metavar="DIR",
        help="where the inventory is written, made if it does not exist; or s3://bucket/prefix",
    )
    add(
        "--count",
        required=True,
        type=server_count,
        metavar="N",
        help="how many servers: 100000, 100k, 1M or 1e6",
    )
    add(
        "--seed",
        type=seed_number,
        metavar="N",
        help="0 to 2^63 - 1; drawn from the system otherwise",
    )
    add(
        "--server-types",
        type=path,
        metavar="FILE",
        help="CSV with model,product_id and, optionally, weight, in place of the shipped table",
    )
    add(
        "--locations",
        type=path,
        metavar="FILE",
        help="CSV with location and, optionally, weight,time_zone, in place of the shipped table",
    )
    add(
        "--measurements",
        type=table,
        metavar="FILE",
        help="CSV with name,unit,scale and, optionally, decimals,quantity,minimum, in place of the "
        "shipped table; 'load' is the shipped one of all quantities",
    )
    add(
        "--columns",
        type=path,
        metavar="FILE",
        help="CSV with column,source and, optionally, format: the columns of the files; "
        "'synthpower tables --copy' has an example",
    )
    add("--overwrite", action="store_true", help="replace an inventory that is there")
    add_common(parser)


def _add_verify_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("paths", nargs="+", type=place, metavar="PATH", help="a dataset directory, or its files")
    add(
        "--contract",
        action="store_true",
        help="make nothing again: check anybody's files, in any order of rows, against the "
        "tables and each other, in the columns of columns.csv",
    )
    add(
        "--span",
        metavar="FROM/TO",
        help="with --contract: what the files must hold together, as two dates or times in UTC, "
        "if their names do not say it; the second is not part of it",
    )
    add("--json", action="store_true", help="print the checks as JSON")
    add_workers(parser)
    add_common(parser)


def _add_remake_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("path", type=place, metavar="PATH", help="a dataset directory, or one of its files")
    add(
        "--directory",
        type=place,
        metavar="DIR",
        help="make all of it there, and leave PATH alone; made if it does not exist",
    )
    add_workers(parser)
    add_common(parser)


def _add_totals_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("paths", nargs="+", type=place, metavar="PATH", help="a dataset directory, or its files")
    add(
        "--by",
        type=lambda text: text.split(","),
        default=(),
        metavar="LIST",
        help="some of location,model,product_id,name,date,hour,file: a total for each of them",
    )
    add("--json", action="store_true", help="print the totals as JSON")
    add(
        "--sql",
        choices=_ENGINES,
        help="print a query to run where the files were loaded: it returns no row if the load is "
        "right, and else what is wrong",
    )
    add("--table", metavar="NAME", help="with --sql: the table (default readings)")
    add_workers(parser)
    add_common(parser)


def _add_tables_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--copy", type=path, metavar="DIR", help="copy the tables there, as CSV")
    add_common(parser)


_COMMANDS = {
    "inventory": ("make an inventory of servers", _add_inventory_options),
    "data": ("make the readings of an inventory", add_data_options),
    "verify": ("check files against what they were made from", _add_verify_options),
    "remake": ("make again what is missing of a dataset", _add_remake_options),
    "totals": ("show what the readings come to", _add_totals_options),
    "tables": ("show the shipped tables, or copy them out", _add_tables_options),
}


def build_parser() -> Parser:
    """Return the parser of ``synthpower``."""
    parser = Parser(_fill, prog="synthpower", description=_DESCRIPTION, epilog=FIRST)
    parser.set_defaults(quiet=False)
    add_common(parser)
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
