from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from support import CPU, limits_of, specified

from synthpower import InputError, Inventory, Location, Measurement, Readings, ServerType, kernels
from synthpower.kernels import load
from synthpower.kernels.load_counts import QUANTITIES as QUANTITIES_OF_KERNELS
from synthpower.kernels.load_scratch import TRAITS
from synthpower.kernels.load_tables import CURVES, FULL, IDLE, MAXIMUM, ONE
from synthpower.model.grid import Chunk
from synthpower.model.measurement import QUANTITIES, without_quantities
from synthpower.signals.load import Load, greatest
from synthpower.signals.quantity import Numbers

LOAD = Load()
FACTS = {"load_curve": "Gen10 AMD", "sockets": "1"}


def fleet(
    facts: dict[str, str] | None = None, zone: str = "Europe/Berlin", count: int = 40
) -> Inventory:
    """Return a fleet of one product and one site."""
    kind = ServerType("model", "P1", facts=FACTS if facts is None else facts)
    return Inventory.generate(count, 5, [kind], [Location("here", facts={"time_zone": zone})])


def measured(quantity: str, decimals: int | None = 2, **changes: Any) -> Measurement:
    given = {"name": quantity, "unit": QUANTITIES[quantity], "scale": Decimal(1)} | changes
    return Measurement(decimals=decimals, quantity=quantity, **given)


ALL = tuple(measured(quantity) for quantity in QUANTITIES)


def refused(of: Inventory, *measurements: Measurement) -> InputError:
    with pytest.raises(InputError) as found:
        LOAD.complete(specified(measurements=measurements), of)
    assert len(str(found.value).splitlines()) == 1
    return found.value


def test_a_table_without_any_quantity_is_refused_with_one_that_has_them() -> None:
    error = refused(fleet(), *without_quantities(ALL))
    assert error.argument == "measurements"
    assert "none has a quantity, which the load signal needs: 'load' is a table" in str(error)


@pytest.mark.parametrize("decimals", [4, 9])
def test_more_than_three_decimals_are_refused(decimals: int) -> None:
    error = refused(fleet(), CPU, measured("power", decimals, name="fine"))
    assert error.argument == "measurements"
    assert f"'fine' has {decimals} decimals; what has a quantity has 3 at most" in str(error)


@pytest.mark.parametrize("decimals", [0, 1, 2, 3, None])
def test_so_many_decimals_are_taken_and_of_what_has_no_quantity_any(decimals: int | None) -> None:
    table = (Measurement("any", "m", Decimal("0.1"), 15), measured("power", decimals))
    made = LOAD.complete(specified(measurements=table), fleet())
    assert made.measurements == table


def test_a_specification_is_completed_with_the_local_times_of_the_sites_that_there_are() -> None:
    sites = [
        Location("a", facts={"time_zone": "Europe/Berlin"}),
        Location("b", Decimal(0), facts={"time_zone": "Asia/Tokyo"}),  # none is there
        Location("c"),
    ]
    servers = Inventory.generate(40, 5, None, sites)
    given = specified(date="2023-03-26", measurements=ALL, seed=7, fuzz=3)
    made = LOAD.complete(given, servers)
    assert dict(made.offsets) == {"Europe/Berlin": ((0, 3600), (3600, 7200)), "UTC": ((0, 0),)}
    assert specified(date="2023-03-26", measurements=ALL, seed=7, fuzz=3) == given


def test_an_unknown_curve_is_refused_with_those_that_there_are() -> None:
    error = refused(fleet({"load_curve": "Gen8"}), *ALL)
    assert error.argument is None
    assert f"load_curve 'Gen8' of P1: choose {', '.join(CURVES)}, or leave" in str(error)


@pytest.mark.parametrize("sockets", ["0", "-1", "1.5", "two", "1000", "1e2", "٢", "²", " 2", "00"])
def test_sockets_that_cannot_be_are_refused(sockets: str) -> None:
    error = refused(fleet({"sockets": sockets}), *ALL)
    assert error.argument is None
    assert f"sockets {sockets!r} of P1: write a number from 1 on, or leave it" in str(error)


def test_what_is_wrong_with_a_type_of_which_there_is_no_server_is_nobodys_error() -> None:
    types = [ServerType("m", "P1"), ServerType("n", "P2", Decimal(0), {"load_curve": "Gen8"})]
    assert LOAD.complete(specified(measurements=ALL), Inventory.generate(40, 5, types)).offsets


def table_of(servers: Inventory, **changes: Any) -> list[dict[str, Any]]:
    given = {"measurements": ALL, "signal": "load", "interval": 7200} | changes
    return Readings(servers, "2023-02-27", **given).to_table().to_pylist()


@pytest.mark.parametrize(
    ("facts", "same"),
    [
        ({}, {"load_curve": "Gen10 Plus Intel", "sockets": "2"}),
        ({"load_curve": "", "sockets": ""}, {"load_curve": "Gen10 Plus Intel", "sockets": "2"}),
        ({"load_curve": "Gen9 Intel"}, {"load_curve": "Gen9 Intel", "sockets": "2"}),
        (FACTS | {"sockets": "3"}, FACTS | {"sockets": "4"}),
        (FACTS | {"sockets": "999"}, FACTS | {"sockets": "4"}),
        (FACTS | {"sockets": "01"}, FACTS),
        (FACTS | {"generation": "Gen12", "height_u": "4"}, FACTS),
    ],
)
def test_types_that_mean_the_same_have_the_same_readings(
    facts: dict[str, str], same: dict[str, str]
) -> None:
    assert table_of(fleet(facts)) == table_of(fleet(same))


@pytest.mark.parametrize(
    "facts", [{"load_curve": "Gen9 Intel", "sockets": "1"}, FACTS | {"sockets": "2"}]
)
def test_another_curve_or_number_of_sockets_is_another_power(facts: dict[str, str]) -> None:
    ours, theirs = (table_of(fleet(of)) for of in (FACTS, facts))
    for one, other in zip(ours, theirs, strict=True):
        same = one["measurement_value"] == other["measurement_value"]
        assert same == (one["name"] in ("cpu_utilization", "inlet_temperature"))


def test_a_site_without_a_time_zone_is_at_utc() -> None:
    assert table_of(fleet(zone="")) == table_of(fleet(zone="UTC"))
    assert table_of(fleet(zone="")) != table_of(fleet(zone="Asia/Tokyo"))


def test_a_fleet_without_any_facts_has_the_defaults() -> None:
    servers = fleet({"load_curve": "Gen10 Plus Intel", "sockets": "2"}, "UTC")
    assert table_of(Inventory(servers.table, servers.seed)) == table_of(servers)


def test_only_the_facts_that_it_needs_are_in_the_record() -> None:
    def record(facts: dict[str, str], zone: str = "Europe/Berlin") -> object:
        return fleet(facts, zone).record(LOAD.facts)

    assert record(FACTS) == record(FACTS | {"generation": "Gen12"})
    others = [record(FACTS | {"sockets": "2"}), record({}), record(FACTS, "UTC")]
    assert record(FACTS) not in others


def numbers_of(measurement: Measurement, interval: int = 3600) -> Numbers:
    spec = specified(measurements=(measurement,), interval=interval)
    servers = fleet()
    (found,) = LOAD.bind(LOAD.complete(spec, servers), servers).quantities.numbers
    return found


def test_what_numbers_there_can_be_is_the_quantitys_and_not_the_scales() -> None:
    assert numbers_of(measured("cpu_utilization", 1)) == Numbers(1, 1000)
    assert numbers_of(measured("inlet_temperature", 0)) == Numbers(0, 31)
    power = numbers_of(measured("power", 2))
    assert numbers_of(measured("power", 2, scale=Decimal(7))) == power
    assert numbers_of(measured("power_peak", 2)) == power
    assert numbers_of(measured("energy", 2), 900) == power._replace(step=900)
    whole = numbers_of(measured("power", 0))
    assert whole.max_count == -(-power.max_count // 100)
    assert numbers_of(measured("power", None)) == Numbers(None, None, 2.0**53 / 1024)


def test_what_has_no_quantity_is_as_the_uniform_signal_has_it() -> None:
    assert numbers_of_pair() == [Numbers.of(CPU), numbers_of(measured("power"))]


def numbers_of_pair() -> list[Numbers]:
    servers = fleet()
    spec = LOAD.complete(specified(measurements=(CPU, measured("power"))), servers)
    return list(LOAD.bind(spec, servers).quantities.numbers)


@pytest.mark.parametrize("sockets", ["1", "2", "4"])
@pytest.mark.parametrize("curve", CURVES)
def test_no_power_is_above_the_greatest_and_none_is_much_below(curve: str, sockets: str) -> None:
    """Of a server that takes as much as its curve lets it, busy, in the warmest air."""
    servers = fleet({"load_curve": curve, "sockets": sockets})
    spec = LOAD.complete(specified(measurements=(measured("power_peak"),)), servers)
    (numbers,) = LOAD.bind(spec, servers).quantities.numbers

    at = CURVES.index(curve) * 3 + ("1", "2", "4").index(sockets)
    idle = int(IDLE[at]) * (262_144 + 65_535) >> 18
    extent = int(MAXIMUM[at] - IDLE[at]) * (26_214 + (39_322 * 65_535 >> 16)) >> 16
    own = {
        "mean": FULL, "idle": idle, "range": extent, "fan": (idle + extent) * 131_072 // 90_000,
        "inlet": 500, "meter": (idle + extent) * 6 // 1000, "in_steps": 1,
        "curve": CURVES.index(curve) * 1025, "length": 9,
    }  # fmt: skip
    traits = np.array([[own.get(trait, 0)] for trait in TRAITS], np.int32)
    counts, summary = np.empty((1, 1, 1), np.int64), kernels.new_summary(1)
    load.fill_load(
        np.ones(1, np.uint64), traits, np.zeros(1, np.int64), 3600, np.arange(5, dtype=np.uint64),
        0, np.full((2, 1), ONE | ONE << 16, np.int32), np.full((2, 1), 2510, np.int32),
        np.array([[QUANTITIES_OF_KERNELS.index("power_peak")], [0], [100], [1]]),
        np.zeros(1, np.uint64), summary, counts,
    )  # fmt: skip
    assert counts.item() <= numbers.max_count <= counts.item() + 3
    assert greatest(measured("power"), servers) == -(-numbers.max_count // 100)


def test_the_greatest_value_is_of_any_interval_and_decimals_and_in_whole_units() -> None:
    servers = fleet()
    watts = greatest(measured("power", 0), servers)
    assert watts == int(watts)
    assert greatest(measured("cpu_power", 3), servers) == watts
    assert greatest(measured("energy", 1), servers) == watts * 86_400
    assert greatest(measured("cpu_utilization"), servers) == 100
    assert greatest(measured("inlet_temperature"), servers) == 31
    assert greatest(measured("power", None, scale=Decimal(9)), servers) == watts
    assert greatest(CPU, servers) == 100  # its scale: it is uniform


def test_counts_are_multiplied_by_their_step_and_values_are_not() -> None:
    servers = fleet()
    table = (CPU, measured("energy", 1), measured("power", None), measured("power_minimum", 0))
    spec = LOAD.complete(specified(measurements=table, interval=900), servers)
    evaluator = LOAD.bind(spec, servers)
    chunk = Chunk(3, 2, 5, 30)
    counts, values = np.empty((2, 30, 4), np.int64), np.empty((2, 30, 4))
    totals = evaluator.counts(chunk, spec.start, np.zeros(4, np.uint64), counts)
    assert evaluator.values(chunk, spec.start, values).exact() == totals.exact()
    assert limits_of(totals) == (values.min(), values.max())
    quantities = evaluator.quantities
    assert quantities.steps.tolist() == [1, 900, 1, 1]
    assert (counts * quantities.steps / [100, 10, 1024, 1] == values).all()


def test_values_without_decimals_are_of_1024ths() -> None:
    for row in table_of(fleet(), measurements=[measured(q, None) for q in QUANTITIES]):
        value = row["measurement_value"] * 1024
        assert value == int(value)


def test_no_value_is_beyond_what_its_quantity_can_be() -> None:
    servers = Inventory.generate(2000, 5)
    spec = LOAD.complete(specified(measurements=ALL, interval=43_200), servers)
    evaluator = LOAD.bind(spec, servers)
    counts = np.empty((2, 2000, len(ALL)), np.int64)
    evaluator.counts(Chunk(0, 2, 0, 2000), spec.start, np.zeros(len(ALL), np.uint64), counts)
    assert (counts >= 0).all()
    for m, numbers in enumerate(evaluator.quantities.numbers):
        assert counts[:, :, m].max() <= numbers.max_count
