"""Write the golden datasets by the engine: DIRECTORY WORKERS CHUNK_ROWS. Run by test_golden.py."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

TESTS = Path(__file__).parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent / "reference")]

import golden  # noqa: E402
from support import write_in_chunks  # noqa: E402

from synthpower import Inventory, Measurement, Readings  # noqa: E402


def inventory(kind: str) -> Inventory:
    if kind == "made":
        return Inventory.generate(golden.SERVERS, golden.SEED)
    columns = {"sn": pa.array([server.sn for server in golden.ODD])}
    for name in ("model", "product_id", "location"):
        texts = [getattr(server, name) for server in golden.ODD]
        columns[name] = pa.array(texts).dictionary_encode()
    return Inventory(pa.table(columns))


def main(directory: Path, workers: int, chunk_rows: int) -> None:
    for name, (table, kind, arguments) in golden.CASES.items():
        measurements = [
            Measurement(
                m.name,
                m.unit,
                Decimal(m.scale),
                int(m.decimals) if m.decimals else None,
                m.quantity or None,
                Decimal(m.minimum or 0),
            )
            for m in golden.measurements(table)
        ]
        for end in (False, True):
            readings = Readings(
                inventory(kind), end=end, measurements=measurements, seed=golden.SEED, **arguments
            )
            for format in ("csv", "parquet"):
                path = directory / f"{name}{', end times only' if end else ''}.{format}"
                if chunk_rows:
                    pages = max(1, chunk_rows // 3)
                    write_in_chunks(readings, path, chunk_rows, pages, workers=workers)
                else:
                    readings.write(path, workers=workers)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
