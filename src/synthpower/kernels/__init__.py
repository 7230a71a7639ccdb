"""The kernels: pure functions over arrays, compiled by Numba, usable by themselves.

Each takes scalars and arrays, fills its last argument `out`, allocates nothing,
returns None and releases the GIL, so that threads can share the work. Compiled
machine code is kept on disk (see `CACHE_PROBLEM` for why it might not be).

>>> import numpy as np
>>> from synthpower.kernels import TILE, UNIFORM, fill_values
>>> out = np.empty((1, 3, 1))
>>> fill_values(
...     np.array([1, 2, 3], np.uint64), np.array([0]), np.array([42], np.uint64), UNIFORM,
...     np.array([30001], np.uint64), np.array([100.0]), np.empty(TILE, np.uint64),
...     np.array([[2**64 - 1, 0]], np.uint64), out,
... )
>>> bool((out <= 300).all())
True
"""

from synthpower.kernels._jit import CACHE_PROBLEM, tell_compiling
from synthpower.kernels.pages import pack_indices, put_texts
from synthpower.kernels.philox import draws, philox4x32, scaled
from synthpower.kernels.servers import (
    PACKED_LENGTH,
    UNITS,
    WEEKS,
    YEARS,
    fill_choices,
    fill_serials,
    fill_server_keys,
    put_serials,
)
from synthpower.kernels.text import (
    LONGEST_NUMBER,
    NUMBER,
    NUMBER_DECIMALS,
    PADDING,
    SLOT,
    format_counts,
    format_doubles,
    format_times,
    powers_of_ten,
    render_rows,
)
from synthpower.kernels.values import (
    TILE,
    TRIANGULAR,
    UNIFORM,
    fill_counts,
    fill_late_times,
    fill_values,
)

__all__ = [
    "CACHE_PROBLEM",
    "LONGEST_NUMBER",
    "NUMBER",
    "NUMBER_DECIMALS",
    "PACKED_LENGTH",
    "PADDING",
    "SLOT",
    "TILE",
    "TRIANGULAR",
    "UNIFORM",
    "UNITS",
    "WEEKS",
    "YEARS",
    "draws",
    "fill_choices",
    "fill_counts",
    "fill_late_times",
    "fill_serials",
    "fill_server_keys",
    "fill_values",
    "format_counts",
    "format_doubles",
    "format_times",
    "pack_indices",
    "philox4x32",
    "powers_of_ten",
    "put_serials",
    "put_texts",
    "render_rows",
    "scaled",
    "tell_compiling",
]
