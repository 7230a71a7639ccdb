"""A dataset: the object that commands, and whoever writes a program, talk to."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from synthpower.dataset.entries import PLANNED, Entry, complete_entry, entry_of
from synthpower.dataset.events import missing_events
from synthpower.dataset.inventory import Inventory, StoreFile, dataset_seed, has_record
from synthpower.dataset.layout import INVENTORY, OURS, README, parse_data_name
from synthpower.dataset.manifest import (
    Manifest,
    ManifestLog,
    keep_seed,
    read_manifest,
    write_manifest,
)
from synthpower.dataset.paths import check_different
from synthpower.dataset.plan import Plan
from synthpower.dataset.prose import OwnTables
from synthpower.dataset.readme import with_commands
from synthpower.dataset.request import Request
from synthpower.dataset.totals import with_totals
from synthpower.engine import Job, Progress, Summary, checked_workers
from synthpower.errors import InputError, Notice
from synthpower.fleet.fleet import Fleet
from synthpower.formats import suffix_of
from synthpower.formats.text.row import pattern_columns
from synthpower.lazy import lazy
from synthpower.model.columns import COLUMNS as DEFAULT_COLUMNS
from synthpower.model.columns import Column
from synthpower.model.measurement import Measurement
from synthpower.model.specification import Specification
from synthpower.model.streams import draw_seed
from synthpower.signals import completed
from synthpower.storage import (
    LocalStore,
    Store,
    StreamStore,
    check_directory,
    check_new_directory,
    locate,
    make_directory,
)
from synthpower.tables import COLUMNS, MEASUREMENTS, read_columns, read_measurements

if TYPE_CHECKING:
    from synthpower.dataset.check import Check
    from synthpower.dataset.totals import GroupTotal


class Dataset:
    """A directory with an inventory, and readings of its servers.

    Open one, or make one with `create`:

    >>> import tempfile
    >>> from synthpower import Dataset, Inventory, Request
    >>> dataset = Dataset.create(tempfile.mkdtemp(), Inventory.generate(10, seed=1))
    >>> [file.rows for file in dataset.write(dataset.plan(Request("2023-02-27", days=2)))]
    [480, 480]
    >>> all(check.passed for check in dataset.verify())
    True

    Attributes
    ----------
    store : Store
        Where it is.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def __repr__(self) -> str:
        return f"Dataset({self.store!r})"

    @classmethod
    def open(cls, where: str | os.PathLike[str] | Store) -> Dataset:
        """Open a dataset: a directory, or another store.

        Raises
        ------
        InputError
            Where there is no such directory.
        """
        if not isinstance(where, str | os.PathLike):
            return cls(where)
        check_directory(Path(where))
        return cls(LocalStore(Path(where)))

    @classmethod
    def create(
        cls,
        directory: str | os.PathLike[str],
        inventory: Fleet,
        measurements: Sequence[Measurement] | None = None,
        overwrite: bool = False,
        columns: Sequence[Column] | None = None,
    ) -> Dataset:
        """Make a dataset without readings; see `Inventory.write`."""
        from synthpower.dataset.create import create_dataset

        store = LocalStore(Path(directory))
        create_dataset(store, inventory, measurements, overwrite, columns)
        return cls(store)

    @lazy
    def inventory(self) -> Inventory:
        """Its servers; `InputError` where they cannot be read."""
        return Inventory.read_from(self.store)

    def measurements(self) -> list[Measurement]:
        """Return what its measurements.csv has; the shipped ones where there is none."""
        exists = self.store.exists(MEASUREMENTS)
        if not exists and has_record(self.store):  # which came with one
            label = self.store.label(MEASUREMENTS)
            warnings.warn(f"{label} is gone: the shipped table serves", Notice, stacklevel=2)
        return read_measurements(StoreFile(self.store, MEASUREMENTS) if exists else None)

    def columns(self) -> tuple[Column, ...] | None:
        """Return the columns of its columns.csv, None where there is none."""
        if not self.store.exists(COLUMNS):
            return None
        return read_columns(StoreFile(self.store, COLUMNS))

    def seed(self) -> int | None:
        """Return its seed, None where nothing says one."""
        return dataset_seed(self.store)

    def plan(self, request: Request, workers: int | None = None) -> Plan:
        """Return what has to be written for a request; reads only.

        Raises
        ------
        InputError
            Where something asked for cannot be, or another file is there already.
        """
        checked_workers(workers)
        format, options = request.form()
        request.dates()
        measurements = self.measurements() if request.measurements is None else request.measurements
        seed = self.seed() if request.seed is None else request.seed
        drawn = None
        if seed is None:
            seed = drawn = draw_seed()
        store, output = locate(request.output) if request.output else (self.store, None)
        fleet = self.inventory
        manifest = read_manifest(self.store)
        jobs = []
        columns = self._columns(request)
        with self._blamed(request):
            specified = [
                completed(given, fleet.at(given.location))
                for given in request.specifications(measurements, seed, columns, fleet)
            ]
        for made in specified:
            name = output or request.name(made, suffix_of(format.name, options.compression))
            specification = made
            if store is self.store:
                specification = _as_recorded(made, manifest.entry(name))
            self._check_name(request, store, name, specification.name)
            jobs.append(Job(specification, store, name, format, options, request.overwrite))
        check_different([job.name for job in jobs])
        drawn_servers = (manifest.inventory or {}).get("servers", len(fleet))
        if drawn_servers != len(fleet):
            warnings.warn(
                f"{self.store.label(INVENTORY)} has {len(fleet):,} servers, and {drawn_servers:,} "
                f"were drawn: {README} is of those; an inventory of your own needs a directory of "
                f"its own",
                Notice,
                stacklevel=2,
            )
        complete: dict[str, Entry | None] = {}
        for job in jobs if not request.overwrite else ():
            size = job.store.size(job.name)
            if size is not None:
                from synthpower.dataset.complete import check_complete

                own = _same_place(job.store, self.store)
                entry = manifest.entry(job.name) if own else None
                try:
                    check_complete(job, fleet, entry, workers)
                except InputError:
                    if drawn is None or self.seed() is None:
                        raise
                    return self.plan(request, workers)  # another run has drawn one meanwhile
                complete[job.name] = complete_entry(job, fleet, size, entry) if own else None
        missing = [job for job in jobs if job.name not in complete]
        return Plan(
            self.store,
            fleet,
            missing,
            complete,
            events=missing_events(jobs, fleet, request.overwrite) if request.faults else {},
            request=request,
            drawn_seed=drawn,
            workers=workers,
        )

    @contextmanager
    def _blamed(self, request: Request) -> Iterator[None]:
        """Say of columns that cannot be where they were named, if not as an argument."""
        try:
            yield
        except InputError as error:
            if error.argument != "columns" or request.columns is not None:
                raise
            if request.row is not None:
                raise InputError(str(error), "row") from None
            raise InputError(f"{self.store.label(COLUMNS)}: {error}") from None

    def _columns(self, request: Request) -> tuple[Column, ...]:
        if request.row is None:
            if request.columns is not None:
                return request.columns
            return self.columns() or DEFAULT_COLUMNS
        if request.columns is not None:
            raise InputError("a pattern says what a row has; give one of them", "columns")
        return pattern_columns(request.row)

    def _check_name(self, request: Request, store: Store, name: str, stem: str) -> None:
        argument = "output" if request.output else "path" if request.path else "directory"
        store.check(name, argument)
        if argument == "directory" or isinstance(store, StreamStore):
            return
        given = request.output or name
        if request.output:
            real = os.path.realpath(store.label(name))
            if real in {os.path.realpath(self.store.label(own)) for own in OURS}:
                raise InputError(f"{given} is part of the dataset; choose another name", argument)
        of_another = (said := parse_data_name(name)) and said.stem != stem
        if of_another and _same_place(store, self.store):
            raise InputError(
                f"{given} is the name of other readings of the dataset than {stem}; "
                f"choose another name",
                argument,
            )

    def write(
        self,
        plan: Plan,
        workers: int | None = None,
        progress: Progress | None = None,
        finished: Callable[[Summary], None] | None = None,
    ) -> list[Summary]:
        """Write what a plan says, and return a summary of each file.

        What is planned is in the manifest before the first file is begun, so that a run that is
        killed can be finished.

        Parameters
        ----------
        plan : Plan
        workers : int, optional
            Threads that compute; as many as there are cores otherwise.
        progress : callable, optional
            Called with the rows and the bytes that have been written since the last call.
        finished : callable, optional
            Called with the summary of each file when it is whole.

        Raises
        ------
        InputError
            Where the files cannot fit, or one is there that was not when it was planned.
        OSError
            Where writing fails. No unfinished file is left.
        """
        if plan.drawn_seed is not None and plan.request:
            kept = keep_seed(plan.store, plan.drawn_seed)
            if kept != plan.drawn_seed:  # another run has drawn one in the meantime
                plan = self.plan(replace(plan.request, seed=kept), plan.workers)
        plan.workers = plan.workers if workers is None else workers
        _prepare(plan)
        planned = {
            job.name: entry_of(job, plan.fleet, plan.expected.get(job.name), PLANNED)
            for job in plan.jobs
            if _same_place(job.store, plan.store)
        }
        complete = {name: entry for name, entry in plan.complete.items() if entry}
        whole = with_totals(complete, plan.fleet, plan.workers)

        def keep(summary: Summary) -> None:
            if entry := planned.get(summary.name):
                log.add(summary.name, entry.whole(summary.bytes, summary.totals))
            if finished:
                finished(summary)

        with ManifestLog(plan.store, planned, whole) as log:
            summaries = plan.run.write(progress, keep) if plan.jobs else []
        if planned or whole:
            try:
                _update_readme(plan.store)
            except (OSError, InputError) as error:  # of no file of readings, which are whole
                reason = f"{error.strerror}" if isinstance(error, OSError) else f"{error}"
                label = plan.store.label(README)
                warnings.warn(
                    f"{label}: it does not show today's commands: {reason}", Notice, stacklevel=2
                )
        return summaries

    def totals(
        self,
        by: Sequence[str] = (),
        names: Iterable[str] | None = None,
        workers: int | None = None,
    ) -> list[GroupTotal]:
        """Return what the readings of files come to: of each group and measurement.

        They are as recorded in the manifest where that is enough, and made without the files
        otherwise.

        Parameters
        ----------
        by : sequence of str
            What the readings of a group have in common: ``location``, ``model``, ``product_id``,
            ``name`` (of the measurement, which they always have), ``date`` and ``hour`` (in UTC,
            of the nominal start) or ``file``.
        names : iterable of str, optional
            Of files of readings; all that are whole otherwise.
        workers : int, optional
            Threads that compute; as many as there are cores otherwise.

        Raises
        ------
        InputError
            Where there are none, or the manifest does not say what they were made from.
        """
        from synthpower.dataset.totals import dataset_totals

        return dataset_totals(self.store, by, names, workers)

    def totals_query(
        self,
        engine: str,
        table: str = "readings",
        by: Sequence[str] = (),
        names: Iterable[str] | None = None,
        workers: int | None = None,
    ) -> str:
        """Return an SQL query on a table into which the files were loaded.

        It returns no row if nothing is missing, doubled or changed, and otherwise a row for each
        measurement, or group of `by`, that is wrong, with what was expected and found.

        Parameters
        ----------
        engine : str
            ``duckdb``, ``clickhouse``, ``postgres`` or ``spark``.
        table : str
            Its name.
        by, names, workers
            As of `totals`; not by file.

        Raises
        ------
        InputError
            Where the files have no column that the query needs, or several sets of columns.
        """
        from synthpower.dataset.totals import totals_query

        return totals_query(self.store, engine, table, by, names, workers)

    def verify(
        self,
        names: Iterable[str] | None = None,
        workers: int | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Check]:
        """Make files again and compare them; yield what was looked at.

        Parameters
        ----------
        names : iterable of str, optional
            Of files of readings; all, and all else that the dataset has, otherwise.
        """
        from synthpower.dataset.verify import Verification

        return Verification(self.store, workers).checks(names, progress)

    def validate(
        self,
        span: str | None = None,
        progress: Progress | None = None,
        workers: int | None = None,
    ) -> Iterator[Check]:
        """Check any producer's files against docs/FORMAT.md; yield what was looked at.

        Parameters
        ----------
        span : str, optional
            ``FROM/TO``: what the files must hold together, where their names do not say it.
        progress : callable, optional
            Called with the rows and bytes of each block.
        workers : int, optional
            Threads that compute; the cores otherwise.
        """
        from synthpower.dataset.validate import check_contract, parse_span

        directory = Path(self.store.label(""))
        return check_contract(directory, progress, parse_span(span) if span else None, workers)

    def rows(self, names: Iterable[str] | None = None, contract: bool = False) -> int | None:
        """Return how many readings files have, None where that is not known.

        Parameters
        ----------
        names : iterable of str, optional
            As of `verify`.
        contract : bool
            Of the files that `validate` looks at.
        """
        if contract:
            from synthpower.dataset.validate import listed_rows

            return listed_rows(Path(self.store.label("")))
        from synthpower.dataset.verify import Verification

        verification = Verification(self.store)
        return verification.rows(verification.files() if names is None else names)

    def rebuild(
        self,
        into: str | os.PathLike[str] | None = None,
        name: str | None = None,
        workers: int | None = None,
    ) -> Plan:
        """Return what is missing of the dataset by what it says of itself; `write` makes it.

        Parameters
        ----------
        into : path-like, optional
            Make all of it there, and leave this dataset alone.
        name : str, optional
            Only this file of readings; needs `into`.

        Raises
        ------
        InputError
            Where something does not say how it was made, or is there and another.
        """
        from synthpower.dataset.rebuild import plan_rebuild

        if into:
            check_new_directory(Path(into))
        target = LocalStore(Path(into) if into else Path(self.store.label("")), links=False)
        return plan_rebuild(self.store, target, name, workers)


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


def _same_place(one: Store, other: Store) -> bool:
    """Return whether two stores are the same."""
    if one is other:
        return True
    if isinstance(one, StreamStore) or isinstance(other, StreamStore):
        return False
    return os.path.realpath(one.label("")) == os.path.realpath(other.label(""))


def _prepare(plan: Plan) -> None:
    """Write what a plan has besides readings."""
    if isinstance(plan.store, LocalStore):
        check_new_directory(plan.store.directory)
        make_directory(plan.store.directory)
    plan.check_room()
    plan.target.clear()
    for store, files, over in ((plan.store, plan.tables, False), (plan.target, plan.events, True)):
        for name, pieces in files.items():
            with store.create(name, replace=over) as sink:
                for piece in pieces():
                    sink.write(piece)
    if plan.kept:
        with plan.store.lock():
            files = read_manifest(plan.store).files
            write_manifest(plan.store, Manifest(**plan.kept, files=files))


def _update_readme(store: Store) -> None:
    """Have README.md show the commands that made the dataset, where it is one of ours."""
    with store.lock():
        manifest = read_manifest(store)
        if manifest.inventory is None or store.size(README) is None:
            return
        with store.open(README) as file:
            text = file.read().decode("utf-8", "surrogateescape")
        dataset = Dataset(store)
        own = OwnTables(dataset.measurements(), dataset.columns())
        new = with_commands(text, manifest, own)
        if new != text:
            with store.create(README, replace=True) as sink:
                sink.write(new.encode("utf-8", "surrogateescape"))
