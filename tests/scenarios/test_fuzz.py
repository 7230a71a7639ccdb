"""Bad input gets one line, whatever it is: some of the cases of fuzz.py."""

from __future__ import annotations

import pytest
from long.fuzz import case

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("first", range(0, 3000, 500))
def test_bad_input_gets_one_line_and_writes_nothing(first: int) -> None:
    for seed in range(first, first + 500):
        kind, wrong = case(seed)
        assert not wrong, f"{kind}: {wrong}"


# Each was found by the long run, and mended.
@pytest.mark.parametrize(
    "seed",
    [
        4026,  # the manifest names a file whose name is too long
        16948,  # a product id of 70,000 characters in the error message
    ],
)
def test_what_was_found_stays_mended(seed: int) -> None:
    kind, wrong = case(seed)
    assert not wrong, f"{kind}: {wrong}"
