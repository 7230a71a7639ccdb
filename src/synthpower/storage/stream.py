"""What is written in place: standard output, a pipe, a device."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from synthpower.errors import InputError
from synthpower.storage.direct import DescriptorSink
from synthpower.storage.interface import Blocks, Sink
from synthpower.storage.local import named
from synthpower.storage.paths import STDOUT, check_output


class StreamStore:
    """A store of one file that is not a regular one: nothing can be read, renamed or undone.

    Parameters
    ----------
    path : Path
        A pipe or a device; ``-`` is standard output.
    """

    keeps_buffers = False
    locks = True

    def __init__(self, path: Path) -> None:
        self._path = path

    def __repr__(self) -> str:
        return f"StreamStore({str(self._path)!r})"

    @contextlib.contextmanager
    def create(
        self,
        name: str,
        *,
        replace: bool = False,  # noqa: ARG002 - see Store
        size: int | None = None,  # noqa: ARG002
    ) -> Iterator[Sink]:
        """Write into the stream; see `Store`."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(named(self.label(name)))
            if self._path == STDOUT:
                if sys.stdout is None:
                    raise InputError("standard output is closed", "output")
                descriptor = sys.stdout.fileno()
            else:
                check_output(self._path, overwrite=True)
                descriptor = os.open(self._path, os.O_WRONLY)
                stack.callback(os.close, descriptor)
            yield stack.enter_context(contextlib.closing(DescriptorSink(descriptor)))

    def is_there(self) -> bool:
        return True

    def make(self) -> None: ...

    def check(self, name: str, argument: str | None = None) -> None:  # noqa: ARG002
        if self._path != STDOUT:
            check_output(self._path, overwrite=True, argument=argument)

    def exists(self, name: str) -> bool:  # noqa: ARG002
        return True

    def open(self, name: str) -> BinaryIO:
        raise OSError(f"{self.label(name)} cannot be read again")

    def blocks(self, name: str) -> Blocks:
        raise OSError(f"{self.label(name)} cannot be read again")

    def size(self, name: str) -> int | None:  # noqa: ARG002
        return None

    def names(self, pattern: str = "*") -> list[str]:  # noqa: ARG002
        return []

    def lock(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def free(self) -> int | None:
        return None

    def clear(self) -> None: ...

    def label(self, name: str) -> str:  # noqa: ARG002
        return "standard output" if self._path == STDOUT else str(self._path)
