from __future__ import annotations

from itertools import product
from types import ModuleType

from hypothesis import given
from hypothesis import strategies as st

from synthpower.model import streams

PURPOSES = (
    streams.VALUE,
    streams.FUZZ,
    streams.SERIAL,
    streams.SERVER_TYPE,
    streams.LOCATION,
    streams.CUSTOMER_ID,
    streams.SERVER,
)


def test_no_two_purposes_seeds_or_names_share_a_key() -> None:
    cases = list(product((0, 1, 2**63 - 1), PURPOSES, ("", "a", "b", "ab")))
    assert len({streams.stream_key(*case) for case in cases}) == len(cases)


def test_no_purpose_can_be_mistaken_for_another_with_a_message() -> None:
    assert all(b"\0" not in purpose for purpose in PURPOSES)
    assert len(set(PURPOSES)) == len(PURPOSES)


@given(st.integers(0, 2**63 - 1), st.text())
def test_keys_are_the_references(reference: ModuleType, seed: int, name: str) -> None:
    name = name.encode("utf-8", "replace").decode()
    assert streams.stream_key(seed, streams.VALUE, name) == reference.stream_key(
        seed, "value", name
    )


def test_customer_id_is_32_lower_case_hex_digits() -> None:
    found = streams.customer_id(7)
    assert len(found) == 32
    assert set(found) <= set("0123456789abcdef")


def test_drawn_seeds_differ_and_stay_below_2_to_the_53() -> None:
    seeds = {streams.draw_seed() for _ in range(100)}
    assert len(seeds) == 100
    assert max(seeds) < 2**53
