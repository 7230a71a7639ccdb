"""Count -> value: the formula, for kernels and for Python alike."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthpower.jit import inlined

_UNIT = 2.0**-53


@inlined
def value_of_count(count: Any, scale: Any) -> Any:
    """Return the value of a count of 10**-decimals; `scale` is 10.0**decimals."""
    return count / scale


@inlined
def value_of_unit(count: Any, scale: Any) -> Any:
    """Return the value of a count of 2**-53 of the scale."""
    return np.float64(count) * _UNIT * scale
