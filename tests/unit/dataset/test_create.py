"""What a new dataset has."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from synthpower import Dataset, Inventory, Measurement, read_measurements


def test_measurements_are_written_so_that_they_are_read_back(tmp_path: Path) -> None:
    table = [
        Measurement('a, "b"', "W", Decimal("0.30"), 2),
        Measurement("c", "%", Decimal("1E+2"), 0),
        Measurement("d", "Cel", Decimal("45.5")),
    ]
    dataset = Dataset.create(tmp_path, Inventory.generate(3, seed=1), table)
    assert dataset.measurements() == read_measurements(tmp_path / "measurements.csv") == table
