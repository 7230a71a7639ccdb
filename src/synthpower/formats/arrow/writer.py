"""Readings as Arrow IPC by splicing: what repeats is compressed once, and only values are new.

A record batch is a chunk. The buffers of its templates are the same bytes in every batch of the
same servers: they are compressed once, and copied into each. Times are compressed, and a step's
are nearly nothing. The values are as the kernel makes them: random numbers hardly shrink.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any

import pyarrow as pa

from synthpower.fleet.fleet import Fleet
from synthpower.formats.arrow.messages import (
    CONTINUATION,
    END,
    FILE_BEGIN,
    RAW,
    Block,
    Message,
    Pieces,
    batch_message,
    dictionary_message,
    footer,
    schema_message,
)
from synthpower.formats.batches import Batches
from synthpower.formats.buffers import Buffers
from synthpower.formats.interface import Certainty, Rendered, Size
from synthpower.lazy import lazy
from synthpower.model.columns import Axis, Column
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification
from synthpower.storage import Sink

# 48 MB for a reader that takes all columns. A template is worth its bytes where it holds several
# steps: 5 of 100,000 servers and two measurements take 0.9 B/row, one step 2.3.
BATCH_ROWS = 2**20

# Of zstd, the shorter for each template: 2 finds the steps of 130,000 rows again, 3 those of more
# in some columns. Higher ones find short repetitions first, and more bytes.
_TEMPLATE_LEVELS = (2, 3)
_LEVEL = 1
_KEPT_TEMPLATES = 128  # columns; without compression those of whole steps only, 4 B/row each
_VALUE_BYTES = 8  # or a little more
_LARGE = 2**14  # bytes that are written by themselves, but for their tail
_TAIL = 64


class ArrowWriter:
    """Write readings as Arrow IPC, fast; see `Writer`.

    Parameters
    ----------
    specification : Specification
        The first file's; others may have another date.
    fleet : Fleet
    compression : str or None
        ``none``, or ``zstd`` for all columns. Otherwise Zstandard for all but the values.
    metadata : callable
        Return what a file says of its making.
    batch_rows : int
        The rows of a record batch, at most.
    """

    def __init__(
        self,
        specification: Specification,
        fleet: Fleet,
        compression: str | None,
        metadata: Callable[[Specification], Mapping[str, str]],
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self._columns = specification.columns
        self._metadata = metadata
        self._compressed = compression != "none"
        self._values_too = compression == "zstd"
        self._batches = Batches(specification, fleet, batch_rows, whole_dictionaries=True)
        self.grid = self._batches.grid
        # A method under lru_cache would keep every instance alive.
        kept = _KEPT_TEMPLATES if self._compressed else 2 * len(self._columns)
        self._kept = lru_cache(kept)(self._make_template)

    @property
    def chunk_bytes(self) -> int:
        varying = len(self._columns) - sum(map(_is_template, self._columns))
        rows = max(map(self.grid.rows, islice(self.grid.chunks(), 2)), default=1)
        return rows * varying * _VALUE_BYTES

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> Rendered[Message]:
        """Return a chunk's record batch, valid until the buffers are filled again."""
        varying, totals = self._batches.varying(chunk, buffers, start)
        null_counts, pieces = [], []
        for column in self._columns:
            if _is_template(column):
                null_counts.append(0)
                pieces += self._template(column, chunk)
            else:
                array = varying[column.name]
                null_counts.append(array.null_count)
                pieces += self._pieces(column, array)
        rows = self.grid.rows(chunk)
        return Rendered(batch_message(rows, null_counts, pieces, self._compressed), totals)

    @contextmanager
    def open(self, specification: Specification, sink: Sink) -> Iterator[Callable[[Any], object]]:
        file = _File(sink)
        schema = schema_message(self._batches.schema.with_metadata(self._metadata(specification)))
        file.write(schema)
        dictionaries = [file.write(message) for message in self._dictionaries]
        batches: list[Block] = []
        yield lambda message: batches.append(file.write(message))
        file.end(footer(schema, dictionaries, batches))

    def size(self, specification: Specification) -> Size:
        """Return about the size of a file: a stream has no footer, and times differ a little."""
        return Size(self._size(specification, self.grid.chunks()), Certainty.ABOUT)

    def estimate(self, specification: Specification) -> int:
        """Return about the size of a file, at once: as if all batches were like the first."""
        empty, one = (self._size(specification, islice(self.grid.chunks(), n)) for n in (0, 1))
        return empty + (one - empty) * self.grid.num_chunks

    def _size(self, specification: Specification, chunks: Iterable[Chunk]) -> int:
        """Return the size of a file: as if all batches of a shape were like the first of it."""
        sink = _Counter()
        rendered: dict[tuple[int, ...], Message] = {}
        with self.open(specification, sink) as write:
            for chunk in chunks:
                shape = self.grid.shape(chunk)
                if shape not in rendered:
                    rendered[shape] = self.render(chunk, specification.start, Buffers()).data
                write(rendered[shape])
        return sink.size

    @lazy
    def _dictionaries(self) -> list[Message]:
        """The messages of the dictionaries, which are the same in each file."""
        messages: list[Message] = []
        for column in filter(_is_template, self._columns):
            nothing = Chunk(0, 0, 0, 0)
            strings = self._batches.template(column.field.name, nothing).dictionary
            buffers = [self._packed(buffer, _TEMPLATE_LEVELS) for buffer in _buffers_of(strings)]
            number = len(messages)  # as Arrow numbers them in the schema
            messages.append(dictionary_message(number, len(strings), buffers, self._compressed))
        return messages

    def _template(self, column: Column, chunk: Chunk) -> list[Pieces]:
        first_server = chunk.first_server if Axis.SERVER in column.axes else 0
        return self._kept(column.field.name, chunk.steps, first_server, chunk.servers)

    def _make_template(
        self, field: str, steps: int, first_server: int, servers: int
    ) -> list[Pieces]:
        array = self._batches.template(field, Chunk(0, steps, first_server, servers))
        return [self._packed(buffer, _TEMPLATE_LEVELS) for buffer in _buffers_of(array)]

    def _pieces(self, column: Column, array: pa.Array) -> list[Pieces]:
        """Return the buffers of a column that is no template."""
        raw = self._compressed and column.field.is_value and not self._values_too
        return [
            [RAW, buffer] if raw and buffer else self._packed(buffer, (_LEVEL,))
            for buffer in _buffers_of(array)
        ]

    def _packed(self, buffer: memoryview, levels: Sequence[int]) -> Pieces:
        """Return a buffer as it is written: compressed, at the best of these levels, or not."""
        if not self._compressed or not buffer:
            return [buffer]
        packed = min((_codec(level).compress(buffer, asbytes=True) for level in levels), key=len)
        return [len(buffer).to_bytes(8, "little") + packed]


class _File:
    """What is written to a sink: a file or, where that is read as it is written, a stream.

    What begins a message, and the mark of the end, is written together with the end of the
    message before: a stream that stops after any whole message ends within the next.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        sink.write(CONTINUATION if sink.streams else FILE_BEGIN + CONTINUATION)

    def write(self, message: Message) -> Block:
        block = message.at(self._sink.size - len(CONTINUATION))
        small = message.head
        for piece in message.body:
            if len(piece) < _LARGE:
                small += piece
            else:
                self._sink.write(small)
                self._sink.write(memoryview(piece)[:-_TAIL])
                small = bytes(piece[-_TAIL:])
        self._sink.write(small + CONTINUATION)
        return block

    def end(self, footer: bytes) -> None:
        self._sink.write(END if self._sink.streams else END + footer)


class _Counter(Sink):
    """A sink that only counts."""

    def put(self, view: memoryview) -> None: ...


def _is_template(column: Column) -> bool:
    return Axis.TIME not in column.axes


def _buffers_of(array: pa.Array) -> list[memoryview]:
    """Return the buffers of an array, as long as they need to be."""
    validity, *others = array.buffers()
    kind = array.type.index_type if pa.types.is_dictionary(array.type) else array.type
    if pa.types.is_string(kind):
        offsets, data = (memoryview(buffer or b"") for buffer in others)
        offsets = offsets[: 4 * (len(array) + 1)]
        sized = [offsets, data[: offsets.cast("i")[-1]]]
    else:
        sized = [memoryview(others[0])[: len(array) * kind.bit_width // 8]]
    there = memoryview(validity)[: -(-len(array) // 8)] if array.null_count else memoryview(b"")
    return [there, *sized]


@lru_cache
def _codec(level: int) -> pa.Codec:
    return pa.Codec("zstd", compression_level=level)
