from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from queries import case, plain

from synthpower import InputError, Inventory, Measurement, Readings
from synthpower.scan.pruning import mentioned, prune
from synthpower.scan.source import Source
from synthpower.tables import read_measurements

f = pc.field
SITE, OTHER = (
    case("plain").table["location"][0].as_py(),
    case("plain").table["location"][-1].as_py(),
)
SN = case("plain").table["sn"][0].as_py()
AFTER = f("start_time") >= pa.scalar(1677528000 * 10**6, pa.timestamp("us", "UTC"))  # 20:00


def pruned(filter: pc.Expression, kind: str = "plain") -> tuple[Sequence[int], bool]:
    """Return how many steps, servers and measurements are left, and whether that is exact."""
    source = case(kind).dataset._source
    selection, exact = prune(filter, source, source.whole)
    return [len(places) for places in selection], exact


def servers_at(*sites: str) -> int:
    names = case("plain").dataset._source.fleet.table["location"].to_pylist()
    return sum(names.count(site) for site in sites)


def test_all_is_there_to_begin_with() -> None:
    assert [len(places) for places in case("plain").dataset._source.whole] == [6, 12, 2]


@pytest.mark.parametrize(
    ("filter", "left"),
    [
        (f("location") == SITE, [6, servers_at(SITE), 2]),
        (f("sn") == SN, [6, 1, 2]),
        (f("location").isin([SITE, OTHER]), [6, servers_at(SITE, OTHER), 2]),
        (~f("location").isin([SITE]), [6, 12 - servers_at(SITE), 2]),
        (f("name") == "server power", [6, 12, 1]),
        (AFTER, [1, 12, 2]),
        (AFTER & (f("name") == "server power") & (f("sn") == SN), [1, 1, 1]),
        (AFTER & f("location").isin([SITE]), [1, servers_at(SITE), 2]),
        (AFTER & f("location").is_valid(), [1, 12, 2]),
        (AFTER | f("location").is_valid(), [6, 12, 2]),
        (f("location").is_null(), [0, 0, 0]),
        (pc.starts_with(f("name"), "server p"), [6, 12, 1]),
        (pc.coalesce(f("location"), f("model")) == SITE, [6, servers_at(SITE), 2]),
        (pc.scalar(value=True), [6, 12, 2]),
        (pc.scalar(value=False), [0, 0, 0]),
    ],
    ids=str,
)
def test_what_the_axes_tell_is_exact(filter: pc.Expression, left: list[int]) -> None:
    assert pruned(filter) == (left, True)


@pytest.mark.parametrize(
    ("filter", "left"),
    [
        ((f("measurement_value") > 1) & AFTER, [1, 12, 2]),
        ((f("measurement_value") > 1) & f("location").isin([SITE]), [6, servers_at(SITE), 2]),
        ((f("location") == SITE) | AFTER, [6, 12, 2]),
        ((f("location") == SITE) | (f("measurement_value") > 1), [6, 12, 2]),
    ],
    ids=str,
)
def test_what_the_axes_do_not_tell_is_left_in(filter: pc.Expression, left: list[int]) -> None:
    assert pruned(filter) == (left, False)


@pytest.mark.parametrize(
    "filter",
    [
        f("measurement_value").is_valid() & AFTER,
        f("measurement_value").is_null() | AFTER,
        f("measurement_value").isin([1.0]) & (f("sn") == SN),
        (pc.coalesce(f("measurement_value"), pc.scalar(1.0)) > 0) & AFTER,
        pc.max_element_wise(f("measurement_value"), pc.scalar(3.0)) > 0,
        pc.equal(pc.utf8_length(f("sn")) / pc.scalar(0), pc.scalar(1)),
        f("measurement_value") + 1.0,
    ],
    ids=str,
)
def test_nothing_is_left_out_where_that_cannot_be_told(filter: pc.Expression) -> None:
    assert pruned(filter) == ([6, 12, 2], False)


def test_late_times_are_not_on_one_axis() -> None:
    assert pruned(AFTER, "late") == ([6, 12, 2], False)
    assert pruned(AFTER & (f("sn") == SN), "late") == ([6, 1, 2], False)


def test_steps_of_several_days_are_on_one_axis() -> None:
    assert pruned(AFTER, "days") == ([7, 12, 2], True)


def test_too_many_combinations_are_not_tried() -> None:
    readings = Readings(Inventory.generate(2000, seed=1), "2023-02-27", 60)
    source = Source([readings.specification], readings.inventory)
    sn = readings.inventory.by_serial.sn[7].as_py()
    late = f("start_time") >= pa.scalar(1677528000 * 10**6, pa.timestamp("us", "UTC"))
    found, exact = prune((f("sn") == sn) & late, source, source.whole)
    assert ([len(places) for places in found], exact) == ([240, 1, 2], True)
    late_and_cool = late & (f("measurement_value") < 50)
    found, exact = prune(f("sn").isin([sn]) & late_and_cool, source, source.whole)
    assert ([len(places) for places in found], exact) == ([1440, 1, 2], False)


def test_a_measurement_that_the_signal_needs_stays() -> None:
    other = Measurement("fans", "%", Decimal(100), 0)
    table = [*read_measurements("load"), other]
    readings = Readings(
        Inventory.generate(3, seed=1), "2023-02-27", signal="load", measurements=table
    )
    source = Source([readings.specification], readings.inventory)
    found, exact = prune(f("name") == "fans", source, source.whole)
    assert (len(found.measurements), exact) == (len(table), False)
    dataset = readings.dataset().filter(f("name") == "fans")
    assert plain(dataset.to_table()).equals(
        plain(readings.to_table()).filter(f("name") == "fans").combine_chunks()
    )


def test_names_that_a_filter_mentions_are_found() -> None:
    names = ["sn", "location", "measurement_value"]
    assert mentioned((f("sn") == "x") & (f("location") == "y"), names) == ["sn", "location"]


@pytest.mark.parametrize("filter", [f(3) == SITE, f("a", "b") == 1])
def test_a_column_by_its_number_is_refused(filter: pc.Expression) -> None:
    with pytest.raises(InputError, match="write pc") as found:
        mentioned(filter, ["sn"])
    assert found.value.argument == "filter"


def test_a_selection_is_only_made_smaller() -> None:
    source = case("plain").dataset._source
    some = source.whole._replace(servers=np.array([1, 4, 5]), steps=np.array([2, 5]))
    found, exact = prune(AFTER, source, some)
    assert exact
    assert [places.tolist() for places in found] == [[5], [1, 4, 5], [0, 1]]
