"""The engine against the reference, to the bit, over specifications that Hypothesis draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from drawn import CURVES, ZONES, load_spans, measurements, of_load, seeds, serials, spans, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from support import measured_by, write_in_chunks

from synthpower import Inventory, Location, Measurement, Readings, ServerType
from synthpower.model.columns import END_COLUMNS
from synthpower.model.measurement import QUANTITIES

weights = st.sampled_from(["0", "1", "2.5", "1e-3", "7"])


@given(
    seed=seeds,
    kinds=st.lists(st.tuples(texts, texts, weights), min_size=1, unique_by=lambda row: row[1]),
    sites=st.lists(st.tuples(texts, weights), min_size=1, unique_by=lambda row: row[0]),
    count=st.integers(1, 50),
)
def test_inventory_is_the_references(
    reference: ModuleType,
    seed: int,
    kinds: list[tuple[str, str, str]],
    sites: list[tuple[str, str]],
    count: int,
) -> None:
    kinds = [*kinds, ("a model", "its product id, with a comma", "1")]
    sites = [*sites, ('site "9"', "1")]
    ours = Inventory.generate(
        count,
        seed,
        [ServerType(model, product_id, Decimal(weight)) for model, product_id, weight in kinds],
        [Location(site, Decimal(weight)) for site, weight in sites],
    )
    theirs = reference.inventory(
        seed,
        count,
        [dict(zip(("model", "product_id", "weight"), row, strict=True)) for row in kinds],
        [dict(zip(("location", "weight"), row, strict=True)) for row in sites],
    )
    assert [tuple(row.values()) for row in ours.table.to_pylist()] == [tuple(s) for s in theirs]


@given(seed=seeds, start=st.integers(0, 10**9))
def test_serial_numbers_far_on_are_the_references(
    reference: ModuleType, seed: int, start: int
) -> None:
    import numpy as np

    from synthpower import kernels
    from synthpower.fleet.serials import PREFIXES
    from synthpower.model import streams

    prefixes = np.array([list(p.encode()) for p in PREFIXES], np.uint8)
    out = np.empty((3, 10), np.uint8)
    kernels.fill_serials(start, np.uint64(streams.stream_key(seed, streams.SERIAL)), prefixes, out)
    assert [bytes(row).decode() for row in out] == [
        reference.serial_number(start + i, seed) for i in range(3)
    ]


@given(
    seed=seeds,
    sns=st.lists(serials, min_size=1, max_size=7, unique=True),
    span=spans(),
    table=measurements,
    signal=st.sampled_from(["uniform", "triangular"]),
    end=st.booleans(),
    chunk_rows=st.integers(1, 40),
    page_rows=st.integers(1, 40),
    repeats=st.sampled_from([0, 4]),
)
@settings(max_examples=150)
def test_readings_are_the_references(
    reference: ModuleType,
    tmp_path: Path,
    seed: int,
    sns: list[str],
    span: dict[str, Any],
    table: list[Measurement],
    signal: str,
    end: bool,
    chunk_rows: int,
    page_rows: int,
    repeats: int,
) -> None:
    servers = [
        reference.Server(sn, f"model, {i % 2}", f"P{i % 3}", "DE-B-01") for i, sn in enumerate(sns)
    ]
    chosen = measured_by(reference, table)
    theirs = list(reference.readings(servers, chosen, seed, **span, signal=signal))
    readings = Readings(
        _inventory(servers), **span, end=end, signal=signal, measurements=table, seed=seed
    )
    check(reference, readings, theirs, tmp_path, chunk_rows, page_rows, repeats)


@given(
    seed=seeds,
    sns=st.lists(serials, min_size=1, max_size=4, unique=True),
    span=load_spans(),
    table=of_load,
    kinds=st.dictionaries(
        st.sampled_from(["P0", "P1"]),
        st.tuples(st.sampled_from(CURVES), st.sampled_from(["", "1", "2", "3", "4", "8", "128"])),
    ),
    zones=st.dictionaries(st.sampled_from(["S0", "S1"]), st.sampled_from(ZONES)),
    end=st.booleans(),
    chunk_rows=st.integers(1, 40) | st.integers(41, 4000),
    page_rows=st.integers(1, 40),
    repeats=st.sampled_from([0, 4]),
)
@settings(max_examples=60)
def test_load_is_the_references(
    reference: ModuleType,
    tmp_path: Path,
    seed: int,
    sns: list[str],
    span: dict[str, Any],
    table: list[Measurement],
    kinds: dict[str, tuple[str, str]],
    zones: dict[str, str],
    end: bool,
    chunk_rows: int,
    page_rows: int,
    repeats: int,
) -> None:
    servers = [
        reference.Server(sn, "model", f"P{i % 3}", f"S{i // 2 % 3}") for i, sn in enumerate(sns)
    ]
    chosen = measured_by(reference, table)
    theirs = list(
        reference.readings(servers, chosen, seed, **span, signal="load", kinds=kinds, zones=zones)
    )
    readings = Readings(
        _inventory(servers, kinds, zones),
        **span,
        end=end,
        signal="load",
        measurements=table,
        seed=seed,
    )
    check(reference, readings, theirs, tmp_path, chunk_rows, page_rows, repeats)


@pytest.mark.parametrize("interval", [1, 9, 20])
def test_load_within_the_ticks_of_a_slot_is_the_references(
    reference: ModuleType, tmp_path: Path, interval: int
) -> None:
    names = ("cpu_utilization", "power_minimum", "power_peak", "energy")
    table = [Measurement(name, QUANTITIES[name], Decimal(1), 3, name) for name in names]
    span = {"date": "2023-02-27T05", "interval": interval}
    servers = [reference.Server("A1", "model", "P0", "S0")]
    chosen = measured_by(reference, table)
    theirs = list(reference.readings(servers, chosen, 5, **span, signal="load"))
    readings = Readings(_inventory(servers), **span, signal="load", measurements=table, seed=5)
    check(reference, readings, theirs, tmp_path, 1000, 300, 4)


def check(
    reference: ModuleType,
    readings: Readings,
    theirs: Sequence[Any],
    folder: Path,
    chunk_rows: int,
    page_rows: int,
    repeats: int,
) -> None:
    """See that readings are the reference's, and their totals: as table, as Parquet and as CSV."""
    spec = readings.specification
    end = spec.columns == END_COLUMNS
    expected = _expected(theirs, end)
    assert _rows(readings.to_table(), end) == expected
    chosen = measured_by(reference, spec.measurements)
    totals = reference.totals(theirs, chosen)
    made = write_in_chunks(readings, folder / "data.parquet", chunk_rows, page_rows, repeats)
    assert {name: total.as_json() for name, total in made.totals.items()} == totals
    assert _rows(pq.read_table(folder / "data.parquet"), end) == expected
    made = write_in_chunks(readings, folder / "data.csv", chunk_rows)
    assert {name: total.as_json() for name, total in made.totals.items()} == totals
    lines = reference.csv_lines(theirs, chosen, end)
    assert (folder / "data.csv").read_bytes() == "".join(lines).encode()


def _inventory(
    servers: Sequence[Any],
    kinds: Mapping[str, tuple[str, str]] | None = None,
    zones: Mapping[str, str] | None = None,
) -> Inventory:
    types = [
        ServerType("model", product_id, facts={"load_curve": curve, "sockets": sockets})
        for product_id, (curve, sockets) in (kinds or {}).items()
    ]
    sites = [Location(name, facts={"time_zone": zone}) for name, zone in (zones or {}).items()]
    columns = {"sn": pa.array([s.sn for s in servers])}
    for name in ("model", "product_id", "location"):
        columns[name] = pa.array([getattr(s, name) for s in servers]).dictionary_encode()
    return Inventory(pa.table(columns), None, (types, sites))


def _expected(rows: Sequence[Any], end: bool) -> list[tuple[Any, ...]]:
    return [
        (
            *row[:4],
            *([] if end else [row.start_time * 1_000_000]),
            row.end_time * 1_000_000,
            row.value.hex(),
            row.unit,
            row.name,
        )
        for row in rows
    ]


def _rows(table: pa.Table, end: bool) -> list[tuple[Any, ...]]:
    times = ["end_time"] if end else ["start_time", "end_time"]
    for name in times:
        index = table.schema.get_field_index(name)
        table = table.set_column(index, name, table[name].cast(pa.int64()))
    values = table.schema.get_field_index("measurement_value")
    return [
        tuple(v.hex() if i == values else v for i, v in enumerate(row.values()))
        for row in table.to_pylist()
    ]
