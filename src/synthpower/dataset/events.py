"""The truth beside readings that have faults: a table of the events, made from the specification.

It is part of no record: what a file of readings was made from says which events there are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from synthpower.dataset.layout import events_name
from synthpower.dataset.plan import Pieces, pieces_of
from synthpower.engine import Job
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.model.calendar import utc_text
from synthpower.model.specification import Specification
from synthpower.storage import Store, StreamStore

COLUMNS = ("sn", "location", "start_time", "end_time", "kind", "quantity")


def events_text(specification: Specification, fleet: Fleet) -> str:
    """Return the events that touch a file of readings, as CSV.

    An event has a row for each quantity that it changes and the file has; one row with none for
    an event in which all readings are absent. Those of a site have no serial number.
    """
    from synthpower.signals.load import LoadValues

    fleet = fleet.at(specification.location)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for sn, location, begin, end, kind, quantities in LoadValues(specification, fleet).events(
        specification.start
    ):
        for quantity in quantities:
            writer.writerow([sn, location, utc_text(begin), utc_text(end), kind, quantity])
    return out.getvalue()


def missing_events(jobs: Iterable[Job], fleet: Fleet, replace: bool) -> dict[str, Pieces]:
    """Return the files of events that are to be made beside files of readings.

    Raises
    ------
    InputError
        Where one is there that says something else, unless it may be replaced.
    """
    found: dict[str, Pieces] = {}
    for job in jobs:
        if not job.specification.faults or isinstance(job.store, StreamStore):
            continue
        name = events_name(job.name)
        text = events_text(job.specification, fleet)
        if (there := read_events(job.store, name)) == text.encode():
            continue
        if there is not None and not (replace or job.replace):
            raise InputError(
                f"{job.store.label(name)} exists, and it says other events; overwrite=True "
                f"replaces it"
            )
        found[name] = pieces_of(text)
    return found


def read_events(store: Store, name: str) -> bytes | None:
    """Return the bytes of a file of events, None where there is none."""
    if store.size(name) is None:
        return None
    with store.open(name) as file:
        return file.read()
