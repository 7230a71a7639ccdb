"""What a format is, and a writer of it.

A writer serves all files of a run that differ in their date only. It renders chunks on any
thread, in any order; a file is written in the order of its chunks:

    with writer.open(specification, sink) as write:
        for chunk in writer.grid.chunks():
            write(writer.render(chunk, specification.start, buffers).data)

Leaving the context without an error ends the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import IntEnum
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, NamedTuple, Protocol, TypeVar

import pyarrow as pa

from synthpower.errors import InputError, shown
from synthpower.fleet.fleet import Fleet
from synthpower.formats.buffers import Buffers
from synthpower.model.grid import Chunk, Grid
from synthpower.model.specification import Specification
from synthpower.signals.totals import Totals
from synthpower.storage import Files, Sink

if TYPE_CHECKING:
    from synthpower.formats.findings import Finding, Mismatch

FAST, PYARROW = IMPLEMENTATIONS = ("fast", "pyarrow")


class Option(NamedTuple):
    """What a format takes as one of its `Options`.

    Attributes
    ----------
    takes : callable
        Return whether a value, as somebody gave it or as JSON has it, is one of them.
    right : str
        Which values are, in words.
    differs : bool
        Whether files differ by it: then the manifest has it.
    needed : bool
        Whether it must be given.
    """

    takes: Callable[[Any], bool]
    right: str
    differs: bool = True
    needed: bool = False


def at_least(least: int) -> Option:
    """Return the option that takes whole numbers from one on."""

    def takes(value: Any) -> bool:
        return type(value) is int and value >= least

    return Option(takes, f"it must be {least} or more")


def one_of(*values: str, differs: bool = True) -> Option:
    """Return the option that takes some words."""
    return Option(values.__contains__, f"choose {', '.join(values)}", differs)


class Options(NamedTuple):
    """How a file is written, where its format leaves a choice.

    All by which files of one specification and one format can differ. A new one is a field here
    and in `Request`, and an `Option` of each format that takes it.

    Attributes
    ----------
    implementation : str
        ``fast``, or ``pyarrow``: its own writers, slower, for cross-checking.
    compression : str, optional
        Of all columns of Parquet; by default only what repeats is compressed. Of text, whose
        names say it; by default it is not compressed.
    delimiter : str
        Of CSV: what stands between fields.
    header : bool
        Of CSV: whether the first line has the columns' names.
    row : str, optional
        Of text: the pattern of a row, see `formats.text.row.pattern_row`.
    row_group_rows : int, optional
        The most rows of a row group of Parquet.
    """

    implementation: str = FAST
    compression: str | None = None
    delimiter: str = ","
    header: bool = True
    row: str | None = None
    row_group_rows: int | None = None

    def given(self) -> dict[str, Any]:
        """Return those that are not as by default, by their fields."""
        pairs = zip(self._fields, self, strict=True)
        return {field: value for field, value in pairs if value != self._field_defaults[field]}

    def check(self, format: Format) -> None:
        """Raise `InputError` where a format has no such option, or it does not take the value."""
        given = self.given()
        for field, option in format.options.items():
            if option.needed and field not in given:
                raise InputError(f"format {format.name} needs {option.right}", word_of(field))
        for field, value in given.items():
            if field not in format.options:
                what = f"{shown(value)!r}: {format.name} has no such option"
                raise InputError(what, word_of(field))
            if not format.options[field].takes(value):
                raise InputError(f"{shown(value)!r}: {format.options[field].right}", word_of(field))

    def recorded(self, format: Format) -> Options:
        """Return those by which files of a format differ, the others as by default."""
        return Options(
            **{
                field: value
                for field, value in self.given().items()
                if (option := format.options.get(field)) and option.differs
            }
        )

    def differences(self, found: Options) -> Iterator[tuple[str, str, str]]:
        """Yield the word for each option that differs, what it was found to be, and should be."""
        for field, there, wanted in zip(self._fields, found, self, strict=True):
            if there != wanted:
                yield word_of(field), _in_words(there), _in_words(wanted)


def word_of(field: str) -> str:
    """Return what an option is called in a manifest, in messages and, with dashes, as a flag."""
    return "writer" if field == "implementation" else field


def _in_words(value: object) -> str:
    return "the default" if value is None else shown(value)


class Certainty(IntEnum):
    """How well the size of a file is known before it is written; the greater, the less."""

    EXACTLY = 0
    ABOUT = 1
    AT_MOST = 2

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


class Size(NamedTuple):
    """The bytes of a file, and how certain they are."""

    bytes: int
    certainty: Certainty


Data = TypeVar("Data")


class Rendered(NamedTuple, Generic[Data]):
    """A chunk as `Writer.open` wants it, and what its readings come to."""

    data: Data
    totals: Totals


class Writer(Protocol[Data]):
    """Makes files of one format from one specification, whatever its date.

    Attributes
    ----------
    grid : Grid
        The rows, and the chunks that they are cut into.
    chunk_bytes : int
        What a chunk takes in memory while it is made and waits, about.
    """

    @property
    def grid(self) -> Grid: ...
    @property
    def chunk_bytes(self) -> int: ...

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> Rendered[Data]:
        """Return a chunk as `open` wants it, with the totals of its readings.

        It is valid until the buffers are filled again.
        """
        ...

    def open(
        self, specification: Specification, sink: Sink
    ) -> AbstractContextManager[Callable[[Data], object]]:
        """Begin a file and return what writes its chunks."""
        ...

    def size(self, specification: Specification) -> Size:
        """Return the size of a file; may take a while for one of many row groups."""
        ...

    def estimate(self, specification: Specification) -> int:
        """Return about the size of a file, or what it has at most, at once."""
        ...


class Provenance(NamedTuple):
    """What a file says of itself.

    Attributes
    ----------
    record : object
        What it was made from: see `model.description.parse`.
    options : Options
        How it was written.
    created_by : str
        Who wrote it.
    """

    record: Mapping[str, Any]
    options: Options
    created_by: str


class Format(Protocol):
    """A file format.

    Attributes
    ----------
    name : str
    options : mapping of str to Option
        What it takes, by the fields of `Options`.
    typed : bool
        Whether its columns have types of their own, and it takes a library to read them.
    """

    name: str
    options: Mapping[str, Option]
    typed: bool

    def writer(self, specification: Specification, fleet: Fleet, options: Options) -> Writer[Any]:
        """Return a writer."""
        ...

    def provenance(self, file: BinaryIO) -> Provenance | None:
        """Return what a file says of itself, None where the format says nothing.

        Raises
        ------
        InputError
            Where it is not a whole file of ours.
        """
        ...

    def explain(
        self,
        store: Files,
        name: str,
        made_from: tuple[Specification, Fleet, Options],
        mismatch: Mismatch,
    ) -> Finding:
        """Return what it means that a file differs from the one made again."""
        ...

    def read(
        self,
        file: BinaryIO,
        specification: Specification,
        options: Options,
        fields: Sequence[str],
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a file, some string columns of it, under their fields' names."""
        ...
