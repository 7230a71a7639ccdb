"""Days that worker processes make, however they are started."""

from __future__ import annotations

import multiprocessing as mp
import os
import subprocess
import sys
from pathlib import Path

import pytest

# A file before the fork leaves behind what another could share with its siblings: stages, threads.
SCRIPT = """
import multiprocessing as mp
import sys
from pathlib import Path

from synthpower import Inventory, Readings

DAYS = range(1, 7)
inventory = Inventory.generate(1000, seed=1)


def make(day, folder):
    date = f"2023-02-{day:02}"
    for suffix in ("csv", "parquet"):
        Readings(inventory, date).write(Path(folder) / f"{date}.{suffix}", workers=1)


if __name__ == "__main__":
    method, made, right = sys.argv[1:]
    for day in DAYS:
        make(day, right)
    with mp.get_context(method).Pool(2) as pool:
        pool.starmap(make, [(day, made) for day in DAYS], chunksize=1)
"""


@pytest.mark.parametrize("method", mp.get_all_start_methods())
def test_workers_write_what_one_process_does(tmp_path: Path, method: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    made, right = tmp_path / "made", tmp_path / "right"
    made.mkdir()
    right.mkdir()
    environment = {**os.environ, "PYTHONWARNINGS": "ignore::DeprecationWarning"}  # of fork, 3.12
    subprocess.run(
        [sys.executable, str(script), method, str(made), str(right)],
        check=True, env=environment, timeout=120,
    )  # fmt: skip
    assert len(list(right.iterdir())) == 12
    for path in right.iterdir():
        assert (made / path.name).read_bytes() == path.read_bytes(), path.name
