"""Parts of files: one after the other they are the file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import contents, names, ok

from synthpower.cli.main import main

DATE = ("--date", "2023-02-27")
FORMATS = ("csv", "parquet")


@pytest.fixture
def directory(command, tmp_path: Path) -> Path:
    made = tmp_path / "power"
    ok(command("inventory", "--directory", made, "--count", "3", "--seed", "5"))
    return made


def data(command, directory: Path, *options: object) -> subprocess.CompletedProcess[str]:
    return command("data", "--directory", directory, *DATE, *options)


def parts(directory: Path, number: int, *options: str) -> list[Path]:
    """Make all parts of a file, and return them in order."""
    for i in range(1, number + 1):
        shard = ("--shard", f"{i}/{number}", *options, "--quiet")
        assert main(["data", "--directory", str(directory), *DATE, *shard]) == 0
    return sorted(directory.glob(f"data-2023-02-27-*-of-{number:05}.*"))


# 24 steps of 3 servers, or 2 of 3: parts that end within a step, and of no step at all.
@pytest.mark.parametrize(
    ("number", "options"),
    [(1, []), (2, []), (7, ["--fuzz", "60"]), (10, ["--interval", "43200"]), (5, ["--end"])],
)
def test_parts_of_csv_without_their_headers_are_the_file(
    command, directory: Path, number: int, options: list[str]
) -> None:
    ok(data(command, directory, *options, "--output", directory.parent / "whole.csv"))
    made = parts(directory, number, *options)
    lines = [path.read_bytes().partition(b"\n") for path in made] if number > 1 else []
    if number == 1:  # one of one is the file itself, by its usual name
        whole = directory / "data-2023-02-27.csv"
        assert whole.read_bytes() == (directory.parent / "whole.csv").read_bytes()
        return
    assert [path.name for path in made] == [
        f"data-2023-02-27-{i:05}-of-{number:05}.csv" for i in range(1, number + 1)
    ]
    assert len({header for header, _, _ in lines}) == 1
    joined = lines[0][0] + b"\n" + b"".join(rest for _, _, rest in lines)
    assert joined == (directory.parent / "whole.csv").read_bytes()


@pytest.mark.parametrize(("number", "options"), [(2, []), (7, ["--fuzz", "60"])])
def test_rows_of_parts_of_parquet_are_the_files(
    command, directory: Path, number: int, options: list[str]
) -> None:
    options = [*options, "--format", "parquet"]
    ok(data(command, directory, *options))
    made = parts(directory, number, *options)
    assert len(made) == number
    whole = pq.read_table(directory / "data-2023-02-27.parquet")
    joined = pa.concat_tables(map(pq.read_table, made))
    assert joined.num_rows == whole.num_rows
    assert joined.to_pylist() == whole.to_pylist()


@pytest.mark.parametrize("format", FORMATS)
def test_a_part_is_already_complete(command, directory: Path, format: str) -> None:
    arguments = ("--shard", "2/3", "--format", format)
    ok(data(command, directory, *arguments))
    before = contents(directory)
    said = ok(data(command, directory, *arguments)).stderr
    assert said == f"data-2023-02-27-00002-of-00003.{format}  already complete\n"
    assert contents(directory) == before


@pytest.mark.parametrize("format", FORMATS)
def test_parts_are_verified(command, directory: Path, format: str) -> None:
    made = parts(directory, 3, "--format", format)
    done = ok(command("verify", directory))
    assert all(path.name in done.stdout for path in made)
    assert "  0 wrong  " in done.stderr


def test_a_changed_value_in_a_part_is_found_by_row_and_column(command, directory: Path) -> None:
    path = parts(directory, 3)[1]
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:4], lines[4].replace(".", ".0", 1), *lines[5:]]))
    done = command("verify", directory)
    assert done.returncode == 1
    assert "row 4, measurement_value" in done.stdout


@pytest.mark.parametrize("format", FORMATS)
def test_a_part_is_made_again(command, directory: Path, format: str) -> None:
    made = parts(directory, 3, "--format", format)
    before = contents(directory)
    made[1].unlink()
    ok(command("remake", directory))
    assert contents(directory) == before


def test_days_are_sharded_each(command, directory: Path) -> None:
    ok(data(command, directory, "--days", "2", "--shard", "1/2"))
    assert [n for n in names(directory) if n.startswith("data-")] == [
        f"data-2023-02-{day}-00001-of-00002.csv" for day in (27, 28)
    ]


# 2 steps of 3 servers: the first of 10 parts holds none of them.
EMPTY = ("--interval", "43200", "--shard", "1/10")


def test_a_part_of_no_rows_is_a_header_of_csv(command, directory: Path) -> None:
    ok(data(command, directory, *EMPTY))
    text = (directory / "data-2023-02-27-00001-of-00010.csv").read_text()
    assert text == (
        "sn,model,product_id,location,start_time,end_time,measurement_value,unit,name\n"
    )


@pytest.mark.parametrize("writer", ["fast", "pyarrow"])
def test_a_part_of_no_rows_is_an_empty_table_of_parquet(
    command, directory: Path, writer: str
) -> None:
    ok(data(command, directory, *EMPTY, "--format", "parquet", "--writer", writer))
    table = pq.read_table(directory / "data-2023-02-27-00001-of-00010.parquet")
    assert table.num_rows == 0
    ok(data(command, directory, "--interval", "43200", "--format", "parquet"))
    whole = pq.read_schema(directory / "data-2023-02-27.parquet")
    assert table.schema.equals(whole)


@pytest.mark.parametrize("format", FORMATS)
def test_parts_of_no_rows_are_right(command, directory: Path, format: str) -> None:
    parts(directory, 10, "--interval", "43200", "--format", format)
    done = ok(command("verify", directory))
    assert "  0 wrong  " in done.stderr


@pytest.mark.parametrize("format", FORMATS)
def test_a_part_of_no_rows_is_complete_and_made_again(
    command, directory: Path, format: str
) -> None:
    ok(data(command, directory, *EMPTY, "--format", format))
    before = contents(directory)
    assert "already complete" in ok(data(command, directory, *EMPTY, "--format", format)).stderr
    (directory / f"data-2023-02-27-00001-of-00010.{format}").unlink()
    ok(command("remake", directory))
    assert contents(directory) == before


@pytest.mark.parametrize(
    "value", ["0/3", "4/3", "3", "1/0", "a/b", "-1/3", "1/3/5", "1.5/3", "", "1/100000"]
)
def test_a_wrong_shard_is_one_line(command, directory: Path, value: str) -> None:
    before = contents(directory)
    done = data(command, directory, f"--shard={value}")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "argument --shard: " in line
    assert "write I/N" in line
    assert line.endswith("; see 'synthpower data --help'")
    assert contents(directory) == before
