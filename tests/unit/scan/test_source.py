from __future__ import annotations

import pickle
from decimal import Decimal

import numpy as np
import pytest
from queries import KINDS, case, plain
from support import specified

from synthpower import Column, Inventory, Measurement
from synthpower.model.columns import Axis, field_of
from synthpower.scan.source import AXES, Source


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_column_has_along_its_axis_is_what_the_rows_have(kind: str) -> None:
    made = case(kind)
    source, table = made.dataset._source, made.table
    for name in table.schema.names:
        known = [axis for axis in AXES if source.is_known(name, axis)]
        assert len(known) in (0, 1, 3)  # those of a constant are all
        for axis in known:
            values = source.values(name, axis)
            assert values.type == table.schema.field(name).type
            assert len(values) == len(source.whole.of(axis))
            assert set(values.to_pylist()) >= set(table[name].to_pylist())


@pytest.mark.parametrize(
    ("kind", "name", "axes"),
    [
        ("plain", "start_time", Axis.TIME),
        ("late", "start_time", Axis.TIME | Axis.SERVER),
        ("formats", "wall clock", Axis.TIME | Axis.SERVER),
        ("formats", "zone", Axis.SERVER),
        ("plain", "name", Axis.MEASUREMENT),
        ("wide", "power", Axis.TIME | Axis.SERVER),
    ],
)
def test_late_and_local_times_depend_on_the_server(kind: str, name: str, axes: Axis) -> None:
    assert case(kind).dataset._source.axes_of(name) == axes


@pytest.mark.parametrize("kind", KINDS)
def test_any_selection_has_the_rows_of_its_axes(kind: str) -> None:
    made = case(kind)
    source = made.dataset._source
    whole = source.whole
    some = whole._replace(
        steps=whole.steps[::2], servers=whole.servers[1::3], measurements=whole.measurements[:1]
    )
    names = made.table.schema.names
    batches = list(source.batches(some, names))
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert source.num_rows(some) == len(rows) > 0
    servers = source.fleet.by_serial.sn.take(some.servers).to_pylist()
    serial = next(n for n in names if source.columns[n].field.name == "sn")
    assert {row[serial] for row in rows} <= set(servers)
    remaining = iter(plain(made.table).to_pylist())
    assert all(any(row == other for other in remaining) for row in rows)  # in the same order


def test_an_empty_selection_has_no_rows() -> None:
    source = case("plain").dataset._source
    for axis in AXES:
        none = source.whole.keeping(axis, np.array([], np.int64))
        assert list(source.batches(none, ["sn"])) == []
        assert source.num_rows(none) == 0


def test_a_source_is_pickled_without_what_it_has_made() -> None:
    source = case("plain").dataset._source
    before = len(pickle.dumps(source))
    assert list(source.batches(source.whole, ["sn", "measurement_value"]))
    assert len(pickle.dumps(source)) == before


def test_only_small_gaps_between_steps_are_filled() -> None:
    source = Source([specified(interval=1)], Inventory.generate(1, seed=1))
    whole = source.whole
    some = whole.keeping(Axis.TIME, np.array([0, 3, 40_000, 40_002]))
    within = whole.keeping(Axis.TIME, np.delete(whole.steps, 2))
    assert source.covering(some, within).steps.tolist() == [0, 1, 3, 40_000, 40_001, 40_002]


def test_many_gaps_are_filled_in_no_time() -> None:
    """As long as the rows take to be made, or less: each gap was compared with all steps."""
    source = Source([specified(interval=1)], Inventory.generate(1, seed=1))
    some = source.whole.keeping(Axis.TIME, np.arange(0, 86_400, 2))
    assert len(source.covering(some, source.whole).steps) == 86_399


def test_few_of_what_makes_batches_are_kept() -> None:
    columns = [Column(f"v{n}", field_of(f"value:m{n}")) for n in range(9)]
    table = [Measurement(f"m{n}", "W", Decimal(1), 2) for n in range(9)]
    spec = specified(measurements=tuple(table), columns=tuple(columns))
    source = Source([spec], Inventory.generate(2, seed=1))
    for column in columns:
        rows = sum(batch.num_rows for batch in source.batches(source.whole, [column.name]))
        assert rows == 48
    assert len(source._made) <= 4
