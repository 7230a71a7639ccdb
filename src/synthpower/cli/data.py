"""``synthpower data``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from synthpower.cli.common import announce_compiling, title_of
from synthpower.cli.terminal import counted, progress_bar, say, size_text
from synthpower.errors import InputError

if TYPE_CHECKING:
    from synthpower.dataset.dataset import Dataset
    from synthpower.dataset.lake.table import LakeTable
    from synthpower.dataset.plan import Plan
    from synthpower.dataset.request import Request
    from synthpower.engine import Summary
    from synthpower.model.columns import Column

_NOMINAL_DISK = 10**9  # bytes a second


def run(args: argparse.Namespace) -> None:
    """Make the readings of an inventory."""
    started = time.perf_counter()
    announce_compiling(args)
    from synthpower.dataset.dataset import Dataset

    request = _request(args)
    dataset = Dataset.open(args.directory)
    if args.end and dataset.columns() is not None:
        raise InputError(
            "the directory's columns.csv says which columns there are; leave start_time out there",
            "end",
        )
    plan = dataset.plan(request, args.workers)
    if plan.complete:
        say(f"{title_of(list(plan.complete))}  already complete", args.quiet)
    if args.dry_run:
        if plan.jobs:
            print(_described(plan))
            plan.check_room()
        elif plan.table:
            print(_described_table(plan.table))
        return
    if plan.jobs or plan.complete:
        write(args, dataset, plan, started)


def _request(args: argparse.Namespace) -> Request:
    from synthpower.dataset.request import Request
    from synthpower.tables import read_faults, read_measurements

    if args.bare_interval and args.end:
        raise InputError(
            "without a number it asks for start and end times, but --end for end times only; "
            "give one of them",
            "interval",
        )
    for option in ("columns", "row"):
        if args.end and getattr(args, option):
            raise InputError(f"--{option} says what a row has; give one of them", "end")
    return Request(
        date=args.date,
        days=args.days,
        interval=args.interval,
        fuzz=args.fuzz,
        columns=_columns(args),
        signal=args.signal,
        measurements=read_measurements(args.measurements) if args.measurements else None,
        faults=read_faults(args.faults) if args.faults else (),
        seed=args.seed,
        part=args.shard,
        format=args.format,
        compression=args.compression,
        delimiter=args.delimiter,
        header=args.header,
        row=args.row,
        row_group_rows=args.row_group_rows,
        implementation=args.writer,
        output=args.output,
        path=args.path,
        table=args.table,
        overwrite=args.overwrite,
    )


def _columns(args: argparse.Namespace) -> tuple[Column, ...] | None:
    from synthpower.dataset.request import END_COLUMNS
    from synthpower.tables import read_columns

    if args.columns:
        return read_columns(args.columns)
    return END_COLUMNS if args.end else None


def write(args: argparse.Namespace, dataset: Dataset, plan: Plan, started: float) -> None:
    """Write what is planned, with a progress bar, and say what was written."""
    labels = plan.labels
    names = [f"{counted(len(labels), 'file')}"] if len(labels) != 1 else labels
    done = 0

    def whole(_: object) -> None:
        nonlocal done
        done += 1

    try:
        with progress_bar(names[0], plan.rows if plan.jobs else None, args.quiet) as progress:
            summaries = dataset.write(plan, args.workers, progress, whole)
    except KeyboardInterrupt:
        what = f"{done:,} of {counted(len(labels), 'file')} written"
        raise KeyboardInterrupt(f"interrupted; {what}: the same command goes on") from None
    if summaries:
        _say_written(args, plan, summaries, started)
    else:
        if plan.events:
            say(f"{title_of(list(plan.events))}  made", args.quiet)
        if plan.jobs:  # another run has made them in the meantime
            say(f"{title_of(labels)}  already complete", args.quiet)
    if plan.table and plan.table.added:
        added = counted(plan.table.added, "file")
        say(f"{plan.table.label}  {added} added to {plan.table.title}", args.quiet)


def _say_written(
    args: argparse.Namespace, plan: Plan, summaries: Sequence[Summary], started: float
) -> None:
    seconds = time.perf_counter() - started
    seeds = sorted({summary.seed for summary in summaries})
    say(
        f"{title_of(plan.labels)}  {sum(s.rows for s in summaries):,} rows  "
        f"{size_text(sum(s.bytes for s in summaries))}  {seconds:.1f} s  "
        f"{f'seed {seeds[0]}' if len(seeds) == 1 else f'{len(seeds)} seeds'} (UTC)",
        args.quiet,
    )


def _described(plan: Plan) -> str:
    size, seconds = plan.size, plan.run.seconds()
    disk = size.bytes / _NOMINAL_DISK
    lines = [
        f"files  {title_of(plan.labels)}",
        f"rows   {plan.rows:,}",
        f"bytes  {size.certainty} {size.bytes:,} ({size_text(size.bytes)})",
        f"time   about {seconds:.1f} s to compute with {counted(plan.run.workers, 'thread')}; "
        f"{disk:.1f} s to write at 1 GB/s",
    ]
    free = plan.free
    if free is not None:
        lines.append(f"free   {free:,} ({size_text(free)})")
    if plan.table:
        lines.append(_described_table(plan.table))
    return "\n".join(lines)


def _described_table(table: LakeTable) -> str:
    return f"table  {table.label}, {table.title}{'' if table.there else ' to be made'}"
