"""The fast CSV writer against pyarrow's: the same bytes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import write

from synthpower import Inventory, Location, Measurement, Readings
from synthpower.formats.interface import IMPLEMENTATIONS
from synthpower.formats.text.formats import Csv

PLACES = st.none() | st.integers(0, 16)
SCALE = {0: "655", 1: "6553.5", 13: "0.0000000065535", 14: "0.0000000000655", 15: "0.5", 16: "0.5"}


@settings(max_examples=25)
@given(
    servers=st.integers(1, 60),
    fuzz=st.integers(0, 599),
    end=st.booleans(),
    decimals=st.lists(PLACES, min_size=1, max_size=5) | st.sampled_from([[0], [1, 0]]),
    chunk_rows=st.integers(1, 3000),
    site=st.sampled_from(["here", 'a "site", there', "é"]),
)
@example(servers=9, fuzz=0, end=False, decimals=[13], chunk_rows=50, site="here")
@example(servers=9, fuzz=0, end=False, decimals=[14], chunk_rows=50, site="here")
def test_fast_and_plain_files_are_equal(
    tmp_path: Path, servers: int, fuzz: int, end: bool,
    decimals: list[int | None], chunk_rows: int, site: str,
) -> None:  # fmt: skip
    table = [
        Measurement(f"m{i}", "W", Decimal(SCALE.get(d if d is not None else -1, "60")), d)
        for i, d in enumerate(decimals)
    ]
    inventory = Inventory.generate(servers, 1, locations=[Location(site)])
    readings = Readings(inventory, "2023-02-27T05", 600, fuzz, end, measurements=table)
    paths = [tmp_path / f"{implementation}.csv" for implementation in IMPLEMENTATIONS]
    for path in paths:
        write(readings, path, path.stem, format=Csv(chunk_rows))
    assert paths[0].read_bytes() == paths[1].read_bytes()
