"""What a kernel refuses before it runs, and what it says then."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from synthpower import kernels
from synthpower.jit import kernel
from synthpower.jit.signature import parse_argument


def test_arrays_with_gaps_and_outputs_that_may_not_be_written_are_refused() -> None:
    times = np.arange(6)
    out = np.zeros((6, kernels.SLOT), np.uint8)
    with pytest.raises(ValueError, match="format_times: times is not contiguous"):
        kernels.format_times(times[::2], out)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="format_times: out is read-only"):
        kernels.format_times(times, out)
    offsets = np.frombuffer(bytes(8), np.int32)
    with pytest.raises(ValueError, match="put_serials: offsets is read-only"):
        kernels.put_serials(np.ones(1, np.uint64), offsets, np.empty(24, np.uint8))


def test_numbers_are_whole_and_fit_and_none_is_missing() -> None:
    prefixes, out = np.full((1, 3), 65, np.uint8), np.empty((2, 1, 10), np.uint8)
    with pytest.raises(TypeError):
        kernels.fill_serials(0.5, np.uint64(1), prefixes, out[0])
    with pytest.raises(OverflowError, match="fill_serials: first is 9223372036854775808"):
        kernels.fill_serials(2**63, np.uint64(1), prefixes, out[0])
    with pytest.raises(TypeError, match="fill_serials takes 4 arguments, not 2"):
        kernels.fill_serials(0, np.uint64(1))
    kernels.fill_serials(0, np.uint64(2**64 - 1), prefixes, out[0])
    kernels.fill_serials(np.array(0), np.array(2**64 - 1, np.uint64)[()], prefixes, out[1])
    assert (out[0] == out[1]).all()


PAIRS, COLUMN = kernels.fill_decimals
NAME = "fill_uniform_decimals_pairs"


def readings(**changed: Any) -> dict[str, Any]:
    """Return arguments of `PAIRS` for 2 times, 4 servers and 3 measurements."""
    return {
        "server_keys": np.arange(4, dtype=np.uint64),
        "times": np.arange(2),
        "stream_keys": np.arange(6, dtype=np.uint64).reshape(2, 3),
        "bounds": np.full(3, 10, np.uint64),
        "terms": np.ones(3),
        "minima": np.zeros(3),
        "scratch": np.empty((2, kernels.TILE)),
        "summary": kernels.new_summary(3),
        "out": np.zeros(24),
    } | changed


def test_arguments_may_be_named() -> None:
    first, second = readings(), readings()
    PAIRS(*first.values())
    PAIRS(**dict(reversed(second.items())))
    assert (first["out"] == second["out"]).all()


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("server_keys", np.arange(4), TypeError),
        ("server_keys", [1, 2, 3, 4], TypeError),
        ("server_keys", np.zeros((4, 1), np.uint64), ValueError),
        ("terms", np.ones(3, np.float32), TypeError),
        ("terms", np.ones(3, ">f8"), TypeError),
        ("terms", np.ones(2), ValueError),
        ("scratch", np.empty((2, kernels.TILE - 1)), ValueError),
        ("summary", np.zeros((3, 3), np.uint64), ValueError),
        ("summary", np.zeros((4, 4), np.uint64), ValueError),
        ("out", np.empty((6, 4)), ValueError),
        ("out", np.empty(48)[::2], ValueError),
        ("out", np.frombuffer(bytes(24 * 8)), ValueError),
        ("out", np.frombuffer(bytes(24 * 8 + 1), np.uint8)[1:].view(float), ValueError),
    ],
)
def test_an_argument_of_another_type_or_size_is_refused_by_name(
    name: str, value: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match=f"{NAME}: {name} "):
        PAIRS(**readings(**{name: value}))


def test_a_size_that_disagrees_is_shown_with_what_it_must_be() -> None:
    with pytest.raises(ValueError, match="terms") as found:
        PAIRS(**readings(terms=np.ones(2)))
    assert str(found.value) == (
        f"{NAME}: terms is of shape (2,), where measurements is 3; it must be float64[measurements]"
    )


def test_readings_that_do_not_fit_are_not_filled() -> None:
    with pytest.raises(ValueError, match=f"{NAME}: out has 23 cells, not 24"):
        PAIRS(**readings(out=np.empty(23)))


@pytest.mark.parametrize(
    ("column", "error", "words"),
    [(3, ValueError, "column is 3"), (-1, ValueError, "column is -1"),
     ("1", TypeError, "column is str"), (2**63, OverflowError, "column is 9223372036854775808")],
)  # fmt: skip
def test_a_column_that_there_is_not_is_not_filled(
    column: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=f"fill_uniform_decimals_column: {words}"):
        COLUMN(**readings(column=column))


def test_late_times_that_do_not_fit_are_not_filled() -> None:
    arguments = np.arange(4, dtype=np.uint64), np.arange(2), 1, 5, np.arange(2), 1
    with pytest.raises(ValueError, match="fill_late_seconds: out has 9 cells, no multiple of 8"):
        kernels.fill_late_times(*arguments, np.empty((3, 3), np.int64))


def offsets(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def test_texts_that_do_not_fit_are_not_put() -> None:
    data = np.zeros(10, np.uint8)
    kernels.put_texts(data, offsets(0, 4, 10), np.empty(18, np.uint8))
    for wrong, size in (
        (offsets(0, 4, 10), 17),  # room for one byte less
        (offsets(0, 4, 11), 99),  # beyond the data
        (offsets(-1, 4, 10), 99),
        (offsets(0, 11, 10), 99),  # descending
        (offsets(), 99),
    ):
        with pytest.raises(ValueError, match="put_texts: "):
            kernels.put_texts(data, wrong, np.empty(size, np.uint8))


def test_indices_that_do_not_fit_are_not_packed() -> None:
    indices = np.zeros(5, np.int32)
    kernels.pack_indices(indices, 3, 7, np.empty(14, np.uint8))
    with pytest.raises(ValueError, match="pack_indices: out has 13 bytes; 14 are needed"):
        kernels.pack_indices(indices, 3, 7, np.empty(13, np.uint8))
    with pytest.raises(ValueError, match="pack_indices: bits is 32"):
        kernels.pack_indices(indices, 3, 32, np.empty(99, np.uint8))


def test_serial_numbers_need_room_for_the_longest() -> None:
    keys = np.full(2, 37**11, np.uint64)
    kernels.put_serials(keys, np.empty(3, np.int32), np.empty(24, np.uint8))
    with pytest.raises(ValueError, match="put_serials: out has 23 bytes; 24 are needed"):
        kernels.put_serials(keys, np.empty(3, np.int32), np.empty(23, np.uint8))
    with pytest.raises(ValueError, match="put_serials: offsets"):
        kernels.put_serials(keys, np.empty(2, np.int32), np.empty(24, np.uint8))


def test_serial_numbers_beyond_the_data_are_not_read() -> None:
    with pytest.raises(ValueError, match="fill_server_keys: offsets goes from 0 to 7, of 6 bytes"):
        kernels.fill_server_keys(np.zeros(6, np.uint8), offsets(0, 7), np.empty(1, np.uint64))


@pytest.mark.parametrize("value", [-np.inf, np.inf, np.nan])
def test_doubles_that_have_no_decimals_are_not_formatted(value: float) -> None:
    out = np.empty((1, kernels.LONGEST_NUMBER), np.uint8)
    with pytest.raises(ValueError, match="format_doubles: values"):
        kernels.format_doubles(np.array([value]).view(np.uint64), kernels.powers_of_ten(), out)


def rows(**changed: Any) -> dict[str, Any]:
    """Return arguments of `render_any_rows` for 1 time, 2 servers and 1 measurement, and no room over."""
    needed = 2 * (3 + 42 + kernels.LONGEST_NUMBER + 1) + kernels.PADDING
    times = np.empty((2, 1, kernels.SLOT), np.uint8)
    kernels.format_times(np.array([0, 3600]), times[:, 0])
    return {
        "server_texts": np.full(6 + kernels.PADDING, 65, np.uint8),
        "server_offsets": offsets(0, 3, 6),
        "time_texts": times,
        "with_start": True,
        "with_end": True,
        "numbers": np.empty(0, np.uint8),
        "counts": np.zeros((1, 2, 1), np.int64),
        "decimals": np.array([2]),
        "scales": np.ones(1),
        "minima": np.zeros(1),
        "powers": kernels.powers_of_ten(),
        "tails": np.full(1 + kernels.PADDING, 10, np.uint8),
        "tail_offsets": offsets(0, 1),
        "size": np.empty(1, np.int64),
        "out": np.empty(needed, np.uint8),
    } | changed


def test_rows_that_may_not_fit_are_not_rendered() -> None:
    right = rows()
    kernels.render_any_rows(**right)
    text = "AAA1970-01-01 00:00:00Z,1970-01-01 01:00:00Z,0.00\n"
    assert right["out"][: right["size"][0]].tobytes().decode() == 2 * text
    room = right["out"].size - 1
    for changed, words in (
        ({"out": np.empty(room, np.uint8)}, f"out has {room} bytes"),
        ({"server_offsets": offsets(0, 3, 7)}, "out has"),
        ({"server_offsets": offsets(1, 3, 7)}, "server_offsets goes from 1 to 7, of 6 bytes"),
        ({"server_offsets": offsets(0, 9, 6)}, "server_offsets descends"),
        ({"tail_offsets": offsets(1, 2)}, "tail_offsets goes"),
        ({"decimals": np.array([23])}, "decimals must be -1 to 22"),
        ({"time_texts": np.empty((2, 3, kernels.SLOT), np.uint8)}, "time_texts is of 3 servers"),
        ({"time_texts": np.empty((1, 1, kernels.SLOT), np.uint8)}, "counts is of shape"),
    ):
        with pytest.raises(ValueError, match=f"render_any_rows: {words}"):
            kernels.render_any_rows(**rows(**changed))


def test_doubles_are_not_rendered_as_decimals() -> None:
    with pytest.raises(ValueError, match="render_decimal_rows: decimals must be 0 to 22"):
        kernels.render_decimal_rows(**rows(decimals=np.array([-1])))


@pytest.mark.parametrize(
    "text", ["int32", "float64", "out int64", "uint8[n - 1]", "uint8[", "x[n]"]
)
def test_what_declares_no_argument_is_refused(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        parse_argument("values", text)


def test_arguments_are_declared_in_their_order() -> None:
    with pytest.raises(TypeError, match="double: other arguments are declared: out, values"):

        @kernel(out="out float64[n]", values="float64[n]")
        def double(values: Any, out: Any) -> None: ...


def test_a_kernel_shows_its_arguments() -> None:
    assert repr(kernels.format_times) == (
        "<kernel synthpower.kernels.times.format_times(times: int64[times], out: out uint8[times, 32])>"
    )


@pytest.mark.parametrize("function", [PAIRS, COLUMN, kernels.render_any_rows, kernels.draws])
def test_kernels_are_pickled_by_name(function: Any) -> None:
    assert pickle.loads(pickle.dumps(function)) is function
