"""A request -> a plan: what has to be written; nothing is."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from synthpower.dataset.entries import Entry, complete_entry
from synthpower.dataset.events import missing_events
from synthpower.dataset.inventory import dataset_columns, dataset_measurements, dataset_seed
from synthpower.dataset.lake.table import LakeTable
from synthpower.dataset.layout import INVENTORY, OURS, README, parse_data_name
from synthpower.dataset.manifest import read_manifest
from synthpower.dataset.paths import check_different
from synthpower.dataset.plan import Plan
from synthpower.dataset.request import Request
from synthpower.engine import Job, checked_workers
from synthpower.errors import InputError, Notice
from synthpower.fleet.fleet import Fleet
from synthpower.formats import suffix_of
from synthpower.formats.text.row import pattern_columns
from synthpower.model.columns import COLUMNS as DEFAULT_COLUMNS
from synthpower.model.columns import Column
from synthpower.model.specification import Specification
from synthpower.model.streams import draw_seed
from synthpower.signals import completed
from synthpower.storage import Store, StreamStore, address, locate, same_place
from synthpower.tables import COLUMNS


def plan_request(store: Store, fleet: Fleet, request: Request, workers: int | None) -> Plan:
    """Return what has to be written for a request; see `Dataset.plan`."""
    checked_workers(workers)
    format, options = request.form()
    request.dates()
    measurements = (
        dataset_measurements(store) if request.measurements is None else request.measurements
    )
    seed = dataset_seed(store) if request.seed is None else request.seed
    drawn = None
    if seed is None:
        seed = drawn = draw_seed()
    target, output = locate(request.output) if request.output else (store, None)
    manifest = read_manifest(store)
    jobs = []
    columns = _columns(store, request)
    with _blamed(store, request):
        specified = [
            completed(given, fleet.at(given.location))
            for given in request.specifications(measurements, seed, columns, fleet)
        ]
    for made in specified:
        name = output or request.name(made, suffix_of(format.name, options.compression))
        specification = made
        if target is store:
            specification = _as_recorded(made, manifest.entry(name))
        _check_name(store, request, target, name, specification.name)
        jobs.append(Job(specification, target, name, format, options, request.overwrite))
    check_different([job.name for job in jobs])
    table = None
    if request.table and request.root:
        table = LakeTable(store, request.table, request.root, jobs[0])
    drawn_servers = (manifest.inventory or {}).get("servers", len(fleet))
    if drawn_servers != len(fleet):
        warnings.warn(
            f"{store.label(INVENTORY)} has {len(fleet):,} servers, and {drawn_servers:,} "
            f"were drawn: {README} is of those; an inventory of your own needs a directory of "
            f"its own",
            Notice,
            stacklevel=3,
        )
    complete: dict[str, Entry | None] = {}
    for job in jobs if not request.overwrite else ():
        size = job.store.size(job.name)
        if size is not None:
            from synthpower.dataset.complete import check_complete

            own = same_place(job.store, store)
            entry = manifest.entry(job.name) if own else None
            try:
                check_complete(job, fleet, entry, workers)
            except InputError:
                if drawn is None or dataset_seed(store) is None:
                    raise
                return plan_request(store, fleet, request, workers)  # another run drew one
            complete[job.name] = complete_entry(job, fleet, size, entry) if own else None
    missing = [job for job in jobs if job.name not in complete]
    return Plan(
        store,
        fleet,
        missing,
        complete,
        events=missing_events(jobs, fleet, request.overwrite) if request.faults else {},
        request=request,
        drawn_seed=drawn,
        workers=workers,
        table=table,
    )


@contextmanager
def _blamed(own: Store, request: Request) -> Iterator[None]:
    """Say of columns that cannot be where they were named, if not as an argument."""
    try:
        yield
    except InputError as error:
        if error.argument != "columns" or request.columns is not None:
            raise
        if request.row is not None:
            raise InputError(str(error), "row") from None
        raise InputError(f"{own.label(COLUMNS)}: {error}") from None


def _columns(store: Store, request: Request) -> tuple[Column, ...]:
    """Return the columns of the files."""
    if request.row is None:
        if request.columns is not None:
            return request.columns
        return dataset_columns(store) or DEFAULT_COLUMNS
    if request.columns is not None:
        raise InputError("a pattern says what a row has; give one of them", "columns")
    return pattern_columns(request.row)


def _check_name(own: Store, request: Request, target: Store, name: str, stem: str) -> None:
    """Raise `InputError` where a file cannot have its name, or it is that of other readings."""
    argument = "output" if request.output else "path" if request.path else "directory"
    target.check(name, argument)
    if argument == "directory" or isinstance(target, StreamStore):
        return
    given = request.output or name
    if request.output and address(target, name) in {address(own, ours) for ours in OURS}:
        raise InputError(f"{given} is part of the dataset; choose another name", argument)
    of_another = (said := parse_data_name(name)) and said.stem != stem
    if of_another and same_place(target, own):
        raise InputError(
            f"{given} is the name of other readings of the dataset than {stem}; "
            f"choose another name",
            argument,
        )


def _as_recorded(specification: Specification, entry: Entry | None) -> Specification:
    """Return a specification with the local times of the file that there is, or is planned.

    This machine may know the rules of time zones otherwise than the one that began it.
    """
    if entry is None or not specification.offsets:
        return specification
    with suppress(InputError):  # of an entry that makes no sense
        recorded, _ = entry.parse()
        if replace(specification, offsets=recorded.offsets) == recorded:
            return recorded
    return specification
