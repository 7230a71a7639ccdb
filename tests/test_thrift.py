from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from thrift_reader import Reader

from synthpower.writers.thrift import Struct, varint


@pytest.mark.parametrize(
    ("number", "data"), [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02")]
)
def test_varint_has_seven_bits_a_byte(number: int, data: str) -> None:
    assert varint(number).hex() == data


@given(
    st.integers(-(2**15), 2**15 - 1),
    st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1),
    st.binary(),
    st.lists(st.integers(-(2**31), 2**31 - 1), max_size=40),
    st.lists(st.binary(max_size=200), max_size=20),
    st.lists(st.booleans(), max_size=20),
)
def test_what_is_written_is_read(
    i16: int, i32: int, i64: int, binary: bytes, ints: list[int], texts: list[bytes], bits: list
) -> None:
    inner = Struct().i32(3, i32)
    written = bytes(
        Struct()
        .i16(1, i16)
        .true(2)
        .i64(5, i64)
        .binary(6, binary)
        .struct(9, inner)
        .structs(10, [inner, Struct()])
        .i32s(11, ints)
        .i64s(12, ints)
        .binaries(13, texts)
        .booleans(14, bits)
    )
    reader = Reader(written)
    assert reader.struct() == {
        1: i16, 2: True, 5: i64, 6: binary, 9: {3: i32}, 10: [{3: i32}, {}],
        11: ints, 12: ints, 13: texts, 14: bits,
    }  # fmt: skip
    assert reader.at == len(written)
