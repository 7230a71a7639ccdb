"""How far local time is ahead of UTC, where each server is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthpower.fleet.fleet import Fleet
from synthpower.model.columns import LOCAL
from synthpower.model.grid import Chunk
from synthpower.model.specification import Specification
from synthpower.signals.sites import ahead_of, zones_of


class LocalTimes:
    """The local times of a fleet's sites, as they are recorded in a specification.

    Attributes
    ----------
    zones : list of str
        The time zones, in order.
    of_servers : (servers,) int32
        Which of them each server is in.
    """

    def __init__(self, specification: Specification, fleet: Fleet) -> None:
        self.zones: list[str] = []
        if any(column.format == LOCAL for column in specification.columns):
            self.zones, self.of_servers = zones_of(fleet)
        offsets = dict(specification.offsets)
        self._offsets = [offsets[zone] for zone in self.zones]

    def of_zones(self, times: NDArray[np.int64], start: int) -> NDArray[np.int64]:
        """Return how many seconds each zone is ahead of UTC: (times, zones).

        Parameters
        ----------
        times : (times,) int64
            Seconds since the epoch.
        start : int
            The base time of the file.
        """
        return np.stack([ahead_of(each, times - start) for each in self._offsets], axis=1)

    def ahead(self, chunk: Chunk, times: NDArray[np.int64], start: int) -> NDArray[np.int64]:
        """Return how many seconds each server of a chunk is ahead of UTC: (steps, servers).

        `times` are (steps, servers), or (steps, 1).
        """
        zones = self.of_servers[chunk.first_server : chunk.first_server + chunk.servers]
        if times.shape[1] == 1:
            return self.of_zones(times[:, 0], start)[:, zones]
        ahead = np.empty(times.shape, np.int64)
        for zone in np.unique(zones).tolist():
            ahead[:, zones == zone] = ahead_of(self._offsets[zone], times[:, zones == zone] - start)
        return ahead
