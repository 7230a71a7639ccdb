"""The faults in the readings of a file of the load signal: which there are, and what they do.

See docs/LOAD.md, "Faults". Events are drawn for a day of a server, or of a site, so any file knows
its own, and those that go on from the days before.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthpower.kernels.load_scratch import TRAITS
from synthpower.kernels.load_tables import FULL, SLOT, WINDOWS
from synthpower.kernels.load_traits import fill_words
from synthpower.model.calendar import DAY, EPOCH, HOUR, LAST_DATE, base_time
from synthpower.model.faults import LENGTHS, MOST_DAYS, REPEATING, SLOTS, Fault, thresholds
from synthpower.model.specification import Specification
from synthpower.model.streams import LOAD_FAULT, stream_key
from synthpower.signals.sites import Sites

BEFORE = (MOST_DAYS + 1) * DAY  # how long ago a reading may be that is shown again
MOST_DRIFT = 820  # of 4,096
MOST_HEAT = 800  # 1/100 degrees Celsius

_LAST = int((base_time(LAST_DATE) - EPOCH).total_seconds()) + DAY  # no date comes after
_NO_SERVER = -1
_KEPT = 8  # files that are in the making at once, and some more
_COUNTER = 3  # of a site's words


class Events(NamedTuple):
    """Events, each an entry of all arrays.

    Attributes
    ----------
    faults : int64
        The row in the table of faults.
    begins, ends : int64
        Seconds since the epoch, the end excluded.
    servers, sites : int64
        Which server has it, or -1 and which site.
    drifts : int64
        How much more a meter that drifts shows in the end, in 1/4,096.
    """

    faults: NDArray[np.int64]
    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    servers: NDArray[np.int64]
    sites: NDArray[np.int64]
    drifts: NDArray[np.int64]

    def those(self, chosen: NDArray[Any]) -> Events:
        """Return some of them."""
        return Events(*(each[chosen] for each in self))


class Affected(NamedTuple):
    """Readings that a fault is in: the step, the server in the chunk, and the event of each."""

    steps: NDArray[np.int64]
    servers: NDArray[np.int64]
    events: Events


class Faults:
    """The faults of files that differ in their date only.

    Parameters
    ----------
    specification : Specification
    server_keys : (servers,) uint64
    sites : Sites
    site_of : (servers,) integers
        Which site each server is at.
    """

    def __init__(
        self,
        specification: Specification,
        server_keys: NDArray[np.uint64],
        sites: Sites,
        site_of: NDArray[np.int32],
    ) -> None:
        self.table = specification.faults
        self._span = specification.span
        self._interval = specification.interval
        self._server_keys = server_keys
        self._sites = sites
        self._site_of = site_of
        self._key = stream_key(specification.seed, LOAD_FAULT)
        # A method under lru_cache would keep every instance alive.
        self.events = lru_cache(_KEPT)(self._find)

    def _find(self, start: int) -> Events:
        """Return the events of a file, in the order of their beginnings, servers and sites."""
        first = start // DAY
        found = []
        for day in range(max(0, first - MOST_DAYS), (start + self._span - 1) // DAY + 1):
            words = np.empty((4, self._server_keys.size), np.uint32)
            fill_words(self._server_keys, day, self._key, words)
            found.append(self._drawn(words, day, "server"))
            of_sites = self._sites.words(np.array([day]), _COUNTER)[:, 0]
            found.append(self._drawn(of_sites, day, "site"))
        every = Events(*(np.concatenate(each) for each in zip(*found, strict=True)))
        within = every.those((every.ends > start) & (every.begins < start + self._span))
        order = np.lexsort((within.faults, within.sites, within.servers, within.begins))
        return within.those(order)

    def _drawn(self, words: NDArray[np.integer], day: int, scope: str) -> Events:
        """Return the events that begin on a day, by the words of servers or of sites."""
        limits = np.array(thresholds(self.table, scope), np.int64)
        who = np.flatnonzero(words[0] < limits[-1])
        w = words[:, who].astype(np.int64)
        faults = np.searchsorted(limits, w[0], side="right")
        lengths = np.array([LENGTHS[fault.kind] for fault in self.table])
        slots = lengths[faults, w[2] >> 28]
        begins = day * DAY + (w[1] * SLOTS >> 32) * SLOT
        drifts = (w[3] >> 20) * (2 * MOST_DRIFT) // 4096 - MOST_DRIFT
        nobody = np.full(who.size, _NO_SERVER)
        servers, sites = (who, nobody) if scope == "server" else (nobody, who)
        ends = np.minimum(begins + slots * SLOT, _LAST)
        return Events(faults, begins, ends, servers, sites, drifts)

    def affected(self, start: int, times: NDArray[np.int64], first: int, servers: int) -> Affected:
        """Return which readings of a chunk are faulty: those that begin within an event.

        Each once for each fault that it has; of two events of one, that which began first.
        """
        events = self.events(start)
        here = (events.ends > times[0]) & (events.begins <= times[-1])
        at = events.servers - first
        here &= (events.servers == _NO_SERVER) | ((at >= 0) & (at < servers))
        events = events.those(here)
        events, at = self._of_each_server(events, first, servers)
        begin = np.clip(-((times[0] - events.begins) // self._interval), 0, times.size)
        end = np.clip(-((times[0] - events.ends) // self._interval), 0, times.size)
        counts = np.maximum(end - begin, 0)
        which = np.repeat(np.arange(counts.size), counts)
        steps = np.arange(which.size) - np.repeat(np.cumsum(counts) - counts, counts) + begin[which]
        cells = (events.faults[which] * times.size + steps) * servers + at[which]
        order = np.lexsort((events.begins[which], cells))
        _, firsts = np.unique(cells[order], return_index=True)
        chosen = order[firsts]
        return Affected(steps[chosen], at[which[chosen]], events.those(which[chosen]))

    def _of_each_server(
        self, events: Events, first: int, servers: int
    ) -> tuple[Events, NDArray[np.int64]]:
        """Return events with those of a site once for each of its servers in the chunk."""
        own = np.flatnonzero(events.servers != _NO_SERVER)
        which, at = [own], [events.servers[own] - first]
        sites = self._site_of[first : first + servers]
        for event in np.flatnonzero(events.servers == _NO_SERVER):
            there = np.flatnonzero(sites == events.sites[event])
            which.append(np.full(there.size, event))
            at.append(there)
        return events.those(np.concatenate(which)), np.concatenate(at)

    def moments(self, affected: Affected, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return when the readings begin that are shown: those of a repeating fault earlier."""
        before = (affected.events.begins - 1) // self._interval * self._interval
        repeating = np.array([fault.kind in REPEATING for fault in self.table])
        own = times[affected.steps]
        return np.where(repeating[affected.events.faults], np.maximum(before, 0), own)

    def kinds(self, affected: Affected) -> list[tuple[str, NDArray[np.int64]]]:
        """Return the kinds of faults that there are, and which of the readings have each.

        The first of the table comes last: what it changes stays so.
        """
        found = []
        for number, fault in reversed([*enumerate(self.table)]):
            which = np.flatnonzero(affected.events.faults == number)
            if which.size:
                found.append((fault.kind, which))
        return found


def change_traits(
    kind: str, traits: NDArray[np.int32], events: Events, times: NDArray[np.int64]
) -> None:
    """Change traits, (TRAITS, readings), into those of servers that have a fault."""
    row = {name: traits[i] for i, name in enumerate(TRAITS)}
    if kind == "runaway":
        row["mean"][:] = FULL
        for name in ("day", "hour", "four", "thirty_two", "noise_of_slots", "chance"):
            row[name][:] = 0
        row["kind"] -= row["kind"] % WINDOWS
    elif kind == "lost_cooling":
        since = times - events.begins
        row["inlet"] += np.minimum(MOST_HEAT * since // HOUR, MOST_HEAT).astype(np.int32)


def change_counts(
    kind: str, counts: NDArray[np.int64], events: Events, times: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return counts, (readings, measurements), as a fault has them shown."""
    if kind == "false_zero":
        return np.zeros_like(counts)
    if kind == "meter_drift":
        grown = events.drifts * (times - events.begins) // (events.ends - events.begins)
        drifted: NDArray[np.int64] = counts * (4096 + grown[:, np.newaxis]) >> 12
        return drifted
    return counts


def most_drift(faults: Sequence[Fault]) -> int:
    """Return how much more a meter may show, in 1/4,096."""
    return MOST_DRIFT if any(fault.kind == "meter_drift" for fault in faults) else 0


def most_heat(faults: Sequence[Fault]) -> int:
    """Return how much warmer the air may be, in 1/100 degrees Celsius."""
    return MOST_HEAT if any(fault.kind == "lost_cooling" for fault in faults) else 0
