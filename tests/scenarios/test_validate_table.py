"""What the contract says of other forms of the same readings: the table in `validate`, as data."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from foreign import END, START, VALUE, Rows, edit, inventory, make

from synthpower.dataset.validate import check_contract

ACCEPTED, NOTED, WRONG, UNCHECKED = "accepted", "with a note", "wrong", "not checked"
NAME = "data-2023-02-27"
US, NS = pa.timestamp("us", "UTC"), pa.timestamp("ns", "UTC")


def of_type(name: str, kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    """Return what changes the type of a Parquet column; of a time, both."""

    def change(table: pa.Table) -> pa.Table:
        for each in ("start_time", "end_time") if name == "times" else (name,):
            at = table.column_names.index(each)
            table = table.set_column(at, each, table[each].cast(kind, safe=False))
        return table

    return change


def later(amount: int, kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    """Return what moves the first end time by an amount of its unit."""

    def change(table: pa.Table) -> pa.Table:
        times = table["end_time"].cast(kind).combine_chunks()
        first = pa.scalar(times[0].value + amount, pa.int64()).cast(kind)
        return table.set_column(5, "end_time", pa.concat_arrays([pa.array([first]), times[1:]]))

    return change


def nulls(name: str) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        at, kind = table.column_names.index(name), table[name].type
        column = pa.concat_arrays([pa.nulls(1, kind), table[name].combine_chunks()[1:]])
        return table.set_column(at, name, column)

    return change


def scaled(table: pa.Table) -> pa.Table:
    return table.set_column(6, "measurement_value", pc.multiply(table["measurement_value"], 0.999))


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        (lambda table: table, ACCEPTED, ""),
        (lambda table: table.take(pa.array(range(959, -1, -1))), ACCEPTED, ""),
        (of_type("sn", pa.large_string()), NOTED, "sn is of type large_string, not string"),
        (of_type("sn", pa.string_view()), NOTED, "sn is of type string_view, not string"),
        (of_type("unit", pa.dictionary(pa.int32(), pa.string())), NOTED, "unit is of type dictionary"),
        (of_type("sn", pa.binary()), WRONG, "sn is of type binary, not string"),
        (of_type("times", pa.timestamp("s", "UTC")), NOTED, "start_time is of type timestamp[ms, tz=UTC]"),
        (of_type("times", pa.timestamp("ms", "UTC")), NOTED, "start_time is of type timestamp[ms, tz=UTC]"),
        (of_type("times", NS), NOTED, "end_time is of type timestamp[ns, tz=UTC]"),
        (of_type("times", pa.timestamp("us", "Europe/Berlin")), NOTED, "tz=Europe/Berlin"),
        (of_type("times", pa.timestamp("us")), WRONG, "start_time is of type timestamp[us], local times"),
        (of_type("times", pa.string()), WRONG, "start_time is of type string"),
        (of_type("times", pa.int64()), WRONG, "start_time is of type int64"),
        (of_type("end_time", pa.date32()), WRONG, "end_time is of type date32"),
        (of_type("measurement_value", pa.float32()), WRONG, "measurement_value is of type float, not double"),
        (of_type("measurement_value", pa.int64()), WRONG, "measurement_value is of type int64"),
        (of_type("measurement_value", pa.string()), WRONG, "measurement_value is of type string"),
        (of_type("measurement_value", pa.bool_()), WRONG, "measurement_value is of type bool"),
        (of_type("measurement_value", pa.decimal128(38, 2)), WRONG, "measurement_value is of type decimal"),
        (scaled, WRONG, "has more decimals than the table"),
        (nulls("end_time"), WRONG, "row 1, end_time None is no time in UTC"),
        (nulls("sn"), WRONG, "row 1, sn None is not in the inventory"),
        (nulls("measurement_value"), WRONG, "row 1, measurement_value None"),
        (nulls("name"), WRONG, "row 1, name None is not in the measurement table"),
        (nulls("unit"), WRONG, "row 1, unit None is not the measurement's"),
        (later(1, NS), WRONG, "end_time 2023-02-27 01:00:00.000000001Z is not a whole second"),
        (later(500, pa.timestamp("ms", "UTC")), WRONG, "end_time 2023-02-27 01:00:00.5Z is not a whole"),
        (later(2**42 * 10**6, US), WRONG, "2023-02-27 00:00:00Z to 141391-09-14 03:25:04Z"),
        (later(-(2**42) * 10**6, US), WRONG, "2023-02-27 00:00:00Z to -137346-08-11 22:34:56Z"),
        (lambda table: table.select(table.column_names[::-1]), WRONG, "not sn, model"),
        (lambda table: table.append_column("more", table["sn"]), WRONG, "more; not sn, model"),
        (lambda table: table.drop_columns(["unit"]), WRONG, "not sn, model"),
        (lambda table: table.rename_columns(["sn"] * 9), WRONG, "sn, sn"),
        (lambda table: table.slice(0, 0), WRONG, "there is no reading at all"),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_parquet(
    tmp_path: Path, change: Callable[[pa.Table], pa.Table], verdict: str, said: str
) -> None:
    directory = inventory(tmp_path / "power")
    make(directory, "--format", "parquet")
    path = directory / f"{NAME}.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    judge(directory, verdict, said)


def times(change: Callable[[str], str]) -> Callable[[Rows], None]:
    def changed(rows: Rows) -> None:
        for row in rows:
            row[START], row[END] = change(row[START]), change(row[END])

    return changed


def offset(text: str) -> str:
    """Return a time with its distance from UTC."""
    return f"{text[:-1]}+00:00"


def values(change: Callable[[str], str]) -> Callable[[Rows], None]:
    def changed(rows: Rows) -> None:
        for row in rows:
            row[VALUE] = change(row[VALUE])

    return changed


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        (lambda rows: rows[::-1], ACCEPTED, ""),
        (values(lambda text: str(float(text))), ACCEPTED, ""),
        (values(lambda text: f"{text}0"), ACCEPTED, ""),
        (values(lambda text: f"{text}{'0' * 20}"), ACCEPTED, ""),
        (values(lambda text: f"{float(text):e}"), ACCEPTED, ""),
        (values(lambda text: f" {text}"), ACCEPTED, ""),
        (times(lambda text: text.replace(" ", "T")), NOTED, "times in another form"),
        (times(offset), NOTED, "times in another form"),
        (times(lambda text: f"{text[:-1]}.000Z"), NOTED, "times in another form"),
        (times(lambda text: f"{text[:-1]}.000000000Z"), NOTED, "times in another form"),
        (times(lambda text: f"{text[:-1]}+00"), NOTED, "times in another form"),
        (times(lambda text: text[:-1]), WRONG, "start_time 2023-02-27 00:00:00 is no time in UTC"),
        (times(lambda text: text[:10]), WRONG, "start_time 2023-02-27 is no time in UTC"),
        (times(lambda text: f"{text[:-1]}.250Z"), WRONG, "00:00:00.250Z is not a whole second"),
        (values(lambda text: "true"), WRONG, "measurement_value true"),
        (values(lambda text: f"{text} W"), WRONG, " W"),
        (values(lambda text: f"\x1b[31m{text}"), WRONG, r"measurement_value \x1b[31m"),
        (values(lambda text: f"{text}1"), WRONG, "has more decimals than the table"),
        (values(lambda text: f"-{text}"), WRONG, "measurement_value -"),
        (lambda rows: [row[::-1] for row in rows], WRONG, "is not in the inventory"),
    ],
)
def test_csv(
    tmp_path: Path, change: Callable[[Rows], Rows | None], verdict: str, said: str
) -> None:
    directory = inventory(tmp_path / "power")
    path = make(directory)
    edit(path, change)
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
    judge(directory, verdict, said)


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        (lambda data: b"\xef\xbb\xbf" + data, NOTED, "it begins with a byte order mark"),
        (lambda data: data.replace(b"\n", b"\r\n"), NOTED, r"its lines end with \r\n, not \n"),
        (lambda data: data + b"\n\n", ACCEPTED, ""),
        (lambda data: b'"' + data.replace(b",", b'","').replace(b"\n", b'"\n"')[:-1], ACCEPTED, ""),
        (lambda data: data[: data.index(b"\n") + 1], WRONG, "there is no reading at all"),
        (lambda data: b"", WRONG, "the file is empty"),
        (lambda data: data.replace(b"sn,", b"sn;", 1), WRONG, "not sn, model"),
        (lambda data: data[:-20], UNCHECKED, "CSV parse error: Expected 9 columns, got"),
        (lambda data: data.replace(b"server", b"\xff\xff", 1), UNCHECKED, "invalid UTF8"),
        (gzip.compress, WRONG, "no CSV file: its first line is no text"),
        (lambda data: bytes(range(256)) * 9, WRONG, "no CSV file: its first line is no text"),
        (lambda data: b"x" * 2**17, WRONG, "no CSV file"),
    ],
)
def test_the_bytes_of_csv(
    tmp_path: Path, change: Callable[[bytes], bytes], verdict: str, said: str
) -> None:
    directory = inventory(tmp_path / "power")
    path = make(directory)
    path.write_bytes(change(path.read_bytes()))
    judge(directory, verdict, said)


@pytest.mark.parametrize("name", ["_SUCCESS", "data-2023-02-27.csv.crc", ".data-2023-02-27.csv"])
def test_what_frameworks_leave_is_passed_over(tmp_path: Path, name: str) -> None:
    directory = inventory(tmp_path / "power")
    readme = directory / "README.md"
    readme.write_text(readme.read_text().replace("data: data-*", "data: *"))
    make(directory)
    (directory / name).write_bytes(b"\0")
    names = {check.file for check in check_contract(directory) if check.what == "columns"}
    assert names == {f"{NAME}.csv"}


def test_a_folder_without_files_is_not_checked(tmp_path: Path) -> None:
    directory = inventory(tmp_path / "power")
    make(directory)
    (directory / "data-2023-02-28.parquet").mkdir()
    judge(directory, UNCHECKED, "a folder without files")


@pytest.mark.parametrize("kind", ["pipe", "link to nothing"])
def test_what_is_no_regular_file_is_not_checked(tmp_path: Path, kind: str) -> None:
    directory = inventory(tmp_path / "power")
    make(directory)
    path = directory / "data-2023-02-28.csv"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("nothing")
    judge(directory, UNCHECKED, "no regular file")


def judge(directory: Path, verdict: str, said: str) -> None:
    """See that a dataset gets a verdict, and that it is said in lines that can be printed."""
    checks = list(check_contract(directory))
    found = WRONG if any(c.checked and not c.passed for c in checks) else ACCEPTED
    if found == ACCEPTED and any(not c.checked for c in checks):
        found = UNCHECKED
    notes = [c.detail for c in checks if c.what == "columns" and c.detail != "as they should be"]
    if found == ACCEPTED and notes:
        found = NOTED
    assert found == verdict, checks
    assert all(c.detail.isprintable() and len(c.detail) < 1000 for c in checks)
    assert not any(c.passed and not c.checked for c in checks)
    assert said in "\n".join(c.detail for c in checks if not c.passed or c.detail in notes)
