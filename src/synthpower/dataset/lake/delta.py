"""A Delta table: the log is ``_delta_log`` in the folder of the files."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote

from deltalake import DeltaTable, Field, Schema
from deltalake.exceptions import DeltaError
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction, create_table_with_add_actions

from synthpower.dataset.lake import LAKES
from synthpower.dataset.lake.files import Bounds, TableFile, has_folder, location_of
from synthpower.errors import InputError, one_line, shown
from synthpower.storage import LocalStore, Store

_FORBIDDEN = re.compile("[ ,;{}()\n\t=]")  # in a column's name, without a mapping of columns
_ESCAPE = re.compile("%[0-9A-Fa-f]{2}")


class DeltaLog:
    """The log of a Delta table; see `Log`."""

    def __init__(self, store: Store, root: str) -> None:
        self._label = location_of(store, root, buckets=True)
        self._location = self._label if isinstance(store, LocalStore) else _quoted(self._label)
        if found := _ESCAPE.search(self._label):  # it makes a table that it does not find again
            raise InputError(
                f"{self._label}: no Delta table can be in a folder with {found[0]} in its path; "
                f"choose another",
                "table",
            )
        self._table: DeltaTable | None = None
        self.columns: dict[str, str] | None = None
        if not has_folder(store, f"{root}/{LAKES['delta'].log}"):
            return  # old versions make a folder when they are asked whether it is a table
        with _about(self._label):
            if not DeltaTable.is_deltatable(self._location, _options()):
                return
            self._table = DeltaTable(self._location, storage_options=_options())
            fields = self._table.schema().fields
        self.columns = {field.name: getattr(field.type, "type", "other") for field in fields}

    @staticmethod
    def check(columns: Mapping[str, str], name: str) -> None:  # noqa: ARG004 - any will do
        lower: dict[str, str] = {}
        for column in columns:
            if found := _FORBIDDEN.search(column):
                raise InputError(
                    f"column {shown(column)!r}: no column of a Delta table may have "
                    f"{found[0]!r} in its name; rename it in columns.csv",
                    "table",
                )
            other = lower.setdefault(column.lower(), column)
            if other != column:
                raise InputError(
                    f"columns {shown(other)!r} and {shown(column)!r}: no two columns of a Delta "
                    f"table may differ by case alone; rename one in columns.csv",
                    "table",
                )

    def missing(self, files: Sequence[TableFile]) -> list[TableFile]:
        if self._table is None:
            return list(files)
        known = _known(self._table, [file.name for file in files])
        return [file for file in files if known.get(file.name) != _facts(file)]

    def add(self, columns: Mapping[str, str], files: Sequence[TableFile]) -> None:
        now = int(time.time() * 1000)
        # A later entry of a file is in place of an earlier one.
        actions = [AddAction(f.name, f.bytes, {}, now, True, _stats(f)) for f in files]  # noqa: FBT003
        schema = Schema([Field(name, PrimitiveType(kind)) for name, kind in columns.items()])
        with _about(self._label):
            if self._table is None:
                create_table_with_add_actions(
                    self._location, schema, actions, storage_options=_options()
                )
            else:
                self._table.create_write_transaction([*actions], "append", schema)


def _quoted(url: str) -> str:
    """Return the URL of a prefix, of which each character is itself, as the library parses it."""
    scheme, mark, path = url.partition("://")
    return f"{scheme}{mark}{quote(path, safe='/@:')}"


@contextmanager
def _about(location: str) -> Iterator[None]:
    """Say in one line what is wrong with a table."""
    try:
        yield
    except (DeltaError, OSError) as error:
        raise InputError(f"{location}: {one_line(error)}", "table") from None


def _options() -> dict[str, str] | None:
    """Return what a bucket needs besides what the environment says, as `storage.client` has it."""
    plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http:")
    return {"AWS_ALLOW_HTTP": "true"} if plain else None


def _stats(file: TableFile) -> str:
    """Return what the log says of a file, as JSON."""
    bounds = _bounds(file)
    there = {name: b for name, b in bounds.items() if b.least is not None}
    return json.dumps(
        {
            "numRecords": file.rows,
            "minValues": {name: _in_json(each.least) for name, each in there.items()},
            "maxValues": {name: _in_json(each.greatest) for name, each in there.items()},
            "nullCount": {name: each.nulls for name, each in bounds.items()},
        },
        ensure_ascii=False,
    )


def _bounds(file: TableFile) -> dict[str, Bounds]:
    """Return the bounds that can be said: a number in JSON is a double to those who read it."""
    return {
        name: bounds if _exact(bounds.least) and _exact(bounds.greatest) else _unsaid(bounds)
        for name, bounds in file.bounds.items()
    }


def _exact(value: Any) -> bool:
    return not isinstance(value, Decimal) or len(value.as_tuple().digits) <= sys.float_info.dig


def _unsaid(bounds: Bounds) -> Bounds:
    return Bounds(None, None, bounds.nulls)


def _in_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.000Z"
    return float(value) if isinstance(value, Decimal) else value


def _facts(file: TableFile) -> tuple[int, int, dict[str, Bounds]]:
    return file.rows, file.bytes, _bounds(file)


def _known(table: Any, names: Sequence[str]) -> dict[str, tuple[int, int, dict[str, Bounds]]]:
    """Return what the log says of some files, in the form of `_facts`."""
    wanted = set(names)
    actions = table.get_add_actions(flatten=True)
    columns = {name: actions.column(name).to_pylist() for name in actions.schema.names}
    nulls = {
        name.removeprefix("null_count."): column
        for name, column in columns.items()
        if name.startswith("null_count.")
    }
    nothing = [None] * actions.num_rows
    found = {}
    for i, path in enumerate(columns["path"]):
        name = path if path in wanted else unquote(path)  # newer versions return it quoted
        if name in wanted:
            bounds = {
                column: Bounds(
                    columns.get(f"min.{column}", nothing)[i],
                    columns.get(f"max.{column}", nothing)[i],
                    absent[i],
                )
                for column, absent in nulls.items()
                if absent[i] is not None
            }
            found[name] = columns["num_records"][i], columns["size_bytes"][i], bounds
    return found
