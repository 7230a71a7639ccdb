from __future__ import annotations

import pickle
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support import specified

from synthpower import Inventory, kernels
from synthpower.kernels import load
from synthpower.kernels.load_scratch import SCRATCH, TRAITS, WIDE
from synthpower.kernels.load_tables import CONSTANTS, CURVE_SIZE, CURVES, KINDS, SLOT, SOCKETS
from synthpower.kernels.load_traits import fill_traits
from synthpower.model import measurement
from synthpower.model.streams import LOAD_SERVER, LOAD_STATES, stream_key
from synthpower.signals.sites import Sites, offsets_of

SEED, START = 8123, 1_677_456_000  # 2023-02-27
ZONES = ["Europe/Berlin", "UTC", "Australia/Sydney"]
SITES = ["DE-B-01", "somewhere", "AU-S-01"]
FLEET = Inventory.generate(2 * kernels.TILE + 1, SEED)
KEYS = FLEET.by_serial.keys
CURVE_OF = (np.arange(KEYS.size) % (len(CURVES) * len(SOCKETS))).astype(np.int32)
SITE_OF = (np.arange(KEYS.size) % 3).astype(np.int32)
STREAMS = np.array([stream_key(SEED, purpose) for purpose in LOAD_STATES], np.uint64)

CPU, POWER, MINIMUM, PEAK, INLET, ENERGY, CPU_POWER = range(7)


@pytest.fixture(scope="module")
def traits() -> np.ndarray:
    out = np.empty((len(TRAITS), KEYS.size), np.int32)
    fill_traits(KEYS, stream_key(SEED, LOAD_SERVER), CURVE_OF, SITE_OF, out)
    return out


@pytest.fixture(scope="module")
def tables() -> tuple[np.ndarray, np.ndarray]:
    """The factors and the air of the sites for a day, and an hour more."""
    spec = specified(seed=SEED, offsets=offsets_of(ZONES, START, 86_400))
    return Sites(spec, SITES, ZONES).tables(START)[1:]


class Kernels:
    """The kernels, given what they take of servers and sites."""

    def __init__(self, traits: np.ndarray, tables: tuple[np.ndarray, np.ndarray]) -> None:
        self.traits = traits
        self.factors, self.air = tables

    def arguments(
        self,
        quantities: list[int],
        times: Any = (START,),
        interval: int = 3600,
        servers: slice = slice(0, 5),
        dtype: type = np.int64,
        **changed: Any,
    ) -> dict[str, Any]:
        """Return arguments of `fill_load`: columns of one quantity each, counts of 1/100."""
        keys, count = KEYS[servers], len(quantities)
        given = {
            "server_keys": keys,
            "traits": np.ascontiguousarray(self.traits[:, servers]),
            "times": np.array(times, np.int64),
            "interval": interval,
            "stream_keys": STREAMS,
            "first_hour": START // 3600,
            "factors": self.factors,
            "air": self.air,
            "wanted": np.array([quantities, range(count), [100] * count, [1] * count], np.int64),
            "terms": np.ones(count) if dtype is np.float64 else np.zeros(count, np.uint64),
            "summary": kernels.new_summary(count),
            "out": np.zeros((len(times), keys.size, count), dtype),
        }
        return given | changed

    def counts(self, quantities: list[int], cut: str = "", **changed: Any) -> np.ndarray:
        """Return counts: (times, servers, quantities); of a kernel that cuts intervals so."""
        given = self.arguments(quantities, **changed)
        if not cut:
            load.fill_load(**given)
            return given["out"]
        fill = getattr(load, f"fill_load_counts_{cut}")
        scratch = np.empty(SCRATCH, np.int32), np.empty(WIDE, np.int64)
        *first, summary, out = given.values()
        fill(*first, *scratch, summary, out.reshape(-1))
        return out


@pytest.fixture(scope="module")
def made(traits: np.ndarray, tables: tuple[np.ndarray, np.ndarray]) -> Kernels:
    return Kernels(traits, tables)


def test_traits_are_the_references(
    reference: ModuleType, load_reference: ModuleType, traits: np.ndarray
) -> None:
    profiles: set[int] = set()
    for i, sn in enumerate(FLEET.by_serial.sn.to_pylist()):
        curve, sockets = divmod(int(CURVE_OF[i]), len(SOCKETS))
        facts = load_reference.Facts(CURVES[curve], int(SOCKETS[sockets]), "", "")
        own = load_reference.server(SEED, sn, facts)
        found = dict(zip(TRAITS, traits[:, i].tolist(), strict=True))
        kind, window = divmod(found.pop("kind") - int(SITE_OF[i]) * KINDS, 4)
        phase, profile = divmod(kind, 4)
        assert (CONSTANTS["phases"][phase], profile, window) == (
            own.phase, own.profile, own.window
        )  # fmt: skip
        assert found == {
            "mean": own.mean, "day": own.day, "hour": own.hour, "four": own.four,
            "thirty_two": own.thirty_two, "noise_of_slots": own.slot, "chance": own.chance,
            "length": own.length, "lift": own.lift, "texture": own.texture,
            "draws": 4096 * own.on_off, "in_steps": own.steps, "site": SITE_OF[i],
            "curve": curve * CURVE_SIZE, "idle": own.idle_power, "range": own.range,
            "fan": own.fan, "inlet": own.inlet, "meter": own.noise,
        }  # fmt: skip
        profiles.add(profile)
    assert profiles == {0, 1, 2, 3}


def test_quantities_are_those_that_a_measurement_can_have() -> None:
    assert tuple(measurement.QUANTITIES) == load.QUANTITIES


@pytest.mark.parametrize("cut", ["slots", "parts", "slots_more", "parts_more"])
@pytest.mark.parametrize("interval", [900, 3600, 7200])
def test_whole_slots_are_the_same_however_intervals_are_cut(
    made: Kernels, cut: str, interval: int
) -> None:
    """Each kernel makes these; which one is used depends on what else is wanted."""
    times = range(START, START + 86_400, interval)
    expected = made.counts([CPU, POWER, ENERGY], "threes", times=times, interval=interval)
    found = made.counts([CPU, POWER, ENERGY], cut, times=times, interval=interval)
    assert (found == expected).all()


@pytest.mark.parametrize("quantities", [[MINIMUM, PEAK], [INLET, CPU_POWER]])
def test_what_needs_more_is_the_same_of_whole_slots_and_of_their_parts(
    made: Kernels, quantities: list[int]
) -> None:
    changed = {"times": range(START, START + 86_400, 1800), "interval": 1800}
    assert (
        made.counts(quantities, "slots_more", **changed)
        == made.counts(quantities, "parts_more", **changed)
    ).all()


@pytest.mark.parametrize("interval", [300, 720, 900, 3600])
@pytest.mark.parametrize("quantities", [[CPU, POWER], [MINIMUM, PEAK]])
def test_the_order_of_times_and_gaps_between_them_change_nothing(
    made: Kernels, quantities: list[int], interval: int
) -> None:
    """A kernel keeps words of the hour before, of 4 and of 32 hours."""
    times = np.arange(START, START + 86_400 - interval, interval)
    in_order = made.counts(quantities, times=times, interval=interval)
    for order in (
        np.arange(times.size)[::-1],
        np.random.default_rng(1).permutation(times.size),
        np.arange(0, times.size, 4 * 3600 // interval),
        np.repeat(np.arange(0, times.size, 7), 2),
    ):
        found = made.counts(quantities, times=times[order], interval=interval)
        assert (found == in_order[order]).all()


@pytest.mark.parametrize("servers", [1, kernels.TILE - 1, kernels.TILE, 2 * kernels.TILE + 1])
def test_a_server_has_its_readings_whatever_others_there_are(made: Kernels, servers: int) -> None:
    quantities, changed = [CPU, PEAK, INLET], {"times": (START, START + 7200), "interval": 1800}
    together = made.counts(quantities, servers=slice(servers), **changed)
    for i in {0, servers // 2, servers - 1}:
        alone = made.counts(quantities, servers=slice(i, i + 1), **changed)
        assert (alone[:, 0] == together[:, i]).all()


@pytest.mark.parametrize(
    "quantities", [[POWER], [CPU, POWER], [CPU, POWER, ENERGY], [MINIMUM, PEAK]]
)
@pytest.mark.parametrize("interval", [3600, 300, 400])
def test_codes_and_values_are_made_of_the_counts(
    made: Kernels, quantities: list[int], interval: int
) -> None:
    count = len(quantities)
    counts = made.counts(quantities, interval=interval, servers=slice(None))
    firsts = np.arange(5, 5 + count, dtype=np.uint64)
    for dtype, terms, expected in (
        (np.int64, firsts, counts + firsts.astype(np.int64)),
        (np.uint16, firsts, (counts + firsts.astype(np.int64)).astype(np.uint16)),
        (np.float64, np.full(count, 100.0), counts / 100),
    ):
        given = made.arguments(
            quantities, interval=interval, servers=slice(None), dtype=dtype, terms=terms
        )
        load.fill_load(**given)
        assert (given["out"] == expected).all()


@pytest.mark.parametrize("order", [[0, 1], [1, 0], [2, 0], [1]])
@pytest.mark.parametrize("measurements", [2, 3])
def test_only_the_wanted_measurements_are_filled_each_in_its_place(
    made: Kernels, order: list[int], measurements: int
) -> None:
    order = [m for m in order if m < measurements]
    of = [CPU, POWER, INLET]
    expected = made.counts(of, servers=slice(9))
    wanted = np.array([[of[m] for m in order], order, [100] * len(order), [1] * len(order)])
    given = made.arguments(
        [0] * measurements,
        servers=slice(9),
        wanted=wanted,
        out=np.full((1, 9, measurements), -1, np.int64),
    )
    load.fill_load(**given)
    for m in range(measurements):
        assert (given["out"][:, :, m] == (expected[:, :, m] if m in order else -1)).all()
    untouched = [m for m in range(measurements) if m not in order]
    assert (given["summary"][untouched] == kernels.new_summary(len(untouched))).all()


def test_the_summary_has_the_least_and_the_greatest_count_and_goes_on(made: Kernels) -> None:
    given = made.arguments([CPU, POWER], servers=slice(None))
    load.fill_load(**given)
    summary, counts = given["summary"], given["out"]
    assert summary[:, 0].tolist() == counts.min(axis=(0, 1)).tolist()
    assert summary[:, 1].tolist() == counts.max(axis=(0, 1)).tolist()
    parts = kernels.new_summary(2)
    for servers in (slice(0, 100), slice(100, None)):
        load.fill_load(**made.arguments([CPU, POWER], servers=servers, summary=parts))
    assert (parts == summary).all()


def test_energy_is_power_in_steps(made: Kernels) -> None:
    power = made.counts([POWER])
    wanted = np.array([[ENERGY], [0], [100], [3600]])
    assert (made.counts([ENERGY], wanted=wanted) == 3600 * power).all()


def test_no_server_and_no_time_are_no_readings(made: Kernels) -> None:
    assert made.counts([POWER], times=()).size == 0
    assert made.counts([POWER], servers=slice(0, 0)).size == 0


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"out": np.empty(9, np.int64)}, "out has 9 cells, not 10"),
        ({"out": np.empty(11, np.int64)}, "out has 11 cells, not 10"),
        ({"wanted": np.array([[CPU], [2], [1], [1]])}, "wanted has quantity 0 of measurement 2"),
        ({"wanted": np.array([[CPU], [-1], [1], [1]])}, "wanted has quantity 0 of measurement -1"),
        ({"wanted": np.array([[7], [0], [1], [1]])}, "wanted has quantity 7 of measurement 0"),
        ({"wanted": np.array([[-1], [0], [1], [1]])}, "wanted has quantity -1 of measurement 0"),
        ({"wanted": np.array([[CPU], [0], [1]])}, "wanted is of shape"),
        ({"interval": 0}, "interval is 0"),
        ({"interval": -300}, "interval is -300"),
        ({"interval": 86_700}, "interval is 86700"),
        ({"times": [START - 1]}, "factors has not all hours"),
        ({"times": [START - 3600]}, "factors has not all hours"),
        ({"times": [START + 86_400]}, "factors has not all hours"),
        ({"times": [START + 86_400 - 3599]}, "factors has not all hours"),
        ({"times": [2**62]}, "factors has not all hours"),
        ({"first_hour": START // 3600 + 1}, "factors has not all hours"),
        ({"stream_keys": STREAMS[:4]}, "stream_keys is of shape"),
        ({"air": np.zeros((24, 3), np.int32)}, "air is of shape"),
        ({"traits": np.zeros((len(TRAITS), 4), np.int32)}, "traits is of shape"),
        ({"traits": np.zeros((len(TRAITS) - 1, 5), np.int32)}, "traits is of shape"),
        ({"terms": np.zeros(3, np.uint64)}, "summary is of shape"),
        ({"summary": kernels.new_summary(1)}, "summary is of shape"),
    ],
)
def test_what_would_lead_beyond_an_array_is_refused(
    made: Kernels, changed: dict[str, Any], words: str
) -> None:
    given = made.arguments([CPU, POWER], **changed)
    with pytest.raises(ValueError, match=rf"^fill_load_counts_\w+: {words}"):
        load.fill_load(**given)


@pytest.mark.parametrize("name", ["scratch", "wide"])
def test_room_for_less_than_a_tile_is_refused(made: Kernels, name: str) -> None:
    *first, summary, out = made.arguments([CPU, POWER]).values()
    room = {"scratch": np.empty(SCRATCH, np.int32), "wide": np.empty(WIDE, np.int64)}
    room[name] = room[name][:-1]
    with pytest.raises(ValueError, match=f"fill_load_counts_threes: {name} is of shape"):
        load.fill_load_counts_threes(*first, *room.values(), summary, out.reshape(-1))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"curves": CURVE_OF[:4]}, "curves is of shape"),
        ({"sites": SITE_OF[:6]}, "sites is of shape"),
        ({"out": np.empty((len(TRAITS), 4), np.int32)}, "out is of shape"),
        ({"out": np.empty((len(TRAITS) - 1, 5), np.int32)}, "out is of shape"),
    ],
)
def test_traits_of_other_sizes_are_refused(changed: dict[str, Any], words: str) -> None:
    given = {
        "server_keys": KEYS[:5],
        "stream_key": 1,
        "curves": CURVE_OF[:5],
        "sites": SITE_OF[:5],
        "out": np.empty((len(TRAITS), 5), np.int32),
    }
    with pytest.raises(ValueError, match=f"fill_traits: {words}"):
        fill_traits(**given | changed)


@pytest.mark.parametrize(
    "name", ["fill_traits", *(name for name in vars(load) if name.startswith("fill_load_"))]
)
def test_kernels_are_pickled_by_name(name: str) -> None:
    function = getattr(load, name, fill_traits)
    assert pickle.loads(pickle.dumps(function)) is function


def test_there_is_a_kernel_for_each_kind_and_cut() -> None:
    named = {name for name in vars(load) if name.startswith("fill_load_")}
    assert named == {
        f"fill_load_{kind}_{cut}"
        for kind in ("codes", "counts", "decimals")
        for cut in ("threes", "slots", "parts", "slots_more", "parts_more")
    } | {
        "fill_load_each",
        "fill_load_each_counts_slots_more",
        "fill_load_each_counts_parts_more",
    }


def test_a_reading_of_a_slot_is_that_of_the_reference(
    reference: ModuleType, load_reference: ModuleType, made: Kernels
) -> None:
    sn = FLEET.by_serial.sn.to_pylist()
    times = range(START, START + 3600, SLOT)
    found = made.counts([*range(7)], times=times, interval=SLOT)
    for i in range(5):
        curve, sockets = divmod(int(CURVE_OF[i]), len(SOCKETS))
        zone = ZONES[i % 3]
        facts = load_reference.Facts(CURVES[curve], int(SOCKETS[sockets]), SITES[i % 3], zone)
        offset = load_reference.zone_offset(zone)
        for t, time in enumerate(times):
            expected = [
                load_reference.count(SEED, sn[i], facts, time, SLOT, quantity, 2, offset)
                for quantity in load.QUANTITIES
            ]
            expected[ENERGY] //= SLOT  # counts of it are of power
            assert found[t, i].tolist() == expected
