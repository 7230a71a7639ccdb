"""The signal of a fleet that behaves like one: docs/LOAD.md defines it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.arrays import as_numpy
from synthpower.errors import InputError, shown
from synthpower.fleet.fleet import Fleet
from synthpower.kernels.load import fill_load, fill_load_each
from synthpower.kernels.load_counts import QUANTITIES
from synthpower.kernels.load_scratch import TRAITS
from synthpower.kernels.load_tables import CURVES, IDLE, MAXIMUM, SOCKETS
from synthpower.kernels.load_traits import fill_traits
from synthpower.model.calendar import DAY
from synthpower.model.faults import AFFECTED, REPEATING, Fault
from synthpower.model.grid import Chunk
from synthpower.model.kinds import TIME_ZONE
from synthpower.model.measurement import Measurement
from synthpower.model.specification import Specification
from synthpower.model.streams import LOAD_SERVER, LOAD_STATES, stream_key
from synthpower.signals.faults import (
    BEFORE,
    Affected,
    Faults,
    change_counts,
    change_traits,
    most_drift,
    most_heat,
)
from synthpower.signals.quantity import NULLS, Numbers, Quantities
from synthpower.signals.random import RandomValues
from synthpower.signals.sites import DEFAULT_ZONE, Sites, offsets_of
from synthpower.signals.steps import Steps
from synthpower.signals.totals import Totals, totals_of, totals_of_counts

CURVE, SOCKET_COUNT = "load_curve", "sockets"
DEFAULT_CURVE, DEFAULT_SOCKETS = "Gen10 Plus Intel", "2"
MOST_DECIMALS = 3
FINEST = 1024  # counts in a unit, of a measurement without decimals

_MOST_AIR = 3010  # 1/100 degrees Celsius, with what a server is warmer
_KEPT_TRAITS = 1024  # slices of servers

# What a server's idle power, its range and its meter have at most of what the curve says.
_MOST_IDLE, _MOST_RANGE = 262144 + 65535, 26214 + 39321


# Serial number ("" of a whole site), site, seconds since the epoch, kind, quantities (or "": all).
Event = tuple[str, str, int, int, str, list[str]]


class Load:
    """CPU, power and what goes with them, of servers that have work to do."""

    name = "load"
    facts = (CURVE, SOCKET_COUNT, TIME_ZONE)

    def complete(self, specification: Specification, fleet: Fleet) -> Specification:
        """Return a specification with the local times of the fleet's sites.

        Raises
        ------
        InputError
            Where no measurement has a quantity, one has too many decimals, or a table says what
            cannot be.
        """
        _check_measurements(specification.measurements)
        _, zones = _sites(fleet)
        _ = _curves(fleet)
        before = _before(specification.faults)
        offsets = offsets_of(zones, specification.start, specification.span, before)
        return replace(specification, offsets=offsets)

    def bind(self, specification: Specification, fleet: Fleet) -> LoadValues:
        return LoadValues(specification, fleet)


class LoadValues:
    """Evaluates the load signal; see `Evaluator`."""

    def __init__(self, specification: Specification, fleet: Fleet) -> None:
        measurements = specification.measurements
        _check_measurements(measurements)
        self._servers = fleet.by_serial
        self._steps = Steps(specification)
        self._interval = specification.interval
        names, zones = _sites(fleet)
        self._sites = Sites(specification, names, zones, _before(specification.faults))
        curves = _curves(fleet)
        self._curves = curves[self._codes("product_id")]
        self._sites_of = self._codes("location")
        self._own = [m for m, each in enumerate(measurements) if each.quantity]
        self._others = [m for m, each in enumerate(measurements) if not each.quantity]
        self._random = RandomValues(kernels.UNIFORM, specification, fleet)
        table = specification.faults
        most = _most_power(np.unique(curves), table)
        self.quantities = Quantities(
            [
                _numbers(each, most, self._interval, table) if each.quantity else Numbers.of(each)
                for each in measurements
            ],
            nullable=any(fault.kind == "off" for fault in table),
        )
        keys = self._servers.keys
        self.faults = Faults(specification, keys, self._sites, self._sites_of) if table else None
        self._quantity_of = [str(each.quantity) for each in measurements]
        self._affected = {
            kind: [m for m in self._own if measurements[m].quantity in quantities]
            for kind, quantities in AFFECTED.items()
        }
        own = [measurements[m] for m in self._own]
        codes = [QUANTITIES.index(str(each.quantity)) for each in own]
        self._multipliers = np.array([_multiplier(each) for each in own])
        self._steps_of = self.quantities.steps[self._own]
        ones = np.ones_like(self._steps_of)
        self._wanted_counts = np.array([codes, self._own, self._multipliers, ones])
        self._wanted_values = np.array([codes, self._own, self._multipliers, self._steps_of])
        self._divisors = np.ones(len(measurements))
        self._divisors[self._own] = self._multipliers
        self._server_key = stream_key(specification.seed, LOAD_SERVER)
        self._keys = np.array([stream_key(specification.seed, p) for p in LOAD_STATES], np.uint64)
        # A method under lru_cache would keep every instance alive.
        self._traits = lru_cache(_KEPT_TRAITS)(self._make_traits)

    def counts(
        self, chunk: Chunk, start: int, firsts: NDArray[np.uint64], out: NDArray[Any]
    ) -> Totals:
        summary = self._fill(chunk, start, self._wanted_counts, firsts, out)
        if self._others:
            others = self._random.fill_counts(chunk, start, firsts, out, self._others)
            summary[self._others] = others[self._others]
        if self.faults and self._put_faults(self.faults, chunk, start, firsts, out):
            (totals,) = totals_of_counts(self.quantities, out, firsts)
            return totals
        return totals_of(self.quantities, summary, out, firsts)

    def values(self, chunk: Chunk, start: int, out: NDArray[np.float64]) -> Totals:
        if self.faults:  # they are put into counts, which have the room of the values
            counts, firsts = out.view(np.int64), np.zeros(out.shape[2], np.uint64)
            totals = self.counts(chunk, start, firsts, counts)
            out[:] = self.quantities.values(counts, firsts)
            return totals
        summary = self._fill(chunk, start, self._wanted_values, self._divisors, out)
        if self._others:
            others = self._random.fill_values(chunk, start, out, self._others)
            summary[self._others] = others[self._others]
        return totals_of(self.quantities, summary, out)

    def _put_faults(
        self,
        faults: Faults,
        chunk: Chunk,
        start: int,
        firsts: NDArray[np.uint64],
        out: NDArray[Any],
    ) -> bool:
        """Change what is faulty, and return whether anything is."""
        times = self._steps.starts(chunk, start)
        affected = faults.affected(start, times, chunk.first_server, chunk.servers)
        if not affected.steps.size:
            return False
        counts = self._faulty_counts(faults, affected, chunk, start, times)
        for kind, which in faults.kinds(affected):
            steps, servers = affected.steps[which], affected.servers[which]
            if kind == "off":
                out[steps, servers] = NULLS[out.dtype]
                continue
            for m in self._affected[kind]:
                out[steps, servers, m] = counts[which, m] + int(firsts[m])
        return True

    def _faulty_counts(
        self,
        faults: Faults,
        affected: Affected,
        chunk: Chunk,
        start: int,
        times: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Return the counts that faulty readings show: (readings, measurements)."""
        own, moments = times[affected.steps], faults.moments(affected, times)
        traits = self._traits(chunk.first_server, chunk.servers)[:, affected.servers]
        for kind, which in faults.kinds(affected):
            changed = traits[:, which]
            change_traits(kind, changed, affected.events.those(which), own[which])
            traits[:, which] = changed
        counts = np.zeros((own.size, self.quantities.bounds.size), np.int64)
        fill_load_each(
            self._servers.keys_of(chunk)[affected.servers],
            np.ascontiguousarray(traits),
            moments,
            self._interval,
            self._keys,
            *self._sites.tables(start),
            self._wanted_counts,
            counts,
        )
        for kind, which in faults.kinds(affected):
            of_kind = affected.events.those(which)
            counts[which] = change_counts(kind, counts[which], of_kind, own[which])
        return counts

    def _fill(
        self,
        chunk: Chunk,
        start: int,
        wanted: NDArray[np.int64],
        terms: NDArray[Any],
        out: NDArray[Any],
    ) -> NDArray[np.uint64]:
        """Fill the measurements that have a quantity, and return their summary."""
        summary = kernels.new_summary(self.quantities.bounds.size)
        fill_load(
            self._servers.keys_of(chunk),
            self._traits(chunk.first_server, chunk.servers),
            self._steps.starts(chunk, start),
            self._interval,
            self._keys,
            *self._sites.tables(start),
            wanted,
            terms,
            summary,
            out,
        )
        return summary

    def events(self, start: int) -> Iterator[Event]:
        """Yield the events of a file, with what they change of it."""
        if self.faults is None:
            return
        numbers, sites = self._servers.sn, self._servers.templates["location"].dictionary
        table, events = self.faults.table, self.faults.events(start)
        for fault, begin, end, server, site, _ in zip(*(e.tolist() for e in events), strict=True):
            kind = table[fault].kind
            place = int(self._sites_of[server]) if server >= 0 else site
            yield (
                numbers[server].as_py() if server >= 0 else "",
                sites[place].as_py(),
                begin,
                end,
                kind,
                [""] if kind == "off" else self._quantities_of(kind),
            )

    def _quantities_of(self, kind: str) -> list[str]:
        return list(dict.fromkeys(self._quantity_of[m] for m in self._affected[kind]))

    def _make_traits(self, first: int, servers: int) -> NDArray[np.int32]:
        chosen = slice(first, first + servers)
        traits = np.empty((len(TRAITS), servers), np.int32)
        fill_traits(
            self._servers.keys[chosen],
            self._server_key,
            np.ascontiguousarray(self._curves[chosen]),
            np.ascontiguousarray(self._sites_of[chosen]),
            traits,
        )
        return traits

    def _codes(self, field: str) -> NDArray[np.int32]:
        """Return which of its field's strings each server has."""
        return as_numpy(self._servers.templates[field].indices)


def _check_measurements(measurements: Sequence[Measurement]) -> None:
    """Raise `InputError` where the signal cannot make the measurements."""
    if not any(measurement.quantity for measurement in measurements):
        raise InputError(
            "none has a quantity, which the load signal needs: 'load' is a table that does",
            "measurements",
        )
    for each in measurements:
        if each.quantity and (each.decimals or 0) > MOST_DECIMALS:
            raise InputError(
                f"{shown(each.name)!r} has {each.decimals} decimals; what has a quantity has "
                f"{MOST_DECIMALS} at most",
                "measurements",
            )


def _multiplier(measurement: Measurement) -> int:
    return FINEST if measurement.decimals is None else 10**measurement.decimals


def _before(faults: Sequence[Fault]) -> int:
    """Return how many seconds before a file's start its readings may be from."""
    return BEFORE if any(fault.kind in REPEATING for fault in faults) else 0


def _numbers(
    measurement: Measurement, most_power: int, interval: int, faults: Sequence[Fault] = ()
) -> Numbers:
    """Return what the readings of a quantity can be."""
    step = interval if measurement.quantity == "energy" else 1
    if measurement.decimals is None:
        return Numbers(None, None, 2.0**53 / FINEST, step)
    many = 10**measurement.decimals
    power = -(-most_power * many // 100)
    air = _MOST_AIR + most_heat(faults)
    most = {"cpu_utilization": 100 * many, "inlet_temperature": -(-air * many // 100)}
    count = most.get(str(measurement.quantity), power)
    return Numbers(measurement.decimals, count, step=step)


def greatest(measurement: Measurement, fleet: Fleet, faults: Sequence[Fault] = ()) -> float:
    """Return the greatest value that a measurement can have, whatever the interval."""
    if not measurement.quantity:
        return float(measurement.scale)
    finest = replace(measurement, decimals=MOST_DECIMALS, scale=Decimal(1))
    most = _most_power(np.unique(_curves(fleet)), faults)
    numbers = _numbers(finest, most, DAY, faults)
    whole = -(-(numbers.max_count or 0) // 10**MOST_DECIMALS)  # of whole watts the next one
    return float(whole * numbers.step)


def _most_power(curves: NDArray[np.int32], faults: Sequence[Fault] = ()) -> int:
    """Return what a server takes at most, in cW, or its meter shows."""
    idle = IDLE[curves].astype(np.int64) * _MOST_IDLE >> 18
    full = idle + ((MAXIMUM[curves] - IDLE[curves]).astype(np.int64) * _MOST_RANGE >> 16)
    fans = full * 131072 // 90000 * (_MOST_AIR + most_heat(faults) - 1800) >> 16
    most = int((full + fans + full * 6 // 1000).max()) + 2
    if drift := most_drift(faults):  # of counts that were rounded up
        most = most * (4096 + drift) // 4096 + 200
    return most


def _curves(fleet: Fleet) -> NDArray[np.int32]:
    """Return an index into `IDLE` for each product id of a fleet."""
    curves, sockets = fleet.facts(CURVE), fleet.facts(SOCKET_COUNT)
    products: Sequence[str] = fleet.by_serial.templates["product_id"].dictionary.to_pylist()
    return np.array(
        [
            _curve(product, curves.get(product) or "", sockets.get(product) or "")
            for product in products
        ],
        np.int32,
    )


def _curve(product: str, curve: str, sockets: str) -> int:
    curve, sockets = curve or DEFAULT_CURVE, sockets or DEFAULT_SOCKETS
    if curve not in CURVES:
        raise InputError(
            f"{CURVE} {shown(curve)!r} of {shown(product)}: choose {', '.join(CURVES)}, or leave "
            f"it empty"
        )
    if not (sockets.isascii() and sockets.isdigit() and int(sockets[:4]) >= 1 and len(sockets) < 4):
        raise InputError(
            f"{SOCKET_COUNT} {shown(sockets)!r} of {shown(product)}: write a number from 1 on, or "
            f"leave it empty"
        )
    return CURVES.index(curve) * len(SOCKETS) + min(int(sockets), len(SOCKETS)) - 1


def _sites(fleet: Fleet) -> tuple[list[str], list[str]]:
    """Return the sites of a fleet, and the time zone of each."""
    names: list[str] = fleet.by_serial.templates["location"].dictionary.to_pylist()
    zones = fleet.facts(TIME_ZONE)
    return names, [zones.get(name) or DEFAULT_ZONE for name in names]
