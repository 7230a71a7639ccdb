"""Faults: what they may be, and how they stand in the record of a file."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from support import POWER, specified

from synthpower import Fault, InputError, Measurement
from synthpower.model.description import FleetRecord, describe, parse
from synthpower.model.faults import AFFECTED, LENGTHS, MOST_DAYS, SLOTS, thresholds
from synthpower.model.measurement import QUANTITIES

FLEET = FleetRecord(1000, "0123456789abcdef" * 4)
METERED = Measurement("power", "W", Decimal(1200), 2, "power")
TWO = (Fault("off", Decimal("0.020"), "site"), Fault("hung", Decimal("1E-3")))


def record(**changes: Any) -> dict[str, Any]:
    """Return a record with faults as JSON gives it back, with other values for some keys."""
    made = describe(specified(measurements=(METERED,), signal="load", faults=TWO), FLEET)
    return {**json.loads(json.dumps(made)), **changes}


def refused(text: str) -> str:
    """Return in what words a fault of this kind, share and scope is refused."""
    kind, share, *scope = text.split()
    with pytest.raises(InputError) as found:
        Fault(kind, share, *scope)  # type: ignore[arg-type]
    assert len(str(found.value).splitlines()) == 1
    return str(found.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("broken 0.1", "kind 'broken': choose off, hung, false_zero, stuck_power,"),
        ("Off 0.1", "kind 'Off': choose off,"),
        ("off 0", "share 0: it must be above 0 and below 1"),
        ("off -0.1", "share -0.1: it must be above 0 and below 1"),
        ("off 1", "share 1: it must be above 0 and below 1"),
        ("off 1.5", "share 1.5: it must be above 0 and below 1"),
        ("off much", "share 'much': it must be a finite number"),
        ("off nan", "share 'nan': it must be a finite number"),
        ("off 1%", "share '1%': it must be a finite number"),
        ("off 0.1 rack", "scope 'rack': choose server or site"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_what_can(text: str, words: str) -> None:
    assert words in refused(text)


@pytest.mark.parametrize("share", [Decimal("0.25"), "0.25", 0.25, "25e-2"])
def test_a_share_may_be_given_as_any_number(share: Any) -> None:
    assert Fault("meter_drift", share) == Fault("meter_drift", Decimal("0.25"), "server")


def test_an_event_begins_on_a_day_as_often_as_its_share_and_mean_length_have_it() -> None:
    for kind, lengths in LENGTHS.items():
        mean = Fraction(sum(lengths), 16)
        assert Fault(kind, "0.001").a_day * mean == Fraction(288, 1000)


def test_there_are_sixteen_lengths_of_each_kind_and_none_is_longer_than_the_most_days() -> None:
    assert LENGTHS.keys() == AFFECTED.keys()
    assert {len(lengths) for lengths in LENGTHS.values()} == {16}
    assert max(map(max, LENGTHS.values())) == MOST_DAYS * SLOTS


def test_a_fault_changes_nothing_but_quantities() -> None:
    assert set().union(*AFFECTED.values()) == set(QUANTITIES)


def test_thresholds_add_up_the_chances_of_one_scope_only() -> None:
    table = (Fault("off", "0.1", "site"), Fault("hung", "0.1"), Fault("runaway", "0.01", "site"))
    at = [int(chance * 2**32) for chance in (table[0].a_day, table[0].a_day + table[2].a_day)]
    assert thresholds(table, "site") == [at[0], at[0], at[1]]
    assert thresholds(table, "server") == [0, int(table[1].a_day * 2**32)] + [
        int(table[1].a_day * 2**32)
    ]


def test_a_share_that_is_next_to_nothing_is_refused() -> None:
    assert thresholds((Fault("false_zero", "1e-9"),), "server") == [659]
    with pytest.raises(InputError, match=r"write 0\.000000001 or more"):
        Fault("off", "1e-30")


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ((Fault("off", "0.1"), Fault("off", "0.01")), "a kind of fault is listed twice"),
        ((Fault("off", "0.3"),), "the shares of each server are too great together"),
        ((Fault("off", "0.3", "site"),), "the shares of each site are too great together"),
        ((Fault("off", "0.2"), Fault("hung", "0.2")), "the shares of each server are too great"),
        (("off",), "'off' is not a Fault"),
        ((["off", "0.1", "server"],), "is not a Fault"),
    ],
)
def test_faults_that_do_not_go_together_are_refused(faults: Any, words: str) -> None:
    with pytest.raises(InputError, match=words) as found:
        specified(faults=faults)
    assert found.value.argument == "faults"


def test_a_kind_may_be_listed_for_both_scopes_and_each_scope_has_chances_of_its_own() -> None:
    faults = (Fault("off", "0.2"), Fault("off", "0.2", "site"))
    assert specified(faults=faults).faults == faults


def test_faults_need_version_3_of_the_record() -> None:
    assert record()["format_version"] == 3
    assert record()["faults"] == [["off", "0.020", "site"], ["hung", "0.001", "server"]]


def test_without_faults_the_record_has_none() -> None:
    assert "faults" not in describe(specified(measurements=(POWER,)), FLEET)
    assert describe(specified(measurements=(METERED,), signal="load"), FLEET)["faults"] is None


def test_the_record_gives_the_specification_back() -> None:
    specification = specified(measurements=(METERED,), signal="load", faults=TWO)
    assert parse(record()) == (specification, FLEET)


@pytest.mark.parametrize(
    "faults",
    [
        True, 1, "off", ["off"], [[]], [["off"]], [["off", "0.1"]], [[1, 2, 3]], {"off": "0.1"},
        [["off", "0.1", "rack"]], [["off", "x", "server"]], [["off", None, "server"]],
        [["off", [], "server"]], [["off", "2", "server"]], [["off", "nan", "server"]],
        [["off", "sNaN", "server"]], [["off", "0.1", None]], [[["off"], "0.1", "server"]],
        [["off", "0.1", "server"], ["off", "0.1", "server"]], [["off", "0.9", "server"]],
        [["off", "0.1", "server", 1]], [["off", {}, "server"]], [["\ud800", "0.1", "server"]],
        [["off", "0.1", ["server"]]], [[{}, "0.1", "server"]], [None], [["off", [0, 1, 2], "server"]],
        [["off", [0, [1], -1], "server"]], [["off", "1" * 5000, "server"]],
    ],
)  # fmt: skip
def test_a_record_of_odd_faults_is_refused_in_one_line(faults: Any) -> None:
    with pytest.raises(InputError) as found:
        parse(record(faults=faults))
    assert len(str(found.value).splitlines()) == 1


@pytest.mark.slow
def test_a_share_of_a_billion_decimals_is_refused_or_never_but_at_once() -> None:
    script = """
from synthpower import Fault, InputError
from synthpower.model.faults import check_faults
try:
    check_faults([Fault("off", "1e-999999999")])
except InputError:
    pass
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=15)
