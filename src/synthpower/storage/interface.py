"""What a store is, and the sink of a file in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Protocol


class Sink(ABC):
    """Where the bytes of one file go, in order, counted.

    A caller refills its buffers as soon as `write` has returned. A sink that needs the bytes
    longer copies them, or its store sets `keeps_buffers`: then no buffer that it was handed is
    filled again.

    Attributes
    ----------
    size : int
        Bytes written.
    streams : bool
        Whether somebody reads the bytes as they are written, who cannot go back: a pipe.
    """

    streams = False

    def __init__(self) -> None:
        self.size = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Write all of a bytes-like object and return its length."""
        if self.closed:
            raise ValueError("the file is closed")
        view = memoryview(data).cast("B")
        self.put(view)
        self.size += len(view)
        return len(view)

    @abstractmethod
    def put(self, view: memoryview) -> None:
        """Write all of `view`, which begins at byte `size` of the file."""

    def tell(self) -> int:
        return self.size

    def flush(self) -> None: ...  # noqa: B027 - pyarrow calls it

    def close(self) -> None:
        """Take no more bytes."""
        self.closed = True


class Blocks(Protocol):
    """A file that is read in large blocks."""

    def read(self, offset: int) -> memoryview:
        """Return the block that begins at `offset`, valid until the next one is read.

        It is shorter where the file ends, and empty behind its end.
        """
        ...

    def close(self) -> None: ...


class Files(Protocol):
    """Where files can be read."""

    def open(self, name: str) -> BinaryIO:
        """Open a file for reading; it can seek.

        Raises
        ------
        OSError
            Where there is none, or it may not be read.
        InputError
            Where it is something else, such as a pipe that nobody fills.
        """
        ...

    def blocks(self, name: str) -> Blocks:
        """Open a file for reading in large blocks, as fast as can be."""
        ...

    def size(self, name: str) -> int | None:
        """Return the bytes of a file, None where there is no such file."""
        ...

    def label(self, name: str) -> str:
        """Return what a user would call a file: its path or address."""
        ...


class Store(Files, Protocol):
    """A directory of files, or what can stand for one: a bucket and a prefix, a dictionary.

    Names are relative: ``/`` divides folders, which are there as soon as a file is in them.

    Attributes
    ----------
    keeps_buffers : bool
        Whether its sinks keep references to the buffers that they are given.
    locks : bool
        Whether `lock` keeps others out. Where it does not, each run has a manifest of its own.
    """

    keeps_buffers: bool
    locks: bool

    def is_there(self) -> bool:
        """Return whether it is there, so that files can be put into it.

        Raises
        ------
        InputError
            Where something else is in its place, or there is no such bucket.
        OSError
            Where it cannot be reached.
        """
        ...

    def make(self) -> None:
        """Make it where it is not there, if it has to be made."""
        ...

    def create(
        self, name: str, *, replace: bool = False, size: int | None = None
    ) -> AbstractContextManager[Sink]:
        """Make a file, which appears when the context ends without an error, whole or not at all.

        The end may take long (a disk has to confirm, a part has to arrive): those of several
        files are run at once, each on another thread, beside the beginning of the next file.

        Parameters
        ----------
        name : str
        replace : bool
            Replace an older file.
        size : int, optional
            About how many bytes it will have, where that is known.

        Raises
        ------
        InputError
            At the end, where another file of that name exists and `replace` is not set. One of
            the same bytes is as good as ours: two equal runs at once both succeed.
        OSError
            Where writing fails; nothing is left, and an older file is untouched.
        """
        ...

    def check(self, name: str, argument: str | None = None) -> None:
        """Raise `InputError`, naming the argument, where no such file can be created."""
        ...

    def exists(self, name: str) -> bool:
        """Return whether anything has this name, a file or something else."""
        ...

    def names(self, pattern: str = "*") -> list[str]:
        """Return the names of the files that match a glob, in order; not of temporary ones.

        A ``*`` stands for no ``/``, and for no dot at a name's beginning.
        """
        ...

    def lock(self) -> AbstractContextManager[None]:
        """Hold the store's lock: one process at a time."""
        ...

    def free(self) -> int | None:
        """Return how many bytes there is room for, None where that is not known."""
        ...

    def clear(self) -> None:
        """Remove what runs that were killed have left behind."""
        ...
