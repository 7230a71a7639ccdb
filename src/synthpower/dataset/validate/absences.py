"""Which readings may be absent: those of servers that were off, by the file of events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synthpower.arrays import as_numpy, as_strings
from synthpower.dataset.layout import events_name
from synthpower.dataset.validate.cells import Numbers
from synthpower.dataset.validate.known import Known
from synthpower.dataset.validate.texts import Flags, plain_texts
from synthpower.errors import InputError, shown
from synthpower.model.calendar import parse_utc
from synthpower.tables.reader import at_line, read_rows

_NEEDED = ("location", "start_time", "end_time", "kind")
_OPTIONAL = ("sn", "quantity")
_SPAN = 2**39  # seconds: more than there are to the year 9999


class Absences:
    """The times at which servers were off.

    Parameters
    ----------
    known : Known
    paths : tuple of Path
        Files of readings; each may have a file of events beside it.

    Raises
    ------
    InputError
        Naming file and line, where a file of events is none.
    """

    def __init__(self, known: Known, paths: tuple[Path, ...]) -> None:
        self._known = known
        spans = [span for path in dict.fromkeys(map(_events_of, paths)) for span in self._of(path)]
        servers, begins, ends = np.array(spans, np.int64).reshape(-1, 3).T
        order = np.lexsort((begins, servers))
        self._begins = (servers * _SPAN + begins)[order]
        # Events may overlap: of all that began before, the latest end counts.
        self._ends = np.maximum.accumulate((servers * _SPAN + ends)[order])

    def _of(self, path: Path) -> Iterator[tuple[int, int, int]]:
        """Yield the server, beginning and end of what a file of events says is absent."""
        if not path.is_file():
            return
        for line, row in read_rows(path, _NEEDED, _OPTIONAL):
            with at_line(path, line):
                begin, end = _time(row, "start_time"), _time(row, "end_time")
                if row["kind"] == "off":
                    for server in self._servers(row.get("sn", ""), row["location"]):
                        yield server, begin, end

    def _servers(self, sn: str, location: str) -> list[int]:
        if sn:
            servers = self._known.find_sn(plain_texts(as_strings([sn]))).tolist()
        else:
            sites = self._known.sites
            names: list[str] = sites.dictionary.to_pylist()
            if location not in names:
                raise InputError(f"location {shown(location)!r}: no server is there")
            servers = np.flatnonzero(as_numpy(sites.indices) == names.index(location)).tolist()
        if -1 in servers:
            raise InputError(f"serial number {shown(sn)!r}: there is no such server")
        return list(servers)

    def cover(self, servers: Numbers, starts: NDArray[np.int64]) -> Flags:
        """Return which readings begin while their server is off."""
        if not self._begins.size:
            return np.zeros(servers.size, np.bool_)
        at = servers * _SPAN + starts
        last = np.searchsorted(self._begins, at, side="right") - 1
        covered: Flags = (last >= 0) & (self._ends[last] > at) & (servers >= 0)
        return covered


def _time(row: Mapping[str, str], column: str) -> int:
    try:
        return parse_utc(row[column])
    except ValueError:
        raise InputError(
            f"{column} {shown(row[column])!r}: write it as 2023-02-27 00:00:00Z"
        ) from None


def _events_of(path: Path) -> Path:
    beside = path.with_name(events_name(path.name))
    hidden = path.with_name(f"_{beside.name}")  # as it is in a folder
    return hidden if hidden.exists() else beside
