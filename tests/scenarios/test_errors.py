"""Bad input through the real command line: exit status 2, one line, nothing left behind."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

GOOD = "sn,model,product_id,location\nA1,m,p,x\nA2,m,p,x\n"
HEADER = "sn,model,product_id,location\n"
DATE = ["--date", "2023-02-27"]


def data(*options: str) -> list[str]:
    return ["data", "--directory", "DIR", *DATE, "--seed", "1", *options]


def inventory(*options: str) -> list[str]:
    return ["inventory", "--directory", "DIR/new", "--seed", "1", *options]


# What is on the command line.
OPTIONS = [
    (["unknown"], "invalid choice: 'unknown'"),
    (["data", *DATE], "--directory"),
    (["data", "--directory", "DIR"], "--date"),
    (["inventory", "--directory", "DIR"], "--count"),
    (data("--unknown"), "there is no option --unknown; see 'synthpower data --help'"),
    (data("--form", "csv"), "there is no option --form; did you mean --format?"),
    (data("two\nlines"), r"synthpower data: error: unrecognized arguments: two\nlines"),
    (data("--date", "2023-02-30"), "argument --date: '2023-02-30' does not exist"),
    (data("--date", "2023-02-27T24"), "argument --date: '2023-02-27T24' does not exist"),
    (data("--date", "yesterday"), "write YYYY-MM-DD or YYYY-MM-DDTHH"),
    (data("--date", "1969-12-31"), "1970-01-01 to 9999-12-30"),
    (data("--date", "9999-12-31"), "1970-01-01 to 9999-12-30"),
    (data("--date", ""), "write YYYY-MM-DD"),
    (data("--interval", "0"), "argument --interval: 0: it must be 1 second or more"),
    (data("--interval", "-60"), "argument --interval: -60: it must be 1 second or more"),
    (data("--interval", "1.5"), "argument --interval: '1.5' is not a whole number"),
    (data("--interval", "hour"), "argument --interval: 'hour' is not a whole number"),
    (data("--interval="), "argument --interval: '' is not a whole number"),
    (data("--interval", "7000"), "the nearest that do: 5760 and 7200"),
    (data("--date", "2023-02-27T05", "--interval", "7200"), "the nearest that do: 3600"),
    (data("--interval", "--end"), "argument --interval: without a number"),
    (data("--interval", "600", "--interval", "--end"), "argument --interval: without a number"),
    (data("--fuzz", "-1"), "argument --fuzz: -1: it must be 0 to 3599"),
    (data("--fuzz", "3600"), "argument --fuzz: 3600: it must be 0 to 3599"),
    (data("--fuzz", "0.5"), "argument --fuzz: '0.5' is not a whole number"),
    (data("--days", "0"), "argument --days: 0: it must be 1 or more"),
    (data("--days", "two"), "argument --days: 'two' is not a whole number"),
    (data("--days", "9999999"), "argument --days: 9999999 days from 2023-02-27 end after"),
    (data("--date", "2023-02-27T05", "--days", "2"), "argument --date"),
    (data("--format", "xml"), "argument --format: invalid choice: 'xml'"),
    (data("--signal", "sine"), "argument --signal: invalid choice: 'sine'"),
    (data("--seed", "-1"), "argument --seed: -1: it must be 0 to 2^63 - 1"),
    (data("--seed", "9223372036854775808"), "it must be 0 to 2^63 - 1"),
    (data("--seed", "1e3"), "argument --seed: '1e3' is not a whole number"),
    (data("--workers", "0"), "argument --workers: 0: it must be 1 to 1024"),
    (data("--output", "x.csv", "--days", "2"), "argument --output: it names one file"),
    (data("--output", "DIR"), "is a directory"),
    (data("--output", "DIR/no/such.csv"), "no such directory"),
    (data("--output", ""), "argument --output: it is empty"),
    (data("--compression", "snappy"), "argument --compression: 'snappy': choose gzip, zstd"),
    (data("--output", "DIR/inventory.csv", "--overwrite"), "is part of the dataset"),
    (data("--directory", "DIR/none"), "argument --directory: DIR/none: no such directory"),
    (data("--directory", "DIR/inventory.csv"), "inventory.csv is not a directory"),
    (data("--directory", "DIR/a\nb"), r"DIR/a\nb: no such directory"),
    (data("--measurements", "DIR/none.csv"), "DIR/none.csv: no such file"),
    (data("--measurements", "LOAD"), "LOAD: no such file"),
    (inventory("--count", "0"), "argument --count: 0: an inventory has 1 to 214,748,364 servers"),
    (inventory("--count", "-5"), "argument --count: -5: an inventory has 1 to"),
    (inventory("--count", "1e10"), "argument --count: 10000000000: an inventory has 1 to"),
    (inventory("--count", "5e99"), "an inventory has 1 to 214,748,364 servers"),
    (inventory("--count", "1.5"), "argument --count: 1.5 is not a whole number of servers"),
    (inventory("--count", "many"), "write 100000, 100k, 1M or 1e6"),
    (inventory("--count", "nan"), "write 100000, 100k, 1M or 1e6"),
    (inventory("--count", "5", "--server-types", "DIR/none.csv"), "none.csv: no such file"),
    (inventory("--count", "5", "--directory", "DIR/inventory.csv"), "is not a directory"),
    (inventory("--count", "5", "--directory", "DIR/inventory.csv/x"), "Not a directory"),
    (["inventory", "--directory", "DIR", "--count", "5"], "inventory.csv exists; --overwrite"),
    (["tables", "--copy", "DIR/inventory.csv"], "argument --copy: "),
    (["tables", "--copy", "s3://bucket/mine"], "s3://bucket/mine is a URL; name a file of this"),
    (data("--columns", "s3://bucket/columns.csv"), "columns.csv is a URL; name a file of this machine"),
]  # fmt: skip

# What stands in inventory.csv.
INVENTORIES: list[tuple[str | bytes | None, str]] = [
    (None, "no inventory there; make one with 'synthpower inventory --directory DIR --count 1000'"),
    ("", "inventory.csv: the file is empty; make one with 'synthpower inventory"),
    ("sn,model,product_id,location\n", "no server below the header; make one with"),
    ("\n\n", "inventory.csv: the file is empty"),
    (HEADER, "no server below the header"),
    ("sn,model,location\nA1,m,x\n", "inventory.csv:1: no column product_id"),
    ("sn,sn,model,product_id,location\nA1,A1,m,p,x\n", "inventory.csv:1: column sn is there twice"),
    (GOOD + "A1,m,p,x\n", "inventory.csv:4: serial number A1 is a duplicate, first in line 2"),
    (GOOD + "\n\nA2,m,p,x\n", "inventory.csv:6: serial number A2 is a duplicate, first in line 3"),
    (GOOD + "odd sn,m,p,x\nodd sn,m,p,x\n", "inventory.csv:5: serial number odd sn is a duplicate, first in line 4"),
    (GOOD + "A3,m,p\n", "inventory.csv:4: 3 fields, where the header has 4"),
    (GOOD + "A3,m,p,x,y\n", "inventory.csv:4: 5 fields, where the header has 4"),
    (GOOD + ",m,p,x\n", "inventory.csv:4: empty sn"),
    (GOOD + "A3,,p,x\n", "inventory.csv:4: empty model"),
    (GOOD + "A3,m,,x\n", "inventory.csv:4: empty product_id"),
    (GOOD + "A3,m,p,\n", "inventory.csv:4: empty location"),
    (GOOD + 'A3,m,p,""\n', "inventory.csv:4: empty location"),
    (GOOD + "A3,other,p,x\n", "inventory.csv:4: product id p has two models: 'm' in line 2"),
    (GOOD.encode() + b"A3,m\xe9,p,x\n", "inventory.csv:4: not UTF-8"),
    (GOOD.encode("utf-16"), "inventory.csv:1: not UTF-8"),
    (b"sn,model,product_id,location,note\nA1,m,p,x,\xff\n", "inventory.csv:2: not UTF-8"),
    (GOOD + "A\x003,m,p,x\n", "inventory.csv:4: control character U+0000 in sn"),
    (GOOD + "A3,m\x1b[31m,p,x\n", "inventory.csv:4: control character U+001B in model"),
    (GOOD + 'A3,m,p,"x\ny"\n', "inventory.csv:4: control character U+000A in location"),
    (GOOD + "A3,m,p,x\x9f\n", "inventory.csv:4: control character U+009F in location"),
    (GOOD + 'A3,m,p,"x\n', "inventory.csv:4: not a CSV row"),
]  # fmt: skip

# What stands in measurements.csv.
MEASUREMENTS: list[tuple[str | bytes, str]] = [
    ("", "measurements.csv: the file is empty"),
    ("name,unit,scale\n", "measurements.csv: no measurement"),
    ("name,unit\na,W\n", "measurements.csv:1: no column scale"),
    ("name,unit,scale\na,W,0\n", "measurements.csv:2: scale 0: it must be a positive number"),
    ("name,unit,scale\na,W,-1\n", "measurements.csv:2: scale -1: it must be a positive number"),
    ("name,unit,scale\na,W,inf\n", "measurements.csv:2: scale 'inf': it must be a finite number"),
    ("name,unit,scale\na,W,nan\n", "measurements.csv:2: scale 'nan': it must be a finite number"),
    ("name,unit,scale,minimum\na,W,1,nan\n", "measurements.csv:2: minimum 'nan': it must be a"),
    ("name,unit,scale,minimum\na,W,1,-1e400\n", "measurements.csv:2: minimum '-1e400': it must be"),
    ("name,unit,scale,minimum\na,W,1,1\n", ":2: scale 1: it must be above the minimum, 1"),
    ("name,unit,scale,minimum\na,W,-3,-2\n", ":2: scale -3: it must be above the minimum, -2"),
    ("name,unit,scale,minimum\na,W,-3,\n", ":2: scale -3: it must be a positive number"),
    (
        "name,unit,scale,quantity,minimum\na,W,9,power,1\n",
        ":2: minimum 1: what has a quantity has bounds of its own; leave one of the two empty",
    ),
    ("name,unit,scale\na,W,1\na,W,2\n", "measurements.csv:3: measurement 'a' is listed twice"),
    ("name,unit,scale\n,W,1\n", "measurements.csv:2: empty name"),
    ("name,unit,scale,decimals\na,W,1,-2\n", "measurements.csv:2: decimals '-2'"),
    ("name,unit,scale,decimals\na,W,1,17\n", "is more than a double can hold"),
    ("name,unit,scale,decimals\na,W,1\n", "measurements.csv:2: 3 fields, where the header has 4"),
    (b"name,unit,scale\n\xe9,W,1\n", "measurements.csv:2: not UTF-8"),
    (
        "name,unit,scale,quantity\na,W,1,watts\n",
        "measurements.csv:2: quantity 'watts': choose cpu_",
    ),
    ("name,unit,scale,quantity\na,W,1, power\n", "measurements.csv:2: quantity ' power': choose"),
    ("name,unit,scale,quantity\na,kW,1,power\n", "measurements.csv:2: unit 'kW': power is in W"),
    (
        "name,unit,scale,quantity\na,C,1,inlet_temperature\n",
        "unit 'C': inlet_temperature is in Cel",
    ),
]

# What --signal load takes from tables beside the inventory: table, text, words.
LOAD = [
    ("measurements.csv", "name,unit,scale\na,W,1\n", "--measurements: none has a quantity, which"),
    (
        "measurements.csv",
        "name,unit,scale,decimals,quantity\na,W,1,4,power\n",
        "'a' has 4 decimals",
    ),
    (
        "server_types.csv",
        "model,product_id,load_curve\nm,p,Gen8\n",
        "load_curve 'Gen8' of p: choose",
    ),
    (
        "server_types.csv",
        "model,product_id,sockets\nm,p,two\n",
        "sockets 'two' of p: write a number",
    ),
    (
        "locations.csv",
        "location,time_zone\nx,Mars\n",
        "locations.csv:2: time zone 'Mars' is not known",
    ),
]

# Tables for `inventory`: option, text, words.
TABLES = [
    ("--server-types", "model,product_id\nm,p\nm,p\n", ":3: server type p is listed twice"),
    ("--server-types", "model,product_id\nm,p\nn,p\n", ":3: product id p has two models"),
    ("--server-types", "model\nm\n", ":1: no column product_id"),
    ("--locations", "location,weight\nx,-1\n", ":2: weight -1: it must not be negative"),
    ("--measurements", "name,unit,scale\na,W,x\n", ":2: scale 'x': it must be a finite number"),
]


def check(done, directory: Path, before: dict[str, bytes], words: str) -> None:
    assert done.returncode == 2, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert words.replace("DIR", str(directory)) in line
    assert line.startswith("synthpower")
    assert ": error: " in line
    assert contents(directory) == before


def contents(directory: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() if p.is_file() else b"" for p in directory.iterdir()}


def run(
    command,
    directory: Path,
    arguments: list[str],
    words: str,
    before_it: Callable[[], None] | None = None,
) -> None:
    before = contents(directory)
    filled = [argument.replace("DIR", str(directory)) for argument in arguments]
    options = {"preexec_fn": before_it} if before_it else {}
    done = command(*filled, cwd=directory, **options)
    check(done, directory, before, words)


@pytest.mark.parametrize(("arguments", "words"), OPTIONS)
def test_a_wrong_command_line(
    command_here, tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "inventory.csv").write_text(GOOD)
    run(command_here, tmp_path, arguments, words)


@pytest.mark.parametrize(("text", "words"), INVENTORIES)
def test_a_wrong_inventory(
    command_here, tmp_path: Path, text: str | bytes | None, words: str
) -> None:
    if text is not None:
        written = text.encode() if isinstance(text, str) else text
        (tmp_path / "inventory.csv").write_bytes(written)
    run(command_here, tmp_path, data(), words)


@pytest.mark.parametrize(("text", "words"), MEASUREMENTS)
def test_wrong_measurements(command_here, tmp_path: Path, text: str | bytes, words: str) -> None:
    (tmp_path / "inventory.csv").write_text(GOOD)
    written = text.encode() if isinstance(text, str) else text
    (tmp_path / "measurements.csv").write_bytes(written)
    run(command_here, tmp_path, data(), words)


@pytest.mark.parametrize(("table", "text", "words"), LOAD)
def test_a_table_that_load_cannot_use(
    command_here, tmp_path: Path, table: str, text: str, words: str
) -> None:
    (tmp_path / "inventory.csv").write_text(GOOD)
    (tmp_path / table).write_text(text)
    run(command_here, tmp_path, data("--signal", "load"), words)


@pytest.mark.parametrize(("option", "text", "words"), TABLES)
def test_a_wrong_table(command_here, tmp_path: Path, option: str, text: str, words: str) -> None:
    (tmp_path / "table.csv").write_text(text)
    arguments = inventory("--count", "5", option, "DIR/table.csv")
    run(command_here, tmp_path, arguments, f"table.csv{words}")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("README.md", "---\nseed: many\n---\n", "README.md:2: the seed must be a whole number"),
        ("manifest.json", "{}", "manifest.json: not a manifest of synthpower"),
    ],
)
def test_a_wrong_seed_or_manifest(
    command, tmp_path: Path, name: str, text: str, words: str
) -> None:
    (tmp_path / "inventory.csv").write_text(GOOD)
    (tmp_path / name).write_text(text)
    run(command, tmp_path, ["data", "--directory", "DIR", *DATE], words)


def test_an_existing_file_is_not_replaced(command, tmp_path: Path) -> None:
    (tmp_path / "inventory.csv").write_text(GOOD)
    (tmp_path / "data-2023-02-28.csv").write_text("older")
    run(
        command,
        tmp_path,
        data("--days", "3"),
        "data-2023-02-28.csv exists, and it is not what would be made: the header",
    )


def test_an_inventory_from_which_data_was_made_is_not_replaced(command, tmp_path: Path) -> None:
    (tmp_path / "inventory.csv").write_text(GOOD)
    (tmp_path / "data-2023-02-27.parquet").write_text("data")
    arguments = ["inventory", "--directory", "DIR", "--count", "3", "--overwrite"]
    run(command, tmp_path, arguments, "data-2023-02-27.parquet was made from the inventory")


@pytest.fixture(scope="module")
def one_day(command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("one") / "day"
    for made in (["inventory", "--count", "3", "--seed", "1"], ["data", "--date", "2023-02-28"]):
        assert command(*made, "--directory", directory).returncode == 0
    return directory


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["data", *DATE, "--directory", "DIR"], "DIR may not be written"),
        (["data", *DATE, "--directory", "DIR", "--seed", "1"], "DIR may not be written"),
        (data("--format", "parquet", "--overwrite"), "DIR may not be written"),
        (data("--output", "DIR/x.csv"), "DIR may not be written"),
        (["inventory", "--directory", "DIR", "--count", "5", "--overwrite"], "DIR may not be written"),
        (["inventory", "--directory", "DIR/new", "--count", "5"], "DIR/new: Permission denied"),
        (["remake", "DIR"], "DIR may not be written"),
        (["remake", "DIR", "--directory", "DIR/new"], "DIR/new: Permission denied"),
        (["tables", "--copy", "DIR/new"], "DIR/new: Permission denied"),
    ],
)  # fmt: skip
def test_a_directory_that_may_not_be_written(
    command,
    one_day: Path,
    tmp_path: Path,
    forbidding: Callable[[], None],
    arguments: list[str],
    words: str,
) -> None:
    directory = Path(shutil.copytree(one_day, tmp_path / "closed"))
    (directory / "data-2023-02-28.csv").unlink()
    directory.chmod(0o500)
    run(command, directory, arguments, words, forbidding)
    directory.chmod(0o700)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("inventory.csv", data()),
        ("measurements.csv", data()),
        ("README.md", ["data", "--directory", "DIR", *DATE]),
        ("manifest.json", data()),
        ("data-2023-02-28.csv", data("--date", "2023-02-28")),
        ("inventory.csv", ["remake", "DIR"]),
        ("manifest.json", ["remake", "DIR"]),
        ("README.md", ["remake", "DIR", "--directory", "DIR/new"]),
    ],
)
def test_a_file_that_may_not_be_read(
    command,
    one_day: Path,
    tmp_path: Path,
    forbidding: Callable[[], None],
    name: str,
    arguments: list[str],
) -> None:
    directory = Path(shutil.copytree(one_day, tmp_path / "closed"))
    if name.startswith(("data-", "README")) and arguments[0] == "data":  # what else says it
        (directory / "manifest.json").unlink()
    (directory / name).chmod(0o000)
    run(command, directory, arguments, f"DIR/{name}", forbidding)


def test_a_readme_that_may_not_be_read_is_left_alone(
    command, one_day: Path, tmp_path: Path, forbidding: Callable[[], None]
) -> None:
    """The manifest has the seed: only the commands that README shows are of another day."""
    directory = Path(shutil.copytree(one_day, tmp_path / "closed"))
    (directory / "README.md").chmod(0o000)
    done = command("data", "--directory", directory, *DATE, preexec_fn=forbidding)
    assert done.returncode == 0
    warning, summary = done.stderr.splitlines()
    assert warning == (
        f"synthpower data: warning: {directory}/README.md: it does not show today's commands: "
        "Permission denied"
    )
    assert summary.startswith("data-2023-02-27.csv  144 rows")
    (directory / "README.md").chmod(0o600)
    assert (directory / "README.md").read_bytes() == (one_day / "README.md").read_bytes()


def test_a_file_that_may_not_be_read_is_not_verified(
    command, tmp_path: Path, forbidding: Callable[[], None]
) -> None:
    (tmp_path / "inventory.csv").write_text(GOOD)
    for format in ("csv", "parquet"):
        assert command(*data("--directory", tmp_path, "--format", format)).returncode == 0
        (tmp_path / f"data-2023-02-27.{format}").chmod(0o000)
    done = command("verify", tmp_path, preexec_fn=forbidding)
    assert done.returncode == 1
    assert done.stdout.count("Permission denied") == 2
    assert done.stderr.startswith("5 files  9 checks  2 wrong")


def test_a_full_disk_is_one_line_and_status_1(command, tmp_path: Path) -> None:
    (tmp_path / "inventory.csv").write_text(GOOD)
    for format in ("csv", "parquet"):
        done = command(
            "data", "--directory", tmp_path, *DATE, "--format", format, "--output", "/dev/full"
        )
        assert done.returncode == 1
        assert done.stderr == "synthpower data: error: /dev/full: No space left on device\n"


def test_a_file_larger_than_allowed_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:

    (tmp_path / "inventory.csv").write_text(GOOD)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    arguments = data("--interval", "10", "--directory", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-m", "synthpower", *arguments],
        capture_output=True, text=True, preexec_fn=limit, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1, done
    path = tmp_path / "data-2023-02-27.csv"
    assert done.stderr == f"synthpower data: error: {path}: File too large\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["inventory.csv", "manifest.json"]
    planned = json.loads((tmp_path / "manifest.json").read_text())["files"][path.name]
    assert (planned["state"], planned["bytes"]) == ("planned", None)


def test_a_broken_manifest_is_found_before_anything_is_written(command, tmp_path: Path) -> None:
    (tmp_path / "inventory.csv").write_text(GOOD)
    (tmp_path / "manifest.json").write_text("{")
    (tmp_path / "data-2023-02-27.csv").write_text("older")
    run(command, tmp_path, data("--overwrite"), "manifest.json: not a manifest of synthpower")


def test_a_failed_inventory_leaves_the_older_one_whole(command, tmp_path: Path) -> None:

    arguments = ["inventory", "--directory", str(tmp_path), "--overwrite", "--seed"]
    assert command(*arguments, "1", "--count", "10").returncode == 0
    before = contents(tmp_path)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(
        [sys.executable, "-m", "synthpower", *arguments, "2", "--count", "50k"],
        capture_output=True, text=True, preexec_fn=limit, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1, done
    assert "inventory.csv: File too large" in done.stderr
    assert contents(tmp_path) == before


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_a_closed_stream_is_no_traceback(tmp_path: Path, closed: str) -> None:

    (tmp_path / "inventory.csv").write_text(GOOD)
    sign = {"stdout": ">&-", "stderr": "2>&-"}[closed]
    line = f'"$0" -m synthpower data --directory "$1" --date 2023-02-27 --seed 1 {sign}'
    done = subprocess.run(
        ["sh", "-c", line, sys.executable, str(tmp_path)],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert (tmp_path / "data-2023-02-27.csv").exists()


def test_a_directory_whose_name_is_not_utf8(tmp_path: Path) -> None:

    directory = os.fsencode(tmp_path) + b"/b\xff"
    for rest in (["inventory", "--count", "3"], ["data", "--date", "2023-02-27"]):
        done = subprocess.run(
            [sys.executable, "-m", "synthpower", *rest, "--directory", directory],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


def test_two_interrupts_leave_no_temporary_file(tmp_path: Path) -> None:

    (tmp_path / "inventory.csv").write_text(
        "sn,model,product_id,location\n" + "".join(f"A{i},m,p,x\n" for i in range(20_000))
    )
    arguments = ["data", "--directory", str(tmp_path), "--date", "2023-02-27", "--interval", "60"]
    process = subprocess.Popen(
        [sys.executable, "-m", "synthpower", *arguments], stderr=subprocess.PIPE, text=True
    )
    while not list(tmp_path.glob(".synthpower-*.tmp")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    time.sleep(0.005)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said == (
        "synthpower data: error: interrupted; 0 of 1 file written: the same command goes on\n"
    )
    assert not list(tmp_path.glob(".synthpower-*.tmp"))
