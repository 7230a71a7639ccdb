"""NumPy arrays as Arrow arrays, and the other way round: the same memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_BLOCK_ROWS = 2**18


def as_array(values: NDArray[Any], kind: pa.DataType | None = None) -> pa.Array:
    """Return the same memory as an Arrow array, of another type of that width if one is named.

    `pyarrow.array` does it too, and imports pandas where that is installed: 0.1 s.
    """
    values = np.ascontiguousarray(values).reshape(-1)
    kind = kind or pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, values.size, [None, pa.py_buffer(values)])


def as_numpy(values: pa.Array) -> NDArray[Any]:
    """Return the same memory as a NumPy array; the values are numbers, none of them null."""
    dtype = np.dtype(str(values.type))  # `to_pandas_dtype` wants pandas, in some versions
    return np.frombuffer(values.buffers()[1], dtype, values.offset + len(values))[values.offset :]


def as_strings(strings: Sequence[str]) -> pa.StringArray:
    """Return strings as an Arrow array; see `as_array` for why."""
    data = [string.encode() for string in strings]
    offsets = np.cumsum([0, *map(len, data)], dtype=np.int32)
    buffers = pa.py_buffer(offsets), pa.py_buffer(b"".join(data))
    return pa.StringArray.from_buffers(len(data), *buffers)


def string_buffers(strings: pa.StringArray) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the bytes of strings, one after the other, and where each begins."""
    _, offsets, data = strings.buffers()
    begins = np.frombuffer(offsets, np.int32, len(strings) + 1, 4 * strings.offset)
    return np.frombuffer(data or b"", np.uint8), begins


def by_appearance(
    indices: NDArray[np.integer],
    strings: pa.StringArray,
    order: NDArray[np.int64] | None = None,
    block_rows: int = _BLOCK_ROWS,
) -> pa.DictionaryArray:
    """Return strings with their dictionary in order of appearance, without those that never do.

    Parameters
    ----------
    indices : (rows,) integers
        Which of `strings` each row has.
    strings : pyarrow.StringArray
        No duplicates.
    order : (rows,) int64, optional
        Which row comes first, and so on.
    block_rows : int
        Rows that are looked at before it is asked whether all strings have appeared.
    """
    if order is not None:
        # Where few bytes are picked from, most of them are in the cache.
        indices = indices.astype(np.min_scalar_type(len(strings)))[order]
    used = _appearing(indices, len(strings), block_rows)
    code = np.empty(len(strings), np.int32)
    code[used] = np.arange(used.size)
    return pa.DictionaryArray.from_arrays(as_array(code[indices]), strings.take(as_array(used)))


def _appearing(indices: NDArray[np.integer], different: int, block_rows: int) -> NDArray[np.int64]:
    """Return the different indices in order of appearance; looks no further than it has to."""
    rows = max(block_rows, 4 * different)
    first = np.full(different, indices.size)
    for begin in range(0, indices.size, rows):
        block = indices[begin : begin + rows]
        found = np.full(different, indices.size)
        found[block[::-1]] = np.arange(begin, begin + block.size)[::-1]  # the last one stays
        first = np.minimum(first, found)
        if first.max() < indices.size:
            break
    return np.argsort(first, kind="stable")[: np.count_nonzero(first < indices.size)]


def in_tables(batches: Iterable[pa.RecordBatch], sizes: Iterable[int]) -> Iterator[pa.Table]:
    """Yield the rows in tables of the sizes asked for; what comes to an end is shorter."""
    source = iter(batches)
    waiting: list[pa.RecordBatch] = []
    for size in sizes:
        while sum(batch.num_rows for batch in waiting) < size:
            batch = next(source, None)
            if batch is None:
                break
            waiting.append(batch)
        table = pa.Table.from_batches(waiting) if waiting else None
        if table is None:
            return
        yield table.slice(0, size)
        waiting = table.slice(size).to_batches()
