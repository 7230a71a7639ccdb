"""Anybody's dataset -> does it keep the contract? The data unit test of a real producer's output.

Nothing is made again here. The rows are read in any order, from CSV or Parquet, a batch at a
time, and held against the inventory, the measurement table and each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as pa_csv
from pyarrow import parquet as pq

from synthpower import dataset
from synthpower.arrow import as_numpy, as_texts
from synthpower.batches import TIME, reading_schema
from synthpower.catalog import MEASUREMENTS, Measurement, read_measurements, shown
from synthpower.errors import InputError
from synthpower.generate import Progress
from synthpower.inventory import Inventory, server_keys
from synthpower.specification import DAY, HOUR, utc_text
from synthpower.verify import Check

_BATCH_ROWS = 2**18
_NEEDED = ("glcp_customer_id", "devices", "data")  # in README.md's front matter
_SECOND = 1_000_000

Flags = NDArray[np.bool_]
Numbers = NDArray[np.int64]


def check_contract(directory: Path, progress: Progress | None = None) -> Iterator[Check]:
    """Yield what was looked at in a dataset directory: README.md, inventory, files, readings."""
    told = dataset.front_matter(directory)
    missing = [key for key in _NEEDED if not told.get(key)]
    detail = f"there is no {' and no '.join(missing)}" if missing else "as it should be"
    yield Check(dataset.README, "front matter", not missing, len(told), detail)
    devices = told.get("devices") or dataset.INVENTORY
    try:
        inventory = Inventory.read(directory / devices)
        measurements = directory / MEASUREMENTS
        table = read_measurements(measurements if measurements.exists() else None)
        files = contract_files(directory)
    except ValueError as error:  # InputError too
        yield Check(devices, "inventory", passed=False, count=0, detail=str(error))
        return
    yield Check(devices, "inventory", passed=True, count=len(inventory), detail="each once")
    detail = f"match {shown(told.get('data') or dataset.DATA)}"
    yield Check(dataset.README, "files", bool(files), len(files), detail)
    for format, wanted in (("CSV", False), ("Parquet", True)):  # alternatives: each has all
        chosen = [path for path in files if (path.suffix.lower() == ".parquet") == wanted]
        if chosen:
            readings = _Readings(inventory, table)
            for path in chosen:
                yield readings.read(path, progress)
            yield from readings.checks(f"all {format}")


def contract_files(directory: Path) -> list[Path]:
    """Return the files of readings; `InputError` where README.md's glob is none."""
    pattern = dataset.front_matter(directory).get("data") or dataset.DATA
    try:
        return sorted(path for path in directory.glob(pattern) if path.is_file())
    except (ValueError, NotImplementedError) as error:
        raise InputError(f"{directory / dataset.README}: data: {error}") from None


class _Step:
    """What has been seen of one sample step."""

    def __init__(self, servers: int, measurements: int) -> None:
        self.seen = np.zeros(servers * measurements, np.bool_)
        self.starts = np.full(servers, -1, np.int64)
        self.ends = np.full(servers, -1, np.int64)


class _Readings:
    """The readings of many files, held against their inventory and measurement table."""

    def __init__(self, inventory: Inventory, table: list[Measurement]) -> None:
        self._servers = inventory.by_serial
        self._by_key = np.argsort(self._servers.keys)
        self._keys = self._servers.keys[self._by_key]
        self._names = [m.name for m in table]
        self._units = [m.unit for m in table]
        self._scales = np.array([float(m.scale) for m in table])
        self._interval = 0
        self._rows = 0
        self._steps: dict[int, _Step] = {}
        self._complete: dict[int, _Step | None] = {}
        self._place: Callable[[int], str] = str
        self._wrong = Counter[str]()
        self._first: dict[str, str] = {}

    def read(self, path: Path, progress: Progress | None) -> Check:
        """Read a file, and return whether it has the columns and the types that it should."""
        rows = 0
        try:
            for batch in _batches(path):
                first = rows + 1
                self._place = lambda row, first=first: f"{path.name} row {first + row:,}"  # type: ignore[misc]
                self._look_at(batch)
                rows += batch.num_rows
                if progress:
                    progress(batch.num_rows, batch.nbytes)
        except (pa.ArrowException, OSError, InputError) as error:
            reason = str(error).partition("\n")[0]
            return Check(path.name, "columns", passed=False, count=rows, detail=reason)
        finally:
            self._rows += rows
        return Check(path.name, "columns", passed=True, count=rows, detail="as they should be")

    def checks(self, name: str) -> Iterator[Check]:
        """Yield a check for each rule."""
        self._look_at_missing()
        for rule in ("servers", "measurements", "values", "times", "cells"):
            wrong = self._wrong[rule]
            detail = f"{wrong:,} wrong: {self._first[rule]}" if wrong else "as they should be"
            yield Check(name, rule, not wrong, self._rows, detail)

    def _note(self, rule: str, count: int, say: Callable[[], str]) -> None:
        if count:
            self._wrong[rule] += count
            if rule not in self._first:
                self._first[rule] = say()

    def _note_rows(self, rule: str, wrong: Flags, say: Callable[[int], str]) -> None:
        """Count rows that are wrong, and keep where the first is and what `say` says of it."""
        row = int(np.argmax(wrong)) if wrong.size else 0
        place = self._place
        self._note(rule, int(np.count_nonzero(wrong)), lambda: f"{place(row)}, {say(row)}")

    def _look_at(self, batch: pa.RecordBatch) -> None:
        cells = {name: batch.column(name) for name in batch.schema.names}

        def cell(name: str, row: int) -> str:
            return f"{name} {shown(cells[name][row].as_py())}"

        def other(name: str, row: int) -> str:
            return f"{cell(name, row)} is not its"

        servers = self._servers_of(cells["sn"])
        self._note_rows("servers", servers < 0, lambda row: f"{cell('sn', row)} is not there")
        for name, texts in self._servers.templates.items():
            expected = np.where(servers < 0, -1, as_numpy(texts.indices)[servers])
            wrong = (_codes(cells[name], texts.dictionary) != expected) & (servers >= 0)
            self._note_rows("servers", wrong, partial(other, name))
        names = _codes(cells["name"], as_texts(self._names))
        self._note_rows("measurements", names < 0, lambda row: f"{cell('name', row)} is not there")
        units = [self._units.index(unit) for unit in self._units]  # two may have one unit
        expected = np.where(names < 0, -1, np.array(units)[names])
        wrong = (_codes(cells["unit"], as_texts(self._units)) != expected) & (names >= 0)
        self._note_rows("measurements", wrong, partial(other, "unit"))
        values = pc.fill_null(cells["measurement_value"], float("nan")).to_numpy(
            zero_copy_only=False
        )
        in_range = (values >= 0) & ((values <= self._scales[names]) | (names < 0))
        self._note_rows("values", ~in_range, lambda row: f"{cell('measurement_value', row)}")
        self._look_at_times(cells, servers, names)

    def _look_at_times(self, cells: dict[str, pa.Array], servers: Numbers, names: Numbers) -> None:
        ends = _microseconds(cells["end_time"])
        starts = _microseconds(cells["start_time"]) if "start_time" in cells else None
        if not self._interval:
            self._interval = _interval(starts, ends, servers) * _SECOND
        # A boundary may come late, by less than an interval.
        steps = ends // self._interval - 1
        there = ends >= 0
        if starts is not None:
            there &= (starts >= 0) & (starts // self._interval == steps) & (starts < ends)
        self._note_rows(
            "times", ~there, lambda row: f"end_time {utc_text(max(0, int(ends[row])) // _SECOND)}"
        )
        there &= (servers >= 0) & (names >= 0)
        for number in np.unique(steps[there]).tolist():
            rows = np.flatnonzero(there & (steps == number))
            self._fill(
                number,
                rows,
                servers[rows],
                names[rows],
                starts if starts is None else starts[rows],
                ends[rows],
            )

    def _fill(
        self,
        number: int,
        rows: Numbers,
        servers: Numbers,
        names: Numbers,
        starts: Numbers | None,
        ends: Numbers,
    ) -> None:
        """Take note of rows of one step: each cell once, each server at one time."""
        place = self._place

        def at(row: int) -> str:
            sn, name = self._servers.sn[int(servers[row])], self._names[int(names[row])]
            return f"{place(int(rows[row]))}: {sn}, {self._time(number)}, {name}"

        if number in self._complete:
            self._note("cells", rows.size, lambda: f"{at(0)} is there twice")
            return
        step = self._steps.setdefault(number, _Step(len(self._servers.sn), len(self._names)))
        cells = servers * len(self._names) + names
        order = np.argsort(cells, kind="stable")
        ordered = cells[order]
        twice = step.seen[ordered]
        twice[1:] |= ordered[1:] == ordered[:-1]
        if twice.any():
            row = int(order[twice].min())
            self._note("cells", int(np.count_nonzero(twice)), lambda: f"{at(row)} is there twice")
        step.seen[cells] = True
        for known, found in ((step.starts, starts), (step.ends, ends)):
            if found is None:
                continue
            known[servers] = np.where(known[servers] < 0, found, known[servers])
            other = known[servers] != found
            row = int(np.argmax(other))
            self._note(
                "times", int(np.count_nonzero(other)),
                lambda row=row: f"{at(row)} is not at the time of its server's others",  # type: ignore[misc]
            )  # fmt: skip
        if step.seen.all():
            del self._steps[number]
            self._complete[number] = step
            self._look_at_neighbours(number)

    def _look_at_neighbours(self, number: int) -> None:
        """See that intervals meet; what has met on both sides is forgotten."""
        for first in (number - 1, number):
            before, after = self._complete.get(first), self._complete.get(first + 1)
            if before is None or after is None:
                continue
            apart = (before.ends != after.starts) & (after.starts >= 0)
            server = int(np.argmax(apart))
            self._note(
                "times", int(np.count_nonzero(apart)),
                lambda server=server, first=first: f"{self._servers.sn[server]}: the interval of "  # type: ignore[misc]
                f"{self._time(first)} does not end where the next begins",
            )  # fmt: skip
        for each in (number - 1, number, number + 1):
            if all(near in self._complete for near in (each - 1, each, each + 1)):
                self._complete[each] = None

    def _look_at_missing(self) -> None:
        numbers = sorted({*self._complete, *self._steps})
        all_cells = len(self._servers.sn) * len(self._names)
        for before, after in pairwise(numbers):
            if after > before + 1:
                self._note(
                    "cells", (after - before - 1) * all_cells,
                    lambda number=before + 1: f"nothing at {self._time(number)}",  # type: ignore[misc]
                )  # fmt: skip
        for number in sorted(self._steps):
            missing = ~self._steps[number].seen
            server, name = divmod(int(np.argmax(missing)), len(self._names))
            self._note(
                "cells", int(np.count_nonzero(missing)),
                lambda number=number, server=server, name=name: f"no row of "  # type: ignore[misc]
                f"{self._servers.sn[server]}, {self._time(number)}, {self._names[name]}",
            )  # fmt: skip

    def _time(self, number: int) -> str:
        return utc_text(number * self._interval // _SECOND)

    def _servers_of(self, texts: pa.Array) -> Numbers:
        """Return each row's place among the servers, -1 where it has none."""
        encoded = texts.dictionary_encode()
        different = encoded.dictionary
        keys, _ = server_keys(different)
        places = np.searchsorted(self._keys, keys).clip(max=self._keys.size - 1)
        places = np.where(self._keys[places] == keys, self._by_key[places], -1)
        return _spread(encoded, places)


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield a file's rows, their columns of the types that readings have."""
    with path.open("rb") as source:
        if path.suffix.lower() == ".parquet":
            file = pq.ParquetFile(source)
            _check_names(file.schema_arrow.names)
            batches = file.iter_batches(_BATCH_ROWS)
        else:
            names = source.readline(2**16).decode("utf-8-sig", "replace").strip().split(",")
            _check_names([name.strip('"') for name in names])
            source.seek(0)
            batches = pa_csv.open_csv(
                source,
                parse_options=pa_csv.ParseOptions(newlines_in_values=True),
                convert_options=pa_csv.ConvertOptions(
                    column_types=dict(zip(_schema(names).names, _schema(names).types, strict=True))
                ),
            )
        for batch in batches:
            if batch.num_rows:
                (combined,) = (
                    pa.Table.from_batches([batch]).cast(_schema(batch.schema.names)).to_batches()
                )
                yield combined


def _schema(names: list[str]) -> pa.Schema:
    """Return the plain types of readings."""
    schema = reading_schema(end="start_time" not in names)
    types = [pa.string() if pa.types.is_dictionary(type) else type for type in schema.types]
    return pa.schema(zip(schema.names, types, strict=True))


def _check_names(names: list[str]) -> None:
    if names != _schema(names).names:
        raise InputError(f"{', '.join(map(shown, names))}; not {', '.join(_schema(names).names)}")


def _codes(texts: pa.Array, known: pa.StringArray) -> Numbers:
    """Return the first place of each text among the known ones, -1 where it has none."""
    encoded = texts.dictionary_encode()
    return _spread(encoded, as_numpy(pc.fill_null(pc.index_in(encoded.dictionary, known), -1)))


def _spread(encoded: pa.DictionaryArray, places: NDArray[np.integer]) -> Numbers:
    """Return for each row what belongs to its text, -1 where it has none."""
    indices = as_numpy(pc.fill_null(encoded.indices, len(encoded.dictionary)))
    codes: Numbers = np.append(places.astype(np.int64), -1)[indices]
    return codes


def _microseconds(times: pa.Array) -> Numbers:
    """Return microseconds since the epoch, -1 where there is no time."""
    return np.asarray(as_numpy(pc.fill_null(times.cast(TIME).cast(pa.int64()), -1)))


def _interval(starts: Numbers | None, ends: Numbers, servers: Numbers) -> int:
    """Return the divisor of a day that is nearest to how long intervals are, in seconds."""
    if starts is not None:
        lengths = ends - starts
    else:
        lengths = np.diff(np.unique(ends[servers == servers[0]]))
    if not lengths.size:
        return HOUR
    seconds = float(np.median(lengths)) / _SECOND
    divisors = [n for n in range(1, DAY + 1) if DAY % n == 0]
    return min(divisors, key=lambda n: abs(n - seconds))
