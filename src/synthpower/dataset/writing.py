"""A plan -> files: what is beside the readings, the readings, and the manifest all along."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

from synthpower.dataset.entries import PLANNED, entry_of
from synthpower.dataset.inventory import dataset_columns, dataset_measurements
from synthpower.dataset.layout import README
from synthpower.dataset.manifest import (
    VERSION,
    Manifest,
    ManifestLog,
    keep_seed,
    read_kept,
    read_manifest,
    write_manifest,
)
from synthpower.dataset.plan import Plan
from synthpower.dataset.planning import plan_request
from synthpower.dataset.prose import OwnTables
from synthpower.dataset.readme import with_commands
from synthpower.dataset.totals import with_totals
from synthpower.engine import Progress, Summary
from synthpower.errors import InputError, Notice
from synthpower.storage import Store, same_place

Finished = Callable[[Summary], None]
Runner = Callable[[Plan, Progress | None, Finished], list[Summary]]


def run_here(plan: Plan, progress: Progress | None, finished: Finished) -> list[Summary]:
    """Write the files of a plan in this process."""
    return plan.run.write(progress, finished)


def write_plan(
    plan: Plan,
    workers: int | None,
    progress: Progress | None,
    finished: Finished | None,
    run: Runner = run_here,
) -> list[Summary]:
    """Write what a plan says; see `Dataset.write`.

    The manifest, the tables, the events and README.md are written here, whoever writes the files
    of readings: `run` is given the plan, and calls `finished` with the summary of each file that
    is whole, on the thread that called it.
    """
    if plan.drawn_seed is not None and plan.request:
        kept = keep_seed(plan.store, plan.drawn_seed)
        if kept != plan.drawn_seed:  # another run has drawn one in the meantime
            request = replace(plan.request, seed=kept)
            again = plan_request(plan.store, plan.fleet, request, plan.workers)
            plan = replace(again, table=plan.table)
    plan.workers = plan.workers if workers is None else workers
    _prepare(plan)
    planned = {
        job.name: entry_of(job, plan.fleet, plan.expected.get(job.name), PLANNED)
        for job in plan.jobs
        if same_place(job.store, plan.store)
    }
    complete = {name: entry for name, entry in plan.complete.items() if entry}
    whole = with_totals(complete, plan.fleet, plan.workers)
    of_table = dict(whole)

    def keep(summary: Summary) -> None:
        if entry := planned.get(summary.name):
            of_table[summary.name] = entry.whole(summary.bytes, summary.totals)
            log.add(summary.name, of_table[summary.name])
        if finished:
            finished(summary)

    with ManifestLog(plan.store, planned, whole) as log:
        summaries = run(plan, progress, keep) if plan.jobs else []
    if planned or whole:
        try:
            _update_readme(plan.store)
        except (OSError, InputError) as error:  # of no file of readings, which are whole
            reason = f"{error.strerror}" if isinstance(error, OSError) else f"{error}"
            label = plan.store.label(README)
            warnings.warn(
                f"{label}: it does not show today's commands: {reason}", Notice, stacklevel=3
            )
    if plan.table:
        plan.table.add(of_table, plan.fleet)
    return summaries


def _prepare(plan: Plan) -> None:
    """Write what a plan has besides readings."""
    _ = plan.store.is_there()  # or could be
    plan.store.make()
    plan.check_room()
    plan.target.clear()
    for store, files, over in ((plan.store, plan.tables, False), (plan.target, plan.events, True)):
        for name, pieces in files.items():
            with store.create(name, replace=over) as sink:
                for piece in pieces():
                    sink.write(piece)
    if plan.kept:
        with plan.store.lock():
            known = read_kept(plan.store)
            kept = Manifest(**plan.kept, files=known.files)
            if replace(kept, version=known.version) != known or known.version != VERSION:
                write_manifest(plan.store, kept)


def _update_readme(store: Store) -> None:
    """Have README.md show the commands that made the dataset, where it is one of ours."""
    with store.lock():
        manifest = read_manifest(store)
        if manifest.inventory is None or store.size(README) is None:
            return
        with store.open(README) as file:
            text = file.read().decode("utf-8", "surrogateescape")
        own = OwnTables(dataset_measurements(store), dataset_columns(store))
        new = with_commands(text, manifest, own)
        if new != text:
            with store.create(README, replace=True) as sink:
                sink.write(new.encode("utf-8", "surrogateescape"))
