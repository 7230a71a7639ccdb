"""What is to be written, before it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from synthpower.dataset.entries import Entry
from synthpower.dataset.lake.table import LakeTable
from synthpower.dataset.request import Request
from synthpower.engine import Job, Run
from synthpower.errors import InputError
from synthpower.fleet.fleet import Fleet
from synthpower.formats.interface import Size
from synthpower.lazy import lazy
from synthpower.storage import Store, StreamStore

Pieces = Callable[[], Iterator[Any]]  # a file's bytes, one piece after the other


def pieces_of(text: str) -> Pieces:
    """Return the bytes of a text."""
    return partial(iter, [text.encode()])


@dataclass
class Plan:
    """What is to be written; nothing has been.

    Attributes
    ----------
    store : Store
        Of the dataset.
    fleet : Fleet
    jobs : sequence of Job
        The files to be made.
    complete : dict of str to Entry
        Those that are there already, whole, by their names; of the dataset's own ones the entry.
    tables : dict of str to callable
        What else is missing of the dataset.
    events : dict of str to callable
        The files of events that are missing beside files of readings, or of others.
    request : Request or None
    drawn_seed : int or None
        The seed, where it was drawn and nothing keeps it yet.
    kept : dict
        Of the manifest: what is not the files'.
    expected : dict of str to int
        The sizes that files had before, by their names.
    table : LakeTable or None
        What the files, and those that are complete, are added to.
    """

    store: Store
    fleet: Fleet
    jobs: Sequence[Job]
    complete: Mapping[str, Entry | None] = field(default_factory=dict)
    tables: Mapping[str, Pieces] = field(default_factory=dict)
    events: Mapping[str, Pieces] = field(default_factory=dict)
    request: Request | None = None
    drawn_seed: int | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)
    expected: Mapping[str, int | None] = field(default_factory=dict)
    workers: int | None = None
    table: LakeTable | None = None

    @lazy
    def run(self) -> Run:
        """The jobs, looked at; `InputError` where they cannot be done."""
        return Run(self.jobs, self.fleet, self.workers)

    @property
    def rows(self) -> int:
        return self.run.rows

    @property
    def labels(self) -> list[str]:
        """What a user would call the files to be made, in short."""
        streams = [job for job in self.jobs if isinstance(job.store, StreamStore)]
        return [job.label if job in streams else job.name for job in self.jobs]

    def of_other_sizes(self) -> list[str]:
        """Return which files are there, but of another size than before."""
        return [
            name
            for name, size in self.expected.items()
            if size is not None and self.store.size(name) not in (None, size)
        ]

    @property
    def size(self) -> Size:
        """How large the files to be made will be."""
        return self.run.size

    @property
    def target(self) -> Store:
        """The store of the files to be made."""
        return self.jobs[0].store if self.jobs else self.store

    @property
    def free(self) -> int | None:
        """How many bytes there is room for; None where that is not known."""
        return self.target.free()

    def check_room(self) -> None:
        """Raise `InputError` where the files cannot fit."""
        free = self.free if self.jobs else None
        if free is not None and not self.run.fits(free):
            raise InputError(
                f"{self.target.label('')}: {self.size.certainty} {self.size.bytes:,} bytes are "
                f"needed, and {free:,} are free; make room or choose another directory"
            )
