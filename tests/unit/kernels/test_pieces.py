"""The kernels that put rows together from any pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower import kernels
from synthpower.kernels.pieces import A_NUMBER, OF_MEASUREMENT, OF_SERVER, OF_TIME

VARIANTS = [kernels.render_decimal_pieces, kernels.render_any_pieces]


def joined(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    return np.frombuffer(b"".join(texts) + bytes(kernels.PADDING), np.uint8), offsets


def times_of(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Return (segments, 1, 1) texts of times."""
    width = 32 * (-(-max(map(len, texts)) // 32) + 1)
    out = np.zeros((len(texts), 1, 1, width), np.uint8)
    for segment, text in zip(out, texts, strict=True):
        segment[0, 0, : len(text)] = np.frombuffer(text, np.uint8)
    return np.array([len(text) for text in texts], np.int32).reshape(-1, 1, 1), out


def absent_of(text: bytes) -> np.ndarray:
    out = np.zeros(kernels.NUMBER + kernels.PADDING, np.uint8)
    out[: len(text)] = np.frombuffer(text, np.uint8)
    out[kernels.NUMBER - 1] = len(text)
    return out


def arguments(**changes: Any) -> dict[str, Any]:
    """Return those of a row of a server, a time, a number and a measurement; two of each."""
    given = {
        "pieces": np.array(
            [
                (OF_SERVER, 0, 1, 0),
                (OF_TIME, 0, 1, 0),
                (A_NUMBER, 0, 0, 0),
                (OF_MEASUREMENT, 0, 1, 0),
            ]
        ),
        "server": joined([b"s1 ", b"s2 "]),
        "measurement": joined([b" a\n", b" b\n"]),
        "time": times_of([b"t "]),
        "numbers": np.empty(0, np.uint8),
        "absent": absent_of(b"-"),
        "counts": np.array([1, 22, -1, 4444]).reshape(1, 2, 2),
        "rows": 2,
        "decimals": np.array([[2, 0], [2, 0]]),
        "scales": np.ones(2),
        "minima": np.zeros(2),
        "powers": kernels.powers_of_ten(),
        "size": np.empty(1, np.int64),
        "out": np.empty(4000, np.uint8),
    }
    return given | changes


def rendered(render: Any = kernels.render_decimal_pieces, **changes: Any) -> bytes:
    given = arguments(**changes)
    flat = [x for a in given.values() for x in (a if isinstance(a, tuple) else (a,))]
    render(*flat)
    return bytes(given["out"][: given["size"][0]])


@pytest.mark.parametrize("render", VARIANTS)
def test_a_row_is_its_pieces_in_their_order(render: Any) -> None:
    rows = b"s1 t 0.01 a\ns1 t 22 b\ns2 t - a\ns2 t 4444 b\n"
    assert rendered(render) == rows
    turned = np.array([(OF_MEASUREMENT, 0, 1, 0), (A_NUMBER, 0, 0, 0), (OF_SERVER, 0, 1, 0)])
    assert rendered(render, pieces=turned) == b" a\n0.01s1  b\n22s1  a\n-s2  b\n4444s2 "


@pytest.mark.parametrize("render", VARIANTS)
def test_a_row_may_have_the_numbers_of_several_measurements(render: Any) -> None:
    pieces = np.array([(A_NUMBER, 1, 0, 0), (OF_MEASUREMENT, 0, 1, 0), (A_NUMBER, 0, 0, 0),
                       (OF_SERVER, 0, -1, 0)])  # fmt: skip
    made = rendered(render, pieces=pieces, rows=1, measurement=joined([b"|"]))
    assert made == b"22|0.01s1 4444|-s2 "


def test_known_numbers_are_copied() -> None:
    texts = np.concatenate([kernels.count_texts(30, 1).reshape(-1), absent_of(b"null")])
    made = rendered(
        kernels.render_known_pieces,
        numbers=texts,
        counts=np.array([1, 29, 30, 10]).reshape(1, 2, 2),
    )
    assert made == b"s1 t 0.1 a\ns1 t 2.9 b\ns2 t null a\ns2 t 1.0 b\n"


def test_a_number_is_a_double_or_a_float_as_its_piece_says() -> None:
    pieces = np.array([(A_NUMBER, 0, 0, 0), (OF_SERVER, 0, 1, 0), (A_NUMBER, 0, 0, 1),
                       (OF_MEASUREMENT, 0, 1, 0)])  # fmt: skip
    counts = np.array([2**52 + 1, 7, 2**52 + 1, 7]).reshape(1, 2, 2)
    made = rendered(
        kernels.render_any_pieces, pieces=pieces, counts=counts, scales=np.array([0.2, 1.0]),
        decimals=np.array([[-1, 1], [-2, 1]]), minima=np.array([-0.3, -3.0]),
    )  # fmt: skip
    value = float((2**52 + 1) / 2**53 * 0.2 + -0.3)
    first = f"{value!r}s1 {float(np.float32(value))!r} a\n"
    assert made.decode() == first + "0.4s1 0.4 b\n" + first.replace("s1", "s2") + "0.4s2 0.4 b\n"


@given(
    st.lists(st.binary(max_size=300), min_size=4, max_size=4),
    st.lists(st.binary(max_size=300), min_size=4, max_size=4),
    st.lists(st.binary(min_size=1, max_size=150), min_size=2, max_size=2),
)
def test_texts_of_any_length_are_whole(
    servers: list[bytes], measurements: list[bytes], times: list[bytes]
) -> None:
    def blocks(texts: list[bytes]) -> int:
        most = -(-max(map(len, texts)) // 32)
        return most if most <= 4 else -1

    layout = [(OF_TIME, 1, times), (OF_SERVER, 1, servers[1::2]), (OF_MEASUREMENT, 0, measurements[::2]),
              (OF_SERVER, 0, servers[::2]), (OF_TIME, 0, times), (OF_MEASUREMENT, 1, measurements[1::2])]  # fmt: skip
    pieces = [(kind, segment, blocks(texts), 0) for kind, segment, texts in layout]
    made = rendered(
        pieces=np.array([*pieces, (A_NUMBER, 0, 0, 0)]),
        server=joined(servers),
        measurement=joined(measurements),
        time=times_of(times),
        out=np.empty(9000, np.uint8),
    )
    numbers = [b"0.01", b"22", b"-", b"4444"]
    assert made == b"".join(
        times[1] + servers[2 * s + 1] + measurements[2 * m] + servers[2 * s] + times[0]
        + measurements[2 * m + 1] + numbers[2 * s + m]
        for s in range(2) for m in range(2)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"pieces": np.array([(OF_SERVER, 1, 1, 0)])}, "pieces has a segment 1 of kind 0"),
        ({"pieces": np.array([(OF_MEASUREMENT, -1, 1, 0)])}, "pieces has a segment -1 of kind 1"),
        ({"pieces": np.array([(OF_TIME, 1, 1, 0)])}, "pieces has a segment 1 of kind 2"),
        ({"pieces": np.array([(A_NUMBER, 1, 1, 0)])}, "pieces has a segment 1 of kind 3"),
        ({"pieces": np.array([(4, 0, 1, 0)])}, "pieces has a segment 0 of kind 4"),
        ({"pieces": np.array([(OF_SERVER, 0, 5, 0)])}, "pieces has 5 blocks in form 0"),
        ({"pieces": np.array([(OF_SERVER, 0, -2, 0)])}, "pieces has -2 blocks in form 0"),
        ({"pieces": np.array([(A_NUMBER, 0, 0, 2)])}, "pieces has 0 blocks in form 2"),
        ({"rows": 0}, "rows is 0; it must be 1 to 2"),
        ({"rows": 3}, "rows is 3; it must be 1 to 2"),
        ({"decimals": np.array([[2, 23], [2, 0]])}, "decimals must be -2 to 22"),
        ({"decimals": np.array([[2, -3], [2, 0]])}, "decimals must be -2 to 22"),
        ({"absent": np.full(kernels.NUMBER + kernels.PADDING, 16, np.uint8)}, "absent is too long"),
        ({"time": (np.full((1, 1, 1), -1, np.int32), np.zeros((1, 1, 1, 64), np.uint8))},
         "shorter than nothing"),
        ({"time": (np.full((1, 1, 1), 33, np.int32), np.zeros((1, 1, 1, 64), np.uint8))},
         "time_sizes has a text that is too long"),
        ({"time": (np.ones((1, 1, 3), np.int32), np.zeros((1, 1, 3, 64), np.uint8))},
         "time_texts is of 3 servers, not 1 or 2"),
        ({"out": np.empty(300, np.uint8)}, "out has 300 bytes; "),
        ({"server": (joined([b"a", b"b"])[0], np.array([0, 9, 2], np.int32))}, "server_offsets"),
        ({"measurement": (joined([b"a", b"b"])[0], np.array([0, 1, 999], np.int32))},
         "measurement_offsets"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("render", VARIANTS)
def test_what_could_leave_an_array_is_refused(
    render: Any, change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        rendered(render, **change)
