"""The sites of the load signal: the rhythm of their local time, and the air that servers take in.

See docs/LOAD.md, "A site, at hour g".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower.arrays import as_numpy
from synthpower.errors import InputError, shown
from synthpower.fleet.fleet import Fleet
from synthpower.kernels.load_tables import (
    CONSTANTS,
    KINDS,
    ONE,
    PROFILE,
    QUARTERS,
    WINDOWS,
)
from synthpower.kernels.philox import HALF, LOW, U64, philox4x32
from synthpower.model.calendar import DAY, HOUR
from synthpower.model.columns import LOCAL
from synthpower.model.kinds import TIME_ZONE
from synthpower.model.specification import Offsets, Specification
from synthpower.model.streams import LOAD_SITE, stream_key

DEFAULT_ZONE = "UTC"

_KEPT = 8  # files that are in the making at once, and some more
_CLOSED = 120  # of 4,096: what is left of a server's load during maintenance
_NOISE = 65535
_YEAR, _HALF_YEAR, _SPRING = 8766, 4383, 2664  # hours

Tables = tuple[int, NDArray[np.int32], NDArray[np.int32]]


def offsets_of(
    zones: Iterable[str], start: int, span: int, before: int = 0
) -> tuple[tuple[str, Offsets], ...]:
    """Return the local time of zones in a span, hour by hour, by what this machine knows of them.

    Parameters
    ----------
    zones : iterable of str
        Names of the IANA database.
    start, span, before : int
        Seconds since the epoch, and seconds after it and before it.
    """
    before = min(before, start)
    return tuple((zone, _offsets(zone, start, span, before)) for zone in sorted(set(zones)))


def offsets_now(specification: Specification) -> Iterator[tuple[str, Offsets | None]]:
    """Yield what this machine knows of a specification's zones, None where it knows none."""
    for zone, times in specification.offsets:
        try:
            before = -times[0][0]
            yield zone, _offsets(zone, specification.start, _reach(specification), before)
        except (ValueError, OSError, KeyError):  # also ZoneInfoNotFoundError
            yield zone, None


def zones_of(fleet: Fleet) -> tuple[list[str], NDArray[np.int32]]:
    """Return the time zones of a fleet's sites, and which of them each server has."""
    sites = fleet.by_serial.templates["location"]
    known = fleet.facts(TIME_ZONE)
    of_sites = [known.get(site) or DEFAULT_ZONE for site in sites.dictionary.to_pylist()]
    zones = sorted(set(of_sites))
    return zones, np.array(list(map(zones.index, of_sites)), np.int32)[as_numpy(sites.indices)]


def with_local_times(specification: Specification, fleet: Fleet) -> Specification:
    """Return a specification with the local time of each site, as far as its times reach."""
    zones, _ = zones_of(fleet)
    before = max((-times[0][0] for _, times in specification.offsets), default=0)
    reach = _reach(specification)
    return replace(specification, offsets=offsets_of(zones, specification.start, reach, before))


def _reach(specification: Specification) -> int:
    """Return how many seconds after a file's start the last time is whose offset it needs."""
    local = any(column.format == LOCAL for column in specification.columns)
    return specification.span + (specification.fuzz if local else 0)


@lru_cache(4096)
def _offsets(zone: str, start: int, span: int, before: int) -> Offsets:
    import zoneinfo

    rules = zoneinfo.ZoneInfo(zone)
    found: list[tuple[int, int]] = []
    for since in range(-before, span + 1, HOUR):
        ahead = datetime.fromtimestamp(start + since, UTC).astimezone(rules).utcoffset()
        seconds = int(ahead.total_seconds()) if ahead else 0
        if not found or found[-1][1] != seconds:
            found.append((since, seconds))
    return tuple(found)


class Sites:
    """The sites of a fleet.

    Parameters
    ----------
    specification : Specification
        With the offsets of all zones.
    names, zones : sequence of str
        The sites, and the time zone of each.
    before : int
        Seconds before a file's start that are wanted too.
    """

    def __init__(
        self,
        specification: Specification,
        names: Sequence[str],
        zones: Sequence[str],
        before: int = 0,
    ) -> None:
        self._span = specification.span
        self._before = before
        self._offsets = dict(specification.offsets)
        for zone in zones:
            if zone not in self._offsets:
                raise InputError(f"the specification has no local time of {shown(zone)}", "offsets")
        self._zones = zones
        keys = [stream_key(specification.seed, LOAD_SITE, name) for name in names]
        self._keys = np.array(keys, np.uint64)
        southern = tuple(CONSTANTS["southern"])
        self._season = np.array([_HALF_YEAR if zone.startswith(southern) else 0 for zone in zones])
        self._base = 2050 + 60 * (self.words(np.array([0]), 2)[0, 0] % 5)
        # A method under lru_cache would keep every instance alive.
        self.tables = lru_cache(_KEPT)(self._make_tables)

    def words(self, a: NDArray[np.int64], b: int) -> NDArray[np.int64]:
        """Return the four words of each site at counters (a, b): (4, counters, sites)."""
        counters: Any = a.astype(np.uint64)[:, np.newaxis]
        keys: Any = self._keys
        low, high = counters & LOW, counters >> HALF
        words = philox4x32(low, high, U64(b), U64(0), keys & LOW, keys >> HALF)
        return np.stack(words).astype(np.int64)

    def _make_tables(self, start: int) -> Tables:
        """Return the first hour, factors and air of a file that begins at `start`.

        They are (hours, sites * KINDS) and (hours, sites) int32; see `kernels.load.fill_load`.
        """
        since = np.arange(-min(self._before, start), self._span + 1, HOUR)
        hours = (start + since) // HOUR
        ahead = np.stack([ahead_of(self._offsets[zone], since) for zone in self._zones], axis=1)
        local = hours[:, np.newaxis] * HOUR + ahead
        weekday = (local // DAY + 3) % 7
        quarter = weekday * 96 + local % DAY // 900
        blocks = np.arange(hours[0] // 4, hours[-1] // 4 + 2)
        lattice = self.words(blocks, 0)[0] & _NOISE
        at, rest = hours // 4 - blocks[0], (hours % 4)[:, np.newaxis]
        drift = (lattice[at] * (4 - rest) + lattice[at + 1] * rest) // 4 - 32768
        days = hours * HOUR // DAY
        day = (self.words(days, 1)[0] & _NOISE) - 32768
        factor = ONE + drift * 330 // 32768 + day * 160 // 32768

        phases = 4 * np.array(CONSTANTS["phases"])[:, np.newaxis]
        quarters = (quarter[:, :, np.newaxis, np.newaxis] + phases) % QUARTERS
        profiles = PROFILE[np.arange(PROFILE.shape[0]), quarters].astype(np.int64)
        factors = profiles * factor[:, :, np.newaxis, np.newaxis] // ONE
        gates = np.full((*local.shape, WINDOWS), ONE)
        hour = local % DAY // HOUR
        windows = enumerate(CONSTANTS["maintenance"]["windows"], 1)
        for window, (on_day, first, length) in windows:
            closed = (weekday == on_day) & (first <= hour) & (hour < first + length)
            gates[closed, window] = _CLOSED
        packed = factors[..., np.newaxis] | gates[:, :, np.newaxis, np.newaxis] << 16

        season = _wave(hours[:, np.newaxis] - _SPRING + self._season, _YEAR, 120)
        air = self._base + season + _wave(hour - 9, 24, 60) + drift * 40 // 32768
        return (
            int(hours[0]),
            packed.reshape(len(hours), len(self._zones) * KINDS).astype(np.int32),
            air.astype(np.int32),
        )


def ahead_of(offsets: Offsets, since: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the seconds that local time is ahead of UTC, so many seconds after a file's start."""
    begins, ahead = np.array(offsets, np.int64).T
    found: NDArray[np.int64] = ahead[np.searchsorted(begins, since, side="right") - 1]
    return found


def _wave(x: NDArray[np.int64], length: int, height: int) -> NDArray[np.int64]:
    """Return a wave of two parabolas."""
    x = x % length
    half = length // 2
    up = height * 4 * x * (half - x) // (half * half)
    down = -(height * 4 * (x - half) * (length - x) // (half * half))
    return np.where(x < half, up, down)
