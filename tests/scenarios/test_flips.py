"""No flipped bit gets more than a line, and none that changes what is read is passed: some of
those of flips.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from long.flips import KINDS, Tally, hunt

pytestmark = pytest.mark.slow

STRIDES = {"csv": 97}  # every how many bits; primes, so that each bit of a byte has its turn


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_found_or_changes_nothing(tmp_path: Path, kind: str) -> None:
    tally = Tally()
    for found in hunt(tmp_path, kind, ("verify", "data", "remake"), STRIDES.get(kind, 509)):
        tally.add(found)
    assert not tally.wrong
    assert sum(tally.counts[f"verify, {kind}"].values()) > 20
