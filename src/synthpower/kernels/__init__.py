"""The kernels: pure functions over arrays, compiled by Numba, usable by themselves.

Each takes scalars and arrays, fills its last argument `out`, allocates nothing,
returns None and releases the GIL, so that threads can share the work. Types and
sizes are checked at each call. Compiled machine code is kept on disk (`cache_problem()`
says why it might not be).

>>> import numpy as np
>>> from synthpower.kernels import fill_decimals, new_summary
>>> out = np.empty((1, 3, 1))
>>> fill_decimals(
...     np.array([1, 2, 3], np.uint64), np.array([0]), np.full((2, 1), 42, np.uint64),
...     np.array([30001], np.uint64), np.array([100.0]), new_summary(1), out,
... )
>>> bool((out <= 300).all())
True
"""

from synthpower.jit import cache_problem, on_notice
from synthpower.kernels.cells import (
    PADDED,
    compare_texts,
    fill_slots,
    find_row_end,
    find_texts,
    split_lines,
)
from synthpower.kernels.judge import (
    APART,
    DECIMALS,
    DOUBLED,
    NOWHERE,
    OTHER_PART,
    OUTSIDE,
    VALUE,
    add_readings,
    count_seen,
    judge_rows,
    keep_boundaries,
    keep_punctual,
    mark_cells,
)
from synthpower.kernels.pages import pack_indices, put_texts, split_codes
from synthpower.kernels.parse import (
    FRACTION,
    NO_TIME,
    OTHER_FORM,
    UNREAD,
    UTC,
    parse_decimals,
    parse_integers,
    parse_times,
    whole_seconds,
)
from synthpower.kernels.philox import draws, philox4x32, scaled
from synthpower.kernels.pieces import (
    FLOAT_DECIMALS,
    render_any_pieces,
    render_decimal_pieces,
    render_known_pieces,
)
from synthpower.kernels.quantity import value_of_count, value_of_unit
from synthpower.kernels.rows import (
    NUMBER,
    NUMBER_DECIMALS,
    PADDING,
    count_texts,
    render_any_rows,
    render_decimal_rows,
    render_known_rows,
)
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
    format_doubles,
    powers_of_ten,
)
from synthpower.kernels.times import LONGEST_TIME, SLOT, fill_time_texts, format_times
from synthpower.kernels.values import (
    FILLS,
    SUMMARY,
    TILE,
    TRIANGULAR,
    UNIFORM,
    Fill,
    fill_codes,
    fill_counts,
    fill_decimals,
    fill_doubles,
    fill_late_times,
    new_summary,
)

__all__ = [
    "APART",
    "DECIMALS",
    "DOUBLED",
    "FILLS",
    "FLOAT_DECIMALS",
    "FRACTION",
    "LONGEST_NUMBER",
    "LONGEST_TIME",
    "NOWHERE",
    "NO_TIME",
    "NUMBER",
    "NUMBER_DECIMALS",
    "OTHER_FORM",
    "OTHER_PART",
    "OUTSIDE",
    "PACKED_LENGTH",
    "PADDED",
    "PADDING",
    "SLOT",
    "SUMMARY",
    "TILE",
    "TRIANGULAR",
    "UNIFORM",
    "UNITS",
    "UNREAD",
    "UTC",
    "VALUE",
    "WEEKS",
    "YEARS",
    "Fill",
    "add_readings",
    "cache_problem",
    "compare_texts",
    "count_seen",
    "count_texts",
    "draws",
    "fill_choices",
    "fill_codes",
    "fill_counts",
    "fill_decimals",
    "fill_doubles",
    "fill_late_times",
    "fill_serials",
    "fill_server_keys",
    "fill_slots",
    "fill_time_texts",
    "find_row_end",
    "find_texts",
    "format_doubles",
    "format_times",
    "judge_rows",
    "keep_boundaries",
    "keep_punctual",
    "mark_cells",
    "new_summary",
    "on_notice",
    "pack_indices",
    "parse_decimals",
    "parse_integers",
    "parse_times",
    "philox4x32",
    "powers_of_ten",
    "put_serials",
    "put_texts",
    "render_any_pieces",
    "render_any_rows",
    "render_decimal_pieces",
    "render_decimal_rows",
    "render_known_pieces",
    "render_known_rows",
    "scaled",
    "split_codes",
    "split_lines",
    "value_of_count",
    "value_of_unit",
    "whole_seconds",
]
