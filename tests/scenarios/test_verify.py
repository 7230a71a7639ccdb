"""What is wrong with a file is found, and named."""

from __future__ import annotations

import json
import os
import random
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from synthpower import Check, Dataset
from synthpower.cli import main as cli
from synthpower.formats import parquet
from synthpower.formats.parquet import writer as parquet_writer
from synthpower.formats.parquet.provenance import METADATA_KEY

NAME = "data-2023-02-27"
SURROUNDINGS = [
    "inventory.csv", "README.md", "measurements.csv", "server_types.csv", "locations.csv",
    "manifest.json",
]  # fmt: skip


def verify(directory: Path, *names: str) -> list[Check]:
    return list(Dataset.open(directory).verify(names or None))


def of_readings(directory: Path) -> list[Check]:
    return [check for check in verify(directory) if check.file.startswith("data-")]


def wrong(directory: Path, *names: str) -> str:
    """Return what is wrong, which must be one thing."""
    (found,) = (check for check in verify(directory, *names) if not check.passed)
    return found.detail


def make(directory: Path, *options: str) -> None:
    arguments = ["data", "--directory", str(directory), "--date", "2023-02-27", "--quiet"]
    assert cli.main([*arguments, *options]) == 0


@pytest.fixture
def dataset_of_two(power: Path, tmp_path: Path) -> Path:
    """A dataset of its own for each test: a day in both formats."""
    return Path(shutil.copytree(power, tmp_path / "power"))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    directory = tmp_path / "small"
    arguments = ["inventory", "--directory", str(directory), "--count", "40", "--seed", "5"]
    assert cli.main([*arguments, "--quiet"]) == 0
    return directory


def test_whole_files_pass(power: Path) -> None:
    checks = verify(power)
    assert all(check.passed for check in checks)
    assert [check.file for check in checks] == [
        *SURROUNDINGS, *[f"{NAME}.csv"] * 3, *[f"{NAME}.parquet"] * 3
    ]  # fmt: skip
    checks = of_readings(power)
    assert [check.what for check in checks[:3]] == ["provenance", "servers", "bytes"]
    assert checks[2].count == (power / f"{NAME}.csv").stat().st_size


@pytest.mark.parametrize(
    "options",
    [
        ["--fuzz", "60", "--interval", "600"],
        ["--end", "--signal", "triangular"],
        ["--format", "parquet", "--fuzz", "60", "--end"],
        ["--format", "parquet", "--compression", "none"],
        ["--format", "parquet", "--compression", "snappy"],
        ["--format", "parquet", "--compression", "zstd"],
        ["--format", "parquet", "--writer", "pyarrow"],
        ["--format", "parquet", "--writer", "pyarrow", "--compression", "zstd"],
        ["--seed", "9"],
    ],
)
def test_files_of_all_options_pass(small: Path, options: list[str]) -> None:
    make(small, *options)
    assert all(check.passed for check in verify(small))


def damage(kind: str, data: bytes, random: random.Random) -> bytes:
    at = random.randrange(len(data))
    if kind == "flipped":
        return data[:at] + bytes([data[at] ^ 1 << random.randrange(8)]) + data[at + 1 :]
    if kind == "truncated":
        return data[:at]
    if kind == "longer":
        return data + data[-1 - at % 50 :]
    if kind == "zeroed":
        return (
            data[:at] + bytes(len(data[at : at + 4096])) + data[at + 4096 :]
            if any(data[at : at + 4096])
            else b""
        )
    return data[: at // 2] + data[at // 2 + 1 :]  # a byte is gone


@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize("kind", ["flipped", "truncated", "longer", "zeroed", "gone"])
def test_any_damage_is_found(small: Path, format: str, kind: str) -> None:
    make(small, "--format", format)
    path = small / f"{NAME}.{format}"
    whole = path.read_bytes()
    drawn = random.Random(f"{format} {kind}")
    for _ in range(40 if format == "csv" else 15):  # each may begin a process
        path.write_bytes(damage(kind, whole, drawn))
        assert wrong(small)


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_damaged_file_without_a_manifest_is_found(small: Path, format: str) -> None:
    make(small, "--format", format)
    (small / "manifest.json").unlink()
    path = small / f"{NAME}.{format}"
    path.write_bytes(path.read_bytes()[:-3])
    assert wrong(small)


def edit_csv(path: Path, edit: Callable[[list[str]], None]) -> None:
    lines = path.read_text().splitlines(keepends=True)
    edit(lines)
    path.write_text("".join(lines))


def test_an_edited_cell_is_named(dataset_of_two: Path) -> None:
    path = dataset_of_two / f"{NAME}.csv"

    def edit(lines: list[str]) -> None:
        fields = lines[30_001].split(",")
        edit.expected = fields[6]
        lines[30_001] = ",".join([*fields[:6], "77.77", *fields[7:]])

    edit_csv(path, edit)
    expected = f"row 30,001, measurement_value: expected {edit.expected}, found 77.77"
    assert wrong(dataset_of_two) == expected


def test_rows_that_changed_places_are_found(small: Path) -> None:
    make(small)
    edit_csv(small / f"{NAME}.csv", lambda lines: lines.insert(5, lines.pop(9)))
    assert wrong(small).startswith("row 5, sn: expected ")


def test_a_missing_and_an_additional_row_are_found(small: Path) -> None:
    make(small)
    path = small / f"{NAME}.csv"
    whole = path.read_bytes()
    edit_csv(path, lambda lines: lines.pop())
    assert wrong(small) == "it ends before row 1,920"
    path.write_bytes(whole[:-20])
    assert wrong(small) == "it ends within row 1,920"
    path.write_bytes(whole + b"x\n")
    assert wrong(small).startswith("it goes on after its last row")


def test_another_header_is_found(small: Path) -> None:
    make(small)
    edit_csv(small / f"{NAME}.csv", lambda lines: lines.__setitem__(0, lines[0].upper()))
    assert wrong(small).startswith("the header is not sn,model")


def test_another_line_end_is_named(small: Path) -> None:
    make(small)
    path = small / f"{NAME}.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert wrong(small) == r"its lines end with \r\n, not \n"


def rewrite(path: Path, table: pa.Table, told: bytes | None = None) -> None:
    """Have pyarrow write a table as a file that says of itself what that one says."""
    told = told or pq.read_metadata(path).metadata[METADATA_KEY.encode()]
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({METADATA_KEY: told.decode()})


@pytest.mark.parametrize("column", ["sn", "location", "end_time", "measurement_value", "name"])
def test_an_edited_cell_of_parquet_is_named(small: Path, column: str) -> None:
    make(small, "--format", "parquet")
    path = small / f"{NAME}.parquet"
    table = pq.read_table(path)
    cells = table[column].to_pylist()
    was, cells[1234] = cells[1234], next(cell for cell in cells if cell != cells[1234])
    assert was != cells[1234]
    place = table.schema.get_field_index(column)
    edited = table.set_column(place, table.field(column), pa.array(cells, table[column].type))
    rewrite(path, edited)
    (small / "manifest.json").unlink()
    assert wrong(small).startswith(f"row 1,235, {column}: expected {was}")


def test_minus_zero_is_not_zero(small: Path) -> None:
    (small / "measurements.csv").write_text("name,unit,scale,decimals\nfew,1,1,0\n")
    make(small, "--format", "parquet")
    path = small / f"{NAME}.parquet"
    table = pq.read_table(path)
    cells = table["measurement_value"].to_pylist()
    place = cells.index(0.0)
    cells[place] = -0.0
    rewrite(path, table.set_column(6, "measurement_value", pa.array(cells)))
    (small / "manifest.json").unlink()
    assert wrong(small) == f"row {place + 1:,}, measurement_value: expected 0.0, found -0.0"


def test_parquet_with_other_rows_or_columns_is_found(small: Path) -> None:
    make(small, "--format", "parquet")
    path = small / f"{NAME}.parquet"
    table = pq.read_table(path)
    (small / "manifest.json").unlink()
    told = pq.read_metadata(path).metadata[METADATA_KEY.encode()]
    for edited, expected in [
        (table.slice(0, 1000), "number of rows is said to be 1,000, not 1,920"),
        (pa.concat_tables([table, table.slice(0, 7)]), "number of rows is said to be 1,927"),
        (table.drop_columns(["unit"]), "its columns are not"),
        (table.filter(pc.greater(table["measurement_value"], 1)), "number of rows"),
    ]:
        rewrite(path, edited, told)
        assert wrong(small).startswith(expected)


def test_a_byte_that_no_cell_depends_on_is_placed(small: Path) -> None:
    make(small, "--format", "parquet")
    path = small / f"{NAME}.parquet"
    whole = path.read_bytes()
    at = whole.rindex(b"synthpower version ") + 19
    path.write_bytes(whole[:at] + b"7" + whole[at + 1 :])
    assert "for synthpower 7" in verify(small)[-1].detail  # another release, and all is true
    path.write_bytes(whole[:at] + b"x" + whole[at + 1 :])
    place = "in the page indexes or the footer"
    assert wrong(small) == f"no cell is wrong, but byte {at:,} differs, {place}"


def by_another_pyarrow(data: bytes) -> bytes:
    """Return a file as if another pyarrow, of a version as long, had encoded it."""
    begin = data.rindex(pa.__version__.encode())
    other = ("9" if pa.__version__[0] != "9" else "8") + pa.__version__[1:]
    return data[:begin] + other.encode() + data[begin + len(other) :]


def said_at(data: bytes, value: bytes) -> list[int]:
    """Return where a file's metadata has a value: in the page indexes and the footer."""
    found = [data.rindex(value)]
    while (at := data.rfind(value, found[-1] - 2500, found[-1])) > 0:
        found.append(at)
    return found


@pytest.mark.parametrize("writer", ["fast", "pyarrow"])
def test_what_another_pyarrow_says_of_a_file_must_be_true(small: Path, writer: str) -> None:
    """A reader skips what it does not seem to need: by statistics and page indexes."""
    make(small, "--format", "parquet", "--writer", writer)
    path = small / f"{NAME}.parquet"
    whole = by_another_pyarrow(path.read_bytes())
    path.write_bytes(whole)
    assert verify(small)[-1].passed
    table = pq.read_table(path)
    limits = pc.min_max(table["sn"]).as_py()
    value = pc.min_max(table["measurement_value"]).as_py()  # the least is in the dictionary, too
    wanted = [
        *(limits[key].encode() for key in ("min", "max")),
        struct.pack("<d", value["max"]),
    ]
    for right in wanted:
        places = said_at(whole, right)
        assert places
        for at in places:
            wrong_byte = at + len(right) - 1 if len(right) > 8 else at
            damaged = bytearray(whole)
            damaged[wrong_byte] ^= 1
            path.write_bytes(damaged)
            found = wrong(small)
            assert "value is said to be" in found, found


def test_a_value_and_its_statistics_are_told_apart(small: Path) -> None:
    make(small, "--format", "parquet", "--compression", "none")
    path = small / f"{NAME}.parquet"
    column = pq.read_metadata(path).row_group(0).column(6)
    whole = bytearray(by_another_pyarrow(path.read_bytes()))
    whole[column.data_page_offset + 60] ^= 1  # a cell's
    path.write_bytes(whole)
    assert wrong(small).startswith("row ")


def test_files_that_changed_names_are_found(small: Path) -> None:
    make(small, "--days", "2")
    first, second = small / f"{NAME}.csv", small / "data-2023-02-28.csv"
    first.rename(small / "third")
    second.rename(first)
    (small / "third").rename(second)
    found = [check.detail for check in verify(small) if not check.passed]
    assert found[0].startswith("row 1, start_time: expected 2023-02-27 00:00:00Z, found 2023-02-28")
    assert len(found) == 2


def test_parquet_under_another_days_name_is_found(small: Path) -> None:
    make(small, "--format", "parquet")
    (small / "manifest.json").unlink()
    (small / f"{NAME}.parquet").rename(small / "data-2023-02-28.parquet")
    assert wrong(small) == f"it holds the readings of {NAME}"


@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize("change", ["grown", "shrunk", "reordered", "edited", "gone"])
def test_a_file_is_checked_without_its_inventory(small: Path, format: str, change: str) -> None:
    make(small, "--format", format)
    path = small / "inventory.csv"
    lines = path.read_text().splitlines(keepends=True)
    lines = {
        "grown": [*lines, "another,model,P1,here\n"],
        "shrunk": lines[:-5],
        "reordered": [lines[0], *reversed(lines[1:])],
        "edited": [*lines[:-1], lines[-1].replace("-", "+")],
        "gone": lines[:1],
    }[change]
    path.write_text("".join(lines))
    servers, *surroundings = verify(small)[:6]
    assert servers.passed == (change != "gone")
    others = of_readings(small)
    assert all(check.passed for check in others)
    # What else there is says it, too, where it is no longer what was made here.
    counts = {"grown": 41, "shrunk": 35}
    failed = [check.file for check in surroundings if not check.passed]
    assert failed == (["README.md", "manifest.json"] if change in counts else [])
    words = {"reordered": "those of inventory.csv", "gone": "its own: inventory.csv cannot be read"}
    assert words.get(change, "its own: inventory.csv has changed since") in others[1].detail


def test_a_file_on_its_own_needs_no_inventory(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(small, "--format", "parquet")
    (small / "inventory.csv").unlink()
    capsys.readouterr()
    assert cli.main(["verify", str(small / f"{NAME}.parquet")]) == 0
    assert "WRONG" not in capsys.readouterr().out
    assert cli.main(["verify", str(small), "--json"]) == 1
    assert "no inventory there" in capsys.readouterr().out


def test_quietly_only_what_is_wrong_is_shown(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(small)
    capsys.readouterr()
    assert cli.main(["verify", str(small), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    edit_csv(small / f"{NAME}.csv", lambda lines: lines.__setitem__(1, "x" + lines[1]))
    assert cli.main(["verify", str(small), "--quiet"]) == 1
    said = capsys.readouterr()
    assert said.out.count("WRONG") == 1
    assert "README" not in said.out  # nor anything else of which all is right
    assert "inventory" not in said.out.replace("those of inventory.csv", "")
    assert said.err == ""


def test_an_edited_server_is_found_without_its_inventory(small: Path) -> None:
    make(small)
    (small / "inventory.csv").write_text("sn,model,product_id,location\na,b,c,d\n")
    edit_csv(
        small / f"{NAME}.csv",
        lambda lines: lines.__setitem__(1, lines[1].replace("HPE", "HPF")),
    )
    assert wrong(small, f"{NAME}.csv").startswith("not the 40 that it was made from")


def test_a_file_that_is_gone_is_missed(small: Path) -> None:
    make(small)
    (small / f"{NAME}.csv").unlink()
    assert wrong(small) == "manifest.json names it, and it is not there"


def test_csv_that_nothing_knows_is_said_to_be_unknown(small: Path) -> None:
    make(small)
    (small / "manifest.json").unlink()
    assert wrong(small).startswith("nothing says what it was made from")


def test_another_model_version_is_not_judged(small: Path) -> None:
    make(small)
    specification = entry(small, f"{NAME}.csv")["specification"]
    edit_entry(small, f"{NAME}.csv", {"specification": specification | {"model_version": 2}})
    words = "model version 2: this program makes values of version 1"
    assert [words in check.detail for check in verify(small) if not check.passed] == [True, True]


def test_a_file_and_a_manifest_that_differ_are_found(small: Path) -> None:
    make(small, "--format", "parquet")
    specification = entry(small, f"{NAME}.parquet")["specification"]
    edit_entry(small, f"{NAME}.parquet", {"specification": specification | {"seed": 6}})
    assert wrong(small) == "it was made from seed 5, not 6"


def test_what_another_pyarrow_encoded_is_compared_by_its_values(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    created_by = parquet.CREATED_BY.replace(pa.__version__, "1.2.3")
    monkeypatch.setattr(parquet, "CREATED_BY", created_by)
    monkeypatch.setattr(parquet_writer, "_TEMPLATE_LEVEL", 1)
    make(small, "--format", "parquet")
    monkeypatch.undo()
    *_, last = verify(small)
    assert last.passed
    assert last.what == "values"
    assert last.count == 40 * 48
    assert "pyarrow 1.2.3 encoded them" in last.detail


def test_the_command_says_what_is_wrong_and_exits_with_1(command, small: Path) -> None:
    make(small)
    edit_csv(small / f"{NAME}.csv", lambda lines: lines.pop())
    done = command("verify", small)
    assert done.returncode == 1
    assert "it ends before row 1,920" in done.stdout
    assert "7 files  9 checks  1 wrong" in done.stderr
    told = json.loads(command("verify", small, "--json").stdout)
    assert not told["passed"]
    assert told["checks"][-1] == {
        "file": f"{NAME}.csv",
        "what": "values",
        "passed": False,
        "count": 1919,
        "detail": "it ends before row 1,920",
        "checked": True,
    }


def test_the_command_passes_whole_files(command, power: Path) -> None:
    done = command("verify", power / f"{NAME}.parquet", power / f"{NAME}.csv", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_command_looks_at_each_file_that_is_named(command, dataset_of_two: Path) -> None:
    """As DIR/* names them: inventory.csv is looked at once."""
    done = command("verify", *sorted(dataset_of_two.glob("[!.]*")), "--json")
    assert done.returncode == 0, done.stdout
    assert done.stdout == command("verify", dataset_of_two, "--json").stdout
    checked = [check["file"] for check in json.loads(done.stdout)["checks"]]
    others = ["README.md", "measurements.csv", "server_types.csv", "locations.csv", "manifest.json"]
    assert checked == ["inventory.csv", *others, *[f"{NAME}.csv"] * 3, *[f"{NAME}.parquet"] * 3]
    (dataset_of_two / "locations.csv").write_text("nowhere")
    done = command("verify", dataset_of_two / "locations.csv")
    assert done.returncode == 1
    assert "locations.csv" in done.stdout
    (alone,) = json.loads(command("verify", dataset_of_two / "inventory.csv", "--json").stdout)[
        "checks"
    ]
    assert (alone["file"], alone["count"]) == ("inventory.csv", 1000)


def test_the_readings_of_files_are_known_before(small: Path) -> None:
    make(small)
    make(small, "--format", "parquet")
    files = [f"{NAME}.csv", f"{NAME}.parquet"]
    assert Dataset.open(small).rows() == Dataset.open(small).rows(files) == 2 * 1920
    (small / "manifest.json").unlink()
    assert Dataset.open(small).rows() is None  # CSV does not say it itself
    assert Dataset.open(small).rows(files[1:]) == 1920
    assert Dataset.open(small).rows(["nowhere.parquet"]) is None


def test_the_command_wants_something_that_is_there(command, tmp_path: Path) -> None:
    for name in ("nowhere", "x" * 300, "a/" + "x" * 300):
        for arguments in (["verify"], ["remake"], ["remake", "--directory", tmp_path / "again"]):
            done = command(*arguments, tmp_path / name)
            assert done.returncode == 2
            assert f"{name}: no such file or directory" in done.stderr


# How what is beside the files of readings may be edited, and what is said of it.
ENTRIES: list[tuple[str, object, str]] = [
    ("rows", 1921, "its rows is 1921, not 1920"),
    ("format", "parquet", "its format is parquet, not csv"),
    ("format", "tsv", "its format is tsv: this program has no such format"),
    ("writer", "fast", "its writer is fast"),
    ("bytes", True, "its bytes is True"),
    ("state", "half", "its state is half"),
    ("specification", [], "it does not say what it was made from"),
]


@pytest.mark.parametrize(("key", "value", "words"), ENTRIES)
def test_an_edited_entry_is_found(small: Path, key: str, value: object, words: str) -> None:
    make(small)
    edit_entry(small, f"{NAME}.csv", {key: value})
    (check,) = (each for each in verify(small)[:6] if not each.passed)
    assert check.file == "manifest.json"
    assert check.detail == f"the entry of {NAME}.csv: {words}"


def entry(directory: Path, name: str) -> dict[str, Any]:
    return json.loads((directory / "manifest.json").read_bytes())["files"][name]


def edit_entry(directory: Path, name: str, edits: dict[str, object]) -> None:
    path = directory / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["files"][name] |= edits
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ({"writer": "pyarrow"}, "its writer is fast, not pyarrow"),
        ({"compression": "zstd"}, "its compression is the default, not zstd"),
        ({"bytes": 9999}, ", and not 9,999 as manifest.json has it"),
    ],
)
def test_an_entry_that_is_not_true_of_its_file_is_found(
    small: Path, edits: dict[str, object], words: str
) -> None:
    make(small, "--format", "parquet")
    edit_entry(small, f"{NAME}.parquet", edits)
    assert words in wrong(small)


@pytest.mark.parametrize(
    ("name", "edit", "words"),
    [
        ("README.md", ("\nseed: 5\n", "\nseed: 6\n"), "the seed 6 and the glcp_customer_id"),
        ("README.md", ("\nservers: 40\n", "\nservers: 41\n"), "servers: 41, and there are 40"),
        ("README.md", ("\nservers: 40\n", "\nservers: x\n"), "servers: x, and there are 40"),
        ("README.md", ("\nservers: 40\n", "\n"), "there is no front matter that says how many"),
        ("measurements.csv", ("name,", "junk,"), "measurements.csv:1:"),
        ("server_types.csv", ("model,", "junk,"), "server_types.csv:1:"),
        ("locations.csv", ("location,", "junk,"), "locations.csv:1:"),
        (
            "manifest.json",
            ('\n  "seed": 5', '\n  "seed": 6'),
            "its seed is not that of its inventory",
        ),
        ("manifest.json", ("{", "["), "not a manifest of synthpower"),
    ],
)
def test_an_edited_surrounding_is_found(
    small: Path,
    name: str,
    edit: tuple[str, str],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make(small)
    text = (small / name).read_text()
    assert edit[0] in text
    (small / name).write_text(text.replace(*edit, 1))
    capsys.readouterr()
    assert cli.main(["verify", str(small), "--json"]) == 1
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert [check["file"] for check in checks[:6]] == SURROUNDINGS
    (found,) = (check for check in checks[:6] if not check["passed"])
    assert found["file"] == name
    assert words in found["detail"]


def test_an_edited_table_is_there_to_be_edited(small: Path) -> None:
    (small / "measurements.csv").write_text("name,unit,scale\nmine,W,5\n")
    assert all(check.passed for check in verify(small))


def test_each_part_of_a_dataset_has_a_line_of_its_own(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert cli.main(["verify", str(small), "--json"]) == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert [check["file"] for check in checks] == SURROUNDINGS


@pytest.mark.parametrize(
    "name", ["README.md", "manifest.json", "measurements.csv", "inventory.csv", f"{NAME}.parquet"]
)
def test_a_pipe_that_nobody_fills_is_not_waited_for(
    small: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make(small, "--format", "parquet")
    (small / name).unlink()
    os.mkfifo(small / name)
    assert cli.main(["verify", str(small), "--json"]) == 1
    assert "not a" in capsys.readouterr().out
    assert cli.main(["remake", str(small)]) == 2
    said = capsys.readouterr().err
    assert f"{name}: it is not a " in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "edit",
    [
        {"seed": 5.0},
        {"seed": True},
        {"end": 5},
        {"end": "9999-99-99 00:00:00Z"},
        {"signal": ["uniform"]},
        {"measurements": [5]},
        {"measurements": [{"name": "\ud800", "unit": "W", "scale": "5", "decimals": 2}]},
        {"measurements": [{"name": "n", "unit": "W", "scale": "5", "decimals": 2.0}]},
        {"measurements": [{"name": "n", "unit": "W", "scale": "1E+999999", "decimals": 2}]},
        {"inventory": None},
        {"inventory": {"servers": True, "sha256": "0" * 64}},
        {"inventory": {"servers": 40, "sha256": 5}},
        {"measurements": json.loads("[" * 800 + "]" * 800)},
        {"inventory": {"servers": 214748364, "sha256": "0" * 64}},
    ],
)
@pytest.mark.parametrize("command", ["verify", "remake"])
def test_an_odd_record_gets_one_line(
    small: Path, command: str, edit: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    make(small)
    path = small / "manifest.json"
    specification = json.loads(path.read_bytes())["files"][f"{NAME}.csv"]["specification"]
    edit_entry(small, f"{NAME}.csv", {"specification": specification | edit})
    if command == "remake":
        (small / f"{NAME}.csv").unlink()
    capsys.readouterr()
    assert cli.main([command, str(small)]) == (1 if command == "verify" else 2)
    assert capsys.readouterr().err.count("\n") == 1


def test_pages_and_indexes_of_another_pyarrow_pass_where_they_are_true(small: Path) -> None:
    """It may cut pages and row groups in its own way, index them, and use no dictionaries."""
    make(small, "--format", "parquet", "--fuzz", "60")
    path = small / f"{NAME}.parquet"
    table = pq.read_table(path).replace_schema_metadata(None)
    told = pq.read_metadata(path).metadata[METADATA_KEY.encode()].decode()
    (small / "manifest.json").unlink()
    for options in (
        {"write_page_index": True, "data_page_size": 500, "write_batch_size": 100},
        {"use_dictionary": False, "write_page_index": True},
    ):
        with pq.ParquetWriter(path, table.schema, store_schema=False, **options) as writer:
            writer.write_table(table, row_group_size=700)
            writer.add_key_value_metadata({METADATA_KEY: told})
        path.write_bytes(by_another_pyarrow(path.read_bytes()))
        last = verify(small)[-1]
        assert last.passed, last.detail
        assert "encoded them" in last.detail


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"write_page_checksum": True}, "has a checksum, which is not checked"),
        ({"data_page_version": "2.0"}, "PageHeader has an unknown field, 8"),
        ({"store_schema": True}, "its key-value metadata has other keys"),
        ({"sorting_columns": [pq.SortingColumn(0)]}, "is said to be sorted, which is not checked"),
        ({"compression": {"sn": "snappy", "unit": "zstd"}}, "compression is said to be"),
        (
            {"use_dictionary": False, "column_encoding": {"sn": "DELTA_BYTE_ARRAY"}},
            "has an encoding that is not checked",
        ),
    ],
)
def test_what_cannot_be_checked_is_not_passed(
    small: Path, options: dict[str, object], words: str
) -> None:
    make(small, "--format", "parquet")
    path = small / f"{NAME}.parquet"
    table = pq.read_table(path).replace_schema_metadata(None)
    told = pq.read_metadata(path).metadata[METADATA_KEY.encode()].decode()
    (small / "manifest.json").unlink()
    with pq.ParquetWriter(path, table.schema, **{"store_schema": False} | options) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({METADATA_KEY: told})
    path.write_bytes(by_another_pyarrow(path.read_bytes()))
    assert words in wrong(small)


def test_servers_that_are_not_utf_8_get_one_line(small: Path) -> None:
    make(small, "--format", "parquet", "--compression", "none")
    (small / "inventory.csv").unlink()
    path = small / f"{NAME}.parquet"
    data = path.read_bytes()
    first = pq.read_table(path)["sn"][0].as_py().encode()
    path.write_bytes(data.replace(first, b"\xff" + first[1:]))
    assert [check.file for check in verify(small) if not check.passed] == [
        "inventory.csv",
        path.name,
    ]
    details = [check.detail for check in verify(small) if not check.passed]
    assert "cannot be read: " in details[1]


def test_a_parquet_file_alone_in_a_directory_is_checked(small: Path, tmp_path: Path) -> None:
    make(small, "--format", "parquet", "--fuzz", "60")
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(small / f"{NAME}.parquet", alone)
    assert cli.main(["verify", str(alone / f"{NAME}.parquet"), "--quiet"]) == 0
    data = bytearray((alone / f"{NAME}.parquet").read_bytes())
    data[len(data) // 3] ^= 1
    (alone / f"{NAME}.parquet").write_bytes(data)
    assert cli.main(["verify", str(alone / f"{NAME}.parquet"), "--quiet"]) == 1


def test_after_a_damaged_file_the_others_are_checked(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for format in ("csv", "parquet"):
        make(small, "--days", "2", "--format", format)
        path = small / f"{NAME}.{format}"
        path.write_bytes(path.read_bytes()[:-9])
    capsys.readouterr()
    assert cli.main(["verify", str(small), "--json"]) == 1
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert {check["file"] for check in checks if not check["passed"]} == {
        f"{NAME}.csv",
        f"{NAME}.parquet",
    }
    right = [check for check in checks if check["file"].startswith("data-2023-02-28")]
    assert [check["what"] for check in right] == ["provenance", "servers", "bytes"] * 2
