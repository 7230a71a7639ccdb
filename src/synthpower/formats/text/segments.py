"""A row -> its segments: neighbours that depend on the same, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.arrays import as_strings, string_buffers
from synthpower.formats.text.row import Cell, Part
from synthpower.kernels.pieces import A_NUMBER, BLOCK, OF_MEASUREMENT, OF_SERVER, OF_TIME
from synthpower.kernels.times import COUNTED_TIME, ISO_TIME, LITERAL, LOCAL_TIME, UTC_TIME
from synthpower.model.calendar import TIME_UNITS
from synthpower.model.columns import CONSTANT, LOCAL, START, Axis

Texts = tuple[NDArray[np.uint8], NDArray[np.int32]]  # with PADDING behind them, and offsets

_TIME_KINDS = {"utc": UTC_TIME, "iso": ISO_TIME, LOCAL: LOCAL_TIME}


class Segment(NamedTuple):
    """Parts of a row that follow each other and depend on the same.

    Attributes
    ----------
    kind : int
        `OF_SERVER`, `OF_MEASUREMENT`, `OF_TIME` or `A_NUMBER`, which is one part only.
    parts : tuple of bytes or Cell
    """

    kind: int
    parts: tuple[Part, ...]


def segments_of(parts: Sequence[Part]) -> list[Segment]:
    """Return the segments of a row; literals go with their neighbours."""
    found: list[Segment] = []
    waiting: tuple[Part, ...] = ()  # literals before all else, or between numbers
    for part in map(_resolved, parts):
        kind = _kind_of(part)
        last = found[-1] if found else None
        if kind is None and last and last.kind != A_NUMBER:
            found[-1] = Segment(last.kind, (*last.parts, part))
        elif kind is None:
            waiting = (*waiting, part)
        elif kind != A_NUMBER and last and last.kind == kind and not waiting:
            found[-1] = Segment(kind, (*last.parts, part))
        elif kind == A_NUMBER:
            if waiting:
                found.append(Segment(OF_MEASUREMENT, waiting))
            found.append(Segment(kind, (part,)))
            waiting = ()
        else:
            found.append(Segment(kind, (*waiting, part)))
            waiting = ()
    return [*found, Segment(OF_MEASUREMENT, waiting)] if waiting else found


def _resolved(part: Part) -> Part:
    """Return a part, a constant as the literal that it is."""
    if isinstance(part, bytes) or not part.column.field.is_constant:
        return part
    text = part.column.field.name.removeprefix(CONSTANT)
    return str(part.escape(as_strings([text]))[0].as_py()).encode()


def _kind_of(part: Part) -> int | None:
    """Return what a part depends on; None of a literal."""
    if isinstance(part, bytes):
        return None
    if part.column.field.is_value:
        return A_NUMBER
    if Axis.TIME in part.column.axes:
        return OF_TIME
    return OF_SERVER if Axis.SERVER in part.column.axes else OF_MEASUREMENT


def interleaved(segments: Sequence[pa.StringArray], rows: int) -> Texts:
    """Return the texts of segments, row by row, one after the other."""
    if not segments:
        return np.zeros(kernels.PADDING, np.uint8), np.zeros(rows + 1, np.int32)
    lengths = np.empty((rows, len(segments)), np.int64)
    for i, texts in enumerate(segments):
        lengths[:, i] = np.diff(string_buffers(texts)[1])
    joined = segments[0] if len(segments) == 1 else _joined(segments)
    data, offsets = string_buffers(joined)
    used = data[offsets[0] : offsets[-1]]
    begins = np.zeros(lengths.size + 1, np.int32)
    np.cumsum(lengths.reshape(-1), out=begins[1:])
    return np.concatenate([used, np.zeros(kernels.PADDING, np.uint8)]), begins


def texts_of(
    segment: Segment, strings: Callable[[str], pa.DictionaryArray], rows: int
) -> pa.StringArray:
    """Return the text of a segment in each row; `strings` are those of a field there."""
    columns = []
    for part in segment.parts:
        if isinstance(part, bytes):
            columns.append(pa.scalar(part.decode(), pa.string()))
        else:
            encoded = strings(part.column.field.name)
            escaped = part.escape(encoded.dictionary)
            decoded = pa.DictionaryArray.from_arrays(encoded.indices, escaped)
            columns.append(decoded.cast(pa.string()))
    if any(isinstance(part, Cell) for part in segment.parts):
        return _joined(columns)
    return as_strings(["".join(column.as_py() for column in columns)] * rows)


def _joined(columns: Sequence[pa.Array]) -> pa.StringArray:
    return pc.binary_join_element_wise(*columns, *as_strings([""]))


def blocks_of(longest: int) -> int:
    """Return how many blocks are copied of each text of a segment; -1 for as many as it takes."""
    blocks = -(-longest // BLOCK)
    return blocks if blocks * BLOCK <= kernels.PADDING else -1


def time_parts(segment: Segment) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return the parts of a segment of times as `fill_time_texts` takes them, and its literals."""
    rows, literals = [], b""
    for part in segment.parts:
        if isinstance(part, bytes):
            rows.append((LITERAL, len(literals), len(part)))
            literals += part
        else:
            format = part.column.format
            kind = _TIME_KINDS.get(format, COUNTED_TIME)
            boundary = int(part.column.field != START)
            rows.append((kind, boundary, TIME_UNITS.get(format, 1)))
    return np.array(rows, np.int64), np.frombuffer(literals, np.uint8)
