"""The record of a file: what version 1 wrote stays, and nothing is half understood."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from support import CPU, POWER, specified

from synthpower import InputError, Measurement
from synthpower.model.columns import COLUMNS, END_COLUMNS, FIELDS, VALUE, Column, field_of
from synthpower.model.description import FleetRecord, describe, difference, parse, same
from synthpower.model.grid import Part

SHA = "0123456789abcdef" * 4
FLEET = FleetRecord(1000, SHA)

# As version 0.1 wrote it. Datasets on disk have these bytes: they do not change.
FIRST = (
    '{"end": "2023-02-28 00:00:00Z", "format_version": 1, "fuzz": 7, "interval": 600, '
    '"inventory": {"servers": 1000, "sha256": "' + SHA + '"}, "measurements": '
    '[{"decimals": 2, "name": "server cpu utilization", "scale": "100", "unit": "%"}, '
    '{"decimals": null, "name": "server power", "scale": "300", "unit": "W"}], '
    '"model_version": 1, "seed": 8123, "signal": "triangular", '
    '"start": "2023-02-27 00:00:00Z", "times": "start and end"}'
)
OLD = specified(
    measurements=(CPU, Measurement("server power", "W", Decimal(300))),
    seed=8123,
    interval=600,
    fuzz=7,
    signal="triangular",
)
BERLIN, KOLKATA = (
    ("Europe/Berlin", ((0, 3600), (3600, 7200))),
    ("Asia/Kolkata", ((0, 19_800),)),
)
WATTS = replace(POWER, quantity="power")
RENAMED = (Column("serial", FIELDS["sn"]), Column("watt", VALUE))


def record(**changes: Any) -> dict[str, Any]:
    """Return a record of version 1 as JSON gives it back, with other values for some keys."""
    return {**json.loads(FIRST), **changes}


def second(**changes: Any) -> dict[str, Any]:
    """Return a record of version 2, of a shard."""
    made = describe(specified(part=Part(2, 3)), FLEET)
    return {**json.loads(json.dumps(made)), **changes}


def third(**changes: Any) -> dict[str, Any]:
    """Return a record of version 3, of the load signal."""
    made = describe(
        specified(date="2023-03-26", signal="load", measurements=(WATTS,), offsets=(BERLIN,)), FLEET
    )
    return {**json.loads(json.dumps(made)), **changes}


def test_version_1_has_the_bytes_that_it_always_had() -> None:
    assert json.dumps(describe(OLD, FLEET), sort_keys=True) == FIRST


def test_version_1_of_end_times_only_has_the_bytes_that_it_always_had() -> None:
    made = describe(specified(columns=END_COLUMNS), FLEET)
    assert (made["format_version"], made["times"]) == (1, "end")
    assert "columns" not in made


@pytest.mark.parametrize(
    ("changes", "facts", "key", "value"),
    [
        ({"columns": RENAMED}, None, "columns", [["serial", "sn"], ["watt", "measurement_value"]]),
        ({"part": Part(2, 3)}, None, "part", [2, 3]),
        ({}, SHA, "facts", SHA),
    ],
)
def test_what_is_new_needs_version_2(
    changes: dict[str, Any], facts: str | None, key: str, value: Any
) -> None:
    made = describe(specified(**changes), FleetRecord(1000, SHA, facts))
    assert made["format_version"] == 2
    assert {k: made[k] for k in ("columns", "part", "facts") if made[k] is not None} == {key: value}


def test_offsets_need_version_3() -> None:
    made = describe(specified(offsets=(BERLIN, KOLKATA)), FLEET)
    assert made["format_version"] == 3
    assert made["offsets"] == {
        "Europe/Berlin": [[0, 3600], [3600, 7200]],
        "Asia/Kolkata": [[0, 19_800]],
    }
    assert [made[key] for key in ("columns", "part", "facts")] == [None] * 3


def test_a_quantity_needs_version_3_and_only_measurements_that_have_one_say_it() -> None:
    made = describe(specified(measurements=(CPU, WATTS)), FLEET)
    assert (made["format_version"], made["offsets"]) == (3, None)
    assert ["quantity" in each for each in made["measurements"]] == [False, True]
    assert made["measurements"][1]["quantity"] == "power"


def test_columns_take_the_place_of_times() -> None:
    assert describe(specified(columns=RENAMED), FLEET)["times"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"date": "2023-02-27T05"},
        {"columns": END_COLUMNS},
        {"columns": COLUMNS[::-1]},
        {"columns": RENAMED},
        {"part": Part(2, 3)},
        {"measurements": (CPU, POWER, Measurement("é", "°", Decimal("0.0000001"), 22))},
        {"seed": 2**63 - 1, "interval": 1, "date": "9999-12-30T23"},
        {"offsets": (BERLIN,)},
        {"offsets": (KOLKATA, BERLIN), "columns": RENAMED, "part": Part(2, 3)},
        {"measurements": (CPU, WATTS), "signal": "load", "offsets": (BERLIN,)},
    ],
)
@pytest.mark.parametrize("facts", [None, SHA])
def test_what_is_recorded_is_read_back(changes: dict[str, Any], facts: str | None) -> None:
    made = specified(**changes), FleetRecord(7, SHA, facts)
    assert parse(json.loads(json.dumps(describe(*made)))) == made


def test_a_record_of_version_1_is_read() -> None:
    assert parse(record()) == (OLD, FLEET)


def test_a_record_of_version_1_may_be_upgraded_by_hand() -> None:
    upgraded = record(format_version=2, columns=None, part=None, facts=None)
    assert parse(upgraded) == (OLD, FLEET)


def test_a_record_of_an_older_version_may_be_upgraded_by_hand_to_version_3() -> None:
    assert parse(second(format_version=3, offsets=None, faults=None)) == parse(second())
    later = dict.fromkeys(("columns", "part", "facts", "offsets", "faults"))
    upgraded = record(format_version=3, **later)
    assert parse(upgraded) == (OLD, FLEET)


def refused(record: Any) -> str:
    with pytest.raises(InputError) as found:
        parse(record)
    line = str(found.value)
    assert len(line.splitlines()) == 1
    line.encode()  # a surrogate could not be printed
    return line


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ([], "the recorded specification is not a JSON object"),
        (None, "the recorded specification is not a JSON object"),
        (record(format_version=5), "reads records up to version 4; it needs a newer one"),
        (record(format_version=0), "format version 0: no such version of a record"),
        (record(format_version=True), "format version True: no such version of a record"),
        (record(format_version=1.0), "format version 1.0: no such version of a record"),
        (record(format_version=None), "format version None: no such version of a record"),
        (record(model_version=2), "model version 2: this program makes values of version 1"),
        (record(part=None), "'part' is no key of a record of version 1"),
        (second(colour="red"), "'colour' is no key of a record of version 2"),
        (record(seed=True), "inconsistent: 'True' is not a whole number"),
        (record(fuzz=7.0), "inconsistent: '7.0' is not a whole number"),
        (record(interval=7000), "inconsistent: 7000 does not divide"),
        (record(end="2023-02-27 00:00:01Z"), "inconsistent: end is 2023-02-27 00:00:01Z, and its"),
        (record(start="2023-02-27"), "the recorded specification cannot be read"),
        (record(times="noon"), "the recorded specification cannot be read: no 'noon'"),
        (record(times=None), "the recorded specification cannot be read"),
        (record(measurements=[]), "inconsistent: there is no measurement"),
        (record(measurements=7), "the recorded specification cannot be read"),
        (record(inventory={"servers": True, "sha256": SHA}), "True servers: an inventory has 1 to"),
        (record(inventory={"servers": 0, "sha256": SHA}), "0 servers: an inventory has 1 to"),
        (record(inventory={"servers": 1}), "cannot be read: no 'sha256'"),
        (record(inventory={"servers": 1, "sha256": 7}), "inconsistent: '7' is no digest"),
        (second(facts=False), "inconsistent: 'False' is no digest"),
        (second(part=[0, 3]), "inconsistent: 0/3: write I/N"),
        (second(part=[True, 3]), "inconsistent: 'True' is not a whole number"),
        (second(part=[1, 1]), "inconsistent: part is [1, 1], and its other fields say None"),
        (second(part=[1]), "the recorded specification"),
        (second(columns=[["a", "b"]]), "cannot be read: no 'b'"),
        (second(columns=[["v", "measurement_value"]]), "inconsistent: times is start and end, and"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_named(changed: Any, words: str) -> None:
    assert words in refused(changed)


@pytest.mark.parametrize("key", [key for key in record() if not key.endswith("_version")])
def test_a_missing_key_is_named(key: str) -> None:
    rest = record()
    del rest[key]
    assert refused(rest) == f"the recorded specification cannot be read: no '{key}'"


@pytest.mark.parametrize(
    "offsets",
    [
        False, True, 0, 1, 3600, 2.5, "", "UTC", [], [1], [["UTC", [[0, 0]]]], {},
        {"UTC": None}, {"UTC": 0}, {"UTC": {}}, {"UTC": []}, {"UTC": [0, 0]}, {"UTC": [[]]},
        {"UTC": [[0]]}, {"UTC": [[0, 1, 2]]}, {"UTC": [[0, None]]}, {"UTC": [[0, "0"]]},
        {"UTC": ["00"]}, {"UTC": [[0, 0.0]]}, {"UTC": [[0, True]]}, {"UTC": [[False, 0]]},
        {"UTC": [[0, 0.5]]}, {"UTC": [[0, float("nan")]]}, {"UTC": [[0, float("inf")]]},
        {"UTC": [[1, 0]]}, {"UTC": [[-1, 0]]}, {"UTC": [[0, 0], [0, 1]]},
        {"UTC": [[0, 0], [7200, 1], [3600, 2]]}, {"UTC": [[0, 0], [86_401, 1]]},
        {"UTC": [[0, 86_400]]}, {"UTC": [[0, -86_400]]}, {"UTC": [[0, 10**30]]},
        {"UTC": [[10**30, 0]]}, {"\ud800": [[1, 0]]}, {"UTC": [[0, 0]], "\ud800": 5},
    ],
)  # fmt: skip
def test_offsets_that_cannot_be_are_refused_in_one_line(offsets: Any) -> None:
    assert "the recorded specification " in refused(third(offsets=offsets))


@pytest.mark.parametrize("offsets", [[[0, -3600]], [[0, 1], [86_400, -2670]], [[0, 86_399]]])
def test_offsets_of_any_seconds_are_read(offsets: list[list[int]]) -> None:
    found, _ = parse(third(offsets={"UTC": offsets}))
    assert found.offsets == (("UTC", tuple(map(tuple, offsets))),)


def test_offsets_are_no_key_of_an_older_version() -> None:
    assert "'offsets' is no key of a record of version 2" in refused(second(offsets=None))
    assert "'offsets' is no key of a record of version 1" in refused(record(offsets=None))


def test_a_record_of_version_3_has_all_keys() -> None:
    rest = third()
    del rest["offsets"]
    assert refused(rest) == "the recorded specification cannot be read: no 'offsets'"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantity": "watts"}, "inconsistent: quantity 'watts': choose cpu_utilization, power"),
        ({"quantity": 5}, "inconsistent: quantity '5': choose"),
        ({"quantity": []}, "inconsistent: quantity '[]': choose"),
        ({"quantity": "energy"}, "inconsistent: unit 'W': energy is in J"),
        ({"quantity": None}, "the recorded specification is inconsistent: "),
        ({"unit": "kW"}, "inconsistent: unit 'kW': power is in W"),
    ],
)
def test_a_quantity_is_read_strictly(changes: dict[str, Any], words: str) -> None:
    (measurement,) = third()["measurements"]
    assert words in refused(third(measurements=[measurement | changes]))


def measured(**changes: Any) -> dict[str, Any]:
    """Return a record whose first measurement has other values."""
    first, *others = record()["measurements"]
    return record(measurements=[first | changes, *others])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (measured(decimals=2.0), "inconsistent: decimals '2.0'"),
        (measured(decimals=True), "inconsistent: decimals 'True'"),
        (measured(decimals="2"), "inconsistent: decimals '2'"),
        (measured(scale=100), "inconsistent: measurements is"),
        (measured(scale="abc"), "the recorded specification cannot be read"),
        (measured(name=""), "inconsistent: empty name"),
        (measured(name="\ud800"), "U+D800 in name is no character"),
        (measured(minimum=0), "inconsistent: measurements is"),
        (measured(minimum=-5), "inconsistent: measurements is"),
        (measured(minimum="100"), "inconsistent: scale 100: it must be above the minimum, 100"),
        (measured(minimum=None), "the recorded specification cannot be read"),
    ],
)
def test_a_measurement_is_read_strictly(changed: dict[str, Any], words: str) -> None:
    assert words in refused(changed)


def test_a_minimum_needs_version_4_and_none_needs_no_new_one() -> None:
    below = Measurement("inlet", "Cel", Decimal(45), 1, minimum=Decimal("-20.5"))
    made = json.loads(json.dumps(describe(specified(measurements=(below, POWER)), FLEET)))
    assert made["format_version"] == 4
    assert [m.get("minimum") for m in made["measurements"]] == ["-20.5", None]
    assert parse(made)[0].measurements == (below, POWER)
    zero = replace(below, minimum=Decimal("-0.0"))
    assert describe(specified(measurements=(zero,)), FLEET)["format_version"] == 1


def test_a_scale_may_be_written_in_any_way() -> None:
    assert parse(measured(scale="1E+2", decimals=None))[0].measurements[0].scale == 100


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (record(start="\ud800"), "the recorded specification cannot be read"),
        (second(columns=[["\ud800", "measurement_value"]]), "U+D800 in column is no character"),
        (record(**{"\ud800": 1}), r"'\ud800' is no key of a record of version 1"),
        (record(seed="\ud800"), r"'\ud800' is not a whole number"),
    ],
)
def test_a_lone_surrogate_is_said_in_a_line_that_can_be_printed(
    changed: dict[str, Any], words: str
) -> None:
    assert words in refused(changed)


@pytest.mark.parametrize(
    "changed", [record(signal="\ud800"), record(inventory={"servers": 1, "sha256": "\ud800"})]
)
def test_a_lone_surrogate_that_is_compared_only_is_kept(changed: dict[str, Any]) -> None:
    assert json.loads(json.dumps(describe(*parse(changed)))) == changed


@pytest.mark.parametrize(
    ("found", "expected"),
    [(True, 1), (1, True), (2.0, 2), ("1", 1), (None, 0), ([1], [True]), ({"a": 1}, {"a": 1.0}),
     ([1], [1, 2]), ({"a": 1}, {}), ([], {})],
)  # fmt: skip
def test_json_values_of_other_types_are_not_the_same(found: Any, expected: Any) -> None:
    assert not same(found, expected)


@pytest.mark.parametrize("value", [1, True, None, "a", [1, [2]], {"a": {"b": None}}])
def test_equal_json_values_are_the_same(value: Any) -> None:
    assert same(json.loads(json.dumps(value)), value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda r: r, ""),
        (lambda r: r | {"seed": 2}, "seed 2, not 8123"),
        (lambda r: r | {"model_version": 2}, "model version 2, not 1"),
        (lambda r: r | {"inventory": {}}, "other servers"),
        (lambda r: r | {"measurements": []}, "other measurements"),
        (lambda r: r | {"part": [1, 2]}, "part [1, 2], and none is asked for"),
        (lambda r: r | {"part": None, "format_version": 2}, ""),
        (lambda r: r | {"offsets": None, "format_version": 3}, ""),
    ],
)
def test_the_difference_of_two_records_is_said(
    change: Callable[[dict[str, Any]], dict[str, Any]], words: str
) -> None:
    assert difference(change(record()), record()) == words


NIGHT = Measurement("night, W", "W", 300, 2, facts=(("tariff", "n"), ("note", "")))
FOURTH: list[dict[str, Any]] = [
    {"columns": (Column("c", field_of("=x")), Column("v", VALUE))},
    {"columns": (Column("t", FIELDS["end_time"], "iso"), Column("v", VALUE, "float"))},
    {"columns": (Column("r", field_of("rack")), Column("v", VALUE))},
    {"columns": (Column("w", field_of("value:night, W"), "decimal"),), "measurements": (NIGHT,)},
    {"columns": (Column("t", field_of("tariff")), Column("n", field_of("note")), Column("v", VALUE)),
     "measurements": (NIGHT,)},
    {"columns": (Column("t", FIELDS["end_time"], "local"), Column("v", VALUE)),
     "offsets": (BERLIN, KOLKATA), "fuzz": 60, "interval": 7200},
    {"location": "DE-M-01"},
]  # fmt: skip


@pytest.mark.parametrize("changes", FOURTH)
def test_what_columns_say_needs_version_4_and_is_read_back(changes: dict[str, Any]) -> None:
    specification = specified(**changes)
    made = json.loads(json.dumps(describe(specification, FLEET)))
    assert made["format_version"] == 4
    assert parse(made) == (specification, FLEET)
    assert describe(*parse(made)) == made


def test_columns_of_version_4_have_their_formats_and_measurements_the_facts_shown() -> None:
    made = describe(specified(**FOURTH[4] | {"measurements": (NIGHT, POWER)}), FLEET)
    assert made["columns"] == [
        ["t", "tariff", ""], ["n", "note", ""], ["v", "measurement_value", "double"]
    ]  # fmt: skip
    assert [m.get("facts") for m in made["measurements"]] == [{"tariff": "n", "note": ""}, None]


def fourth(columns: Any, **changes: Any) -> dict[str, Any]:
    """Return a record of version 4, of other columns."""
    made = describe(specified(**FOURTH[0]), FLEET)
    return {**json.loads(json.dumps(made)), "columns": columns, **changes}


V = ["v", "measurement_value", "double"]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ([["a", "sn"], V], "cannot be read"),
        ([["a", "sn", "", ""], V], "cannot be read"),
        ([["a", 7, ""], V], "source '7' is not a string"),
        ([["a", None, ""], V], "source 'None' is not a string"),
        ([["a", ["sn"], ""], V], "is not a string"),
        ([[7, "sn", ""], V], "column '7' is not a string"),
        ([["a", "", ""], V], "empty source"),
        ([["a", "=x\ny", ""], V], "control character U+000A in source"),
        ([["a", "=\ud800", ""], V], "U+D800 in source is no character"),
        ([["a", "sn", "iso"], V], "format 'iso' of sn: leave it empty"),
        ([["a", "sn", []], V], "columns is"),
        ([["a", "end_time", ["iso"]], V], "cannot be read"),
        ([["a", "end_time", ""], V], "columns is [['a', 'end_time', '']"),
        ([["a", "value:server power", "double"], V], "differs by measurement"),
        ([["a", "value:x", "double"]], "value:x: no such measurement; there are server power"),
        ([["a", "sn", ""]], "no column holds measurement_value"),
        ([V, V], "column 'v' is listed twice"),
        (["sna", V], "is inconsistent: format 'a' of n"),
        ("abc", "cannot be read"),
        (7, "cannot be read"),
        ([["v", "measurement_value", "integer"]], "server power has decimals"),
    ],
)
def test_columns_are_read_strictly(columns: Any, words: str) -> None:
    with pytest.raises(InputError) as found:
        parse(fourth(columns))
    assert words in str(found.value)
    assert str(found.value).startswith("the recorded specification ")


@pytest.mark.parametrize(
    "facts", [["x"], {"tariff": 7}, {"tariff": None}, {"tariff": "a\nb"}, 7, {"t": "x"}]
)
def test_facts_of_measurements_are_read_strictly(facts: Any) -> None:
    made = fourth([["t", "tariff", ""], V])
    made["measurements"][0]["facts"] = facts
    with pytest.raises(InputError, match=r"^the recorded specification (is|cannot)"):
        parse(made)
