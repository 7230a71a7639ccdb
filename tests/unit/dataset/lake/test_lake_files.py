"""What a table is told of a file is what the file has, by itself and by its footer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support import CPU, POWER

from synthpower import Column, Dataset, Fault, Inventory, Measurement, Part, Request
from synthpower.dataset.lake.files import FileFacts, TableFile, columns_of
from synthpower.dataset.manifest import read_manifest
from synthpower.model.columns import field_of

DATE = "2023-02-27"
BELOW_ZERO = Measurement("balance", "W", "9.5", 1, minimum="-12.5")
DOUBLE = Measurement("drift", "1", "1e-3", minimum="-0.25")
WHOLE = Measurement("fan", "rpm", "12000", 0)


def columns(*named: tuple[str, str, str]) -> tuple[Column, ...]:
    return tuple(Column(name, field_of(source), format) for name, source, format in named)


WIDE = columns(
    ("server", "sn", ""), ("from", "start_time", "ms"), ("to", "end_time", "iso"),
    ("here", "end_time", "local"), ("power", f"value:{POWER.name}", "decimal"),
    ("cpu", f"value:{CPU.name}", "float"), ("made by", "=O'Brien", ""),
)  # fmt: skip
INTEGERS = columns(
    ("value", "measurement_value", "integer"), ("t", "start_time", "ns"), ("u", "unit", "")
)
CASES: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "late": {"interval": 900, "fuzz": 890},
    "one hour": {"date": f"{DATE}T05", "interval": 60},
    "shard within a step": {"part": Part(3, 200), "interval": 900, "fuzz": 60},
    "shard of two steps": {"part": Part(10, 40), "fuzz": 60},
    "shard of whole steps": {"part": Part(2, 3), "fuzz": 60},
    "wide": {"columns": WIDE, "fuzz": 60},
    "wide shard": {"columns": WIDE, "part": Part(2, 7)},
    "integers": {"columns": INTEGERS, "measurements": [WHOLE]},
    "decimals": {
        "columns": columns(("v", "measurement_value", "decimal"), ("sn", "sn", "")),
        "measurements": [POWER, WHOLE, BELOW_ZERO],
    },
    "below zero": {"measurements": [BELOW_ZERO, DOUBLE]},
    "full doubles": {"measurements": [DOUBLE]},
    "floats": {
        "measurements": [DOUBLE, BELOW_ZERO], "columns": columns(("v", "measurement_value", "float"))
    },
    "some absent": {"signal": "load", "faults": [Fault("off", "0.29")], "interval": 900, "seed": 1},
    "a site": {"path": "x/{location}/{name}"},
    "pyarrow's": {"implementation": "pyarrow", "fuzz": 60},
}  # fmt: skip


def written(folder: Path, **given: Any) -> tuple[Dataset, dict[str, TableFile]]:
    """Write files, and return what a table would be told of each."""
    dataset = Dataset.create(folder, Inventory.generate(23, seed=4))
    dataset.write(dataset.plan(Request(**{"date": DATE, "format": "parquet", **given})))
    facts, manifest = FileFacts(dataset.inventory), read_manifest(dataset.store)
    entries = {name: manifest.entry(name) for name in manifest.files}
    return dataset, {name: facts.of(name, entry) for name, entry in entries.items() if entry}


@pytest.mark.parametrize("case", CASES)
def test_bounds_are_those_of_the_file(case: str, tmp_path: Path) -> None:
    _, files = written(tmp_path / "power", **CASES[case])
    assert files
    for name, file in files.items():
        path = tmp_path / "power" / name
        table = pq.read_table(path, partitioning=None)
        assert (file.rows, file.bytes) == (table.num_rows, path.stat().st_size)
        known = {c for c in table.column_names if c != "here"}  # local times are text
        assert file.bounds.keys() == known
        for column, bounds in file.bounds.items():
            values = table[column]
            if pa.types.is_dictionary(values.type):
                values = values.cast(pa.string())
            found = pc.min_max(values).as_py()
            assert tuple(bounds) == (found["min"], found["max"], values.null_count), column
            assert type(bounds.least) is type(found["min"])


@pytest.mark.parametrize("case", CASES)
def test_bounds_are_those_of_the_footer(case: str, tmp_path: Path) -> None:
    _, files = written(tmp_path / "power", **CASES[case])
    for name, file in files.items():
        metadata = pq.read_metadata(tmp_path / "power" / name)
        for i in range(metadata.num_columns):
            chunks = [metadata.row_group(g).column(i) for g in range(metadata.num_row_groups)]
            column = chunks[0].path_in_schema
            stated = [chunk.statistics for chunk in chunks if chunk.is_stats_set]
            if column in file.bounds and stated and all(each.has_min_max for each in stated):
                bounds = file.bounds[column]
                assert min(each.min for each in stated) == bounds.least, column
                assert max(each.max for each in stated) == bounds.greatest, column
                assert sum(each.null_count or 0 for each in stated) == bounds.nulls, column


def test_where_all_are_absent_there_is_no_least(tmp_path: Path) -> None:
    given = {"signal": "load", "faults": [Fault("off", "0.29")], "path": "x/{location}"}
    _, files = written(tmp_path / "power", seed=1, date=f"{DATE}T05", **given)
    absent = [f for f in files.values() if f.bounds["measurement_value"].nulls == f.rows]
    assert absent
    for file in absent:
        assert file.bounds["measurement_value"] == (None, None, file.rows)


def test_a_shard_without_rows_has_no_bounds(tmp_path: Path) -> None:
    _, files = written(tmp_path / "power", part=Part(1, 9999), date=f"{DATE}T05")
    assert [(file.rows, file.bounds) for file in files.values()] == [(0, {})]


def test_types_of_columns_are_named(tmp_path: Path) -> None:
    dataset, _ = written(tmp_path / "power", columns=WIDE)
    (entry,) = map(read_manifest(dataset.store).entry, read_manifest(dataset.store).files)
    assert entry
    assert columns_of(entry.parse()[0]) == {
        "server": "string",
        "from": "long",
        "to": "timestamp",
        "here": "string",
        "power": "decimal(18,2)",
        "cpu": "float",
        "made by": "string",
    }


def test_a_very_long_string_has_no_bounds(tmp_path: Path) -> None:
    long = columns(("v", "measurement_value", ""), ("c", f"={'x' * 5000}", ""))
    _, files = written(tmp_path / "power", columns=long)
    assert [[*file.bounds] for file in files.values()] == [["v"]]
