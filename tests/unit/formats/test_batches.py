from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import COLUMNS, CPU, POWER, doubles

from synthpower import Inventory, Measurement, Specification
from synthpower.formats.buffers import Buffers
from synthpower.formats.text_batches import TextBatches, _double_strings
from synthpower.model.columns import END_COLUMNS


def batches(*measurements: Measurement, chunk_rows: int = 1000, **changes: object) -> TextBatches:
    spec = Specification("2023-02-27", measurements or (CPU, POWER), 1, **changes)
    return TextBatches(spec, Inventory.generate(20, seed=1), chunk_rows)


def test_columns_are_the_contracts_in_order() -> None:
    made = batches()
    assert made.schema.names == COLUMNS
    assert next(made.grid.chunks()) and made.batch(next(made.grid.chunks())).schema == made.schema


def test_without_the_start_there_is_no_start_time() -> None:
    made = batches(columns=END_COLUMNS)
    assert made.schema.names == [c for c in COLUMNS if c != "start_time"]
    chunk = next(made.grid.chunks())
    assert made.text_batch(chunk).schema.names == made.schema.names


def test_templates_are_shared_by_all_batches() -> None:
    made = batches(chunk_rows=80)
    first, second, *_ = (made.batch(chunk) for chunk in made.grid.chunks())
    for name in ("sn", "model", "product_id", "location", "unit", "name"):
        indices = [b[name].indices.buffers()[1].address for b in (first, second)]
        strings = [b[name].dictionary.buffers()[2].address for b in (first, second)]
        assert indices[0] == indices[1]
        assert strings[0] == strings[1]


def test_given_buffers_are_filled_and_not_copied() -> None:
    made = batches(chunk_rows=80, fuzz=5)
    buffers = Buffers()
    addresses = {
        made.batch(chunk, buffers)["measurement_value"].buffers()[1].address
        for chunk in made.grid.chunks()
    }
    assert len(addresses) == 1


def test_no_dictionary_has_a_duplicate() -> None:
    # Two measurements of one unit, two product ids of one model: Parquet writers fall back to
    # plain strings where a dictionary repeats itself.
    made = batches(POWER, Measurement("other power", "W", Decimal(1), 2))
    batch = made.batch(next(made.grid.chunks()))
    for name in ("sn", "model", "product_id", "location", "unit", "name"):
        texts = batch[name].dictionary.to_pylist()
        assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("decimals", range(23))
def test_csv_has_exactly_the_measurements_decimals(decimals: int) -> None:
    scale = Decimal(12345).scaleb(-decimals)
    made = batches(Measurement("m", "W", scale, decimals))
    chunk = next(made.grid.chunks())
    values = made.batch(chunk)["measurement_value"].to_pylist()
    texts = [format(t, "f") if isinstance(t, Decimal) else t
             for t in made.text_batch(chunk)["measurement_value"].to_pylist()]  # fmt: skip
    assert [float(text) for text in texts] == values
    assert {len(text.partition(".")[2]) for text in texts} == {decimals}
    assert all("e" not in text.lower() for text in texts)


@pytest.mark.parametrize("decimals", range(23))
def test_csv_of_a_negative_minimum_has_no_zero_with_a_sign(decimals: int) -> None:
    few = Decimal(3).scaleb(-decimals)
    made = batches(Measurement("m", "W", few, decimals, minimum=-few))
    chunk = next(made.grid.chunks())
    values = made.batch(chunk)["measurement_value"].to_pylist()
    texts = [format(t, "f") if isinstance(t, Decimal) else t
             for t in made.text_batch(chunk)["measurement_value"].to_pylist()]  # fmt: skip
    assert set(texts) == {f"{Decimal(n).scaleb(-decimals):.{decimals}f}" for n in range(-3, 4)}
    assert [float(text).hex() for text in texts] == [value.hex() for value in values]


def test_measurements_of_different_decimals_stand_side_by_side() -> None:
    table = [Measurement(str(d), "W", Decimal(300), d) for d in (0, 2, 9, None)]
    made = batches(*table)
    chunk = next(made.grid.chunks())
    texts = made.text_batch(chunk)["measurement_value"].to_pylist()
    values = made.batch(chunk)["measurement_value"].to_pylist()
    assert list(map(float, texts)) == values
    assert [len(text.partition(".")[2]) for text in texts[:3]] == [0, 2, 9]
    assert texts[3::4] == list(map(repr, values[3::4]))


@given(st.lists(doubles, min_size=1))
def test_doubles_are_text_as_repr_writes_them(values: list[float]) -> None:
    assert _double_strings(np.array(values)).to_pylist() == list(map(repr, values))


def test_doubles_around_every_power_of_ten_are_text_as_repr_writes_them() -> None:
    values = [0.0, 5e-324, math.ulp(0.0), 1.7976931348623157e308]
    for power in range(-323, 309):
        x = float(f"1e{power}")
        values += [
            x,
            math.nextafter(x, 0),
            math.nextafter(x, math.inf),
            1.5 * x if power < 308 else x,
        ]
    assert _double_strings(np.array(values)).to_pylist() == list(map(repr, values))


def test_random_doubles_are_text_as_repr_writes_them() -> None:
    values = np.random.default_rng(1).random(200_000) * 600 - 300
    assert _double_strings(values).to_pylist() == list(map(repr, values.tolist()))
