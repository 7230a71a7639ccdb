"""The messages of Arrow's IPC format, and what makes a file of them.

A stream is a schema, dictionaries, record batches and a mark of its end; a file is a stream
between two magic strings, with a footer that says where each message is. See
https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa

from synthpower.formats.arrow.flatbuffer import (
    Embedded,
    Number,
    Slot,
    Structs,
    Table,
    encode,
)

MAGIC = b"ARROW1"
FILE_BEGIN = MAGIC + bytes(2)
STREAM_BEGIN = len(FILE_BEGIN)  # the offset of the stream in a file
CONTINUATION = b"\xff\xff\xff\xff"  # begins each message
END = bytes(4)  # after a continuation: no message follows
RAW = b"\xff" * 8  # in place of the size of a buffer that is not compressed, where others are

_VERSION = Number("<h", 4)  # V5
_DICTIONARY, _RECORD_BATCH = Number("<B", 2), Number("<B", 3)
_ZSTD = Number("<b", 1)
_ALIGNMENT = 8  # bytes: of the buffers of a body
_HEADER = 2  # the slot of what a message is about


Pieces = Sequence[memoryview | bytes]  # of a buffer


class Block(NamedTuple):
    """Where a message is in a file: its first byte, and the sizes of its two parts."""

    offset: int
    head_size: int  # with what is before the metadata
    body_size: int


class Message(NamedTuple):
    """A message behind its continuation: the size and the metadata, and the body."""

    head: bytes
    body: Pieces
    body_size: int

    def at(self, offset: int) -> Block:
        return Block(offset, len(CONTINUATION) + len(self.head), self.body_size)


def schema_message(schema: pa.Schema) -> Message:
    """Return the message of a schema."""
    return Message(memoryview(schema.serialize())[len(CONTINUATION) :].tobytes(), [], 0)


def dictionary_message(
    number: int, strings: int, buffers: Sequence[Pieces], compressed: bool
) -> Message:
    """Return the message of a schema's dictionary of that number, of so many strings."""
    batch, body = _batch(strings, [0], buffers, compressed)
    return _message(_DICTIONARY, (Number("<q", number), batch), body)


def batch_message(
    rows: int, null_counts: Sequence[int], buffers: Sequence[Pieces], compressed: bool
) -> Message:
    """Return the message of a record batch.

    Parameters
    ----------
    rows : int
    null_counts : sequence of int
        How many nulls each column has.
    buffers : sequence of sequences of bytes-like
        The buffers of all columns, each in pieces.
    compressed : bool
        Whether they begin with their uncompressed sizes, or `RAW`.
    """
    batch, body = _batch(rows, null_counts, buffers, compressed)
    return _message(_RECORD_BATCH, batch, body)


def _batch(
    rows: int, null_counts: Sequence[int], buffers: Sequence[Pieces], compressed: bool
) -> tuple[Slot, Pieces]:
    """Return the table of a record batch, and its body."""
    places: list[tuple[int, int]] = []
    body: list[memoryview | bytes] = []
    end = 0
    for pieces in buffers:
        size = sum(len(piece) for piece in pieces)
        places.append((end, size))
        body += pieces
        if gap := -size % _ALIGNMENT:
            body.append(bytes(gap))
        end += size + gap
    nodes = Structs("<qq", [(rows, nulls) for nulls in null_counts])
    codec = (_ZSTD,) if compressed else None
    return (Number("<q", rows), nodes, Structs("<qq", places), codec), body


def _message(kind: Number, header: Slot, body: Pieces) -> Message:
    size = sum(len(piece) for piece in body)
    metadata = encode((_VERSION, kind, header, Number("<q", size)))
    return Message(len(metadata).to_bytes(4, "little") + metadata, body, size)


def footer(schema: Message, dictionaries: Sequence[Block], batches: Sequence[Block]) -> bytes:
    """Return what follows the end of a file's stream."""
    metadata = schema.head[4:]
    header = Table(metadata).table(_HEADER)
    assert header
    blocks = (
        Structs("<qi4xq", [tuple(block) for block in each]) for each in (dictionaries, batches)
    )
    data = encode((_VERSION, Embedded(metadata, header.at), *blocks))
    return data + len(data).to_bytes(4, "little") + MAGIC
