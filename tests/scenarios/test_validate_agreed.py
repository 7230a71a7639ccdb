"""A producer's files in the columns that were agreed on, written by other people's programs."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from foreign import check, inventory, make

from synthpower.dataset.validate import check_contract

Write = Callable[[duckdb.DuckDBPyConnection, Path], object]

TEXT = """column,source,format
serial,sn,
ts_end,end_time,{form}
metric,name,
value,measurement_value,{number}
unit,unit,
dc,location,
rack,rack,
tariff,tariff,
source,=a b,
"""
SELECT = """SELECT sn AS serial, {time} AS ts_end, name AS metric, {value} AS value, unit,
location AS dc, rack, tariff, 'a b' AS source FROM r"""
ISO = "strftime(end_time AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ')"


def rows(time: str = ISO, value: str = "measurement_value") -> str:
    return SELECT.format(time=time, value=value)


def copy(query: str, name: str, options: str) -> Write:
    return lambda db, directory: db.sql(f"COPY ({query}) TO '{directory / name}' ({options})")


def pivoted(db: duckdb.DuckDBPyConnection, directory: Path) -> None:
    """Write wide rows by pandas."""
    found: pd.DataFrame = db.sql("FROM r").df()
    wide = found.pivot_table(
        index=["sn", "start_time", "rack"],
        columns="name",
        values="measurement_value",
        aggfunc="max",
    ).reset_index()
    wide = wide.rename(columns={"server cpu utilization": "cpu", "server power": "power"})
    wide["start_time"] = wide["start_time"].dt.tz_convert("UTC").dt.strftime("%Y-%m-%d %H:%M:%SZ")
    wide[["rack", "power", "sn", "start_time", "cpu"]].to_csv(
        directory / "data-2023-02-27.csv", index=False, sep="\t"
    )


WIDE = "column,source\nrack,rack\npower,value:server power\nsn,sn\nstart_time,start_time\ncpu,value:server cpu utilization\n"


def members(db: duckdb.DuckDBPyConnection, directory: Path) -> None:
    """Write a gzip file of many members, cut anywhere."""
    copy(rows(), "data.csv", "header")(db, directory)
    data = (directory / "data.csv").read_bytes()
    (directory / "data.csv").unlink()
    pieces = [data[at : at + 5000] for at in range(0, len(data), 5000)]
    (directory / "data-2023-02-27.csv.gz").write_bytes(b"".join(map(gzip.compress, pieces)))


def parts(db: duckdb.DuckDBPyConnection, directory: Path) -> None:
    """Write a folder of parts, as Spark leaves it."""
    folder = directory / "data-2023-02-27.csv"
    folder.mkdir()
    for part in range(3):
        name = f"part-{part:05}-c000.csv"
        copy(f"{rows()} WHERE hash(sn) % 3 = {part}", name, "header, force_quote (serial)")(
            db, folder
        )
        (folder / f".{name}.crc").write_bytes(b"crc\0")
    (folder / "_SUCCESS").touch()


def hive(db: duckdb.DuckDBPyConnection, directory: Path) -> None:
    query = rows().replace(" FROM", ", '2023-02-27' AS dt, hour(start_time) AS hour FROM")
    folder = directory / "data-hive"
    db.sql(
        f"COPY ({query}) TO '{folder}' (FORMAT csv, PARTITION_BY (dt, hour), COMPRESSION zstd, FILE_EXTENSION 'csv.zst')"
    )


def with_polars(db: duckdb.DuckDBPyConnection, directory: Path) -> None:
    frame = db.sql(rows("epoch_ms(end_time)", "measurement_value::FLOAT")).pl()
    frame.with_columns(pl.col("dc").cast(pl.Categorical)).write_parquet(
        directory / "data-2023-02-27.parquet", row_group_size=100
    )


def with_pyarrow(db: duckdb.DuckDBPyConnection, directory: Path) -> None:
    local = "strftime(end_time AT TIME ZONE 'UTC' + INTERVAL 2 HOUR, '%Y-%m-%dT%H:%M:%S+02:00')"
    table = db.sql(rows(local, "measurement_value::DECIMAL(12, 2)")).to_arrow_table()
    pq.write_table(table, directory / "data-2023-02-27.parquet")


def ipc(db: duckdb.DuckDBPyConnection, directory: Path) -> None:
    frame = db.sql(rows("end_time")).pl()
    frame = frame.with_columns(pl.col("ts_end").dt.convert_time_zone("UTC"))
    frame.write_ipc(directory / "data-2023-02-27.arrow", compression="zstd")


def ndjson(db: duckdb.DuckDBPyConnection, directory: Path) -> None:
    db.sql(rows("epoch(end_time)::BIGINT")).pl().write_ndjson(directory / "data-2023-02-27.jsonl")


FORMS: dict[str, tuple[str, Write]] = {
    "semicolons": (
        TEXT.format(form="iso", number=""),
        copy(rows(), "data-2023-02-27.csv", "header, delimiter ';'"),
    ),
    "offsets": (
        TEXT.format(form="local", number="decimal"),
        copy(rows("end_time", "measurement_value::DECIMAL(9, 3)"), "data-2023-02-27.csv", "header"),
    ),
    "gzip": (
        TEXT.format(form="us", number="double"),
        copy(rows("epoch_us(end_time)"), "data-2023-02-27.csv.gz", "header, compression gzip"),
    ),
    "members": (TEXT.format(form="iso", number=""), members),
    "parts": (TEXT.format(form="iso", number=""), parts),
    "hive": (TEXT.format(form="iso", number=""), hive),
    "wide": (WIDE, pivoted),
    "json": (
        TEXT.format(form="ns", number=""),
        copy(rows("epoch_ns(end_time)"), "data-2023-02-27.jsonl.gz", "format json, compression gzip"),
    ),
    "ndjson": (TEXT.format(form="s", number=""), ndjson),
    "duckdb": (
        TEXT.format(form="utc", number="decimal"),
        copy(
            rows("end_time", "measurement_value::DECIMAL(12, 3)"),
            "data-2023-02-27.parquet",
            "format parquet",
        ),
    ),
    "polars": (TEXT.format(form="ms", number="float"), with_polars),
    "pyarrow": (TEXT.format(form="local", number="decimal"), with_pyarrow),
    "ipc": (TEXT.format(form="iso", number=""), ipc),
}  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pa.Table]:
    """Return a dataset of tables with further columns, and its readings."""
    directory = inventory(tmp_path_factory.mktemp("agreed") / "power", 6)
    make(directory, "--format", "parquet")
    path = directory / "data-2023-02-27.parquet"
    table = pq.read_table(path)
    path.unlink()
    (directory / "manifest.json").unlink()
    file = directory / "inventory.csv"
    header, *lines = file.read_text().splitlines()
    racks = [f"rack {number // 2}" for number in range(6)]
    lines = [f"{line},{rack}" for line, rack in zip(lines, racks, strict=True)]
    file.write_text("\n".join([f"{header},rack", *lines, ""]))
    (directory / "measurements.csv").write_text(
        "name,unit,scale,decimals,tariff\n"
        "server cpu utilization,%,100,2,none\nserver power,W,300,2,day\n"
    )
    rack = dict(zip((line.split(",")[0] for line in lines), racks, strict=True))
    tariff = {"server cpu utilization": "none", "server power": "day"}
    table = table.append_column("rack", pa.array([rack[sn] for sn in table["sn"].to_pylist()]))
    tariffs = pa.array([tariff[name] for name in table["name"].to_pylist()])
    return directory, table.append_column("tariff", tariffs)


@pytest.fixture
def directory(tmp_path: Path, whole: tuple[Path, pa.Table]) -> Path:
    return shutil.copytree(whole[0], tmp_path / "power")


def write(
    directory: Path, table: pa.Table, form: str, damage: str = "FROM r ORDER BY random()"
) -> None:
    columns, writer = FORMS[form]
    (directory / "columns.csv").write_text(columns)
    with duckdb.connect() as db:
        db.sql("SET TimeZone = 'UTC'")
        db.register("whole", table)
        db.sql("CREATE TABLE r AS SELECT *, row_number() OVER () AS row FROM whole")
        db.sql(f"CREATE OR REPLACE TABLE r AS {damage}")
        writer(db, directory)


@pytest.mark.parametrize("form", FORMS)
def test_an_agreed_form_is_accepted(
    directory: Path, whole: tuple[Path, pa.Table], form: str
) -> None:
    write(directory, whole[1], form)
    checks = list(check_contract(directory))
    assert not [each for each in checks if not each.passed]
    assert {each.count for each in checks if each.what == "doubled"} == {288}
    (said,) = {each.detail for each in checks if each.what == "span"}
    assert said.startswith("2023-02-27 00:00:00Z to 2023-02-28 00:00:00Z, every 3600 s")


DAMAGES = {
    "missing": "FROM r WHERE row != 100",
    "doubled": "FROM r UNION ALL FROM r WHERE row = 100",
    "values": "SELECT * REPLACE (if(row = 100, -7, measurement_value) AS measurement_value) FROM r",
    "decimals": "SELECT * REPLACE (if(row = 100, 7.125, measurement_value) AS measurement_value) FROM r",
    "times": "SELECT * REPLACE (if(row = 100, end_time + INTERVAL 9 DAY, end_time) AS end_time, "
    "if(row = 100, start_time + INTERVAL 9 DAY, start_time) AS start_time) FROM r",
    "servers": "SELECT * REPLACE (if(row = 100, 'rack 9', rack) AS rack) FROM r",
    "measurements": "SELECT * REPLACE (if(row = 100, 'night', tariff) AS tariff) FROM r",
}  # fmt: skip
FOUND = {
    "missing": {"missing": "1 missing: "},
    "doubled": {"doubled": "1 doubled: "},
    "values": {"values": " -7.0"},
    "decimals": {"values": " 7.125 has more decimals than the table"},
    "times": {"times": "2023-03-08 0", "missing": " missing: "},
    "servers": {"servers": "rack rack 9 is not the server's"},
    "measurements": {"measurements": "tariff night is not the measurement's"},
}


# Each damage to the first form, and two to each other one.
PAIRS = [("semicolons", damage) for damage in DAMAGES] + [
    (form, list(DAMAGES)[(2 * number + more) % len(DAMAGES)])
    for number, form in enumerate(FORMS)
    if form not in ("semicolons", "wide", "hive")
    for more in range(2)
]


@pytest.mark.parametrize(("form", "damage"), PAIRS)
def test_damage_is_found(
    directory: Path, whole: tuple[Path, pa.Table], form: str, damage: str
) -> None:
    write(directory, whole[1], form, DAMAGES[damage])
    found = check(directory)
    assert found.keys() == FOUND[damage].keys()
    for rule, said in FOUND[damage].items():
        assert said in found[rule]


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("missing", {"values": "1 wrong: data-2023-02-27.csv row "}),
        ("values", {"values": ", power -7.0"}),
        ("times", {"values": " None", "times": "start_time 2023-03-08 0"}),
        ("SELECT * FROM r WHERE row NOT IN (99, 100)", {"missing": "2 missing: "}),
        ("SELECT * REPLACE ('rack 9' AS rack) FROM r", {"servers": "144 wrong: "}),
    ],
)
def test_damage_to_wide_rows_is_found(
    directory: Path, whole: tuple[Path, pa.Table], damage: str, expected: dict[str, str]
) -> None:
    write(directory, whole[1], "wide", DAMAGES.get(damage, damage))
    found = check(directory)
    assert found.keys() == expected.keys()
    for rule, said in expected.items():
        assert said in found[rule]


@pytest.mark.parametrize("damage", ["missing", "doubled", "servers"])
def test_damage_in_folders_is_found(
    directory: Path, whole: tuple[Path, pa.Table], damage: str
) -> None:
    write(directory, whole[1], "hive", DAMAGES[damage])
    found = check(directory)
    assert found.keys() == {damage}
    if damage != "missing":
        assert (
            f"{damage.replace('servers', 'wrong')}: data-hive/dt=2023-02-27/hour=" in found[damage]
        )


@pytest.mark.parametrize("format", ["csv", "parquet", "json"])
def test_what_folders_say_need_not_be_in_the_files(
    directory: Path, whole: tuple[Path, pa.Table], format: str
) -> None:
    write(directory, whole[1], "semicolons")
    (directory / "data-2023-02-27.csv").unlink()
    folder = directory / "data-2023-02-27"
    ending = "jsonl" if format == "json" else format
    with duckdb.connect() as db:
        db.register("r", whole[1])
        time = "end_time" if format == "parquet" else ISO
        options = f"FORMAT {format}, PARTITION_BY (dc, tariff), FILE_EXTENSION '{ending}'"
        db.sql(f"COPY ({rows(time)}) TO '{folder}' ({options})")
    (directory / "data-2023-02-27").rename(directory / "data-all")
    assert check(directory) == {}
    (site, *_) = (directory / "data-all").glob("dc=*")
    site.rename(site.with_name("dc=US-XX-99"))
    assert check(directory).keys() == {"servers"}
    assert "dc US-XX-99 is not the server's" in check(directory)["servers"]


def test_a_wrong_constant_is_found(directory: Path, whole: tuple[Path, pa.Table]) -> None:
    write(directory, whole[1], "semicolons")
    path = directory / "data-2023-02-27.csv"
    path.write_text(path.read_text().replace(";a b\n", ";another\n", 1))
    assert check(directory) == {
        "constants": "1 wrong: data-2023-02-27.csv row 1, source another is not a b"
    }
    path.write_text(path.read_text().replace("serial;", "serial,", 1))
    assert "not serial, ts_end, metric" in check(directory)["columns"]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        (
            "t,end_time\nv,measurement_value\nn,name\nrack,rack\n",
            "which server a row is of; add sn",
        ),
        ("s,sn\nt,end_time\nv,measurement_value\n", "which measurement a row is of; add name"),
        ("s,sn\nv,measurement_value\nn,name\n", "no column has a time; add start_time or end_time"),
        ("s,sn\nt,end_time\nv,measurement_value\nn,name\nr,colour\n", "colour"),
        ("s,sn\nt,end_time\nv,value:noise\n", "noise"),
        ("s,sn\nt,end_time\n", "measurement_value"),
    ],
)
def test_what_is_missing_of_the_columns_is_said(directory: Path, columns: str, said: str) -> None:
    (directory / "columns.csv").write_text(f"column,source\n{columns}")
    (failed,) = (each for each in check_contract(directory) if not each.passed)
    assert (failed.file, failed.what) == ("columns.csv", "columns")
    assert said in failed.detail


def test_a_unique_column_says_which_server(directory: Path, whole: tuple[Path, pa.Table]) -> None:
    """And a unit which measurement, where units differ."""
    file = directory / "inventory.csv"
    header, *lines = file.read_text().splitlines()
    file.write_text("\n".join([f"{header},tag", *(f"{line},T{line[:10]}" for line in lines), ""]))
    (directory / "columns.csv").write_text(
        "column,source,format\ntag,tag,\nunit,unit,\nat,start_time,s\nuntil,end_time,ms\n"
        "also,end_time,utc\nv,measurement_value,\n"
    )
    with duckdb.connect() as db:
        db.sql("SET TimeZone = 'UTC'")
        db.register("r", whole[1])
        text = "strftime(end_time AT TIME ZONE 'UTC', '%Y-%m-%d %H:%M:%SZ')"
        query = f"SELECT 'T' || sn AS tag, unit, epoch(start_time)::BIGINT AS at, epoch_ms(end_time) AS until, {text} AS also, measurement_value AS v FROM r"
        path = directory / "data-2023-02-27.csv"
        db.sql(f"COPY ({query}) TO '{path}' (header, delimiter '|')")
    assert check(directory) == {}
    lines = path.read_text().splitlines(keepends=True)
    lines[4] = lines[4].replace("01:00:00Z", "02:00:00Z")
    path.write_text("".join(lines))
    assert check(directory) == {
        "times": "1 wrong: data-2023-02-27.csv row 4, also 2023-02-27 02:00:00Z, but until 2023-02-27 01:00:00Z"
    }
    lines[4] = lines[4].replace("02:00:00Z", "01:00:00Z").replace("T", "U", 1)
    path.write_text("".join(lines))
    assert check(directory).keys() == {"servers", "missing"}


@pytest.mark.parametrize("ending", ["gz", "zst"])
def test_a_compressed_file_that_is_cut_is_not_checked(
    directory: Path, whole: tuple[Path, pa.Table], ending: str
) -> None:
    columns = TEXT.format(form="iso", number="")
    (directory / "columns.csv").write_text(columns)
    write(directory, whole[1], "members")
    path = directory / "data-2023-02-27.csv.gz"
    if ending == "zst":
        data = gzip.decompress(path.read_bytes())
        path.unlink()
        path = directory / "data-2023-02-27.csv.zst"
        path.write_bytes(
            pa.compress(data, "zstd", asbytes=True) + pa.compress(b"", "zstd", asbytes=True)
        )
        assert check(directory) == {}
    path.write_bytes(path.read_bytes()[:-20])
    checks = [each for each in check_contract(directory) if not each.passed]
    assert "Truncated compressed stream" in checks[0].detail
    assert not any(each.checked for each in checks if each.what in ("columns", "missing"))


@pytest.mark.parametrize("form", ["pyarrow", "ipc", "ndjson", "semicolons"])
def test_what_holds_no_row_is_passed_over(
    directory: Path, whole: tuple[Path, pa.Table], form: str
) -> None:
    """A group of rows that has none, a record batch, lines that are empty."""
    write(directory, whole[1], form)
    (path,) = directory.glob("data-*")
    if form == "pyarrow":
        table = pq.read_table(path)
        with pq.ParquetWriter(path, table.schema) as parquet:
            for part in (table.slice(0, 0), table, table.slice(0, 0)):
                parquet.write_table(part)
    elif form == "ipc":
        table = pa.ipc.open_file(path.read_bytes()).read_all()
        with pa.ipc.new_file(path, table.schema) as arrow:
            for part in (table.slice(0, 0), table, table.slice(0, 0)):
                arrow.write_table(part)
            arrow.write_batch(table.to_batches()[0].slice(0, 0))
    else:
        path.write_bytes(path.read_bytes() + b"\n" * 2**23)
    assert check(directory) == {}


def test_a_type_that_was_not_agreed_on_is_wrong(
    directory: Path, whole: tuple[Path, pa.Table]
) -> None:
    write(directory, whole[1], "polars")
    path = directory / "data-2023-02-27.parquet"
    table = pq.read_table(path)
    for name, kind, said in (
        ("value", pa.float64(), "value is of type double, not float"),
        ("ts_end", pa.float64(), "ts_end is of type double, not int64"),
        ("rack", pa.binary(), "rack is of type binary, not string"),
    ):
        at = table.column_names.index(name)
        pq.write_table(table.set_column(at, name, table[name].cast(kind)), path)
        assert check(directory)["columns"] == said


def test_what_we_write_in_agreed_columns_is_accepted(
    directory: Path, whole: tuple[Path, pa.Table]
) -> None:
    (directory / "columns.csv").write_text(TEXT.format(form="local", number="integer"))
    table = "name,unit,scale,decimals,tariff\nserver power,W,300,0,day\nserver cpu utilization,%,100,0,none\n"
    (directory / "measurements.csv").write_text(table)
    make(directory, "--fuzz", "60", "--signal", "triangular")
    for format in ("jsonl", "parquet", "arrow"):
        make(directory, "--fuzz", "60", "--signal", "triangular", "--format", format)
    checks = list(check_contract(directory))
    assert not [each for each in checks if not each.passed]
    assert sum(each.what.startswith("same as") for each in checks) == 6
