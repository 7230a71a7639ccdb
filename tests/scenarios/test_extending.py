"""docs/EXTENDING.md: its examples are complete, and work from end to end."""

from __future__ import annotations

import json
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from synthpower import Dataset, Inventory, Measurement, Readings, Request
from synthpower.cli.main import main
from synthpower.formats import FORMATS, Registered
from synthpower.signals import SIGNALS

PAGE = (Path(__file__).parents[2] / "docs" / "EXTENDING.md").read_text(encoding="utf-8")


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Write an example of the page as a module, and return the module's name."""

    def write(name: str) -> str:
        found = re.search(rf"<!-- example: {name} -->\n```python\n(.*?)```", PAGE, re.DOTALL)
        assert found
        module = f"synthpower_example_{name}"
        folder = tmp_path / "modules"
        folder.mkdir(exist_ok=True)
        (folder / f"{module}.py").write_text(found[1])
        monkeypatch.syspath_prepend(folder)
        monkeypatch.delitem(sys.modules, module, raising=False)
        return module

    return write


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return Dataset.create(tmp_path / "power", Inventory.generate(7, seed=5))


def test_a_signal(example: Any, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIGNALS, "sawtooth", f"{example('signal')}:Sawtooth")
    folder = dataset.store.label("")
    command = ["data", "--directory", folder, "--date", "2023-02-27", "--signal", "sawtooth"]
    assert main([*command, "--quiet"]) == 0
    assert main([*command, "--quiet", "--format", "parquet"]) == 0
    assert main(["verify", folder, "--quiet"]) == 0
    assert main(["verify", "--contract", folder, "--quiet"]) == 0

    table = pq.read_table(Path(folder, "data-2023-02-27.parquet")).to_pylist()
    lines = Path(folder, "data-2023-02-27.csv").read_text().splitlines()[1:]
    assert [row["measurement_value"] for row in table] == [float(x.split(",")[6]) for x in lines]
    noon = [row["measurement_value"] for row in table if row["start_time"].hour == 12]
    assert set(noon) == {50.0, 150.0}

    doubles = [Measurement("a", "W", 8), Measurement("b", "W", 300, 2)]
    readings = Readings(dataset.inventory, "2023-02-27", signal="sawtooth", measurements=doubles)
    made = readings.to_table()["measurement_value"].to_numpy().reshape(24, 7, 2)
    assert np.allclose(made[:, 0, 0], np.arange(24) / 3, rtol=1e-15, atol=0)
    assert readings.at(lines[0][:10], "2023-02-27 03:00:00Z", "a") == 1.0


def test_a_format(example: Any, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "jsonl", Registered((".jsonl",), f"{example('format')}:Jsonl"))
    folder = Path(dataset.store.label(""))
    command = ["data", "--directory", str(folder), "--date", "2023-02-27", "--format", "jsonl"]
    assert main([*command, "--days", "2", "--quiet"]) == 0
    assert main([*command, "--shard", "1/2", "--quiet"]) == 0
    assert main(["verify", str(folder), "--quiet"]) == 0

    file = folder / "data-2023-02-27.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    made = Readings(dataset.inventory, "2023-02-27").to_table()
    assert [list(row) for row in rows] == [made.schema.names] * 7 * 48
    assert [row["measurement_value"] for row in rows] == made["measurement_value"].to_pylist()
    Readings(dataset.inventory, "2023-02-27").write(folder / "mine.jsonl")
    assert (folder / "mine.jsonl").read_bytes() == file.read_bytes()

    file.write_bytes(file.read_bytes().replace(b"server power", b"server Power", 1))
    with pytest.MonkeyPatch.context() as quiet:
        quiet.setattr("sys.stdout", None)
        assert main(["verify", str(file), "--quiet"]) == 1
    file.unlink()
    assert main(["remake", str(folder), "--quiet"]) == 0
    assert (folder / "mine.jsonl").read_bytes() == file.read_bytes()


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_a_store(example: Any, dataset: Dataset, format: str) -> None:
    module = example("store")
    store = import_module(module).MemoryStore()
    for name in dataset.store.names():
        with store.create(name) as sink, dataset.store.open(name) as file:
            sink.write(file.read())
    request = Request("2023-02-27", days=3, interval=60, format=format)
    ours = Dataset.open(store)
    summaries = ours.write(ours.plan(request))
    assert [summary.rows for summary in summaries] == [7 * 1440 * 2] * 3
    assert all(check.passed for check in ours.verify())
    assert not ours.plan(request).jobs  # all complete

    dataset.write(dataset.plan(request))
    for name in dataset.store.names():
        if name.startswith("data-"):
            with store.open(name) as mine, dataset.store.open(name) as other:
                assert mine.read() == other.read()
    with pytest.raises(OSError, match="full"), store.create("lost"):
        raise OSError("full")
    assert not store.exists("lost")
