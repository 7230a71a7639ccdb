"""``synthpower verify``."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from synthpower.cli.common import Folders, announce_compiling, folders_of
from synthpower.cli.terminal import counted, progress_bar, say, show_checks
from synthpower.errors import InputError

if TYPE_CHECKING:
    from synthpower.dataset.check import Check
    from synthpower.engine import Progress


def run(args: argparse.Namespace) -> int:
    """Check files against what they were made from, or against docs/FORMAT.md."""
    started = time.perf_counter()
    announce_compiling(args)
    folders = folders_of(args.paths)
    if args.contract and any(names is not None for _, names in folders.values()):
        raise InputError("it is about a whole dataset: name its directory", "contract")
    if args.span and not args.contract:
        raise InputError("it goes with --contract", "span")
    checks: list[Check] = []
    try:
        with progress_bar("verifying", _rows(args, folders), args.quiet) as progress:
            checks.extend(_checks(args, folders, progress))  # one by one: see below
    except KeyboardInterrupt:
        files = counted(len({check.file for check in checks}), "file")
        raise KeyboardInterrupt(
            f"interrupted after {files}, {_found(checks)}; the same command begins again"
        ) from None
    failed = sum(not check.passed for check in checks)
    if args.json:
        print(json.dumps({"passed": not failed, "checks": list(map(asdict, checks))}, indent=2))
    elif not args.quiet or failed:
        show_checks(checks, args.quiet)
    files = counted(len({check.file for check in checks}), "file")
    seconds = time.perf_counter() - started
    found = f"{counted(len(checks), 'check')}  {_found(checks)}"
    say(f"{files}  {found}  {seconds:.1f} s", args.quiet)
    return 1 if failed else 0


def _found(checks: list[Check]) -> str:
    unchecked = sum(not check.checked for check in checks)
    wrong = sum(not check.passed for check in checks) - unchecked
    return f"{wrong} wrong" + (f"  {unchecked} not checked" if unchecked else "")


def _rows(args: argparse.Namespace, folders: Folders) -> int | None:
    """Return how many readings are to be looked at, None where that is not known."""
    from synthpower.dataset.dataset import Dataset

    total = 0
    for store, names in folders.values():
        rows = Dataset(store).rows(names, contract=args.contract)
        if rows is None:
            return None
        total += rows
    return total


def _checks(
    args: argparse.Namespace, folders: Folders, progress: Progress | None
) -> Iterator[Check]:
    from synthpower.dataset.dataset import Dataset

    for store, names in folders.values():
        dataset = Dataset(store)
        if args.contract:
            yield from dataset.validate(args.span, progress, args.workers)
        else:
            yield from dataset.verify(names, args.workers, progress)
