"""The kernels that put rows of CSV together."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from synthpower import kernels


@given(
    counts=st.lists(st.integers(0, 2**53), min_size=1, max_size=4),
    minimum=st.just(0) | st.integers(-(2**53), 2**20),
    decimals=st.integers(0, 22),
    heads=st.lists(st.binary(max_size=200), min_size=2, max_size=2),
    tails=st.lists(st.binary(max_size=100), min_size=2, max_size=2),
    with_start=st.booleans(),
    with_end=st.booleans(),
    render=st.sampled_from([kernels.render_decimal_rows, kernels.render_any_rows]),
)
def test_a_row_is_its_texts_and_the_count_as_a_decimal(
    counts: list[int],
    minimum: int,
    decimals: int,
    heads: list[bytes],
    tails: list[bytes],
    with_start: bool,
    with_end: bool,
    render: Any,
) -> None:
    def joined(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
        offsets = np.cumsum([0, *map(len, texts)], dtype=np.int32)
        return np.frombuffer(b"".join(texts) + bytes(kernels.PADDING), np.uint8), offsets

    times = np.empty((2, 1, kernels.SLOT), np.uint8)
    kernels.format_times(np.array([0, 3600]), times[:, 0])
    shape = 1, 2, 2
    counts = (counts * 4)[:4]
    minimum = 0 if render is kernels.render_decimal_rows else minimum
    size, out = np.empty(1, np.int64), np.empty(2000 + kernels.PADDING, np.uint8)
    render(
        *joined(heads), times, with_start, with_end, np.empty(0, np.uint8),
        np.array(counts).reshape(shape), np.full(2, decimals), np.ones(2),
        np.full(2, float(minimum)), kernels.powers_of_ten(), *joined(tails), size, out,
    )  # fmt: skip
    start, end = b"1970-01-01 00:00:00Z,", b"1970-01-01 01:00:00Z,"
    expected = b""
    for count, (head, tail) in zip(counts, product(heads, tails), strict=True):
        whole, rest = divmod(abs(count + minimum), 10**decimals)
        sign = "-" if count + minimum < 0 else ""
        number = sign + (f"{whole}.{rest:0{decimals}d}" if decimals else str(whole))
        expected += head + start * with_start + end * with_end + number.encode() + tail
    assert bytes(out[: size[0]]) == expected


@given(
    decimals=st.integers(0, kernels.NUMBER_DECIMALS),
    count=st.integers(1, 2**16),
    step=st.just(1) | st.sampled_from([60, 300, 3600]) | st.integers(1, 86_400),
    first=st.just(0) | st.integers(-70_000, 70_000),
)
@settings(max_examples=60)
def test_all_texts_of_few_counts_are_decimals_and_end_with_their_length(
    decimals: int, count: int, step: int, first: int
) -> None:
    decimals = min(decimals, kernels.NUMBER_DECIMALS - (first < 0))  # there is a sign
    out = kernels.count_texts(count, decimals, step, first)
    powers = {10**n // step + more for n in range(11) for more in (0, 1)}  # of one digit more
    ends = {first, first + 1, first + count // 2, first + count - 1, -1, 0, 1}
    for i in (ends | powers | {-power for power in powers}) & set(range(first, first + count)):
        text = bytes(out[i - first, : out[i - first, -1]]).decode()
        assert text == f"{Decimal(i * step).scaleb(-decimals):.{decimals}f}"
