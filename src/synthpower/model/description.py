"""A specification as JSON has it: the record in manifest.json and in Parquet's metadata.

A record has a version, ``format_version``, and is written in the lowest one that can say it:
what needs no new feature keeps its bytes. One function upgrades each older version to the next,
so that everything else knows the newest only. A key that is not of its version, or a newer
version, is an error that says so: a record is never half understood.

=======  ==================================================================================
version  keys
=======  ==================================================================================
1        model_version, format_version, seed, signal, start, end, interval, fuzz, times
         (``start and end`` or ``end``), measurements, inventory (servers, sha256)
2        and, each null where it is not used: columns (of name and field, in place of
         ``times``), part ([number, of], of a shard), facts (SHA-256 of what the signal
         needs to know of the servers)
3        and, null where it is not used: offsets (of each time zone's name: [seconds since the
         start, seconds ahead of UTC], ...) and faults (of kind, share and scope); a measurement
         may have a quantity
4        and, null where it is not used: location (the one site whose servers the file has); a
         measurement may have a minimum and facts (of each further column of its table that the
         file has); columns are of name, source and format
=======  ==================================================================================
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from synthpower.errors import InputError, shown
from synthpower.model.calendar import HOUR, parse_utc, utc_text
from synthpower.model.columns import COLUMNS, END_COLUMNS, FIELDS, Column, field_of
from synthpower.model.faults import Fault
from synthpower.model.grid import WHOLE, Part
from synthpower.model.measurement import Measurement
from synthpower.model.specification import Specification
from synthpower.version import FORMAT_VERSION, MODEL_VERSION, __version__

MOST_SERVERS = (2**31 - 1) // 10  # what an inventory can hold: see fleet/

_DEPTH = 20  # of lists and objects within each other; a record has five

_TIMES = {"start and end": COLUMNS, "end": END_COLUMNS}
_FIRST = (
    "model_version", "format_version", "seed", "signal", "start", "end", "interval", "fuzz",
    "times", "measurements", "inventory",
)  # fmt: skip
_SECOND = ("columns", "part", "facts")
_THIRD = ("faults", "offsets")
_FOURTH = ("location",)
_KEYS = {
    1: _FIRST,
    2: (*_FIRST, *_SECOND),
    3: (*_FIRST, *_SECOND, *_THIRD),
    4: (*_FIRST, *_SECOND, *_THIRD, *_FOURTH),
}


class FleetRecord(NamedTuple):
    """What a record says of the fleet.

    Attributes
    ----------
    servers : int
    sha256 : str
        The digest of the inventory.
    facts : str or None
        The digest of what the signal needs to know of the servers, where it needs anything.
    """

    servers: int
    sha256: str
    facts: str | None = None


def load_json(data: bytes) -> Any:
    """Return what JSON says; `ValueError` where it says nothing, or is nested deeper than it may.

    Whatever goes through a record then cannot come to the end of Python's stack.
    """
    try:
        found = json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    level = [found] if isinstance(found, dict | list) else []
    for _ in range(_DEPTH):
        lists = (each.values() if isinstance(each, dict) else each for each in level)
        level = [each for inner in lists for each in inner if isinstance(each, dict | list)]
    if level:
        raise ValueError("nested too deeply")
    return found


def describe(specification: Specification, fleet: FleetRecord) -> dict[str, Any]:
    """Return the record of a file, for its metadata and the manifest."""
    record = {
        "model_version": MODEL_VERSION,
        "format_version": 1,
        "seed": specification.seed,
        "signal": specification.signal,
        "start": utc_text(specification.start),
        "end": utc_text(specification.start + specification.span),
        "interval": specification.interval,
        "fuzz": specification.fuzz,
        "times": "start and end",
        "measurements": [_measurement(each) for each in specification.measurements],
        "inventory": {"servers": fleet.servers, "sha256": fleet.sha256},
    }
    columns, measurements = specification.columns, specification.measurements
    times = next((times for times, known in _TIMES.items() if columns == known), None)
    record["times"] = times
    second, third, fourth = _later(specification, fleet, times is None)
    first_forms = all(c.by_default and c.field.name in FIELDS for c in columns)
    if not first_forms or _any(fourth) or any(m.minimum or m.facts for m in measurements):
        if times is None:
            second["columns"] = [[c.name, c.field.name, c.format] for c in columns]
        record |= second | third | fourth | {"format_version": 4}
    elif _any(third) or any(measurement.quantity for measurement in measurements):
        record |= second | third | {"format_version": 3}
    elif _any(second):
        record |= second | {"format_version": 2}
    return record


def _later(
    specification: Specification, fleet: FleetRecord, own_columns: bool
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the keys that versions 2, 3 and 4 have added."""
    second, third, fourth = (dict.fromkeys(keys) for keys in (_SECOND, _THIRD, _FOURTH))
    if own_columns:
        second["columns"] = [[c.name, c.field.name] for c in specification.columns]
    if specification.part != WHOLE:
        second["part"] = [specification.part.number, specification.part.of]
    if fleet.facts is not None:
        second["facts"] = fleet.facts
    if specification.offsets:
        third["offsets"] = {
            zone: [[*pair] for pair in times] for zone, times in specification.offsets
        }
    if specification.faults:
        third["faults"] = [[f.kind, str(f.share), f.scope] for f in specification.faults]
    fourth["location"] = specification.location
    return second, third, fourth


def _any(keys: Mapping[str, Any]) -> bool:
    return any(value is not None for value in keys.values())


def _measurement(measurement: Measurement) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": measurement.name,
        "unit": measurement.unit,
        "scale": str(measurement.scale),
        "decimals": measurement.decimals,
    }
    if measurement.quantity is not None:
        described["quantity"] = measurement.quantity
    if measurement.minimum:
        described["minimum"] = str(measurement.minimum)
    if measurement.facts:
        described["facts"] = dict(measurement.facts)
    return described


def parse(record: Any) -> tuple[Specification, FleetRecord]:
    """Return what a record describes.

    Raises
    ------
    InputError
        Where it is of another version of the values, of a newer version of the records, has a
        key that is not of its version, or is inconsistent.
    """
    if not isinstance(record, Mapping):
        raise InputError("the recorded specification is not a JSON object")
    _check_version(record)
    try:
        newest = _upgraded(record)
        specification, fleet = _read(newest)
        expected = _upgraded(describe(specification, fleet))
    except InputError as error:
        raise InputError(f"the recorded specification is inconsistent: {error}") from None
    except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        what = f": no {error}" if isinstance(error, KeyError) else ""
        raise InputError(f"the recorded specification cannot be read{what}") from None
    for key, value in expected.items():
        if key != "format_version" and not same(newest[key], value):
            raise InputError(
                f"the recorded specification is inconsistent: {key} is {shown(newest[key])}, and "
                f"its other fields say {shown(value)}"
            )
    return specification, fleet


def same(found: object, expected: object) -> bool:
    """Return whether JSON values are equal and of the same types: true is not 1, nor 2.0 two."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(
            same(found[key], expected[key]) for key in expected
        )
    if isinstance(expected, list) and isinstance(found, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    return type(found) is type(expected) and found == expected


def _check_version(record: Mapping[str, Any]) -> None:
    """Raise `InputError` where a record is of a version, or has a key, that is not known here."""
    version = record.get("format_version")
    needed = f"it needs another version of synthpower than this one, {__version__}"
    if type(version) is not int or version < 1:
        raise InputError(f"format version {shown(version)}: no such version of a record")
    if version > FORMAT_VERSION:
        raise InputError(
            f"format version {shown(version)}: this program, synthpower {__version__}, reads "
            f"records up to version {FORMAT_VERSION}; it needs a newer one"
        )
    if (model := record.get("model_version")) != MODEL_VERSION:
        raise InputError(
            f"model version {shown(model)}: this program makes values of version "
            f"{MODEL_VERSION}; {needed}"
        )
    for key in record:
        if key not in _KEYS[version]:
            raise InputError(f"{shown(key)!r} is no key of a record of version {version}; {needed}")


def _upgraded(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record in the newest version."""
    newest = dict(record)
    for older in range(record["format_version"], FORMAT_VERSION):
        newest = _UPGRADES[older](newest)
    return newest


def _from_1(record: dict[str, Any]) -> dict[str, Any]:
    return record | dict.fromkeys(_SECOND) | {"format_version": 2}


def _from_2(record: dict[str, Any]) -> dict[str, Any]:
    return record | dict.fromkeys(_THIRD) | {"format_version": 3}


def _from_3(record: dict[str, Any]) -> dict[str, Any]:
    record |= dict.fromkeys(_FOURTH) | {"format_version": 4}
    if record["columns"] is not None:
        columns = [Column(name, FIELDS[field]) for name, field in record["columns"]]
        record["columns"] = [[c.name, c.field.name, c.format] for c in columns]
    return record


_UPGRADES = {1: _from_1, 2: _from_2, 3: _from_3}


def _read(record: Mapping[str, Any]) -> tuple[Specification, FleetRecord]:
    start, end = (parse_utc(record[key]) for key in ("start", "end"))
    date = record["start"][:10]
    if end - start == HOUR:
        date = record["start"][:13].replace(" ", "T")
    measurements = tuple(
        Measurement(
            m["name"], m["unit"], Decimal(m["scale"]), m["decimals"], m.get("quantity"),
            Decimal(m.get("minimum", "0")), m.get("facts", ()),
        )
        for m in record["measurements"]
    )  # fmt: skip
    columns = _TIMES[record["times"]] if record["columns"] is None else tuple(
        Column(name, field_of(source, measurements), format)
        for name, source, format in record["columns"]
    )  # fmt: skip
    faults = tuple(
        Fault(kind, Decimal(share), scope) for kind, share, scope in record["faults"] or ()
    )
    part = WHOLE if record["part"] is None else Part(*record["part"])
    offsets = tuple(
        (zone, tuple((since, ahead) for since, ahead in times))
        for zone, times in (record["offsets"] or {}).items()
    )
    specification = Specification(
        date, measurements, record["seed"], record["interval"], record["fuzz"],
        columns, record["signal"], part, offsets, faults, record["location"],
    )  # fmt: skip
    servers, sha256 = (record["inventory"][key] for key in ("servers", "sha256"))
    if type(servers) is not int or not 1 <= servers <= MOST_SERVERS:
        raise InputError(f"{shown(servers)} servers: an inventory has 1 to {MOST_SERVERS:,}")
    for digest in (sha256, "" if record["facts"] is None else record["facts"]):
        if not isinstance(digest, str):
            raise InputError(f"{shown(digest)!r} is no digest")
    return specification, FleetRecord(servers, sha256, record["facts"])


def difference(found: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """Return the first thing in which two records differ, in words; empty where in none."""
    for key, value in expected.items():
        if key != "format_version" and not same(found.get(key), value):
            if key in ("inventory", "measurements", "facts"):
                return f"other {key.replace('inventory', 'servers')}"
            return f"{key.replace('_', ' ')} {shown(found.get(key))}, not {shown(value)}"
    for key, value in found.items():
        if value is not None and key not in expected:
            return f"{key} {shown(value)}, and none is asked for"
    return ""
