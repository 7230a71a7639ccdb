"""Chunks rendered ahead of their writing, on all cores, and taken in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from synthpower.formats.buffers import Buffers
from synthpower.formats.interface import Rendered, Writer
from synthpower.model.grid import Chunk

_SPARE = 2  # chunks that wait to be written, so that no worker does
_MEMORY = 2**28  # bytes of chunks in the making or waiting, whatever the number of workers
_LEAST_AHEAD = 4  # chunks, however large


@contextmanager
def rendering(
    files: Sequence[tuple[Writer[Any], int]], workers: int, keeps_buffers: bool = False
) -> Iterator[Iterator[Rendered[Any]]]:
    """Render the chunks of files, each a writer and a base time, in order, on `workers` threads.

    Yields
    ------
    iterator
        The rendered chunks: each is valid until the next, and for ever with `keeps_buffers`.
    """
    chunks = ((writer, chunk, start) for writer, start in files for chunk in writer.grid.chunks())
    depth = chunks_ahead(max(writer.chunk_bytes for writer, _ in files), workers)
    with ThreadPoolExecutor(workers) as pool:
        try:
            yield _ahead(pool, depth, chunks, keeps_buffers)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def chunks_ahead(chunk_bytes: int, workers: int) -> int:
    """Return how many chunks are in the making or waiting: memory bounds what many workers do."""
    return min(workers + _SPARE, max(_LEAST_AHEAD, _MEMORY // chunk_bytes))


def _ahead(
    pool: ThreadPoolExecutor,
    depth: int,
    chunks: Iterable[tuple[Writer[Any], Chunk, int]],
    keeps_buffers: bool,
) -> Iterator[Rendered[Any]]:
    """Yield rendered chunks in order, and keep `depth` of them in the making or waiting.

    Files make no difference: the first chunks of one are rendered while the last of another
    are written.
    """
    ahead: deque[Future[Rendered[Any]]] = deque()
    buffers = [Buffers() for _ in range(depth)]
    for number, (writer, chunk, start) in enumerate(chunks):
        if len(ahead) == depth:
            yield ahead.popleft().result()  # from here on its buffers are free
        own = Buffers() if keeps_buffers else buffers[number % depth]
        ahead.append(pool.submit(writer.render, chunk, start, own))
    while ahead:
        yield ahead.popleft().result()
