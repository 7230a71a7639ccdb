"""Files as somebody else might have made them: ours, changed."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

from synthpower.cli import main as cli
from synthpower.dataset.validate import check_contract

Rows = list[list[str]]
SN, START, END, VALUE, UNIT, NAME = 0, 4, 5, 6, 7, 8


def check(directory: Path) -> dict[str, str]:
    """Return what is wrong, or could not be checked, by what was looked at."""
    return {check.what: check.detail for check in check_contract(directory) if not check.passed}


def inventory(directory: Path, count: int = 20) -> Path:
    arguments = ["inventory", "--directory", str(directory), "--count", str(count), "--seed", "5"]
    assert cli.main([*arguments, "--quiet"]) == 0
    return directory


def make(directory: Path, *options: str) -> Path:
    arguments = ["data", "--directory", str(directory), "--date", "2023-02-27", "--quiet"]
    assert cli.main([*arguments, *options]) == 0
    return directory / "data-2023-02-27.csv"


def edit(path: Path, change: Callable[[Rows], Rows | None]) -> None:
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    rows = change(rows) or rows
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def set_cell(row: int, column: int, text: str) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        rows[row][column] = text

    return change
