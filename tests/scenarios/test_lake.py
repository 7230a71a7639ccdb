"""``--table``: files that are a Delta or an Iceberg table, read back by others."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyiceberg.table import StaticTable
from s3_server import S3Server
from support import CPU, POWER, contents

from synthpower import Column, Dataset, InputError, Inventory, Request
from synthpower.cli import main as cli
from synthpower.dataset.lake import LAKES
from synthpower.model.columns import field_of

DATE = "2023-02-27"
POLARS = tuple(map(int, pl.__version__.split(".")[:2]))
KINDS = list(LAKES)
pytestmark = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def _planned_by_pyiceberg(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Polars 2 not warn that there is a faster planner of Iceberg scans."""
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    directory = tmp_path / "power"
    Dataset.create(directory, Inventory.generate(20, seed=1))
    return directory


def data(directory: Path, kind: str, *options: object, date: str = DATE) -> int:
    given = ["data", "--directory", directory, "--date", date, "--table", kind, *options]
    return cli.main([str(each) for each in given])


def newest(folder: Path) -> str:
    """Return the newest version of an Iceberg table."""
    hint = (folder / "metadata" / "version-hint.text").read_text()
    assert int(hint) == commits(folder, "iceberg")
    return str(folder / "metadata" / f"v{hint}.metadata.json")


def iceberg(folder: Path) -> StaticTable:
    return StaticTable.from_metadata(newest(folder))


def read(folder: Path, kind: str) -> pa.Table:
    """Return all rows of a table, by its own library."""
    if kind == "delta":
        return DeltaTable(folder).to_pyarrow_dataset().to_table()
    return iceberg(folder).scan().to_arrow()


def commits(folder: Path, kind: str) -> int:
    return len([*folder.glob({"delta": "_delta_log/*.json", "iceberg": "metadata/v*.json"}[kind])])


def listed(folder: Path, kind: str) -> list[str]:
    """Return the files of a table, below its folder."""
    if kind == "delta":
        uris = DeltaTable(folder).file_uris()
    else:
        tasks = iceberg(folder).scan().plan_files()
        uris = [task.file.file_path for task in tasks]
    return sorted(uri.rpartition(f"{folder}/")[2] for uri in uris)


def sums(table: pa.Table) -> dict[str, tuple[int, Decimal]]:
    """Return the rows and the exact sum of each measurement, of hundredths."""
    frame = pl.DataFrame(table).with_columns(pl.col("name").cast(pl.String))
    hundredths = (pl.col("measurement_value") * 100).round().cast(pl.Int64)
    grouped = frame.group_by("name").agg(pl.len(), hundredths.sum().alias("sum"))
    return {name: (rows, Decimal(sum) / 100) for name, rows, sum in grouped.rows()}


def of_totals(directory: Path) -> dict[str, tuple[int, Decimal]]:
    found = {each.name: each.total for each in Dataset.open(directory).totals()}
    return {name: (t.count, Decimal(t.text(t.sum) or 0)) for name, t in found.items()}


# --- what others read ------------------------------------------------------------------


def scan(folder: Path, kind: str) -> pl.LazyFrame:
    """Return a table as Polars scans it, or what is next to it where it is too old to."""
    if kind == "iceberg":
        return pl.scan_iceberg(newest(folder))
    if POLARS < (1, 33):  # which know only deltalake 0.x
        return pl.scan_pyarrow_dataset(DeltaTable(folder).to_pyarrow_dataset())
    return pl.scan_delta(str(folder))


def readers(folder: Path, kind: str) -> Iterator[tuple[str, pa.Table]]:
    """Yield the rows of a table as each reader has them."""
    yield "own", read(folder, kind)
    if kind == "delta":
        yield "polars", scan(folder, kind).collect().to_arrow()
        readings = DeltaTable(folder).to_pyarrow_dataset()
        # DuckDB's own extensions for both come from its server; this is what it can do without.
        yield "duckdb", duckdb.from_arrow(readings).to_arrow_table()
    else:
        yield "polars", scan(folder, kind).collect().to_arrow()
        readings = iceberg(folder).scan().to_arrow_batch_reader()
        yield "duckdb", duckdb.from_arrow(readings).to_arrow_table()


def test_others_read_all_rows_and_exact_sums(directory: Path, kind: str) -> None:
    assert data(directory, kind, "--days", 3, "--interval", 900) == 0
    assert data(directory, kind, "--days", 2, "--interval", 900, date="2023-03-02") == 0
    folder, expected = directory / "readings", of_totals(directory)
    assert expected[POWER.name][0] == 5 * 96 * 20
    assert {who: sums(table) for who, table in readers(folder, kind)} == dict.fromkeys(
        ("own", "polars", "duckdb"), expected
    )


def test_a_filter_skips_files_and_finds_all_rows(directory: Path, kind: str) -> None:
    assert data(directory, kind, "--days", 3, "--fuzz", 100) == 0
    folder = directory / "readings"
    day = "end_time >= '2023-02-28T00:00:00+00:00' and end_time < '2023-03-01T00:00:00+00:00'"
    found = scan(folder, kind)
    if kind == "iceberg":
        assert (
            len([*iceberg(folder).scan(row_filter=day).plan_files()]) == 2
        )  # the last samples of a day may be late
    start = pl.lit("2023-02-28").str.to_datetime(time_zone="UTC")
    rows = found.filter(pl.col("end_time") >= start, pl.col("end_time") < start.dt.offset_by("1d"))
    whole = pl.DataFrame(read(folder, kind))
    assert (
        0
        < rows.collect().height
        == whole.filter(
            pl.col("end_time") >= start, pl.col("end_time") < start.dt.offset_by("1d")
        ).height
    )


def test_other_columns_are_read(directory: Path, kind: str) -> None:
    named = [
        ("at", "end_time", "utc"), ("watts", f"value:{POWER.name}", "decimal"),
        ("cpu", f"value:{CPU.name}", "float"), ("ms", "start_time", "ms"), ("here", "end_time", "local"),
    ]  # fmt: skip
    columns = tuple(Column(name, field_of(source), format) for name, source, format in named)
    dataset = Dataset.open(directory)
    dataset.write(dataset.plan(Request(DATE, columns=columns, table=kind, seed=1)))
    (total,) = (each.total for each in dataset.totals() if each.name == POWER.name)
    for who, table in readers(directory / "readings", kind):
        assert table.num_rows == 480, who
        assert str(pc.sum(table["watts"]).as_py()) == total.text(total.sum), who


def test_names_of_any_kind_are_found_again(directory: Path, kind: str) -> None:
    # Polars does not find a Delta table whose own folder has a blank in its name.
    path = "my-table/dt={date}/100% Köln+{name}/a&b=c"
    assert data(directory, kind, "--days", 2, "--path", path) == 0
    assert data(directory, kind, "--days", 3, "--path", path) == 0
    folder = directory / "my-table"
    assert commits(folder, kind) == 2
    for who, table in readers(folder, kind):
        assert sums(table) == of_totals(directory), who


# --- runs ------------------------------------------------------------------------------


def test_a_run_is_one_commit_and_the_same_again_is_none(directory: Path, kind: str) -> None:
    folder = directory / "readings"
    assert data(directory, kind, "--days", 3) == 0
    assert data(directory, kind, "--days", 3) == 0
    assert commits(folder, kind) == 1
    assert data(directory, kind, "--days", 4) == 0
    assert commits(folder, kind) == 2
    days = ("2023-02-27", "2023-02-28", "2023-03-01", "2023-03-02")
    assert listed(folder, kind) == [f"data-{day}.parquet" for day in days]


def test_files_that_a_killed_run_left_are_added_by_the_next(directory: Path, kind: str) -> None:
    path = "readings/data-{date}"
    dataset = Dataset.open(directory)
    dataset.write(dataset.plan(Request(DATE, days=2, seed=1, format="parquet", path=path)))
    assert not {"_delta_log", "metadata"} & {
        each.name for each in (directory / "readings").iterdir()
    }
    assert data(directory, kind, "--days", 3) == 0
    assert commits(directory / "readings", kind) == 1
    assert sums(read(directory / "readings", kind)) == of_totals(directory)


def test_hours_and_shards_go_into_the_same_table(directory: Path, kind: str) -> None:
    assert data(directory, kind, "--shard", "1/2") == 0
    assert data(directory, kind, "--shard", "2/2") == 0
    assert data(directory, kind, date="2023-03-01T05") == 0
    dataset = Dataset.open(directory)
    dataset.write(dataset.plan(Request("2023-03-02", shards=2, table=kind)))
    assert listed(directory / "readings", kind) == [
        "data-2023-02-27-00001-of-00002.parquet",
        "data-2023-02-27-00002-of-00002.parquet",
        "data-2023-03-01T05.parquet",
        "data-2023-03-02-00001-of-00002.parquet",
        "data-2023-03-02-00002-of-00002.parquet",
    ]
    assert sums(read(directory / "readings", kind)) == of_totals(directory)


def test_a_file_that_is_written_over_is_in_the_table_once(directory: Path, kind: str) -> None:
    assert data(directory, kind, "--days", 3, "--seed", 1) == 0
    before = read(directory / "readings", kind)
    assert data(directory, kind, "--days", 2, "--seed", 2, "--interval", 900, "--overwrite") == 0
    assert len(listed(directory / "readings", kind)) == 3
    for who, table in readers(directory / "readings", kind):
        assert sums(table) == of_totals(directory) != sums(before), who


def test_a_run_that_was_killed_after_writing_over_is_finished(directory: Path, kind: str) -> None:
    assert data(directory, kind, "--seed", 1) == 0
    dataset = Dataset.open(directory)
    plain = Request(DATE, seed=2, format="parquet", path="readings/data-{date}", overwrite=True)
    dataset.write(dataset.plan(plain))  # the table does not know of it
    assert data(directory, kind, "--seed", 2) == 0
    assert commits(directory / "readings", kind) == 2
    assert sums(read(directory / "readings", kind)) == of_totals(directory)


def test_verify_remake_and_totals_work(
    directory: Path, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, kind, "--days", 2) == 0
    assert cli.main(["verify", str(directory)]) == 0
    log = {path: path.read_bytes() for path in directory.glob("readings/*/*")}
    lost = directory / "readings" / f"data-{DATE}.parquet"
    was = lost.read_bytes()
    lost.unlink()
    assert cli.main(["remake", str(directory)]) == 0
    assert lost.read_bytes() == was
    assert {path: path.read_bytes() for path in directory.glob("readings/*/*")} == log
    assert sums(read(directory / "readings", kind)) == of_totals(directory)
    again = (
        tmp_path / "again"
    )  # made elsewhere, the files are in no table until the command says so
    assert cli.main(["remake", str(directory), "--directory", str(again)]) == 0
    assert contents(again / "readings") == contents(directory / "readings")
    assert data(again, kind, "--days", 2) == 0
    assert sums(read(again / "readings", kind)) == of_totals(directory)


def test_events_lie_beside_and_are_in_no_table(directory: Path, kind: str, tmp_path: Path) -> None:
    faults = tmp_path / "faults.csv"
    faults.write_text("kind,share\noff,0.2\n")
    assert data(directory, kind, "--signal", "load", "--faults", faults, "--interval", 3600) == 0
    assert (directory / "readings" / f"_events-{DATE}.csv").exists()
    found = read(directory / "readings", kind)
    assert found["measurement_value"].null_count > 0
    assert sums(found.drop_null())[POWER.name] == of_totals(directory)[POWER.name]


def test_a_dry_run_says_so_and_makes_none(
    directory: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    title = LAKES[kind].title
    assert data(directory, kind, "--dry-run") == 0
    assert f"table  {directory}/readings, {title} to be made\n" in capsys.readouterr().out
    assert not (directory / "readings").exists()
    assert data(directory, kind) == 0
    assert f"{directory}/readings  1 file added to {title}\n" in capsys.readouterr().err
    assert data(directory, kind, "--dry-run") == 0
    assert capsys.readouterr().out == f"table  {directory}/readings, {title}\n"


def test_a_folder_that_moved_is_still_a_table_where_paths_are_relative(
    directory: Path, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, kind) == 0
    moved = directory.rename(tmp_path / "moved")
    capsys.readouterr()
    if kind == "delta":
        assert data(moved, kind, "--days", 2) == 0
        assert sums(read(moved / "readings", kind)) == of_totals(moved)
    else:
        assert data(moved, kind, "--days", 2) == 2
        assert "the paths in an Iceberg table are absolute" in capsys.readouterr().err
        shutil.rmtree(moved / "readings/metadata")
        assert data(moved, kind, "--days", 2) == 0
        assert sums(read(moved / "readings", kind)) == of_totals(moved)


@pytest.mark.slow
def test_runs_at_once_all_add_their_files(directory: Path, kind: str) -> None:
    days = [f"2023-03-0{day}" for day in range(1, 5)]
    words = ["-m", "synthpower", "data", "--directory", str(directory), "--table", kind, "--quiet"]
    runs = [subprocess.Popen([sys.executable, *words, "--date", day]) for day in days]
    assert [run.wait(60) for run in runs] == [0, 0, 0, 0]
    assert listed(directory / "readings", kind) == [f"data-{day}.parquet" for day in days]
    assert commits(directory / "readings", kind) == 4
    assert sums(read(directory / "readings", kind)) == of_totals(directory)


def test_a_log_that_cannot_be_written_is_one_line_and_the_files_stay(
    directory: Path,
    kind: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise {"delta": DeltaError("no room\nat all"), "iceberg": OSError(28, "No space left")}[
            kind
        ]

    where = {"delta": "create_table_with_add_actions", "iceberg": "_Versions.commit_table"}[kind]
    with monkeypatch.context() as broken:
        broken.setattr(f"synthpower.dataset.lake.{kind}.{where}", lambda *_, **__: fail())
        assert data(directory, kind, "--quiet") != 0
    (line,) = capsys.readouterr().err.splitlines()
    assert "no room\\nat all" in line or "No space left" in line
    assert data(directory, kind) == 0
    assert sums(read(directory / "readings", kind)) == of_totals(directory)


# --- what is refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--format", "csv"], "--format: csv: the files of a table are parquet"),
        (["--path", "data-{date}"], "--path: 'data-{date}': the files of a table are in one folder, with nothing else: begin it with readings/"),
        (["--path", "dt={date}/data"], "--path: 'dt={date}/data': the files of a table are in one folder, with nothing else: begin it with readings/"),
        (["--output", "x.parquet"], "--output: it names one file elsewhere; it does not go with a table"),
        (["--compression", "gzip"], "--compression: 'gzip'"),
    ],
)  # fmt: skip
def test_what_does_not_go_with_a_table(
    directory: Path, kind: str, options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, kind, *options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (directory / "readings").exists()


def test_other_columns_than_the_table_s_are_refused(
    directory: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data(directory, kind) == 0
    capsys.readouterr()
    assert data(directory, kind, "--end", date="2023-03-01") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "is a table of other columns: start_time timestamp, not none" in line
    assert not (directory / "readings/data-2023-03-01.parquet").exists()


def test_the_other_kind_of_table_needs_another_folder(
    directory: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (other,) = LAKES.keys() - {kind}
    assert data(directory, kind) == 0
    capsys.readouterr()
    assert data(directory, other) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"readings is {LAKES[kind].title}: choose another folder" in line
    assert data(directory, other, "--path", f"{other}/data-{{date}}") == 0


def test_a_log_that_is_none_is_one_line(
    directory: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log = directory / "readings" / LAKES[kind].log
    log.mkdir(parents=True)
    for name in ("00000000000000000000.json", "v1.metadata.json"):
        (log / name).write_text("{}")
    assert data(directory, kind) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{directory}/readings" in line


def test_a_store_without_directory_is_refused(kind: str) -> None:
    from memory_store import MemoryStore

    store = MemoryStore()
    for name, pieces in {"inventory.csv": Inventory.generate(3, seed=1).render()}.items():
        with store.create(name) as sink:
            for piece in pieces:
                sink.write(piece)
    with pytest.raises(
        InputError, match=r"such a table is made in a directory( or a bucket)? only"
    ):
        Dataset.open(store).plan(Request(DATE, table=kind))


def test_a_delta_table_is_made_in_a_bucket_too(s3: S3Server, kind: str) -> None:
    url = "s3://bucket/some/power"
    dataset = Dataset.create(url, Inventory.generate(5, seed=1))
    if kind == "iceberg":
        with pytest.raises(InputError, match="such a table is made in a directory only"):
            dataset.plan(Request(DATE, table=kind))
        return
    for days in (2, 2, 3, 4):
        dataset.write(dataset.plan(Request(DATE, days=days, seed=1, table=kind)))
    table = DeltaTable(f"{url}/readings")
    assert table.version() == 2
    found = {each.name: each.total for each in dataset.totals()}
    expected = {name: (t.count, Decimal(t.text(t.sum) or 0)) for name, t in found.items()}
    assert sums(table.to_pyarrow_dataset().to_table()) == expected
    with pytest.raises(InputError, match="readings is a Delta table: choose another folder"):
        dataset.plan(Request(DATE, table="iceberg"))


def test_a_missing_library_is_named(
    directory: Path, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(
        sys.modules, {"delta": "deltalake", "iceberg": "pyiceberg.catalog.noop"}[kind], None
    )
    monkeypatch.delitem(sys.modules, f"synthpower.dataset.lake.{kind}", raising=False)
    assert data(directory, kind) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"; pip install 'synthpower[{kind}]'" in line


def test_a_kind_that_there_is_not(directory: Path, kind: str) -> None:
    with pytest.raises(InputError, match="'hudi': choose delta or iceberg"):
        Dataset.open(directory).plan(Request(DATE, table="hudi"))
