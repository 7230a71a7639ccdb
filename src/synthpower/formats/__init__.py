"""Chunk -> bytes: the formats, by name.

A format is one file and one line here. The line says what files of it are called and where it
is: importing this needs neither arrays nor Arrow, so the command line can name the formats
without them.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from synthpower.errors import InputError, shown

if TYPE_CHECKING:
    from synthpower.formats.interface import Format


class Registered(NamedTuple):
    """A format: the suffixes of its files, the first one by default, and where it is.

    Attributes
    ----------
    text : bool
        Whether its files are text, which may be compressed; then their names say so, too.
    """

    suffixes: tuple[str, ...]
    where: str
    text: bool = False


FORMATS = {
    "csv": Registered((".csv",), "synthpower.formats.text.formats:Csv", text=True),
    "jsonl": Registered(
        (".jsonl", ".ndjson"), "synthpower.formats.text.formats:JsonLines", text=True
    ),
    "text": Registered((".txt",), "synthpower.formats.text.formats:Pattern", text=True),
    "parquet": Registered((".parquet",), "synthpower.formats.parquet:Parquet"),
    "arrow": Registered((".arrow",), "synthpower.formats.arrow:Arrow"),
}
DEFAULT_FORMAT = "csv"
TEXT_COMPRESSIONS = {"gzip": ".gz", "zstd": ".zst"}
COMPRESSIONS = ("none", "snappy", "gzip", "zstd")  # of any format

# Suffixes that name a format, or a compression, which is none of ours.
_OTHERS = {
    ".7z", ".arrows", ".avro", ".br", ".bz2", ".db", ".duckdb", ".feather", ".gz", ".h5", ".ipc",
    ".json", ".lz4", ".orc", ".pq", ".snappy", ".sqlite", ".tar", ".tgz",
    ".tsv", ".xls", ".xlsx", ".xml", ".xz", ".yaml", ".zip", ".zst",
}  # fmt: skip

_ANY = {".txt"}  # suffixes that say a format where none is asked for, and fit any


def find_format(name: str) -> Format:
    """Return the format of that name.

    Raises
    ------
    InputError
        Where there is none.
    """
    if name not in FORMATS:
        raise InputError(f"{shown(name)!r}: choose {_any_of(FORMATS)}", "format")
    module, _, attribute = FORMATS[name].where.partition(":")
    format: Format = getattr(import_module(module), attribute)()
    return format


def is_text(name: str) -> bool:
    """Return whether the files of a format are text."""
    return FORMATS[name].text


def suffix_of(name: str, compression: str | None = None) -> str:
    """Return the suffix of a format's files."""
    suffix = FORMATS[name].suffixes[0]
    return suffix + TEXT_COMPRESSIONS.get(compression or "", "") if is_text(name) else suffix


class Said(NamedTuple):
    """What a file's name says.

    Attributes
    ----------
    stem, suffix : str
        Together they are the name; ``.csv.gz`` is one suffix.
    format : str or None
        The name of the format; None where it says none of ours.
    compression : str or None
        Of text; None where it says none.
    """

    stem: str
    suffix: str
    format: str | None = None
    compression: str | None = None


def what_says(file_name: str) -> Said:
    """Return what a file's name says."""
    stem, suffix = _split(file_name)
    outer, inner = _split(stem)
    for compression, ending in TEXT_COMPRESSIONS.items():
        format = _format_of_suffix(inner)
        if suffix.lower() == ending and format and is_text(format):
            return Said(outer, inner + suffix, format, compression)
    return Said(stem, suffix, _format_of_suffix(suffix))


def _split(name: str) -> tuple[str, str]:
    stem, _, last = name.rpartition(".")
    return (stem, f".{last}") if stem else (name, "")


def _format_of_suffix(suffix: str) -> str | None:
    suffix = suffix.lower()
    return next((name for name, format in FORMATS.items() if suffix in format.suffixes), None)


def format_of_name(file_name: str) -> Format | None:
    """Return the format that a file's name says, None where it says none of ours."""
    name = what_says(file_name).format
    return None if name is None else find_format(name)


def choose_format(
    name: str, asked: str | None, compression: str | None, argument: str
) -> tuple[Format, str | None]:
    """Return the format of a file and its compression.

    What its name says and what is asked for have to agree; text is compressed if either says so.

    Parameters
    ----------
    name : str
        The file's name.
    asked : str or None
        The name of a format, where one is asked for.
    compression : str or None
        Of any format, where one is asked for.
    argument : str
        The argument that named the file.

    Raises
    ------
    InputError
        Where the name says another format or compression than is asked for or made, or nothing
        says a format.
    """
    said = what_says(name)
    if asked is None and not said.format:
        what = "it has no suffix"
        if said.suffix:
            what = f"the suffix {shown(said.suffix)!r} names no format"
        endings = _any_of(map(suffix_of, FORMATS))
        raise InputError(f"{shown(name)}: {what}; end it in {endings}, or say the format", argument)
    format = find_format(asked or said.format or "")
    says_another = said.format != format.name if said.format else said.suffix.lower() in _OTHERS
    if says_another and not (asked and said.suffix.lower() in _ANY):
        raise InputError(
            f"{shown(name)}: the suffix {shown(said.suffix)!r} says another format than "
            f"{format.name}; end it in {suffix_of(format.name, compression)}",
            argument,
        )
    if not said.format or not is_text(format.name):
        return format, compression
    if compression not in (None, said.compression):
        raise InputError(
            f"{shown(name)}: the suffix {shown(said.suffix)!r} says another compression than "
            f"{shown(compression)!r}; end it in {suffix_of(format.name, compression)}",
            "compression",
        )
    return format, said.compression


def _any_of(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}"
