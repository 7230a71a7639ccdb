"""The bytes of an object, sent in parts while more come, in memory that is used again."""

from __future__ import annotations

import hashlib
import mmap
import os
import time
from collections import deque
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from synthpower.storage.interface import Sink

if TYPE_CHECKING:
    import numpy as np

_LEAST_PART = 2**23  # bytes; the least that S3 takes is 5 MiB
_MOST_PARTS = 9_000  # it takes 10,000, and a size may be an estimate
_IN_FLIGHT = 2**25  # bytes of this process that are on their way
_LEAST_IN_FLIGHT = 3  # parts
_ROW = 2**12  # words that a checksum weighs at a time
_PATIENCE = 0.001  # seconds until it is looked again whether a part has been sent


def part_size(size: int | None) -> int:
    """Return how large the parts of an object of about so many bytes are."""
    least = -(-(size or 0) // _MOST_PARTS)
    return max(_LEAST_PART, -(-least // 2**20) * 2**20)


def parts_in_flight(size: int) -> int:
    """Return how many parts of a size may be on their way."""
    return max(_LEAST_IN_FLIGHT, _IN_FLIGHT // size)


def checksum(part: Any) -> bytes:
    """Return a digest of weighted sums of a part: 16 GB/s, as its copy; one of all takes 1.5.

    It tells the objects of different runs from each other, also where they have the same words in
    another order; somebody who wants to can fool it.
    """
    import numpy as np

    rows = len(part) // (8 * _ROW)
    words = np.frombuffer(part, np.uint64, rows * _ROW).reshape(rows, _ROW)
    sums = np.einsum("ij,j->i", words, _weights())
    return hashlib.sha256(sums.tobytes() + memoryview(part)[rows * _ROW * 8 :]).digest()


@cache
def _weights() -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return an odd number for each word of a row: each bit of a word counts."""
    import numpy as np

    weights = np.arange(1, _ROW + 1, dtype=np.uint64)
    for _ in range(3):
        weights = (weights ^ weights >> np.uint64(32)) * np.uint64(0x9E3779B97F4A7C15)
    return weights | np.uint64(1)


class Upload(Protocol):
    """An upload that has begun; see `obstore.WritableFile`."""

    def write(self, part: Any, /) -> int: ...


class _Stages:
    """Memory for parts, which is used again as soon as the client has let go of it.

    A client keeps a reference to what it was given until it has been sent, and for as long a
    memoryview that it was given cannot be released.
    """

    def __init__(self) -> None:
        self._lent: deque[tuple[memoryview, mmap.mmap]] = deque()
        self._free: list[mmap.mmap] = []

    def clear(self) -> None:
        self._lent.clear()
        self._free.clear()

    def lend(self, view: memoryview, stage: mmap.mmap) -> None:
        self._lent.append((view, stage))

    def take(self, size: int, wait: bool) -> mmap.mmap:
        """Return a stage; with `wait` not before few enough are on their way."""
        self._take_back()
        while wait and len(self._lent) >= parts_in_flight(size):
            time.sleep(_PATIENCE)  # in Python, so that a signal is not kept waiting
            self._take_back()
        while True:
            try:
                stage = self._free.pop()
            except IndexError:
                return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            if len(stage) == size:
                return stage

    def _take_back(self) -> None:
        for _ in range(len(self._lent)):
            try:
                view, stage = self._lent.popleft()  # taken from all other threads
            except IndexError:
                return
            if is_held(view):
                self._lent.append((view, stage))
            else:
                self._free.append(stage)


_stages = _Stages()
os.register_at_fork(after_in_child=_stages.clear)  # where no client lets go of anything


def is_held(view: memoryview) -> bool:
    """Return whether a client has still to send what it was given; release it otherwise."""
    try:
        view.release()
    except BufferError:
        return True
    return False


class PartsSink(Sink):
    """A sink that gathers parts, and hands each over when it is full and more bytes come.

    Parameters
    ----------
    begin : callable
        Called before the first part; returns where parts go, None where they go nowhere.
    size : int
        Of the parts, in bytes: a multiple of eight.

    Attributes
    ----------
    begun : bool
        Whether there was a part.
    sums : list of bytes
        The `checksum` of each.
    """

    def __init__(self, begin: Callable[[], Upload | None], size: int) -> None:
        super().__init__()
        self.part_size = size
        self.begun = False
        self.sums: list[bytes] = []
        self._begin = begin
        self._upload: Upload | None = None
        self._stage: mmap.mmap | None = None
        self._filled = 0
        self._sent: deque[memoryview] = deque()

    def put(self, view: memoryview) -> None:
        import numpy as np  # copies without the lock that all threads share

        data = np.frombuffer(view, np.uint8)
        while data.size:
            if self._filled == self.part_size:
                self._send()
            if self._stage is None:
                # The first is not waited for: of many small files, all have one at a time.
                self._stage = _stages.take(self.part_size, wait=self.begun)
            size = min(data.size, self.part_size - self._filled)
            np.frombuffer(self._stage, np.uint8)[self._filled :][:size] = data[:size]
            data = data[size:]
            self._filled += size

    def _send(self) -> None:
        assert self._stage is not None
        if not self.begun:
            self._upload = self._begin()
            self.begun = True
        part = memoryview(self._stage)
        self.sums.append(checksum(part))
        if self._upload:
            self._upload.write(part)
        self._give_back(part)
        while self._sent and not is_held(self._sent[0]):
            self._sent.popleft()

    def rest(self) -> memoryview:
        """Return what has not been handed over: all of it, where there was no part."""
        return memoryview(self._stage)[: self._filled] if self._stage else memoryview(b"")

    def wait(self) -> None:
        """Wait until all parts have been sent, or have failed."""
        while self._sent:
            while is_held(self._sent[0]):
                time.sleep(_PATIENCE)
            self._sent.popleft()

    def close(self) -> None:
        super().close()
        if self._stage:
            self._give_back(memoryview(self._stage))

    def _give_back(self, part: memoryview) -> None:
        # Forgotten first: an interrupt in between loses a stage, and no two parts get one.
        stage, self._stage, self._filled = self._stage, None, 0
        self._sent.append(part)
        if stage:
            _stages.lend(part, stage)
