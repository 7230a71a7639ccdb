"""Readings as CSV: a row is ready-made bytes, copied, and a number."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as pa_csv

from synthpower import kernels
from synthpower.arrays import as_strings, string_buffers
from synthpower.csv_text import join_fields
from synthpower.fleet.fleet import Fleet
from synthpower.formats import TEXT_COMPRESSIONS
from synthpower.formats.buffers import Buffers
from synthpower.formats.compressed import compressed
from synthpower.formats.interface import (
    IMPLEMENTATIONS,
    PYARROW,
    Certainty,
    Options,
    Size,
    Writer,
    one_of,
)
from synthpower.formats.templates import Templates
from synthpower.model.columns import END, MEASUREMENT_FIELDS, SERVER_FIELDS, START, VALUE, Column
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification
from synthpower.signals import find_signal
from synthpower.signals.quantity import NULLS, Numbers, ValueDictionary, value_dictionary
from synthpower.signals.steps import Steps
from synthpower.storage import Files, Sink

if TYPE_CHECKING:
    from synthpower.formats.findings import Finding, Mismatch

_CHUNK_ROWS = 2**16
_CHUNK_BYTES = 2**24
_LONGEST_DOUBLE = 23  # as in 2.2250738585072014e-308
_TIME_BYTES = 21  # with its comma
_LINE = 2**16  # bytes of a line that are looked at
_KEPT_SLICES = 1024  # of servers: 1 MB each of an inventory of our own


class Csv:
    """UTF-8 with a header, commas, RFC 4180 quotes only where a field needs them.

    Parameters
    ----------
    chunk_rows : int
        The rows that are made at a time, at most; they change no byte.
    """

    name = "csv"
    options: ClassVar = {  # both implementations write the same bytes
        "implementation": one_of(*IMPLEMENTATIONS, differs=False),
        "compression": one_of(*TEXT_COMPRESSIONS),
    }
    typed = False

    def __init__(self, chunk_rows: int = _CHUNK_ROWS) -> None:
        self._chunk_rows = chunk_rows

    def writer(self, specification: Specification, fleet: Fleet, options: Options) -> Writer[Any]:
        if options.implementation == PYARROW or not _in_kernel_order(specification.columns):
            from synthpower.formats.pyarrow_writers import PyarrowCsvWriter

            header = csv_header(specification.columns)
            return compressed(PyarrowCsvWriter(specification, fleet, header), options)
        return compressed(CsvWriter(specification, fleet, self._chunk_rows), options)

    def provenance(self, file: BinaryIO) -> None:
        """Return None: a CSV file says nothing of itself."""

    def explain(
        self,
        store: Files,
        name: str,
        made_from: tuple[Specification, Fleet, Options],
        mismatch: Mismatch,
    ) -> Finding:
        """Say which row and column differs."""
        from synthpower.formats.findings import Finding

        header = csv_header(made_from[0].columns)
        with store.open(name) as file:
            rows, detail = _difference(file, header, mismatch)
        return Finding(False, "values", rows, detail)  # noqa: FBT003

    def read(
        self, file: BinaryIO, specification: Specification, fields: Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        columns = list(specification.columns_of(*fields))
        options = pa_csv.ConvertOptions(
            column_types=dict.fromkeys([c.name for c in specification.columns], pa.string()),
            include_columns=[c.name for c in columns],
        )
        for batch in pa_csv.open_csv(file, convert_options=options):
            yield batch.rename_columns([c.field.name for c in columns])


class CsvWriter:
    """Write readings as CSV, fast; see `Writer`.

    Parameters
    ----------
    specification : Specification
        The first file's; others may have another date.
    fleet : Fleet
    chunk_rows : int
        The rows of a chunk, at most; fewer where they are long.
    """

    def __init__(
        self, specification: Specification, fleet: Fleet, chunk_rows: int = _CHUNK_ROWS
    ) -> None:
        self._columns = specification.columns
        self._header = csv_header(specification.columns)
        self._servers = fleet.by_serial
        self._templates = Templates(specification, fleet)
        self._steps = Steps(specification)
        self._values = find_signal(specification.signal).bind(specification, fleet)
        self._with_start = any(specification.columns_of(START.name))
        self._with_end = any(specification.columns_of(END.name))
        measurements = specification.measurements
        # Quotes at both ends, and each doubled within; two times, a number, a few commas.
        self._longest_row = 2 * self._templates.longest_row() + kernels.LONGEST_NUMBER + 64
        rows = max(1, min(chunk_rows, _CHUNK_BYTES // self._longest_row))
        self.grid = specification.grid(len(fleet), rows)
        last = [
            self._templates.of_measurements[c.field.name]
            for c in specification.columns_of(*MEASUREMENT_FIELDS)
        ]
        self._tails = _padded(join_fields([as_strings([""] * len(measurements)), *last], "\n"))
        self._quantities = self._values.quantities
        self._digits = sum(map(_longest_number, self._quantities.numbers))
        dictionary = value_dictionary(self._quantities)
        if max(map(_longest_number, self._quantities.numbers)) >= kernels.NUMBER:
            dictionary = None
        self._null = dictionary.size if dictionary else NULLS[np.dtype(np.int64)]
        self._in_steps = not dictionary and bool((self._quantities.steps > 1).any())
        self._firsts = dictionary.firsts if dictionary else np.zeros(len(measurements), np.uint64)
        self._numbers = _number_texts(dictionary) if dictionary else np.empty(0, np.uint8)
        if dictionary:
            self._render_rows = kernels.render_known_rows
        elif min(self._quantities.decimals) >= 0 and not self._quantities.first_counts.any():
            self._render_rows = kernels.render_decimal_rows
        else:
            self._render_rows = kernels.render_any_rows
        # A method under lru_cache would keep every instance alive.
        self._heads = lru_cache(_KEPT_SLICES)(self._make_heads)

    @property
    def chunk_bytes(self) -> int:
        return self.grid.chunk_rows * self._longest_row

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> memoryview:
        """Return a chunk's rows, valid until the buffers are filled again."""
        counts = buffers.array("counts", self.grid.shape(chunk), np.int64)
        self._values.counts(chunk, start, self._firsts, counts)
        if self._quantities.nullable:
            counts[counts < 0] = self._null  # the place of the empty text
        if self._in_steps:
            counts *= self._quantities.steps
        size = np.empty(1, np.int64)
        room = self.grid.rows(chunk) * self._longest_row + kernels.PADDING
        out = buffers.array("text", (room,), np.uint8)
        self._render_rows(
            *self._heads(chunk.first_server, chunk.servers),
            self._time_texts(chunk, start, buffers),
            self._with_start,
            self._with_end,
            self._numbers,
            counts,
            self._quantities.decimals,
            self._quantities.scales,
            self._quantities.minima,
            kernels.powers_of_ten(),
            *self._tails,
            size,
            out,
        )
        return out[: size[0]].data

    @contextmanager
    def open(self, _: Specification, sink: Sink) -> Iterator[Callable[[Any], object]]:
        sink.write(self._header)
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
        measurements = self.grid.measurements
        others = (self._with_start + self._with_end) * _TIME_BYTES * measurements
        others += self._digits + int(self._tails[1][-1])
        rows = heads * measurements + self.grid.servers * others
        return Size(len(self._header) + self.grid.steps * rows, Certainty.AT_MOST)

    def estimate(self, _: Specification) -> int:
        """Return what a file has at most, at once: as if each row were the longest."""
        return self._estimate_part(self.grid.num_rows // self.grid.measurements)

    def _estimate_part(self, server_steps: int) -> int:
        rows = server_steps * self.grid.measurements
        return len(self._header) + rows * self._longest_row

    def _make_heads(
        self, first_server: int, servers: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Return what the rows of some servers begin with."""
        columns = [
            self._templates.of_servers(c.field.name, first_server, servers)
            for c in self._columns
            if c.field.name in SERVER_FIELDS
        ]
        return _padded(join_fields(columns, ",") if columns else as_strings([""] * servers))

    def _time_texts(self, chunk: Chunk, start: int, buffers: Buffers) -> NDArray[np.uint8]:
        boundaries = self._steps.boundaries(chunk, start)
        times = boundaries[:, np.newaxis]
        if self._steps.fuzz:
            keys = self._servers.keys_of(chunk)
            times = buffers.array("times", (boundaries.size, keys.size), np.int64)
            self._steps.fill_late(keys, boundaries, boundaries, 1, times[:, :, np.newaxis])
        texts = buffers.array("time texts", (*times.shape, kernels.SLOT), np.uint8)
        kernels.format_times(times.reshape(-1), texts.reshape(-1, kernels.SLOT))
        return texts


def csv_header(columns: Sequence[Column]) -> bytes:
    """Return the first line of a CSV file."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([column.name for column in columns])
    return out.getvalue().encode()


def _in_kernel_order(columns: Sequence[Column]) -> bool:
    """Return whether the kernel can write the columns: server, times, value, measurement."""
    order = [*SERVER_FIELDS, START.name, END.name, VALUE.name, *MEASUREMENT_FIELDS]
    groups = dict.fromkeys(SERVER_FIELDS, 0) | dict.fromkeys(MEASUREMENT_FIELDS, len(order))
    ranks = [groups.get(c.field.name, order.index(c.field.name)) for c in columns]
    once = [rank for rank in ranks if 0 < rank < len(order)]
    return ranks == sorted(ranks) and len(once) == len(set(once))


def _longest_number(numbers: Numbers) -> int:
    if numbers.decimals is None or numbers.max_count is None:
        return _LONGEST_DOUBLE + (numbers.minimum < 0)
    ends = numbers.first, numbers.first + numbers.max_count * numbers.step
    whole = max(len(str(abs(end) // 10**numbers.decimals)) + (end < 0) for end in ends)
    return whole + bool(numbers.decimals) + numbers.decimals


def _number_texts(dictionary: ValueDictionary) -> NDArray[np.uint8]:
    """Return the texts of all counts, in the order of their codes."""
    texts = [
        kernels.count_texts(count, decimals, step, first).reshape(-1)
        for (decimals, step, first), count in dictionary.counts.items()
    ]
    empty = np.zeros(kernels.NUMBER + kernels.PADDING, np.uint8)  # of what is absent
    return np.concatenate([*texts, empty])


def _difference(file: BinaryIO, header: bytes, mismatch: Mismatch) -> tuple[int, str]:
    """Return the rows that are right, and in words what differs behind them."""
    offset, rows = mismatch.offset, mismatch.rows
    if offset < len(header):
        file.seek(0)
        ends = file.readline(_LINE).rstrip(b"\r\n") == header.rstrip(b"\n")
        return 0, "its lines end with \\r\\n, not \\n" if ends else (
            f"the header is not {header.decode().strip()}"
        )
    if mismatch.rendered is None:
        return rows, f"it goes on after its last row, at byte {offset:,}"
    text = bytes(mismatch.rendered)
    begin = text.rfind(b"\n", 0, offset - mismatch.begin) + 1
    rows += text.count(b"\n", 0, begin)
    file.seek(mismatch.begin + begin)
    found = file.read(_LINE)
    return rows, _wrong_line(rows + 1, header, text[begin:].partition(b"\n")[0], found)


def _wrong_line(row: int, header: bytes, expected: bytes, found: bytes) -> str:
    """Return in words how a line differs from what is expected."""
    if not found:
        return f"it ends before row {row:,}"
    line, end, _ = found.partition(b"\n")
    if not end and len(found) < _LINE:
        return f"it ends within row {row:,}"
    from synthpower.formats.findings import wrong_cell

    names, right, wrong = (_fields(text) for text in (header.strip(), expected, line))
    if len(wrong) != len(right):
        return f"row {row:,}: {len(wrong)} fields, not {len(right)}"
    for name, a, b in zip(names, right, wrong, strict=True):
        if a != b:
            return wrong_cell(row, name, a, b)
    return f"row {row:,} has the right fields, but not the right bytes"


def _fields(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode(errors="replace")], strict=False), [])
    except csv.Error:
        return []


def _padded(strings: pa.StringArray) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the bytes of strings, with room behind them to copy whole blocks, and offsets."""
    data, offsets = string_buffers(strings)
    used = data[offsets[0] : offsets[-1]]
    return np.concatenate([used, np.zeros(kernels.PADDING, np.uint8)]), offsets - offsets[0]
