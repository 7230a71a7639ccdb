"""NumPy arrays as Arrow arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_BLOCK = 2**18  # rows


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


def as_texts(texts: Sequence[str]) -> pa.StringArray:
    """Return strings as an Arrow array; see `as_array` for why."""
    data = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, data)], dtype=np.int32)
    buffers = pa.py_buffer(offsets), pa.py_buffer(b"".join(data))
    return pa.StringArray.from_buffers(len(data), *buffers)


def by_appearance(
    indices: NDArray[np.integer], texts: pa.StringArray, order: NDArray[np.int64] | None = None
) -> pa.DictionaryArray:
    """Return texts with their dictionary in order of appearance, without those that never do.

    Parameters
    ----------
    indices : (rows,) integers
        Which of `texts` each row has.
    texts : pyarrow.StringArray
        No text twice.
    order : (rows,) int64, optional
        Which row comes first, and so on.
    """
    if order is not None:
        # Where few bytes are picked from, most of them are in the cache.
        indices = indices.astype(np.min_scalar_type(len(texts)))[order]
    used = _appearing(indices, len(texts))
    place = np.empty(len(texts), np.int32)
    place[used] = np.arange(used.size)
    return pa.DictionaryArray.from_arrays(as_array(place[indices]), texts.take(as_array(used)))


def _appearing(indices: NDArray[np.integer], different: int) -> NDArray[np.int64]:
    """Return the different indices in order of appearance; looks no further than it has to."""
    rows = max(_BLOCK, 4 * different)
    first = np.full(different, indices.size)
    for begin in range(0, indices.size, rows):
        block = indices[begin : begin + rows]
        found = np.full(different, indices.size)
        found[block[::-1]] = np.arange(begin, begin + block.size)[::-1]  # the last one stays
        first = np.minimum(first, found)
        if first.max() < indices.size:
            break
    return np.argsort(first, kind="stable")[: np.count_nonzero(first < indices.size)]
