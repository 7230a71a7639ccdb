"""Serial numbers: their form, and the keys that are a server's coordinate."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.arrays import string_buffers
from synthpower.model.description import MOST_SERVERS
from synthpower.model.streams import SERIAL, hashed_server_key, stream_key

# Country and site, as seen on ProLiant servers.
PREFIXES = ("CZ1", "CZ2", "CZ3", "CZJ", "SGH", "MXQ", "USE", "CNX", "CN7", "2M2")
SERIAL_LENGTH = 10
SERIAL_NUMBERS = len(PREFIXES) * kernels.YEARS * kernels.WEEKS * kernels.UNITS  # 4.8e9
# A fleet is held in memory, and Arrow's strings address 2 GiB.
CAPACITY = MOST_SERVERS
assert CAPACITY * SERIAL_LENGTH < 2**31
assert CAPACITY < SERIAL_NUMBERS


def draw_serials(count: int, seed: int) -> pa.StringArray:
    """Return the serial numbers of servers 0 to `count` - 1."""
    serials = np.empty((count, SERIAL_LENGTH), np.uint8)
    prefixes = np.array([list(prefix.encode()) for prefix in PREFIXES], np.uint8)
    kernels.fill_serials(0, np.uint64(stream_key(seed, SERIAL)), prefixes, serials)
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(SERIAL_LENGTH)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(serials))


def server_keys(
    sn: pa.StringArray | pa.ChunkedArray,
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the keys of serial numbers, and the indices of those that could not be packed."""
    keys = np.empty(len(sn), np.uint64)
    begin = 0
    for chunk in sn.chunks if isinstance(sn, pa.ChunkedArray) else [sn]:
        kernels.fill_server_keys(*string_buffers(chunk), keys[begin : begin + len(chunk)])
        begin += len(chunk)
    hashed = np.flatnonzero(keys == 0)
    for i in hashed:
        keys[i] = hashed_server_key(sn[int(i)].as_py())
    return keys, hashed


def unpacked(keys: NDArray[np.uint64]) -> pa.StringArray:
    """Return the serial numbers of packed keys."""
    offsets = np.empty(keys.size + 1, np.int32)
    data = np.empty((keys.size + 1) * kernels.PACKED_LENGTH, np.uint8)
    kernels.put_serials(keys, offsets, data)
    used = data[: offsets[-1]]  # Arrow's writers write what a buffer has, used or not
    sn = pa.StringArray.from_buffers(keys.size, pa.py_buffer(offsets), pa.py_buffer(used))
    sn.validate()  # fails beyond 2 GiB, where offsets wrap
    return sn
