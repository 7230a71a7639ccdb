from __future__ import annotations

import zoneinfo
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from support import specified

from synthpower import Specification
from synthpower.kernels.load_tables import CONSTANTS, KINDS, PHASES, PROFILES, WINDOWS
from synthpower.signals.sites import Sites, offsets_now, offsets_of

BERLIN, CHICAGO, SYDNEY = "Europe/Berlin", "America/Chicago", "Australia/Sydney"
ZONES = ["UTC", BERLIN, CHICAGO, "Asia/Kolkata", SYDNEY, "Australia/Lord_Howe", "Africa/Monrovia"]
NAMES = [f"site of {zone}" for zone in ZONES]


def of(date: str, zones: list[str], **changes: Any) -> Specification:
    """Return a specification with the local times of its zones."""
    spec = specified(date=date, **changes)
    return specified(date=date, offsets=offsets_of(zones, spec.start, spec.span), **changes)


def tables(date: str, names: list[str], zones: list[str]) -> tuple[np.ndarray, np.ndarray]:
    spec = of(date, zones)
    return Sites(spec, names, zones).tables(spec.start)[1:]


@pytest.mark.parametrize(
    ("zone", "date", "expected"),
    [
        ("UTC", "2023-03-26", ((0, 0),)),
        (BERLIN, "2023-02-27", ((0, 3600),)),
        (BERLIN, "2023-03-26", ((0, 3600), (3600, 7200))),
        (BERLIN, "2023-10-29", ((0, 7200), (3600, 3600))),
        (CHICAGO, "2023-03-12", ((0, -21_600), (28_800, -18_000))),
        (CHICAGO, "2023-11-05", ((0, -18_000), (25_200, -21_600))),
        ("Asia/Kolkata", "2023-03-26", ((0, 19_800),)),
        (SYDNEY, "2023-04-01", ((0, 39_600), (57_600, 36_000))),
        (SYDNEY, "2023-09-30", ((0, 36_000), (57_600, 39_600))),
        (SYDNEY, "9999-12-30", ((0, 39_600),)),
        (CHICAGO, "1970-01-01", ((0, -21_600),)),
        ("Africa/Monrovia", "1970-01-01", ((0, -2670),)),
    ],
)
def test_local_time_is_given_from_where_it_changes(zone: str, date: str, expected: object) -> None:
    assert of(date, [zone]).offsets == ((zone, expected),)


def test_the_hour_after_a_file_counts_too() -> None:
    """Load goes from one hour's level to the next one's."""
    assert of("2023-03-26T00", [BERLIN]).offsets == ((BERLIN, ((0, 3600), (3600, 7200))),)
    assert of("2023-03-26T01", [BERLIN]).offsets == ((BERLIN, ((0, 7200),)),)
    assert of("2023-03-25", [BERLIN]).offsets == ((BERLIN, ((0, 3600),)),)


def test_zones_are_given_once_each_by_name() -> None:
    given = ["UTC", SYDNEY, BERLIN, SYDNEY, "UTC"]
    assert [zone for zone, _ in of("2023-02-27", given).offsets] == [SYDNEY, BERLIN, "UTC"]


def test_what_is_known_now_is_what_was_recorded_and_none_of_an_unknown_zone() -> None:
    spec = of("2023-03-26", [BERLIN, "UTC"])
    assert tuple(offsets_now(spec)) == spec.offsets
    lost = specified(offsets=(("Europe/Atlantis", ((0, 0),)), ("../etc", ((0, 0),))))
    assert dict(offsets_now(lost)) == {"Europe/Atlantis": None, "../etc": None}


@pytest.mark.parametrize(
    "date",
    ["2023-02-27", "2023-03-26", "2023-10-29", "2023-09-30", "1970-01-01", "9999-12-30",
     "2023-03-26T00", "1970-01-01T00"],
)  # fmt: skip
def test_factors_and_air_are_the_references(load_reference: ModuleType, date: str) -> None:
    spec = of(date, ZONES)
    factors, air = Sites(spec, NAMES, ZONES).tables(spec.start)[1:]
    hours = spec.span // 3600 + 1
    assert (factors.shape, air.shape) == ((hours, len(ZONES) * KINDS), (hours, len(ZONES)))
    for row, hour in enumerate(range(spec.start // 3600, spec.start // 3600 + hours)):
        for i, (name, zone) in enumerate(zip(NAMES, ZONES, strict=True)):
            here = load_reference.site(
                spec.seed, name, zone, hour, load_reference.zone_offset(zone)
            )
            assert air[row, i] == here.air
            found = factors[row, i * KINDS : (i + 1) * KINDS].reshape(PHASES, PROFILES, WINDOWS)
            gates = [load_reference.gate(here, window) for window in range(WINDOWS)]
            assert (found >> 16 == gates).all()
            expected = [
                [
                    load_reference.profile_factor(profile, (here.quarter + 4 * phase) % 672)
                    * here.f
                    // 4096
                    for profile in range(PROFILES)
                ]
                for phase in CONSTANTS["phases"]
            ]
            assert (found & 0xFFFF == np.array(expected)[:, :, np.newaxis]).all()


def test_a_file_of_another_day_has_the_tables_of_its_own_hours() -> None:
    first = of("2023-02-27", ZONES)
    second = of("2023-02-28", ZONES)
    assert first.undated == second.undated
    ours = Sites(first, NAMES, ZONES).tables(second.start)[1:]
    theirs = Sites(second, NAMES, ZONES).tables(second.start)[1:]
    assert all((a == b).all() for a, b in zip(ours, theirs, strict=True))


def test_the_last_hour_of_a_day_is_the_first_of_the_next() -> None:
    for today, tomorrow in (("2023-03-25", "2023-03-26"), ("2023-12-31", "2024-01-01")):
        before, after = (tables(date, NAMES, ZONES) for date in (today, tomorrow))
        assert all((a[-1] == b[0]).all() for a, b in zip(before, after, strict=True))


def test_a_site_is_the_same_at_any_place_among_others() -> None:
    factors, air = tables("2023-03-26", NAMES, ZONES)
    backwards = tables("2023-03-26", NAMES[::-1], ZONES[::-1])
    by_site = factors.reshape(len(air), len(ZONES), KINDS)
    assert (by_site[:, ::-1] == backwards[0].reshape(by_site.shape)).all()
    assert (air[:, ::-1] == backwards[1]).all()
    alone = tables("2023-03-26", NAMES[2:3], ZONES[2:3])
    assert (by_site[:, 2] == alone[0]).all()
    assert (air[:, 2:3] == alone[1]).all()


def test_sites_of_one_zone_have_weather_of_their_own() -> None:
    _, air = tables("2023-02-27", ["a", "b", "c", "d"], [BERLIN] * 4)
    assert len({tuple(column) for column in air.T.tolist()}) == 4


def test_the_local_time_is_that_of_the_specification_whatever_this_machine_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rules of time zones change; a file's record keeps those that it was made by."""
    spec = of("2023-03-26", [BERLIN])
    before = Sites(spec, ["a"], [BERLIN]).tables(spec.start)[1:]

    def forbidden(key: str) -> None:
        raise AssertionError(f"{key} was looked up")

    monkeypatch.setattr(zoneinfo, "ZoneInfo", forbidden)
    after = Sites(spec, ["a"], [BERLIN]).tables(spec.start)[1:]
    assert all((a == b).all() for a, b in zip(before, after, strict=True))
    moved = specified(date="2023-03-26", offsets=((BERLIN, ((0, 0),)),))
    other = Sites(moved, ["a"], [BERLIN]).tables(spec.start)[1:]
    assert (before[0] != other[0]).any()


def test_the_air_is_above_18_degrees_and_below_what_bounds_power() -> None:
    """Fans add power above 18 degrees only; what a server adds is 5 degrees at most."""
    names = [f"site {i}" for i in range(200)]
    for month in range(1, 13):
        for zone in ("UTC", SYDNEY):
            _, air = tables(f"2023-{month:02}-15", names, [zone] * len(names))
            assert air.min() >= 1800
            assert air.max() <= 3010 - 500


def test_it_is_warmer_in_the_summer_of_a_hemisphere() -> None:
    """In July in the north, in January in the south."""

    def mean(date: str, zone: str) -> float:
        names = [f"site {i}" for i in range(300)]
        return float(tables(date, names, [zone] * len(names))[1].mean())

    assert mean("2023-07-15", BERLIN) - mean("2023-01-15", BERLIN) > 100
    assert mean("2023-01-15", SYDNEY) - mean("2023-07-15", SYDNEY) > 100
