"""A dataset: the object that commands, and whoever writes a program, talk to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from synthpower.dataset.inventory import (
    Inventory,
    dataset_columns,
    dataset_measurements,
    dataset_seed,
)
from synthpower.dataset.plan import Plan
from synthpower.dataset.planning import plan_request
from synthpower.dataset.request import Request
from synthpower.dataset.writing import write_plan
from synthpower.engine import Progress, Summary
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.lazy import lazy
from synthpower.model.columns import Column
from synthpower.model.measurement import Measurement
from synthpower.storage import LocalStore, Store, open_store

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
        """Open a dataset: a directory, a URL such as ``s3://bucket/prefix``, or another store.

        Raises
        ------
        InputError
            Where there is no such directory.
        """
        store = open_store(where)
        if isinstance(where, str | os.PathLike) and not store.is_there():
            raise InputError(f"{os.fspath(where)}: no such directory", "directory")
        return cls(store)

    @classmethod
    def create(
        cls,
        directory: str | os.PathLike[str] | Store,
        inventory: Fleet,
        measurements: Sequence[Measurement] | None = None,
        overwrite: bool = False,
        columns: Sequence[Column] | None = None,
    ) -> Dataset:
        """Make a dataset without readings; see `Inventory.write`."""
        from synthpower.dataset.create import create_dataset

        store = open_store(directory)
        create_dataset(store, inventory, measurements, overwrite, columns)
        return cls(store)

    @lazy
    def inventory(self) -> Inventory:
        """Its servers; `InputError` where they cannot be read."""
        return Inventory.read_from(self.store)

    def measurements(self) -> list[Measurement]:
        """Return what its measurements.csv has; the shipped ones where there is none."""
        return dataset_measurements(self.store)

    def columns(self) -> tuple[Column, ...] | None:
        """Return the columns of its columns.csv, None where there is none."""
        return dataset_columns(self.store)

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
        return plan_request(self.store, self.inventory, request, workers)

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
        return write_plan(plan, workers, progress, finished)

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

        directory = self._directory()
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

            return listed_rows(self._directory())
        from synthpower.dataset.verify import Verification

        verification = Verification(self.store)
        return verification.rows(verification.files() if names is None else names)

    def rebuild(
        self,
        into: str | os.PathLike[str] | Store | None = None,
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

        target = open_store(into or self.store, links=False)
        return plan_rebuild(self.store, target, name, workers)

    def _directory(self) -> Path:
        """Return the directory that it is; `InputError` where it is in something else."""
        if not isinstance(self.store, LocalStore):
            raise InputError(
                f"{self.store.label('')}: it is checked in a directory: copy it there", "contract"
            )
        return self.store.directory
