"""A writer of text, compressed: each chunk by itself, on the thread that renders it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from synthpower.formats import TEXT_COMPRESSIONS, is_text
from synthpower.formats.buffers import Buffers
from synthpower.formats.codecs import Pack, TextFiles, packer
from synthpower.formats.interface import Certainty, Format, Options, Rendered, Size, Writer
from synthpower.model.grid import Chunk, Grid
from synthpower.model.specification import Specification
from synthpower.storage import Files, Sink


def compressed(text: Writer[Any], options: Options) -> Writer[Any]:
    """Return a writer of the compression that the options say, or the one that is given."""
    if options.compression is None:
        return text
    return CompressedWriter(text, packer(options.compression))


class CompressedWriter:
    """Write what another writer does, compressed; see `Writer`.

    Whatever is written is a member or a frame of its own: so any reader takes the file whole,
    and it is cut at the ends of rows.

    Parameters
    ----------
    text : Writer
        Of text: it renders bytes, and writes them as they are.
    pack : callable
        Compresses bytes.
    """

    def __init__(self, text: Writer[Any], pack: Pack) -> None:
        self._text = text
        self._pack = pack
        self.grid: Grid = text.grid

    @property
    def chunk_bytes(self) -> int:
        return self._text.chunk_bytes

    def render(self, chunk: Chunk, start: int, buffers: Buffers) -> Rendered[bytes]:
        made = self._text.render(chunk, start, buffers)
        return Rendered(self._pack(made.data), made.totals)

    @contextmanager
    def open(self, specification: Specification, sink: Sink) -> Iterator[Callable[[bytes], object]]:
        with self._text.open(specification, _PackedSink(sink, self._pack)):  # such as a header
            yield sink.write
        if not sink.size:  # a file of no bytes is none of its kind
            sink.write(self._pack(b""))

    def size(self, specification: Specification) -> Size:
        """Return about the size of a file: as if all chunks were like one of the first."""
        sink = _CountedSink()
        with self.open(specification, sink):
            pass  # a file of no readings
        size = sink.size
        chunk = max(islice(self.grid.chunks(), 2), key=self.grid.rows, default=None)
        if chunk:  # of a shard the second may be the larger
            packed = self.render(chunk, specification.start, Buffers()).data
            size += len(packed) * self.grid.num_rows // self.grid.rows(chunk)
        return Size(size, Certainty.ABOUT)

    def estimate(self, specification: Specification) -> int:
        """Return what a file has at most, at once: as much as its text."""
        return self._text.estimate(specification)


class _CountedSink(Sink):
    """A sink that counts only."""

    def put(self, view: memoryview) -> None: ...


class _PackedSink(_CountedSink):
    """A sink that compresses what it is given, at once."""

    def __init__(self, sink: Sink, pack: Pack) -> None:
        super().__init__()
        self._sink = sink
        self._pack = pack

    def put(self, view: memoryview) -> None:
        self._sink.write(self._pack(view))


def as_text(files: Files, format: Format, options: Options) -> tuple[Files, Options]:
    """Return where a file can be read, and by which options it is made, to the same bytes.

    Those of compressed text depend on the library that compresses, and the text does not.
    """
    if options.compression not in TEXT_COMPRESSIONS or not is_text(format.name):
        return files, options
    return TextFiles(files, options.compression), options._replace(compression=None)
