"""Models and sites drawn for servers: a pure function of the seed, the tables and the index."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthpower import kernels
from synthpower.arrays import as_array, as_strings
from synthpower.errors import InputError, shown
from synthpower.fleet.serials import draw_serials
from synthpower.model.kinds import Location, ServerType
from synthpower.model.streams import LOCATION, SERVER_TYPE, stream_key


def draw_servers(
    count: int, seed: int, server_types: Sequence[ServerType], locations: Sequence[Location]
) -> pa.Table:
    """Return the table of servers 0 to `count` - 1.

    Raises
    ------
    InputError
        Where nothing can be drawn from the tables, or a product id has two models.
    """
    _check_products(server_types)
    types = [t for t in server_types if t.weight]
    sites = [site for site in locations if site.weight]
    if not types or not sites:
        raise InputError("server types and locations: one of each needs a weight above zero")
    kind = _choices(count, seed, SERVER_TYPE, [Fraction(t.weight) for t in types])
    site = _choices(count, seed, LOCATION, [Fraction(s.weight) for s in sites])
    return pa.table(
        {
            "sn": draw_serials(count, seed),
            "model": _chosen(kind, [t.model for t in types]),
            "product_id": _chosen(kind, [t.product_id for t in types]),
            "location": _chosen(site, [s.location for s in sites]),
        }
    )


def _check_products(server_types: Sequence[ServerType]) -> None:
    models: dict[str, str] = {}
    for t in server_types:
        if models.setdefault(t.product_id, t.model) != t.model:
            raise InputError(
                f"product id {shown(t.product_id)} has two models, "
                f"{shown(models[t.product_id])!r} and {shown(t.model)!r}",
                "server_types",
            )


def _choices(
    count: int, seed: int, purpose: bytes, weights: Sequence[Fraction]
) -> NDArray[np.int32]:
    """Choose for each server among alternatives of positive weights."""
    total = sum(weights)
    thresholds = []
    below = Fraction(0)
    for weight in weights[:-1]:
        below += weight
        thresholds.append(int(below / total * 2**64))
    out = np.empty(count, np.int32)
    key = np.uint64(stream_key(seed, purpose))
    kernels.fill_choices(0, key, np.array(thresholds, np.uint64), out)
    return out


def _chosen(choices: NDArray[np.int32], strings: Sequence[str]) -> pa.DictionaryArray:
    """Return the strings of choices; one of two alternatives is in the dictionary once."""
    codes = {string: code for code, string in enumerate(dict.fromkeys(strings))}
    indices = np.array([codes[string] for string in strings], np.int32)[choices]
    return pa.DictionaryArray.from_arrays(as_array(indices), as_strings(list(codes)))
