"""synthpower: synthetic data-centre power telemetry, fast and repeatable.

>>> from synthpower import Inventory, Readings
>>> inventory = Inventory.generate(1000, seed=1)
>>> readings = Readings(inventory, "2023-02-27")
>>> readings.num_rows
48000

The names are imported when they are first used: a command line that needs no
arrays starts without NumPy, Numba and pyarrow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthpower.catalog import (
        Location,
        Measurement,
        ServerType,
        read_locations,
        read_measurements,
        read_server_types,
    )
    from synthpower.errors import InputError
    from synthpower.generate import Summary
    from synthpower.inventory import Inventory
    from synthpower.readings import Readings
    from synthpower.specification import Specification

__version__ = "0.1.0"

_HOMES = {
    "InputError": "errors",
    "Inventory": "inventory",
    "Location": "catalog",
    "Measurement": "catalog",
    "Readings": "readings",
    "ServerType": "catalog",
    "Specification": "specification",
    "Summary": "generate",
    "read_locations": "catalog",
    "read_measurements": "catalog",
    "read_server_types": "catalog",
}

__all__ = [
    "InputError",
    "Inventory",
    "Location",
    "Measurement",
    "Readings",
    "ServerType",
    "Specification",
    "Summary",
    "__version__",
    "read_locations",
    "read_measurements",
    "read_server_types",
]


def __getattr__(name: str) -> object:
    if home := _HOMES.get(name):
        return getattr(import_module(f"synthpower.{home}"), name)
    raise AttributeError(f"module 'synthpower' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
