"""What a format is, and a writer of it.

A writer serves all files of a run that differ in their date only. It renders chunks on any
thread, in any order; a file is written in the order of its chunks:

    with writer.open(specification, sink) as write:
        for chunk in writer.grid.chunks():
            write(writer.render(chunk, specification.start, buffers))

Leaving the context without an error ends the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import IntEnum
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Protocol, TypeVar

import pyarrow as pa

from synthpower.fleet.fleet import Fleet
from synthpower.formats.buffers import Buffers
from synthpower.model.grid import Chunk, Grid
from synthpower.model.specification import Specification
from synthpower.storage import Sink, Store

if TYPE_CHECKING:
    from synthpower.formats.findings import Finding, Mismatch

FAST, PYARROW = IMPLEMENTATIONS = ("fast", "pyarrow")


class Options(NamedTuple):
    """How a file is written, where its format leaves a choice.

    Attributes
    ----------
    implementation : str
        ``fast``, or ``pyarrow``: its own writers, slower, for cross-checking.
    compression : str, optional
        Of all columns; by default only what repeats is compressed.
    """

    implementation: str = FAST
    compression: str | None = None

    def differences(self, found: Options) -> Iterator[tuple[str, str, str]]:
        """Yield the word for each option that differs, what it was found to be, and should be."""
        for word, there, wanted in (
            ("writer", found.implementation, self.implementation),
            ("compression", found.compression, self.compression),
        ):
            if there != wanted:
                yield word, there or "the default", wanted or "the default"


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


Rendered = TypeVar("Rendered")


class Writer(Protocol[Rendered]):
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

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> Rendered:
        """Return a chunk as `open` wants it; valid until the buffers are filled again."""
        ...

    def open(
        self, specification: Specification, sink: Sink
    ) -> AbstractContextManager[Callable[[Rendered], object]]:
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
    compressions : tuple of str
        What `Options.compression` may be.
    typed : bool
        Whether its columns have types of their own, and it takes a library to read them.
    options_matter : bool
        Whether files differ by how they are written.
    """

    name: str
    compressions: tuple[str, ...]
    typed: bool
    options_matter: bool

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
        store: Store,
        name: str,
        made_from: tuple[Specification, Fleet, Options],
        mismatch: Mismatch,
    ) -> Finding:
        """Return what it means that a file differs from the one made again."""
        ...

    def read(
        self, file: BinaryIO, specification: Specification, fields: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a file, some string columns of it, under their fields' names."""
        ...
