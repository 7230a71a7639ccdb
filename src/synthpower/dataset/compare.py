"""A file -> where it first differs from the one made again."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any, NamedTuple

import numpy as np

from synthpower.engine import Progress, rendering
from synthpower.formats.findings import Mismatch
from synthpower.formats.interface import Writer
from synthpower.model.specification import Specification
from synthpower.model.total import Total
from synthpower.signals.totals import Totals, totals_by_name
from synthpower.storage import Blocks, Files, Sink


class Compared(NamedTuple):
    """How a file compares with the one made again.

    Attributes
    ----------
    mismatch : Mismatch or None
        Where it first differs; None where it is equal.
    totals : dict of str to Total
        If it is equal, what its readings come to, by measurement.
    """

    mismatch: Mismatch | None
    totals: Mapping[str, Total]


def compare(
    files: Files,
    name: str,
    writer: Writer[Any],
    specification: Specification,
    workers: int,
    progress: Progress | None = None,
) -> Compared:
    """Make a file again, and return where it first differs, and what its readings come to."""
    rows = begin = 0
    made: Any = None
    totals: Totals | None = None
    with closing(_Comparison(files.blocks(name))) as sink:
        with (
            rendering([(writer, specification.start)], workers) as rendered,
            writer.open(specification, sink) as write,
        ):
            for chunk in writer.grid.chunks():
                begin, (made, more) = sink.size, next(rendered)
                write(made)
                if sink.difference is not None:
                    break
                totals = totals + more if totals else more
                rows += writer.grid.rows(chunk)
                if progress:
                    progress(writer.grid.rows(chunk), sink.size - begin)
        if sink.difference is not None:
            return Compared(Mismatch(sink.difference, rows, begin, made), {})
        if sink.goes_on():
            return Compared(Mismatch(sink.size, rows, begin, None), {})
    return Compared(None, totals_by_name(specification, totals))


class _Comparison(Sink):
    """A sink that writes nothing: it compares with a file.

    Attributes
    ----------
    difference : int or None
        The first byte that is not the same.
    """

    difference: int | None = None

    def __init__(self, blocks: Blocks) -> None:
        super().__init__()
        self._blocks = blocks
        self._left = np.empty(0, np.uint8)

    def put(self, view: memoryview) -> None:
        expected, offset = np.frombuffer(view, np.uint8), self.size
        while expected.size and self.difference is None:
            if not self._left.size:
                self._left = np.frombuffer(self._blocks.read(offset), np.uint8)
            size = min(self._left.size, expected.size)
            found = self._left[:size]
            if not np.array_equal(found, expected[:size]):
                self.difference = offset + int(np.argmax(found != expected[:size]))
            elif not size:
                self.difference = offset
            self._left, expected, offset = self._left[size:], expected[size:], offset + size

    def goes_on(self) -> bool:
        """Return whether the file has more than has been compared."""
        return self._left.size > 0 or len(self._blocks.read(self.size)) > 0

    def close(self) -> None:
        super().close()
        self._blocks.close()
