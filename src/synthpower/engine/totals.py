"""What readings come to, made without writing them: all together, or of groups."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthpower.engine.workers import checked_workers
from synthpower.fleet.fleet import Fleet
from synthpower.model.calendar import HOUR
from synthpower.model.grid import Chunk, Grid
from synthpower.model.specification import Specification
from synthpower.signals import find_signal
from synthpower.signals.totals import Totals, totals_of_counts

_CHUNK_ROWS = 2**17  # their counts stay in the second-level cache

Sums = dict[tuple[int, int], Totals]  # by group of servers, and hour


class _Piece(NamedTuple):
    """Steps of the servers of some groups: of many small ones, or a large one.

    Attributes
    ----------
    groups : list of int
    begins : list of int
        Where the servers of each begin, and the last end.
    steps : range
    """

    groups: list[int]
    begins: list[int]
    steps: range

    def chunks(self, measurements: int) -> Iterator[Chunk]:
        """Yield the piece in chunks; where there are several groups, each has all of them."""
        servers = self.begins[-1] - self.begins[0]
        for chunk in Grid(len(self.steps), servers, measurements, _CHUNK_ROWS).chunks():
            yield chunk._replace(
                first_step=self.steps.start + chunk.first_step,
                first_server=self.begins[0] + chunk.first_server,
            )


class _Block:
    """Servers, those of a group one after the other, and what evaluates the signal for them."""

    def __init__(
        self, spec: Specification, fleet: Fleet, group_of: NDArray[np.integer], first: int
    ) -> None:
        order = np.argsort(group_of, kind="stable")
        groups, begins = np.unique(group_of[order], return_index=True)
        if groups.size > 1 or group_of.size < len(fleet):
            fleet = fleet.picked(order + first)
        self._groups, self._begins = groups.tolist(), [*begins.tolist(), group_of.size]
        self._evaluator = find_signal(spec.signal).bind(spec, fleet)
        quantities = self._evaluator.quantities
        # Codes of 16 bits are drawn and added up faster.
        few = int(quantities.bounds.min()) > 0 and int(quantities.bounds.max()) < 2**16
        self._kind = np.uint16 if few else np.int64
        self._measurements = quantities.bounds.size

    def tasks(self, steps: range) -> Iterator[tuple[_Piece, Chunk]]:
        """Yield some steps of all servers in chunks."""
        step_rows = _CHUNK_ROWS // (len(steps) * self._measurements)
        groups: list[int] = []
        begins = [0]
        for group, (begin, end) in zip(self._groups, pairwise(self._begins), strict=True):
            if groups and end - begins[0] > step_rows:
                yield from self._tasks(_Piece(groups, begins, steps))
                groups, begins = [], [begin]
            groups.append(group)
            begins.append(end)
        yield from self._tasks(_Piece(groups, begins, steps))

    def _tasks(self, piece: _Piece) -> Iterator[tuple[_Piece, Chunk]]:
        return ((piece, chunk) for chunk in piece.chunks(self._measurements))

    def totals(self, piece: _Piece, chunk: Chunk, start: int) -> list[tuple[int, Totals]]:
        """Return the totals of the groups in a chunk."""
        counts = np.empty((chunk.steps, chunk.servers, self._measurements), self._kind)
        firsts = np.zeros(self._measurements, np.uint64)
        totals = self._evaluator.counts(chunk, start, firsts, counts)
        if len(piece.groups) == 1:
            return [(piece.groups[0], totals)]
        begins = [begin - chunk.first_server for begin in piece.begins]
        made = totals_of_counts(self._evaluator.quantities, counts, firsts, begins)
        return list(zip(piece.groups, made, strict=True))


def add_up(
    specifications: Iterable[Specification],
    fleet: Fleet,
    group_of: NDArray[np.integer] | None = None,
    by_hour: bool = False,
    workers: int | None = None,
) -> Iterator[Sums]:
    """Yield the totals of files of readings, without writing them.

    Parameters
    ----------
    specifications : iterable of Specification
    fleet : Fleet
        The servers of all of them.
    group_of : (servers,) integers, optional
        Which group each server is in, in the order of their serial numbers; all are in group 0
        otherwise.
    by_hour : bool
        Tell apart the hours of the nominal start, in hours since the epoch. All are in hour 0
        otherwise.
    workers : int, optional
        Threads that compute; as many as there are cores otherwise.
    """
    if group_of is None:
        group_of = np.zeros(len(fleet), np.int64)
    kept: dict[object, _Block] = {}
    with ThreadPoolExecutor(checked_workers(workers)) as pool:
        for spec in specifications:
            sums: Sums = {}
            for rows in spec.grid(len(fleet), 1).blocks():
                first, end = rows.first_server, rows.first_server + rows.servers
                if (key := (spec.undated, first, end)) not in kept:
                    kept[key] = _Block(spec, fleet, group_of[first:end], first)
                block, steps = kept[key], range(rows.first_step, rows.first_step + rows.steps)
                for hour, of_hour in _hours(spec, steps) if by_hour else [(0, steps)]:
                    made = pool.map(
                        lambda task, block=block, spec=spec: block.totals(*task, spec.start),
                        block.tasks(of_hour),
                    )
                    for group, totals in (pair for pairs in made for pair in pairs):
                        before = sums.get((group, hour))
                        sums[group, hour] = before + totals if before else totals
            yield sums


def _hours(spec: Specification, steps: range) -> Iterator[tuple[int, range]]:
    """Yield the hours that steps begin in, with the steps of each."""
    for hour, found in groupby(steps, lambda step: (spec.start + step * spec.interval) // HOUR):
        of_hour = list(found)
        yield hour, range(of_hour[0], of_hour[-1] + 1)
