"""What each command does: flags -> specification -> files. A thin skin over the library."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthpower import catalog, dataset
from synthpower.errors import InputError, one_line
from synthpower.specification import FORMATS, Specification, following_dates
from synthpower.storage import (
    STDOUT,
    LocalStore,
    check_directory,
    check_new_directory,
    check_output,
    make_directory,
)
from synthpower.streams import draw_seed
from synthpower.terminal import progress_bar, say, show_checks, size_text

if TYPE_CHECKING:
    from synthpower.generate import Job, Plan, Progress, Run, Summary
    from synthpower.inventory import Inventory
    from synthpower.verify import Check

_RESERVED = tuple(os.sep + name for name in dataset.OURS)


def _inventory(args: argparse.Namespace) -> None:
    from synthpower import inventory

    started = time.perf_counter()
    server_types = catalog.read_server_types(args.server_types)
    locations = catalog.read_locations(args.locations)
    measurements = catalog.read_measurements(args.measurements)
    _announce_compiling(args)
    inventory.check_count(args.count)
    inventory.check_new(args.directory, args.overwrite)
    made = inventory.Inventory.generate(args.count, args.seed, server_types, locations)
    command = f"synthpower inventory --directory . --count {args.count} --seed {made.seed}"
    for option in ("server_types", "locations", "measurements"):
        if table := getattr(args, option):
            command += f" --{option.replace('_', '-')} {shlex.quote(one_line(table))}"
    size = made.write(args.directory, measurements, args.overwrite, command)
    seconds = time.perf_counter() - started
    say(
        f"{dataset.INVENTORY}  {args.count:,} servers  {size_text(size)}  "
        f"{seconds:.1f} s  seed {made.seed}",
        args.quiet,
    )


def _data(args: argparse.Namespace) -> None:
    started = time.perf_counter()
    format = _format(args)
    dates = following_dates(args.date, args.days)
    check_directory(args.directory)
    specifications = _specifications(args, dates)
    paths = [args.output or args.directory / f"{s.name}.{format}" for s in specifications]
    for path in paths:  # what is there already is looked at later: it may be what is wanted
        check_output(path, overwrite=True, argument="output" if args.output else "directory")
        if _within(path, args.directory) and os.path.realpath(path).endswith(_RESERVED):
            raise InputError(f"{path} is part of the dataset; choose another name", "output")

    _use_system_memory()
    from synthpower.generate import Job, Run
    from synthpower.inventory import Inventory

    _announce_compiling(args)
    servers = Inventory.read(args.directory)
    if args.drawn and not args.dry_run:
        kept = dataset.keep_seed(args.directory, specifications[0].seed)
        specifications = [replace(specification, seed=kept) for specification in specifications]
    jobs = [
        Job(specification, path, format, args.overwrite, args.writer, args.compression)
        for specification, path in zip(specifications, paths, strict=True)
    ]
    folder = None if _is_stream(paths[0]) else Path(os.path.realpath(paths[0])).parent
    if folder and not args.dry_run:
        LocalStore(folder).clear()
    if not args.overwrite:
        jobs = _missing(args, jobs, servers)
        if not jobs:
            return
    title = _title([job.path for job in jobs])
    run = Run(jobs, servers, args.workers)
    free = shutil.disk_usage(folder).free if folder else None
    if args.dry_run:
        print(_described(run.plan, title, free))
    if folder and free is not None:
        _check_room(run, folder, free)
    if args.dry_run:
        return
    summaries = _write(args, args.directory, run, jobs, servers)
    _say_made(args, jobs, summaries, started)


def _use_system_memory() -> None:
    """Have Arrow allocate as others do: its own allocator keeps 100 MB more, and is no faster."""
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def _check_room(run: Run, folder: Path, free: int) -> None:
    if not run.fits(free):
        raise InputError(
            f"{folder}: {run.plan.certainty} {run.plan.bytes:,} bytes are needed, and {free:,} are "
            f"free; make room or choose another place"
        )


def _say_made(
    args: argparse.Namespace, jobs: list[Job], summaries: list[Summary], started: float
) -> None:
    seeds = sorted({job.specification.seed for job in jobs})
    say(
        f"{_title([job.path for job in jobs])}  {sum(s.rows for s in summaries):,} rows  "
        f"{size_text(sum(s.bytes for s in summaries))}  {time.perf_counter() - started:.1f} s  "
        f"{f'seed {seeds[0]}' if len(seeds) == 1 else f'{len(seeds)} seeds'} (UTC)",
        args.quiet,
    )


def _missing(args: argparse.Namespace, jobs: list[Job], servers: Inventory) -> list[Job]:
    """Return the jobs whose file is not there already; the manifest learns of those that are."""
    there = [job for job in jobs if job.path != STDOUT and job.path.is_file()]
    if not there:
        return jobs
    from synthpower.verify import check_complete

    for job in there:
        check_complete(job, servers, args.workers)
    if not args.dry_run:
        with dataset.ManifestLog(args.directory) as log:
            for job in there:
                if _within(job.path, args.directory):
                    log.add(job.path.name, _entry(job, servers, job.path.stat().st_size))
    complete = {job.path: None for job in there}
    say(f"{_title(list(complete))}  already complete", args.quiet)
    return [job for job in jobs if job.path not in complete]


def _title(paths: list[Path]) -> str:
    names = list(map(_shown, paths))
    return names[0] if len(names) == 1 else f"{len(names)} files, {names[0]} to {names[-1]}"


def _entry(job: Job, servers: Inventory, size: int) -> dict[str, object]:
    """Return a file's entry in the manifest."""
    from synthpower.origins import make_entry
    from synthpower.writers import describe

    return make_entry(job, describe(job.specification, servers), size)


def _described(plan: Plan, title: str, free: int | None) -> str:
    lines = [
        f"files  {one_line(title)}",
        f"rows   {plan.rows:,}",
        f"bytes  {plan.certainty} {plan.bytes:,}",
    ]
    return "\n".join(lines if free is None else [*lines, f"free   {free:,}"])


def _format(args: argparse.Namespace) -> str:
    """Return the format, after a look at options that do not go together."""
    if args.bare_interval and args.end:
        raise InputError(
            "without a number it asks for start and end times, but --end for end times only; "
            "give one of them",
            "interval",
        )
    if args.output and args.days > 1:
        raise InputError("it names one file; it does not go with --days above 1", "output")
    format = args.format or FORMATS[0]
    if args.output and not args.format and args.output.suffix.lower() == ".parquet":
        format = "parquet"
    if args.compression and format != "parquet":
        raise InputError("CSV is not compressed; it goes with --format parquet", "compression")
    return str(format)


def _write(
    args: argparse.Namespace,
    directory: Path,
    run: Run,
    jobs: list[Job],
    servers: Inventory,
    awaited: dataset.Entries | None = None,
) -> list[Summary]:
    within = {job.path: job for job in jobs if _within(job.path, directory)}
    if within:
        dataset.check_manifest(directory)  # now, not when the first file has been written

    def finished(summary: Summary) -> None:
        if job := within.get(summary.path):
            log.add(summary.path.name, _entry(job, servers, summary.bytes))

    doing = _shown(jobs[0].path) if len(jobs) == 1 else f"{len(jobs)} files"
    bar = progress_bar(doing, run.rows, args.quiet)
    with dataset.ManifestLog(directory, awaited) as log, bar as progress:
        return run.write(progress, finished)


def _announce_compiling(args: argparse.Namespace) -> None:
    from synthpower import kernels

    message = "compiling kernels for this machine: a few seconds, the first time only"
    if kernels.CACHE_PROBLEM:
        message = f"compiling kernels, each time: they cannot be kept, {kernels.CACHE_PROBLEM}"
    if sys.stderr.isatty():
        kernels.tell_compiling(lambda: say(message, args.quiet))


def _specifications(args: argparse.Namespace, dates: list[str]) -> list[Specification]:
    """Return the specification of each file; `args.drawn` says whether the seed is new."""
    table = args.measurements
    if table is None and (args.directory / catalog.MEASUREMENTS).exists():
        table = args.directory / catalog.MEASUREMENTS
    measurements = tuple(catalog.read_measurements(table))
    seeds = (
        args.seed,
        dataset.readme_seed(args.directory) if args.seed is None else None,
    )
    seed = next((seed for seed in seeds if seed is not None), None)
    if seed is None:
        seed = dataset.manifest_seed(args.directory)
    args.drawn = seed is None
    if seed is None:
        seed = draw_seed()
    return [
        Specification(date, measurements, seed, args.interval, args.fuzz, args.end, args.signal)
        for date in dates
    ]


def _shown(path: Path) -> str:
    return path.name if path != STDOUT else "standard output"


def _is_stream(path: Path) -> bool:
    return path == STDOUT or (path.exists() and not path.is_file())


def _within(path: Path, directory: Path) -> bool:
    """Return whether a file belongs into the dataset's manifest."""
    if _is_stream(path):
        return False
    return Path(os.path.realpath(path)).parent.samefile(directory)


def _verify(args: argparse.Namespace) -> int:
    started = time.perf_counter()
    folders: dict[Path, list[Path] | None] = {}  # None: all of their files
    for path in args.paths:
        if path.is_dir():
            folders[path] = None
        elif not path.exists():
            raise InputError(f"{path}: no such file or directory; name files or a dataset's")
        else:
            files = folders.setdefault(path.parent, [])
            # DIR/*.csv names inventory.csv, which is looked at anyway, and tables without readings.
            if files is not None and path.name not in dataset.OURS:
                files.append(path)
    if args.contract and any(files is not None for files in folders.values()):
        raise InputError("it is about a whole dataset: name its directory", "contract")
    _announce_compiling(args)
    from synthpower.origins import known_rows

    chosen = {folder: _chosen(args, folder, files) for folder, files in folders.items()}
    rows = known_rows([path for files in chosen.values() for path in files])
    with progress_bar("verifying", rows, args.quiet) as progress:
        checks = list(_checks(args, chosen, progress))
    wrong = sum(not check.passed for check in checks)
    if args.json:
        print(json.dumps({"passed": not wrong, "checks": list(map(asdict, checks))}, indent=2))
    elif not args.quiet or wrong:
        show_checks([check for check in checks if not (args.quiet and check.passed)])
    count = len({check.file for check in checks})
    seconds = time.perf_counter() - started
    say(f"{count} files  {len(checks)} checks  {wrong} wrong  {seconds:.1f} s", args.quiet)
    return 1 if wrong else 0


def _chosen(args: argparse.Namespace, folder: Path, named: list[Path] | None) -> list[Path]:
    from synthpower.conformance import contract_files
    from synthpower.verify import Verification

    if not args.contract:
        return Verification(folder).files() if named is None else named
    with contextlib.suppress(InputError):  # the checks will tell
        return contract_files(folder)
    return []


def _checks(
    args: argparse.Namespace, folders: dict[Path, list[Path]], progress: Progress | None
) -> Iterator[Check]:
    from synthpower.conformance import check_contract
    from synthpower.verify import Verification

    for folder, files in folders.items():
        if args.contract:
            yield from check_contract(folder, progress)
            continue
        verification = Verification(folder, args.workers)
        check = verification.check_inventory()
        if folder in args.paths or (folder / dataset.INVENTORY).exists():
            yield check  # a file on its own names its servers itself
        for file in files:
            yield from verification.check(file, progress)


def _remake(args: argparse.Namespace) -> None:
    started = time.perf_counter()
    _use_system_memory()
    from synthpower.generate import Run
    from synthpower.remake import read_remake

    _announce_compiling(args)
    if args.directory:
        check_new_directory(args.directory)
    remake = read_remake(args.path, args.directory, args.workers)
    folder = remake.directory
    if remake.complete:
        say(f"{_title(remake.complete)}  already complete", args.quiet)
    make_directory(folder)
    LocalStore(folder).clear()
    run = Run(remake.jobs, remake.servers, args.workers)
    _check_room(run, folder, shutil.disk_usage(folder).free)
    remake.write_texts()
    if remake.texts:
        say(f"{', '.join(remake.texts)}  made", args.quiet)
    if not remake.jobs:
        return
    summaries = _write(args, folder, run, remake.jobs, remake.servers, remake.awaited)
    _say_made(args, remake.jobs, summaries, started)
    others = [s.path for s in summaries if s.bytes != remake.awaited[s.path.name]["bytes"]]
    if others:
        say(f"{_title(others)}  of another size than before: by another version?", args.quiet)


def _tables(args: argparse.Namespace) -> None:
    sources = [catalog.shipped(name) for name in catalog.TABLES]
    if args.copy is None:
        print("\n\n".join(_aligned(source) for source in sources))
        return
    for source in sources:
        if (args.copy / source.name).exists():
            raise InputError(f"{args.copy / source.name} exists; remove it or choose another DIR")
    make_directory(args.copy, "copy")
    for source in sources:
        shutil.copyfile(source, args.copy / source.name)
    say(f"{args.copy}: {', '.join(catalog.TABLES)}", args.quiet)


def _aligned(source: Path) -> str:
    """Return a table as text, its columns aligned."""
    import csv

    rows = list(csv.reader(source.read_text("utf-8").splitlines()))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join([f"{source.name}:", *lines])


COMMANDS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "inventory": _inventory,
    "data": _data,
    "verify": _verify,
    "remake": _remake,
    "tables": _tables,
}
