"""``spark.read.format("synthpower")``: readings that were never written, as a Spark data frame.

Spark does not say which columns a query needs, and takes strings row by row: name few columns, or
have files written (`synthpower.spark.write`), which Spark reads several times as fast.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema

from synthpower.dataset.dataset import Dataset
from synthpower.errors import InputError, shown
from synthpower.model.calendar import HOUR
from synthpower.model.grid import WHOLE, Part
from synthpower.model.specification import DEFAULT_SIGNAL
from synthpower.readings import Readings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from synthpower.scan.dataset import ReadingsDataset

_MOST_DIGITS = 19
OPTIONS = ("path", "date", "interval", "fuzz", "signal", "seed", "columns", "partitions")


def register(spark: SparkSession) -> None:
    """Have a session know the format ``synthpower``.

    Its options: ``path``, a dataset's directory; ``date``, ``interval``, ``fuzz``, ``signal`` and
    ``seed``, as of `Request`; ``columns``, names with commas between; ``partitions``, 8 otherwise.
    """
    spark.dataSource.register(SynthpowerSource)


class SynthpowerSource(DataSource):  # type: ignore[misc]
    """The readings of a dataset's servers; see `register`."""

    @classmethod
    def name(cls) -> str:
        return "synthpower"

    def schema(self) -> Any:
        return from_arrow_schema(_plain(self.reader(None).table().schema))

    def reader(self, schema: object) -> SynthpowerReader:  # noqa: ARG002
        options = dict(self.options)
        for name in ("path", "date"):
            if name not in options:
                raise InputError(f"it needs the option {name}", name)
        if unknown := sorted(options.keys() - {*OPTIONS}):
            raise InputError(f"{shown(unknown[0])}: the options are {', '.join(OPTIONS)}")
        return SynthpowerReader(Dataset.open(options["path"]), options)


class SynthpowerReader(DataSourceReader):  # type: ignore[misc]
    """The readings in partitions, which are shards."""

    def __init__(self, dataset: Dataset, options: Mapping[str, str]) -> None:
        self._dataset = Dataset(dataset.store)  # with nothing that it has read
        self._options = options

    def partitions(self) -> list[InputPartition]:
        of = self._number("partitions", 8) or 1
        return [InputPartition(Part(number, of)) for number in range(1, of + 1)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        for batch in self.table(partition.value).to_batches():
            yield batch.cast(_plain(batch.schema))

    def table(self, part: Part = WHOLE) -> ReadingsDataset:
        """Return the readings of a shard, in the columns that are asked for."""
        dataset, options = self._dataset, self._options
        readings = Readings(
            dataset.inventory, options["date"], self._number("interval", HOUR),
            self._number("fuzz", 0), signal=options.get("signal", DEFAULT_SIGNAL), part=part,
            measurements=dataset.measurements(), columns=dataset.columns(),
            seed=self._number("seed", dataset.seed()),
        )  # fmt: skip
        if "columns" not in options:
            return readings.dataset()
        return readings.select([name.strip() for name in options["columns"].split(",")])

    def _number(self, name: str, default: int | None) -> int:
        if name not in self._options and default is None:
            raise InputError("the dataset has none yet; give one", name)
        text = self._options.get(name, str(default))
        if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
            raise InputError(f"{shown(text)!r} is not a whole number", name)
        return int(text)


def _plain(schema: pa.Schema) -> pa.Schema:
    """Return a schema with strings where it has dictionaries, which Spark refuses."""
    types = [getattr(field.type, "value_type", field.type) for field in schema]
    return pa.schema([*zip(schema.names, types, strict=True)])
