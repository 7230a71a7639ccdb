"""Readings as text: a row is ready-made bytes, copied, and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import takewhile
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.fleet.fleet import Fleet
from synthpower.formats.buffers import Buffers
from synthpower.formats.interface import Certainty, Rendered, Size
from synthpower.formats.templates import Templates
from synthpower.formats.text.numbers import NumberTexts
from synthpower.formats.text.row import Cell, Row
from synthpower.formats.text.segments import (
    Segment,
    Texts,
    blocks_of,
    interleaved,
    segments_of,
    texts_of,
)
from synthpower.formats.text.times import TimeTexts
from synthpower.kernels.pieces import A_NUMBER, OF_MEASUREMENT, OF_SERVER, OF_TIME
from synthpower.model.columns import END, START, UTC, Field, Kind
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification
from synthpower.storage import Sink

CHUNK_ROWS = 2**17  # of short rows, where the bytes of a chunk do not say it
_CHUNK_BYTES = 2**24
_KEPT_SLICES = 1024  # of servers: 1 MB each of an inventory of our own


class TextWriter:
    """Write readings as text, fast; see `Writer`.

    Parameters
    ----------
    specification : Specification
        The first file's; others may have another date.
    fleet : Fleet
    row : Row
    chunk_rows : int
        The rows of a chunk, at most; fewer where they are long.
    """

    def __init__(
        self, specification: Specification, fleet: Fleet, row: Row, chunk_rows: int = CHUNK_ROWS
    ) -> None:
        self._row = row
        self._segments = segments_of(row.parts)
        self._templates = Templates(specification, fleet)
        rows = specification.grid(len(fleet), 1).measurements
        self._tails = self._static(
            OF_MEASUREMENT, rows, self._templates.of_measurements.__getitem__
        )
        self._times = TimeTexts(specification, fleet, self._of_kind(OF_TIME))
        self._numbers = NumberTexts(specification, fleet, row.absent)
        self._columns = [_cell(segment).column for segment in self._of_kind(A_NUMBER)]
        self._longest_row = self._longest()
        most = max(1, min(chunk_rows, _CHUNK_BYTES // self._longest_row))
        self.grid = specification.grid(len(fleet), most)
        self._pieces = self._layout()
        self._in_order = not specification.wide and self._is_in_order()
        # A method under lru_cache would keep every instance alive.
        self._heads = lru_cache(_KEPT_SLICES)(self._make_heads)

    @property
    def chunk_bytes(self) -> int:
        return self.grid.chunk_rows * self._longest_row

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> Rendered[memoryview]:
        """Return a chunk's rows, valid until the buffers are filled again."""
        numbers = self._numbers
        counts, totals = numbers.counts(chunk, start, buffers)
        heads = self._heads(chunk.first_server, chunk.servers)
        size = np.empty(1, np.int64)
        room = self.grid.rows(chunk) * self._longest_row + kernels.PADDING
        out = buffers.array("text", (room,), np.uint8)
        if self._in_order:
            numbers.render_rows(
                *heads,
                self._times.boundaries(chunk, start, buffers),
                self._times.has(START.name),
                self._times.has(END.name),
                numbers.texts,
                counts,
                numbers.quantities.decimals,
                numbers.quantities.scales,
                numbers.quantities.minima,
                kernels.powers_of_ten(),
                *self._tails,
                size,
                out,
            )
        else:
            numbers.render_pieces(
                self._pieces,
                *heads,
                *self._tails,
                *self._times.texts(chunk, start, buffers),
                numbers.texts,
                numbers.absent,
                counts,
                self.grid.measurements,
                numbers.decimals,
                numbers.quantities.scales,
                numbers.quantities.minima,
                kernels.powers_of_ten(),
                size,
                out,
            )
        return Rendered(out[: size[0]].data, totals)

    @contextmanager
    def open(self, _: Specification, sink: Sink) -> Iterator[Callable[[Any], object]]:
        if self._row.header:
            sink.write(self._row.header)
        yield sink.write

    def size(self, _: Specification) -> Size:
        """Return what a file has at most: as if each number had all its digits."""
        begin, end = self.grid.part.range(self.grid.steps * self.grid.servers)
        if begin or end < self.grid.steps * self.grid.servers:
            return Size(self._estimate_part(end - begin), Certainty.AT_MOST)
        heads = sum(
            int(self._heads(chunk.first_server, chunk.servers)[1][-1])
            for chunk in takewhile(lambda chunk: chunk.first_step == 0, self.grid.chunks())
        )
        others = self._times.longest_row * self.grid.measurements + int(self._tails[1][-1])
        others += sum(map(self._numbers.longest, self._columns))
        step = heads * self.grid.measurements + self.grid.servers * others
        return Size(len(self._row.header) + self.grid.steps * step, Certainty.AT_MOST)

    def estimate(self, _: Specification) -> int:
        """Return what a file has at most, at once: as if each row were the longest."""
        return self._estimate_part(self.grid.num_rows // self.grid.measurements)

    def _estimate_part(self, server_steps: int) -> int:
        rows = server_steps * self.grid.measurements
        return len(self._row.header) + rows * self._longest_row

    def _of_kind(self, kind: int) -> list[Segment]:
        return [segment for segment in self._segments if segment.kind == kind]

    def _longest(self) -> int:
        """Return the bytes of a row, at most."""
        tails = np.diff(self._tails[1]).max(initial=0) * len(self._of_kind(OF_MEASUREMENT))
        heads = sum(map(self._longest_of_servers, self._of_kind(OF_SERVER)))
        width = self._times.width * len(self._of_kind(OF_TIME))
        return int(tails) + heads + width + kernels.LONGEST_NUMBER * len(self._columns)

    def _longest_of_servers(self, segment: Segment) -> int:
        """Return the bytes of a segment of any server, at most."""
        total = 0
        for part in segment.parts:
            if isinstance(part, bytes):
                total += len(part)
            else:
                total += self._templates.longest(part.column.field.name, part.escape)
        return total

    def _static(self, kind: int, rows: int, strings: Callable[[str], pa.DictionaryArray]) -> Texts:
        """Return the texts of the segments of one kind, in each row of it."""
        segments = [texts_of(segment, strings, rows) for segment in self._of_kind(kind)]
        return interleaved(segments, rows)

    def _make_heads(self, first_server: int, servers: int) -> Texts:
        """Return what the rows of some servers have of them."""
        return self._static(
            OF_SERVER,
            servers,
            lambda field: self._templates.of_servers(field, first_server, servers),
        )

    def _layout(self) -> NDArray[np.int64]:
        """Return the row as `render_known_pieces` takes it."""
        seen = dict.fromkeys((OF_SERVER, OF_MEASUREMENT, OF_TIME), 0)
        pieces = []
        for segment in self._segments:
            if segment.kind == A_NUMBER:
                column = _cell(segment).column
                form = int(column.kind is Kind.FLOAT)
                pieces.append((A_NUMBER, self._numbers.place(column), 0, form))
                continue
            if segment.kind == OF_SERVER:
                longest = self._longest_of_servers(segment)
            elif segment.kind == OF_TIME:
                longest = self._times.longest
            else:
                own = np.diff(self._tails[1])[seen[OF_MEASUREMENT] :: self._count(OF_MEASUREMENT)]
                longest = int(own.max())
            pieces.append((segment.kind, seen[segment.kind], blocks_of(longest), 0))
            seen[segment.kind] += 1
        return np.array(pieces, np.int64)

    def _count(self, kind: int) -> int:
        return len(self._of_kind(kind))

    def _is_in_order(self) -> bool:
        """Return whether the faster kernel can write the row: servers, UTC, value, measurements."""
        kinds = [segment.kind for segment in self._segments]
        if [*dict.fromkeys(kinds)] != kinds or kinds != sorted(kinds, key=_ORDER.index):
            return False
        (number,) = self._of_kind(A_NUMBER)
        if self._row.absent or _cell(number).column.kind is Kind.FLOAT:
            return False
        parts = [part for segment in self._of_kind(OF_TIME) for part in segment.parts]
        if len(parts) % 2:
            return False
        fields = [p.column.field for p in parts[::2] if isinstance(p, Cell)]
        utc = all(isinstance(p, Cell) and p.column.format == UTC for p in parts[::2])
        return utc and set(parts[1::2]) <= {b","} and fields in _TIMES_IN_ORDER


_ORDER = [OF_SERVER, OF_TIME, A_NUMBER, OF_MEASUREMENT]
_TIMES_IN_ORDER: list[list[Field]] = [[], [START], [END], [START, END]]


def _cell(number: Segment) -> Cell:
    (part,) = number.parts
    assert isinstance(part, Cell)
    return part
