"""What kernels that follow offsets check before they do: where strings begin in an array."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def offsets_problem(name: str, offsets: NDArray[np.int32], size: int) -> str | None:
    """Return what is wrong with the offsets of strings in an array of so many bytes."""
    if offsets[0] < 0 or offsets[-1] > size:
        return f"{name} goes from {offsets[0]} to {offsets[-1]}, of {size} bytes"
    if (offsets[1:] < offsets[:-1]).any():
        return f"{name} descends"
    return None
