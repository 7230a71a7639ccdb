"""``synthpower inventory``."""

from __future__ import annotations

import argparse
import time

from synthpower.cli.common import announce_compiling
from synthpower.cli.terminal import say, size_text


def run(args: argparse.Namespace) -> None:
    """Make an inventory of servers."""
    started = time.perf_counter()
    announce_compiling(args)
    from synthpower.dataset.create import check_new_dataset
    from synthpower.dataset.inventory import Inventory
    from synthpower.storage import open_store
    from synthpower.tables import (
        read_columns,
        read_locations,
        read_measurements,
        read_server_types,
    )

    server_types = read_server_types(args.server_types)
    locations = read_locations(args.locations)
    measurements = read_measurements(args.measurements)
    columns = read_columns(args.columns) if args.columns else None
    store = open_store(args.directory)
    check_new_dataset(store, args.overwrite)
    inventory = Inventory.generate(args.count, args.seed, server_types, locations)
    size = inventory.write(store, measurements, args.overwrite, columns)
    seconds = time.perf_counter() - started
    say(
        f"inventory.csv  {args.count:,} servers  {size_text(size)}  {seconds:.1f} s  "
        f"seed {inventory.seed}",
        args.quiet,
    )
