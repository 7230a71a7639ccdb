"""The table that a run's files go into: looked at when it is planned, told of them at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synthpower.dataset.entries import Entry
from synthpower.dataset.lake import LAKES, find_log
from synthpower.dataset.lake.files import FileFacts, Log, TableFile, columns_of, has_folder
from synthpower.engine import Job
from synthpower.errors import InputError, shown
from synthpower.fleet.fleet import Fleet
from synthpower.storage import Store


class LakeTable:
    """A table, and the files that are to be in it.

    Parameters
    ----------
    store : Store
        Of the dataset.
    kind : str
        One of `LAKES`.
    root : str
        The folder of its files, in the dataset.
    job : Job
        Of one of the files.

    Attributes
    ----------
    title : str
        What such a table is called.
    there : bool
        Whether there was a table before.
    added : int
        How many files have been added, once they were.

    Raises
    ------
    InputError
        Where the folder is that of another table, or one of other columns, or such a table cannot
        have these files.
    """

    def __init__(self, store: Store, kind: str, root: str, job: Job) -> None:
        self._log_of = find_log(kind)
        self.title, self.added = LAKES[kind].title, 0
        self._store, self._root = store, root
        self._columns = columns_of(job.specification)
        for other in LAKES.keys() - {kind}:
            if has_folder(store, f"{root}/{LAKES[other].log}"):
                raise InputError(
                    f"{self.label} is {LAKES[other].title}: choose another folder, with a path "
                    f"such as {kind}/data-{{date}}",
                    "table",
                )
        self._log_of.check(self._columns, job.name)
        self.there = self._open().columns is not None

    @property
    def label(self) -> str:
        """What a user would call it."""
        return self._store.label(self._root)

    def add(self, entries: Mapping[str, Entry], fleet: Fleet) -> None:
        """Add what the table does not have of some files, which are whole, in one commit."""
        facts = FileFacts(fleet)
        files = [
            facts.of(name.removeprefix(f"{self._root}/"), entry)
            for name, entry in sorted(entries.items())
        ]
        with self._store.lock():
            self.added = self._commit(files)

    def _commit(self, files: Sequence[TableFile]) -> int:
        """Add what the table does not have, and return how many files that is."""
        log = self._open()
        missing = log.missing(files)
        try:
            if missing:
                log.add(self._columns, missing)
        except InputError:
            # Without locks, another run may have made the table since: then ours go into it.
            if log.columns is not None or self._open().columns is None:
                raise
            return self._commit(files)
        return len(missing)

    def _open(self) -> Log:
        log = self._log_of(self._store, self._root)
        self._check_columns(log)  # another run may have made it
        return log

    def _check_columns(self, log: Log) -> None:
        """Raise `InputError` where a table has other columns than the files."""
        if log.columns is None or log.columns == self._columns:
            return
        found, wanted = (
            ", ".join(f"{name} {type}" for name, type in columns.items())
            for columns in (
                _without(log.columns, self._columns),
                _without(self._columns, log.columns),
            )
        )
        what = f"{found or 'none'}, not {wanted or 'none'}"
        raise InputError(
            f"{self.label} is a table of other columns: {shown(what)}; choose another folder by a "
            f"path such as other/data-{{date}}",
            "columns",
        )


def _without(columns: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    return {name: kind for name, kind in columns.items() if others.get(name) != kind}
