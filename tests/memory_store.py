"""A store in memory that keeps references to what it is given, and copies nothing."""

from __future__ import annotations

import fnmatch
import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from typing import BinaryIO

from synthpower import InputError
from synthpower.storage import Sink

_BLOCK = 2**16


class KeptSink(Sink):
    """A sink that keeps the buffers that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.views: list[memoryview] = []

    def put(self, view: memoryview) -> None:
        self.views.append(view)


class MemoryBlocks:
    """A file that is read in blocks; see `Blocks`."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, offset: int) -> memoryview:
        return memoryview(self._data)[offset : offset + _BLOCK]

    def close(self) -> None: ...


class MemoryStore:
    """Files in a dictionary; see `Store`."""

    keeps_buffers = True
    locks = True

    def __init__(self) -> None:
        self.files: dict[str, list[memoryview]] = {}

    def data(self, name: str) -> bytes:
        """Return the bytes of a file, joined only now."""
        return b"".join(self.files[name])

    @contextmanager
    def create(
        self, name: str, *, replace: bool = False, size: int | None = None
    ) -> Iterator[Sink]:
        with closing(KeptSink()) as sink:
            yield sink
        if name in self.files and not replace and self.data(name) != b"".join(sink.views):
            raise InputError(f"{self.label(name)} exists")
        self.files[name] = sink.views

    def is_there(self) -> bool:
        return True

    def make(self) -> None: ...

    def check(self, name: str, argument: str | None = None) -> None: ...

    def open(self, name: str) -> BinaryIO:
        if name not in self.files:
            raise FileNotFoundError(name)
        return io.BytesIO(self.data(name))

    def blocks(self, name: str) -> MemoryBlocks:
        return MemoryBlocks(self.data(name))

    def size(self, name: str) -> int | None:
        return len(self.data(name)) if name in self.files else None

    def exists(self, name: str) -> bool:
        return name in self.files

    def names(self, pattern: str = "*") -> list[str]:
        names = fnmatch.filter(self.files, pattern)
        return sorted(name for name in names if name.count("/") == pattern.count("/"))

    def lock(self) -> AbstractContextManager[None]:
        return nullcontext()

    def free(self) -> int | None:
        return None

    def clear(self) -> None: ...

    def label(self, name: str) -> str:
        return f"memory:{name}"
