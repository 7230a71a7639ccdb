from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from synthpower.kernels import load_tables as tables


def test_traits_by_mean_are_the_references(load_reference: ModuleType) -> None:
    entries = [load_reference.by_mean(i).values() for i in range(4096)]
    assert tables.BY_MEAN.T.tolist() == [list(entry) for entry in entries]


def test_skewed_numbers_and_those_of_on_and_off_are_the_references(
    load_reference: ModuleType,
) -> None:
    expected = [of(i) for of in (load_reference.skew, load_reference.on_off) for i in range(4096)]
    assert tables.SKEW.tolist() == expected


@pytest.mark.parametrize("first", [0, 4096])
def test_skewed_numbers_are_1_in_the_mean(first: int) -> None:
    assert abs(tables.SKEW[first : first + 4096].mean() / tables.ONE - 1) < 0.002


def test_profiles_are_the_references(load_reference: ModuleType) -> None:
    assert tables.PROFILE.tolist() == [
        [load_reference.profile_factor(profile, quarter) for quarter in range(tables.QUARTERS)]
        for profile in range(tables.PROFILES)
    ]


def test_shapes_and_slopes_are_the_references(load_reference: ModuleType) -> None:
    pairs = [load_reference.shape_and_slope(curve) for curve in tables.CURVES]
    assert tables.SHAPE.tolist() == [share for shape, _ in pairs for share in shape]
    assert tables.SLOPE.tolist() == [step for _, slope in pairs for step in slope]


def test_a_curve_rises_from_idle_to_all_of_its_range() -> None:
    shapes = tables.SHAPE.reshape(-1, tables.CURVE_SIZE)
    assert (shapes[:, 0] == 0).all()
    assert (shapes[:, -1] == tables.FULL).all()
    assert (np.diff(shapes, axis=1) > 0).all()


def test_ranges_of_power_are_the_references(load_reference: ModuleType) -> None:
    expected = [
        load_reference.curve_range(load_reference.Facts(curve, int(sockets), "", ""))
        for curve in tables.CURVES
        for sockets in tables.SOCKETS
    ]
    assert list(zip(tables.IDLE.tolist(), tables.MAXIMUM.tolist(), strict=True)) == expected


def test_textures_are_the_references(load_reference: ModuleType) -> None:
    assert tables.TEXTURE.tolist() == load_reference.TEXTURE
    assert tables.TEXTURE_SUMS.tolist() == load_reference.SUMS


def test_a_texture_sums_to_zero() -> None:
    """So the average of a slot is its own CPU."""
    assert (tables.TEXTURE.sum(axis=1) == 0).all()
    assert (tables.TEXTURE_SUMS[:, [0, -1]] == 0).all()


def test_the_extremes_of_a_texture_are_those_of_its_ticks(load_reference: ModuleType) -> None:
    assert tables.TEXTURE_LEAST.tolist() == [min(ticks) for ticks in load_reference.TEXTURE]
    assert tables.TEXTURE_MOST.tolist() == [max(ticks) for ticks in load_reference.TEXTURE]


def test_products_of_textures_fit_into_32_bits() -> None:
    """What part_of_slot multiplies: half of the CPU at most, and ten times a texture's sum."""
    assert (tables.FULL // 2) * 10 * int(np.abs(tables.TEXTURE_SUMS).max()) < 2**31


def test_tables_are_numbers_of_32_bits_in_one_piece() -> None:
    """As kernels read them: a table of another type would be compiled into other arithmetic."""
    for name, table in vars(tables).items():
        if isinstance(table, np.ndarray):
            assert table.dtype == np.int32, name
            assert table.flags.c_contiguous, name
