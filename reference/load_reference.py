"""The load signal in plain Python, one reading at a time, as docs/LOAD.md defines it.

Names are those of LOAD.md, and so are the formulas: both read best side by side. Where LOAD.md
gives one name to two things, the weights and amounts of a server are `own.`, those of its site
`here.`, and the patterns of the texture are `TEXTURE`. All numbers are Python's integers.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple
from zoneinfo import ZoneInfo

from synthpower_reference import EPOCH, WORD, Fault, philox4x32, server_key, stream_key

FULL = 65536  # 100 % CPU
SLOT = 300  # seconds
KERNELS = Path(__file__).parent.parent / "src" / "synthpower" / "kernels"
CONSTANTS = json.loads((KERNELS / "load.json").read_text())

Offset = Callable[[int], int]  # epoch second -> seconds by which local time is ahead of UTC


class Facts(NamedTuple):
    """What the tables say of a server's product and site, and what a fault makes of the server."""

    curve: str
    sockets: int
    site: str
    zone: str
    runaway: bool = False
    warmer: int = 0  # 1/100 K


@cache
def zone_offset(zone: str) -> Offset:
    place = ZoneInfo(zone)

    def offset(t: int) -> int:
        # Never `fromtimestamp`, which some systems refuse far from today.
        moment = (EPOCH + timedelta(seconds=t)).astimezone(place)
        return moment.utcoffset() // timedelta(seconds=1)

    return offset


def words(key: int, a: int, b: int) -> tuple[int, ...]:
    return philox4x32((a % WORD, a // WORD, b % WORD, b // WORD), (key % WORD, key // WORD))


# --- tables ---------------------------------------------------------------------------


def lerp(a: int, b: int, n: int, k: int) -> int:
    """The middle of the k-th of n equal parts from a to b."""
    return a + (b - a) * (2 * k + 1) // (2 * n)


def by_mean(i: int) -> dict[str, int]:
    table = CONSTANTS["by_mean"]
    ends = zip(table["rows"][i // 128], table["rows"][i // 128 + 1], strict=True)
    entry = (lerp(a, b, 128, i % 128) for a, b in ends)
    return dict(zip(table["columns"], entry, strict=True))


def skew(i: int) -> int:
    numbers = CONSTANTS["skew"]
    return lerp(numbers[i // 64], numbers[i // 64 + 1], 64, i % 64)


def on_off(i: int) -> int:
    n, low, high = CONSTANTS["on_off"]
    return low if i < n else high


def profile_factor(profile: int, quarter: int) -> int:
    """The profile in one of the 672 quarters of a week; Monday 0:00 is 0."""
    work, week_end = list(CONSTANTS["profiles"].values())[profile]
    week = [hour for day in range(7) for hour in (work if day < 5 else week_end)]
    h, r = divmod(quarter, 4)
    a, b = week[h], week[(h + 1) % 168]
    return a + (b - a) * r // 4


def curve_range(facts: Facts) -> tuple[int, int]:
    """What such a server takes when idle and at most, in cW."""
    sockets = facts.sockets if facts.sockets <= 2 else 4
    idle, maximum = CONSTANTS["curves"][facts.curve]["watts"][str(sockets)]
    return idle, maximum


@cache
def shape_and_slope(curve: str) -> tuple[list[int], list[int]]:
    p = [(FULL * percent + 50) // 100 for percent in CONSTANTS["curves"][curve]["percent"]]
    p.append(p[10])
    shape = []
    for i in range(1025):
        k, r = divmod(10 * i, 1024)
        shape.append(p[k] + ((p[k + 1] - p[k]) * r + 512) // 1024)
    slope = []
    for i in range(1025):
        u, d = min(i + 1, 1024), max(i - 1, 0)
        slope.append((shape[u] - shape[d]) // (u - d))
    return shape, slope


def pattern_sums(p: int) -> list[int]:
    """G of one pattern: the sums of its first 0 to 30 ticks."""
    w = [word for b in range(9) for word in words(0, p, b)]

    def n(word: int) -> int:
        return sum(word.to_bytes(4, "little")) - 510

    tick = [7 * n(w[5 + i]) + 7 * n(w[i // 6]) for i in range(30)]
    if p % 4 == 0:
        tick[w[35] % 30] += 3700
    d = [30 * t - sum(tick) for t in tick]
    most = max(map(abs, d))
    return [sum(d[:i]) * 126 // most for i in range(31)]


SUMS = [pattern_sums(p) for p in range(256)]
TEXTURE = [[sums[i + 1] - sums[i] for i in range(30)] for sums in SUMS]


# --- a server, and its site at an hour ------------------------------------------------


@cache
def server(seed: int, sn: str, facts: Facts) -> SimpleNamespace:
    w, v = (words(stream_key(seed, "load server"), server_key(sn), b) for b in (0, 1))
    own = SimpleNamespace(**by_mean(w[0] >> 20))
    own.profile = sum(share <= w[1] >> 16 for share in CONSTANTS["profile_shares"])
    own.window = sum(bound <= w[2] & 255 for bound in CONSTANTS["maintenance"]["thresholds"])
    own.phase = CONSTANTS["phases"][v[3] & 7]
    own.steps = v[1] & 255 < 110
    own.day = own.day * (64 + (w[1] >> 8 & 255) * 3 // 2) >> 8
    batch = own.profile == 2
    idle = own.mean < 1310
    own.on_off = batch and 2621 < own.mean < 26214
    if own.on_off:
        vars(own).update(CONSTANTS["on_off_weights"])
    own.chance = 2 + (v[2] & 255) // 8 if idle else own.burst * (4 if batch else 1)
    own.length = 1 if idle else 24 if batch else 9
    own.lift = FULL * (20 + (w[2] >> 24) * 60 // 255) // 100
    if idle:
        own.lift //= 6
    least, most = curve_range(facts)
    own.idle_power = least * (262144 + (w[3] & 65535)) >> 18
    own.range = (most - least) * (26214 + (39322 * (w[3] >> 16) >> 16)) >> 16
    own.fan = (own.idle_power + own.range) * 131072 // 90000
    own.noise = (own.idle_power + own.range) * 6 // 1000
    own.inlet = (v[0] >> 24) * 500 // 255 + facts.warmer
    if facts.runaway:
        own.mean = FULL
        own.day = own.hour = own.four = own.thirty_two = own.slot = own.chance = own.window = 0
    return own


def wave(x: int, n: int, a: int) -> int:
    """A sine's likeness, of two parabolas: n long, a high."""
    h = n // 2
    x %= n
    if x < h:
        return a * 4 * x * (h - x) // (h * h)
    return -(a * 4 * (x - h) * (n - x) // (h * h))


@cache
def site(seed: int, name: str, zone: str, g: int, offset: Offset) -> SimpleNamespace:
    key = stream_key(seed, "load site", name)
    here = SimpleNamespace()
    k, r = divmod(g, 4)
    before, after = (words(key, i, 0)[0] & 65535 for i in (k, k + 1))
    drift = (before * (4 - r) + after * r) // 4 - 32768
    day = (words(key, g // 24, 1)[0] & 65535) - 32768
    here.f = 4096 + drift * 330 // 32768 + day * 160 // 32768
    local = g * 3600 + offset(g * 3600)
    here.weekday = (local // 86400 + 3) % 7
    here.hour = local % 86400 // 3600
    here.quarter = here.weekday * 96 + local % 86400 // 900
    half_year = 4383 if zone.startswith(tuple(CONSTANTS["southern"])) else 0
    here.air = (
        2050
        + 60 * (words(key, 0, 2)[0] % 5)
        + wave(g - 2664 + half_year, 8766, 120)
        + wave(here.hour - 9, 24, 60)
        + drift * 40 // 32768
    )
    return here


def gate(here: SimpleNamespace, window: int) -> int:
    if window:
        day, hour, hours = CONSTANTS["maintenance"]["windows"][window - 1]
        if here.weekday == day and hour <= here.hour < hour + hours:
            return 120
    return 4096


# --- the level of a server at an hour, and its slots ----------------------------------


def block_word(seed: int, sn: str, purpose: str, b: int) -> int:
    return words(stream_key(seed, purpose), server_key(sn), b >> 2)[b & 3]


def block(seed: int, sn: str, purpose: str, hours: int, g: int) -> int:
    b = g // hours + 4  # so that there is one before the first
    now = block_word(seed, sn, purpose, b)
    if (now >> 12) & (hours - 1) <= g % hours:
        return now & 4095
    return block_word(seed, sn, purpose, b - 1) & 4095


@cache
def level(seed: int, sn: str, facts: Facts, g: int, offset: Offset) -> int:
    """V(g)."""
    own = server(seed, sn, facts)
    here = site(seed, facts.site, facts.zone, g, offset)
    word = words(stream_key(seed, "load hour"), server_key(sn), g >> 3)[(g & 7) >> 1]
    u = (word >> 16 * (g & 1) + 4) & 4095
    of_four = on_off if own.on_off else skew
    four = of_four(block(seed, sn, "load 4 hours", 4, g))
    thirty_two = skew(block(seed, sn, "load 32 hours", 32, g))
    factor = profile_factor(own.profile, (here.quarter + 4 * own.phase) % 672) * here.f // 4096
    sway = max(4096 + ((factor - 4096) * own.day >> 8), 0)
    noise = (
        4096
        + ((skew(u) - 4096) * own.hour >> 8)
        + ((four - 4096) * own.four >> 8)
        + ((thirty_two - 4096) * own.thirty_two >> 8)
    )
    return min(((own.mean * sway >> 12) * noise >> 12) * gate(here, own.window) >> 12, FULL)


@cache
def slot(seed: int, sn: str, facts: Facts, number: int, offset: Offset) -> SimpleNamespace:
    """One slot, by its number from the epoch."""
    h, q = divmod(number, 12)
    own = server(seed, sn, facts)
    z = words(stream_key(seed, "load slots"), server_key(sn), h)
    m = words(stream_key(seed, "load meter"), server_key(sn), h)
    u = z[q // 3] >> 10 * (q % 3) & 1023
    found = SimpleNamespace()
    found.meter = m[q // 3] >> 10 * (q % 3) & 1023
    found.pattern = found.meter & 255

    first = ((z[0] >> 30) * 16 + (z[1] >> 30) * 4 + (z[2] >> 30)) * 12 >> 6
    part = (256 if q >= first else 0) if own.steps else (2 * q + 1) * 256 // 24
    now, then = (level(seed, sn, facts, g, offset) for g in (h, h + 1))
    height = now + ((then - now) * part >> 8)
    r = block_word(seed, sn, "load 4 hours", h // 4 + 4)
    begin = (r >> 22) * (49 - own.length) >> 10
    if (r >> 14) & 255 < own.chance and begin <= h % 4 * 12 + q < begin + own.length:
        height = max(height, own.lift)

    u2 = u * u >> 10
    u5 = (u2 * u2 >> 10) * u >> 10
    e = u * 1229 + u5 * 2470 >> 10
    x = min(height * (1024 + (own.slot * (e - 1024) >> 8)) >> 10, FULL)
    shape, slope = shape_and_slope(facts.curve)
    found.x, found.s = x, shape[x >> 6]
    found.a = (min(x, FULL - x) * own.texture >> 8) * min(1 << (found.meter >> 8), 4) >> 2
    found.k = min(found.a * slope[x >> 6] >> 6, found.s, FULL - found.s)
    found.air = site(seed, facts.site, facts.zone, h, offset).air
    return found


# --- an interval ----------------------------------------------------------------------


def texture_sum(pattern: int, t: int) -> int:
    """G(t), after t seconds of a slot."""
    i = t // 10
    tick = TEXTURE[pattern][i] if i < 30 else 0
    return 10 * SUMS[pattern][i] + tick * (t - 10 * i)


@cache
def summed(
    seed: int, sn: str, facts: Facts, start: int, interval: int, offset: Offset
) -> SimpleNamespace:
    own = server(seed, sn, facts)
    total = SimpleNamespace(cpu=0, shares=0, meters=0, heat=0)
    leasts, mosts = [], []
    for number in range(start // SLOT, (start + interval - 1) // SLOT + 1):
        of = slot(seed, sn, facts, number, offset)
        t0 = max(start - number * SLOT, 0)
        t1 = min(start + interval - number * SLOT, SLOT)
        g0, g1 = texture_sum(of.pattern, t0), texture_sum(of.pattern, t1)
        total.cpu += of.x * (t1 - t0) + (of.a * g1 >> 7) - (of.a * g0 >> 7)
        total.shares += of.s * (t1 - t0) + (of.k * g1 >> 7) - (of.k * g0 >> 7)
        total.meters += of.meter * (t1 - t0)
        total.heat += (of.air + own.inlet) * (t1 - t0)

        ticks = TEXTURE[of.pattern][t0 // 10 : (t1 - 1) // 10 + 1]
        shares = [of.s + (of.k * tick >> 7) for tick in ticks]
        low, high = min(shares), max(shares)
        base = 65536 * own.idle_power + own.fan * (of.air + own.inlet - 1800)  # B
        leasts.append(base + own.range * low >> 4)
        mosts.append((base + own.range * high + 15 >> 4) + 4096 * own.noise)
    total.least, total.most = min(leasts), max(mosts)
    return total


def count(
    seed: int,
    sn: str,
    facts: Facts,
    start: int,
    interval: int,
    quantity: str,
    decimals: int | None,
    offset: Offset,
) -> int:
    """The count of one reading: of 10**-decimals, or of 1/1024 where there are no decimals."""
    own = server(seed, sn, facts)
    total = summed(seed, sn, facts, start, interval, offset)
    one = 1024 if decimals is None else 10**decimals  # E
    idle = 65536 * interval * own.idle_power
    load = own.range * total.shares
    rest = 64 * own.noise * total.meters + own.fan * (total.heat - 1800 * interval)

    def rounded(amount: int) -> int:
        """The count of an amount in 2**-16 cW times seconds."""
        divisor = 6553600 * interval
        return (2 * amount * one + divisor) // (2 * divisor)

    power = rounded(idle + load + rest)
    counts = {
        "cpu_utilization": (200 * total.cpu * one + 65536 * interval) // (2 * 65536 * interval),
        "power": power,
        "power_minimum": min(total.least * one // 409600, power),
        "power_peak": max(-(-total.most * one // 409600), power),
        "inlet_temperature": (2 * total.heat * one + 100 * interval) // (200 * interval),
        "energy": power * interval,
        "cpu_power": rounded(102 * idle + 179 * load >> 8),
    }
    return counts[quantity]


# --- faults ---------------------------------------------------------------------------

LONG = (1, 2, 3, 4, 6, 8, 12, 18, 24, 36, 48, 72, 108, 168, 288, 576)
SHORT = (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6)
HOURS = (6, 6, 9, 12, 12, 18, 18, 24, 24, 36, 36, 48, 48, 72, 72, 96)
DAYS = (288, 288, 288, 432, 432, 576, 576, 720, 864, 1008, 1152, 1296, 1440, 1728, 1872, 2016)
LAST = 253402214400  # 9999-12-31 00:00:00Z
SLOTS = {
    "off": LONG,
    "hung": LONG,
    "false_zero": SHORT,
    "stuck_power": LONG,
    "meter_drift": DAYS,
    "lost_cooling": HOURS,
    "runaway": HOURS,
}

METERED = {"power", "power_minimum", "power_peak", "energy"}
ALL = METERED | {"cpu_utilization", "cpu_power", "inlet_temperature"}
CHANGED = {
    "off": ALL,
    "hung": ALL,
    "false_zero": METERED | {"cpu_power"},
    "stuck_power": METERED | {"cpu_power"},
    "meter_drift": METERED,
    "lost_cooling": METERED | {"inlet_temperature"},
    "runaway": METERED | {"cpu_utilization", "cpu_power"},
}


class Event(NamedTuple):
    begin: int  # `from`
    sn: str  # "" for a site's
    location: str
    row: int  # of the table of faults
    end: int  # `to`
    kind: str
    drift: int


def event_of_day(
    seed: int, faults: tuple[Fault, ...], sn: str, location: str, day: int
) -> Event | None:
    """The event of a server, or where `sn` is "" of a site, that begins on a day."""
    if sn:
        w = words(stream_key(seed, "load fault"), server_key(sn), day)
    else:
        w = words(stream_key(seed, "load site", location), day, 3)
    chances = Fraction(0)
    for row, (kind, share, scope) in enumerate(faults):
        if scope == ("server" if sn else "site"):
            slots = SLOTS[kind]
            chances += share * 288 / Fraction(sum(slots), 16)
            if w[0] < int(chances * WORD):
                begin = (day * 288 + (w[1] * 288 >> 32)) * SLOT
                end = min(begin + slots[w[2] >> 28] * SLOT, LAST)
                drift = (w[3] >> 20) * 1640 // 4096 - 820
                return Event(begin, sn, location, row, end, kind, drift)
    return None


@cache
def events(
    seed: int, faults: tuple[Fault, ...], sn: str, location: str, start: int, end: int
) -> list[Event]:
    """Those that touch a span of time: none is longer than 2016 slots, which are seven days."""
    days = range(max(start // 86400 - 8, 0), (end - 1) // 86400 + 1)
    found = (event_of_day(seed, faults, sn, location, day) for day in days)
    return [event for event in found if event and event.begin < end and start < event.end]


def event_of(
    seed: int, faults: tuple[Fault, ...], sn: str, location: str, start: int, quantity: str
) -> Event | None:
    """The event that a reading of a quantity is of."""
    day = start // 86400 * 86400
    those = [("", location), (sn, location)]
    both = [event for of in those for event in events(seed, faults, *of, day, day + 86400)]
    within = [
        event
        for event in both
        if event.begin <= start < event.end
        and (event.kind == "off" or quantity in CHANGED[event.kind])
    ]
    return min(within, key=lambda event: (event.row, event.begin), default=None)


def shown(
    event: Event | None,
    seed: int,
    sn: str,
    facts: Facts,
    start: int,
    interval: int,
    quantity: str,
    decimals: int | None,
    offset: Offset,
) -> int | None:
    """The count that a reading shows, which is in an event or in none: None is no value."""
    if event and event.kind == "off":
        return None
    if event and quantity in CHANGED[event.kind]:
        since = start - event.begin
        if event.kind == "false_zero":
            return 0
        if event.kind in ("hung", "stuck_power"):
            start = max((event.begin - 1) // interval * interval, 0)
        if event.kind == "lost_cooling":
            facts = facts._replace(warmer=min(800 * since // 3600, 800))
        if event.kind == "runaway":
            facts = facts._replace(runaway=True)
        if event.kind == "meter_drift":
            # Energy is the printed power * N here too, so that the meter's power drifts.
            of = "power" if quantity == "energy" else quantity
            made = count(seed, sn, facts, start, interval, of, decimals, offset)
            made = made * (4096 + event.drift * since // (event.end - event.begin)) >> 12
            return made * interval if quantity == "energy" else made
    return count(seed, sn, facts, start, interval, quantity, decimals, offset)
