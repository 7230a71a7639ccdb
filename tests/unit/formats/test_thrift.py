"""Thrift as it is written here, read by another reader and by our own."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from judges.thrift_reader import Reader

from synthpower.formats.parquet.structs import FOOTER
from synthpower.formats.parquet.thrift import (
    BINARY,
    BOOL,
    I16,
    I32,
    I64,
    Fields,
    ThriftError,
    encode,
    varint,
)
from synthpower.formats.parquet.thrift import Reader as OwnReader


@pytest.mark.parametrize(
    ("number", "data"), [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02")]
)
def test_varint_has_seven_bits_a_byte(number: int, data: str) -> None:
    assert varint(number).hex() == data


INNER = Fields("Inner", {3: ("i32", I32)})
KIND = Fields(
    "Kind",
    {
        1: ("i16", I16), 2: ("yes", BOOL), 4: ("no", BOOL), 5: ("i64", I64), 6: ("binary", BINARY),
        9: ("inner", INNER), 10: ("inners", [INNER]), 11: ("i32s", [I32]), 12: ("i64s", [I64]),
        13: ("binaries", [BINARY]), 14: ("bits", [BOOL]),
    },
)  # fmt: skip

values = st.fixed_dictionaries(
    {
        "i16": st.integers(-(2**15), 2**15 - 1),
        "yes": st.just(value=True),
        "no": st.just(value=False),
        "i64": st.integers(-(2**63), 2**63 - 1),
        "binary": st.binary(),
        "inner": st.fixed_dictionaries({"i32": st.integers(-(2**31), 2**31 - 1)}),
        "inners": st.lists(st.sampled_from([{}, {"i32": 7}]), max_size=20),
        "i32s": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=40),
        "i64s": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40),
        "binaries": st.lists(st.binary(max_size=200), max_size=20),
        "bits": st.lists(st.booleans(), max_size=20),
    }
)


def numbered(kind: Fields, values: dict[str, Any]) -> dict[int, Any]:
    """Return fields by their numbers, as the other reader has them."""
    found = {}
    for number, (name, type) in kind.fields.items():
        if name in values:
            value = values[name]
            if isinstance(type, Fields):
                value = numbered(type, value)
            elif isinstance(type, list) and isinstance(type[0], Fields):
                value = [numbered(type[0], each) for each in value]
            found[number] = value
    return found


@given(values)
def test_what_is_written_is_read_by_another_reader(values: dict[str, Any]) -> None:
    written = encode(KIND, values)
    reader = Reader(written)
    assert reader.struct() == numbered(KIND, values)
    assert reader.at == len(written)


@given(values, st.sets(st.sampled_from(sorted(KIND.names))))
def test_what_is_written_is_read_by_our_own(values: dict[str, Any], left_out: set[str]) -> None:
    given = {name: None if name in left_out else value for name, value in values.items()}
    reader = OwnReader(b"--" + encode(KIND, given) + b"--", 2)
    assert reader.struct(KIND) == {n: v for n, v in values.items() if n not in left_out}
    assert reader.at == 2 + len(encode(KIND, given))


def test_a_struct_that_is_encoded_already_is_taken_as_it_is() -> None:
    assert encode(KIND, {"inner": encode(INNER, {"i32": 7})}) == encode(KIND, {"inner": {"i32": 7}})


def test_a_field_that_there_is_none_of_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="Kind has no field i33"):
        encode(KIND, {"i33": 7})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", "it ends too early"),
        ("14", "it ends too early"),
        ("7500", "Kind has an unknown field, 7"),
        ("1502", "Kind has a field i16 of another type"),
        ("1402240200", "Kind has an unknown field, 3"),
        ("140204020200", "Kind has its field i16 out of order"),
        ("14ffff0700", "a number is too large for its type"),
        ("14" + "ff" * 10 + "00", "a number has too many digits"),
        ("68ff0a", "it ends too early"),
        ("b9f5ffffffff0f", "a list is longer than what is there"),
        ("b916020000", "a list has elements of another type"),
        ("e91100", "a truth value is neither true nor false"),
    ],
)
def test_what_is_damaged_is_a_thrift_error(data: str, words: str) -> None:
    with pytest.raises(ThriftError, match=words):
        OwnReader(bytes.fromhex(data)).struct(KIND)


@given(st.binary(max_size=200))
def test_nothing_else_comes_of_any_bytes(data: bytes) -> None:
    with contextlib.suppress(ThriftError):
        assert OwnReader(data).struct(FOOTER).keys() <= FOOTER.names
