"""Flip every bit of what a reader takes a file's word for, and see what each command says of it.

    python tests/long/flips.py

flips each bit of the metadata of three small Parquet files, of different kinds, and of a whole CSV
file, one at a time, and has each command look at it; writes reference/results/flips.json. No flip
may end a command with a traceback or a signal, and none that `verify` passes may change what a
reader returns. (`data` and `remake` look at the record and the size of what is there already, and
`verify --contract` at what pyarrow reads, which may be another value that keeps the contract.)
test_flips.py does the same for some hundred bits.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from synthpower.cli import main as cli
from synthpower.dataset import validate
from synthpower.dataset.layout import OURS
from synthpower.dataset.validate.child import Child
from synthpower.formats.parquet.layout import footer_of, read_pages

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "reference" / "results" / "flips.json"
PATIENCE = 120  # seconds, of a run that takes some milliseconds
PROCESSES = 2
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # where nobody waits for a disk
HOUR = "2023-02-27T05"

# Files of different kinds, and how they are made.
KINDS = {
    "decimals": ["--format", "parquet"],
    "doubles, fuzz, snappy": ["--format", "parquet", "--fuzz", "9", "--compression", "snappy"],
    "pyarrow": ["--format", "parquet", "--writer", "pyarrow"],
    "csv": ["--format", "csv"],
}
DOUBLES = "name,unit,scale,decimals\nserver power,W,300,\n"
FEWER = "name,unit,scale,decimals\nserver power,W,300,2\n"
COMMANDS = ("verify", "data", "remake", "verify --contract")
READERS = ("duckdb", "polars", "pyarrow")
AFTER = "2023-02-27 05:30:00Z"  # half of the rows


@dataclass(frozen=True)
class Case:
    """A dataset of one file, whose bits are flipped."""

    kind: str
    directory: Path
    path: Path
    whole: bytes

    @property
    def made(self) -> list[str]:
        """The command that has made the file."""
        options = ["--date", HOUR, "--interval", "1800", *KINDS[self.kind]]
        return ["data", "--directory", str(self.directory), *options]

    def arguments(self, command: str) -> list[str]:
        if command == "data":
            return self.made
        name, *options = command.split()
        return [name, str(self.directory), *options]

    def bits(self) -> list[int]:
        """Return the bits to be flipped: of CSV all, of Parquet those of the metadata."""
        if self.kind == "csv":
            return list(range(8 * len(self.whole)))
        file = io.BytesIO(self.whole)
        footer = footer_of(file)
        ranges, end = [range(4)], 4
        for group in footer.fields["row_groups"]:
            for column in group["columns"]:
                for page in read_pages(file, end, column["meta"]["compressed_size"]):
                    ranges.append(range(page.offset, page.offset + page.header_size))
                    end = page.offset + page.size
        ranges.append(range(end, len(self.whole)))
        return [8 * at + bit for each in ranges for at in each for bit in range(8)]


def make(folder: Path, kind: str) -> Case:
    """Make a dataset of two servers, one measurement and one file of an hour."""
    directory = folder / kind.partition(",")[0]
    quiet = ["--count", "2", "--seed", "5", "--quiet"]
    assert cli.main(["inventory", "--directory", str(directory), *quiet]) == 0
    table = DOUBLES if kind.startswith("doubles") else FEWER
    (directory / "measurements.csv").write_text(table)
    path = directory / f"data-{HOUR}.{'csv' if kind == 'csv' else 'parquet'}"
    case = Case(kind, directory, path, b"")
    assert cli.main([*case.made, "--quiet"]) == 0
    case = Case(kind, directory, path, path.read_bytes())
    for command in COMMANDS:
        assert cli.main([*case.arguments(command), "--quiet"]) == 0, command
    return case


def whole_of(directory: Path) -> Path:
    """Return where the undamaged file is kept, beside the dataset."""
    return directory.with_name(f"{directory.name}.whole")


def flipped(data: bytes, bit: int) -> bytes:
    out = bytearray(data)
    out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


def look(case: Case, command: str, bit: int) -> str:
    """Flip a bit, have a command look at the file, and return what came of it."""
    damaged = flipped(case.whole, bit)
    case.path.write_bytes(damaged)
    ours = (case.directory / name for name in OURS)
    others = {each: each.read_bytes() for each in ours if each.exists()}
    said, out = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(out):
        try:
            status = cli.main([*case.arguments(command), "--quiet"])
        except SystemExit as leaving:
            status = int(leaving.code or 0)
        except BaseException as error:
            return f"traceback: {type(error).__name__}: {error}"[:500]
    if "Traceback" in said.getvalue() or said.getvalue().count("\n") > 1:
        return f"more than a line: {said.getvalue()}"[:500]
    for each, data in others.items():
        if each.read_bytes() != data:
            each.write_bytes(data)
            return f"changed: {each.name}, exit {status}"
    if case.path.read_bytes() != damaged:
        return f"changed: the file itself, exit {status}"
    return f"exit {status}"


class KeptChild(Child):
    """The process that reads Parquet, kept for the next run: its start takes 0.3 s."""

    kept: ClassVar[list[Any]] = []

    def __enter__(self) -> KeptChild:
        self._process = self.kept.pop() if self.kept else None
        return self

    def __exit__(self, *error: object) -> None:
        if error[0]:
            super().__exit__(*error)
        elif self._process:
            self.kept.append(self._process)


def serve() -> None:
    """Do what standard input asks for, one line each, and answer each with a line."""
    validate.Child = KeptChild  # type: ignore[misc]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    case: Case | None = None
    for line in sys.stdin:
        kind, directory, path, task, bit = json.loads(line)
        if case is None or str(case.path) != path:
            case = Case(kind, Path(directory), Path(path), whole_of(Path(directory)).read_bytes())
        answer = readings_changed(case, bit) if task == "read" else look(case, task, bit)
        print(json.dumps(answer), file=answers, flush=True)


def readings_changed(case: Case, bit: int) -> list[str]:
    """Return the readers that return something else than of the undamaged file, or refuse it."""
    changed = []
    for reader in READERS:
        case.path.write_bytes(case.whole)
        whole = read(reader, case.path)
        case.path.write_bytes(flipped(case.whole, bit))
        if read(reader, case.path) != whole:
            changed.append(reader)
    return changed


def read(reader: str, path: Path) -> object:
    """Return a file's rows, and those of filters by server and by time."""
    try:
        return {"duckdb": _read_duckdb, "polars": _read_polars, "pyarrow": _read_pyarrow}[reader](
            path
        )
    except Exception as error:
        return type(error).__name__


def _last_server(path: Path) -> str:
    inventory = (path.parent / "inventory.csv").read_text().splitlines()
    return max(line.partition(",")[0] for line in inventory[1:])


def _read_duckdb(path: Path) -> object:
    import duckdb

    source = "read_csv" if path.suffix == ".csv" else "read_parquet"
    filters = [
        "true", f"sn = '{_last_server(path)}'", f"start_time >= timestamptz '{AFTER}'",
        f"end_time < timestamptz '{AFTER}'", "measurement_value < 150",
    ]  # fmt: skip
    with duckdb.connect() as connection:
        found = [
            connection.execute(f"select * from {source}('{path}') where {each}").fetchall()
            for each in filters
        ]
        limits = "min(sn), max(sn), min(measurement_value), max(measurement_value), count(*)"
        return repr([*found, connection.execute(f"select {limits} from '{path}'").fetchall()])


def _read_polars(path: Path) -> object:
    import polars as pl

    csv = path.suffix == ".csv"
    frame = pl.scan_csv(path, try_parse_dates=False) if csv else pl.scan_parquet(path)
    after = pl.lit(AFTER) if csv else pl.lit(datetime(2023, 2, 27, 5, 30, tzinfo=UTC))
    filters = [
        pl.lit(value=True), pl.col("sn") == _last_server(path), pl.col("start_time") >= after,
        pl.col("measurement_value") < 150,
    ]  # fmt: skip
    return repr([frame.filter(each).collect().rows() for each in filters])


def _read_pyarrow(path: Path) -> object:
    from pyarrow import csv
    from pyarrow import parquet as pq

    if path.suffix == ".csv":
        return repr(csv.read_csv(path).to_pylist())
    after = datetime(2023, 2, 27, 5, 30, tzinfo=UTC)
    filters = [None, [("sn", "=", _last_server(path))], [("start_time", ">=", after)],
               [("measurement_value", "<", 150.0)]]  # fmt: skip
    return repr([pq.read_table(path, filters=each).to_pylist() for each in filters])


class Worker:
    """A process that does one run after the other, and is begun again where one ends it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def send(self, case: Case, task: str, bit: int) -> None:
        if self._process is None:
            path = os.pathsep.join([str(ROOT / "tests"), *sys.path])
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from long import flips; flips.serve()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "PYTHONPATH": path, "ARROW_DEFAULT_MEMORY_POOL": "system"},
            )
        request = [case.kind, str(case.directory), str(case.path), task, bit]
        assert self._process.stdin
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def answer(self) -> object:
        """Return the answer, or what ended the process."""
        assert self._process and self._process.stdout
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE)
        line = self._process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        status = self._end()
        if not ready:
            return "death: too slow"
        return f"death: {signal.Signals(-status).name if status < 0 else status}"

    def close(self) -> None:
        if self._process:
            self._end()

    def _end(self) -> int:
        """End the process, where nothing has, and return its status."""
        assert self._process
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate()
        status, self._process = self._process.returncode, None
        return status


Found = tuple[str, str, int, object]  # kind, command or "read", bit, answer


def hunt(
    folder: Path, kind: str, commands: Iterable[str], stride: int = 1, first: int = 0
) -> Iterator[Found]:
    """Flip the bits of a file of a kind, every `stride`-th of them; yield what came of each."""
    workers = []
    for number in range(PROCESSES):  # each has a dataset of its own
        case = make(folder / str(number), kind)
        whole_of(case.directory).write_bytes(case.whole)
        workers.append((case, Worker()))
    bits = case.bits()[first::stride]
    try:
        for command in commands:
            accepted = []
            for _, bit, answer in _done(workers, [(command, bit) for bit in bits]):
                yield kind, command, bit, answer
                if answer == "exit 0":
                    accepted.append(bit)
            # data and remake look at the record and the size: they leave alone what is there.
            # verify --contract accepts another value, too, if it may be.
            if command == "verify":
                for _, bit, answer in _done(workers, [("read", bit) for bit in accepted]):
                    yield kind, f"read {command}", bit, answer
    finally:
        for _, worker in workers:
            worker.close()


def _done(
    workers: list[tuple[Case, Worker]], tasks: list[tuple[str, int]]
) -> Iterator[tuple[str, int, object]]:
    """Have workers do tasks side by side; yield each and its answer."""
    for begin in range(0, len(tasks), len(workers)):
        some = tasks[begin : begin + len(workers)]
        for (case, worker), (task, bit) in zip(workers, some, strict=False):
            worker.send(case, task, bit)
        for (_, worker), (task, bit) in zip(workers, some, strict=False):
            yield task, bit, worker.answer()


class Tally:
    """What came of all flips."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}
        self.wrong: list[str] = []

    def add(self, found: Found) -> None:
        kind, task, bit, answer = found
        if task.startswith("read "):
            command = task.removeprefix("read ")
            key = "accepted, and read differently" if answer else "accepted, and read the same"
            # --contract knows no values: another one may keep the contract, too.
            if answer and command == "verify":
                self.wrong.append(f"{kind}, {command}, bit {bit}: {answer}")
        else:
            command, key = task, str(answer).partition(": ")[0]
            if not str(answer).startswith("exit "):
                self.wrong.append(f"{kind}, {command}, bit {bit}: {answer}")
        self.counts.setdefault(f"{command}, {kind}", Counter())[key] += 1


def run(strides: Mapping[str, int], say: Callable[[str, Tally], object]) -> None:
    """Flip every n-th bit for each command, and say after each kind of file what came of it."""
    tally = Tally()
    for command, stride in strides.items():
        for kind in KINDS:
            started = time.perf_counter()
            with tempfile.TemporaryDirectory(prefix="flips", dir=MEMORY) as folder:
                for found in hunt(Path(folder), kind, [command], stride):
                    tally.add(found)
            counts = dict(tally.counts[f"{command}, {kind}"])
            say(f"{kind}, {command}: {counts} {time.perf_counter() - started:.0f} s", tally)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--stride", type=int, default=1, metavar="N", help="every N-th bit")
    parser.add_argument(
        "--stride-of-others", type=int, metavar="N", help="for remake and verify --contract"
    )
    parser.add_argument("--result", type=Path, default=RESULT, metavar="FILE")
    args = parser.parse_args()
    others = args.stride_of_others or args.stride
    strides = dict.fromkeys(("verify", "data"), args.stride)
    strides |= {command: others for command in COMMANDS if command not in strides}

    def keep(line: str, tally: Tally) -> None:
        print(line, flush=True)
        done = {key: dict(sorted(c.items())) for key, c in sorted(tally.counts.items())}
        runs = sum(n for c in done.values() for key, n in c.items() if not key.startswith("acc"))
        result = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "command": f"python tests/long/flips.py --stride {args.stride} "
            f"--stride-of-others {others}",
            "every n-th bit": {
                c: n for c, n in strides.items() if any(k.startswith(f"{c}, ") for k in done)
            },
            "runs": runs,
            "came of them": done,
            "wrong": tally.wrong[:1000],
        }
        args.result.write_text(json.dumps(result, indent=1) + "\n")
        print(f"{runs:,} runs, {len(tally.wrong)} wrong", flush=True)

    run(strides, keep)


if __name__ == "__main__":
    main()
