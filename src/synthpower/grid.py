"""The cartesian product as integer arithmetic: rows, cells and chunks. No data in it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Chunk:
    """The rows of one kernel call: whole steps, or one step of some of the servers."""

    first_step: int
    steps: int
    first_server: int
    servers: int


@dataclass(frozen=True)
class Grid:
    """The product steps x servers x measurements, in this order, the last varying fastest.

    Parameters
    ----------
    steps, servers, measurements : int
        The lengths of the three axes, each at least 1.
    chunk_rows : int
        The rows that a chunk should have at most; it has more only where the
        measurements of one server are more.
    """

    steps: int
    servers: int
    measurements: int
    chunk_rows: int

    @property
    def num_rows(self) -> int:
        return self.steps * self.servers * self.measurements

    @property
    def chunk_shape(self) -> tuple[int, int]:
        """The steps and the servers of the first chunk; no chunk has more."""
        step_rows = self.servers * self.measurements
        if step_rows <= self.chunk_rows:
            return _even_share(self.steps, self.chunk_rows // step_rows), self.servers
        return 1, _even_share(self.servers, max(1, self.chunk_rows // self.measurements))

    @property
    def num_chunks(self) -> int:
        steps, servers = self.chunk_shape
        return -(-self.steps // steps) * -(-self.servers // servers)

    def chunks(self) -> Iterator[Chunk]:
        """Yield the chunks, in the order of the rows: they tile the product."""
        steps, servers = self.chunk_shape
        for step in range(0, self.steps, steps):
            for server in range(0, self.servers, servers):
                yield Chunk(
                    step, min(steps, self.steps - step), server, min(servers, self.servers - server)
                )

    def shape(self, chunk: Chunk) -> tuple[int, int, int]:
        """Return the numbers of a chunk's steps, servers and measurements."""
        return chunk.steps, chunk.servers, self.measurements

    def rows(self, chunk: Chunk) -> int:
        return math.prod(self.shape(chunk))

    def row(self, step: int, server: int, measurement: int) -> int:
        """Return the place of a cell in the order of the rows."""
        return (step * self.servers + server) * self.measurements + measurement

    def cell(self, row: int) -> tuple[int, int, int]:
        """Return the step, server and measurement of a row: the inverse of `row`."""
        rest, measurement = divmod(row, self.measurements)
        step, server = divmod(rest, self.servers)
        return step, server, measurement


def _even_share(total: int, most: int) -> int:
    """Return the size of equal shares of `total`, none above `most`, as few as can be."""
    shares = -(-total // most)
    return -(-total // shares)
