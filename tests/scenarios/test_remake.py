"""A dataset is made again from what it says of itself, to the byte."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from synthpower.cli import main as cli

NAME = "data-2023-02-27"
FIRST_VERSION = Path(__file__).parents[1] / "data" / "first_version"
SAID = ("README.md", "manifest.json")

# Files of one dataset, each with a specification of its own.
FILES = [
    ["--days", "2", "--fuzz", "60"],
    ["--days", "2", "--format", "parquet", "--compression", "snappy"],
    ["--date", "2023-03-01", "--end", "--signal", "triangular", "--seed", "9", "--format", "parquet"],
    ["--date", "2023-03-02T05", "--interval", "600", "--format", "parquet", "--writer", "pyarrow"],
    ["--date", "2023-03-03", "--output", "DIR/another.csv", "--interval", "7200"],
    ["--date", "2023-03-04", "--measurements", "DIR/../others.csv"],
]  # fmt: skip


def run(*arguments: object) -> int:
    return cli.main([str(argument) for argument in arguments])


def data(directory: Path, *options: str) -> None:
    options = tuple(option.replace("DIR", str(directory)) for option in options)
    assert run("data", "--directory", directory, "--date", "2023-02-27", "--quiet", *options) == 0


def inventory(directory: Path, *options: object) -> Path:
    made = ["inventory", "--directory", directory, "--count", 30, "--seed", 5, "--quiet"]
    assert run(*made, *options) == 0
    return directory


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def states(directory: Path) -> dict[str, tuple[int, int]]:
    return {
        path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in directory.iterdir()
    }


def only(names: tuple[str, ...], directory: Path) -> Path:
    """Return a new directory with a few of the files of another, as from a repository."""
    kept = directory.with_name("kept")
    kept.mkdir()
    for name in names:
        shutil.copy(directory / name, kept)
    return kept


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of all kinds of files. Read only."""
    folder = tmp_path_factory.mktemp("remake")
    (folder / "others.csv").write_text("name,unit,scale\ninlet,Cel,45\n")
    directory = inventory(folder / "power")
    for options in FILES:
        data(directory, *options)
    return directory


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "power"))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A dataset of two days."""
    directory = inventory(tmp_path / "small")
    data(directory, "--days", "2")
    return directory


def test_a_dataset_is_made_again_from_its_readme_and_manifest(copy: Path) -> None:
    kept = only(SAID, copy)
    assert run("remake", kept) == 0
    assert contents(kept) == contents(copy)
    assert run("verify", kept, "--quiet") == 0


def test_a_readme_is_not_made_again_of_a_manifest_without_seed(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "seed": None}))
    assert run("remake", small) == 0  # README is there
    (small / "README.md").unlink()
    capsys.readouterr()
    assert run("remake", small) == 2
    assert f"{path}: no seed there, to make README.md again" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["data", "--date", "2023-02-27"], ["verify"]])
def test_a_record_without_its_inventory_names_the_command_that_makes_it(
    copy: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    kept = only(SAID, copy)
    command, *options = arguments
    where = [kept] if command == "verify" else ["--directory", kept]
    assert run(command, *options, *where) != 0
    out, err = capsys.readouterr()
    assert f"no inventory there; 'synthpower remake {kept}' makes it again" in out + err


def test_a_new_inventory_replaces_no_record_of_readings(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = only(SAID, copy)
    before = states(kept)
    options = ["--directory", kept, "--count", "5", "--overwrite"]
    assert run("inventory", *options) == 2
    assert f"'synthpower remake {kept}' makes all again; remove it" in capsys.readouterr().err
    assert states(kept) == before
    (kept / "manifest.json").unlink()
    assert run("inventory", *options) == 0


def test_it_is_made_again_elsewhere_and_what_says_so_stays_untouched(copy: Path) -> None:
    kept = only(SAID, copy)
    before = states(kept)
    again = copy.parent / "a" / "new" / "place"
    assert run("remake", kept, "--directory", again) == 0
    assert contents(again) == contents(copy)
    assert states(kept) == before


def test_a_whole_dataset_is_made_again_elsewhere(copy: Path) -> None:
    (copy / "README.md").write_text("---\nseed: 5\n---\nmy own words\n")
    (copy / "measurements.csv").write_text("name,unit,scale\nmine,W,1\n")
    before = states(copy)
    again = copy.parent / "again"
    assert run("remake", copy, "--directory", again) == 0
    assert contents(again) == contents(copy)
    assert states(copy) == before


def test_what_is_missing_is_made_and_what_is_whole_is_left_alone(
    copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected, before = contents(copy), states(copy)
    gone = [f"{NAME}.csv", "data-2023-03-02T05.parquet", "measurements.csv"]
    for name in gone:
        (copy / name).unlink()
    assert run("remake", copy) == 0
    assert contents(copy) == expected
    after = states(copy)
    changed = [*gone, "manifest.json"]  # in which a run says what it is about to make
    assert all(after[name] == before[name] for name in before if name not in changed)
    said = capsys.readouterr().err.splitlines()
    assert said[0].endswith("already complete")
    assert said[1].startswith(f"2 files, {gone[0]} to {gone[1]}  1,800 rows  ")
    assert said[2] == "measurements.csv  made"


def test_nothing_changes_where_all_is_whole(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = states(copy)
    assert run("remake", copy) == 0
    assert run("remake", copy, "--quiet", "--workers", "1") == 0
    assert states(copy) == before
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--compression", "zstd"],
        ["--writer", "pyarrow", "--fuzz", "7"],
        ["--end", "--seed", "9"],
        ["--date", "2023-02-27T05", "--interval", "60", "--signal", "triangular"],
    ],
)
def test_a_parquet_file_is_made_again_from_its_metadata_alone(
    small: Path, tmp_path: Path, options: list[str]
) -> None:
    path = tmp_path / "day.parquet"
    data(small, "--format", "parquet", "--output", str(path), *options)
    expected = path.read_bytes()
    if "--seed" not in options:  # with its inventory's seed, nothing but the footer is needed
        begin = len(expected) - 8 - int.from_bytes(expected[-8:-4], "little")
        path.write_bytes(bytes(begin) + expected[begin:])
    again = tmp_path / "again"
    assert run("remake", path, "--directory", again) == 0
    assert (again / path.name).read_bytes() == expected
    assert list(json.loads((again / "manifest.json").read_bytes())["files"]) == [path.name]


def test_a_csv_file_is_made_again_from_its_entry(small: Path, tmp_path: Path) -> None:
    assert run("remake", small / f"{NAME}.csv", "--directory", tmp_path / "again") == 0
    assert (tmp_path / "again" / f"{NAME}.csv").read_bytes() == (small / f"{NAME}.csv").read_bytes()


def test_a_file_of_servers_of_the_users_own_names_them_itself(tmp_path: Path) -> None:
    directory = tmp_path / "power"
    directory.mkdir()
    (directory / "inventory.csv").write_text(
        'sn,model,product_id,location\nB 2,"m,""n",p,x\nA1,o,q,y\nC3,o,q,x\n'
    )
    data(directory, "--format", "parquet", "--seed", "1")
    path = directory / f"{NAME}.parquet"
    assert run("remake", path, "--directory", tmp_path / "again") == 0
    assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


@pytest.fixture
def custom(tmp_path: Path) -> Path:
    """A dataset of server types of the user's own."""
    table = tmp_path / "types.csv"
    table.write_text("model,product_id\nmine,p1\nyours,p2\n")
    directory = inventory(tmp_path / "custom", "--server-types", table)
    data(directory)
    return directory


def test_servers_that_were_not_made_from_the_shipped_tables_need_their_inventory(
    custom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = only(SAID, custom)
    before = states(kept)
    assert run("remake", kept) == 2
    assert (
        f"error: {kept / 'inventory.csv'} is missing, and was not drawn from the tables"
        in capsys.readouterr().err
    )
    assert states(kept) == before
    shutil.copy(custom / "inventory.csv", kept)
    assert run("remake", kept) == 2
    words = f"{kept / 'server_types.csv'} is missing, and is not the shipped one: put it back"
    assert words in capsys.readouterr().err
    shutil.copy(custom / "server_types.csv", kept)
    assert run("remake", kept) == 0
    assert contents(kept) == contents(custom)


@pytest.mark.parametrize("names", [("manifest.json",), ("manifest.json", "README.md")])
def test_servers_of_tables_of_the_users_own_are_drawn_again_from_them(
    custom: Path, names: tuple[str, ...]
) -> None:
    kept = only((*names, "server_types.csv", "locations.csv"), custom)
    assert run("remake", kept) == 0
    assert contents(kept) == contents(custom)
    assert run("verify", kept, "--quiet") == 0


def test_a_dataset_of_the_first_version_is_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has no inventory in its manifest, no states, and no tables of kinds and sites."""
    first = Path(shutil.copytree(FIRST_VERSION / "csv", tmp_path / "first"))
    before = contents(first)
    readings = sorted(name for name in before if name.startswith("data-"))
    kept = only(SAID, first)
    for name in ("inventory.csv", readings[0]):
        (first / name).unlink()
    for directory in (first, kept):
        assert run("remake", directory) == 0
        assert "is of version 1" in capsys.readouterr().err
        for name in ("inventory.csv", *readings):
            assert contents(directory)[name] == before[name]
        assert run("verify", directory, "--quiet") == 0


def test_an_inventory_and_its_tables_are_made_from_readme_alone(
    small: Path, custom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = contents(small)
    again = only(("README.md",), small)
    assert run("remake", again) == 0
    assert contents(again) == {name: expected[name] for name in expected if name in contents(again)}
    assert contents(again).keys() == {"README.md", "inventory.csv", "measurements.csv"}
    shutil.rmtree(again)
    assert run("remake", only(("README.md",), custom)) == 2
    assert "was not drawn from the tables that are there" in capsys.readouterr().err


def test_without_readme_the_manifest_is_enough_for_the_readings(small: Path) -> None:
    kept = only(("manifest.json",), small)
    assert run("remake", kept) == 0
    assert contents(kept) == contents(small)


def test_a_drawn_seed_stays_the_one_of_its_dataset(small: Path, tmp_path: Path) -> None:
    for name in ("README.md", "manifest.json", f"{NAME}.csv", "data-2023-02-28.csv"):
        (small / name).unlink()
    data(small)
    assert run("remake", small, "--directory", tmp_path / "again") == 0
    assert contents(tmp_path / "again") == contents(small)


def test_parquet_that_the_manifest_does_not_list_is_made_again_elsewhere(
    small: Path, tmp_path: Path
) -> None:
    data(small, "--format", "parquet", "--compression", "none")
    expected = contents(small)
    manifest = json.loads(expected["manifest.json"])
    del manifest["files"][f"{NAME}.parquet"]
    (small / "manifest.json").write_text(json.dumps(manifest))
    assert run("remake", small, "--directory", tmp_path / "again") == 0
    assert contents(tmp_path / "again") == expected


def test_a_file_that_is_there_and_another_is_refused(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (f"{NAME}.csv", "data-2023-02-28.csv"):
        path = small / name
        kept = path.read_bytes()
        path.write_bytes(kept[:-100])
        others = [other for other in small.glob("data-*") if other != path]
        for other in others:
            other.unlink()
        before = states(small)
        assert run("remake", small) == 2
        said = capsys.readouterr().err
        assert f"{name} exists, and it is not whole: " in said
        assert said.endswith("; remove it, or choose another directory\n")
        assert states(small) == before
        path.unlink()
        assert run("remake", small, "--quiet") == 0
        assert path.read_bytes() == kept


@pytest.mark.parametrize("name", ["README.md", "inventory.csv", "measurements.csv", f"{NAME}.csv"])
def test_another_file_in_the_new_place_is_refused(
    small: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    again = tmp_path / "again"
    again.mkdir()
    (again / name).write_text("mine")
    before = states(again)
    assert run("remake", small, "--directory", again) == 2
    assert f"{again / name} exists, and it " in capsys.readouterr().err
    assert states(again) == before


def test_files_of_an_inventory_that_has_changed_stay_but_are_not_made(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    servers = small / "inventory.csv"
    servers.write_text(servers.read_text() + "another,model,P1,here\n")
    data(small, "--date", "2023-03-01")
    whole = (small / "data-2023-03-01.csv").read_bytes()
    (small / "data-2023-03-01.csv").unlink()
    before = states(small)
    assert run("remake", small) == 0
    assert (small / "data-2023-03-01.csv").read_bytes() == whole
    after = states(small)
    assert {n: s for n, s in before.items() if n != "manifest.json"}.items() <= after.items()
    (small / f"{NAME}.csv").unlink()
    assert run("remake", small) == 2
    assert (
        f"{NAME}.csv: it was made from other servers than those of inventory.csv"
        in capsys.readouterr().err
    )


def edit(directory: Path, name: str, entry: object) -> None:
    manifest = json.loads((directory / "manifest.json").read_bytes())
    manifest["files"][name] = entry
    (directory / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../escaped.csv", "/tmp/escaped.csv", "a//b.csv", "a/../b.csv",
             "a/.b/c.csv", "a/", ".hidden", "-", "inventory.csv", "README.md", "a/manifest.json"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(
    small: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = json.loads((small / "manifest.json").read_bytes())["files"][f"{NAME}.csv"]
    edit(small, name, entry)
    assert run("remake", small) == 2
    said = capsys.readouterr().err
    assert f"manifest.json: {name!r} is not the name of a file of readings" in said


@pytest.mark.parametrize("name", ["nul\0.csv", "long" * 100, "\ud800.csv"])
def test_names_that_no_file_can_have_are_refused(
    small: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = json.loads((small / "manifest.json").read_bytes())["files"][f"{NAME}.csv"]
    edit(small, name, entry)
    (small / f"{NAME}.csv").unlink()
    assert run("remake", small) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (small / f"{NAME}.csv").exists()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (None, f"manifest.json: the entry of {NAME}.csv: it does not say what it was made from"),
        ({"specification": 5}, "does not say what it was made from"),
        ({"specification": {"seed": 5}}, "does not say what it was made from"),
        (
            {"specification": {"seed": 5}, "format": "csv"},
            f"the entry of {NAME}.csv: format version None: no such version of a record",
        ),
        (
            {"specification": {"format_version": 1, "model_version": 1}, "format": "csv"},
            f"the entry of {NAME}.csv: the recorded specification cannot be read: no 'start'",
        ),
    ],
)
def test_an_entry_that_says_nothing_is_refused(
    small: Path, entry: object, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(small, f"{NAME}.csv", entry)
    (small / f"{NAME}.csv").unlink()
    before = states(small)
    assert run("remake", small) == 2
    assert words in capsys.readouterr().err
    assert states(small) == before


def test_a_dataset_that_says_nothing_and_a_place_that_is_none_are_refused(
    small: Path, tmp_path: Path, command
) -> None:
    (tmp_path / "empty").mkdir()
    unknown = inventory(tmp_path / "unknown")
    (unknown / f"{NAME}.csv").write_text("theirs")
    for arguments, words in [
        ([tmp_path / "empty"], "neither manifest.json nor README.md says what it was made of"),
        ([tmp_path / "nowhere"], "nowhere: no such file or directory"),
        ([small / f"{NAME}.csv"], "argument --directory: it is needed where PATH is a file"),
        ([small, "--directory", small / "README.md"], "README.md is not a directory"),
        ([small, "--directory", small / "README.md/x"], "Not a directory"),
        ([unknown, "--directory", tmp_path / "x"], f"{NAME}.csv: nothing says what it was made"),
        ([unknown / f"{NAME}.csv", "--directory", tmp_path / "x"], "nothing says what it was made"),
    ]:
        done = command("remake", *arguments)
        assert done.returncode == 2, done
        assert words in done.stderr.splitlines()[-1]
        assert not (tmp_path / "x").exists()


def test_a_file_of_another_size_than_before_is_told_of(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = json.loads((small / "manifest.json").read_bytes())["files"][f"{NAME}.csv"]
    edit(small, f"{NAME}.csv", entry | {"bytes": entry["bytes"] + 1})
    (small / f"{NAME}.csv").unlink()
    assert run("remake", small) == 0
    assert f"{NAME}.csv  of another size than before" in capsys.readouterr().err
    assert run("remake", small) == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_killed_remake_is_finished_by_the_next(
    tmp_path: Path, number: int, elsewhere: bool
) -> None:
    directory = tmp_path / "power"
    inventory(directory, "--count", "2000")
    data(directory, "--days", "12", "--format", "parquet")
    data(directory, "--days", "12")
    kept = only(SAID, directory)
    again = tmp_path / "again" if elsewhere else kept
    arguments = ["remake", str(kept), "--directory", str(again)]
    process = subprocess.Popen(
        [sys.executable, "-m", "synthpower", *arguments, "--quiet"], stderr=subprocess.DEVNULL
    )
    while process.poll() is None and len(list(again.glob("data-*"))) < 3:
        time.sleep(0.002)
    process.send_signal(number)
    process.wait(60)
    assert process.returncode in (-number, 128 + number)
    made = states(again)
    assert any(name.startswith("data-") for name in made)
    listed = json.loads((again / "manifest.json").read_bytes())["files"]
    assert len(listed) == 24
    # Whatever is asked: the same again, or of what has come into being.
    assert run(*(arguments if number == signal.SIGKILL else ["remake", again])) == 0
    assert contents(again) == contents(directory)
    after = states(again)
    assert all(after[name] == made[name] for name in made if name.startswith("data-"))


def test_two_remakes_at_once_lose_nothing(small: Path, tmp_path: Path) -> None:
    kept = only(SAID, small)
    again = tmp_path / "again"
    arguments = [sys.executable, "-m", "synthpower", "remake", kept, "--directory", again]
    runs = [subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [run.communicate(timeout=60)[1] for run in runs]
    assert 0 in [run.returncode for run in runs]
    assert {run.returncode for run in runs} <= {0, 2}, said
    assert contents(again) == contents(small)


@pytest.mark.parametrize(
    "name",
    [
        f"{NAME}.csv",
        "manifest.json",
        "README.md",
        "inventory.csv",
        "measurements.csv",
        "server_types.csv",
        "locations.csv",
    ],
)
def test_nothing_is_written_through_a_link_that_leaves_the_dataset(
    small: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = tmp_path / "outside"
    (small / name).unlink()
    (small / name).symlink_to(outside)
    assert run("remake", small) == 2
    assert f"{name} is a symbolic link to {outside}, outside the dataset" in capsys.readouterr().err
    assert not outside.exists()


def test_a_link_within_the_dataset_may_stay(small: Path) -> None:
    (small / "data-2023-02-28.csv").rename(small / "kept")
    (small / "data-2023-02-28.csv").symlink_to("kept")
    assert run("remake", small) == 0


@pytest.mark.parametrize("name", [f"{NAME}.csv", "README.md", "manifest.json", "locations.csv"])
def test_a_link_to_nothing_is_named(
    small: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (small / name).unlink()
    (small / name).symlink_to("nothing")
    assert run("remake", small) == 2
    said = capsys.readouterr().err
    assert f"{small / name}: it is not a file, or a link to nothing; remove it" in said
    assert said.count("\n") == 1
    assert not (small / "nothing").exists()
