"""The dataset directory: its names, README.md and manifest.json."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthpower import streams
from synthpower.catalog import MEASUREMENTS, Measurement
from synthpower.errors import InputError
from synthpower.storage import LocalStore

README = "README.md"
INVENTORY = "inventory.csv"
MANIFEST = "manifest.json"
DATA = "data-*"
OURS = (README, INVENTORY, MEASUREMENTS, MANIFEST)

Entries = dict[str, dict[str, Any]]  # of the manifest, by the names of their files

_README = """\
---
glcp_customer_id: {customer_id}
devices: {inventory}
data: {data}
update: 24 hr
seed: {seed}
servers: {servers}
---

# Synthetic power data

**Everything here is synthetic.** The servers do not exist and the readings are
random numbers made by the program synthpower. Only the models and product ids are
real ones of HPE, and they belong together. Use it to build and to test; draw no
conclusion from its values.

## The servers: {inventory}

{count} servers, one in a row. UTF-8 with a header, comma separated.

| column | meaning |
| --- | --- |
| `sn` | serial number, unique, in the form of HPE's (country, site, year, week, unit) |
| `model` | name of the server model |
| `product_id` | HPE product number; each belongs to one model |
| `location` | the site where the server stands |

## The readings: {data}

Each file holds one day (`data-2023-02-27.csv`) or one hour (`data-2023-02-27T05.csv`,
the same readings as in the day's file).
A file that ends in `.parquet` holds the same readings as one of the same name that
ends in `.csv`: read one or the other, not both.

| column | meaning |
| --- | --- |
| `sn`, `model`, `product_id`, `location` | the server, as in {inventory} |
| `start_time`, `end_time` | the interval that was measured, in UTC (`Z`); start included, end not |
| `measurement_value` | the value, in `unit` |
| `unit` | the unit of the value |
| `name` | what was measured |

Some files have no `start_time`: there an interval begins where the server's one
before it ends. Every server has one row for each interval and each measurement, so
the rows are the product of the three. They are ordered by interval, then by serial
number, then as the measurements are in {measurements}, which has for each its
`name`, its `unit`, the greatest value (`scale`) and the number of `decimals`.

## Made again

The seed is {seed}: the same commands make the same bytes. What each file of readings
was made from stands in {manifest} and, for Parquet, in the file's own metadata:
`synthpower remake .` makes what is missing of them and of {inventory}.

    {command}
    synthpower data --directory . --date 2023-02-27 --format csv
"""


_SEED_LINE = re.compile(r"""["']?seed["']?\s*:(?:\s+(.*?))??(?:\s+#.*)?\s*""")
_DATA_NAME = re.compile(r"data-\d{4}-\d\d-\d\d(T\d\d)?\.(csv|parquet)")


def readme_text(seed: int, count: int, command: str) -> str:
    """Return the text of a dataset's README.md; `command` makes the inventory again."""
    return _README.format(
        customer_id=streams.customer_id(seed),
        seed=seed,
        count=f"{count:,}",
        servers=count,
        command=command,
        inventory=INVENTORY,
        measurements=MEASUREMENTS,
        manifest=MANIFEST,
        data=DATA,
    )


def measurements_text(measurements: Sequence[Measurement]) -> str:
    """Return the text of a dataset's measurements.csv."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["name", "unit", "scale", "decimals"])
    for m in measurements:
        writer.writerow([m.name, m.unit, m.scale, "" if m.decimals is None else m.decimals])
    return out.getvalue()


def front_matter(directory: Path) -> dict[str, str]:
    """Return the plain pairs of the front matter of the directory's README.md, as text."""
    try:
        lines = (directory / README).read_bytes().decode("utf-8-sig", "replace").splitlines()
    except OSError:
        return {}
    if not lines or lines[0].rstrip() != "---" or "---" not in map(str.rstrip, lines[1:]):
        return {}
    end = [line.rstrip() for line in lines].index("---", 1)
    pairs = (line.partition(":")[::2] for line in lines[1:end] if ":" in line)
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}


def readme_seed(directory: Path) -> int | None:
    """Return the seed in the front matter of the directory's README.md, None where there is none.

    Raises
    ------
    InputError
        Where it is not a whole number of 0 to 2**63 - 1.
    """
    path = directory / README
    try:
        lines = path.read_bytes().decode("utf-8-sig", "replace").splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    if not lines or lines[0].rstrip() != "---":
        return None
    for number, line in enumerate(lines[1:], 2):
        if line.rstrip() == "---":
            break
        if found := _SEED_LINE.fullmatch(line):
            return _seed((found[1] or "").strip().strip("'\""), f"{path}:{number}")
    return None


def readme_servers(directory: Path) -> int | None:
    """Return the number of servers in README.md's front matter, None where there is none."""
    text = front_matter(directory).get("servers", "")
    return int(text) if re.fullmatch("[1-9][0-9]{0,8}", text) else None


def _seed(text: str, place: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 19 and int(text) < streams.SEED_LIMIT:
        return int(text)
    raise InputError(f"{place}: the seed must be a whole number of 0 to 2^63 - 1")


def read_manifest(directory: Path) -> dict[str, Any]:
    """Return the directory's manifest, ``{"files": {}}`` where there is none.

    Raises
    ------
    InputError
        Where manifest.json is not one of ours.
    """
    path = directory / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {"files": {}}
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        manifest = None
    if not (isinstance(manifest, dict) and isinstance(manifest.get("files"), dict)):
        raise InputError(f"{path}: not a manifest of synthpower; remove it or put it right")
    return manifest | {"files": {_here(name): e for name, e in manifest["files"].items()}}


def _here(name: str) -> str:
    """Return a file's name in the manifest, where it is UTF-8, as it is in this locale."""
    with contextlib.suppress(UnicodeError):  # one that no file can have
        return os.fsdecode(name.encode("utf-8", "surrogateescape"))
    return name


def _everywhere(name: str) -> str:
    """Return a file's name as the manifest has it, whatever the locale."""
    with contextlib.suppress(UnicodeError):
        return os.fsencode(name).decode("utf-8", "surrogateescape")
    return name


def manifest_seed(directory: Path) -> int | None:
    """Return the seed that an earlier run drew and kept, None where there is none."""
    kept = read_manifest(directory).get("seed")
    return None if kept is None else _seed(str(kept), f"{directory / MANIFEST}")


def keep_seed(directory: Path, seed: int) -> int:
    """Keep a drawn seed in the manifest and return it; where another run has kept one, that."""
    with LocalStore(directory).lock():
        kept = manifest_seed(directory)
        if kept is None:
            _write_manifest(directory, read_manifest(directory) | {"seed": seed})
        return seed if kept is None else kept


def check_manifest(directory: Path) -> None:
    """Raise `InputError` where the directory's manifest cannot be read or brought up to date."""
    with LocalStore(directory).lock():
        read_manifest(directory)


def update_manifest(directory: Path, entries: Entries, awaited: Entries | None = None) -> None:
    """Add `entries` to the manifest, and drop those whose file is gone, but for `awaited` ones."""
    with LocalStore(directory).lock():
        manifest = read_manifest(directory)
        files = manifest["files"] | entries
        files = {name: entry for name, entry in files.items() if is_there(directory / name)}
        files |= {n: entry for n, entry in (awaited or {}).items() if not is_there(directory / n)}
        if files != manifest["files"]:
            _write_manifest(directory, manifest | {"files": files})


class ManifestLog:
    """Brings the manifest up to date while files are written: once a second, and at the end.

    A file's entry on its own takes longer than many a file. The entries of files that are
    awaited stay, so that a run that is killed is not forgotten.
    """

    def __init__(self, directory: Path, awaited: Entries | None = None) -> None:
        self._directory = directory
        self._awaited = awaited
        self._entries: Entries = {}
        self._last = time.monotonic()

    def __enter__(self) -> ManifestLog:
        if self._awaited:
            update_manifest(self._directory, {}, self._awaited)
        return self

    def __exit__(self, *error: object) -> None:
        self._write()

    def add(self, name: str, entry: dict[str, Any]) -> None:
        self._entries[name] = entry
        if time.monotonic() > self._last + 1:
            self._write()

    def _write(self) -> None:
        if self._entries:
            update_manifest(self._directory, self._entries, self._awaited)
        self._entries = {}
        self._last = time.monotonic()


def _write_manifest(directory: Path, manifest: dict[str, Any]) -> None:
    files = {_everywhere(name): entry for name, entry in manifest["files"].items()}
    manifest = manifest | {"files": files}
    with LocalStore(directory).create(MANIFEST, replace=True) as sink:
        sink.write(json.dumps(manifest, indent=2, sort_keys=True).encode() + b"\n")


def is_data_name(name: str) -> bool:
    """Return whether a name is one that we give to a file of readings."""
    return _DATA_NAME.fullmatch(name) is not None


def data_files(directory: Path) -> list[str]:
    """Return the names of the directory's files of readings: by their names, or the manifest."""
    names = {path.name for path in directory.iterdir() if is_data_name(path.name)}
    names |= read_manifest(directory)["files"].keys()
    return sorted(name for name in names if is_there(directory / name))


def is_there(path: Path) -> bool:
    """Return whether there is such a file; its name may come from anywhere."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # such as a name that is too long
        return False
