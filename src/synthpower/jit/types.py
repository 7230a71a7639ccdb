"""What the parts of this package hand each other."""

from __future__ import annotations

from typing import NamedTuple

UNREACHABLE = "synthpower_unreachable_"  # how the names of what is never called begin


class Kind(NamedTuple):
    """An argument's type: an array of `axes` axes, or a number if there are none."""

    dtype: str
    axes: int


class CompiledKernel(NamedTuple):
    """Machine code: an object file, its function, and the symbols it names but never calls."""

    entry: str
    unreachable_symbols: list[str]
    object_code: bytes
