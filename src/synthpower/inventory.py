"""Which servers exist: make them, read them, check them."""

from __future__ import annotations

import csv
import hashlib
import operator
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as pa_csv

from synthpower import dataset, kernels
from synthpower.arrow import as_array, as_numpy, as_texts, by_appearance
from synthpower.catalog import (
    MEASUREMENTS,
    Location,
    Measurement,
    ServerType,
    at_line,
    read_locations,
    read_measurements,
    read_rows,
    read_server_types,
    shown,
)
from synthpower.csv_text import needs_quotes, render_rows
from synthpower.errors import InputError
from synthpower.grid import Chunk
from synthpower.lazy import lazy
from synthpower.storage import LocalStore, check_new_directory, check_output, make_directory
from synthpower.streams import (
    LOCATION,
    SEED_LIMIT,
    SERIAL,
    SERVER_TYPE,
    draw_seed,
    hashed_server_key,
    stream_key,
)

COLUMNS = ("sn", "model", "product_id", "location")
TEMPLATES = COLUMNS[1:]  # the columns with few distinct values

# Country and site, as seen on ProLiant servers.
PREFIXES = ("CZ1", "CZ2", "CZ3", "CZJ", "SGH", "MXQ", "USE", "CNX", "CN7", "2M2")
SERIAL_LENGTH = 10
SERIAL_NUMBERS = len(PREFIXES) * kernels.YEARS * kernels.WEEKS * kernels.UNITS  # 4.8e9
# An inventory is held in memory, and Arrow's strings address 2 GiB.
CAPACITY = (2**31 - 1) // SERIAL_LENGTH
assert CAPACITY < SERIAL_NUMBERS

_EMPTY_OR_CONTROL = r"^$|[\x{00}-\x{1f}\x{7f}-\x{9f}]"


@dataclass(frozen=True)
class Servers:
    """The servers of an inventory in the order of their serial numbers' bytes.

    Attributes
    ----------
    keys : (servers,) uint64
        Their coordinates.
    ascending : (servers,) uint64
        The same, ascending.
    sn : pyarrow.StringArray
        Their serial numbers.
    templates : dict of str to pyarrow.DictionaryArray
        `model`, `product_id` and `location`, int32 indices, no value twice, in order
        of their appearance: the same servers give the same bytes, however they came.
    """

    keys: NDArray[np.uint64]
    ascending: NDArray[np.uint64]
    sn: pa.StringArray
    templates: dict[str, pa.DictionaryArray]

    def keys_of(self, chunk: Chunk) -> NDArray[np.uint64]:
        """Return the coordinates of a chunk's servers."""
        return self.keys[chunk.first_server : chunk.first_server + chunk.servers]


class Inventory:
    """Servers: serial number, model, product id and location of each.

    Make one with `generate` or `read`; the initialiser takes a checked table.

    Attributes
    ----------
    table : pyarrow.Table
        One row for each server, in index order; columns `sn` (string), `model`,
        `product_id` and `location` (int32 dictionaries of strings, one for all chunks).
    seed : int or None
        The seed that it was made from, where that is known.
    """

    def __init__(self, table: pa.Table, seed: int | None = None) -> None:
        self.table = table
        self.seed = seed

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @classmethod
    def generate(
        cls,
        count: int,
        seed: int | None = None,
        server_types: Sequence[ServerType] | None = None,
        locations: Sequence[Location] | None = None,
    ) -> Inventory:
        """Make an inventory; server i is a pure function of the seed, the tables and i.

        Parameters
        ----------
        count : int
            The number of servers, 1 to `CAPACITY`.
        seed : int, optional
            0 <= seed < 2**63; drawn from the system where none is given.
        server_types, locations : sequence, optional
            What to choose from, evenly but for the weights; the shipped tables otherwise.

        Raises
        ------
        InputError
            Where count or seed is out of range.
        """
        check_count(count)
        seed = draw_seed() if seed is None else operator.index(seed)
        if not 0 <= seed < SEED_LIMIT:
            raise InputError(f"{shown(seed)}: it must be 0 to 2^63 - 1", "seed")
        types = [t for t in server_types or read_server_types() if t.weight]
        sites = [site for site in locations or read_locations() if site.weight]
        if not types or not sites:
            raise InputError("server types and locations: one of each needs a weight above zero")
        serials = np.empty((count, SERIAL_LENGTH), np.uint8)
        prefixes = np.array([list(prefix.encode()) for prefix in PREFIXES], np.uint8)
        kernels.fill_serials(0, np.uint64(stream_key(seed, SERIAL)), prefixes, serials)
        offsets = np.arange(count + 1, dtype=np.int32) * np.int32(SERIAL_LENGTH)
        sn = pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(serials))
        kind = _choices(count, seed, SERVER_TYPE, [Fraction(t.weight) for t in types])
        site = _choices(count, seed, LOCATION, [Fraction(s.weight) for s in sites])
        columns = {
            "sn": sn,
            "model": _chosen(kind, [t.model for t in types]),
            "product_id": _chosen(kind, [t.product_id for t in types]),
            "location": _chosen(site, [s.location for s in sites]),
        }
        return cls(pa.table(columns), seed)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Inventory:
        """Read an inventory and check it.

        Parameters
        ----------
        path : path-like
            A CSV file with the columns sn, model, product_id and location, in any
            order, others ignored; or a dataset directory, whose inventory.csv is
            read, and README.md for the seed.

        Raises
        ------
        InputError
            Naming file and line: see `catalog.read_rows`; also a serial number that
            stands there twice, a product id with two models, no server at all.
        """
        path = Path(path)
        seed = None
        if path.is_dir():
            seed = dataset.readme_seed(path)
            path = path / dataset.INVENTORY
            if not path.exists():
                raise InputError(f"{path}: no inventory there; {_made_by(path)}")
        try:
            inventory = cls(_read_csv(path), seed)
            inventory._check()
        except (pa.ArrowException, InputError, OSError) as error:
            _diagnose(path)  # names the line; slower, and only where there is something to name
            raise InputError(f"{path}: {error}") from None
        return inventory

    def write(
        self,
        directory: str | os.PathLike[str],
        measurements: Sequence[Measurement] | None = None,
        overwrite: bool = False,
        command: str | None = None,
    ) -> int:
        """Write inventory.csv, measurements.csv and README.md, and return the bytes of the first.

        Parameters
        ----------
        directory : path-like
            Made where it does not exist.
        measurements : sequence of Measurement, optional
            What measurements.csv is to hold; the shipped ones otherwise.
        overwrite : bool
            Replace what is there, unless files of readings were made from it.
        command : str, optional
            The command that makes this inventory, for README.md.

        Raises
        ------
        InputError
            Where one of the files exists, or cannot be written.
        """
        if self.seed is None:
            raise InputError("this inventory has no seed: it was not made by generate()", "seed")
        directory = Path(directory)
        check_new(directory, overwrite)
        make_directory(directory)
        command = command or (
            f"synthpower inventory --directory . --count {len(self)} --seed {self.seed}"
        )
        texts = {
            dataset.README: dataset.readme_text(self.seed, len(self), command),
            MEASUREMENTS: dataset.measurements_text(measurements or read_measurements()),
        }
        store = LocalStore(directory)
        with ExitStack() as stack:  # all three appear when all are whole
            stack.enter_context(store.lock())
            store.clear()
            check_new(directory, overwrite)  # again: another run may have come first
            for name, text in texts.items():
                output = stack.enter_context(store.create(name, replace=overwrite))
                output.write(text.encode())
            sink = stack.enter_context(store.create(dataset.INVENTORY, replace=overwrite))
            for piece in self.render():
                sink.write(piece)
            return sink.size

    def render(self) -> Iterator[Any]:
        """Yield the bytes of inventory.csv, one piece after the other."""
        yield ",".join(COLUMNS).encode() + b"\n"
        quoted = any(needs_quotes(distinct) for distinct in self._distinct_texts())
        for batch in self.table.to_batches(max_chunksize=2**18):
            yield render_rows(batch, quoted)

    @lazy
    def by_serial(self) -> Servers:
        """The servers in the order of their serial numbers' bytes, with their keys.

        Raises
        ------
        InputError
            Where a serial number stands there twice, or two have the same hash.
        """
        keys, hashed = self._keys
        ascending = np.sort(keys)
        twice = np.flatnonzero(ascending[1:] == ascending[:-1])
        if twice.size:
            places = np.flatnonzero(keys == ascending[twice[0]])[:2]
            raise InputError(_same_key(*self.table["sn"].take(as_array(places)).to_pylist()))
        if hashed.size:
            unordered = self.table["sn"].combine_chunks()
            order = as_numpy(pc.sort_indices(unordered)).astype(np.int64)
            by_serial, sn = keys[order], unordered.take(as_array(order))
        else:  # a packed key orders as its serial number does, and holds it
            order = np.argsort(keys)
            by_serial, sn = ascending, _unpacked(ascending)
        templates = {}
        for name in TEMPLATES:  # much faster than taking the rows of a table in chunks
            column = self.table[name].combine_chunks()
            templates[name] = by_appearance(as_numpy(column.indices), column.dictionary, order)
        return Servers(by_serial, ascending, sn, templates)

    @lazy
    def _keys(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        return server_keys(self.table["sn"])

    def describe(self) -> dict[str, object]:
        """Return the number of servers and the inventory's digest, for metadata and manifest.

        The SHA-256 of the servers in the order of their serial numbers: the lengths of
        the numbers in four bytes each, the numbers; then for model, product_id and
        location the same of the distinct values in order of appearance, and which of
        them each server has, in four bytes. The order of the file does not matter.
        """
        return {"servers": len(self), "sha256": self._digest}

    @lazy
    def _digest(self) -> str:
        digest = hashlib.sha256()
        servers = self.by_serial
        _update(digest, servers.sn)
        for name in TEMPLATES:
            texts = servers.templates[name]
            _update(digest, texts.dictionary)
            digest.update(as_numpy(texts.indices).astype("<i4").tobytes())
        return digest.hexdigest()

    def _check(self) -> None:
        """Raise `InputError` where a field is empty or has control characters, or models differ."""
        if not len(self):
            raise InputError("no server")
        for texts in self._distinct_texts():
            if pc.any(pc.match_substring_regex(texts, _EMPTY_OR_CONTROL)).as_py():
                raise InputError("an empty field or a control character")
        columns = [self.table[name].combine_chunks() for name in ("product_id", "model")]
        products, models = (as_numpy(column.indices) for column in columns)
        model_of = np.zeros(len(columns[0].dictionary), np.int32)
        model_of[products] = models
        if (model_of[products] != models).any():
            raise InputError("a product id has two models")
        _ = self.by_serial

    def _distinct_texts(self) -> list[pa.StringArray]:
        """Return the texts to look at, each once; of the serial numbers only the unusual ones."""
        _, hashed = self._keys
        # Arrow joins all chunks to take from them, even nothing.
        sn = self.table["sn"] if hashed.size else self.table["sn"].slice(0, 0)
        unusual = sn.take(as_array(hashed)).combine_chunks()
        few = [self.table[name].chunk(0).dictionary for name in TEMPLATES]
        return [unusual, *few]


def check_count(count: int) -> None:
    """Raise `InputError` unless an inventory can have `count` servers."""
    if not 1 <= count <= CAPACITY:
        raise InputError(f"{shown(count)}: an inventory has 1 to {CAPACITY:,} servers", "count")


def check_new(directory: Path, overwrite: bool) -> None:
    """Raise `InputError` where an inventory cannot be written, or data files are made from it."""
    check_new_directory(directory)
    if not directory.exists():
        return
    for name in (dataset.INVENTORY, dataset.README, MEASUREMENTS):
        check_output(directory / name, overwrite)
    if made := dataset.data_files(directory):
        raise InputError(
            f"{directory / made[0]} was made from the inventory that is there; remove the data "
            f"files first, or choose another directory"
        )


def server_keys(
    sn: pa.StringArray | pa.ChunkedArray,
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the keys of serial numbers, and the places of those that could not be packed."""
    keys = np.empty(len(sn), np.uint64)
    at = 0
    for chunk in sn.chunks if isinstance(sn, pa.ChunkedArray) else [sn]:
        kernels.fill_server_keys(*string_buffers(chunk), keys[at : at + len(chunk)])
        at += len(chunk)
    hashed = np.flatnonzero(keys == 0)
    for i in hashed:
        keys[i] = hashed_server_key(sn[int(i)].as_py())
    return keys, hashed


def _unpacked(keys: NDArray[np.uint64]) -> pa.StringArray:
    """Return the serial numbers of packed keys."""
    offsets = np.empty(keys.size + 1, np.int32)
    data = np.empty((keys.size + 1) * kernels.PACKED_LENGTH, np.uint8)
    kernels.put_serials(keys, offsets, data)
    sn = pa.StringArray.from_buffers(keys.size, pa.py_buffer(offsets), pa.py_buffer(data))
    sn.validate()  # fails beyond 2 GiB, where offsets wrap
    return sn


def _choices(
    count: int, seed: int, purpose: bytes, weights: Sequence[Fraction]
) -> NDArray[np.int32]:
    """Choose for each server among alternatives of positive weights."""
    total = sum(weights)
    thresholds = []
    below = Fraction(0)
    for weight in weights[:-1]:
        below += weight
        thresholds.append(int(below / total * 2**64))
    out = np.empty(count, np.int32)
    key = np.uint64(stream_key(seed, purpose))
    kernels.fill_choices(0, key, np.array(thresholds, np.uint64), out)
    return out


def _chosen(choices: NDArray[np.int32], texts: Sequence[str]) -> pa.DictionaryArray:
    """Return the texts of choices; a text of two alternatives stands in the dictionary once."""
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    indices = np.array([places[text] for text in texts], np.int32)[choices]
    return pa.DictionaryArray.from_arrays(as_array(indices), as_texts(list(places)))


def _read_csv(path: Path) -> pa.Table:
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            header = next((row for row in csv.reader(file, strict=True) if row), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{error}") from None
    if any(header.count(column) != 1 for column in COLUMNS):
        raise InputError("a column is missing or repeated")
    # Every column as text, the ignored ones too: so all of the file is known to be UTF-8.
    types = dict.fromkeys(header, pa.string())
    types.update(dict.fromkeys(TEMPLATES, pa.dictionary(pa.int32(), pa.string())))
    with path.open("rb") as file:  # Arrow itself takes no path that is not UTF-8
        # Only within quotes a field has line ends; without, blocks are found on all cores.
        quoted = _has_quotes(file)
        table = pa_csv.read_csv(
            file,
            pa_csv.ReadOptions(block_size=2**22),
            pa_csv.ParseOptions(newlines_in_values=quoted),
            pa_csv.ConvertOptions(column_types=types),
        )
    return table.select(list(COLUMNS)).unify_dictionaries()


def _has_quotes(file: BinaryIO) -> bool:
    while data := file.read(2**22):
        if b'"' in data:
            break
    file.seek(0)
    return bool(data)


def _diagnose(path: Path) -> None:
    """Raise `InputError` for the first line of an inventory file that is wrong, if there is one."""
    lines: dict[str, int] = {}
    models: dict[str, tuple[str, int]] = {}
    if not path.stat().st_size:
        raise InputError(f"{path}: the file is empty; {_made_by(path)}")
    for line, row in read_rows(path, COLUMNS):
        with at_line(path, line):
            first = lines.setdefault(row["sn"], line)
            if first != line:
                raise InputError(
                    f"serial number {shown(row['sn'])} stands there twice, first in line {first}"
                )
            model, first = models.setdefault(row["product_id"], (row["model"], line))
            if model != row["model"]:
                raise InputError(
                    f"product id {shown(row['product_id'])} has two models: "
                    f"{shown(model)!r} in line {first}, here {shown(row['model'])!r}"
                )
    if not lines:
        raise InputError(f"{path}: no server below the header; {_made_by(path)}")


def _made_by(path: Path) -> str:
    return f"make one with 'synthpower inventory --directory {path.parent} --count 1000'"


def _same_key(first: str, second: str) -> str:
    if first == second:
        return f"serial number {shown(first)} stands there twice"
    return f"serial numbers {shown(first)} and {shown(second)} have the same hash; change one"


def string_buffers(texts: pa.StringArray) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return the bytes of strings, one after the other, and where each begins."""
    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, np.int32, len(texts) + 1, 4 * texts.offset)
    return np.frombuffer(data or b"", np.uint8), places


def _update(digest: hashlib._Hash, texts: pa.StringArray) -> None:
    data, offsets = string_buffers(texts)
    digest.update(np.diff(offsets).astype("<u4").tobytes())
    digest.update(data[offsets[0] : offsets[-1]].tobytes())
