"""What a reading is a function of: each sentence of the contract's section on coherence."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support import write_in_chunks

from synthpower import Inventory, Location, Measurement, Part, Readings, ServerType
from synthpower.signals import SIGNALS
from synthpower.tables import read_measurements

DATE = "2023-02-27"

of_each_signal = pytest.mark.parametrize("signal", SIGNALS)
of_each_kind = pytest.mark.parametrize("signal", ["uniform", "load"])  # triangular is as uniform


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return Inventory.generate(50, seed=8123)


def rows(table: pa.Table, **equal: object) -> list[dict[str, object]]:
    """Return the rows of a table in which the columns have the given values."""
    for name, value in equal.items():
        table = table.filter(pc.equal(table[name].cast(pa.string()), value))
    return table.to_pylist()


@of_each_kind
def test_an_hours_file_is_that_hours_rows_of_the_days_file(
    inventory: Inventory, signal: str
) -> None:
    day = Readings(inventory, DATE, interval=600, fuzz=90, signal=signal).to_table()
    hour = Readings(inventory, f"{DATE}T05", interval=600, fuzz=90, signal=signal).to_table()
    assert day.slice(5 * hour.num_rows, hour.num_rows).to_pylist() == hour.to_pylist()


def test_a_day_made_alone_is_that_day_of_a_month(power: Path, command, tmp_path: Path) -> None:
    (tmp_path / "inventory.csv").write_bytes((power / "inventory.csv").read_bytes())
    (tmp_path / "README.md").write_bytes((power / "README.md").read_bytes())
    done = command("data", "--directory", tmp_path, "--date", "2023-02-20", "--days", "8")
    assert done.returncode == 0, done.stderr
    alone = (power / "data-2023-02-27.csv").read_bytes()
    assert (tmp_path / "data-2023-02-27.csv").read_bytes() == alone


@of_each_kind
@pytest.mark.parametrize("change", ["added", "removed", "moved"])
def test_other_servers_keep_their_readings(inventory: Inventory, change: str, signal: str) -> None:
    table, kinds = inventory.table, inventory.kinds
    sn = table["sn"][7].as_py()
    if change == "added":
        other = Inventory.generate(51, seed=8123)
    elif change == "removed":
        others = pa.concat_tables([table.slice(0, 3), table.slice(4)])
        other = Inventory(others, 8123, kinds)
    else:
        other = Inventory(table.take(list(reversed(range(len(inventory))))), 8123, kinds)
    before, after = (
        Readings(i, DATE, fuzz=60, signal=signal).to_table() for i in (inventory, other)
    )
    assert rows(before, sn=sn) == rows(after, sn=sn)


@of_each_kind
@pytest.mark.parametrize("quantity", [None, "inlet_temperature"])
def test_other_measurements_keep_their_readings(
    inventory: Inventory, signal: str, quantity: str | None
) -> None:
    power = Measurement("server power", "W", Decimal(300), 2, "power")
    more = [Measurement("inlet temperature", "Cel", Decimal(45), 1, quantity), power]
    before, after = (
        Readings(inventory, DATE, measurements=m, signal=signal).to_table() for m in ([power], more)
    )
    assert before.to_pylist() == rows(after, name="server power")


@of_each_kind
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_workers_never_change_a_byte(
    inventory: Inventory, tmp_path: Path, format: str, signal: str
) -> None:
    files = []
    for workers in (1, 2, 7):
        path = tmp_path / f"{workers}.{format}"
        Readings(inventory, DATE, interval=600, signal=signal).write(path, workers=workers)
        files.append(path.read_bytes())
    assert files[0] == files[1] == files[2]


@of_each_kind
@pytest.mark.parametrize("rows_of_a_chunk", [1, 7, 60, 100, 1000])
def test_chunks_and_row_groups_never_change_a_value(
    inventory: Inventory, tmp_path: Path, rows_of_a_chunk: int, signal: str
) -> None:
    readings = Readings(inventory, DATE, fuzz=60, signal=signal)
    readings.write(tmp_path / "whole.csv")
    write_in_chunks(readings, tmp_path / "chunks.csv", rows_of_a_chunk)
    write_in_chunks(readings, tmp_path / "chunks.parquet", rows_of_a_chunk)
    assert (tmp_path / "chunks.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    chunks = pq.read_table(tmp_path / "chunks.parquet")
    assert chunks.to_pylist() == readings.to_table().to_pylist()


def test_interval_never_changes_the_value_of_a_start_time(inventory: Inventory) -> None:
    fine = Readings(inventory, DATE, interval=900).to_table()
    coarse = Readings(inventory, DATE, interval=3600).to_table()
    start = "2023-02-27 05:00:00.000000Z"
    values = [
        [row["measurement_value"] for row in rows(table, start_time=start)]
        for table in (fine, coarse)
    ]
    assert len(values[0]) == 100
    assert values[0] == values[1]


@of_each_kind
def test_fuzz_moves_times_and_never_values(inventory: Inventory, signal: str) -> None:
    sharp, fuzzy = (Readings(inventory, DATE, fuzz=f, signal=signal).to_table() for f in (0, 600))
    assert fuzzy["start_time"] != sharp["start_time"]
    assert fuzzy["measurement_value"] == sharp["measurement_value"]


@of_each_signal
def test_csv_and_parquet_hold_the_same_values_to_the_bit(
    inventory: Inventory, tmp_path: Path, signal: str
) -> None:
    table = [
        Measurement("a", "W", Decimal(300), 2, "power"),
        Measurement("b", "W", Decimal("0.7"), None, "power_peak"),
        Measurement("c", "J", Decimal(9), 1, "energy"),
        Measurement("d", "W", Decimal("0.7")),
    ]
    readings = Readings(inventory, DATE, signal=signal, measurements=table)
    readings.write(tmp_path / "data.csv")
    readings.write(tmp_path / "data.parquet")
    lines = (tmp_path / "data.csv").read_text().splitlines()[1:]
    values = [float(line.split(",")[6]) for line in lines]
    assert values == pq.read_table(tmp_path / "data.parquet")["measurement_value"].to_pylist()


def test_a_smaller_inventory_is_a_prefix_of_a_larger_one(tmp_path: Path) -> None:
    for count in (100, 10_000):
        Inventory.generate(count, seed=5).write(tmp_path / str(count))
    small, large = ((tmp_path / str(n) / "inventory.csv").read_bytes() for n in (100, 10_000))
    assert large.startswith(small)


@of_each_signal
@pytest.mark.parametrize("interval", [1800, 3200])
def test_one_reading_computed_alone_is_the_one_in_the_file(
    inventory: Inventory, signal: str, interval: int
) -> None:
    table = read_measurements("load")
    readings = Readings(inventory, DATE, interval, signal=signal, measurements=table)
    for row in readings.to_table().to_pylist()[::97]:
        assert row["measurement_value"] == readings.at(row["sn"], row["start_time"], row["name"])


def test_one_intervals_end_is_the_next_ones_start(inventory: Inventory) -> None:
    first, second = (Readings(inventory, d, fuzz=900).to_table() for d in (DATE, "2023-02-28"))
    table = pa.concat_tables([first, second], promote_options="default").to_pandas()
    table = table[table["name"] == "server power"].sort_values(["sn", "start_time"])
    for _, steps in table.groupby("sn", observed=True):
        assert (steps["end_time"].to_numpy()[:-1] == steps["start_time"].to_numpy()[1:]).all()


def test_spacing_varies_by_at_most_the_fuzz(inventory: Inventory) -> None:
    table = Readings(inventory, DATE, fuzz=900).to_table().to_pandas()
    spacing = (table["end_time"] - table["start_time"]).dt.total_seconds()
    assert spacing.between(3600 - 900, 3600 + 900).all()
    assert spacing.nunique() > 100
    late = (table["start_time"] - table["start_time"].dt.floor("h")).dt.total_seconds()
    assert late.between(0, 900).all()
    assert {late.min(), late.max()} <= {*range(5), *range(896, 901)}


def test_all_measurements_of_a_server_share_their_time(inventory: Inventory) -> None:
    table = Readings(inventory, DATE, fuzz=900).to_table().to_pandas()
    assert (table["start_time"].to_numpy()[::2] == table["start_time"].to_numpy()[1::2]).all()


def test_seed_name_scale_and_decimals_each_change_the_values(inventory: Inventory) -> None:
    def values(seed: int = 1, name: str = "a", scale: str = "300", decimals: int = 2) -> object:
        m = Measurement(name, "W", Decimal(scale), decimals)
        made = Readings(inventory, DATE, measurements=[m], seed=seed).to_table()
        return made["measurement_value"]

    others = [values(seed=2), values(name="b"), values(scale="301"), values(decimals=3)]
    assert all(values() != other for other in others)


def test_of_load_neither_name_nor_scale_changes_a_value(inventory: Inventory) -> None:
    """A measurement is what its quantity says: power has one value, whatever it is called."""

    def values(**changes: object) -> object:
        given = {"name": "a", "unit": "W", "scale": Decimal(300), "decimals": 2} | changes
        made = [Measurement(**{"quantity": "power", **given})]
        return Readings(inventory, DATE, signal="load", measurements=made).to_table()[
            "measurement_value"
        ]

    assert values() == values(name="b") == values(scale=Decimal(1))
    assert values() != values(decimals=3)
    assert values() != values(quantity="cpu_power")


@of_each_kind
@pytest.mark.parametrize("of", [2, 5])
def test_parts_hold_the_readings_of_the_whole(inventory: Inventory, signal: str, of: int) -> None:
    given = {"signal": signal, "interval": 7200, "measurements": read_measurements("load")}
    parts = [Readings(inventory, DATE, part=Part(n + 1, of), **given) for n in range(of)]
    whole = Readings(inventory, DATE, **given).to_table()
    assert pa.concat_tables(part.to_table() for part in parts).to_pylist() == whole.to_pylist()


def with_kinds(inventory: Inventory, types: object, sites: object) -> list[dict[str, object]]:
    """Return the readings of the same servers, of which the tables say something else."""
    other = Inventory(inventory.table, inventory.seed, (types, sites))
    return Readings(other, DATE, interval=7200, signal="load").to_table().to_pylist()


def test_the_place_of_a_site_or_a_type_in_its_table_changes_nothing(inventory: Inventory) -> None:
    types, sites = inventory.kinds
    before = with_kinds(inventory, types, sites)
    assert with_kinds(inventory, types[::-1], sites[::-1]) == before
    assert with_kinds(inventory, types, [Location("new"), *sites]) == before


def test_a_reading_depends_on_its_own_servers_type_and_site_only(inventory: Inventory) -> None:
    types, sites = inventory.kinds
    before = with_kinds(inventory, types, sites)
    product, site = before[0]["product_id"], before[0]["location"]
    other_types = [
        each
        if each.product_id != product
        else ServerType(each.model, product, facts={"load_curve": "Gen9 Intel", "sockets": "1"})
        for each in types
    ]
    other_sites = [
        each if each.location != site else Location(site, facts={"time_zone": "Asia/Kathmandu"})
        for each in sites
    ]
    for after, column, value in (
        (with_kinds(inventory, other_types, sites), "product_id", product),
        (with_kinds(inventory, types, other_sites), "location", site),
    ):
        changed = [a for a, b in zip(before, after, strict=True) if a != b]
        assert changed
        assert {row[column] for row in changed} == {value}


def test_the_same_command_writes_the_same_bytes(command, tmp_path: Path) -> None:
    for name in ("a", "b"):
        for arguments in (
            ("inventory", "--count", "20", "--seed", "0"),
            ("data", "--date", DATE, "--days", "2", "--format", "parquet"),
            ("data", "--date", DATE, "--days", "2", "--fuzz", "5"),
            ("data", "--date", f"{DATE}T05", "--interval", "600", "--signal", "load"),
        ):
            done = command(*arguments, "--directory", tmp_path / name)
            assert done.returncode == 0, done.stderr
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("a", "b")
    )
    assert first == second
    assert "manifest.json" in first


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_the_kernels_mean_the_same_without_the_compiler(
    command, tmp_path: Path, format: str
) -> None:
    (tmp_path / "inventory.csv").write_text(
        "sn,model,product_id,location\nA1,m,p,x\nlower,m,p,x\n" + "2M2007R8VZ,m,p,y\n"
    )
    (tmp_path / "measurements.csv").write_text("name,unit,scale,decimals\na,W,300,2\nb,C,9,\n")
    base = ["data", "--directory", tmp_path, "--seed", "1", "--date", f"{DATE}T05"]
    base += ["--interval", "600", "--fuzz", "60", "--format", format]
    for name, environment in (("a", {}), ("b", {"NUMBA_DISABLE_JIT": "1"})):
        output = tmp_path / f"{name}.{format}"
        done = command(*base, "--output", output, env=os.environ | environment)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / f"a.{format}").read_bytes() == (tmp_path / f"b.{format}").read_bytes()


@pytest.mark.parametrize(
    "environment",
    [
        {"TZ": "Asia/Kathmandu", "LC_ALL": "C"},
        {"TZ": "America/St_Johns", "LANG": "tr_TR.UTF-8", "LC_NUMERIC": "de_DE.UTF-8"},
        {"PYTHONHASHSEED": "7", "PYTHONUTF8": "0", "LC_ALL": "POSIX"},
    ],
)
def test_the_environment_changes_no_byte(
    power: Path, command, tmp_path: Path, environment: dict[str, str]
) -> None:
    variables = os.environ | environment
    arguments = ["--count", "1000", "--seed", "8123", "--quiet"]
    made = tmp_path / "power"
    assert command("inventory", "--directory", made, *arguments, env=variables).returncode == 0
    for format in ("csv", "parquet"):
        options = ["--date", "2023-02-27", "--format", format]
        assert command("data", "--directory", made, *options, env=variables).returncode == 0
    for path in power.iterdir():
        if path.name not in ("README.md", ".synthpower.lock"):
            assert (made / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize(
    "environment",
    [
        {"TZ": "Asia/Kathmandu", "LC_ALL": "C"},
        {"TZ": "America/St_Johns", "PYTHONTZPATH": ""},  # time zones of the package tzdata
        {"TZ": "Nowhere/Else", "PYTHONHASHSEED": "7"},
    ],
)
def test_the_environment_changes_no_byte_of_load(
    inventory: Inventory, command, tmp_path: Path, environment: dict[str, str]
) -> None:
    inventory.write(tmp_path / "power", read_measurements("load"))
    where = ["--directory", tmp_path / "power", "--output", tmp_path / "theirs.csv"]
    options = ["--date", "2023-03-26", "--signal", "load", "--quiet"]
    done = command("data", *where, *options, env=os.environ | environment)
    assert done.returncode == 0, done.stderr
    Readings(inventory, "2023-03-26", signal="load", measurements=read_measurements("load")).write(
        tmp_path / "ours.csv"
    )
    assert (tmp_path / "theirs.csv").read_bytes() == (tmp_path / "ours.csv").read_bytes()
