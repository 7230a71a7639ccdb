"""Faults in the load signal: how many there are, where they are, and which of several counts."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support import POWER

from synthpower import (
    Fault,
    InputError,
    Inventory,
    Location,
    Measurement,
    Part,
    Readings,
    ServerType,
)
from synthpower.model.faults import LENGTHS
from synthpower.model.measurement import QUANTITIES
from synthpower.signals.load import LoadValues, greatest
from synthpower.signals.quantity import Numbers, Quantities, value_dictionary

DATE = "2023-02-27"
DAYS = [f"2023-{month:02d}-{day:02d}" for month in (1, 3, 5, 7) for day in (1, 11, 21)]
SHARES = {
    "off": "0.05", "hung": "0.05", "false_zero": "0.0015", "stuck_power": "0.04",
    "meter_drift": "0.3", "lost_cooling": "0.01", "runaway": "0.01",
}  # fmt: skip
ALL = tuple(
    Measurement(quantity, unit, Decimal(1), 2, quantity) for quantity, unit in QUANTITIES.items()
)


@pytest.fixture(scope="module")
def fleet() -> Inventory:
    """Two thousand servers of one type at a thousand sites."""
    sites = [Location(f"site {n}") for n in range(1000)]
    return Inventory.generate(2000, 5, [ServerType("model", "P1")], sites)


def readings(fleet: Inventory, faults: Sequence[Fault], date: str = DATE, **changes: Any) -> Any:
    given = {"measurements": ALL, "interval": 7200, "seed": 7} | changes
    return Readings(fleet, date, signal="load", faults=faults, **given)


def values(
    fleet: Inventory, faults: Sequence[Fault], date: str = DATE, **changes: Any
) -> NDArray[np.float64]:
    """Return values: (steps, servers, measurements), NaN where there is none."""
    made = readings(fleet, faults, date, **changes)
    column = made.to_table()["measurement_value"]
    return column.to_numpy().reshape(made.shape)


def share_of_events(fleet: Inventory, fault: Fault) -> float:
    """Return how much of its servers', or sites', time a fault takes, over many days."""
    who = len(fleet) if fault.scope == "server" else len(set(fleet.table["location"].to_pylist()))
    taken = 0
    for date in DAYS:
        specification = readings(fleet, [fault], date).specification
        start = specification.start
        for _, _, begin, end, _, _ in LoadValues(specification, fleet).events(start):
            taken += min(end, start + 86400) - max(begin, start)
    return taken / (who * 86400 * len(DAYS))


@pytest.mark.parametrize("kind", SHARES)
def test_servers_have_each_kind_as_often_as_its_share_says(fleet: Inventory, kind: str) -> None:
    share = Decimal(SHARES[kind])
    assert share_of_events(fleet, Fault(kind, share)) == pytest.approx(float(share), rel=0.09)


@pytest.mark.parametrize("kind", ["off", "meter_drift", "lost_cooling"])
def test_sites_have_each_kind_as_often_as_its_share_says(fleet: Inventory, kind: str) -> None:
    share = Decimal(SHARES[kind])
    found = share_of_events(fleet, Fault(kind, share, "site"))
    assert found == pytest.approx(float(share), rel=0.15)


def test_so_many_readings_are_absent_as_the_share_says(fleet: Inventory) -> None:
    off = [values(fleet, [Fault("off", "0.03")], date)[:, :, 0] for date in DAYS]
    assert np.isnan(off).mean() == pytest.approx(0.03, rel=0.1)


def test_every_length_is_taken_and_no_other(fleet: Inventory) -> None:
    specification = readings(fleet, [Fault("off", "0.29")]).specification
    events = LoadValues(specification, fleet).events(specification.start)
    assert {(end - begin) // 300 for _, _, begin, end, _, _ in events} == set(LENGTHS["off"])


def test_a_repeated_call_finds_the_same_events_in_order_of_their_beginnings(
    fleet: Inventory,
) -> None:
    specification = readings(
        fleet, [Fault("off", "0.1"), Fault("hung", "0.1", "site")]
    ).specification
    first, second = (
        list(LoadValues(specification, fleet).events(specification.start)) for _ in range(2)
    )
    assert first == second
    assert [event[2] for event in first] == sorted(event[2] for event in first)


def test_an_hours_events_are_those_of_the_day_that_touch_the_hour(fleet: Inventory) -> None:
    faults = [Fault(kind, share) for kind, share in SHARES.items()]
    day = readings(fleet, faults).specification
    hour = readings(fleet, faults, f"{DATE}T13", interval=3600).specification
    begin, end = hour.start, hour.start + 3600
    every = LoadValues(day, fleet).events(day.start)
    wanted = [event for event in every if event[2] < end and event[3] > begin]
    assert list(LoadValues(hour, fleet).events(hour.start)) == wanted


@pytest.mark.parametrize("scopes", [("server", "site"), ("site", "server")])
@pytest.mark.parametrize(("first", "second"), [("off", "runaway"), ("runaway", "off")])
def test_of_several_faults_the_first_of_the_table_is_seen(
    fleet: Inventory, first: str, second: str, scopes: tuple[str, str]
) -> None:
    # Scopes draw for themselves, so the order changes no event of these.
    share = {"off": "0.2", "runaway": "0.05"}
    table = [Fault(kind, share[kind], s) for kind, s in zip((first, second), scopes, strict=True)]
    one, other = (np.isnan(values(fleet, [fault])) for fault in table)
    running = readings(fleet, [table[0 if first == "runaway" else 1]])
    full = running.to_table()["measurement_value"].to_numpy().reshape(one.shape)[:, :, 0] == 100
    absent = (one | other)[:, :, 0]
    assert (absent & full).any()
    together = np.isnan(values(fleet, table))[:, :, 0]
    expected = absent if first == "off" else absent & ~full
    np.testing.assert_array_equal(together, expected)


def test_a_site_off_is_all_of_its_servers_off_and_no_other(fleet: Inventory) -> None:
    few = Inventory.generate(60, 5, None, [Location(name) for name in "abcdef"])
    absent = np.isnan(values(few, [Fault("off", "0.2", "site")], interval=300)).all(axis=2)
    sites = np.array([row["location"] for row in few.table.sort_by("sn").to_pylist()])
    assert absent.any() and not absent.all()
    for site in set(sites):
        of_site = absent[:, sites == site]
        assert (of_site == of_site[:, :1]).all()


def test_a_drifting_meter_shows_a_fifth_more_or_less_at_most(fleet: Inventory) -> None:
    power = [each for each in ALL if each.quantity == "power"]
    found, true = (
        values(fleet, faults, measurements=power) for faults in ([Fault("meter_drift", "0.3")], [])
    )
    ratio = found / true
    assert 0.79 < ratio.min() < 0.85
    assert 1.15 < ratio.max() < 1.21


def test_an_inlet_that_lost_its_cooling_warms_by_eight_degrees_at_most(fleet: Inventory) -> None:
    inlet = [each for each in ALL if each.quantity == "inlet_temperature"]
    found, true = (
        values(fleet, faults, measurements=inlet, interval=3600)
        for faults in ([Fault("lost_cooling", "0.1")], [])
    )
    warmer = found - true
    assert warmer.min() == 0
    assert warmer.max() == pytest.approx(8, abs=0.011)


def test_a_runaway_is_at_full_load_at_any_hour_of_the_week(fleet: Inventory) -> None:
    # In the hours of maintenance too, which fall on one day for a server.
    cpu = [each for each in ALL if each.quantity == "cpu_utilization"]
    order = {sn: n for n, sn in enumerate(fleet.table.sort_by("sn")["sn"].to_pylist())}
    for day in range(20, 27):
        made = readings(
            fleet, [Fault("runaway", "0.1")], f"2023-02-{day}", measurements=cpu, interval=3600
        )
        found = made.to_table()["measurement_value"].to_numpy().reshape(made.shape)
        start = made.specification.start
        steps = start + np.arange(24) * 3600
        for sn, _, begin, end, _, _ in LoadValues(made.specification, fleet).events(start):
            assert (found[(steps >= begin) & (steps < end), order[sn]] == 100).all()


@pytest.mark.parametrize("kind", ["hung", "stuck_power"])
def test_what_repeats_the_first_reading_of_all_repeats_that_of_the_epoch(
    fleet: Inventory, kind: str
) -> None:
    found, true = (
        values(fleet, faults, "1970-01-01T00", interval=300)
        for faults in ([Fault(kind, "0.29")], [])
    )
    order = {sn: n for n, sn in enumerate(fleet.table.sort_by("sn")["sn"].to_pylist())}
    specification = readings(fleet, [Fault(kind, "0.29")], "1970-01-01T00", interval=300)
    power = [i for i, each in enumerate(ALL) if "power" in str(each.quantity)]
    begun = set()
    for sn, _, begin, end, _, _ in LoadValues(specification.specification, fleet).events(0):
        if begin <= 300:
            begun.add(begin)
            within = found[begin // 300 : end // 300, order[sn]][:, power]
            assert (within == true[0, order[sn], power]).all()
    assert begun == {0, 300}


@pytest.mark.slow
def test_energy_is_the_power_times_the_interval_whatever_is_faulty(fleet: Inventory) -> None:
    two = [each for each in ALL if each.quantity in ("power", "energy")]
    for kind in ("hung", "stuck_power", "false_zero", "meter_drift", "lost_cooling", "runaway"):
        found = values(fleet, [Fault(kind, SHARES[kind])], measurements=two)
        by_name = {each.quantity: found[:, :, i] for i, each in enumerate(two)}
        expected = np.rint(by_name["power"] * 100) * 7200 / 100
        np.testing.assert_array_equal(by_name["energy"], expected)


@pytest.mark.parametrize("kind", ["meter_drift", "lost_cooling", "runaway", "hung"])
def test_nothing_is_above_the_greatest_value_that_a_check_allows(
    fleet: Inventory, kind: str
) -> None:
    faults = [Fault(kind, SHARES[kind])]
    most = np.array([greatest(each, fleet, faults) for each in ALL])
    assert (values(fleet, faults, interval=86_400) <= most).all()


def test_nothing_else_changes_where_nothing_is_faulty(fleet: Inventory) -> None:
    faults = [Fault("off", "0.05")]
    found, true = values(fleet, faults), values(fleet, [])
    there = ~np.isnan(found)
    np.testing.assert_array_equal(found[there], true[there])


def test_a_server_alone_has_the_faults_that_it_has_in_the_fleet(fleet: Inventory) -> None:
    faults = [Fault(kind, share, "site") for kind, share in SHARES.items()]
    table = fleet.table.sort_by("sn")
    everyone = values(fleet, faults)
    for row in (0, 700, 1999):
        alone = values(Inventory(table.slice(row, 1), fleet.seed), faults)
        np.testing.assert_array_equal(alone[:, 0], everyone[:, row])


def test_one_value_is_nan_where_it_is_absent_and_else_that_of_the_file(fleet: Inventory) -> None:
    made = readings(fleet, [Fault("off", "0.2")], measurements=(*ALL[:2], POWER))
    table = made.to_table()
    absent = np.flatnonzero(table["measurement_value"].is_null().to_numpy())
    for row in (*absent[:3], *absent[-3:], 0, 1, 2, made.num_rows - 1):
        of = table.slice(int(row), 1).to_pylist()[0]
        found = made.at(of["sn"], of["start_time"], of["name"])
        value = of["measurement_value"]
        assert np.isnan(found) if value is None else found == value


@pytest.mark.slow
def test_the_shards_of_a_file_are_the_file(fleet: Inventory) -> None:
    faults = [Fault("off", "0.1"), Fault("hung", "0.1", "site")]
    whole = readings(fleet, faults).to_table()["measurement_value"].to_pylist()
    parts: list[float | None] = []
    for number in (1, 2, 3):
        shard = readings(fleet, faults, part=Part(number, 3))
        parts += shard.to_table()["measurement_value"].to_pylist()
    assert parts == whole


def test_a_late_reading_has_the_value_of_its_nominal_time(fleet: Inventory) -> None:
    faults = [Fault(kind, share) for kind, share in SHARES.items()]
    np.testing.assert_array_equal(values(fleet, faults, fuzz=7000), values(fleet, faults))


def test_an_event_has_one_row_for_a_quantity_that_is_measured_twice() -> None:
    few = Inventory.generate(50, 5)
    twice = (ALL[1], Measurement("again", "W", Decimal(1), 0, ALL[1].quantity))
    specification = readings(few, [Fault("hung", "0.2")], measurements=twice).specification
    for event in LoadValues(specification, few).events(specification.start):
        assert event[5] == [ALL[1].quantity]


@pytest.mark.parametrize("signal", ["uniform", "triangular"])
def test_faults_of_another_signal_are_refused(signal: str) -> None:
    with pytest.raises(InputError, match="they go with the load signal only") as found:
        Readings(Inventory.generate(3, 5), DATE, signal=signal, faults=[Fault("off", "0.1")])
    assert found.value.argument == "faults"


def test_times_of_zones_begin_eight_days_earlier_only_where_a_reading_is_repeated() -> None:
    few = Inventory.generate(3, 5)
    for kind, share in SHARES.items():
        ((_, times), *_) = readings(few, [Fault(kind, share)]).specification.offsets
        assert times[0][0] == (-8 * 86400 if kind in ("hung", "stuck_power") else 0)


def test_times_of_zones_never_begin_before_the_epoch() -> None:
    few = Inventory.generate(3, 5)
    made = readings(few, [Fault("hung", "0.1")], "1970-01-03").specification
    assert all(times[0][0] == -2 * 86400 for _, times in made.offsets)


@pytest.mark.parametrize(("nullable", "most"), [(False, 2**16), (True, 2**16 - 1)])
def test_what_is_absent_takes_one_code_of_a_dictionary(nullable: bool, most: int) -> None:
    for counts in (most, most + 1):
        found = value_dictionary(Quantities([Numbers(2, counts - 1)], nullable))
        assert (found is not None) == (counts == most)
