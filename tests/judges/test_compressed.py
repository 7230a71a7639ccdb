"""Other people's readers on compressed text, of many members or frames: each takes all of it."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import zstandard
from pyarrow import csv as pa_csv
from support import write

from synthpower import Inventory, Readings
from synthpower.formats.text.formats import Csv

ROWS = 24 * 50 * 2


@pytest.fixture(scope="module", params=["gzip isal", "gzip zlib", "zstd zstandard", "zstd pyarrow"])
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of nine members or frames, and beside it the same text."""
    codec, library = request.param.split()
    folder = tmp_path_factory.mktemp(library)
    made = Readings(Inventory.generate(50, seed=1), "2023-02-27", seed=1)
    write(made, folder / "data.csv", format=Csv(300))
    path = folder / {"gzip": "data.csv.gz", "zstd": "data.csv.zst"}[codec]
    with pytest.MonkeyPatch.context() as patch:
        if library in ("zlib", "pyarrow"):
            patch.setitem(sys.modules, {"gzip": "isal", "zstd": "zstandard"}[codec], None)
        write(made, path, compression=codec, format=Csv(300))
    return path


def text(file: Path) -> bytes:
    return file.with_suffix("").read_bytes()


def values(file: Path) -> list[float]:
    return [float(line.split(b",")[6]) for line in text(file).splitlines()[1:]]


READERS: dict[str, Callable[[Path], list[float]]] = {
    "duckdb": lambda path: [
        row[0] for row in duckdb.sql(f"SELECT measurement_value FROM '{path}'").fetchall()
    ],
    "polars": lambda path: pl.read_csv(path)["measurement_value"].to_list(),
    "polars scan": lambda path: pl.scan_csv(path).collect()["measurement_value"].to_list(),
    "pandas": lambda path: pd.read_csv(path)["measurement_value"].tolist(),
    "pyarrow": lambda path: pa_csv.read_csv(path)["measurement_value"].to_pylist(),
    "pyarrow in batches": lambda path: [
        value
        for batch in pa_csv.open_csv(path)
        for value in batch.column("measurement_value").to_pylist()
    ],
}


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_of_tables_takes_all_rows(file: Path, reader: str) -> None:
    found = READERS[reader](file)
    assert len(found) == ROWS
    assert found == values(file)


def test_decompressors_make_the_text(file: Path) -> None:
    with pa.input_stream(str(file)) as stream:  # by its name
        assert stream.read() == text(file)
    if file.suffix == ".gz":
        with gzip.open(file) as stream:
            assert stream.read() == text(file)
    else:
        decompressor = zstandard.ZstdDecompressor()
        with file.open("rb") as stream:
            reader = decompressor.stream_reader(stream, read_across_frames=True)
            assert reader.read() == text(file)
        out = io.BytesIO()
        decompressor.copy_stream(io.BytesIO(file.read_bytes()), out)
        assert text(file).startswith(out.getvalue())  # and maybe of the first frame only


def test_command_line_tools_make_the_text_and_find_it_whole(file: Path) -> None:
    tool = shutil.which({".gz": "gzip", ".zst": "zstd"}[file.suffix])
    if not tool:
        pytest.skip("there is no such tool")
    subprocess.run([tool, "-t", file], check=True, capture_output=True)
    done = subprocess.run([tool, "-dc", file], check=True, capture_output=True)
    assert done.stdout == text(file)


def test_the_one_call_that_takes_the_first_frame_only(file: Path) -> None:
    """README warns of it: where it takes all, README need not."""
    if file.suffix != ".zst":
        return
    found = zstandard.ZstdDecompressor().decompress(file.read_bytes())
    assert found == text(file).partition(b"\n")[0] + b"\n"
