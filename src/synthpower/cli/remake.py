"""``synthpower remake``."""

from __future__ import annotations

import argparse
import time

from synthpower.cli.common import announce_compiling, title_of
from synthpower.cli.data import write
from synthpower.cli.terminal import say
from synthpower.errors import InputError


def run(args: argparse.Namespace) -> None:
    """Make again what is missing of a dataset."""
    started = time.perf_counter()
    announce_compiling(args)
    from synthpower.dataset.dataset import Dataset
    from synthpower.dataset.manifest import place_of
    from synthpower.storage import kind_of

    kind = kind_of(args.path)
    if kind == "directory":
        dataset, name = Dataset.open(args.path), None
    else:
        if not kind:
            raise InputError(
                f"{args.path}: no such file or directory; name a dataset's, or a Parquet or Arrow "
                f"file"
            )
        if args.directory is None:
            raise InputError(
                "it is needed where PATH is a file, which is made again there", "directory"
            )
        store, name = place_of(args.path)
        dataset = Dataset(store)
    plan = dataset.rebuild(args.directory, name, args.workers)
    if plan.complete:
        say(f"{title_of(list(plan.complete))}  already complete", args.quiet)
    write(args, dataset, plan, started)
    if plan.tables:
        say(f"{', '.join(plan.tables)}  made", args.quiet)
    others = plan.of_other_sizes()
    if others:
        say(
            f"{title_of(others)}  of another size than before: by another version, or library?",
            args.quiet,
        )
