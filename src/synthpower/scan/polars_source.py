"""Readings as a lazy frame of Polars: columns, filters and a number of rows are pushed down."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from synthpower.engine import available_workers
from synthpower.errors import InputError
from synthpower.scan.source import CHUNK_ROWS, FEW_ROWS

if TYPE_CHECKING:
    import polars

    from synthpower.scan.dataset import ReadingsDataset

_OLDEST = 1, 22
_NEEDED = "polars>=1.22"
_ORDERS = operator.lt, operator.le, operator.gt, operator.ge


def lazy_frame(dataset: ReadingsDataset) -> polars.LazyFrame:
    """Return a lazy frame that makes the readings which a query asks for.

    Raises
    ------
    InputError
        Where there is no Polars, or one that forgets filters which it cannot hand over.
    """
    try:
        import polars as pl
        from polars.io.plugins import register_io_source
    except ImportError:
        raise InputError(f"Polars is not installed: pip install '{_NEEDED}'") from None
    if tuple(map(int, pl.__version__.split(".")[:2])) < _OLDEST:
        raise InputError(f"Polars {pl.__version__} loses filters: pip install '{_NEEDED}'")

    def source(
        with_columns: list[str] | None,
        predicate: polars.Expr | None,
        n_rows: int | None,
        batch_size: int | None,  # noqa: ARG001 - a batch has as many as are made fastest
    ) -> Iterator[polars.DataFrame]:
        names = dataset.schema.names if with_columns is None else with_columns
        needed = [] if predicate is None else predicate.meta.root_names()
        rest = dataset
        if predicate is not None and n_rows is None:  # `head`, then a filter: rows first
            hint, whole = _translated(predicate, dataset.schema)
            if hint is not None:
                rest, exact = dataset.ruled_out(hint)
                predicate = None if whole and exact else predicate
        few = n_rows is not None and n_rows <= FEW_ROWS
        workers, chunk_rows = (1, FEW_ROWS) if few else (available_workers(), CHUNK_ROWS)
        every = list(dict.fromkeys([*names, *needed]))
        nothing = pa.RecordBatch.from_pylist([], pa.schema(map(dataset.schema.field, every)))
        yield pl.DataFrame(nothing).select(names)  # Polars 1.22 wants one
        for batch in rest.made(every, workers=workers, chunk_rows=chunk_rows):
            frame = pl.DataFrame(batch)
            if n_rows is not None:
                frame = frame.head(n_rows)
                n_rows -= len(frame)
            if predicate is not None:
                frame = frame.filter(predicate)
            yield frame.select(names)
            if n_rows == 0:
                break

    schema = pl.DataFrame(dataset.schema.empty_table()).schema
    return register_io_source(source, schema=schema)


def _translated(predicate: polars.Expr, schema: pa.Schema) -> tuple[pc.Expression | None, bool]:
    """Return what Arrow can say of a predicate, and whether that is all of it.

    It is true at least wherever the predicate is. An expression is taken apart and put together
    again: where that is the same, it is what we take it for.
    """
    parts = _parts(predicate)
    if len(parts) == 2:
        left, right = parts
        for combine in (operator.and_, operator.or_):
            if predicate.meta.eq(combine(left, right)):
                return _combined(combine, _translated(left, schema), _translated(right, schema))
    found = _comparison(predicate, parts, schema)
    return found, found is not None


def _combined(
    combine: Any, left: tuple[pc.Expression | None, bool], right: tuple[pc.Expression | None, bool]
) -> tuple[pc.Expression | None, bool]:
    known = [expression for expression, _ in (left, right) if expression is not None]
    if len(known) == 2:
        return combine(*known), left[1] and right[1]
    return (known[0] if known and combine is operator.and_ else None), False


def _comparison(
    predicate: polars.Expr, parts: list[polars.Expr], schema: pa.Schema
) -> pc.Expression | None:
    """Return a comparison of a column of strings or times with literals."""
    if not parts or not parts[0].meta.is_column() or len(parts) > 3:
        return None
    field = schema.field(parts[0].meta.output_name())
    literals = [_literal(part, field.type) for part in parts[1:]]
    if any(values is None for values in literals):
        return None
    name, column = pc.field(field.name), parts[0]
    values = [value for each in literals for value in each or ()]
    if len(parts) == 2 and predicate.meta.eq(column.is_in(parts[1])):
        return name.isin(pa.array(values, _plain(field.type)))
    if len(parts) == 2 and len(values) == 1:
        ordered = () if _is_string(field.type) else _ORDERS  # of categories: another order
        for compare in (operator.eq, operator.ne, *ordered):
            if predicate.meta.eq(compare(column, parts[1])):
                return compare(name, pa.scalar(values[0], _plain(field.type)))
    if len(parts) == 3 and len(values) == 2 and not _is_string(field.type):
        low, high = (pa.scalar(value, field.type) for value in values)
        if predicate.meta.eq(column.is_between(parts[1], parts[2])):
            return (name >= low) & (name <= high)
    return None


def _literal(expression: polars.Expr, kind: pa.DataType) -> list[Any] | None:
    """Return the values of a literal where they are of a column's type, and none is null."""
    import polars as pl

    if not expression.meta.is_literal():
        return None
    series = pl.select(expression).to_series()
    if isinstance(series.dtype, pl.List):
        series = series.explode()
    wanted = pl.Series(pl.from_arrow(pa.array([], _plain(kind)))).dtype
    values = series.to_list()
    if series.dtype != wanted or None in values or not (_is_string(kind) or _is_time(kind)):
        return None
    return values


def _parts(expression: polars.Expr) -> list[polars.Expr]:
    """Return what an expression is made of, from left to right."""
    return list(reversed(expression.meta.pop()))


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(_plain(kind)))


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_int64(kind))
