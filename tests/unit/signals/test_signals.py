from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support import POWER, limits_of, specified

from synthpower import InputError, Inventory
from synthpower.model.description import describe
from synthpower.signals import SIGNALS, find_signal


def test_an_unknown_signal_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match="'sine': choose uniform, triangular, load") as found:
        find_signal("sine")
    assert found.value.argument == "signal"


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_has_the_name_that_it_is_found_by(name: str) -> None:
    assert find_signal(name).name == name


@pytest.mark.parametrize("name", ["uniform", "triangular"])
def test_what_a_signal_ignores_is_not_in_its_record(name: str) -> None:
    """So that files have the bytes that they had before there were quantities."""
    fleet, signal = Inventory.generate(7, seed=1), find_signal(name)
    plain = specified(signal=name)
    known = replace(
        plain,
        measurements=(replace(POWER, quantity="power"),),
        offsets=(("Europe/Berlin", ((0, 3600),)),),
    )
    record = describe(signal.complete(known, fleet), fleet.record(signal.facts))
    assert record == describe(plain, fleet.record())
    assert record["format_version"] == 1


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("chunk_rows", [1, 3, 40])
def test_counts_and_values_do_not_depend_on_the_chunks(name: str, chunk_rows: int) -> None:
    fleet, given = (
        Inventory.generate(7, seed=1),
        specified(
            date="2023-02-27T05", interval=900, measurements=(replace(POWER, quantity="power"),)
        ),
    )
    signal = find_signal(name)
    spec = signal.complete(given, fleet)
    evaluator = signal.bind(spec, fleet)
    made = []
    for rows in (chunk_rows, 1000):
        grid = spec.grid(len(fleet), rows)
        found = []
        for chunk in grid.chunks():
            counts, values = np.empty(grid.shape(chunk), np.int64), np.empty(grid.shape(chunk))
            totals = evaluator.counts(chunk, spec.start, np.zeros(1, np.uint64), counts)
            assert evaluator.values(chunk, spec.start, values).exact() == totals.exact()
            assert (values.min(), values.max()) == limits_of(totals)
            assert (values == counts / 100).all()
            found += values.ravel().tolist()
        made.append(found)
    assert made[0] == made[1]
