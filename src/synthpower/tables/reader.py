"""The rows of a small CSV file, each checked: file and line in every error."""

from __future__ import annotations

import csv
import io
import stat
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Literal, Protocol

from synthpower.errors import InputError, Notice, shown
from synthpower.model.measurement import check_text

_FIELD_LIMIT = 2**31 - 1  # of csv's own, 128 KiB, a long name would be no CSV
_NEAR = 0.8  # of difflib: `wieght` is near to weight, `height_u` is not
_LARGEST_STREAM = 2**26  # bytes


class Source(Protocol):
    """A file that can be opened; its string is what a user would call it. A `Path` is one."""

    def open(self, mode: Literal["rb"], /) -> IO[bytes]: ...


def read_rows(
    path: Source,
    needed: Sequence[str],
    optional: Sequence[str] = (),
    known: Sequence[str] = (),
    comment: str | None = None,
) -> Iterator[tuple[int, dict[str, str]]]:
    """Read the rows of a CSV file one at a time, checking each.

    Parameters
    ----------
    path : Source
        A UTF-8 file with a header, comma separated, RFC 4180 quoting; a BOM and
        carriage returns are read over, blank lines skipped.
    needed, optional : sequence of str
        The columns with a meaning. An optional one may be missing, or a field of it empty.
    known : sequence of str
        Other columns that are not to be taken for a misspelt one.
    comment : str, optional
        What a line begins with that is skipped.

    Yields
    ------
    tuple of int and dict
        The number of the row's first line and its fields by column, those of further columns
        too.

    Raises
    ------
    InputError
        Naming file and line: not readable, not UTF-8, a column missing or
        repeated, a ragged row, an empty field, a control character.

    Warns
    -----
    Notice
        Where a column without a meaning is nearly called like one that has one.
    """
    lines: Iterable[str] = io.StringIO(_read_text(path), newline="")
    if comment:
        lines = ("\n" if line.startswith(comment) else line for line in lines)
    reader = csv.reader(lines, strict=True)
    line = 1
    try:
        header: list[str] = []
        while not header:
            if (row := _next(reader)) is None:
                break
            header = row
        _check_header(path, reader.line_num, header, needed, optional)
        _ask_about_others(path, reader.line_num, header, (*needed, *optional), known)
        line = reader.line_num + 1
        while (row := _next(reader)) is not None:
            if row:
                if len(row) != len(header):
                    raise InputError(
                        f"{path}:{line}: {len(row)} fields, where the header has {len(header)}"
                    )
                fields = dict(zip(header, row, strict=True))
                for column in (*needed, *optional):
                    if column in needed or fields.get(column):
                        with at_line(path, line):
                            check_text(column, fields[column])
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}:{line}: not a CSV row: {error}") from None


def _next(reader: Iterator[list[str]]) -> list[str] | None:
    """Return the next row; the limit of a field, which is the whole process's, is put back."""
    limit = csv.field_size_limit(_FIELD_LIMIT)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(limit)


def _check_header(
    path: Source,
    line: int,
    header: list[str],
    needed: Sequence[str],
    optional: Sequence[str],
) -> None:
    names = ",".join(needed)
    if not header:
        raise InputError(f"{path}: the file is empty; its first line must name {names}")
    for column in (*needed, *optional):
        if header.count(column) > 1:
            raise InputError(f"{path}:{line}: column {column} is there twice")
        if column in needed and column not in header:
            raise InputError(f"{path}:{line}: no column {column}; the header must name {names}")


def _ask_about_others(
    path: Source, line: int, header: list[str], meaning: Sequence[str], known: Sequence[str]
) -> None:
    others = [column for column in header if column not in meaning and column not in known]
    if not others:
        return
    import difflib

    for column in others:
        near = difflib.get_close_matches(column.strip().lower(), meaning, 1, _NEAR)
        missing = [name for name in near if name not in header]
        if missing:
            warnings.warn(
                f"{path}:{line}: column {shown(column)!r} has no meaning; was {missing[0]!r} "
                f"meant?",
                Notice,
                stacklevel=4,
            )


class at_line:  # noqa: N801 - reads as a phrase: with at_line(path, line)
    """Add file and line to an `InputError` raised inside."""

    def __init__(self, path: object, line: int) -> None:
        self.where = f"{path}:{line}"

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, InputError):
            raise InputError(f"{self.where}: {error}") from None


def _read_text(path: Source) -> str:
    try:
        data = _read_bytes(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read: {reason}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}:{line}: not UTF-8: save the file as UTF-8") from None


def _read_bytes(path: Source) -> bytes:
    with path.open("rb") as file:
        if not isinstance(path, Path) or stat.S_ISREG(path.stat().st_mode):
            return file.read()
        # A pipe may be a table too, but a device may have no end.
        data = file.read(_LARGEST_STREAM)
        if len(data) == _LARGEST_STREAM:
            raise InputError(f"{path}: it has no end, or is too long for a table; name a file")
        return data
