"""An Iceberg table: the log is ``metadata`` in the folder of the files, without a catalog.

Versions are ``v1.metadata.json``, ``v2.metadata.json`` and so on, and ``version-hint.text`` names
the newest: what Spark, DuckDB, Polars and pyiceberg open by the folder, or by a version's file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.conversions import to_bytes
from pyiceberg.io import load_file_io
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.table import CommitTableResponse, StaticTable, Table, TableProperties
from pyiceberg.table.metadata import TableMetadata, new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import TableRequirement, TableUpdate, update_table_metadata
from pyiceberg.typedef import Record
from pyiceberg.types import (
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    LongType,
    NestedField,
    PrimitiveType,
    StringType,
    TimestamptzType,
)

from synthpower.dataset.lake import LAKES
from synthpower.dataset.lake.files import TableFile, location_of
from synthpower.errors import InputError, one_line
from synthpower.lazy import lazy
from synthpower.storage import Store

_METADATA = LAKES["iceberg"].log
_HINT = "version-hint.text"
_VERSION = re.compile(r"v([0-9]{1,9})\.metadata\.json$")
_DECIMAL = re.compile(r"decimal\(([0-9]+), ?([0-9]+)\)")
_TYPES: dict[str, IcebergType] = {
    "string": StringType(),
    "timestamp": TimestamptzType(),
    "long": LongType(),
    "double": DoubleType(),
    "float": FloatType(),
}


class IcebergLog:
    """The metadata of an Iceberg table; see `Log`."""

    def __init__(self, store: Store, root: str) -> None:
        self._folder = location_of(store, root, buckets=False)
        _check_path(self._folder)
        self._versions = _Versions(store, f"{root}/{_METADATA}", f"file://{self._folder}")
        self._table: Table | None = None
        self.columns: dict[str, str] | None = None
        with _about(self._folder):
            self._table = self._versions.newest()
            if self._table is not None:
                self.columns = {f.name: _name_of(f.field_type) for f in self._table.schema().fields}

    @staticmethod
    def check(columns: Mapping[str, str], name: str) -> None:  # noqa: ARG004 - any columns will do
        _check_path(name)

    def missing(self, files: Sequence[TableFile]) -> list[TableFile]:
        if self._table is None:
            return list(files)
        self._versions.keep_hint()
        schema = self._table.schema()
        made = [(file, self._data_file(file, schema)) for file in files]
        with _about(self._folder):
            known = self._files
        return [f for f, data in made if _facts(known.get(data.file_path)) != _facts(data)]

    def add(self, columns: Mapping[str, str], files: Sequence[TableFile]) -> None:
        table = self._table or self._versions.first(columns)
        made = [self._data_file(file, table.schema()) for file in files]
        replaced = [data for data in made if data.file_path in self._files]
        Path(self._folder, _METADATA).mkdir(exist_ok=True)
        with _about(self._folder), table.transaction() as transaction:
            if self._table is None:  # our files do not say the columns' ids
                names = table.schema().name_mapping.model_dump_json()
                transaction.set_properties({TableProperties.DEFAULT_NAME_MAPPING: names})
            update = transaction.update_snapshot()
            with update.overwrite() if replaced else update.fast_append() as snapshot:
                for data in replaced:
                    snapshot.delete_data_file(self._files[data.file_path])
                for data in made:
                    snapshot.append_data_file(data)

    @lazy
    def _files(self) -> dict[str, DataFile]:
        """The files of the table, by their paths."""
        return {} if self._table is None else _files_of(self._table)

    def _data_file(self, file: TableFile, schema: Schema) -> DataFile:
        """Return a file as the metadata have it."""
        there = [(schema.find_field(name), bounds) for name, bounds in file.bounds.items()]
        known = [(field, bounds) for field, bounds in there if bounds.least is not None]
        made = DataFile.from_args(
            content=DataFileContent.DATA,
            file_path=f"file://{self._folder}/{file.name}",
            file_format=FileFormat.PARQUET,
            partition=Record(),
            record_count=file.rows,
            file_size_in_bytes=file.bytes,
            column_sizes=None,
            value_counts={f.field_id: file.rows for f, _ in there},
            null_value_counts={f.field_id: b.nulls for f, b in there},
            nan_value_counts=None,
            lower_bounds={f.field_id: _bytes(f, b.least) for f, b in known},
            upper_bounds={f.field_id: _bytes(f, b.greatest) for f, b in known},
            key_metadata=None,
            split_offsets=None,
            equality_ids=None,
            sort_order_id=None,
        )
        made.spec_id = UNPARTITIONED_PARTITION_SPEC.spec_id
        return made


class _Versions(NoopCatalog):
    """What stands for a catalog: the versions of the metadata, each a file of its own.

    A version that is there already is never written over: of two that commit at once, one fails.
    """

    def __init__(self, store: Store, folder: str, location: str) -> None:
        super().__init__("versions")
        self._store, self._folder, self._location = store, folder, location

    def newest(self) -> Table | None:
        """Return the table as it is; None where there is none."""
        number = self._number()
        if not number:
            return None
        path = self._path(number)
        found = StaticTable.from_metadata(path).metadata
        if found.location != self._location:
            raise InputError(
                f"the paths in an Iceberg table are absolute, and this one's begin with "
                f"{found.location}: move it back, or remove {self._folder}"
            )
        return self._as_table(found, path)

    def first(self, columns: Mapping[str, str]) -> Table:
        """Return a table without files, which is not written yet."""
        fields = (
            NestedField(number, name, _type_of(kind), required=False)
            for number, (name, kind) in enumerate(columns.items(), 1)
        )
        given = Schema(*fields), UNPARTITIONED_PARTITION_SPEC, UNSORTED_SORT_ORDER, self._location
        return self._as_table(new_table_metadata(*given), "")

    def commit_table(
        self,
        table: Table,
        requirements: tuple[TableRequirement, ...],
        updates: tuple[TableUpdate, ...],
    ) -> CommitTableResponse:
        for requirement in requirements:
            requirement.validate(table.metadata)
        before = table.metadata_location
        number = self._number() + 1
        metadata = update_table_metadata(table.metadata, updates, metadata_location=before or None)
        for name, text, over in (
            (f"v{number}.metadata.json", metadata.model_dump_json(), False),
            (_HINT, str(number), True),
        ):
            with self._store.create(f"{self._folder}/{name}", replace=over) as sink:
                sink.write(text.encode())
        return CommitTableResponse(metadata=metadata, **{"metadata-location": self._path(number)})

    def keep_hint(self) -> None:
        """Have the hint name the newest version, where a run was killed before it did."""
        name, number = f"{self._folder}/{_HINT}", str(self._number()).encode()
        if self._store.size(name) is not None:
            with self._store.open(name) as file:
                if file.read().strip() == number:
                    return
        with self._store.create(name, replace=True) as sink:
            sink.write(number)

    def _number(self) -> int:
        """Return the number of the newest version, 0 where there is none."""
        if not self._store.exists(self._folder):
            return 0
        names = self._store.names(f"{self._folder}/v*.metadata.json")
        return max((int(found[1]) for name in names if (found := _VERSION.search(name))), default=0)

    def _path(self, number: int) -> str:
        return f"{self._location}/{_METADATA}/v{number}.metadata.json"

    def _as_table(self, metadata: TableMetadata, path: str) -> Table:
        io = load_file_io(location=self._location)
        return Table(("readings",), metadata, path, io, self)


def _check_path(path: str) -> None:
    """Raise `InputError` where it is not read as it is written: it is parsed as that of a URL."""
    if found := re.search("[#?]", path):
        raise InputError(
            f"{path}: no path in an Iceberg table can have a {found[0]}; choose another", "table"
        )


@contextmanager
def _about(folder: str) -> Iterator[None]:
    """Say in one line what is wrong with a table: anything, where what is there is none."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise InputError(f"{folder}: {one_line(error)}", "table") from None


def _files_of(table: Table) -> dict[str, DataFile]:
    """Return the files of a table, by their paths."""
    snapshot = table.current_snapshot()
    return {
        entry.data_file.file_path: entry.data_file
        for manifest in (snapshot.manifests(table.io) if snapshot else ())
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True)
    }


def _facts(file: DataFile | None) -> object:
    """Return what the table says of a file, to be compared."""
    return file and (
        file.record_count,
        file.file_size_in_bytes,
        dict(file.null_value_counts or {}),
        dict(file.lower_bounds or {}),
        dict(file.upper_bounds or {}),
    )


def _bytes(field: NestedField, value: Any) -> bytes:
    """Return a value as metadata have it."""
    kind = field.field_type
    assert isinstance(kind, PrimitiveType)
    return to_bytes(kind, value)


def _type_of(kind: str) -> IcebergType:
    if found := _DECIMAL.fullmatch(kind):
        return DecimalType(int(found[1]), int(found[2]))
    return _TYPES[kind]


def _name_of(kind: IcebergType) -> str:
    """Return a type of a column as `columns_of` names it."""
    if isinstance(kind, DecimalType):
        return f"decimal({kind.precision},{kind.scale})"
    return next((name for name, each in _TYPES.items() if each == kind), str(kind))
