"""The command line as a user meets it. Bad input has a file of its own: test_errors.py."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from support import contents, names, ok

from synthpower import Inventory, Readings, __version__
from synthpower.cli.main import main, run_program
from synthpower.tables import TABLES, shipped

HEADER = "sn,model,product_id,location,start_time,end_time,measurement_value,unit,name\n"


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A directory with an inventory of the user's own, and nothing else."""
    (tmp_path / "inventory.csv").write_text(
        "sn,model,product_id,location\nA1,some model,P1,here\nlower case,other model,P2,there\n"
    )
    return tmp_path


def test_bare_command_shows_the_two_lines_of_a_first_dataset(command) -> None:
    text = ok(command()).stdout
    assert "synthpower inventory --directory power --count 1000" in text
    assert "synthpower data --directory power --date 2023-02-27" in text


@pytest.mark.parametrize("name", [None, "inventory", "data", "verify", "remake", "tables"])
def test_help_has_an_example(command, name: str | None) -> None:
    text = ok(command(*filter(None, [name]), "--help")).stdout
    assert re.search(r"^  synthpower (inventory|data|verify|remake|tables) ", text, re.MULTILINE)


@pytest.mark.parametrize(
    "arguments", [(), ("data",), ("inventory",), ("verify",), ("remake",), ("tables",)]
)
def test_version(command, arguments: tuple[str, ...]) -> None:
    assert ok(command(*arguments, "--version")).stdout == f"synthpower {__version__}\n"


def test_help_imports_neither_numba_nor_pyarrow() -> None:
    script = (
        "import sys\nfrom synthpower.cli.main import main\ntry: main(['data', '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numba', 'numpy', 'pyarrow', 'rich'} & set(sys.modules)\nassert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=60)


def test_inventory_says_what_it_made(command, tmp_path: Path) -> None:
    done = ok(command("inventory", "--directory", tmp_path / "new" / "power", "--count", "1k",
                      "--seed", "8123"))  # fmt: skip
    form = r"inventory\.csv  1,000 servers  \d+\.\d kB  \d+\.\d s  seed 8123\n"
    assert re.fullmatch(form, done.stderr)
    assert done.stdout == ""
    assert names(tmp_path / "new" / "power") == [
        "README.md", "inventory.csv", "locations.csv", "manifest.json", "measurements.csv",
        "server_types.csv",
    ]  # fmt: skip


def test_data_says_what_it_made(command, own: Path) -> None:
    done = ok(command("data", "--directory", own, "--date", "2023-02-27", "--seed", "8123"))
    form = r"data-2023-02-27\.csv  96 rows  \d+\.\d kB  \d+\.\d s  seed 8123 \(UTC\)\n"
    assert re.fullmatch(form, done.stderr)
    assert done.stdout == ""


def test_days_are_one_line_and_a_file_each(command, own: Path) -> None:
    done = ok(command("data", "--directory", own, "--date", "2023-02-27", "--seed", "1",
                      "--days", "3"))  # fmt: skip
    assert done.stderr.startswith("3 files, data-2023-02-27.csv to data-2023-03-01.csv  288 rows")
    assert done.stderr.count("\n") == 1
    assert [n for n in names(own) if n.startswith("data")] == [
        "data-2023-02-27.csv", "data-2023-02-28.csv", "data-2023-03-01.csv",
    ]  # fmt: skip


def test_quiet_is_silent(command, tmp_path: Path) -> None:
    arguments = ("--directory", tmp_path, "--quiet")
    for done in (
        command("inventory", "--count", "3", *arguments),
        command("data", "--date", "2023-02-27T05", *arguments),
    ):
        assert (ok(done).stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("count", ["2000", "2k", "2K", "0.002M", "2e3"])
def test_counts_of_every_form(command, tmp_path: Path, count: str) -> None:
    ok(command("inventory", "--directory", tmp_path, "--count", count))
    assert (tmp_path / "inventory.csv").read_text().count("\n") == 2001


@pytest.mark.parametrize(
    "arguments",
    [["--format=parquet"], ["--format", "parquet"]],
)
def test_an_option_takes_its_value_with_a_space_or_an_equals_sign(
    command, own: Path, arguments: list[str]
) -> None:
    ok(command("data", "--directory", own, "--date", "2023-02-27", *arguments))
    assert pq.read_metadata(own / "data-2023-02-27.parquet").num_rows == 96


@pytest.mark.parametrize(
    ("arguments", "rows", "columns"),
    [
        (["--interval"], 96, 9),
        (["--interval", "600"], 576, 9),
        (["--interval", "600", "--interval"], 576, 9),
        (["--interval", "--interval", "600"], 576, 9),
        (["--end"], 96, 8),
        (["--interval", "600", "--end"], 576, 8),
        (["--end", "--interval", "600"], 576, 8),
    ],
)
def test_interval_with_and_without_a_number(
    own: Path, arguments: list[str], rows: int, columns: int
) -> None:
    base = ["data", "--directory", str(own), "--date", "2023-02-27", "--quiet"]
    assert main([*base, *arguments]) == 0
    header, *lines = (own / "data-2023-02-27.csv").read_text().splitlines()
    assert (len(lines), header.count(",") + 1) == (rows, columns)


def test_a_drawn_seed_is_printed_kept_and_used_again(command, own: Path) -> None:
    first = ok(command("data", "--directory", own, "--date", "2023-02-27"))
    second = ok(command("data", "--directory", own, "--date", "2023-02-28"))
    seeds = [re.search(r"seed (\d+)", done.stderr)[1] for done in (first, second)]
    assert seeds[0] == seeds[1]
    made = Readings(Inventory.read(own / "inventory.csv"), "2023-02-28", seed=int(seeds[0]))
    made.write(own / "again.csv")
    assert (own / "again.csv").read_bytes() == (own / "data-2023-02-28.csv").read_bytes()


def test_seed_zero_is_a_seed(command, tmp_path: Path) -> None:
    ok(command("inventory", "--directory", tmp_path, "--count", "3", "--seed", "0"))
    done = ok(command("data", "--directory", tmp_path, "--date", "2023-02-27"))
    assert "seed 0 (UTC)" in done.stderr


def test_seed_overrides_the_readmes(command, tmp_path: Path) -> None:
    ok(command("inventory", "--directory", tmp_path, "--count", "3", "--seed", "1"))
    done = ok(command("data", "--directory", tmp_path, "--date", "2023-02-27", "--seed", "2"))
    assert "seed 2 (UTC)" in done.stderr


def test_the_directorys_measurements_are_used_and_an_option_replaces_them(
    command, own: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (own / "measurements.csv").write_text("name,unit,scale,decimals\ntemperature,Cel,45,1\n")
    ok(command("data", "--directory", own, "--date", "2023-02-27"))
    assert ",Cel,temperature\n" in (own / "data-2023-02-27.csv").read_text()
    other = tmp_path_factory.mktemp("other") / "m.csv"
    other.write_text("name,unit,scale\nfan speed,rpm,9000\n")
    ok(command("data", "--directory", own, "--date", "2023-02-28", "--measurements", other))
    assert ",rpm,fan speed\n" in (own / "data-2023-02-28.csv").read_text()


def test_the_users_tables_make_the_inventory(command, tmp_path: Path) -> None:
    tables = {
        "server-types": "model,product_id\nmine,M1\n",
        "locations": "location\nhome\n",
        "measurements": "name,unit,scale\nm,W,3\n",
    }
    options = []
    for name, text in tables.items():
        (tmp_path / name).write_text(text)
        options += [f"--{name}", tmp_path / name]
    directory = tmp_path / "power"
    ok(command("inventory", "--directory", directory, "--count", "2", "--seed", "1", *options))
    lines = (directory / "inventory.csv").read_text().splitlines()[1:]
    assert all(line.endswith(",mine,M1,home") for line in lines)
    assert (directory / "measurements.csv").read_text() == "name,unit,scale,decimals\nm,W,3,\n"


def test_the_readmes_commands_make_the_dataset_again(command, power: Path, tmp_path: Path) -> None:
    text = (power / "README.md").read_text()
    lines = [line.strip() for line in text.splitlines() if line.startswith("    synthpower ")]
    assert len(lines) == 3
    for line in lines:
        ok(command(*line.split()[1:], cwd=tmp_path))
    assert contents(tmp_path) == contents(power)


def test_tables_shows_all_and_copies_all(command, tmp_path: Path) -> None:
    text = ok(command("tables")).stdout
    assert all(word in text for word in ("P04654-B21", "US-ND-01", "server power"))
    ok(command("tables", "--copy", tmp_path / "mine"))
    assert names(tmp_path / "mine") == sorted(TABLES)
    for name in TABLES:
        assert (tmp_path / "mine" / name).read_bytes() == shipped(name).read_bytes()


def test_tables_shows_five_tables_each_below_its_name(command) -> None:
    lines = ok(command("tables")).stdout.splitlines()
    assert [line for line in lines if line.endswith(".csv:")] == [f"{name}:" for name in TABLES]
    assert len(TABLES) == 5
    header = ["name", "unit", "scale", "decimals", "quantity"]
    assert lines[lines.index("measurements_load.csv:") + 1].split() == header


def test_load_is_a_table_of_measurements_for_both_commands(command, tmp_path: Path) -> None:
    directory = tmp_path / "power"
    made = ("inventory", "--directory", directory, "--count", "2", "--seed", "1")
    ok(command(*made, "--measurements", "load"))
    table = shipped("measurements_load.csv").read_bytes()
    assert (directory / "measurements.csv").read_bytes() == table
    data = ("data", "--directory", directory, "--signal", "load")
    ok(command(*data, "--date", "2023-02-27"))
    (directory / "measurements.csv").unlink()
    ok(command(*data, "--date", "2023-02-28", "--measurements", "load"))
    first, second = (
        (directory / f"data-2023-02-{day}.csv").read_text().splitlines()[1:15] for day in (27, 28)
    )
    quantities = [line.rpartition(",")[2] for line in first]
    assert quantities == [line.rpartition(",")[2] for line in second]
    assert quantities[:2] == ["server cpu utilization", "server power minimum"]


def test_load_means_the_shipped_table_whatever_files_there_are(command, own: Path) -> None:
    (own / "load").write_text("name,unit,scale\nmine,W,3\n")
    options = ("--date", "2023-02-27", "--measurements", "load")
    ok(command("data", "--directory", own, *options, cwd=own))
    assert ",J,server energy\n" in (own / "data-2023-02-27.csv").read_text()


@pytest.mark.parametrize("form", ["./load", "../{}/load"])
def test_a_file_that_is_called_load_goes_by_its_path(command, own: Path, form: str) -> None:
    (own / "load").write_text("name,unit,scale\nmine,W,3\n")
    options = ("--date", "2023-02-27", "--measurements", form.format(own.name))
    ok(command("data", "--directory", own, *options, cwd=own))
    assert ",W,mine\n" in (own / "data-2023-02-27.csv").read_text()


def test_a_line_added_to_the_shipped_table_is_a_server_type(command, tmp_path: Path) -> None:
    line = "My server,P00001-B21,,,,"  # as README and the help have it
    assert line in ok(command("tables", "--help")).stdout
    ok(command("tables", "--copy", tmp_path / "mine"))
    table = tmp_path / "mine" / "server_types.csv"
    table.write_text(table.read_text() + line + "\n")
    made = ("inventory", "--directory", tmp_path / "power", "--count", "500", "--seed", "1")
    ok(command(*made, "--server-types", table))
    assert ",My server,P00001-B21," in (tmp_path / "power" / "inventory.csv").read_text()


WITHOUT_PANDAS = """
import sys
class Finder:
    @staticmethod
    def find_spec(name, *_):
        if name.partition(".")[0] == "pandas":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Finder)
from synthpower.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def give_readme(own: Path) -> None:
    """Write the front matter that another producer's dataset has."""
    front = "glcp_customer_id: 0\ndevices: inventory.csv\ndata: data-*\nseed: 1\n"
    (own / "README.md").write_text(f"---\n{front}---\n")


def test_pandas_is_not_needed(own: Path) -> None:
    give_readme(own)
    common = ["--directory", str(own), "--seed", "1", "--date", "2024-02-28T01", "--fuzz", "9"]
    for options in (["--format", "parquet"], ["--writer", "pyarrow"]):
        arguments = [sys.executable, "-c", WITHOUT_PANDAS, "data", *common, *options]
        assert subprocess.run(arguments, check=False).returncode == 0
    for options in ([], ["--contract"]):
        arguments = [sys.executable, "-c", WITHOUT_PANDAS, "verify", str(own), *options]
        done = subprocess.run(arguments, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert ("equal to those made again" in done.stdout) == (not options)


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_output_to_standard_output_is_the_files_bytes(command, own: Path, format: str) -> None:
    arguments = (
        "data",
        "--directory",
        own,
        "--date",
        "2023-02-27",
        "--seed",
        "1",
        "--format",
        format,
    )
    ok(command(*arguments))
    done = command(*arguments, "--output", "-", text=False)
    assert done.returncode == 0
    assert done.stdout == (own / f"data-2023-02-27.{format}").read_bytes()
    assert done.stderr.startswith(b"standard output  96 rows")


def test_output_to_a_file_elsewhere(command, own: Path, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("elsewhere") / "mine.parquet"
    ok(command("data", "--directory", own, "--date", "2023-02-27", "--output", path))
    assert pq.read_metadata(path).num_rows == 96
    assert not (own / "data-2023-02-27.csv").exists()


def test_dev_null_is_written_and_stays(command, own: Path) -> None:
    before = os.stat("/dev/null")
    ok(command("data", "--directory", own, "--date", "2023-02-27", "--output", "/dev/null"))
    assert os.stat("/dev/null").st_ino == before.st_ino


def test_overwrite_replaces_data(command, own: Path) -> None:
    arguments = ("data", "--directory", own, "--date", "2023-02-27", "--seed")
    ok(command(*arguments, 1))
    before = (own / "data-2023-02-27.csv").read_bytes()
    ok(command(*arguments, 2, "--overwrite"))
    assert (own / "data-2023-02-27.csv").read_bytes() != before


def test_overwrite_replaces_an_inventory_from_which_no_data_was_made(command, power: Path,
                                                                     tmp_path: Path) -> None:  # fmt: skip
    arguments = ("inventory", "--directory", tmp_path, "--count", "3", "--seed")
    ok(command(*arguments, 1))
    ok(command(*arguments, 2, "--overwrite"))
    assert "seed: 2" in (tmp_path / "README.md").read_text()


def slow(own: Path, *arguments: str) -> list[str]:
    """Return a command that runs for long: 43 million rows for the slow writer."""
    rows = "".join(f"S{i:06d},m,p,x\n" for i in range(5000))
    (own / "inventory.csv").write_text("sn,model,product_id,location\n" + rows)
    base = [sys.executable, "-m", "synthpower", "data", "--directory", str(own)]
    return [
        *base,
        "--date",
        "2023-02-27",
        "--interval",
        "20",
        "--seed",
        "1",
        "--writer",
        "pyarrow",
        *arguments,
    ]


def when_writing(own: Path, process: subprocess.Popen[bytes]) -> None:
    """Wait until a temporary file has some size."""
    for _ in range(600):
        if any(path.stat().st_size > 10_000_000 for path in own.glob(".synthpower-*.tmp")):
            return
        assert process.poll() is None
        time.sleep(0.05)
    raise AssertionError("nothing was written")


@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("number", "status", "days"),
    [(signal.SIGINT, 130, "1"), (signal.SIGTERM, 143, "1"), (signal.SIGINT, 130, "4")],
)
def test_a_signal_ends_it_and_leaves_nothing(
    own: Path, number: signal.Signals, status: int, days: str, format: str
) -> None:
    arguments = slow(own, "--days", days, "--format", format)
    with subprocess.Popen(arguments, stderr=subprocess.PIPE) as process:
        when_writing(own, process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == status
    assert b"Traceback" not in errors
    left = [path.name for path in own.iterdir()]
    assert not [name for name in left if name.endswith(".tmp")]
    if days == "1":
        assert names(own) == ["inventory.csv", "manifest.json"]
        (entry,) = json.loads((own / "manifest.json").read_text())["files"].values()
        assert entry["state"] == "planned"
    else:  # files that were whole before the signal stay, and the manifest knows them
        whole = [name for name in left if name.startswith("data-")]
        assert len(whole) < 4
        assert len({(own / name).stat().st_size for name in whole}) <= 1


def test_an_interrupted_stream_of_parquet_gets_no_footer(own: Path) -> None:
    arguments = slow(own, "--output", "-", "--format", "parquet")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        data = process.stdout.read(1_000_000)
        process.send_signal(signal.SIGINT)
        more, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert not (data + more).endswith(b"PAR1")


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_reader_that_closes_the_pipe_is_a_quiet_success(own: Path, format: str) -> None:
    arguments = slow(own, "--output", "-", "--format", format)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.read(100)
        process.stdout.close()
        assert process.wait(timeout=30) == 0
        assert process.stderr
        assert process.stderr.read() == b""


def on_a_terminal(arguments: list[str]) -> str:
    """Run a command whose standard error is a terminal and return what that shows."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "140"}
    with subprocess.Popen(arguments, stderr=follower, env=environment) as process:
        os.close(follower)
        shown = b""
        try:
            while data := os.read(leader, 65536):
                shown += data
        except OSError:  # how Linux ends a terminal
            pass
        assert process.wait(timeout=60) == 0
    os.close(leader)
    return shown.decode()


def test_a_terminal_shows_rows_rates_and_the_time_left(own: Path) -> None:
    base = [sys.executable, "-m", "synthpower", "data", "--directory", str(own)]
    shown = on_a_terminal([*base, "--date", "2023-02-27", "--interval", "1", "--seed", "1"])
    assert "data-2023-02-27.csv" in shown
    assert "rows/s" in shown
    assert "MB/s" in shown
    assert re.search(r"\d\d:\d\d", shown)
    assert "345,600 rows" in shown
    quiet = on_a_terminal([*base, "--date", "2023-02-28", "--seed", "1", "--quiet"])
    assert quiet == ""


@pytest.mark.parametrize("option", [[], ["--contract"]])
@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_terminal_shows_the_time_left_of_a_verification(
    command, own: Path, option: list[str], format: str
) -> None:
    made = ["--date", "2023-02-27", "--interval", "2", "--seed", "1", "--format", format]
    ok(command("data", "--directory", own, *made))
    give_readme(own)
    base = [sys.executable, "-m", "synthpower", "verify", str(own)]
    shown = on_a_terminal([*base, *option])
    assert "M rows/s" in shown
    assert re.search(r"\d\d:\d\d", shown)


def test_quiet_may_stand_before_the_command(command, own: Path) -> None:
    done = ok(command("--quiet", "data", "--directory", own, "--date", "2023-02-27T05"))
    assert done.stderr == ""


@pytest.mark.parametrize("program", ["generate-inventory", "generate-data"])
def test_the_founding_documents_names_are_installed(program: str) -> None:
    path = Path(sys.executable).parent / program
    if not path.exists():
        pytest.skip("synthpower is not installed here")
    done = subprocess.run([path, "--help"], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith(f"usage: {program} ")


def test_aliases_do_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = ["--directory", str(tmp_path), "--quiet"]
    monkeypatch.setattr(sys, "argv", ["generate-inventory", *base, "--count", "3"])
    assert run_program("generate-inventory", "inventory") == 0
    monkeypatch.setattr(sys, "argv", ["generate-data", *base, "--date", "2023-02-27T05"])
    assert run_program("generate-data", "data") == 0
    assert (tmp_path / "data-2023-02-27T05.csv").read_text().startswith(HEADER)


@pytest.mark.parametrize(
    ("options", "certainty"),
    [
        (["--format", "parquet"], "exactly"),
        (["--format", "parquet", "--compression", "none", "--fuzz", "7"], "exactly"),
        (["--format", "parquet", "--compression", "zstd"], "about"),
        (["--format", "parquet", "--writer", "pyarrow"], "about"),
        (["--fuzz", "7", "--end"], "at most"),
        ([], "at most"),
    ],
)
def test_a_dry_run_says_what_would_be_written_and_writes_nothing(
    command, own: Path, options: list[str], certainty: str
) -> None:
    arguments = ["data", "--directory", own, "--date", "2024-02-28", "--days", "3", "--seed", "1"]
    done = ok(command(*arguments, *options, "--dry-run"))
    assert names(own) == ["inventory.csv"]
    lines = dict(line.split(None, 1) for line in done.stdout.splitlines())
    assert list(lines) == ["files", "rows", "bytes", "time", "free"]
    assert lines["files"].startswith("3 files, data-2024-02-28.")
    assert lines["rows"] == "288"
    ok(command(*arguments, *options))
    size = sum(path.stat().st_size for path in own.glob("data-*"))
    found = re.fullmatch(rf"{certainty} ([\d,]+) \(\d+\.\d kB\)", lines["bytes"])
    assert found
    said = int(found[1].replace(",", ""))
    assert re.fullmatch(
        r"about \d+\.\d s to compute with \d+ threads?; 0\.0 s to write at 1 GB/s", lines["time"]
    )
    if certainty == "exactly":
        assert said == size
    if certainty == "at most":
        assert size <= said <= 1.1 * size


def test_what_cannot_fit_is_refused_before_it_starts(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    arguments = ["data", "--directory", str(own), "--date", "2024-02-28", "--seed", "1"]
    for dry in ([], ["--dry-run"]):
        assert main([*arguments, *dry]) == 2
        assert "bytes are needed, and 1,000 are free" in capsys.readouterr().err
    assert names(own) == ["inventory.csv"]
    assert main([*arguments, "--output", os.devnull]) == 0


def test_the_first_run_says_that_it_compiles(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    command = [sys.executable, "-m", "synthpower", "data", "--directory", str(own), "--seed", "1"]
    command += ["--date", "2024-02-28T01", "--overwrite"]
    first, second = on_a_terminal(command), on_a_terminal(command)
    assert "compiling kernels for this machine" in first
    assert "compiling" not in second


def test_where_kernels_cannot_be_kept_each_run_says_why(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    command = [sys.executable, "-m", "synthpower", "data", "--directory", str(own), "--seed", "1"]
    said = on_a_terminal([*command, "--date", "2024-02-28T01", "--overwrite"])
    assert "compiling kernels, each time: they cannot be kept" in said
    assert "Not a directory" in said


def test_both_writers_write_the_same_csv(command, own: Path) -> None:
    base = ["data", "--directory", own, "--seed", "1", "--date", "2024-02-28", "--fuzz", "60"]
    ok(command(*base, "--output", own / "a.csv"))
    ok(command(*base, "--output", own / "b.csv", "--writer", "pyarrow"))
    assert (own / "a.csv").read_bytes() == (own / "b.csv").read_bytes()
