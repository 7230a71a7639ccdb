"""What is wrong with a file is found, and named."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from synthpower import cli, dataset
from synthpower.origins import known_rows
from synthpower.verify import Check, Verification
from synthpower.writers import METADATA_KEY, parquet_file
from synthpower.writers import parquet as parquet_writer

NAME = "data-2023-02-27"


def verify(directory: Path, *names: str) -> list[Check]:
    verification = Verification(directory)
    checks = [verification.check_inventory()]
    files = [directory / name for name in names] or verification.files()
    return checks + [check for file in files for check in verification.check(file)]


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
        "inventory.csv", *[f"{NAME}.csv"] * 3, *[f"{NAME}.parquet"] * 3
    ]  # fmt: skip
    assert [check.what for check in checks[1:4]] == ["origin", "servers", "bytes"]
    assert checks[3].count == (power / f"{NAME}.csv").stat().st_size


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
    for _ in range(40):
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
        (table.slice(0, 1000), "it ends before row 1,001"),
        (pa.concat_tables([table, table.slice(0, 7)]), "it goes on after its last row"),
        (table.drop_columns(["unit"]), "its columns are not"),
        (table.filter(pc.greater(table["measurement_value"], 1)), "row "),
    ]:
        rewrite(path, edited, told)
        assert wrong(small).startswith(expected)


def test_a_byte_that_no_cell_depends_on_is_placed(small: Path) -> None:
    make(small, "--format", "parquet")
    path = small / f"{NAME}.parquet"
    whole = path.read_bytes()
    column = pq.read_metadata(path).row_group(0).column(6)
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    index = whole.index(b"2M2007R8VZ"[:2], footer - 400, footer)  # the least sn, in a page index
    for at, place in [
        (index, "in the page indexes or the footer"),
        (column.data_page_offset + 6, "in row group 0, column measurement_value"),
    ]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        found = wrong(small)
        assert found == f"no cell is wrong, but byte {at:,} differs, {place}" or "row" in found


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
    servers, *others = verify(small)
    assert servers.passed == (change != "gone")
    assert all(check.passed for check in others)
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
    assert cli.main(["verify", str(small)]) == 1
    assert "no inventory there" in capsys.readouterr().out.replace("\n", " ")


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
    assert " ok " not in said.out
    assert said.err == ""


def test_an_edited_server_is_found_without_its_inventory(small: Path) -> None:
    make(small)
    (small / "inventory.csv").write_text("sn,model,product_id,location\na,b,c,d\n")
    edit_csv(
        small / f"{NAME}.csv",
        lambda lines: lines.__setitem__(1, lines[1].replace("HPE", "HPF")),
    )
    assert wrong(small).startswith("not those that it was made from")


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
    manifest = dataset.read_manifest(small)
    manifest["files"][f"{NAME}.csv"]["specification"]["model_version"] = 2
    (small / "manifest.json").write_text(json.dumps(manifest))
    assert wrong(small) == "model version 2: this program makes 1"


def test_a_file_and_a_manifest_that_differ_are_found(small: Path) -> None:
    make(small, "--format", "parquet")
    manifest = dataset.read_manifest(small)
    manifest["files"][f"{NAME}.parquet"]["specification"]["seed"] = 6
    (small / "manifest.json").write_text(json.dumps(manifest))
    assert wrong(small) == "it was made from seed 5, not 6 as manifest.json has it"


def test_what_another_pyarrow_encoded_is_compared_by_its_values(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Older:
        __version__ = "1.2.3"

        def __getattr__(self, name: str) -> object:
            return getattr(pa, name)

    monkeypatch.setattr(parquet_file, "pa", Older())
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
    assert "2 files  4 checks  1 wrong" in done.stderr
    told = json.loads(command("verify", small, "--json").stdout)
    assert not told["passed"]
    assert told["checks"][-1] == {
        "file": f"{NAME}.csv",
        "what": "values",
        "passed": False,
        "count": 1919,
        "detail": "it ends before row 1,920",
    }


def test_the_command_passes_whole_files(command, power: Path) -> None:
    done = command("verify", power / f"{NAME}.parquet", power / f"{NAME}.csv", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_command_passes_over_what_holds_no_readings(command, power: Path) -> None:
    """As DIR/* names them: inventory.csv is looked at once, the others are not of its trade."""
    done = command("verify", *sorted(power.glob("[!.]*")), "--json")
    assert done.returncode == 0, done.stdout
    checked = [check["file"] for check in json.loads(done.stdout)["checks"]]
    assert checked == ["inventory.csv", *[f"{NAME}.csv"] * 3, *[f"{NAME}.parquet"] * 3]
    (alone,) = json.loads(command("verify", power / "inventory.csv", "--json").stdout)["checks"]
    assert (alone["file"], alone["count"]) == ("inventory.csv", 1000)


def test_the_readings_of_files_are_known_before(small: Path) -> None:
    make(small)
    make(small, "--format", "parquet")
    files = Verification(small).files()
    assert known_rows(files) == 2 * 1920
    (small / "manifest.json").unlink()
    assert known_rows(files) is None  # CSV does not say it itself
    assert known_rows(files[1:]) == 1920
    assert known_rows([small / "nowhere.parquet"]) is None


def test_the_command_wants_something_that_is_there(command, tmp_path: Path) -> None:
    done = command("verify", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "nowhere: no such file or directory" in done.stderr
