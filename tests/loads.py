"""Datasets of the load signal, made by the command line within this process."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from synthpower import Dataset
from synthpower.cli.main import main

DAY = "2023-02-27"
BERLIN = "Europe/Berlin"


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def make(folder: Path, *options: object) -> Path:
    """Make an inventory of 30 servers."""
    made = folder / "power"
    assert (
        run("inventory", "--directory", made, "--count", 30, "--seed", 5, "--quiet", *options) == 0
    )
    return made


def data(directory: Path, *options: object, date: str = DAY) -> int:
    return run("data", "--directory", directory, "--date", date, "--signal", "load", *options)


def wrong(directory: Path) -> list[tuple[str, str, str]]:
    """Return what `verify` finds wrong: file, what and why."""
    checks = Dataset.open(directory).verify()
    return [(each.file, each.what, each.detail) for each in checks if not each.passed]


def wrong_readings(directory: Path) -> list[tuple[str, str, str]]:
    """Return the same of files of readings: an edited table is the inventory's matter, too."""
    return [each for each in wrong(directory) if each[0].startswith("data-")]


def record(directory: Path, name: str) -> dict[str, Any]:
    manifest = json.loads((directory / "manifest.json").read_bytes())
    return manifest["files"][name]["specification"]


MIXED = (
    "name,unit,scale,decimals,quantity\nnoise,dB,80,1,\nwatts,W,1,,power\n"
    "milliwatts,W,1,3,power\njoules,J,1,1,energy\n"
)


def change_table(directory: Path, name: str, column: str, value: str, count: int = 100) -> None:
    """Give a column of a table another value in some rows."""
    path = directory / name
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows[:count]:
        row[column] = value
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
