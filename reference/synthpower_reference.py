"""The whole generator in plain Python, one row at a time: the judge of synthpower's values.

It imports nothing but the standard library, and nothing of synthpower. It is slow on
purpose: a loop over times, servers and measurements, as docs/FORMAT.md describes it.

    python reference/synthpower_reference.py inventory --directory DIR --count N --seed N
    python reference/synthpower_reference.py data --directory DIR --date YYYY-MM-DD[THH]

`inventory` writes DIR/inventory.csv, `data` reads it and writes DIR/data-DATE.csv, and with
`--faults FILE` also DIR/events-DATE.csv. What "the same" means stands in README.md beside this
file.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import math
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

WORD = 2**32
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
TABLES = Path(__file__).parent.parent / "src" / "synthpower" / "tables"

PREFIXES = ("CZ1", "CZ2", "CZ3", "CZJ", "SGH", "MXQ", "USE", "CNX", "CN7", "2M2")
UNIT_DIGITS = "0123456789BCDFGHJKLMNPQRSTVWXYZ"
PACKED_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Server(NamedTuple):
    sn: str
    model: str
    product_id: str
    location: str


class Measurement(NamedTuple):
    name: str
    unit: str
    scale: str
    decimals: str = ""
    quantity: str = ""  # what the load signal makes of it; without one it stays uniform
    minimum: str = ""


class Fault(NamedTuple):
    kind: str
    share: Fraction
    scope: str = "server"


class Reading(NamedTuple):
    sn: str
    model: str
    product_id: str
    location: str
    start_time: int
    end_time: int
    count: int | None  # of 10**-decimals
    value: float | None  # None where a fault leaves none
    unit: str
    name: str


# --- random numbers -------------------------------------------------------------------


def philox4x32(counter: tuple[int, ...], key: tuple[int, ...]) -> tuple[int, ...]:
    """Philox4x32-10 of Salmon et al. 2011."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        product_0 = 0xD2511F53 * c0
        product_1 = 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (
            product_1 // WORD ^ c1 ^ k0,
            product_1 % WORD,
            product_0 // WORD ^ c3 ^ k1,
            product_0 % WORD,
        )
        k0 = (k0 + 0x9E3779B9) % WORD
        k1 = (k1 + 0xBB67AE85) % WORD
    return c0, c1, c2, c3


def digest(purpose: str, message: bytes, size: int) -> bytes:
    data = purpose.encode() + b"\0" + message
    return hashlib.blake2b(data, digest_size=size, person=b"synthpower").digest()


def stream_key(seed: int, purpose: str, name: str = "") -> int:
    message = seed.to_bytes(8, "little") + name.encode()
    return int.from_bytes(digest(purpose, message, 8), "little")


def draws(a: int, b: int, key: int) -> tuple[int, int]:
    """Two 64-bit random numbers at the counter (a, b)."""
    x0, x1, x2, x3 = philox4x32(
        (a % WORD, a // WORD, b % WORD, b // WORD), (key % WORD, key // WORD)
    )
    return x0 * WORD + x1, x2 * WORD + x3


def scaled(draw: int, bound: int) -> int:
    """A number below `bound`."""
    return draw * bound // 2**64


# --- the inventory --------------------------------------------------------------------


def serial_number(index: int, seed: int) -> str:
    """CC S Y WW ZZZZ: a Feistel network over (prefix, year, week) and unit."""
    key = stream_key(seed, "serial")
    left_size = len(PREFIXES) * 10 * 52
    right_size = 31**4
    left, right = divmod(index, right_size)
    for step in range(8):
        if step % 2 == 0:
            left = (left + scaled(draws(right, step, key)[0], left_size)) % left_size
        else:
            right = (right + scaled(draws(left, step, key)[0], right_size)) % right_size
    rest, week = divmod(left, 52)
    prefix, year = divmod(rest, 10)
    unit = ""
    for _ in range(4):
        right, digit = divmod(right, 31)
        unit = UNIT_DIGITS[digit] + unit
    return f"{PREFIXES[prefix]}{year}{week + 1:02d}{unit}"


def choice(index: int, seed: int, purpose: str, weights: list[Fraction]) -> int:
    """One of the alternatives: the first whose share of 2**64, added up, is above the draw."""
    draw, _ = draws(index, 0, stream_key(seed, purpose))
    total = sum(weights)
    below = Fraction(0)
    for i, weight in enumerate(weights):
        below += weight
        if weight and draw < int(below / total * 2**64):
            return i
    raise AssertionError("the last alternative reaches 2**64")


def inventory(
    seed: int, count: int, server_types: list[dict[str, str]], locations: list[dict[str, str]]
) -> Iterator[Server]:
    """The servers in index order; the tables are rows of server_types.csv and locations.csv."""
    type_weights = [Fraction(row.get("weight") or "1") for row in server_types]
    location_weights = [Fraction(row.get("weight") or "1") for row in locations]
    for index in range(count):
        kind = server_types[choice(index, seed, "server type", type_weights)]
        site = locations[choice(index, seed, "location", location_weights)]
        sn = serial_number(index, seed)
        yield Server(sn, kind["model"], kind["product_id"], site["location"])


def customer_id(seed: int) -> str:
    return digest("customer id", seed.to_bytes(8, "little"), 16).hex()


# --- the readings ---------------------------------------------------------------------


def server_key(sn: str) -> int:
    """Up to twelve of 0-9A-Z are digits 1 to 36 in base 37; anything else is hashed."""
    if 1 <= len(sn) <= 12 and all(character in PACKED_DIGITS for character in sn):
        key = 0
        for place in range(12):
            key = key * 37 + (PACKED_DIGITS.index(sn[place]) + 1 if place < len(sn) else 0)
        return key
    return int.from_bytes(digest("server", sn.encode(), 8), "little") | 2**63


def value(
    sn: str, time: int, measurement: Measurement, seed: int, signal: str
) -> tuple[int | None, float]:
    """The count (where there are decimals) and the value of one reading."""
    key = stream_key(seed, "value", measurement.name)
    first, second = draws(server_key(sn), time, key)
    draw = min(first, second) if signal == "triangular" else first
    low, high = Decimal(measurement.minimum or "0"), Decimal(measurement.scale)
    if measurement.decimals == "":
        return None, float(low) + (draw >> 11) / 2**53 * (float(high) - float(low))
    power = 10 ** int(measurement.decimals)
    least = math.ceil(Fraction(low) * power)
    most = math.floor(Fraction(high) * power)
    count = least + scaled(draw, most - least + 1)
    return count, count / power


def load_value(
    server: Server,
    time: int,
    interval: int,
    measurement: Measurement,
    seed: int,
    kinds: dict[str, tuple[str, str]],
    zones: dict[str, str],
    faults: tuple[Fault, ...] = (),
) -> tuple[int | None, float | None]:
    """The same of the load signal, which asks what the tables say of the product and the site."""
    import load_reference as load  # which imports what stands above

    curve, sockets = kinds.get(server.product_id, ("", ""))
    zone = zones.get(server.location) or "UTC"
    facts = load.Facts(curve or "Gen10 Plus Intel", int(sockets or 2), server.location, zone)
    decimals = int(measurement.decimals) if measurement.decimals else None
    offset = load.zone_offset(zone)
    event = load.event_of(seed, faults, server.sn, server.location, time, measurement.quantity)
    if event and event.kind == "off":
        return None, None
    if not measurement.quantity:
        return value(server.sn, time, measurement, seed, "uniform")
    count = load.shown(
        event, seed, server.sn, facts, time, interval, measurement.quantity, decimals, offset
    )
    if decimals is None:
        return None, count / 1024
    return count, count / 10**decimals


def late(sn: str, time: int, seed: int, fuzz: int) -> int:
    """The time at which a server's step really begins."""
    draw, _ = draws(server_key(sn), time, stream_key(seed, "fuzz"))
    return time + scaled(draw, fuzz + 1)


def span_of(date: str) -> tuple[int, int]:
    """The first second of a file, and that after its last."""
    form, span = ("%Y-%m-%dT%H", 3600) if "T" in date else ("%Y-%m-%d", 86400)
    moment = datetime.strptime(date, form).replace(tzinfo=timezone.utc)
    base = int((moment - EPOCH).total_seconds())
    return base, base + span


def readings(
    servers: list[Server],
    measurements: list[Measurement],
    seed: int,
    date: str,
    interval: int = 3600,
    fuzz: int = 0,
    signal: str = "uniform",
    kinds: dict[str, tuple[str, str]] | None = None,
    zones: dict[str, str] | None = None,
    faults: tuple[Fault, ...] = (),
) -> Iterator[Reading]:
    """The readings in the order of the file.

    For the load signal, `kinds` has the load curve and the sockets by product id, `zones` the
    time zone by location. What they lack, or have as "", is LOAD.md's default.
    """
    base, stop = span_of(date)
    for start in range(base, stop, interval):
        end = start + interval
        for server in sorted(servers, key=lambda server: server.sn.encode()):
            start_time = late(server.sn, start, seed, fuzz)
            end_time = late(server.sn, end, seed, fuzz)
            for measurement in measurements:
                if signal == "load":
                    count, number = load_value(
                        server, start, interval, measurement, seed, kinds or {}, zones or {}, faults
                    )
                else:
                    count, number = value(server.sn, start, measurement, seed, signal)
                yield Reading(
                    *server, start_time, end_time, count, number, measurement.unit, measurement.name
                )


def totals(
    rows: list[Reading], measurements: list[Measurement]
) -> dict[str, dict[str, int | str | None]]:
    """What readings come to, by measurement, as manifest.json has it."""
    found = {}
    for measurement in measurements:
        own = [row for row in rows if row.name == measurement.name]
        if measurement.decimals == "":
            numbers = [row.value for row in own if row.value is not None]
            total, text = math.fsum(numbers), repr
        else:
            numbers = [row.count for row in own if row.count is not None]
            places = int(measurement.decimals)
            total, text = sum(numbers), lambda count, places=places: count_text(count, places)
        found[measurement.name] = {
            "count": len(numbers),
            "absent": len(own) - len(numbers),
            "sum": text(total),
            "minimum": text(min(numbers)) if numbers else None,
            "maximum": text(max(numbers)) if numbers else None,
        }
    return found


# --- text -----------------------------------------------------------------------------


def time_text(seconds: int) -> str:
    return (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S") + "Z"


def value_text(reading: Reading, measurement: Measurement) -> str:
    if reading.value is None:
        return ""
    if reading.count is None:
        return repr(reading.value)
    return count_text(reading.count, int(measurement.decimals))


def count_text(count: int, places: int) -> str:
    """A count of 10**-places as a decimal."""
    sign = "-" if count < 0 else ""
    digits = str(abs(count)).zfill(places + 1)
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)


def field(text: str) -> str:
    """RFC 4180: quotes only where a field needs them."""
    if any(character in text for character in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def csv_lines(
    rows: Iterator[Reading], measurements: list[Measurement], end: bool = False
) -> Iterator[str]:
    """The lines of a file of readings."""
    by_name = {measurement.name: measurement for measurement in measurements}
    times = ["end_time"] if end else ["start_time", "end_time"]
    columns = ["sn", "model", "product_id", "location", *times]
    yield ",".join([*columns, "measurement_value", "unit", "name"]) + "\n"
    for row in rows:
        fields = [*row[:4], *(time_text(getattr(row, time)) for time in times)]
        fields += [value_text(row, by_name[row.name]), row.unit, row.name]
        yield ",".join(map(field, fields)) + "\n"


def event_lines(
    servers: list[Server],
    measurements: list[Measurement],
    seed: int,
    date: str,
    faults: tuple[Fault, ...],
) -> Iterator[str]:
    """The lines of events-DATE.csv."""
    import load_reference as load

    ordered = sorted(servers, key=lambda server: server.sn.encode())
    sites = dict.fromkeys(("", server.location) for server in ordered)  # by their first servers
    those = [*sites, *((server.sn, server.location) for server in ordered)]
    found = [event for of in those for event in load.events(seed, faults, *of, *span_of(date))]
    yield "sn,location,start_time,end_time,kind,quantity\n"
    for event in sorted(found, key=lambda event: event.begin):  # the order of `those` stays
        quantities = dict.fromkeys(m.quantity for m in measurements)
        changed = [name for name in quantities if name in load.CHANGED[event.kind]]
        times = [time_text(event.begin), time_text(event.end)]
        for quantity in [""] if event.kind == "off" else changed:
            fields = [event.sn, event.location, *times, event.kind, quantity]
            yield ",".join(map(field, fields)) + "\n"


def inventory_lines(servers: Iterator[Server]) -> Iterator[str]:
    """The lines of inventory.csv."""
    yield "sn,model,product_id,location\n"
    for server in servers:
        yield ",".join(map(field, server)) + "\n"


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def read_measurements(path: Path) -> list[Measurement]:
    return [
        Measurement(
            row["name"],
            row["unit"],
            row["scale"],
            row.get("decimals") or "",
            row.get("quantity") or "",
            row.get("minimum") or "",
        )
        for row in read_table(path)
    ]


def read_faults(path: Path) -> tuple[Fault, ...]:
    return tuple(
        Fault(row["kind"], Fraction(Decimal(row["share"])), row.get("scope") or "server")
        for row in read_table(path)
    )


def read_facts(directory: Path) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """`kinds` and `zones` of a dataset: of its own tables, or of the shipped ones."""
    types, sites = (
        read_table(own if own.exists() else TABLES / own.name)
        for own in (directory / "server_types.csv", directory / "locations.csv")
    )
    kinds = {
        row["product_id"]: (row.get("load_curve") or "", row.get("sockets") or "") for row in types
    }
    return kinds, {row["location"]: row.get("time_zone") or "" for row in sites}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("inventory")
    make.add_argument("--count", type=int, required=True)
    data = commands.add_parser("data")
    data.add_argument("--date", required=True)
    data.add_argument("--interval", type=int, default=3600)
    data.add_argument("--fuzz", type=int, default=0)
    data.add_argument("--end", action="store_true")
    data.add_argument("--signal", default="uniform")
    data.add_argument("--faults", type=Path)
    data.add_argument("--measurements", type=Path, default=TABLES / "measurements.csv")
    for command in (make, data):
        command.add_argument("--directory", type=Path, required=True)
        command.add_argument("--seed", type=int, required=True)
    args = parser.parse_args()
    if args.command == "inventory":
        args.directory.mkdir(parents=True, exist_ok=True)
        tables = (read_table(TABLES / f"{name}.csv") for name in ("server_types", "locations"))
        lines = inventory_lines(inventory(args.seed, args.count, *tables))
        path = args.directory / "inventory.csv"
    else:
        rows = read_table(args.directory / "inventory.csv")
        servers = [Server(*(row[column] for column in Server._fields)) for row in rows]
        measurements = read_measurements(args.measurements)
        faults = read_faults(args.faults) if args.faults else ()
        made = readings(
            servers,
            measurements,
            args.seed,
            args.date,
            args.interval,
            args.fuzz,
            args.signal,
            *read_facts(args.directory),
            faults,
        )
        if faults:
            events = event_lines(servers, measurements, args.seed, args.date, faults)
            path = args.directory / f"events-{args.date}.csv"
            path.write_text("".join(events), encoding="utf-8", newline="")
        lines = csv_lines(made, measurements, args.end)
        path = args.directory / f"data-{args.date}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(lines)


if __name__ == "__main__":
    main()
