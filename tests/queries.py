"""Readings of every kind, and conditions on them as each engine writes them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import strategies as st

from synthpower import FIELDS, Column, Fault, Inventory, Measurement, Part, Readings
from synthpower.model.columns import field_of
from synthpower.scan.dataset import ReadingsDataset
from synthpower.tables import read_measurements

_OTHERS = (
    Measurement("fans", "%", Decimal(100), 0),
    Measurement("power", "W", Decimal(300), 3, minimum=Decimal(-20)),
    Measurement("load", "1", Decimal(1), 0),
)
_FORMATS = (
    Column("watts", FIELDS["measurement_value"], "decimal"),
    Column("begin", FIELDS["start_time"], "ms"),
    Column("wall clock", FIELDS["end_time"], "local"),
    Column("serial", FIELDS["sn"]),
    Column("site", FIELDS["location"]),
    Column("quantity", FIELDS["name"]),
    Column("zone", field_of("time_zone")),
    Column("from", field_of('=O\'Brien "is_null("')),
)
_WIDE = (
    Column("sn", FIELDS["sn"]),
    Column("power", field_of("value:power"), "decimal"),
    Column("fans", field_of("value:fans"), "integer"),
    Column("end", FIELDS["end_time"], "s"),
    Column("load", field_of("value:load"), "float"),
    Column("site", FIELDS["location"]),
)


def _readings(servers: int = 12, interval: int = 14_400, **options: Any) -> Readings:
    return Readings(Inventory.generate(servers, seed=3), "2023-02-27", interval, **options)


KINDS: dict[str, Callable[[], Readings]] = {
    "plain": _readings,
    "late": lambda: _readings(fuzz=1000),
    "formats": lambda: _readings(columns=_FORMATS, measurements=_OTHERS),
    "late formats": lambda: _readings(columns=_FORMATS, measurements=_OTHERS, fuzz=7200),
    "wide": lambda: _readings(columns=_WIDE, measurements=_OTHERS, fuzz=60),
    "faulty": lambda: _readings(
        20,
        7200,
        signal="load",
        measurements=[*read_measurements("load"), _OTHERS[2]],
        faults=[Fault("off", "0.2"), Fault("off", "0.1", "site")],
    ),
    "shard": lambda: _readings(7, part=Part(2, 3)),
    "days": _readings,
}


class Case(NamedTuple):
    """Readings as a data set, and in memory, strings without dictionaries."""

    dataset: ReadingsDataset
    table: pa.Table


@cache
def case(kind: str) -> Case:
    """Return readings of a kind."""
    readings = KINDS[kind]()
    if kind != "days":
        return Case(readings.dataset(), plain(readings.to_table()))
    days = [
        Readings(readings.inventory, f"2023-02-{day}", 14_400, seed=readings.specification.seed)
        for day in (27, 28)
    ]
    tables = [plain(each.to_table()) for each in days]
    return Case(readings.dataset(days=2), pa.concat_tables(tables))


def plain(table: pa.Table) -> pa.Table:
    """Return a table with its dictionaries decoded."""
    fields = [pa.field(f.name, kind_of(f.type)) for f in table.schema]
    return table.cast(pa.schema(fields)).combine_chunks()


def kind_of(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


class Condition(NamedTuple):
    """A condition on rows, as Arrow, SQL and Polars say it."""

    arrow: pc.Expression
    sql: str
    polars: pl.Expr


_COMPARE = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip


def compare(table: pa.Table, name: str, sign: str, value: Any) -> Condition:
    kind, function = table.schema.field(name).type, _COMPARE[sign]
    return Condition(
        function(pc.field(name), pa.scalar(value, kind)),
        f'"{name}" {sign} {literal(value)}',
        function(pl.col(name), pl.lit(value)),
    )


def one_of(table: pa.Table, name: str, values: list[Any]) -> Condition:
    kind = table.schema.field(name).type
    return Condition(
        pc.field(name).isin(pa.array(values, kind)),
        f'"{name}" in ({", ".join(map(literal, values))})',
        pl.col(name).is_in(values),
    )


def is_null(name: str) -> Condition:
    return Condition(pc.field(name).is_null(), f'"{name}" is null', pl.col(name).is_null())


def is_valid(name: str) -> Condition:
    return Condition(pc.field(name).is_valid(), f'"{name}" is not null', pl.col(name).is_not_null())


def both(left: Condition, right: Condition) -> Condition:
    return Condition(
        left.arrow & right.arrow, f"({left.sql} and {right.sql})", left.polars & right.polars
    )


def either(left: Condition, right: Condition) -> Condition:
    return Condition(
        left.arrow | right.arrow, f"({left.sql} or {right.sql})", left.polars | right.polars
    )


def neither(one: Condition) -> Condition:
    return Condition(~one.arrow, f"not ({one.sql})", ~one.polars)


def literal(value: Any) -> str:
    """Return a value as SQL has it."""
    if isinstance(value, datetime):
        return f"TIMESTAMPTZ '{value:%Y-%m-%d %H:%M:%S}+00:00'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)


@st.composite
def conditions(draw: st.DrawFn, table: pa.Table, depth: int = 3) -> Condition:
    """Draw a condition on a table."""
    form = draw(st.sampled_from(["and", "and", "or", "not", "atom"])) if depth else "atom"
    if form == "not":
        return neither(draw(conditions(table, depth - 1)))
    if form != "atom":
        parts = [draw(conditions(table, depth - 1)) for _ in range(2)]
        return both(*parts) if form == "and" else either(*parts)
    name = draw(st.sampled_from(table.schema.names))
    found = pc.unique(table[name].drop_null()).to_pylist()
    values = st.sampled_from(found)
    kind = draw(st.sampled_from(["compare", "compare", "in", "null", "valid"]))
    if kind == "null":
        return is_null(name)
    if kind == "valid":
        return is_valid(name)
    if kind == "in" and not pa.types.is_decimal(table.schema.field(name).type):  # not in Polars
        return one_of(table, name, draw(st.lists(values, min_size=1, max_size=4, unique=True)))
    signs = ["=", "<>"] if pa.types.is_string(table.schema.field(name).type) else list(_COMPARE)
    return compare(table, name, draw(st.sampled_from(signs)), draw(values))
