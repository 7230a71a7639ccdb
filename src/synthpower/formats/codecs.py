"""Text in gzip members or zstd frames, one after the other, and the text in such files.

Readers take such a file whole, as `gunzip` and `zstd` do. Who compresses changes the bytes, and
never the text: `isal` and `zstandard` where they are there, else what is always there.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO, cast

import pyarrow as pa

from synthpower.errors import InputError
from synthpower.storage import Blocks, Files

LEVEL = 1  # of gzip and of zstd: higher ones are slower, and random digits hardly shrink
_BLOCK = 2**20  # bytes of text

Pack = Callable[[Any], bytes]


def packer(codec: str) -> Pack:
    """Return what makes bytes a member of ``gzip``, or a frame of ``zstd``; on any thread."""
    return {"gzip": _gzip, "zstd": _zstd}[codec]()


def _gzip() -> Pack:
    try:
        from isal import igzip_lib
    except ImportError:
        import zlib

        return lambda text: zlib.compress(text, LEVEL, wbits=31)
    return lambda text: igzip_lib.compress(text, LEVEL, igzip_lib.COMP_GZIP)


def _zstd() -> Pack:
    try:
        import zstandard
    except ImportError:
        codec = pa.Codec("zstd", compression_level=LEVEL)
        return lambda text: codec.compress(text, asbytes=True)
    # A compressor serves one thread at a time; a new one takes little of the time of a chunk.
    return lambda text: zstandard.ZstdCompressor(LEVEL, write_checksum=True).compress(text)


def unpacked(file: BinaryIO, codec: str | None) -> BinaryIO:
    """Return the text in a compressed file, of all its members or frames, made while it is read.

    It can seek: forwards by reading, backwards from the beginning. Closing it closes the file.

    Parameters
    ----------
    file : file
    codec : str or None
        ``gzip`` or ``zstd``; None: the file is text.

    Raises
    ------
    InputError
        While it is read, where the file is damaged or ends too soon.
    """
    if codec is None:
        return file
    return cast("BinaryIO", io.BufferedReader(_Unpacked(file, codec), _BLOCK))


class _Unpacked(io.RawIOBase):
    """The text in a compressed file."""

    def __init__(self, file: BinaryIO, codec: str) -> None:
        self._file = file
        self._codec = codec
        self._begin()

    def _begin(self) -> None:
        handle = pa.PythonFile(_LeftOpen(self._file), "r")
        self._text = pa.CompressedInputStream(handle, self._codec)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        try:
            size = int(self._text.readinto(buffer))
        except OSError as error:
            if error.errno is not None:  # the disk's
                raise
            raise InputError(
                f"it is no whole {self._codec} file: it cannot be read on from about byte "
                f"{self._position:,} of the text in it"
            ) from None
        self._position += size
        return size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR:
            offset += self._position
        elif whence != io.SEEK_SET:
            raise io.UnsupportedOperation("the end of the text is not known")
        if offset < self._position:
            self._file.seek(0)
            self._begin()
        room = bytearray(_BLOCK)
        while self._position < offset:
            if not self.readinto(memoryview(room)[: offset - self._position]):
                break
        return self._position

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


class _LeftOpen:
    """A file that pyarrow reads, and does not close when it lets go of it."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read

    def close(self) -> None: ...


class TextFiles:
    """Compressed files as the text in them; see `Files`.

    Parameters
    ----------
    files : Files
        Where they are.
    codec : str
    """

    def __init__(self, files: Files, codec: str) -> None:
        self._files = files
        self._codec = codec

    def open(self, name: str) -> BinaryIO:
        return unpacked(self._files.open(name), self._codec)

    def blocks(self, name: str) -> Blocks:
        return _TextBlocks(self.open(name))

    def size(self, name: str) -> int | None:
        return self._files.size(name)

    def label(self, name: str) -> str:
        return self._files.label(name)


class _TextBlocks:
    """A text that is read in blocks."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, offset: int) -> memoryview:
        self._file.seek(offset)
        return memoryview(self._file.read(_BLOCK))

    def close(self) -> None:
        self._file.close()
