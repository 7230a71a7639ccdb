"""The readings of an inventory as a lazy table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from synthpower.arrow import as_texts
from synthpower.batches import Batches, reading_schema
from synthpower.catalog import Measurement, read_measurements
from synthpower.errors import InputError
from synthpower.generate import Job, Progress, Summary, generate
from synthpower.inventory import Inventory, server_keys
from synthpower.signals import Signal
from synthpower.specification import COMPRESSIONS, EPOCH, FORMATS, HOUR, SIGNALS, Specification
from synthpower.streams import draw_seed

_BATCH_ROWS = 2**18


class Readings:
    """The product of an inventory, sample times and measurements, made when asked for.

    DuckDB, Polars, pandas and pyarrow read it without a file, through the Arrow
    PyCapsule interface:

    >>> from synthpower import Inventory, Readings
    >>> readings = Readings(Inventory.generate(10, seed=1), "2023-02-27")
    >>> readings.shape, readings.num_rows
    ((24, 10, 2), 480)

    Parameters
    ----------
    inventory : Inventory
        The servers.
    date : str
        The base time in UTC: ``YYYY-MM-DD`` for 24 hours, ``YYYY-MM-DDTHH`` for one.
    interval : int
        Seconds from one sample to the next; divides the span.
    fuzz : int
        Seconds by which a sample may be late, below the interval.
    end : bool
        Leave out the start times.
    signal : str
        ``uniform``: a random number in [0, 1) times the scale; ``triangular``: the
        smaller of two such numbers.
    measurements : sequence of Measurement, optional
        What is measured; the shipped ones otherwise.
    seed : int, optional
        0 <= seed < 2**63; the inventory's otherwise, and a drawn one where that has none.

    Raises
    ------
    InputError
        Naming the argument that is wrong, and what would be right.
    """

    def __init__(
        self,
        inventory: Inventory,
        date: str,
        interval: int = HOUR,
        fuzz: int = 0,
        end: bool = False,
        signal: str = SIGNALS[0],
        measurements: Sequence[Measurement] | None = None,
        seed: int | None = None,
    ) -> None:
        if seed is None:
            seed = draw_seed() if inventory.seed is None else inventory.seed
        self.inventory = inventory
        self.specification = Specification(
            date=date,
            measurements=tuple(read_measurements() if measurements is None else measurements),
            seed=seed,
            interval=interval,
            fuzz=fuzz,
            end=end,
            signal=signal,
        )

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema; text columns are dictionaries of strings."""
        return reading_schema(self.specification.end)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The numbers of sample times, servers and measurements."""
        spec = self.specification
        return spec.steps, len(self.inventory), len(spec.measurements)

    @property
    def num_rows(self) -> int:
        """The number of readings: the product of `shape`."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    def batches(self, chunk_rows: int = _BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Yield the readings as record batches of about `chunk_rows` rows at most, in order."""
        batches = Batches(self.specification, self.inventory, chunk_rows)
        return (batches.batch(chunk) for chunk in batches.grid.chunks())

    def to_table(self) -> pa.Table:
        """Return all readings in memory: some 40 bytes a row."""
        return pa.Table.from_batches(self.batches(), self.schema)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the readings as an Arrow C stream, made while it is read."""
        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)

    def at(self, sn: str, time: str | datetime, measurement: str) -> float:
        """Return one value, computed alone: in constant time, but for finding the server.

        Parameters
        ----------
        sn : str
            The server's serial number.
        time : str or datetime
            The start of the nominal interval, in UTC where it does not say otherwise;
            as text in ISO 8601, such as ``2023-02-27 05:00:00Z``.
        measurement : str
            The measurement's name.

        Raises
        ------
        KeyError
            Where these readings have no such server, interval or measurement.
        ValueError
            Where `time` is not in ISO 8601.
        """
        spec = self.specification
        text = as_texts([sn])
        keys, _ = server_keys(text)
        known = self.inventory.by_serial.ascending
        place = np.searchsorted(known, keys[0])
        if place == known.size or known[place] != keys[0]:
            raise KeyError(f"no server {sn!r}")
        names = [m.name for m in spec.measurements]
        if measurement not in names:
            raise KeyError(f"no measurement {measurement!r}")
        moment = datetime.fromisoformat(time) if isinstance(time, str) else time
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        seconds = (moment - EPOCH).total_seconds()
        if not (0 <= seconds - spec.start < spec.span and seconds % spec.interval == 0):
            raise KeyError(f"no interval begins at {time}")
        out = np.empty((1, 1, len(names)))
        Signal(spec).fill_values(keys, np.array([seconds], np.int64), out)
        return float(out[0, 0, names.index(measurement)])

    def write(
        self,
        path: str | os.PathLike[str],
        format: str | None = None,
        overwrite: bool = False,
        workers: int | None = None,
        progress: Progress | None = None,
        compression: str | None = None,
    ) -> Summary:
        """Write the readings to a file, which appears when it is whole.

        Parameters
        ----------
        path : path-like
            The file; a pipe is written in place, and ``-`` is standard output.
        format : str, optional
            ``csv`` or ``parquet``; what the file's name ends in otherwise.
        overwrite : bool
            Replace the file where it exists.
        workers, progress
            As in `synthpower.generate.generate`.
        compression : str, optional
            ``none``, ``snappy`` or ``zstd`` for all columns of Parquet; by default only
            what repeats is compressed.

        Raises
        ------
        InputError
            Where the format is unknown, or the file exists or cannot be one.
        OSError
            Where writing fails.
        """
        path = Path(path)
        format = format or path.suffix.removeprefix(".").lower()
        if format not in FORMATS:
            raise InputError(f"{format!r}: choose {' or '.join(FORMATS)}", "format")
        if compression is not None and (format != "parquet" or compression not in COMPRESSIONS):
            raise InputError(
                f"{compression!r}: choose {', '.join(COMPRESSIONS)}, for Parquet only",
                "compression",
            )
        job = Job(self.specification, path, format, overwrite, compression=compression)
        return generate([job], self.inventory, workers, progress)[0]
