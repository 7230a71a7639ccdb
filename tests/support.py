"""What tests of several files share, but for fixtures: those are in conftest.py."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

from hypothesis import strategies as st

from synthpower import Measurement, Readings, Specification, Summary
from synthpower.engine import Job, Run
from synthpower.formats import format_of_name
from synthpower.formats.interface import Format, Options
from synthpower.formats.parquet import Parquet
from synthpower.formats.parquet.writer import Sizes
from synthpower.formats.text.formats import Csv
from synthpower.signals.totals import Totals
from synthpower.storage import locate

ROOT = Path(__file__).parent.parent

COLUMNS = [
    "sn",
    "model",
    "product_id",
    "location",
    "start_time",
    "end_time",
    "measurement_value",
    "unit",
    "name",
]

CPU = Measurement("server cpu utilization", "%", Decimal(100), 2)
POWER = Measurement("server power", "W", Decimal(300), 2)

# Doubles of 0 or more: of any bits, whole ones, and around where `repr` changes its form.
doubles = st.one_of(
    st.floats(allow_infinity=False, allow_nan=False),
    st.integers(0, 2**63).map(float),
    st.integers(0, 0x7FEFFFFFFFFFFFFF).map(lambda n: struct.unpack("<d", struct.pack("<q", n))[0]),
    st.floats(1e-5, 1e-3),
    st.floats(1e9, 1e17),
)

Command = Callable[..., subprocess.CompletedProcess[str]]


def specified(**changes: Any) -> Specification:
    """Return the specification of a day of server power, but for some changes."""
    return Specification(**{"date": "2023-02-27", "measurements": (POWER,), "seed": 1, **changes})


def names_in(folder: Path) -> list[str]:
    """Return the names of all that is in a directory, temporary files among them."""
    return sorted(path.name for path in folder.iterdir())


def run_python(
    script: str, *arguments: object, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, where warnings are errors, and see it succeed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done


def names(folder: Path) -> list[str]:
    """Return the names of what is in a folder, without hidden ones."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of the files in a folder, hidden ones too, by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def ok(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """Return what came of a command, which succeeded."""
    assert done.returncode == 0, done.stderr
    return done


def write(
    readings: Readings,
    path: Path,
    implementation: str = "fast",
    compression: str | None = None,
    format: Format | None = None,
    workers: int | None = None,
) -> Summary:
    """Write readings to a file, over one that is there; in the format that its suffix says."""
    format = format or format_of_name(path.name)
    assert format
    options = Options(implementation, compression)
    job = Job(readings.specification, *locate(path), format, options, replace=True)
    return Run([job], readings.inventory, workers).write()[0]


def write_in_chunks(
    readings: Readings,
    path: Path,
    chunk_rows: int,
    page_rows: int | None = None,
    dictionary_repeats: int | None = None,
    workers: int | None = None,
) -> Summary:
    """Write readings so many rows at a time, by the suffix as CSV or Parquet."""
    given = {"page_rows": page_rows, "dictionary_repeats": dictionary_repeats}
    sizes = Sizes(chunk_rows, **{name: n for name, n in given.items() if n is not None})
    formats: dict[str, Format] = {".csv": Csv(chunk_rows), ".parquet": Parquet(sizes)}
    return write(readings, path, format=formats[path.suffix], workers=workers)


def measured_by(reference: ModuleType, table: Sequence[Measurement]) -> list[Any]:
    """Return measurements as the reference has them."""
    return [
        reference.Measurement(
            m.name,
            m.unit,
            str(m.scale),
            "" if m.decimals is None else str(m.decimals),
            m.quantity or "",
            str(m.minimum),
        )
        for m in table
    ]


def limits_of(totals: Totals) -> tuple[float, float]:
    """Return the least and the greatest value of all measurements."""
    exact = totals.exact()
    least = [float(each.minimum) for each in exact if each.minimum is not None]
    greatest = [float(each.maximum) for each in exact if each.maximum is not None]
    return min(least), max(greatest)
