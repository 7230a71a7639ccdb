"""The times of a text: one text for a step or, with fuzz or local times, for each server's step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.fleet.fleet import Fleet
from synthpower.formats.buffers import Buffers
from synthpower.formats.text.row import Cell
from synthpower.formats.text.segments import Segment, time_parts
from synthpower.kernels.pieces import BLOCK
from synthpower.model.calendar import LAST_SECOND, time_text
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification
from synthpower.signals.local_times import LocalTimes
from synthpower.signals.steps import Steps


class TimeTexts:
    """The segments of times of files that differ in their date only.

    Attributes
    ----------
    longest, longest_row : int
        The bytes of a segment, and of all segments of a row, at most.
    width : int
        The bytes that each has room for.
    """

    def __init__(
        self, specification: Specification, fleet: Fleet, segments: Sequence[Segment]
    ) -> None:
        self._servers = fleet.by_serial
        self._steps = Steps(specification)
        self._local = LocalTimes(specification, fleet)
        self._parts = [time_parts(segment) for segment in segments]
        ahead = [seconds for _, times in specification.offsets for _, seconds in times]
        self._behind = -1 if any(seconds % 60 for seconds in ahead) else 0  # the longer offset
        lengths = [self._longest(segment) for segment in segments]
        self.longest, self.longest_row = max(lengths, default=0), sum(lengths)
        self.width = (-(-max(map(_room, segments), default=0) // BLOCK) + 1) * BLOCK
        self._fields = {
            part.column.field.name
            for segment in segments
            for part in segment.parts
            if isinstance(part, Cell)
        }

    def has(self, field: str) -> bool:
        """Return whether a row has a start or an end time."""
        return field in self._fields

    def boundaries(self, chunk: Chunk, start: int, buffers: Buffers) -> NDArray[np.uint8]:
        """Return the step boundaries, as `render_known_rows` takes them."""
        times = self._times(chunk, start, buffers)
        texts = buffers.array("time texts", (*times.shape, kernels.SLOT), np.uint8)
        kernels.format_times(times.reshape(-1), texts.reshape(-1, kernels.SLOT))
        return texts

    def texts(
        self, chunk: Chunk, start: int, buffers: Buffers
    ) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return the sizes of all segments' texts, and the texts; see `render_known_pieces`."""
        times = self._times(chunk, start, buffers)
        ahead = np.zeros((0, 0), np.int64)
        if self._local.zones:
            ahead = np.ascontiguousarray(self._local.ahead(chunk, times, start))
            times = np.ascontiguousarray(np.broadcast_to(times, ahead.shape))
        shape = len(self._parts), chunk.steps, times.shape[1]
        sizes = buffers.array("time sizes", shape, np.int32)
        texts = buffers.array("time texts", (*shape, self.width), np.uint8)
        for segment, (parts, literals) in enumerate(self._parts):
            kernels.fill_time_texts(times, ahead, parts, literals, sizes[segment], texts[segment])
        return sizes, texts

    def _times(self, chunk: Chunk, start: int, buffers: Buffers) -> NDArray[np.int64]:
        """Return the step boundaries: (steps + 1, servers or 1)."""
        boundaries = self._steps.boundaries(chunk, start)
        if not self._steps.fuzz:
            return boundaries[:, np.newaxis]
        keys = self._servers.keys_of(chunk)
        times = buffers.array("times", (boundaries.size, keys.size), np.int64)
        self._steps.fill_late(keys, boundaries, boundaries, 1, times[:, :, np.newaxis])
        return times

    def _longest(self, segment: Segment) -> int:
        """Return the bytes that a segment has at most."""
        return sum(
            len(part)
            if isinstance(part, bytes)
            else len(time_text(LAST_SECOND, part.column.format, self._behind))
            for part in segment.parts
        )


def _room(segment: Segment) -> int:
    """Return the bytes that `fill_time_texts` wants for a segment."""
    return sum(
        len(part) if isinstance(part, bytes) else kernels.LONGEST_TIME for part in segment.parts
    )
