"""``--table``: the Parquet files of a dataset as a Delta or an Iceberg table, as they are.

The files are written as ever; when they are whole, a table's log is told of them, with what is
known of them already: rows, bytes, minima and maxima. A kind of table is one file and one line
here. Importing this needs none of the libraries, which `find_log` does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from synthpower.errors import InputError, one_line, shown

if TYPE_CHECKING:
    from synthpower.dataset.lake.files import Log


class Lake(NamedTuple):
    """A kind of table.

    Attributes
    ----------
    title : str
        What such a table is called.
    log : str
        Where its log is, below the folder of the files.
    where : str
        The class that reads and writes the log.
    """

    title: str
    log: str
    where: str


LAKES = {
    "delta": Lake("a Delta table", "_delta_log", "synthpower.dataset.lake.delta:DeltaLog"),
    "iceberg": Lake("an Iceberg table", "metadata", "synthpower.dataset.lake.iceberg:IcebergLog"),
}
ROOT = "readings"  # the folder of a table's files, where no path says another


def find_log(name: str) -> type[Log]:
    """Return what reads and writes the log of such a table.

    Raises
    ------
    InputError
        Where there is no such kind, or its library is missing.
    """
    if name not in LAKES:
        raise InputError(f"{shown(name)!r}: choose {' or '.join(LAKES)}", "table")
    module, _, attribute = LAKES[name].where.partition(":")
    try:
        found: type[Log] = getattr(import_module(module), attribute)
    except ImportError as error:
        advice = f"pip install 'synthpower[{name}]'"
        raise InputError(f"{name}: {one_line(error)}; {advice}", "table") from None
    return found
