from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
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


@pytest.mark.parametrize("servers", [1, kernels.TILE - 1, kernels.TILE, 2 * kernels.TILE + 1])
def test_values_and_counts_agree_at_the_edges_of_a_tile(servers: int) -> None:
    keys = np.arange(1, servers + 1, dtype=np.uint64)
    times = np.array([0, 2**33])
    streams = np.array([1, 2, 3], np.uint64)
    bounds = np.array([10, 30_001, 2**53 + 1], np.uint64)
    scratch = np.empty(kernels.TILE, np.uint64)
    firsts = np.array([0, 1, 2], np.uint64)
    counts = np.full((2, servers, 3), -1)
    values = np.full((2, servers, 3), np.nan)
    for signal in (kernels.UNIFORM, kernels.TRIANGULAR):
        common = (keys, times, streams, signal, bounds)
        of_counts, of_values = np.array([[[2**64 - 1, 0]] * 3] * 2, np.uint64)
        kernels.fill_counts(*common, firsts, scratch, of_counts, counts)
        scales = np.array([10.0, 100.0, 1.0])
        kernels.fill_values(*common, scales, scratch, of_values, values)
        counts -= np.array([0, 1, 2])
        assert (of_counts == of_values).all()
        for m in range(3):
            ends = [int(draw) * int(bounds[m]) >> 64 for draw in of_counts[m]]
            assert ends == [counts[:, :, m].min(), counts[:, :, m].max()]
        assert (counts >= 0).all()
        assert (counts < bounds.astype(np.int64)).all()
        assert (values == counts / scales).all()


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
    again, out = np.empty_like(offsets), np.empty(data.size + kernels.PACKED_LENGTH, np.uint8)
    kernels.put_serials(keys, again, out)
    assert (again == offsets).all()
    assert bytes(out[: offsets[-1]]).decode() == "".join(texts)


def test_texts_stand_behind_their_lengths() -> None:
    data = np.frombuffer(b"-abc" + b"x" * 300, np.uint8)
    out = np.empty(2 * 4 + 4 + 303, np.uint8)
    kernels.put_texts(data, np.array([1, 4, 4, 304], np.int32), out)
    expected = b"\3\0\0\0abc" + bytes(4) + (300).to_bytes(4, "little") + b"x" * 300
    assert out.tobytes() == expected


def test_the_kernels_of_different_signals_differ() -> None:
    keys, times = np.arange(1000, dtype=np.uint64), np.array([0])
    parameters = (np.array([1], np.uint64), np.array([1000], np.uint64))
    scratch = np.empty(kernels.TILE, np.uint64)
    uniform, triangular = np.empty((2, 1, 1000, 1), np.int64)
    for signal, out in ((kernels.UNIFORM, uniform), (kernels.TRIANGULAR, triangular)):
        extremes = np.array([[2**64 - 1, 0]], np.uint64)
        firsts = np.zeros(1, np.uint64)
        kernels.fill_counts(
            keys, times, parameters[0], signal, parameters[1], firsts, scratch, extremes, out
        )
    assert (triangular <= uniform).all()
    assert 400 < (triangular < uniform).sum() < 600


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


SCRIPT = """
from synthpower import Inventory, Readings
readings = Readings(Inventory.generate(5, seed=3), "2023-02-27T05", interval=900, fuzz=7,
                    signal="triangular")
for row in readings.to_table().to_pylist():
    print(*row.values())
"""


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )


def test_without_the_jit_the_values_are_the_same() -> None:
    assert run(SCRIPT, NUMBA_DISABLE_JIT="1").stdout == run(SCRIPT).stdout


def test_with_no_place_to_cache_the_kernels_compile_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    script = "from synthpower import kernels; print(kernels.CACHE_PROBLEM)\n" + SCRIPT
    found = run(script, NUMBA_CACHE_DIR=str(tmp_path / "file")).stdout
    problem, _, rows = found.partition("\n")
    assert str(tmp_path / "file") in problem
    assert rows == run(SCRIPT).stdout


IMPORTED = SCRIPT + "import sys; print(*{'numba'} & set(sys.modules))\n"


def test_machine_code_is_kept_and_numba_left_alone_the_next_time(tmp_path: Path) -> None:
    first = run(IMPORTED, NUMBA_CACHE_DIR=str(tmp_path)).stdout.splitlines()
    second = run(IMPORTED, NUMBA_CACHE_DIR=str(tmp_path)).stdout.splitlines()
    assert (first.pop(), second.pop()) == ("numba", "")
    assert first == second
    (folder,) = tmp_path.iterdir()
    assert folder.name.startswith("kernels-")
    assert {file.name.partition("-")[0] for file in folder.iterdir()} == {
        "fill_serials", "fill_choices", "fill_server_keys", "put_serials",
        "fill_values", "fill_late_times",
    }  # fmt: skip


def test_spoilt_machine_code_is_made_again(tmp_path: Path) -> None:
    expected = run(SCRIPT, NUMBA_CACHE_DIR=str(tmp_path)).stdout
    (folder,) = tmp_path.iterdir()
    for number, file in enumerate(sorted(folder.iterdir())):
        data = bytearray(file.read_bytes())
        data[len(data) * number // 6] ^= 1
        file.write_bytes(data[: -1 if number == 5 else None])
    assert run(SCRIPT, NUMBA_CACHE_DIR=str(tmp_path)).stdout == expected


def test_another_processor_has_machine_code_of_its_own(tmp_path: Path) -> None:
    for cpu in ("x86-64", "generic"):
        run(SCRIPT, NUMBA_CACHE_DIR=str(tmp_path), NUMBA_CPU_NAME=cpu)
    (folder,) = tmp_path.iterdir()
    assert len(list(folder.iterdir())) == 2 * 6


def test_numba_works_beside_machine_code_that_was_loaded_without_it() -> None:
    script = (
        SCRIPT
        + """
import numba, numpy as np
@numba.njit
def largest(n):
    if n < 1:
        raise ValueError("nothing there")
    return [np.arange(n).max()]
print(largest(5))
try:
    largest(0)
except ValueError as error:
    print(error)
"""
    )
    run(SCRIPT)
    assert run(script).stdout.splitlines()[-2:] == ["[4]", "nothing there"]


def test_inlined_functions_serve_in_compiled_ones() -> None:
    script = """
import numba, numpy as np
from synthpower import kernels
draws = kernels.draws.dispatcher
@numba.njit
def first(a, b, key):
    return draws(a, b, key)[0]
a, b, key = map(np.uint64, (2**63 + 1, 7, 2**40 - 1))
assert first(a, b, key) == kernels.draws(a, b, key)[0]
"""
    run(script)


def test_arrays_with_gaps_and_outputs_that_may_not_be_written_are_refused() -> None:
    times = np.arange(6)
    out = np.zeros((6, kernels.SLOT), np.uint8)
    with pytest.raises(ValueError, match="format_times takes contiguous arrays"):
        kernels.format_times(times[::2], out)
    out.flags.writeable = False
    with pytest.raises(ValueError, match="format_times writes argument 2, which is read-only"):
        kernels.format_times(times, out)
    offsets = np.frombuffer(bytes(8), np.int32)
    with pytest.raises(ValueError, match="put_serials writes argument 2"):
        kernels.put_serials(np.ones(1, np.uint64), offsets, np.empty(24, np.uint8))


def test_numbers_are_whole_and_fit_and_none_is_missing() -> None:
    prefixes, out = np.full((1, 3), 65, np.uint8), np.empty((2, 1, 10), np.uint8)
    with pytest.raises(TypeError):
        kernels.fill_serials(0.5, np.uint64(1), prefixes, out[0])
    with pytest.raises(OverflowError, match="more than 64 bits"):
        kernels.fill_serials(2**63, np.uint64(1), prefixes, out[0])
    with pytest.raises(TypeError, match="fill_serials takes 4 arguments, not 2"):
        kernels.fill_serials(0, np.uint64(1))
    kernels.fill_serials(0, np.uint64(2**64 - 1), prefixes, out[0])
    kernels.fill_serials(np.array(0), np.array(2**64 - 1, np.uint64)[()], prefixes, out[1])
    assert (out[0] == out[1]).all()


def test_machine_code_that_may_only_be_read_is_used(tmp_path: Path) -> None:
    run(SCRIPT, NUMBA_CACHE_DIR=str(tmp_path))
    script = "import os; os.access = lambda *_: False\n" + IMPORTED
    assert run(script, NUMBA_CACHE_DIR=str(tmp_path)).stdout.splitlines()[-1] == ""
