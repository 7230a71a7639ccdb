"""Faults in readings: as the reference has them, in every format, with the truth beside them."""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from support import ROOT, contents, measured_by, names, write, write_in_chunks

from synthpower import (
    Dataset,
    Fault,
    Inventory,
    Measurement,
    Part,
    Readings,
    Request,
    read_faults,
    read_measurements,
)
from synthpower.cli import main as cli
from synthpower.dataset.events import events_text
from synthpower.formats.parquet.provenance import METADATA_KEY

DATE = "2023-02-27"
SHARES = {
    "off": "0.05", "hung": "0.05", "false_zero": "0.0015", "stuck_power": "0.04",
    "meter_drift": "0.3", "lost_cooling": "0.01", "runaway": "0.01",
}  # fmt: skip
EVERY = [
    Fault(kind, share, scope) for scope in ("server", "site") for kind, share in SHARES.items()
]
TABLE = read_measurements(ROOT / "src" / "synthpower" / "tables" / "measurements_load.csv")
PLAIN = Measurement("plain", "V", Decimal("7.25"), 2)
OTHER = Measurement("other", "m", Decimal(90), 1)
# Nine: servers that are off take no whole bytes of a page's bits.
OWN = [*TABLE, PLAIN, OTHER]
VALUE = "measurement_value"


# --- against the reference ------------------------------------------------------------


@pytest.fixture(scope="module")
def theirs(reference: ModuleType) -> Any:
    """What the reference makes of the same: its readings, its lines and its events."""

    class Theirs:
        def __init__(self, readings: Readings) -> None:
            spec = readings.specification
            self.fields = measured_by(reference, spec.measurements)
            servers = [
                reference.Server(*row.values()) for row in readings.inventory.table.to_pylist()
            ]
            faults = tuple(reference.Fault(f.kind, Fraction(f.share), f.scope) for f in spec.faults)
            tables = reference.read_facts(Path("/nowhere"))  # the shipped ones
            given = (servers, self.fields, spec.seed, spec.date)
            self.rows = list(
                reference.readings(*given, spec.interval, spec.fuzz, "load", *tables, faults)
            )
            self.events = "".join(reference.event_lines(*given, faults))

        @property
        def values(self) -> list[float | None]:
            return [row.value for row in self.rows]

        @property
        def text(self) -> bytes:
            return "".join(reference.csv_lines(iter(self.rows), self.fields)).encode()

    return Theirs


def with_decimals(*decimals: int | None) -> list[Measurement]:
    """Return the measurements of all quantities, and two of none, with these in turn."""
    table = [*TABLE[:4], PLAIN, *TABLE[4:], OTHER]
    return [replace(m, decimals=decimals[i % len(decimals)]) for i, m in enumerate(table)]


def shuffled(seed: int) -> list[Fault]:
    return random.Random(seed).sample(EVERY, len(EVERY))


SPANS = [
    ("1970-01-01", 86_400), ("1970-01-01T00", 60), ("1970-01-02", 86_400), ("1970-01-02", 3600),
    ("1970-01-03", 7200),
    (f"{DATE}T05", 60), (f"{DATE}T00", 300), (f"{DATE}T23", 450), (f"{DATE}T12", 3600),
    (DATE, 3600), (DATE, 86_400), ("2023-03-26", 3600), ("2024-11-03", 43_200),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("decimals", [(None,), (0,), (2,), (None, 3, 0, 1)])
@pytest.mark.parametrize(("date", "interval"), SPANS)
def test_readings_files_and_events_are_the_references(
    theirs: Any, tmp_path: Path, date: str, interval: int, decimals: tuple[int | None, ...]
) -> None:
    number = SPANS.index((date, interval)) * 10 + len(decimals)
    made = Readings(
        Inventory.generate(2 + 10 * (interval > 300), number),
        date,
        interval,
        number % 3 * (interval // 4),
        signal="load",
        measurements=with_decimals(*decimals),
        faults=shuffled(number),
    )
    expected = theirs(made)
    assert made.to_table()[VALUE].to_pylist() == expected.values
    assert events_text(made.specification, made.inventory) == expected.events
    write_in_chunks(made, tmp_path / "data.csv", 100)
    assert (tmp_path / "data.csv").read_bytes() == expected.text
    for repeats in (0, 4):
        write_in_chunks(made, tmp_path / "data.parquet", 120, 40, repeats)
        assert pq.read_table(tmp_path / "data.parquet")[VALUE].to_pylist() == expected.values


@pytest.mark.parametrize("scope", ["server", "site"])
@pytest.mark.parametrize("kind", SHARES)
def test_each_kind_alone_is_the_references(theirs: Any, kind: str, scope: str) -> None:
    interval = 900 if kind == "false_zero" else 10_800
    made = Readings(
        Inventory.generate(9, 3),
        "2023-03-27",  # the hours before are of other clocks
        interval,
        signal="load",
        measurements=with_decimals(2),
        faults=[Fault(kind, Decimal(SHARES[kind]) * 4 if kind != "meter_drift" else "0.9", scope)],
        seed=1,
    )
    expected = theirs(made)
    assert made.to_table()[VALUE].to_pylist() == expected.values
    assert events_text(made.specification, made.inventory) == expected.events
    assert expected.events.count("\n") > 1
    healthy = Readings(
        made.inventory, "2023-03-27", interval, signal="load", measurements=with_decimals(2), seed=1
    )
    assert healthy.to_table()[VALUE].to_pylist() != expected.values


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_drawn_is_the_references(theirs: Any, tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    if draw.random() < 0.5:
        date, interval = (
            f"2024-10-{draw.randint(1, 31):02d}",
            draw.choice([1800, 3600, 5400, 86_400]),
        )
    else:
        date = f"2024-03-{draw.randint(1, 31):02d}T{draw.randrange(24):02d}"
        interval = draw.choice([60, 100, 225, 300, 450, 1200, 3600])
    table = draw.sample(with_decimals(*draw.choices([None, 0, 1, 2, 3], k=3)), draw.randint(2, 7))
    made = Readings(
        Inventory.generate(draw.randint(1, 20), seed),
        date,
        interval,
        draw.choice([0, interval - 1]),
        signal="load",
        measurements=table,
        faults=draw.sample(EVERY, draw.randint(1, len(EVERY))),
    )
    expected = theirs(made)
    write_in_chunks(made, tmp_path / "data.csv", draw.randint(1, 500))
    assert (tmp_path / "data.csv").read_bytes() == expected.text
    write_in_chunks(made, tmp_path / "data.parquet", draw.randint(1, 500), 7)
    assert pq.read_table(tmp_path / "data.parquet")[VALUE].to_pylist() == expected.values
    assert events_text(made.specification, made.inventory) == expected.events


def test_the_command_of_the_reference_makes_the_files_that_ours_makes(
    reference: ModuleType, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The reference's `main` writes where the inventory is.
    shutil.copy(dataset / "inventory.csv", tmp_path)
    words = ["--directory", str(tmp_path), "--seed", "5", "--date", DATE, "--signal", "load"]
    table = ["--measurements", str(dataset / "measurements.csv")]
    faults = ["--faults", str(dataset.parent / "faults.csv")]
    monkeypatch.setattr(sys, "argv", ["reference", "data", *words, *table, *faults])
    monkeypatch.syspath_prepend(ROOT / "reference")
    reference.main()
    for name in (f"data-{DATE}.csv", f"events-{DATE}.csv"):
        assert (tmp_path / name).read_bytes() == (dataset / name).read_bytes()


# --- the same rows, however they are made ---------------------------------------------


@pytest.fixture(scope="module")
def fleet() -> Inventory:
    return Inventory.generate(150, 5)


def made_of(fleet: Inventory, date: str = DATE, interval: int = 3600, **changes: Any) -> Readings:
    given = {"measurements": OWN, "faults": EVERY, "seed": 5} | changes
    return Readings(fleet, date, interval, signal="load", **given)


@pytest.fixture(scope="module")
def values(fleet: Inventory) -> list[float | None]:
    """The values of a day."""
    return made_of(fleet).to_table()[VALUE].to_pylist()


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 7, 64, 1000, 10**6])
def test_batches_of_any_size_have_the_same_values(
    fleet: Inventory, values: list[float | None], rows: int
) -> None:
    if rows == 1:  # of a smaller fleet: a batch for each row
        fleet = Inventory.generate(3, 5)
        values = made_of(fleet).to_table()[VALUE].to_pylist()
    batches = made_of(fleet).batches(rows)
    assert [value for batch in batches for value in batch[VALUE].to_pylist()] == values


def test_batches_have_nulls_and_no_nan(fleet: Inventory) -> None:
    column = made_of(fleet).to_table()[VALUE]
    assert column.null_count > 0
    assert not pc.any(pc.is_nan(column)).as_py()


@pytest.mark.slow
@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize("decimals", [(None,), (0,), (2,), (None, 3)])
def test_chunks_and_workers_change_no_byte_and_row_groups_no_value(
    fleet: Inventory, tmp_path: Path, format: str, decimals: tuple[int | None, ...]
) -> None:
    made = made_of(fleet, measurements=with_decimals(*decimals))
    found = set()
    for rows in (500, 1000, 10**6):
        path = tmp_path / f"data.{format}"
        write_in_chunks(made, path, rows, workers=1)
        alone = path.read_bytes()
        write_in_chunks(made, path, rows, workers=4)
        assert path.read_bytes() == alone
        if format == "csv":
            found.add(alone)
        else:
            found.add(tuple(pq.read_table(path)[VALUE].to_pylist()))
    assert len(found) == 1


def test_hours_together_are_the_day(fleet: Inventory) -> None:
    day = made_of(fleet, interval=1200).to_table()
    hours = [made_of(fleet, f"{DATE}T{hour:02d}", 1200).to_table() for hour in range(24)]
    assert pa.concat_tables(hours).equals(day)


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_shards_together_are_the_file(
    fleet: Inventory, values: list[float | None], tmp_path: Path, format: str
) -> None:
    found: list[float | None] = []
    for number in (1, 2, 3):
        path = tmp_path / f"{number}.{format}"
        write(made_of(fleet, part=Part(number, 3)), path)
        read = pq.read_table(path) if format == "parquet" else pa_csv.read_csv(path)
        found += read[VALUE].to_pylist()
    assert found == values


@pytest.mark.slow
@pytest.mark.parametrize("decimals", [(None,), (0,), (2,), (None, 3)])
def test_the_other_writer_and_every_compression_have_the_same_rows(
    fleet: Inventory, tmp_path: Path, decimals: tuple[int | None, ...]
) -> None:
    made = made_of(fleet, measurements=with_decimals(*decimals))
    write(made, tmp_path / "fast.csv")
    write(made, tmp_path / "pyarrow.csv", "pyarrow")
    assert (tmp_path / "pyarrow.csv").read_bytes() == (tmp_path / "fast.csv").read_bytes()
    for writer in ("fast", "pyarrow"):
        for compression in (None, "none", "snappy", "zstd"):
            path = tmp_path / f"{writer}-{compression}.parquet"
            write(made, path, writer, compression)
            assert pq.read_table(path).equals(pq.read_table(tmp_path / "fast-None.parquet"))


def test_all_readers_see_the_same_nulls(
    fleet: Inventory, values: list[float | None], tmp_path: Path
) -> None:
    for name in ("data.csv", "data.parquet"):
        write(made_of(fleet), tmp_path / name)
    path, text = tmp_path / "data.parquet", tmp_path / "data.csv"
    sql = "SELECT measurement_value FROM '{}'"
    found = {
        "duckdb": [row[0] for row in duckdb.sql(sql.format(path)).fetchall()],
        "duckdb, CSV": [row[0] for row in duckdb.sql(sql.format(text)).fetchall()],
        "polars": pl.read_parquet(path)[VALUE].to_list(),
        "polars, CSV": pl.read_csv(text)[VALUE].to_list(),
        "pandas": pd.read_parquet(path)[VALUE].tolist(),
        "pandas, CSV": pd.read_csv(text)[VALUE].tolist(),
        "pyarrow": pq.read_table(path)[VALUE].to_pylist(),
        "pyarrow, CSV": pa_csv.read_csv(text)[VALUE].to_pylist(),
    }
    for reader, of_reader in found.items():
        assert [None if v is None or np.isnan(v) else v for v in of_reader] == values, reader


@pytest.mark.slow
@pytest.mark.parametrize("decimals", [(None,), (2,)])
@pytest.mark.parametrize("repeats", [0, 4])
def test_pages_and_row_groups_that_are_all_null_are_read_and_have_no_limits(
    tmp_path: Path, decimals: tuple[int | None, ...], repeats: int
) -> None:
    few = Inventory.generate(8, 5)
    made = made_of(
        few, measurements=with_decimals(*decimals), faults=[Fault("off", "0.25")], seed=3
    )
    path = tmp_path / "data.parquet"
    write_in_chunks(made, path, 8, 3, repeats)
    assert pq.read_table(path)[VALUE].equals(made.to_table()[VALUE])
    meta = pq.read_metadata(path)
    empty = 0
    for group in range(meta.num_row_groups):
        column = pq.ParquetFile(path).read_row_group(group)[VALUE]
        statistics = meta.row_group(group).column(meta.schema.names.index(VALUE)).statistics
        assert statistics.null_count == column.null_count
        if column.null_count == len(column):
            empty += 1
            assert not statistics.has_min_max
    assert 0 < empty < meta.num_row_groups
    sql = f"SELECT count(measurement_value), count(*) FROM '{path}'"
    values = made.to_table()[VALUE]
    assert duckdb.sql(sql).fetchall() == [(len(values) - values.null_count, len(values))]
    assert pl.read_parquet(path)[VALUE].to_list() == values.to_pylist()


def test_a_file_without_any_reading_is_written_and_read(tmp_path: Path) -> None:
    one = Inventory.generate(1, 5)
    for seed in range(200):
        made = made_of(one, f"{DATE}T05", faults=[Fault("off", "0.29")], seed=seed)
        values = made.to_table()[VALUE]
        if values.null_count == len(values):
            break
    for name, implementation in (("data.csv", "fast"), ("data.csv", "pyarrow")):
        write(made, tmp_path / name, implementation)
        lines = (tmp_path / name).read_text().splitlines()[1:]
        assert all(line.split(",")[6] == "" for line in lines)
    for implementation in ("fast", "pyarrow"):
        write(made, tmp_path / "data.parquet", implementation)
        assert pq.read_table(tmp_path / "data.parquet")[VALUE].null_count == len(values)


@pytest.mark.parametrize(
    ("decimals", "repeats"), [((None,), 4), ((2,), 4), ((0,), 4), ((0,), 0), ((1, 0), 0)]
)
def test_statistics_are_those_that_the_rows_have(
    fleet: Inventory, tmp_path: Path, decimals: tuple[int | None, ...], repeats: int
) -> None:
    table = [m for m in with_decimals(*decimals) if m.quantity != "energy" or decimals == (0,)]
    made = made_of(fleet, measurements=table, faults=shuffled(1))
    path = tmp_path / "data.parquet"
    write_in_chunks(made, path, 2000, 300, repeats)
    meta, file = pq.read_metadata(path), pq.ParquetFile(path)
    encodings = set()
    for group in range(meta.num_row_groups):
        column = file.read_row_group(group)[VALUE]
        chunk = meta.row_group(group).column(meta.schema.names.index(VALUE))
        encodings |= set(chunk.encodings)
        said = chunk.statistics
        assert said.null_count == column.null_count
        if said.has_min_max:
            limits = pc.min_max(column).as_py()
            assert (said.min, said.max) == (limits["min"], limits["max"])
    assert ("RLE_DICTIONARY" in encodings) == (repeats == 0)


# --- the events label the readings ----------------------------------------------------

LABELS = """
    SELECT d.sn, d.start_time, d.name, e.kind, d.measurement_value
    FROM '{data}' d JOIN read_csv('{events}', header = true, all_varchar = true) e
    ON d.start_time >= CAST(e.start_time AS TIMESTAMPTZ)
       AND d.start_time < CAST(e.end_time AS TIMESTAMPTZ)
       AND (e.sn = d.sn OR (e.sn IS NULL OR e.sn = '') AND e.location = d.location)
    JOIN read_csv('{table}', header = true, all_varchar = true) m ON m.name = d.name
    WHERE e.quantity IS NULL OR e.quantity = '' OR e.quantity = m.quantity
"""


def labelled(data: Path, table: Path) -> dict[tuple[Any, ...], set[str]]:
    """Return the kinds of each reading that a file of events labels, by a join of DuckDB's."""
    events = data.parent / f"events-{data.stem.removeprefix('data-')}.csv"
    found: dict[tuple[Any, ...], set[str]] = {}
    sql = LABELS.format(data=data, events=events, table=table)
    for sn, time, name, kind, _ in duckdb.sql(sql).fetchall():
        found.setdefault((sn, time, name), set()).add(kind)
    return found


def rows_of(path: Path) -> dict[tuple[Any, ...], float | None]:
    sql = f"SELECT sn, start_time, name, measurement_value FROM '{path}'"
    return {(sn, time, name): value for sn, time, name, value in duckdb.sql(sql).fetchall()}


@pytest.mark.parametrize("kind", SHARES)
def test_the_events_label_just_the_readings_that_are_faulty(tmp_path: Path, kind: str) -> None:
    table = TABLE if kind != "off" else OWN
    dataset = Dataset.create(tmp_path, Inventory.generate(40, 5), table)
    share = Decimal(SHARES[kind])
    faults = [Fault(kind, share / 2, scope) for scope in ("server", "site")]
    given = {"date": DATE, "interval": 1800, "signal": "load", "format": "parquet"}
    dataset.write(dataset.plan(Request(**given, faults=faults)))
    (tmp_path / "healthy").mkdir()
    healthy = tmp_path / "healthy" / "data.parquet"
    dataset.write(dataset.plan(Request(**given, output=healthy)))
    found, true = rows_of(tmp_path / f"data-{DATE}.parquet"), rows_of(healthy)
    labels = labelled(tmp_path / f"data-{DATE}.parquet", tmp_path / "measurements.csv")
    changed = {key for key, value in found.items() if value != true[key]}
    assert changed
    assert changed <= labels.keys()
    if kind == "off":
        assert labels.keys() == {key for key, value in found.items() if value is None}
    elif kind == "false_zero":
        assert all(found[key] == 0 for key in labels)
    else:  # a faulty reading may happen to be what it would have been
        assert len(changed) > len(labels) * 0.4
        assert None not in found.values()


def test_of_several_faults_the_events_label_every_changed_reading(tmp_path: Path) -> None:
    dataset = Dataset.create(tmp_path, Inventory.generate(60, 5), OWN)
    given = {"date": DATE, "interval": 1800, "signal": "load", "format": "parquet"}
    dataset.write(dataset.plan(Request(**given, faults=EVERY)))
    (tmp_path / "healthy").mkdir()
    dataset.write(dataset.plan(Request(**given, output=tmp_path / "healthy" / "data.parquet")))
    found = rows_of(tmp_path / f"data-{DATE}.parquet")
    true = rows_of(tmp_path / "healthy" / "data.parquet")
    labels = labelled(tmp_path / f"data-{DATE}.parquet", tmp_path / "measurements.csv")
    assert {key for key, value in found.items() if value != true[key]} <= labels.keys()
    # `off` stands first in the table, but that of a site behind other kinds of a server.
    alone = {key for key, kinds in labels.items() if kinds == {"off"}}
    assert {key for key, value in found.items() if value is None} <= {
        key for key, kinds in labels.items() if "off" in kinds
    }
    assert sum(found[key] is None for key in alone) > 0.9 * len(alone)


# --- datasets -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Days and an hour of 20 servers with faults, in both formats. Read only."""
    folder = tmp_path_factory.mktemp("faults")
    lines = [f"{fault.kind},{fault.share},{fault.scope}\n" for fault in EVERY]
    (folder / "faults.csv").write_text("".join(["kind,share,scope\n", *lines]))
    Dataset.create(folder / "power", Inventory.generate(20, 5), OWN)
    for options in (
        ["--date", DATE, "--days", "2"],
        ["--date", DATE, "--format", "parquet"],
        ["--date", f"{DATE}T07", "--interval", "450", "--fuzz", "60", "--format", "parquet"],
        ["--date", "2023-03-03", "--end"],
        ["--date", "2023-03-04", "--shard", "2/3"],
    ):
        assert data(folder / "power", *options) == 0
    return folder / "power"


def data(directory: Path, *options: str, faults: Path | None = None) -> int:
    faults = faults or directory.parent / "faults.csv"
    words = ["--directory", str(directory), "--signal", "load", "--faults", str(faults), "--quiet"]
    return cli.main(["data", *words, *options])


@pytest.fixture
def copied(dataset: Path, tmp_path: Path) -> Path:
    shutil.copy(dataset.parent / "faults.csv", tmp_path)
    return Path(shutil.copytree(dataset, tmp_path / "power"))


def wrong(directory: Path, *names: str) -> dict[str, str]:
    """Return what `verify` finds wrong, by file."""
    checks = Dataset.open(directory).verify(names or None)
    return {check.file: check.detail for check in checks if not check.passed}


def wrong_in_contract(directory: Path) -> dict[str, str]:
    checks = Dataset.open(directory).validate()
    return {f"{check.file} {check.what}": check.detail for check in checks if not check.passed}


EVENTS, DATA = f"events-{DATE}.csv", f"data-{DATE}.csv"


def test_beside_each_file_stand_its_events(dataset: Path) -> None:
    files = {name.rpartition(".")[0] for name in names(dataset) if name.startswith("data-")}
    found = {name for name in names(dataset) if name.startswith("events-")}
    assert found == {f"{name.replace('data-', 'events-')}.csv" for name in files}
    assert "events-2023-03-04-00002-of-00003.csv" in found


def test_a_dataset_with_faults_verifies(dataset: Path) -> None:
    assert wrong(dataset) == {}


def test_a_dataset_with_faults_keeps_the_contract(copied: Path) -> None:
    for path in copied.glob("*00002-of-00003*"):
        path.unlink()  # the other shards are not there
    assert wrong_in_contract(copied) == {}


def test_without_its_events_a_file_with_nulls_breaks_the_contract(copied: Path) -> None:
    (copied / EVENTS).unlink()
    found = wrong_in_contract(copied)
    assert "measurement_value None" in found[f"{DATA} values"]
    assert "measurement_value None" in found[f"data-{DATE}.parquet values"]


def write_absences(directory: Path, spans: Sequence[tuple[str, int, int]]) -> None:
    """Write when servers were off, in seconds of the day."""
    path = directory / EVENTS
    with path.open("w", encoding="utf-8") as file:
        file.write("sn,location,start_time,end_time,kind,quantity\n")
        for sn, begin, end in spans:
            begun, ended = (pd.Timestamp(DATE) + pd.Timedelta(seconds=s) for s in (begin, end))
            file.write(f"{sn},somewhere,{begun}Z,{ended}Z,off,\n")


@pytest.fixture
def absent(copied: Path) -> list[tuple[str, int]]:
    """The server and the second of the day of each absent reading."""
    for path in copied.glob("*00002-of-00003*"):
        path.unlink()
    rows = pl.read_csv(copied / DATA).filter(pl.col(VALUE).is_null())
    times = pd.to_datetime(rows["start_time"].to_list()).tz_localize(None) - pd.Timestamp(DATE)
    seconds = [int(time.total_seconds()) for time in times]
    return sorted(set(zip(rows["sn"].to_list(), seconds, strict=True)))


def test_a_reading_may_be_absent_from_the_beginning_of_an_event(
    copied: Path, absent: list[tuple[str, int]]
) -> None:
    write_absences(copied, [(sn, second, second + 1) for sn, second in absent])
    assert wrong_in_contract(copied) == {}


def test_a_reading_that_begins_where_an_event_ends_may_not_be_absent(
    copied: Path, absent: list[tuple[str, int]]
) -> None:
    early = [(sn, second, second + 1) for sn, second in absent[:-1]]
    sn, second = absent[-1]
    write_absences(copied, [*early, (sn, second - 1, second)])
    assert "9 wrong" in wrong_in_contract(copied)[f"{DATA} values"]


def test_an_event_within_a_longer_one_does_not_end_it(
    copied: Path, absent: list[tuple[str, int]]
) -> None:
    servers = {sn for sn, _ in absent}
    longer = [(sn, 0, 86_400) for sn in servers]
    write_absences(copied, [*longer, *((sn, 1, 2) for sn in servers)])
    assert wrong_in_contract(copied) == {}


MALFORMED = {
    "": "the file is empty",
    "x\n": "no column location",
    "location,start_time,end_time,kind\nx,y,z,off\n": "y",
    "location,start_time,end_time,kind\nDE-B-01,2023-02-27 00:00:00Z,2023-02-30 00:00:00Z,off\n": ":2",
    "location,start_time,end_time,kind\nNO,2023-02-27 00:00:00Z,2023-02-27 01:00:00Z,off\n": "'NO'",
    "sn,location,start_time,end_time,kind\nNO,x,2023-02-27 00:00:00Z,2023-02-27 01:00:00Z,off\n": "'NO'",
    'location,start_time,end_time,kind\n"x,2023\n': ":2",
    "location,start_time,end_time,kind\nx,2023\n": ":2",
}


@pytest.mark.slow
@pytest.mark.parametrize("text", MALFORMED)
def test_a_malformed_file_of_events_is_wrong_in_one_line(copied: Path, text: str) -> None:
    (copied / EVENTS).write_text(text)
    found = wrong_in_contract(copied)[f"{DATA} events"]
    assert len(found.splitlines()) == 1
    assert MALFORMED[text] in found and EVENTS in found


def test_an_edited_file_of_events_is_wrong(copied: Path) -> None:
    text = (copied / EVENTS).read_text()
    (copied / EVENTS).write_text(text.replace("runaway", "hung", 1))
    found = wrong(copied)
    assert found.keys() == {EVENTS}
    assert len(found[EVENTS].splitlines()) == 1


def test_a_missing_file_of_events_is_wrong_and_made_again(
    dataset: Path, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / EVENTS).unlink()
    assert "'synthpower remake' makes it" in wrong(copied)[EVENTS]
    capsys.readouterr()
    assert cli.main(["remake", str(copied)]) == 0
    assert f"{EVENTS}  made\n" in capsys.readouterr().err
    assert contents(copied) == contents(dataset)


def test_a_missing_file_of_readings_is_made_again_with_its_events(
    dataset: Path, copied: Path
) -> None:
    for name in (DATA, EVENTS, f"data-{DATE}.parquet", f"data-{DATE}T07.parquet"):
        (copied / name).unlink()
    assert cli.main(["remake", str(copied), "--quiet"]) == 0
    assert contents(copied) == contents(dataset)


def test_a_parquet_file_is_enough_for_itself_and_its_events(dataset: Path, tmp_path: Path) -> None:
    name = f"data-{DATE}.parquet"
    shutil.copy(dataset / name, tmp_path)
    words = [str(tmp_path / name), "--directory", str(tmp_path / "again"), "--quiet"]
    assert cli.main(["remake", *words]) == 0
    for made in (name, EVENTS):
        assert (tmp_path / "again" / made).read_bytes() == (dataset / made).read_bytes()


def test_the_manifest_is_enough(dataset: Path, tmp_path: Path) -> None:
    (tmp_path / "power").mkdir()
    kept = ("manifest.json", "inventory.csv", "measurements.csv", "README.md")
    for name in (*kept, "server_types.csv", "locations.csv"):
        if (dataset / name).exists():
            shutil.copy(dataset / name, tmp_path / "power")
    assert cli.main(["remake", str(tmp_path / "power"), "--quiet"]) == 0
    assert contents(tmp_path / "power") == contents(dataset)


def test_the_same_command_goes_on_with_what_is_missing(dataset: Path, copied: Path) -> None:
    for name in (DATA, "events-2023-02-28.csv"):
        (copied / name).unlink()
    assert data(copied, "--date", DATE, "--days", "2") == 0
    assert contents(copied) == contents(dataset)


def test_other_events_are_replaced_only_where_that_is_asked_for(
    dataset: Path, copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copied / EVENTS).write_text("mine\n")
    assert data(copied, "--date", DATE) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert f"{EVENTS} exists, and it says other events; --overwrite replaces it" in said
    assert (copied / EVENTS).read_text() == "mine\n"
    assert data(copied, "--date", DATE, "--overwrite") == 0
    assert contents(copied) == contents(dataset)


def test_other_faults_do_not_go_over_what_is_there(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(copied)
    other = copied.parent / "other.csv"
    other.write_text("kind,share\noff,0.1\nhung,0.1\n")
    assert data(copied, "--date", DATE, faults=other) == 2
    assert f"{DATA} exists, and it was made from" in capsys.readouterr().err
    assert contents(copied) == before


FLIPS = [(DATA, 40), (f"data-{DATE}.parquet", 3)]
OF_MORE = [(f"data-{DATE}.parquet", 25), (f"data-{DATE}T07.parquet", 25)]


@pytest.mark.parametrize(
    ("name", "flips"), [*FLIPS, *(pytest.param(*more, marks=pytest.mark.slow) for more in OF_MORE)]
)
def test_a_flipped_bit_in_a_file_with_nulls_is_found_and_named(
    copied: Path, name: str, flips: int
) -> None:
    whole = (copied / name).read_bytes()
    draw = random.Random(flips)
    for _ in range(flips):
        at = draw.randrange(len(whole))
        flipped = bytearray(whole)
        flipped[at] ^= 1 << draw.randrange(8)
        (copied / name).write_bytes(flipped)
        found = wrong(copied, name)
        assert found.keys() == {name}, at
        assert len(found[name].splitlines()) == 1


@pytest.mark.slow
def test_a_flipped_bit_of_the_values_of_a_parquet_file_is_found(copied: Path) -> None:
    name = f"data-{DATE}.parquet"
    whole = (copied / name).read_bytes()
    meta = pq.read_metadata(copied / name).row_group(0)
    column = meta.column(meta.num_columns - 3)
    assert column.path_in_schema == VALUE
    begin = column.dictionary_page_offset or column.data_page_offset
    for at in range(begin, begin + column.total_compressed_size, 997):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << at % 8
        (copied / name).write_bytes(flipped)
        assert wrong(copied, name).keys() == {name}, at


def test_a_value_where_there_is_none_and_none_where_there_is_one_are_named(copied: Path) -> None:
    lines = (copied / DATA).read_text().splitlines(keepends=True)
    absent = next(i for i, line in enumerate(lines) if ",," in line)
    there = next(i for i, line in enumerate(lines[1:], 1) if ",," not in line)
    for at in (absent, there):
        changed = lines.copy()
        fields = changed[at].split(",")
        fields[6] = "" if fields[6] else "1"
        changed[at] = ",".join(fields)
        (copied / DATA).write_text("".join(changed))
        assert f"row {at}" in wrong(copied, DATA)[DATA]


def test_a_null_that_became_a_value_in_parquet_is_named(copied: Path) -> None:
    path = copied / f"data-{DATE}.parquet"
    table = pq.read_table(path)
    row = pc.index(pc.is_null(table[VALUE]), True).as_py()
    values = table[VALUE].to_pylist()
    values[row] = 0.0
    at = table.schema.get_field_index(VALUE)
    changed = table.set_column(at, table.schema.field(VALUE), pa.chunked_array([values]))
    pq.write_table(changed, path)
    found = wrong(copied, path.name)[path.name]
    assert found and len(found.splitlines()) == 1


REFUSALS = [
    ("kind,share\nbroken,0.1\n", "faults.csv:2: kind 'broken': choose off,"),
    ("kind,share\noff,0\n", "faults.csv:2: share 0: it must be above 0 and below 1"),
    ("kind,share\noff,1\n", "faults.csv:2: share 1: it must be above 0 and below 1"),
    ("kind,share\nhung,0.1\noff,some\n", "faults.csv:3: share 'some': it must be a finite number"),
    ("kind,share\noff,\n", "faults.csv:2: empty share"),
    ("kind,share\noff,0.1\noff,0.1\n", "a kind of fault is listed twice for one scope"),
    ("kind,share\noff,0.2\nhung,0.2\n", "the shares of each server are too great together"),
    ("kind,share,scope\noff,0.1,rack\n", "faults.csv:2: scope 'rack': choose server or site"),
    ("kind\noff\n", "faults.csv:1: no column share; the header must name kind,share"),
    ("kind,share\n", "no fault; one row at least is needed"),
    ("", "the file is empty"),
]


@pytest.mark.parametrize(("text", "words"), REFUSALS)
def test_a_table_of_faults_that_cannot_be_is_refused_in_one_line(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    before = names(dataset)
    (tmp_path / "faults.csv").write_text(text)
    assert data(dataset, "--date", "2023-04-01", faults=tmp_path / "faults.csv") == 2
    said = capsys.readouterr().err
    assert words in said and len(said.splitlines()) == 1
    assert names(dataset) == before


def test_faults_of_another_signal_are_refused_in_one_line(
    dataset: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = str(dataset.parent / "faults.csv")
    words = ["--directory", str(dataset), "--date", "2023-04-01", "--faults", faults]
    for signal in ("uniform", "triangular"):
        assert cli.main(["data", *words, "--signal", signal]) == 2
        said = capsys.readouterr().err
        assert "argument --faults: they go with the load signal only" in said
        assert len(said.splitlines()) == 1


def test_a_table_of_faults_is_read_with_servers_as_its_scope(tmp_path: Path) -> None:
    path = tmp_path / "faults.csv"
    path.write_text("share,kind,scope\n0.1,off,\n0.010,hung,site\n")
    assert read_faults(path) == [
        Fault("off", Decimal("0.1"), "server"), Fault("hung", Decimal("0.010"), "site")
    ]  # fmt: skip


def test_a_stream_has_no_events(dataset: Path, tmp_path: Path) -> None:
    before = names(dataset)
    out = tmp_path / "out.csv"
    assert data(dataset, "--date", "2023-04-01T05", "--output", str(out)) == 0
    assert names(dataset) == before
    assert names(tmp_path) == ["events-out.csv", "out.csv"]


def test_a_dry_run_makes_no_events_and_says_no_less_than_what_is_made(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("data.csv", "data.parquet"):
        words = ["--date", DATE, "--output", str(tmp_path / name)]
        assert data(dataset, *words, "--dry-run") == 0
        assert names(tmp_path) == [] or name == "data.parquet"
        said = capsys.readouterr().out
        (line,) = (line for line in said.splitlines() if line.startswith("bytes"))
        assert "at most" in line
        most = int(line.split("at most ")[1].split()[0].replace(",", ""))
        assert data(dataset, *words) == 0
        assert (tmp_path / name).stat().st_size <= most


@pytest.mark.slow
def test_a_few_nulls_take_no_more_than_a_dry_run_says(tmp_path: Path) -> None:
    dataset = Dataset.create(tmp_path, Inventory.generate(200, 5), OWN)
    few = [Fault("off", "0.0002")]
    for day in range(1, 28):
        for compression in ("none", None):
            request = Request(
                f"2023-02-{day:02d}",
                signal="load",
                faults=few,
                format="parquet",
                compression=compression,
                overwrite=True,
            )
            plan = dataset.plan(request)
            most = plan.size.bytes
            dataset.write(plan)
            assert (tmp_path / f"data-2023-02-{day:02d}.parquet").stat().st_size <= most


@pytest.mark.parametrize("date", ["9999-12-24", "9999-12-29", "9999-12-30", "9999-12-30T23"])
def test_the_last_days_have_events_too(date: str) -> None:
    made = made_of(Inventory.generate(100, 5), date, faults=[Fault("meter_drift", "0.9")])
    assert events_text(made.specification, made.inventory).count("\n") > 100


ODD_FAULTS: Sequence[Any] = [
    True, "off", [["off"]], [["off", "x", "server"]], [["off", [], "server"]],
    [["off", "0.1", "server"], ["off", "0.1", "server"]], [["off", "0.2", "server"]],
    [["off", "0.1", ["x"]]], {"off": 1}, None, [],
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("faults", ODD_FAULTS)
def test_a_manifest_of_odd_faults_is_wrong_in_one_line_each(
    copied: Path, capsys: pytest.CaptureFixture[str], faults: Any
) -> None:
    path = copied / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"][DATA]["specification"]["faults"] = faults
    path.write_text(json.dumps(manifest))
    for words in (["verify"], ["verify", "--contract"], ["remake"]):
        assert cli.main([*words, str(copied)]) in (0, 1, 2)
        said = capsys.readouterr()
        assert "Traceback" not in said.err + said.out
    assert wrong(copied)


def test_faults_in_a_record_of_another_signal_are_wrong_in_one_line(copied: Path) -> None:
    path = copied / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"][DATA]["specification"]["signal"] = "uniform"
    path.write_text(json.dumps(manifest))
    found = wrong(copied)
    assert found
    assert all(len(line.splitlines()) == 1 for line in found.values())


@pytest.mark.parametrize("faults", ODD_FAULTS)
def test_a_parquet_file_of_odd_faults_is_wrong_in_one_line(copied: Path, faults: Any) -> None:
    path = copied / f"data-{DATE}.parquet"
    table = pq.read_table(path)
    key = METADATA_KEY.encode()
    record = json.loads(table.schema.metadata[key])
    spec = record.get("specification", record)
    assert "faults" in spec
    spec["faults"] = faults
    pq.write_table(table.replace_schema_metadata({key: json.dumps(record)}), path)
    found = wrong(copied, path.name)
    assert found.keys() == {path.name}
    assert len(found[path.name].splitlines()) == 1


def test_servers_without_an_event_are_as_they_are_without_faults(fleet: Inventory) -> None:
    faults = [Fault("off", "0.05"), Fault("hung", "0.02", "site")]
    found, true = (made_of(fleet, faults=given).to_table() for given in (faults, []))
    events = events_text(made_of(fleet, faults=faults).specification, fleet).splitlines()[1:]
    sick = {line.split(",")[0] or line.split(",")[1] for line in events}  # by number, or site
    healthy = pc.invert(
        pc.or_(*(pc.is_in(found[name], pa.array(sick)) for name in ("sn", "location")))
    )
    assert 0 < pc.sum(healthy).as_py() < len(found)
    assert found.filter(healthy).equals(true.filter(healthy))


def test_a_readme_says_that_a_command_needs_its_table_of_faults(dataset: Path) -> None:
    text = (dataset / "README.md").read_text()
    assert "--faults FILE: 'synthpower remake .' needs no FILE" in text
