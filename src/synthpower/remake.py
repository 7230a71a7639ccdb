"""What a dataset, or one of its files, says of itself -> what is missing, to be made again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from synthpower import dataset
from synthpower.catalog import MEASUREMENTS, read_measurements, shown
from synthpower.errors import InputError
from synthpower.generate import Job
from synthpower.inventory import CAPACITY, Inventory
from synthpower.origins import Origin, make_entry, own_servers, parse_entry, read_origin
from synthpower.storage import STDOUT, LocalStore
from synthpower.verify import check_complete

Pieces = Callable[[], Iterator[Any]]  # a file's bytes, one piece after the other

_ADVICE = "remove it, or choose another directory"
_OWN_TABLE = re.compile(r"--(server-types|locations|measurements)\b")  # in README.md's command
_PIECE = 2**20  # bytes


@dataclass(frozen=True)
class Remake:
    """What is to be made again; nothing has been written yet.

    Attributes
    ----------
    directory : Path
        Where to; it may not be there.
    servers : Inventory
        Those of the files to be made.
    jobs : list of Job
        The files to be made.
    complete : list of Path
        Those that are there already, whole.
    awaited, entries : dict
        What the manifest has to say of those to be made, and what it does not yet say of
        those that are there.
    texts : dict of str to callable
        What is missing of README.md, measurements.csv and inventory.csv.
    seed : int or None
        One that was drawn once, which the manifest keeps.
    """

    directory: Path
    servers: Inventory
    jobs: list[Job]
    complete: list[Path]
    awaited: dataset.Entries
    entries: dataset.Entries
    texts: Mapping[str, Pieces]
    seed: int | None = None

    def write_texts(self) -> None:
        """Write `texts`, and have the manifest await the rest: a killed run can be run again."""
        for name, pieces in self.texts.items():
            with LocalStore(self.directory).create(name) as sink:
                for piece in pieces():
                    sink.write(piece)
        if self.seed is not None:
            dataset.keep_seed(self.directory, self.seed)
        with dataset.ManifestLog(self.directory, self.awaited) as log:
            for name, entry in self.entries.items():
                log.add(name, entry)


def read_remake(path: Path, directory: Path | None = None, workers: int | None = None) -> Remake:
    """Read what is to be made again.

    Parameters
    ----------
    path : Path
        A dataset directory: all that its manifest lists, README.md, measurements.csv and
        inventory.csv. Or a file of readings: that file.
    directory : Path, optional
        Where to; into the dataset itself otherwise.
    workers : int, optional
        Threads that compute; as many as there are cores otherwise.

    Raises
    ------
    InputError
        Where something does not say how it was made, or is there and another.
    """
    if path.is_dir():
        return _of_dataset(path, directory or path, workers)
    if not path.exists():
        raise InputError(f"{path}: no such file or directory; name a dataset's, or a Parquet file")
    if directory is None:
        raise InputError(
            "it is needed where PATH is a file, which is made again there", "directory"
        )
    with _about(path):
        origin = _origin_of(path)
        seed, told = origin.specification.seed, origin.described.get("inventory")
        servers = _from_shipped_tables(seed, told) or own_servers(path, origin)
        if servers.describe() != told:
            raise InputError("its servers are not those that it was made from")
    return _sorted_out(directory, {path.name: origin}, servers, workers)


def _of_dataset(source: Path, directory: Path, workers: int | None) -> Remake:
    elsewhere = not (directory.exists() and directory.samefile(source))
    origins = _origins(source, elsewhere)
    servers = _servers(source, origins)
    texts = _texts(source, servers, origins, elsewhere)
    for path in [directory / name for name in texts]:
        if path.exists() and not _is_made_of(path, texts.pop(path.name)):
            raise InputError(f"{path} exists, and it is not that of {source}; {_ADVICE}")
    seed = dataset.manifest_seed(source) if elsewhere else None
    return replace(_sorted_out(directory, origins, servers, workers), texts=texts, seed=seed)


def _origins(source: Path, elsewhere: bool) -> dict[str, Origin]:
    """Return what each file was made from; those that the manifest does not list say it."""
    listed = dataset.read_manifest(source)["files"]
    origins = {}
    for name in listed:
        with _about(source / dataset.MANIFEST):
            if (
                name != Path(name).name
                or name in ("", *dataset.OURS, str(STDOUT))
                or name.startswith(".")
            ):
                raise InputError(f"{shown(name)!r} is not the name of a file of readings")
            if not (origin := parse_entry(listed[name])):
                raise InputError(f"the entry of {shown(name)} does not say what it was made from")
            origins[name] = origin
    if elsewhere:
        for name in set(dataset.data_files(source)) - origins.keys():
            with _about(source / name):
                origins[name] = _origin_of(source / name)
    return dict(sorted(origins.items()))


def _origin_of(path: Path) -> Origin:
    if not (origin := read_origin(path)):
        raise InputError("nothing says what it was made from: not in manifest.json")
    return replace(origin, size=path.stat().st_size)


def _servers(source: Path, origins: dict[str, Origin]) -> Inventory:
    """Return the servers of a dataset; made again where inventory.csv is missing."""
    path = source / dataset.INVENTORY
    if path.exists():
        return Inventory.read(source)
    seed, count = dataset.readme_seed(source), dataset.readme_servers(source)
    if not origins:  # and so no digest to hold them against
        if seed is None or count is None or count > CAPACITY:
            raise InputError(
                f"{source}: neither {dataset.MANIFEST} nor {dataset.README} says what it was made "
                f"of, and there is no {dataset.INVENTORY}"
            )
        if not _own_tables(source) & {"server-types", "locations"}:
            return Inventory.generate(count, seed)
    tried: list[object] = []
    for origin in origins.values():
        told = origin.described.get("inventory")
        drawn = origin.specification.seed if seed is None else seed
        if (drawn, told) not in tried:
            tried.append((drawn, told))
            if servers := _from_shipped_tables(drawn, told):
                return servers
    raise InputError(f"{path} is missing and was not made from the shipped tables: put it back")


def _from_shipped_tables(seed: int, told: Any) -> Inventory | None:
    """Return the servers whose number and digest are `told`, None where the tables were others."""
    count = told.get("servers") if isinstance(told, dict) else None
    if not isinstance(count, int) or not 1 <= count <= CAPACITY:
        return None
    servers = Inventory.generate(count, seed)
    return servers if servers.describe() == told else None


def _own_tables(source: Path) -> set[str]:
    """Return which tables README.md's command names in place of the shipped ones."""
    try:
        return set(_OWN_TABLE.findall((source / dataset.README).read_text("utf-8", "replace")))
    except FileNotFoundError:
        return set()


def _texts(
    source: Path, servers: Inventory, origins: dict[str, Origin], elsewhere: bool
) -> dict[str, Pieces]:
    """Return what has to stand beside the files of readings: copied, or where missing made."""
    texts: dict[str, Pieces] = {}
    for name in (dataset.README, MEASUREMENTS, dataset.INVENTORY):
        if (source / name).exists():
            if elsewhere:
                texts[name] = partial(_read, source / name)
        elif name == dataset.INVENTORY:
            texts[name] = servers.render
        elif name == MEASUREMENTS and (source / dataset.README).exists():
            tables = {origin.specification.measurements for origin in origins.values()}
            if len(tables) == 1 or "measurements" not in _own_tables(source):
                table = tables.pop() if len(tables) == 1 else read_measurements()
                texts[name] = partial(iter, [dataset.measurements_text(table).encode()])
    return texts


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _is_made_of(path: Path, pieces: Pieces) -> bool:
    with path.open("rb") as file:
        return all(file.read(len(data)) == data for data in map(bytes, pieces())) and not file.read(
            1
        )


def _sorted_out(
    directory: Path, origins: dict[str, Origin], servers: Inventory, workers: int | None
) -> Remake:
    """Return which files are there, whole, and which are to be made; none of `texts`."""
    jobs, complete = [], []
    awaited: dataset.Entries = {}
    entries: dataset.Entries = {}
    listed = dataset.read_manifest(directory)["files"]
    for name, origin in origins.items():
        path = directory / name
        with _about(path):
            job = Job(
                origin.specification, path, origin.format,
                writer=origin.writer, compression=origin.compression,
            )  # fmt: skip
            there = dataset.is_there(path)
            if origin.described.get("inventory") == servers.describe():
                its = servers
            elif there:
                its = own_servers(path, origin)  # the inventory has changed since
            else:
                raise InputError(
                    f"it was made from other servers than those of {dataset.INVENTORY}; put back "
                    f"the one that it was made from"
                )
        if there:
            check_complete(job, its, workers, _ADVICE)
            complete.append(path)
            entry = make_entry(job, origin.described, path.stat().st_size)
            if listed.get(name) != entry:
                entries[name] = entry
        else:
            jobs.append(job)
            awaited[name] = make_entry(job, origin.described, origin.size)
    return Remake(directory, servers, jobs, complete, awaited, entries, {})


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Add a file to an `InputError` raised inside."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
