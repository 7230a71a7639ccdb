"""NumPy arrays as Arrow arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_DTYPES = {pa.int32(): np.int32, pa.int64(): np.int64, pa.uint64(): np.uint64}


def as_array(values: NDArray[Any], kind: pa.DataType | None = None) -> pa.Array:
    """Return the same memory as an Arrow array, of another type of that width if one is named.

    `pyarrow.array` does it too, and imports pandas where that is installed: 0.1 s.
    """
    values = np.ascontiguousarray(values).reshape(-1)
    kind = kind or pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, values.size, [None, pa.py_buffer(values)])


def as_numpy(values: pa.Array) -> NDArray[Any]:
    """Return the same memory as a NumPy array; the values are numbers, none of them null."""
    dtype = values.type.to_pandas_dtype()
    return np.frombuffer(values.buffers()[1], dtype, values.offset + len(values))[values.offset :]


def as_texts(texts: Sequence[str]) -> pa.StringArray:
    """Return strings as an Arrow array; see `as_array` for why."""
    data = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, data)], dtype=np.int32)
    buffers = pa.py_buffer(offsets), pa.py_buffer(b"".join(data))
    return pa.StringArray.from_buffers(len(data), *buffers)


def by_appearance(indices: NDArray[np.int32], texts: pa.StringArray) -> pa.DictionaryArray:
    """Return texts with their dictionary in order of appearance, without those that never do."""
    rows = indices.size
    first = np.full(len(texts), rows, np.int64)
    first[indices[::-1]] = np.arange(rows)[::-1]  # what is assigned last stays
    used = np.argsort(first, kind="stable")[: np.count_nonzero(first < rows)]
    place = np.empty(first.size, np.int32)
    place[used] = np.arange(used.size)
    return pa.DictionaryArray.from_arrays(as_array(place[indices]), texts.take(as_array(used)))
