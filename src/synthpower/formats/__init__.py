"""Chunk -> bytes: the formats, by name.

A format is one file and one line here. The line says what files of it are called and where it
is: importing this needs neither arrays nor Arrow, so the command line can name the formats
without them.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from synthpower.errors import InputError, shown

if TYPE_CHECKING:
    from synthpower.formats.interface import Format


class Registered(NamedTuple):
    """A format: the suffixes of its files, the first one by default, and where it is."""

    suffixes: tuple[str, ...]
    where: str


FORMATS = {
    "csv": Registered((".csv",), "synthpower.formats.csv:Csv"),
    "parquet": Registered((".parquet",), "synthpower.formats.parquet:Parquet"),
}
DEFAULT_FORMAT = "csv"
COMPRESSIONS = ("none", "snappy", "zstd")

# Suffixes that name a format, or a compression, which is none of ours.
_OTHERS = {
    ".7z", ".arrow", ".avro", ".br", ".bz2", ".db", ".duckdb", ".feather", ".gz", ".h5", ".ipc",
    ".json", ".jsonl", ".lz4", ".ndjson", ".orc", ".pq", ".snappy", ".sqlite", ".tar", ".tgz",
    ".tsv", ".xls", ".xlsx", ".xml", ".xz", ".yaml", ".zip", ".zst",
}  # fmt: skip


def find_format(name: str) -> Format:
    """Return the format of that name.

    Raises
    ------
    InputError
        Where there is none.
    """
    if name not in FORMATS:
        raise InputError(f"{shown(name)!r}: choose {' or '.join(FORMATS)}", "format")
    module, _, attribute = FORMATS[name].where.partition(":")
    format: Format = getattr(import_module(module), attribute)()
    return format


def suffix_of(name: str) -> str:
    """Return the suffix of a format's files."""
    return FORMATS[name].suffixes[0]


def format_name_of(file_name: str) -> str | None:
    """Return the name of the format that a file's name says, None where it says none of ours."""
    suffix = PurePath(file_name).suffix.lower()
    return next((name for name, format in FORMATS.items() if suffix in format.suffixes), None)


def format_of_name(file_name: str) -> Format | None:
    """Return the format that a file's name says, None where it says none of ours."""
    name = format_name_of(file_name)
    return None if name is None else find_format(name)


def choose_format(name: str, asked: str | None, argument: str) -> Format:
    """Return the format of a file: what its name says and what is asked for have to agree.

    Parameters
    ----------
    name : str
        The file's name.
    asked : str or None
        The name of a format, where one is asked for.
    argument : str
        The argument that named the file.

    Raises
    ------
    InputError
        Where the name says another format than is asked for or made, or nothing says one.
    """
    said, suffix = format_name_of(name), PurePath(name).suffix
    if asked is None:
        if said:
            return find_format(said)
        what = f"the suffix {shown(suffix)!r} names no format" if suffix else "it has no suffix"
        endings = " or ".join(map(suffix_of, FORMATS))
        raise InputError(
            f"{shown(name)}: {what}; end it in {endings}, or say the format",
            argument,
        )
    format = find_format(asked)
    if said != format.name if said else suffix.lower() in _OTHERS:
        raise InputError(
            f"{shown(name)}: the suffix {shown(suffix)!r} says another format than "
            f"{format.name}; end it in {suffix_of(format.name)}",
            argument,
        )
    return format
