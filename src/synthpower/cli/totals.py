"""``synthpower totals``."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from synthpower.cli.common import announce_compiling, folders_of
from synthpower.cli.terminal import counted, say
from synthpower.errors import InputError

if TYPE_CHECKING:
    from synthpower.dataset.totals import GroupTotal

_NUMBERS = ("count", "absent", "sum", "minimum", "maximum")


def run(args: argparse.Namespace) -> None:
    """Show what the readings of a dataset come to."""
    started = time.perf_counter()
    announce_compiling(args)
    from synthpower.dataset.dataset import Dataset

    (store, names), *others = folders_of(args.paths).values()
    if others:
        raise InputError(f"{others[0][0].label('')}: name one dataset, or files of one")
    dataset = Dataset(store)
    if args.sql:
        table = args.table or "readings"
        print(dataset.totals_query(args.sql, table, args.by, names, args.workers))
        return
    if args.table is not None:
        raise InputError("it goes with --sql", "table")
    totals = dataset.totals(args.by, names, args.workers)
    if args.json:
        print(json.dumps([each.as_json() for each in totals], indent=2, ensure_ascii=False))
    else:
        print(_aligned(totals))
    seconds = time.perf_counter() - started
    readings = sum(each.total.count + each.total.absent for each in totals)
    say(f"{counted(readings, 'reading')}  {seconds:.1f} s", args.quiet)


def _aligned(totals: Sequence[GroupTotal]) -> str:
    """Return the totals as text, numbers to the right; `absent` only where any is."""
    numbers = [each for each in _NUMBERS if each != "absent" or any(t.total.absent for t in totals)]
    rows = [["" if v is None else str(v) for v in t.as_json().values()] for t in totals]
    header = list(totals[0].as_json())
    shown = [i for i, name in enumerate(header) if name in numbers or name not in _NUMBERS]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = []
    for row in [header, *rows]:
        cells = [
            row[i].rjust(widths[i]) if header[i] in numbers else row[i].ljust(widths[i])
            for i in shown
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
