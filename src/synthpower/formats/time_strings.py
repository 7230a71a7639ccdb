"""Times as strings, each distinct one rendered once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthpower.arrays import as_strings
from synthpower.model.calendar import time_text

_AHEAD = 2**19  # above the seconds by which two local times can differ


def time_strings(
    times: NDArray[np.int64], format: str, ahead: NDArray[np.int64]
) -> tuple[pa.StringArray, NDArray[np.int32]]:
    """Return the distinct strings of times, and which of them each time has.

    Parameters
    ----------
    times : (steps, servers or 1) int64
        Seconds since the epoch.
    format : str
        Of a column of times.
    ahead : (steps, servers or 1) int64
        By how many seconds local time is ahead of UTC.

    Returns
    -------
    pyarrow.StringArray, (steps, servers or 1) int32
    """
    moments, indices = np.unique(times * _AHEAD + (ahead + _AHEAD // 2), return_inverse=True)
    texts = [
        time_text(moment // _AHEAD, format, moment % _AHEAD - _AHEAD // 2)
        for moment in moments.tolist()
    ]
    shape = np.broadcast_shapes(times.shape, ahead.shape)
    return as_strings(texts), indices.reshape(shape).astype(np.int32)
