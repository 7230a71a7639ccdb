"""The cartesian product as integer arithmetic: rows, cells, chunks and parts. No data in it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from synthpower.errors import InputError, shown, whole_number

MOST_PARTS = 99_999  # five digits in a file's name


class Chunk(NamedTuple):
    """The rows of one kernel call: whole steps, or one step of some of the servers."""

    first_step: int
    steps: int
    first_server: int
    servers: int


@dataclass(frozen=True)
class Part:
    """One of several parts of a file, a shard: a contiguous range of its rows.

    The parts one after the other are the file: no gap, no overlap. A part holds all
    measurements of each of its servers' steps.

    Parameters
    ----------
    number, of : int
        The part's number, from 1, and how many there are.
    """

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        number, of = whole_number(self.number, "shard"), whole_number(self.of, "shard")
        if not 1 <= number <= of <= MOST_PARTS:
            raise InputError(
                f"{shown(number)}/{shown(of)}: write I/N, with 1 <= I <= N <= {MOST_PARTS:,}",
                "shard",
            )

    def range(self, total: int) -> tuple[int, int]:
        """Return where this part of `total` things begins and ends."""
        return (self.number - 1) * total // self.of, self.number * total // self.of


WHOLE = Part()


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
    part : Part
        Which of its rows: all of them, or a shard.
    """

    steps: int
    servers: int
    measurements: int
    chunk_rows: int
    part: Part = WHOLE

    @property
    def num_rows(self) -> int:
        begin, end = self.part.range(self.steps * self.servers)
        return (end - begin) * self.measurements

    @property
    def chunk_shape(self) -> tuple[int, int]:
        """The steps and the servers that a chunk has at most."""
        step_rows = self.servers * self.measurements
        if step_rows <= self.chunk_rows:
            return _even_share(self.steps, self.chunk_rows // step_rows), self.servers
        return 1, _even_share(self.servers, max(1, self.chunk_rows // self.measurements))

    @property
    def num_chunks(self) -> int:
        return sum(
            -(-block.steps // steps) * -(-block.servers // servers)
            for steps, servers in [self.chunk_shape]
            for block in self.blocks()
        )

    def chunks(self) -> Iterator[Chunk]:
        """Yield the chunks, in the order of the rows: they tile the rows of the part."""
        steps, servers = self.chunk_shape
        for block in self.blocks():
            last_step, last_server = (
                block.first_step + block.steps, block.first_server + block.servers
            )  # fmt: skip
            for step in range(block.first_step, last_step, steps):
                for server in range(block.first_server, last_server, servers):
                    yield Chunk(
                        step, min(steps, last_step - step), server,
                        min(servers, last_server - server),
                    )  # fmt: skip

    def blocks(self) -> Iterator[Chunk]:
        """Yield the part as whole steps, with what it has of a step before and after them."""
        begin, end = self.part.range(self.steps * self.servers)
        first_step, first_server = divmod(begin, self.servers)
        last_step, last_server = divmod(end, self.servers)
        if first_step == last_step:
            if begin < end:
                yield Chunk(first_step, 1, first_server, end - begin)
            return
        if first_server:
            yield Chunk(first_step, 1, first_server, self.servers - first_server)
            first_step += 1
        if first_step < last_step:
            yield Chunk(first_step, last_step - first_step, 0, self.servers)
        if last_server:
            yield Chunk(last_step, 1, 0, last_server)

    def shape(self, chunk: Chunk) -> tuple[int, int, int]:
        """Return the numbers of a chunk's steps, servers and measurements."""
        return chunk.steps, chunk.servers, self.measurements

    def rows(self, chunk: Chunk) -> int:
        return math.prod(self.shape(chunk))

    def row(self, step: int, server: int, measurement: int) -> int:
        """Return the row of a cell."""
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
