"""How much the load signal behaves like a fleet: lines of a table, from files the command made.

    python benchmarks/realism.py              measure, and write benchmarks/results/realism.json
    python benchmarks/realism.py --render     put that file's table into benchmarks/README.md
    python benchmarks/realism.py --pictures   measure nothing; draw docs/pictures/ from such files

Files are read as anyone would, by DuckDB. What none of them says, a server's idle power and its
range, and which servers step or burst, comes from the plain reference. Times are UTC but where
they are called local; the working days of all sites together are Monday to Friday in UTC. Classes
go by the mean CPU: of a server over the week where a line says servers, of a server's one day
where it says days.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import compare
import duckdb
import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "reference"))
import load_reference as reference  # noqa: E402

RESULT = HERE / "results" / "realism.json"
PLANETLAB = HERE / "planetlab_daily_means.csv"  # 101 quantiles, of 11,746 server-days
PICTURES = HERE.parent / "docs" / "pictures"

SERVERS, SEED = 4000, 8123
MONDAY = date(2023, 2, 27)
START = (MONDAY - date(1970, 1, 1)).days * 86_400
DAYS, WORK_DAYS = 7, 5
DAY, HOUR, SLOT, MINUTE, TICK = INTERVALS = (86_400, 3_600, 300, 60, 10)
NAMES = {DAY: "day", HOUR: "hour", SLOT: "5 min", MINUTE: "1 min", TICK: "10 s"}
FINER = {MINUTE: 4, TICK: 40}  # one of so many servers has readings of such an interval, for a day
CPU, POWER = "server cpu utilization", "server power"
LEAST, MOST, INLET = "server power minimum", "server power peak", "server inlet temperature"
ENERGY, CPU_POWER = "server energy", "server cpu power"
FEWEST = 20  # readings whose median is believed

Floats = NDArray[np.float64]


class Line(NamedTuple):
    """A line of the table: each of the numbers found has to be from `least` to `most`."""

    what: str
    found: dict[str, float]
    least: float | None
    most: float | None

    @property
    def met(self) -> bool | None:
        """Whether it is, or None where nothing was found."""
        low = -np.inf if self.least is None else self.least
        high = np.inf if self.most is None else self.most
        return all(low <= x <= high for x in self.found.values()) if self.found else None

    def texts(self) -> list[str]:
        """Return what, found, target and whether it is met, as texts."""
        numbers = self.found.values()
        ends = sorted({min(numbers), max(numbers)}) if numbers else []
        shown = list(dict.fromkeys(f"{x:,.3g}" for x in ends)) or ["-"]
        if self.least is None:
            target = f"≤ {self.most:,}"
        elif self.most is None:
            target = f"≥ {self.least:,}"
        else:
            target = f"{self.least:,} … {self.most:,}" if self.least < self.most else f"{self.most}"
        said = {True: "yes", False: "**no**", None: "-"}[self.met]
        return [self.what, " … ".join(shown), target, said]

    def outside(self) -> list[str]:
        """Return the numbers that are not, with their names."""
        one_by_one = (self._replace(found={name: x}) for name, x in self.found.items())
        return [
            f"{self.what}: {name or 'it'} {x:,.4g}"
            for each in one_by_one
            for name, x in each.found.items()
            if not each.met
        ]


def line(
    what: str, found: float | Mapping[str, float] | None, least: float | None, most: float | None
) -> Line:
    """Return a line of one number, of several with their names, or of none."""
    if found is None:
        found = {}
    elif isinstance(found, float | int):
        found = {"": found}
    numbers = {name: float(f"{number:.6g}") for name, number in found.items()}
    return Line(what, numbers, least, most)


def quantile(numbers: Floats, q: float) -> float | None:
    """Return a quantile, in per cent, of what there is."""
    there = numbers[np.isfinite(numbers)]
    return float(np.percentile(there, q)) if there.size else None


# --- the files ------------------------------------------------------------------------


def synthpower(*arguments: object) -> None:
    """Run the command."""
    subprocess.run([*compare.SYNTHPOWER, *map(str, arguments), "--quiet"], check=True)


def make(folder: Path, servers: int, seed: int) -> None:
    """Make the inventories, of which the smaller are the first servers of the larger, and data."""
    for share in (1, *FINER.values()):
        directory, count = folder / str(share), max(1, servers // share)
        synthpower("inventory", "--directory", directory, "--count", count, "--seed", seed)
    kind = ("--signal", "load", "--format", "parquet")
    for interval in INTERVALS:
        for long in (False, True):
            directory = folder / str(share_of(interval, long))
            more: list[object] = ["--measurements", "load"] if long else []
            if not long and interval not in FINER:
                more = ["--days", DAYS]
            where = ("--directory", directory, "--date", MONDAY, "--interval", interval)
            synthpower("data", *where, *kind, *more)
            kept = directory / name_of(interval, long)
            kept.mkdir()
            for file in directory.glob("data-*.parquet"):
                file.rename(kept / file.name)


def share_of(interval: int, long: bool) -> int:
    """Return of how many servers one has the readings of an interval."""
    if long:
        return max(FINER.values()) if interval in FINER else 1
    return FINER.get(interval, 1)


def name_of(interval: int, long: bool) -> str:
    return f"{interval}-long" if long else f"{interval}"


def read(files: Iterable[Path], measurement: str, servers: int) -> Floats:
    """Return a measurement's readings: (steps, servers), by serial number."""
    parts = []
    for file in sorted(files):
        asked = "SELECT measurement_value FROM read_parquet(?) WHERE name = ?"
        asked += " ORDER BY start_time, sn"
        found = duckdb.execute(asked, [str(file), measurement]).fetchnumpy()["measurement_value"]
        parts.append(np.asarray(found, np.float64).reshape(-1, servers))
    return np.concatenate(parts)


@dataclass
class Dataset:
    """What the files say, and what the reference knows of the servers."""

    folder: Path
    seed: int

    def servers(self, share: int = 1) -> list[dict[str, str]]:
        """Return the rows of an inventory, sorted by serial number as readings are."""
        rows = rows_of(self.folder / str(share) / "inventory.csv")
        return sorted(rows, key=lambda row: row["sn"])

    def read(self, interval: int, measurement: str, long: bool = False) -> Floats:
        share = share_of(interval, long)
        files = (self.folder / str(share) / name_of(interval, long)).iterdir()
        return read(files, measurement, len(self.servers(share)))

    def chosen(self, share: int) -> NDArray[np.intp]:
        """Return where the servers of a smaller inventory are in the largest."""
        place = {row["sn"]: i for i, row in enumerate(self.servers())}
        return np.array([place[row["sn"]] for row in self.servers(share)])

    @cached_property
    def cpu(self) -> Floats:
        return self.read(SLOT, CPU)

    @cached_property
    def power(self) -> Floats:
        return self.read(SLOT, POWER)

    @cached_property
    def means(self) -> Floats:
        """The mean CPU of each server over the week."""
        return self.cpu.mean(0)

    @cached_property
    def days(self) -> list[Floats]:
        """The CPU of each day."""
        return [self.cpu[i : i + DAY // SLOT] for i in range(0, len(self.cpu), DAY // SLOT)]

    @cached_property
    def facts(self) -> list[reference.Facts]:
        directory = self.folder / "1"
        types = {row["product_id"]: row for row in rows_of(directory / "server_types.csv")}
        rows = rows_of(directory / "locations.csv")
        zones = {row["location"]: row["time_zone"] for row in rows}
        found = []
        for row in self.servers():
            own = types[row["product_id"]]
            curve, sockets = own["load_curve"] or "Gen10 Plus Intel", int(own["sockets"] or 2)
            site = row["location"]
            found.append(reference.Facts(curve, sockets, site, zones[site] or "UTC"))
        return found

    @cached_property
    def own(self) -> list[Any]:
        """What the reference knows of each server."""
        pairs = zip(self.servers(), self.facts, strict=True)
        return [reference.server(self.seed, row["sn"], facts) for row, facts in pairs]

    def trait(self, name: str) -> Floats:
        return np.array([getattr(own, name) for own in self.own], np.float64)

    @cached_property
    def sites(self) -> dict[str, NDArray[np.intp]]:
        """The servers of each site."""
        of = np.array([facts.site for facts in self.facts])
        return {str(site): np.flatnonzero(of == site) for site in np.unique(of)}

    def local(self, site: str) -> NDArray[np.int64]:
        """Return the local second of each slot of the week, counted from a Monday of 1969."""
        zone = reference.zone_offset(self.facts[self.sites[site][0]].zone)
        starts = START + np.arange(len(self.cpu)) * SLOT
        return starts + np.array([zone(int(t) // HOUR * HOUR) for t in starts]) + 3 * DAY

    @cached_property
    def warmth(self) -> Floats:
        """What the fans take of each server in each hour of the week, in W."""
        hours = range(START // HOUR, START // HOUR + len(self.cpu) * SLOT // HOUR)
        air = np.empty((len(hours), len(self.facts)))
        for site, where in self.sites.items():
            zone = self.facts[where[0]].zone
            offset = reference.zone_offset(zone)
            column = [reference.site(self.seed, site, zone, g, offset).air for g in hours]
            air[:, where] = np.array(column)[:, None]
        return self.trait("fan") * (air + self.trait("inlet") - 1800) / 65536 / 100

    def shares(self, power: Floats, interval: int) -> Floats:
        """Return how much of its range each server takes, without fans and the mean noise."""
        fans = self.warmth if interval == HOUR else np.repeat(self.warmth, HOUR // interval, 0)
        rest = (self.trait("idle_power") + self.trait("noise") * 1023 / 2048) / 100
        return (power - fans[: len(power)] - rest) / (self.trait("range") / 100)

    @cached_property
    def curves(self) -> dict[str, NDArray[np.intp]]:
        """The servers of each load curve."""
        of = np.array([facts.curve for facts in self.facts])
        return {str(curve): np.flatnonzero(of == curve) for curve in np.unique(of)}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def planetlab() -> Floats:
    """Return shares of PlanetLab's server-days, and the mean CPU that they have at most."""
    return np.array([list(map(float, row.values())) for row in rows_of(PLANETLAB)])


def curve_at(curve: str, cpu: Floats) -> Floats:
    """Return the share of the range that a load curve gives at some CPU, in %."""
    percent = reference.CONSTANTS["curves"][curve]["percent"]
    return np.interp(cpu, np.arange(0, 101, 10), np.array(percent) / 100)


# --- the lines ------------------------------------------------------------------------


def levels(data: Dataset) -> Iterator[Line]:
    """How busy servers are, beside PlanetLab's."""
    means = np.stack([day.mean(0) for day in data.days[:WORK_DAYS]])
    yield line("fleet mean CPU on working days, %", float(means.mean()), 10.5, 20)
    targets = {25: (2, 4), 50: (6, 8), 75: (12, 17), 90: (22, 30), 95: (33, 45)}
    for q, (least, most) in targets.items():
        yield line(f"servers' means of working days, %, p{q}", quantile(means, q), least, most)
    theirs = planetlab()
    ours = np.sort(means.ravel())
    steps = np.arange(ours.size + 1) / ours.size
    below = np.interp(ours, theirs[:, 1], theirs[:, 0])
    distance = max(np.abs(steps[1:] - below).max(), np.abs(steps[:-1] - below).max())
    yield line("their distance from PlanetLab's (Kolmogorov-Smirnov)", float(distance), None, 0.08)
    shares = {
        str(i): float(day.mean(0).var() / (day.mean(0).var() + day.var(0).mean()))
        for i, day in enumerate(data.days)
    }
    yield line("share of CPU's variance that is between servers, each day", shares, 0.6, 0.8)


def count(of: NDArray[np.bool_]) -> int:
    return int(np.count_nonzero(of))


def autocorrelation(series: Floats, lag: int) -> Floats:
    """Return that of each column; NaN for one that is constant."""
    off = series - series.mean(0)
    variance = (off * off).mean(0)
    product = (off[lag:] * off[:-lag]).mean(0)
    return np.divide(product, variance, out=np.full(product.shape, np.nan), where=variance > 1e-12)


def memory(data: Dataset) -> Iterator[Line]:
    """How much a reading of 5 minutes resembles an earlier one: of the day, or of the week."""
    means = np.concatenate([day.mean(0) for day in data.days])
    lag_1 = np.concatenate([autocorrelation(day, 1) for day in data.days])
    busy, idle = lag_1[means > 20], lag_1[means < 2]
    between = lag_1[(means >= 5) & (means < 20)]
    what = "autocorrelation at 5 min, days"
    yield line(f"{what} > 20 %, median", quantile(busy, 50), 0.85, None)
    yield line(f"{what} > 20 %, p10", quantile(busy, 10), 0.7, None)
    yield line(f"{what} of 5-20 %, median", quantile(between, 50), 0.4, 0.9)
    yield line(f"{what} < 2 %, median", quantile(idle, 50), -0.2, 0.2)
    hour = autocorrelation(data.cpu[:, data.means > 20], HOUR // SLOT)
    yield line("autocorrelation at 1 h, servers > 20 %, median", quantile(hour, 50), 0.5, 0.9)
    a_day = autocorrelation(data.cpu[:, data.means >= 10], DAY // SLOT)
    yield line("autocorrelation at 24 h, servers ≥ 10 %, p75", quantile(a_day, 75), 0.3, None)


def spread(data: Dataset) -> Iterator[Line]:
    """How much a server's CPU varies within a day."""
    means = np.concatenate([day.mean(0) for day in data.days])
    deviations = np.concatenate([day.std(0) for day in data.days])
    most = np.concatenate([day.max(0) for day in data.days])
    bounds = [(2, 5, 0.3, 1.3), (5, 10, 0.4, 1), (10, 20, 0.4, 0.9), (20, 50, 0.25, 0.7),
              (50, 101, 0.1, 0.4)]  # fmt: skip
    for low, high, least, greatest in bounds:
        of = (means >= low) & (means < high)
        named = f"of {low}-{high} %" if high <= 100 else f"> {low} %"
        found = quantile(deviations[of] / means[of], 50)
        yield line(f"deviation / mean, days {named}, median", found, least, greatest)
    of = (means >= 2) & (means < 5)
    found = quantile(most[of] / means[of], 90)
    yield line("greatest / mean, days of 2-5 %, p90", found, 4, None)


def rhythm(data: Dataset) -> Iterator[Line]:
    """Day and week of each site, in its own time."""
    ratios: dict[str, dict[str, float]] = {"cpu": {}, "power": {}, "week-end": {}}
    peaks: list[bool] = []
    for site, where in data.sites.items():
        local = data.local(site)
        working = local // DAY % 7 < WORK_DAYS
        hour = local % DAY // HOUR
        for name, readings in (("cpu", data.cpu), ("power", data.power)):
            series = readings[:, where].mean(1)
            by_hour = [series[working & (hour == h)].mean() for h in range(24)]
            ratios[name][site] = max(by_hour) / min(by_hour)
        series = data.cpu[:, where].mean(1)
        ratios["week-end"][site] = float(series[~working].mean() / series[working].mean())
        for day in np.unique(local[working] // DAY):
            of = local // DAY == day
            if count(of) == DAY // SLOT:  # the others begin or end outside of the files
                by_hour = [series[of & (hour == h)].mean() for h in range(24)]
                peaks.append(9 <= int(np.argmax(by_hour)) < 17)
    what = "CPU by the local hour of working days, peak / trough, each site"
    yield line(what, ratios["cpu"], 1.25, 1.7)
    yield line("site-days whose busiest hour is in 9:00-17:00 local, %",
               100 * float(np.mean(peaks)), 90, None)  # fmt: skip
    yield line("CPU of the week-end / of working days, each site", ratios["week-end"], 0.75, 0.97)
    what = "power by the local hour of working days, peak / trough, each site"
    yield line(what, ratios["power"], 1.04, 1.25)


def groups(data: Dataset) -> Iterator[Line]:
    """How much less a group of servers varies than one of them."""
    random = np.random.default_rng(1)
    for size, least, most in (1, 2, None), (20, 1.25, 1.7), (200, 1.08, 1.25), (1000, 1.04, 1.15):
        found = []
        many = data.cpu.shape[1] // size
        for day in data.days[:WORK_DAYS] if many else ():
            mixed = day[:, random.permutation(day.shape[1])[: many * size]]
            of = mixed.reshape(len(day), many, size).mean(2)
            found.append(of.max(0) / of.mean(0))
        who = f"{size:,} servers" if size > 1 else "one server"
        what = f"peak / mean of a working day, CPU of {who}, median"
        yield line(what, quantile(np.array(found).ravel(), 50), least, most)


def curves(data: Dataset) -> Iterator[Line]:
    """Power against load."""
    shares = data.shares(data.power, SLOT)
    hourly = data.shares(data.read(HOUR, POWER), HOUR)
    off: dict[str, float] = {}
    hours: dict[str, float] = {}
    for curve, where in data.curves.items():
        cpu = data.cpu[:, where]
        expected = curve_at(curve, cpu)
        apart = shares[:, where] - expected
        for load in range(10, 101, 10):
            near = np.abs(cpu - load) < 1
            if count(near) >= FEWEST:
                off[f"{curve}, {load} %"] = float(np.median(apart[near]))
        mean = expected.reshape(-1, HOUR // SLOT, where.size).mean(1)
        for q in (1, 99):
            hours[f"{curve}, p{q}"] = quantile(hourly[:, where] - mean, q) or 0
    what = "power's share of the range less its load curve"
    yield line(f"{what}, 10 … 100 %, each curve", off, -0.01, 0.01)
    yield line(f"{what} over the slots, hourly, p1 and p99", hours, -0.03, 0.03)
    busy = data.means > 20
    x = data.cpu[:, busy] - data.cpu[:, busy].mean(0)
    y = data.power[:, busy] - data.power[:, busy].mean(0)
    found = (x * y).mean(0) / np.sqrt((x * x).mean(0) * (y * y).mean(0))
    what = "correlation of CPU and power, least of the servers > 20 %"
    yield line(what, quantile(found, 0), 0.9, None)


def bounds(data: Dataset) -> Iterator[Line]:
    """What no reading may be."""
    idle, full = data.trait("idle_power"), data.trait("idle_power") + data.trait("range")
    noise, fan = data.trait("noise"), data.trait("fan")
    most = (full + noise) / 100 + np.repeat(data.warmth, HOUR // SLOT, 0)
    below = {"week": count(data.power < idle / 100)}
    above = {"week": count(data.power > most + 0.01)}
    disorder, energies = {}, {}
    for interval in INTERVALS:
        name = NAMES[interval]
        where = data.chosen(share_of(interval, long=True))
        least, power, peak, inlet, energy = (
            data.read(interval, measurement, long=True)
            for measurement in (LEAST, POWER, MOST, INLET, ENERGY)
        )
        below[name] = count(least < np.floor(idle[where] / 100))
        if interval < DAY:  # a day's peak is that of its hours, see below
            fans = fan[where] * (100 * inlet + 5 - 1800) / 65536  # the inlet has one decimal
            highest = np.ceil((full[where] + noise[where] + fans) / 100)
            above[name] = count(peak > highest)
        disorder[name] = count((least > power) | (power > peak))
        energies[name] = count(energy != power * interval)
    yield line("readings below idle", below, 0, 0)
    yield line("readings above the maximum", above, 0, 0)
    yield line("minimum ≤ average ≤ peak, violations", disorder, 0, 0)
    yield line("energy = average x time, violations", energies, 0, 0)


def folded(fine: Floats, steps: int, how: Callable[..., Floats]) -> Floats:
    return how(fine.reshape(-1, steps, fine.shape[1]), 1)


def intervals(data: Dataset) -> Iterator[Line]:
    """What the readings of different intervals say of the same time."""
    decimals = {CPU: 2, POWER: 2, INLET: 1, CPU_POWER: 0}
    off: dict[str, dict[str, float]] = {}
    unequal: dict[str, float] = {}
    for measurement, long in (
        (CPU, False), (POWER, False), (INLET, True), (CPU_POWER, True), (LEAST, True), (MOST, True)
    ):  # fmt: skip
        read = {}
        for interval in INTERVALS:
            steps = DAY // interval  # of the first day
            read[interval] = data.read(interval, measurement, long)[:steps]
        for coarse, fine in combinations(INTERVALS, 2):
            rough, readings = read[coarse], read[fine]
            if rough.shape[1] != readings.shape[1]:
                places = data.chosen(share_of(coarse, long))
                rough = rough[:, np.searchsorted(places, data.chosen(share_of(fine, long)))]
            pair = f"{measurement[7:]}, {NAMES[coarse]} of {NAMES[fine]}"
            if measurement in decimals:
                mean = folded(readings, coarse // fine, np.mean)
                counts = np.abs(mean - rough).max() * 10 ** decimals[measurement]
                off.setdefault(measurement, {})[pair] = float(counts.round(6))
            elif fine >= SLOT:
                how = np.min if measurement == LEAST else np.max
                mean = folded(readings, coarse // fine, how)
                unequal[pair] = count(mean != rough)
    for measurement, found in off.items():
        what = f"a reading and the mean of finer ones, {measurement[7:]}, in printed counts"
        yield line(what, found, None, 1)
    yield line("a minimum or peak and those of finer ones, unequal", unequal, 0, 0)


def stairs(data: Dataset) -> Iterator[Line]:
    """Whether slots can be seen in finer readings."""
    cpu = data.read(MINUTE, CPU)
    servers, places = data.servers(), data.chosen(FINER[MINUTE])
    smooth = np.array(
        [not steps_or_bursts(data.seed, servers[i]["sn"], data.own[i]) for i in places], bool
    )
    cpu = cpu[:, smooth & (cpu.mean(0) >= 5)]
    what = "variance of 1-min changes between slots / inside, CPU ≥ 5 %"
    if not cpu.size:
        yield line(what, None, None, 2)
        return
    changes = np.diff(cpu, axis=0) ** 2
    at = np.arange(1, len(cpu)) % (SLOT // MINUTE) == 0
    yield line(what, float(changes[at].mean() / changes[~at].mean()), None, 2)


def steps_or_bursts(seed: int, sn: str, own: Any) -> bool:
    """Return whether a server's level steps, or has a burst on the first day."""
    blocks = range(START // HOUR // 4 + 4, (START + DAY) // HOUR // 4 + 4)
    words = (reference.block_word(seed, sn, "load 4 hours", b) for b in blocks)
    return own.steps or any((word >> 14) & 255 < own.chance for word in words)


PARTS = (levels, memory, spread, rhythm, groups, curves, bounds, intervals, stairs)


def measure(data: Dataset, servers: int) -> dict[str, Any]:
    """Return all lines, and where they come from."""
    found = [each for part in PARTS for each in part(data)]
    command = f"python benchmarks/realism.py --servers {servers} --seed {data.seed}"
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": command,
        "versions": compare.versions(),
        "servers": servers,
        "lines": [each._asdict() | {"met": each.met} for each in found],
    }


def render(result: dict[str, Any]) -> str:
    """Return the result as a sentence and a table in Markdown, and what is outside its target."""
    lines = [Line(**{key: of[key] for key in Line._fields}) for of in result["lines"]]
    rows = [["what", "found", "target", "met"], ["---", "---:", "---:", "---"]]
    rows += [each.texts() for each in lines]
    outside = [text for each in lines for text in each.outside()]
    met = [each.met for each in lines]
    sentence = (
        f"Measured on {result['date']} by `{result['command']}` with synthpower "
        f"{result['versions']['synthpower']}: the week of {MONDAY}. {met.count(True)} of "
        f"{len(met)} lines are within their targets. Where a line has several numbers, their least "
        "and greatest are shown."
    )
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    missed = [f"Outside: {'; '.join(outside)}."] if outside else []
    return "\n\n".join([sentence, table, *missed])


# --- the pictures ---------------------------------------------------------------------

COLORS = 128  # of a picture
BLUE, ORANGE, GREY = "#2066a8", "#c4601d", "#888888"
LOAD, WATTS = "CPU, %", "power, W"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def draw(data: Dataset, folder: Path) -> None:
    """Draw all pictures."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams.update({
        "figure.dpi": 100, "font.size": 9, "axes.spines.top": False, "axes.grid": True,
        "grid.color": "#e4e4e4", "grid.linewidth": 0.6, "axes.axisbelow": True,
        "axes.titlesize": 9, "legend.frameon": False, "lines.linewidth": 1,
    })  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in (
        ("week", draw_week), ("means", draw_means), ("curves", draw_curves),
        ("servers", draw_servers), ("intervals", draw_intervals),
    ):  # fmt: skip
        figure = picture(data)
        path = folder / f"{name}.png"
        save(figure, path)
        print(f"{path}: {path.stat().st_size:,} bytes")


def save(figure: Any, path: Path) -> None:
    """Write a PNG of few colours, which is a small one."""
    from PIL import Image

    figure.canvas.draw()
    image = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    image.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)


def subplots(rows: int, columns: int, width: float, height: float, **options: Any) -> Any:
    """Return a figure and its axes: (rows, columns)."""
    from matplotlib import pyplot

    size = (width, height)
    return pyplot.subplots(
        rows, columns, figsize=size, layout="constrained", squeeze=False, **options
    )


def name_days(axes: Any, days: int = DAYS) -> None:
    """Have days on an axis of hours."""
    axes.set_xlim(0, 24 * days)
    axes.set_xticks(range(0, 24 * days + 1, 24), labels=[""] * (days + 1))
    axes.set_xticks(range(12, 24 * days, 24), labels=WEEKDAYS[:days], minor=True)
    axes.tick_params(axis="x", which="minor", length=0)


def city_of(zone: str) -> str:
    return zone.rpartition("/")[2].replace("_", " ")


def draw_week(data: Dataset) -> Any:
    """Draw a week of the power of each site."""
    figure, axes = subplots(3, 1, 9, 6.6, sharex=True)
    hourly = data.read(HOUR, POWER)
    regions = {"Americas": ("America/",), "Europe": ("Europe/",), "Asia and Australia": ("A", "P")}
    left = dict(data.sites)
    for ax, (region, prefixes) in zip(axes[:, 0], regions.items(), strict=True):
        for site in list(left):
            where = left[site]
            zone = data.facts[where[0]].zone
            if zone.startswith(prefixes):
                ax.plot(hourly[:, where].mean(1), label=f"{site}, {city_of(zone)}")
                del left[site]
        ax.set_title(region, loc="left")
        ax.set_ylabel("power of a server, W")
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
        name_days(ax)
    axes[-1, 0].set_xlabel("hours of a week, UTC")
    figure.suptitle("Power of a server, hourly mean of each site")
    return figure


def draw_means(data: Dataset) -> Any:
    """Draw the distribution of daily means beside PlanetLab's."""
    figure, axes = subplots(1, 1, 6.4, 4.2)
    ax = axes[0, 0]
    theirs = planetlab()
    means = np.stack([day.mean(0) for day in data.days[:WORK_DAYS]])
    ax.plot(theirs[:, 0] * 100, theirs[:, 1], ".-", color=GREY, markersize=3,
            label="PlanetLab 2011, 11,746 server-days")  # fmt: skip
    ax.plot(theirs[:, 0] * 100, np.quantile(means, theirs[:, 0]), color=BLUE, linewidth=1.6,
            label=f"synthpower, {means.size:,} server-days")  # fmt: skip
    ax.set_yscale("log")
    ax.set_yticks(ticks := [0.2, 0.5, 1, 2, 5, 10, 20, 50, 100], labels=map(str, ticks))
    ax.minorticks_off()
    ax.set_xlabel("server-days with at most so much, %")
    ax.set_ylabel("mean CPU of a day, %")
    ax.legend()
    return figure


def draw_curves(data: Dataset) -> Any:
    """Draw power against CPU, for servers of each load curve."""
    figure, axes = subplots(2, 3, 9, 5.8)
    random = np.random.default_rng(1)
    shares = data.shares(data.power, SLOT)
    sockets = np.array([facts.sockets for facts in data.facts])
    last = axes[1, 2]
    for ax, (curve, where) in zip(axes.flat, data.curves.items(), strict=False):
        for many, color in ((1, ORANGE), (2, BLUE), (4, GREY)):
            of = where[sockets[where] == many]
            if not of.size:
                continue
            at = random.integers(len(data.cpu), size=3000), random.choice(of, 3000)
            ax.plot(data.cpu[at], data.power[at], ".", color=color, markersize=1.6, alpha=0.5,
                    label=f"{many} socket{'s' * (many > 1)}")  # fmt: skip
        ax.set_title(curve, loc="left")
        ax.set_ylim(0)
        ax.legend(fontsize=8, markerscale=5, loc="upper left")
        at = random.integers(len(data.cpu), size=3000), random.choice(where, 3000)
        (points,) = last.plot(data.cpu[at], shares[at] * 100, ".", markersize=1.6, alpha=0.6)
        load = np.arange(0, 101, 10.0)
        last.plot(load, curve_at(curve, load) * 100, color=points.get_color(), linewidth=0.8,
                  label=curve)  # fmt: skip
    last.set_title("above idle, in shares of the range", loc="left")
    for ax in axes.flat:
        ax.set_xlim(0, 100)
    for ax in axes[:, 0]:
        ax.set_ylabel(WATTS)
    last.set_ylabel("share of the range, %")
    last.legend(fontsize=7, loc="upper left")
    for ax in axes[1]:
        ax.set_xlabel(LOAD)
    figure.suptitle("Readings of 5 minutes")
    return figure


def examples(data: Dataset) -> dict[str, int]:
    """Return a server of each kind: the first that is one."""
    on_off, steps = data.trait("on_off"), data.trait("steps")
    office = (data.trait("profile") == 0) & (data.trait("phase") == 0)
    means = data.means
    kinds = {
        "hardly used": means < 2,
        "office hours": office & (means > 15) & (means < 25) & (steps == 0),
        "batch jobs": (on_off > 0) & (means > 8),
        "busy": (means > 50) & (steps == 1),
    }
    return {kind: int(np.flatnonzero(of)[0]) for kind, of in kinds.items() if of.any()}


def scale(axes: Any, low: float, high: float, limits: tuple[float, float], color: str) -> None:
    """Have an axis for a part of the height only, with marks where there are readings."""
    from matplotlib.ticker import MaxNLocator

    marks = MaxNLocator(4).tick_values(low, high)
    axes.set_ylim(limits)
    axes.set_yticks([mark for mark in marks if low <= mark <= high])
    axes.tick_params(axis="y", colors=color)


def draw_servers(data: Dataset) -> Any:
    """Draw a day and a week of four servers."""
    kinds = examples(data)
    widths = {"width_ratios": (1, 1.5)}
    figure, axes = subplots(len(kinds), 2, 9.5, 7.6, sharex="col", gridspec_kw=widths)
    for row, (kind, server) in zip(axes, kinds.items(), strict=True):
        for ax, slots in zip(row, (DAY // SLOT, len(data.cpu)), strict=True):
            hours = np.arange(slots) * SLOT / HOUR
            ax.plot(hours, data.cpu[:slots, server], color=BLUE, linewidth=0.7)
            other = ax.twinx()
            other.plot(hours, data.power[:slots, server], color=ORANGE, linewidth=0.7)
            most = max(float(data.cpu[:, server].max()), 1.0)
            scale(ax, 0, most, (0, 1.9 * most), BLUE)
            low, high = data.power[:, server].min(), data.power[:, server].max() + 1
            scale(other, low, high, (low - 1.15 * (high - low), high), ORANGE)
            other.grid(visible=False)
        facts = data.facts[server]
        row[0].set_title(f"{kind}: {data.servers()[server]['sn']}", loc="left")
        row[1].set_title(f"{facts.site}, {city_of(facts.zone)}; {facts.curve}", loc="left")
        row[0].set_ylabel(LOAD, color=BLUE)
        other.set_ylabel(WATTS, color=ORANGE)
        row[0].set_xlim(0, 24)
        row[0].set_xticks(range(0, 25, 4))
        name_days(row[1])
    axes[-1, 0].set_xlabel("hours of Monday, UTC")
    axes[-1, 1].set_xlabel("hours of a week, UTC")
    figure.suptitle("Four servers, readings of 5 minutes: CPU below, power above")
    return figure


def draw_intervals(data: Dataset) -> Any:
    """Draw a day of one server at four intervals, and two hours of it."""
    chosen = data.chosen(FINER[TICK])
    means, steps = data.days[0].mean(0)[chosen], data.trait("steps")[chosen]
    fit = np.flatnonzero((means > 15) & (means < 40) & (steps == 0))
    place = int(fit[0]) if fit.size else 0
    server = chosen[place]
    busiest = min(max(int(data.cpu[: DAY // SLOT, server].argmax()) * SLOT // HOUR, 1), 23)
    widths = {"width_ratios": (1.5, 1)}
    figure, axes = subplots(4, 2, 9.5, 7, sharex="col", sharey=True, gridspec_kw=widths)
    for row, interval in zip(axes, (HOUR, SLOT, MINUTE, TICK), strict=True):
        at = server
        if interval in FINER:
            at = int(np.flatnonzero(data.chosen(FINER[interval]) == server)[0])
        cpu = data.read(interval, CPU)[: DAY // interval, at]
        edges = np.arange(cpu.size + 1) * interval / HOUR
        for ax, color in zip(row, (BLUE, BLUE), strict=True):
            ax.stairs(cpu, edges, baseline=None, color=color, linewidth=0.7)
        row[0].set_title(NAMES[interval].replace("hour", "1 hour"), loc="left")
        row[0].set_ylabel(LOAD)
        row[0].set_xlim(0, 24)
        row[0].set_xticks(range(0, 25, 4))
        row[1].set_xlim(busiest - 1, busiest + 1)
        row[1].set_xticks(np.arange(busiest - 1, busiest + 1.1, 0.5))
    axes[0, 0].set_ylim(0)
    for ax in axes[-1]:
        ax.set_xlabel("hours of Monday, UTC")
    facts = data.facts[server]
    sn = data.servers()[server]["sn"]
    figure.suptitle(f"{sn} at {facts.site}: a day at four intervals, and two hours of it")
    return figure


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--servers", type=int, default=SERVERS, metavar="N", help=f"default {SERVERS}")
    add("--seed", type=int, default=SEED, metavar="N", help=f"default {SEED}")
    add("--result", type=Path, metavar="FILE",
        help=f"JSON (default: {RESULT.name}; none where servers or seed differ)")  # fmt: skip
    add("--scratch", type=Path, metavar="DIR", help="where the data goes, and is removed")
    add("--render", action="store_true", help="measure nothing; put the result into the README")
    add("--readme", type=Path, metavar="FILE", action="append",
        help="default: benchmarks/README.md")  # fmt: skip
    add("--pictures", type=Path, metavar="DIR", nargs="?", const=PICTURES,
        help="measure nothing; draw (default: docs/pictures)")  # fmt: skip
    args = parser.parse_args()
    path = args.result or RESULT
    if args.render:
        result = json.loads(path.read_text())
        compare.put_into(args.readme or [HERE / "README.md"], {"realism": render(result)})
        return
    with tempfile.TemporaryDirectory(dir=args.scratch) as name:
        make(Path(name), args.servers, args.seed)
        data = Dataset(Path(name), args.seed)
        if args.pictures:
            draw(data, args.pictures)
            return
        result = measure(data, args.servers)
    if args.result or (args.servers, args.seed) == (SERVERS, SEED):
        path.write_text(json.dumps(result, indent=1) + "\n")
    print(render(result))


if __name__ == "__main__":
    main()
