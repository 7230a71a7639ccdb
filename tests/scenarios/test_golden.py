"""The same for ever: sums committed in reference/golden.json, whatever the machine."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from memory_store import MemoryStore
from support import ROOT

from synthpower import Inventory, Location, Measurement, Readings
from synthpower.engine import Job, Run
from synthpower.formats.interface import Options
from synthpower.formats.text.formats import Csv, JsonLines, Pattern, TextFormat
from synthpower.formats.text.row import pattern_columns
from synthpower.model.columns import Column, field_of
from synthpower.model.description import MODEL_VERSION


@pytest.fixture(scope="module")
def golden(reference: ModuleType) -> ModuleType:
    return importlib.import_module("golden")


def kept() -> dict[str, object]:
    return json.loads((ROOT / "reference" / "golden.json").read_text())


def test_the_reference_makes_what_was_kept(golden: ModuleType) -> None:
    assert golden.sums() == kept()


def test_other_values_would_be_another_model_version() -> None:
    assert kept()["model version"] == MODEL_VERSION


def test_the_inventory_is_what_was_kept(golden: ModuleType, tmp_path: Path) -> None:
    Inventory.generate(golden.SERVERS, golden.SEED).write(tmp_path / "power")
    made = (tmp_path / "power" / "inventory.csv").read_bytes()
    assert hashlib.sha256(made).hexdigest() == kept()["inventory.csv"]


@pytest.mark.parametrize(
    ("workers", "chunk_rows", "environment"),
    [
        (1, 0, {}),
        (2, 13, {}),
        pytest.param(7, 40, {}, marks=pytest.mark.slow),
        pytest.param(2, 100, {"NUMBA_DISABLE_JIT": "1"}, marks=pytest.mark.slow),
        pytest.param(2, 0, {"NUMBA_CPU_NAME": "generic"}, marks=pytest.mark.slow),  # compiles all
    ],
)
def test_the_engine_makes_what_was_kept(
    golden: ModuleType,
    tmp_path: Path,
    workers: int,
    chunk_rows: int,
    environment: dict[str, str],
) -> None:
    environment |= {"NUMBA_CACHE_DIR": str(tmp_path / "cache")} if environment else {}
    made = tmp_path / "made"
    made.mkdir()
    script = Path(__file__).with_name("golden_files.py")
    command = [sys.executable, str(script), str(made), str(workers), str(chunk_rows)]
    subprocess.run(command, check=True, env=os.environ | environment)
    files = {
        path.stem: {
            "csv": hashlib.sha256(path.read_bytes()).hexdigest(),
            "values": golden.sum_of_columns(columns(path.with_suffix(".parquet"), golden.TIMES)),
        }
        for path in made.glob("*.csv")
    }
    assert files == kept()["files"]


@pytest.mark.parametrize("chunk_rows", [7, 2**16])
def test_the_engine_makes_the_texts_that_were_kept(golden: ModuleType, chunk_rows: int) -> None:
    made = {name: text_of(golden, name, chunk_rows) for name in golden.TEXTS}
    sums = {name: hashlib.sha256(text).hexdigest() for name, text in made.items()}
    assert sums == kept()["texts"]


def text_of(golden: ModuleType, name: str, chunk_rows: int) -> bytes:
    """Return the bytes of one of the texts."""
    table, kind, rows, form, arguments = golden.TEXTS[name]
    measurements = [
        Measurement(m.name, m.unit, m.scale, int(m.decimals) if m.decimals else None,
                    minimum=m.minimum or 0, facts=(("tariff", f"t, {i}"),))
        for i, m in enumerate(golden.measurements(table))
    ]  # fmt: skip
    servers = {"sn": pa.array([server.sn for server in golden.ODD])}
    for field in ("model", "product_id", "location"):
        texts = [getattr(server, field) for server in golden.ODD]
        servers[field] = pa.array(texts).dictionary_encode()
    racks = pa.array([golden.RACKS[server.sn] for server in golden.ODD]).dictionary_encode()
    sites = [Location(site, facts={"time_zone": zone}) for site, zone in golden.ZONES.items()]
    fleet = Inventory(pa.table(servers), None, ((), sites), {"rack": racks}.get)
    assert kind == "odd"
    options = Options()
    format: TextFormat = JsonLines(chunk_rows)
    if isinstance(rows, str):
        options, format, columns = Options(row=rows), Pattern(chunk_rows), pattern_columns(rows)
    else:
        columns = [Column(name, field_of(source), form) for name, source, form in rows]
    if form:
        options, format = Options(delimiter=form[0], header=form[1]), Csv(chunk_rows)
    readings = Readings(
        fleet, columns=columns, measurements=measurements, seed=golden.SEED, **arguments
    )
    store = MemoryStore()
    Run([Job(readings.specification, store, "x", format, options)], fleet, 2).write()
    return b"".join(map(bytes, store.files["x"]))


def columns(path: Path, times: tuple[str, ...]) -> dict[str, list[object]]:
    table = pq.read_table(path)
    for name in set(times) & set(table.column_names):
        index = table.schema.get_field_index(name)
        table = table.set_column(index, name, table[name].cast(pa.int64()))
    return table.to_pydict()
