"""Readings as CSV: a row is ready-made bytes, copied, and a number."""

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
from synthpower.arrow import as_texts
from synthpower.batches import Buffers
from synthpower.csv_text import join_fields
from synthpower.grid import Chunk, Grid
from synthpower.inventory import Inventory, string_buffers
from synthpower.signals import Places, Signal, places_of_counts
from synthpower.specification import Specification
from synthpower.storage import Sink
from synthpower.templates import OF_MEASUREMENTS, OF_SERVERS, Templates
from synthpower.writers.plain import csv_header

_CHUNK_ROWS = 2**16
_CHUNK_BYTES = 2**24
_LONGEST_DOUBLE = 23  # as in 2.2250738585072014e-308
_KEPT_SLICES = 1024  # of servers: 1 MB each of an inventory of our own


class CsvWriter:
    """Write readings as CSV, fast.

    Parameters
    ----------
    specification : Specification
        The first file's; others may have another date.
    inventory : Inventory
    """

    def __init__(self, specification: Specification, inventory: Inventory) -> None:
        self._specification = specification
        self._servers = inventory.by_serial
        self._templates = Templates(specification, inventory)
        self._signal = Signal(specification)
        measurements = specification.measurements
        # Quotes at both ends, and each doubled within; two times, a number, a few commas.
        self._longest_row = 2 * self._templates.longest_row() + kernels.LONGEST_NUMBER + 64
        rows = max(1, min(_CHUNK_ROWS, _CHUNK_BYTES // self._longest_row))
        self.grid = Grid(specification.steps, len(inventory), len(measurements), rows)
        columns = [self._templates.measurement_texts[name] for name in OF_MEASUREMENTS]
        tails = join_fields([as_texts([""] * len(measurements)), *columns], "\n")
        self._tails = _padded(tails)
        self._decimals = np.array([-1 if m.decimals is None else m.decimals for m in measurements])
        self._scales = np.array([float(m.scale) for m in measurements])
        places = places_of_counts(specification)
        if places and max(places.counts) > kernels.NUMBER_DECIMALS:
            places = None
        self._firsts = places.firsts if places else np.zeros(len(measurements), np.uint64)
        self._numbers = _number_texts(places) if places else np.empty(0, np.uint8)
        # A method under lru_cache would keep every instance alive.
        self._heads = lru_cache(_KEPT_SLICES)(self._make_heads)

    @property
    def chunk_bytes(self) -> int:
        """What a chunk takes in memory at most."""
        return self.grid.chunk_rows * self._longest_row

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> memoryview:
        """Return a chunk's rows, valid until the buffers are filled again."""
        keys = self._servers.keys_of(chunk)
        boundaries = self._signal.boundaries(chunk, start)
        counts = buffers.array("counts", self.grid.shape(chunk), np.int64)
        self._signal.fill_counts(keys, boundaries[:-1], self._firsts, counts)
        size = np.empty(1, np.int64)
        room = self.grid.rows(chunk) * self._longest_row + kernels.PADDING
        out = buffers.array("text", (room,), np.uint8)
        kernels.render_rows(
            *self._heads(chunk.first_server, chunk.servers),
            self._time_texts(keys, boundaries, buffers),
            self._specification.end,
            self._numbers,
            counts,
            self._decimals,
            self._scales,
            kernels.powers_of_ten(),
            *self._tails,
            size,
            out,
        )
        return out[: size[0]].data

    def size(self, specification: Specification) -> int:
        """Return what a file has at most: as if each number had all its digits."""
        heads = sum(
            int(self._heads(chunk.first_server, chunk.servers)[1][-1])
            for chunk in takewhile(lambda chunk: chunk.first_step == 0, self.grid.chunks())
        )
        times = 21 if specification.end else 42
        digits = sum(
            _LONGEST_DOUBLE
            if m.decimals is None
            else len(str(m.max_count // 10**m.decimals)) + bool(m.decimals) + m.decimals
            for m in specification.measurements
        )
        measurements = self.grid.measurements
        rows = heads * measurements + self.grid.servers * (times * measurements + digits)
        rows += self.grid.servers * int(self._tails[1][-1])
        return len(csv_header(specification.end)) + self.grid.steps * rows

    def estimate(self, _: Specification) -> int:
        """Return what a file has at most, at once: as if each row were the longest."""
        return self.grid.num_rows * self._longest_row

    @contextmanager
    def open(self, specification: Specification, sink: Sink) -> Iterator[Callable[[Any], object]]:
        """Begin a file and return what writes its chunks."""
        sink.write(csv_header(specification.end))
        yield sink.write

    def _make_heads(
        self, first_server: int, servers: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Return what the rows of some servers begin with."""
        columns = [self._templates.of_servers(name, first_server, servers) for name in OF_SERVERS]
        return _padded(join_fields(columns, ","))

    def _time_texts(
        self, keys: NDArray[np.uint64], boundaries: NDArray[np.int64], buffers: Buffers
    ) -> NDArray[np.uint8]:
        times = boundaries[:, np.newaxis]
        if self._specification.fuzz:
            times = buffers.array("times", (boundaries.size, keys.size), np.int64)
            self._signal.fill_times(keys, boundaries, boundaries, 1, times[:, :, np.newaxis])
        texts = buffers.array("time texts", (*times.shape, kernels.SLOT), np.uint8)
        kernels.format_times(times.reshape(-1), texts.reshape(-1, kernels.SLOT))
        return texts


def _number_texts(places: Places) -> NDArray[np.uint8]:
    """Return the texts of all counts, in the order of their places."""
    texts = np.zeros(places.size * kernels.NUMBER + kernels.PADDING, np.uint8)
    first = 0
    for decimals, count in places.counts.items():
        end = first + count * kernels.NUMBER
        kernels.format_counts(decimals, texts[first:end].reshape(count, kernels.NUMBER))
        first = end
    return texts


def _padded(texts: pa.StringArray) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the bytes of texts, with room behind them for a copy of whole blocks, and offsets."""
    data, offsets = string_buffers(texts)
    used = data[offsets[0] : offsets[-1]]
    return np.concatenate([used, np.zeros(kernels.PADDING, np.uint8)]), offsets - offsets[0]
