"""Hunt for bad input that gets a traceback, a file, or no answer.

    python tests/long/fuzz.py --cases 100000

mutates files and command lines, and writes reference/results/fuzz.json. test_fuzz.py does the
same some thousand times.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import random
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from synthpower.cli import main as cli

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "reference" / "results" / "fuzz.json"
SHIPPED = ROOT / "src" / "synthpower" / "tables"
SLOW = 10.0  # seconds, of a case that takes some milliseconds

HOSTILE = [
    b'"', b",", b"\n", b"\r\n", b"\r", b"\0", b"\x7f", b"\x1b[31m", b"\xff", b"\xc3\x28", b"\xef\xbb\xbf",
    "\u202eabc".encode(), "\U0001f4a5".encode(), "\u2028".encode(), b"=1+1", b"'", b"\\", b"\t", b" ", b"",
    b"x" * 70_000, b"9" * 5000, b"1e400", b"1e-400", b"nan", b"inf", b"-1", b"0", b"0x1", b"1_0", b"1.5",
    b"NULL", b"---", b"seed: 99999999999999999999", b"seed: -1", b"seed: x", b"[" * 3000, b'{"files":',
    b"sn,model,product_id,location\n", b"name,unit,scale,decimals\n", b'"unclosed', b'""""', b"../../x",
]  # fmt: skip
INVENTORY = b"""\
sn,model,product_id,location
2M2007R8VZ,HPE DL325 Gen10+,P18612-B21,UK-S1-01
"a, quoted",other model,P2,"there, ""x"" "
lower case,HPE DL325 Gen10+,P18612-B21,NL-A-01
"""
FILES = {
    "inventory.csv": INVENTORY,
    "measurements.csv": b"name,unit,scale,decimals,minimum\nserver power,W,300,2,\ninlet,C,45.5,,-20\n",
    "README.md": b"---\nglcp_customer_id: 0\ndevices: inventory.csv\ndata: data-*\nseed: 8123\n---\n",
    "manifest.json": b'{"files": {"data-2023-02-27.csv": {"bytes": 5, "specification": {}}}, "seed": 5}',
    "server_types.csv": (SHIPPED / "server_types.csv").read_bytes(),
    "locations.csv": (SHIPPED / "locations.csv").read_bytes(),
}  # fmt: skip
WORDS = [
    "data", "inventory", "verify", "remake", "tables", "--directory", "--date", "--days", "--interval", "--fuzz",
    "--end", "--format", "--signal", "--measurements", "--seed", "--compression", "--writer", "--workers",
    "--overwrite", "--output", "--count", "--server-types", "--locations", "--json", "--quiet", "--help",
    "csv", "parquet", "zstd", "uniform", "pyarrow", "2023-02-27", "2023-02-29", "2023-02-27T24",
    "1969-12-31", "9999-12-31", "0", "-1", "1", "7", "3600", "86400", "1e6", "1k", "1.5k", "99999999999999999999",
    "nan", "", "-", "--", ".", "..", "/", "/dev/full", "/nowhere/x", "a b", "a\nb", "é", "\ud800", "x" * 300,
    "\uff12023-02-27", "1٣", "--bogus", "-h", "=", "--date=2023-02-27", "--interval=",
]  # fmt: skip


def mutated(data: bytes, draw: random.Random) -> bytes:
    """Return data with one to three things done to it."""
    for _ in range(draw.choice([1, 1, 2, 3])):
        at, to = sorted(draw.randrange(len(data) + 1) for _ in range(2))
        match draw.randrange(7):
            case 0:
                data = data[:at] + draw.choice(HOSTILE) + data[at:]
            case 1:
                data = data[:at] + draw.choice(HOSTILE) + data[to:]
            case 2:
                data = data[:at] + data[to:]
            case 3:
                data = data[:to] + data[at:]
            case 4 if at < len(data):
                data = data[:at] + bytes([data[at] ^ 1 << draw.randrange(8)]) + data[at + 1 :]
            case 5:
                lines = data.splitlines(keepends=True)
                draw.shuffle(lines)
                data = b"".join(lines)
            case _:
                cells = data.split(b",")
                cells[draw.randrange(len(cells))] = draw.choice(HOSTILE)
                data = b",".join(cells)
    return data


def run(arguments: list[str]) -> tuple[int, str]:
    """Run a command line in this process, and return its exit status and what it said."""
    said, out = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(out):
        try:
            status = cli.main(arguments)
        except SystemExit as leaving:
            status = int(leaving.code or 0)
    return status, said.getvalue()


def state(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def of_files(folder: Path, draw: random.Random) -> str:
    """Mutate one file of a dataset and run a command that reads it."""
    chosen = draw.choice(list(FILES))
    for name, data in FILES.items():
        (folder / name).write_bytes(mutated(data, draw) if name == chosen else data)
    directory = ["--directory", str(folder)]
    if chosen in ("server_types.csv", "locations.csv"):
        option = "--" + chosen.removesuffix(".csv").replace("_", "-")
        made = folder / "made"
        arguments = ["inventory", "--directory", str(made), "--count", "20", option]
        arguments.append(str(folder / chosen))
    elif chosen == "manifest.json" and draw.random() < 0.5:
        arguments = ["verify", str(folder)]
    else:
        format = draw.choice(["csv", "parquet"])
        arguments = ["data", *directory, "--date", "2023-02-27T05", "--format", format]
    judge(folder, arguments)
    if chosen == "inventory.csv" and (made := folder / "data-2023-02-27T05.csv").exists():
        with made.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, strict=True))
        servers = {row[0] for row in rows[1:]}
        assert len(rows) == 1 + 2 * len(servers), "a server is lost or doubled"
        assert {len(row) for row in rows} == {9}
    return chosen


def of_words(folder: Path, draw: random.Random) -> str:
    """Run a command line of words that hardly go together."""
    (folder / "inventory.csv").write_bytes(INVENTORY)
    words = draw.choices(WORDS, k=draw.randrange(1, 9))
    base = draw.choice(
        [[], ["data", "--directory", str(folder), "--date", "2023-02-27", "--dry-run"]]
    )
    if words[0] == "inventory" or "tables" in words:
        base = []
        words = ["data", *words]
    judge(folder, [*base, *words])
    return "command line"


def judge(folder: Path, arguments: list[str]) -> None:
    before = state(folder)
    started = time.perf_counter()
    status, said = run(arguments)
    assert time.perf_counter() - started < SLOW, "too slow"
    assert status in ((0, 1, 2) if "verify" in arguments else (0, 2)), (status, said)
    assert "Traceback" not in said
    if status == 2:
        after = state(folder)
        kept = {name: after.get(name) for name in before}
        assert kept == before, "something was changed"
        assert not [name for name in after.keys() - before.keys() if "data-" in name], said
        last = said.rstrip("\n").rpartition("\n")[2]
        assert "error: " in last, said[-500:]
        assert len(last) < 2000, len(last)


def case(seed: int) -> tuple[str, str | None]:
    """Run a case; return its kind, and what is wrong."""
    draw = random.Random(seed)
    # In a folder of its own: a relative path must not come out of it.
    with tempfile.TemporaryDirectory(prefix="fuzz é") as name:
        folder = Path(name, draw.choice(["power", "a b", "new\nline", "-x", "🔌"]))
        folder.mkdir()
        there = Path.cwd()
        os.chdir(folder)
        try:
            return (of_words if draw.random() < 0.3 else of_files)(folder, draw), None
        except Exception as error:
            return f"seed {seed}", f"{type(error).__name__}: {error}"[:2000]
        finally:
            os.chdir(there)


def hunt(seeds: range) -> Counter[str]:
    """Run cases on all cores; `AssertionError` with the first that goes wrong."""
    counts: Counter[str] = Counter()
    with get_context("spawn").Pool() as pool:  # a fork would inherit locks of other threads
        for kind, wrong in pool.imap_unordered(case, seeds, chunksize=20):
            assert not wrong, f"{kind}: {wrong}"
            counts[kind] += 1
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=int, default=100_000, metavar="N")
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--result", type=Path, default=RESULT, metavar="FILE")
    args = parser.parse_args()
    counts = hunt(range(args.first, args.first + args.cases))
    result = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": f"python tests/long/fuzz.py --cases {args.cases} --first {args.first}",
        "cases": dict(sorted(counts.items())),
    }
    args.result.write_text(json.dumps(result, indent=1) + "\n")
    print(f"{args.cases:,} cases, no traceback, nothing written")


if __name__ == "__main__":
    main()
