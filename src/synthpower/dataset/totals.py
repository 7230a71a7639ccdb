"""What a dataset's readings come to."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from synthpower.dataset.entries import Entry
from synthpower.dataset.servers import is_of
from synthpower.engine import add_up
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.signals.totals import totals_by_name


def with_totals(
    entries: Mapping[str, Entry], fleet: Fleet, workers: int | None = None
) -> dict[str, Entry]:
    """Return entries of files that are there, with their totals where these were not recorded.

    Such are files of earlier versions, and those of a run that was killed before it had recorded
    them: so its manifest does not differ from that of one that was not.
    """
    found = dict(entries)
    for name, entry in entries.items():
        if entry.totals is None:
            with suppress(InputError):  # `verify` says why
                if is_of(fleet, entry):
                    specification, _ = entry.parse()
                    servers = fleet.at(specification.location)
                    (sums,) = add_up([specification], servers, workers=workers)
                    totals = totals_by_name(specification, sums.get((0, 0)))
                    found[name] = entry.with_totals(totals)
    return found
