"""Is a file that is there already whole, and the one that is wanted."""

from __future__ import annotations

from synthpower.dataset.compare import compare
from synthpower.dataset.entries import Entry, record_of
from synthpower.engine import Job, checked_workers
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.formats.compressed import as_text
from synthpower.model.description import difference

REPLACE = "overwrite=True replaces it"


def check_complete(
    job: Job, fleet: Fleet, entry: Entry | None, workers: int | None = None, advice: str = REPLACE
) -> None:
    """See that a job's file, which is there already, is whole and of the same specification.

    By what it says of itself and by its size; a file that says nothing, and of which the manifest
    says nothing either, is compared whole.

    Raises
    ------
    InputError
        Where it is another, with `advice` at its end.
    """
    try:
        _check(job, fleet.at(job.specification.location), entry, checked_workers(workers))
    except InputError as error:
        raise InputError(f"{job.label} exists, and {error}; {advice}") from None
    except OSError as error:
        reason = f"it cannot be read: {error.strerror}"
        raise InputError(f"{job.label} exists, and {reason}; {advice}") from None


def _check(job: Job, fleet: Fleet, entry: Entry | None, workers: int) -> None:
    record = record_of(job.specification, fleet)
    listed = entry is not None and entry.bytes is not None and not difference(entry.record, record)
    with job.store.open(job.name) as file:
        own = job.format.provenance(file)
    if own:
        if differing := difference(own.record, record):
            raise InputError(f"it was made from {differing}")
        for word, found, wanted in job.options.differences(own.options):
            raise InputError(f"its {word} is {found}, not {wanted}")
    elif listed and entry:
        if entry.format != job.format.name:
            raise InputError(f"its format is {entry.format}, not {job.format.name}")
        for word, found, wanted in job.options.recorded(job.format).differences(entry.options):
            raise InputError(f"its {word} is {found}, not {wanted}")
    else:
        # A run may have been killed before its file came into the manifest.
        files, options = as_text(job.store, job.format, job.options)
        writer = job.format.writer(job.specification, fleet, options)
        mismatch, _ = compare(files, job.name, writer, job.specification, workers)
        if mismatch:
            if entry and (differing := difference(entry.record, record)):
                raise InputError(f"it was made from {differing}")
            made_from = (job.specification, fleet, options)
            finding = job.format.explain(files, job.name, made_from, mismatch)
            raise InputError(f"it is not what would be made: {finding.detail}")
    size = job.store.size(job.name)
    if entry and listed and entry.bytes != size:
        raise InputError(f"it is not whole: {size:,} bytes, not {entry.bytes:,}")
