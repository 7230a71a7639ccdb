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

from synthpower.version import __version__

if TYPE_CHECKING:
    from synthpower.dataset.check import Check
    from synthpower.dataset.dataset import Dataset
    from synthpower.dataset.inventory import Inventory
    from synthpower.dataset.plan import Plan
    from synthpower.dataset.request import Request
    from synthpower.engine import Summary
    from synthpower.errors import InputError, Notice
    from synthpower.model.columns import COLUMNS, FIELDS, Column
    from synthpower.model.faults import Fault
    from synthpower.model.grid import Part
    from synthpower.model.kinds import Location, ServerType
    from synthpower.model.measurement import Measurement
    from synthpower.model.specification import Specification
    from synthpower.readings import Readings
    from synthpower.scheduling import array_part
    from synthpower.tables import (
        read_faults,
        read_locations,
        read_measurements,
        read_server_types,
    )

_HOMES = {
    "COLUMNS": "model.columns",
    "Check": "dataset.check",
    "Column": "model.columns",
    "Dataset": "dataset.dataset",
    "FIELDS": "model.columns",
    "Fault": "model.faults",
    "InputError": "errors",
    "Inventory": "dataset.inventory",
    "Location": "model.kinds",
    "Measurement": "model.measurement",
    "Notice": "errors",
    "Part": "model.grid",
    "Plan": "dataset.plan",
    "Readings": "readings",
    "Request": "dataset.request",
    "ServerType": "model.kinds",
    "Specification": "model.specification",
    "Summary": "engine",
    "array_part": "scheduling",
    "read_faults": "tables",
    "read_locations": "tables",
    "read_measurements": "tables",
    "read_server_types": "tables",
}

__all__ = [
    "COLUMNS",
    "FIELDS",
    "Check",
    "Column",
    "Dataset",
    "Fault",
    "InputError",
    "Inventory",
    "Location",
    "Measurement",
    "Notice",
    "Part",
    "Plan",
    "Readings",
    "Request",
    "ServerType",
    "Specification",
    "Summary",
    "__version__",
    "array_part",
    "read_faults",
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
