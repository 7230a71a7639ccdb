"""What readings of load mean: each sentence of docs/LOAD.md's first section, on whole fleets."""

from __future__ import annotations

from decimal import Decimal
from types import ModuleType

import numpy as np
import pytest

from synthpower import Inventory, Location, Measurement, Readings
from synthpower.model.measurement import QUANTITIES

AVERAGES = ["cpu_utilization", "power", "inlet_temperature", "energy", "cpu_power"]
# Whole slots within whole slots; parts of slots, within slots or across them.
WHOLE = [(300, 900), (300, 3600), (900, 3600), (600, 7200), (1200, 86_400), (3600, 86_400)]
PARTS = [(60, 300), (100, 3600), (450, 900), (675, 1350), (720, 3600), (3200, 86_400)]


@pytest.fixture(scope="module")
def inventory() -> Inventory:
    return Inventory.generate(150, seed=8123)


def counts(
    inventory: Inventory,
    interval: int,
    quantities: list[str],
    decimals: int = 2,
    date: str = "2023-03-26",
) -> np.ndarray:
    """Return readings as whole numbers of 10**-decimals: (steps, servers, quantities)."""
    table = [
        Measurement(quantity, QUANTITIES[quantity], Decimal(1), decimals, quantity)
        for quantity in quantities
    ]
    made = Readings(inventory, date, interval, signal="load", measurements=table)
    values = made.to_table()["measurement_value"].to_numpy().reshape(made.shape)
    return np.round(values * 10**decimals).astype(np.int64)


def date_of(coarse: int) -> str:
    return "2023-03-26" if 3600 % coarse else "2023-03-26T14"


@pytest.mark.parametrize("decimals", [0, 3])
@pytest.mark.parametrize(("fine", "coarse"), [*WHOLE, *PARTS])
def test_finer_readings_have_the_coarser_one_as_their_mean_within_a_count(
    inventory: Inventory, fine: int, coarse: int, decimals: int
) -> None:
    share, date = coarse // fine, date_of(coarse)
    finer, coarser = (
        counts(inventory, interval, AVERAGES, decimals, date) for interval in (fine, coarse)
    )
    for values, interval in ((finer, fine), (coarser, coarse)):  # of energy, what it is for 1 s
        values[:, :, AVERAGES.index("energy")] //= interval
    total = finer.reshape(-1, share, *finer.shape[1:]).sum(axis=1)
    assert np.abs(total - share * coarser).max() <= share
    assert (total != share * coarser).any()


@pytest.mark.parametrize(("fine", "coarse"), WHOLE)
def test_the_minimum_and_the_peak_of_whole_slots_are_those_of_the_finer_ones(
    inventory: Inventory, fine: int, coarse: int
) -> None:
    finer, coarser = (
        counts(inventory, interval, ["power_minimum", "power_peak"], 2, date_of(coarse))
        for interval in (fine, coarse)
    )
    parts = finer.reshape(-1, coarse // fine, *finer.shape[1:])
    assert (parts[..., 0].min(axis=1) == coarser[..., 0]).all()
    assert (parts[..., 1].max(axis=1) == coarser[..., 1]).all()


@pytest.mark.parametrize("decimals", [0, 2])
@pytest.mark.parametrize("interval", [20, 60, 300, 450, 3600])
def test_energy_is_the_printed_power_times_the_interval(
    inventory: Inventory, interval: int, decimals: int
) -> None:
    made = counts(inventory, interval, ["power", "energy"], decimals, "2023-03-26T14")
    assert (made[..., 1] == made[..., 0] * interval).all()


@pytest.mark.parametrize("decimals", [0, 3])
@pytest.mark.parametrize("interval", [20, 45, 60, 300, 450, 720, 3600])
def test_power_is_between_its_minimum_and_its_peak(
    inventory: Inventory, interval: int, decimals: int
) -> None:
    names = ["power_minimum", "power", "power_peak"]
    least, power, most = np.moveaxis(
        counts(inventory, interval, names, decimals, "2023-03-26T14"), 2, 0
    )
    assert (least <= power).all()
    assert (power <= most).all()
    if interval >= 60:
        assert (least < most).any(axis=0).all()


@pytest.mark.parametrize("interval", [60, 300, 720, 3600])
def test_no_server_takes_less_than_when_it_is_idle(
    load_reference: ModuleType, inventory: Inventory, interval: int
) -> None:
    curves, sockets = inventory.facts("load_curve"), inventory.facts("sockets")
    templates = inventory.by_serial.templates["product_id"].to_pylist()
    idle = [
        load_reference.server(
            inventory.seed,
            sn,
            load_reference.Facts(
                curves.get(product) or "Gen10 Plus Intel", int(sockets.get(product) or 2), "", ""
            ),
        ).idle_power
        for sn, product in zip(inventory.by_serial.sn.to_pylist(), templates, strict=True)
    ]
    names = ["power_minimum", "power"]
    made = counts(inventory, interval, names, 2, "2023-03-26T14")
    assert (made >= np.array(idle)[:, np.newaxis]).all()
    assert (made[..., 0] < 1.5 * np.array(idle)).any()


@pytest.mark.parametrize("interval", [60, 450, 3600])
def test_processors_take_a_part_of_the_power(inventory: Inventory, interval: int) -> None:
    power, of_cpu = np.moveaxis(
        counts(inventory, interval, ["power", "cpu_power"], 2, "2023-03-26T14"), 2, 0
    )
    assert (of_cpu > power // 4).all()
    assert (of_cpu < power).all()


@pytest.mark.parametrize("interval", [60, 3600])
@pytest.mark.parametrize("quantity", ["cpu_utilization", "power", "inlet_temperature", "cpu_power"])
def test_fewer_decimals_are_the_same_number_rounded(
    inventory: Inventory, quantity: str, interval: int
) -> None:
    fine, coarse = (
        counts(inventory, interval, [quantity], decimals, "2023-03-26T14") for decimals in (3, 0)
    )
    assert np.abs(fine - 1000 * coarse).max() <= 501  # what is half a unit is rounded twice


def test_more_load_is_more_power(inventory: Inventory) -> None:
    """Of a server in one hour: its slots have one temperature of the air."""
    cpu, power = np.moveaxis(
        counts(inventory, 300, ["cpu_utilization", "power"], 3, "2023-03-26T14"), 2, 0
    )
    busiest, idlest = cpu.argmax(axis=0), cpu.argmin(axis=0)
    servers = np.arange(cpu.shape[1])
    apart = cpu[busiest, servers] - cpu[idlest, servers] > 5000  # 5 %
    assert apart.sum() > 50
    assert (power[busiest, servers] > power[idlest, servers])[apart].all()


def test_the_rhythm_is_that_of_the_sites_local_time() -> None:
    """On a working day, load is greatest by day: at other hours of UTC in other places."""
    busiest = {}
    for zone, ahead in (("Europe/Berlin", 1), ("Asia/Tokyo", 9), ("America/Chicago", -6)):
        fleet = Inventory.generate(
            3000, 5, None, [Location("here", facts={"time_zone": zone})]
        )  # the same servers
        by_hour = counts(fleet, 3600, ["cpu_utilization"], date="2023-02-28").mean(axis=(1, 2))
        busiest[zone] = (int(by_hour.argmax()) + ahead) % 24
    assert all(8 <= hour <= 20 for hour in busiest.values()), busiest
