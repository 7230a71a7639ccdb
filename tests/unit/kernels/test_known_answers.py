"""The reference, and the kernels, against answers that strangers published or a hand worked."""

from __future__ import annotations

import hashlib
from types import ModuleType

import numpy as np
import pytest

from synthpower import kernels

# Random123 1.14, tests/kat_vectors: philox4x32, 10 rounds: counter, key, answer.
PHILOX = [
    (
        (0, 0, 0, 0),
        (0, 0),
        (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8),
    ),
    (
        (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
    ),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "answer"), PHILOX)
def test_reference_gives_random123s_answers(
    reference: ModuleType, counter: tuple[int, ...], key: tuple[int, ...], answer: tuple[int, ...]
) -> None:
    assert reference.philox4x32(counter, key) == answer


@pytest.mark.parametrize(("counter", "key", "answer"), PHILOX)
def test_kernel_gives_random123s_answers(
    counter: tuple[int, ...], key: tuple[int, ...], answer: tuple[int, ...]
) -> None:
    words = [np.uint64(word) for word in (*counter, *key)]
    assert kernels.philox4x32(*words) == answer


def test_blake2b_is_rfc_7693s() -> None:
    # RFC 7693, appendix A: BLAKE2b-512 of "abc".
    assert hashlib.blake2b(b"abc").hexdigest().startswith("ba80a53f981c4d0d6a2797b69f12f6e9")


def test_a_serial_number_packs_as_worked_by_hand(reference: ModuleType) -> None:
    # "1A": digits 2 and 11 in base 37, then ten zeros.
    assert reference.server_key("1A") == (2 * 37 + 11) * 37**10


def test_a_count_is_the_draws_share_of_the_scale(reference: ModuleType) -> None:
    # Half of 2**64 is the middle of the 30,001 counts of server power.
    assert reference.scaled(2**63, 30_001) == 15_000
    assert reference.scaled(2**64 - 1, 30_001) == 30_000
    assert reference.scaled(0, 30_001) == 0


def test_a_cell_as_worked_by_hand(reference: ModuleType) -> None:
    # Server "0": key digit 1, then zeros: 37**11. Time 0. Each step here is written out anew.
    power = reference.Measurement("server power", "W", "300", "2")
    message = b"value\0" + (1).to_bytes(8, "little") + b"server power"
    key = hashlib.blake2b(message, digest_size=8, person=b"synthpower").digest()
    k0, k1 = int.from_bytes(key[:4], "little"), int.from_bytes(key[4:], "little")
    low, high = 37**11 & 0xFFFFFFFF, 37**11 >> 32
    x0, x1, _, _ = reference.philox4x32((low, high, 0, 0), (k0, k1))
    count = ((x0 << 32 | x1) * 30_001) >> 64
    assert reference.value("0", 0, power, 1, "uniform") == (count, count / 100)


def test_cells_stay_what_they_were(reference: ModuleType) -> None:
    # Model version 1: these never change.
    power = reference.Measurement("server power", "W", "300", "2")
    full = reference.Measurement("server power", "W", "300")
    time = 1_677_456_000
    assert reference.serial_number(0, 8123) == "2M2545GJ9G"
    assert reference.customer_id(8123) == "de5a412011b562a954c8f94e89b19a0a"
    assert reference.value("CZJ1234567", time, power, 8123, "uniform")[0] == 7720
    assert reference.value("CZJ1234567", time, power, 8123, "triangular")[0] == 7720
    assert reference.value("CZJ1234567", time, full, 8123, "uniform")[1] == 77.2056427288521
    assert reference.value("long serial number", time, power, 8123, "uniform")[0] == 22614
    assert reference.late("CZJ1234567", time, 8123, 60) - time == 22
