from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower import kernels

words = st.integers(0, 2**64 - 1)


@given(words, st.integers(1, 2**53 + 1))
def test_scaled_is_the_exact_product(draw: int, bound: int) -> None:
    assert int(kernels.scaled(np.uint64(draw), np.uint64(bound))) == draw * bound >> 64


@given(words, words, words)
def test_draws_are_the_references(reference: ModuleType, a: int, b: int, key: int) -> None:
    found = kernels.draws(np.uint64(a), np.uint64(b), np.uint64(key))
    assert tuple(map(int, found)) == reference.draws(a, b, key)


KEYS = np.random.default_rng(7).integers(0, 2**63, 2 * kernels.TILE + 1, np.uint64)
TIMES = np.array([0, 3600, 2**33])
TYPES = {"codes": np.uint16, "counts": np.int64, "wide_counts": np.int64}  # others are doubles


def drawn(signal: int, servers: int, streams: np.ndarray) -> np.ndarray:
    """Return the draws of (times, servers, measurements), by Philox in NumPy."""
    out = np.empty((TIMES.size, servers, streams.size), np.uint64)
    for t, time in enumerate(TIMES.astype(np.uint64)):
        for m, key in enumerate(streams):
            first, second = kernels.draws(KEYS[:servers], time, key)
            out[t, :, m] = first if signal == kernels.UNIFORM else np.minimum(first, second)
    return out


@pytest.mark.parametrize("servers", [1, 2, kernels.TILE - 1, kernels.TILE, 2 * kernels.TILE + 1])
@pytest.mark.parametrize("measurements", [1, 2, 3, 4, 5, 6, 7, 9])
@pytest.mark.parametrize(("signal", "kind"), kernels.FILLS)
def test_readings_are_what_philox_draws(
    signal: int, kind: str, measurements: int, servers: int
) -> None:
    streams = np.arange(100, 100 + measurements, dtype=np.uint64)
    bounds = 1000 + 31 * np.arange(measurements, dtype=np.uint64)
    if kind.startswith("wide"):
        bounds += np.uint64(2**52)
    scales = 10.0 ** np.arange(measurements)
    firsts = 5 * np.arange(measurements, dtype=np.uint64)
    minima = np.array([0.0, -7.0, -1e6, 12.0])[np.arange(measurements) % 4]
    if kind == "doubles":
        minima /= 3.0
    draws = drawn(signal, servers, streams)
    counts = draws >> np.uint64(11) if kind == "doubles" else kernels.scaled(draws, bounds)
    expected = {
        "decimals": (counts.astype(np.int64) + minima) / scales,
        "wide_decimals": (counts.astype(np.int64) + minima) / scales,
        "doubles": counts.astype(np.int64) * 2.0**-53 * scales + minima,
    }.get(kind, (counts + firsts).astype(np.int64))

    out = np.empty(draws.shape, TYPES.get(kind, np.float64))
    summary = kernels.new_summary(measurements)
    terms = firsts if kind in TYPES else scales
    fill = kernels.FILLS[signal, kind]
    given = KEYS[:servers], TIMES, np.array([streams, streams]), bounds, terms, summary, out
    fill(*given, minima=minima)
    assert (out == expected).all()
    for m in range(measurements):
        of_measurement = list(map(int, counts[:, :, m].reshape(-1)))
        least, greatest, low, high = map(int, summary[m])
        assert (least, greatest) == (min(of_measurement), max(of_measurement))
        assert low + (high << 32) == sum(of_measurement)


def test_a_measurement_can_be_filled_alone() -> None:
    streams = np.arange(6, dtype=np.uint64).reshape(2, 3) % np.uint64(3)
    bounds, scales = np.full(3, 1000, np.uint64), np.full(3, 10.0)
    out, some = np.empty((3, 700, 3)), np.full((3, 700, 3), -1.0)
    fill = kernels.fill_decimals
    fill(KEYS[:700], TIMES, streams, bounds, scales, kernels.new_summary(3), out)
    summary = kernels.new_summary(3)
    fill(KEYS[:700], TIMES, streams, bounds, scales, summary, some, columns=range(1, 2))
    assert (some[:, :, 1] == out[:, :, 1]).all()
    assert (some[:, :, ::2] == -1).all()
    assert (summary[::2] == kernels.new_summary(2)).all()


def test_a_summary_goes_on_where_it_was() -> None:
    streams = np.ones((2, 1), np.uint64)
    bounds, firsts = np.full(1, 1000, np.uint64), np.zeros(1, np.uint64)
    out, whole, parts = np.empty((3, 600, 1), np.uint16), *(kernels.new_summary(1) for _ in "12")
    kernels.fill_codes(KEYS[:600], TIMES, streams, bounds, firsts, whole, out)
    for begin, end in ((0, 100), (100, 600)):
        some = np.empty((3, end - begin, 1), np.uint16)
        kernels.fill_codes(KEYS[begin:end], TIMES, streams, bounds, firsts, parts, some)
    assert (whole == parts).all()


@pytest.mark.parametrize("kind", [np.uint16, np.int64])
@pytest.mark.parametrize("measurements", [1, 2, 3])
@pytest.mark.parametrize("servers", [1, 600, 2 * kernels.TILE + 1])
def test_late_times_are_what_philox_draws(
    kind: type[np.generic], measurements: int, servers: int
) -> None:
    step = 1 if kind == np.uint16 else 1_000_000
    firsts = np.array([0, 61, 122])
    out = np.empty((3, servers, measurements), kind)
    kernels.fill_late_times(KEYS[:servers], TIMES, 42, 60, firsts, step, out)
    draws = drawn(kernels.UNIFORM, servers, np.array([42], np.uint64))
    late = kernels.scaled(draws, np.uint64(61)).astype(np.int64)
    assert (out == firsts[:, np.newaxis, np.newaxis] + late * step).all()


@given(st.integers(1, 31), st.integers(1, 3), st.integers(0, 12), st.data())
def test_packed_indices_are_one_number_of_many_bits(
    bits: int, repeats: int, count: int, data: st.DataObject
) -> None:
    indices = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=count, max_size=count))
    out = np.full(-(-count * repeats * bits // 8) + 3, 255, np.uint8)
    kernels.pack_indices(np.array(indices, np.int32), repeats, bits, out)
    rows = [index for index in indices for _ in range(repeats)]
    expected = sum(index << (bits * row) for row, index in enumerate(rows))
    assert int.from_bytes(out.tobytes(), "little") == expected


@given(st.lists(st.text("0123456789AKZ", min_size=1, max_size=12)))
def test_serial_numbers_come_back_from_their_keys(texts: list[str]) -> None:
    data = np.frombuffer("".join(texts).encode() + b"-", np.uint8)
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int32)
    keys = np.empty(len(texts), np.uint64)
    kernels.fill_server_keys(data, offsets, keys)
    assert (keys > 0).all()
    assert [texts[i] for i in np.argsort(keys, kind="stable")] == sorted(texts)
    again, out = np.empty_like(offsets), np.empty(len(texts) * kernels.PACKED_LENGTH, np.uint8)
    kernels.put_serials(keys, again, out)
    assert (again == offsets).all()
    assert bytes(out[: offsets[-1]]).decode() == "".join(texts)


def test_texts_stand_behind_their_lengths() -> None:
    data = np.frombuffer(b"-abc" + b"x" * 300, np.uint8)
    out = np.empty(2 * 4 + 4 + 303, np.uint8)
    kernels.put_texts(data, np.array([1, 4, 4, 304], np.int32), out)
    expected = b"\3\0\0\0abc" + bytes(4) + (300).to_bytes(4, "little") + b"x" * 300
    assert out.tobytes() == expected


@given(st.lists(st.text(min_size=1, max_size=14), min_size=1))
def test_packed_keys_are_the_references_or_zero(reference: ModuleType, texts: list[str]) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    data = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, data)]).astype(np.int32)
    out = np.empty(len(texts), np.uint64)
    kernels.fill_server_keys(np.frombuffer(b"".join(data), np.uint8), offsets, out)
    for text, key in zip(texts, out.tolist(), strict=True):
        expected = reference.server_key(text)
        assert key == (expected if expected < 2**63 else 0)


@given(st.lists(st.text("0123456789ABCXYZ", min_size=1, max_size=12), min_size=2, unique=True))
def test_packed_keys_differ_and_order_as_bytes_do(texts: list[str]) -> None:
    texts = sorted(texts)
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int32)
    out = np.empty(len(texts), np.uint64)
    kernels.fill_server_keys(np.frombuffer("".join(texts).encode(), np.uint8), offsets, out)
    assert (out[1:] > out[:-1]).all()
