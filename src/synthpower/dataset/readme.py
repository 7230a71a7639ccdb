"""README.md: rendered for whoever gets only the directory, and never parsed for facts of ours.

Of the README of another producer's dataset, the front matter is read: its seed and its globs.
"""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date as Date  # noqa: N812 - `date` is a variable here
from datetime import timedelta
from itertools import pairwise

from synthpower.dataset.entries import Entry, as_entry
from synthpower.dataset.layout import DATA, INVENTORY, MANIFEST, README, parse_data_name
from synthpower.dataset.manifest import Manifest, checked_seed
from synthpower.dataset.paths import HOUR_OF_DAY, LOCATION, NAME, glob_of, joint_glob
from synthpower.dataset.prose import OwnTables, rows_prose, with_rows_prose
from synthpower.errors import InputError
from synthpower.formats import DEFAULT_FORMAT, what_says
from synthpower.formats.interface import word_of
from synthpower.model import streams
from synthpower.model.calendar import HOUR
from synthpower.model.columns import COLUMNS as COLUMNS_BY_DEFAULT
from synthpower.model.columns import END_COLUMNS, measurements_of
from synthpower.model.description import parse
from synthpower.model.grid import WHOLE
from synthpower.model.measurement import Measurement, without_quantities
from synthpower.model.specification import DEFAULT_SIGNAL, Specification
from synthpower.storage import Store
from synthpower.tables import (
    COLUMNS,
    LOCATIONS,
    MEASUREMENTS,
    SERVER_TYPES,
    read_measurements,
)

DAY = timedelta(days=1)
BEGIN, END = "<!-- commands:begin -->", "<!-- commands:end -->"

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

**Everything here is synthetic.** The servers do not exist and the readings are made
by the program synthpower: random numbers or, where the commands below say
`--signal load`, those of a model. Only the models and product ids are real ones of
HPE, and they belong together. Use it to build and to test; draw no conclusion from
its values.

## The servers: {inventory}

{count} servers, one in a row. UTF-8 with a header, comma separated.

| column | meaning |
| --- | --- |
| `sn` | serial number, unique, in the form of HPE's (country, site, year, week, unit) |
| `model` | name of the server model |
| `product_id` | HPE product number; each belongs to one model |
| `location` | the site of the server |

They were drawn from {server_types} and {locations}.

## The readings

Each file holds one day (`data-2023-02-27.csv`) or one hour (`data-2023-02-27T05.csv`,
the same readings as in the day's file). One whose name ends in `-00003-of-00010` before
its suffix is the third of ten parts: one after the other they are the file.
In folders such as `dt=2023-02-27/hour=05`, a file has the rows that its path says, and
`%20` stands for a space.
Files whose names differ in their suffix only (`.csv`, `.csv.gz`, `.parquet`, `.arrow`)
hold the same readings: read one or the other, not both.

{rows}

## Made again

The seed is {seed}: the same commands make the same bytes. What each file of readings
was made from is in {manifest} and, for Parquet and Arrow, in the file's metadata:
`synthpower remake .` makes what is missing of them and of {inventory}.

{commands}
"""

_SEED_LINE = r"""["']?seed["']?\s*:(?:\s+(.*?))??(?:\s+#.*)?\s*"""


def render_readme(manifest: Manifest, own: OwnTables) -> str:
    """Return the text of a dataset's README.md.

    Parameters
    ----------
    manifest : Manifest
        Of a dataset whose inventory was made here.
    own : OwnTables
        Its measurements.csv and columns.csv.
    """
    assert manifest.inventory is not None
    assert manifest.seed is not None
    count = int(manifest.inventory["servers"])
    return _README.format(
        customer_id=streams.customer_id(manifest.seed),
        seed=manifest.seed,
        count=f"{count:,}",
        servers=count,
        inventory=INVENTORY,
        server_types=SERVER_TYPES,
        locations=LOCATIONS,
        measurements=MEASUREMENTS,
        manifest=MANIFEST,
        data=_glob(manifest),
        rows=rows_prose(own),
        commands=commands_block(manifest, own),
    )


def with_commands(readme: str, manifest: Manifest, own: OwnTables) -> str:
    """Return a README with today's commands, where it has a block of them; else as it is.

    What it says of the rows is today's, too.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or manifest.inventory is None:
        return readme
    before = re.sub("(?m)^data: .*$", lambda _: f"data: {_glob(manifest)}", before, count=1)
    return with_rows_prose(before, own) + commands_block(manifest, own) + after


def _glob(manifest: Manifest) -> str:
    """Return a glob that matches all files of readings."""
    globs = set()
    for name in manifest.files:
        with suppress(InputError):  # of an entry that makes no sense
            entry = manifest.entry(name)
            pattern = entry.pattern(name) if entry else None
            globs.add(glob_of(pattern, what_says(name).suffix) if pattern else DATA)
    return joint_glob(globs or {DATA})


def commands_block(manifest: Manifest, own: OwnTables) -> str:
    """Return the commands that make a dataset, between the marks by which they are found."""
    lines = "\n".join(f"    {line}" for line in _commands(manifest, own))
    return f"{BEGIN}\n\n{lines}\n\n{END}"


def inventory_command(manifest: Manifest) -> str:
    """Return the command that makes a dataset's inventory."""
    inventory = manifest.inventory or {}
    command = (
        f"synthpower inventory --directory . --count {inventory.get('servers')} "
        f"--seed {inventory.get('seed')}"
    )
    for table in inventory.get("own_tables", ()):
        command += f" --{table.removesuffix('.csv').replace('_', '-')} {table}"
    return command


def _commands(manifest: Manifest, own: OwnTables) -> Iterator[str]:
    command = inventory_command(manifest)
    if list(own.measurements) != read_measurements():
        command += f" --measurements {MEASUREMENTS}"
    if own.columns is not None or "columns" in (manifest.inventory or {}):
        command += f" --columns {COLUMNS}"
    yield command
    for (_, _, own_name), names in sorted(_alike(manifest).items()):
        entry = as_entry(manifest.files[names[0][1]])
        assert entry is not None
        try:
            specification, _ = parse(entry.record)
        except InputError:
            continue
        dates = sorted({date for date, _ in names})
        options = _options(specification, manifest.seed) + _form(entry)
        if own_name in manifest.files:
            options += f" --output {own_name}"
        elif own_name:
            options += f" --path {shlex.quote(own_name)}"
            dates = _whole_days(dates) if HOUR_OF_DAY in own_name else dates
            if NAME in own_name:
                measured = _measured(manifest, names, own.measurements)
                specification = replace(specification, measurements=measured)
        for date, days in _runs_of_days(dates):
            many = f" --days {days}" if days > 1 else ""
            command = f"synthpower data --directory . --date {date}{many}{options}"
            yield _with_tables(command, specification, own, entry.options.row)


def _measured(
    manifest: Manifest, names: Sequence[tuple[str, str]], own: Sequence[Measurement]
) -> tuple[Measurement, ...]:
    """Return what files have that have one measurement each, in the order of a table."""
    entries = (as_entry(manifest.files[name]) for _, name in names)
    found = {m: None for entry in entries if entry for m in entry.parse()[0].measurements}
    order = [measurement.name for measurement in own]
    return tuple(sorted(found, key=lambda m: (*order, m.name).index(m.name)))


def _with_tables(
    command: str, specification: Specification, own: OwnTables, row: str | None
) -> str:
    """Return a command, and say so if it takes a table that only the manifest has."""
    tables = ""
    try:
        measured = measurements_of(specification.columns, own.measurements)
    except InputError:  # of other measurements
        measured = ()
    if specification.measurements not in (measured, without_quantities(measured)):
        tables += " --measurements FILE"
    columns = tuple(c.of_tables(own.measurements) for c in own.columns or COLUMNS_BY_DEFAULT)
    if row is None and own.columns is None and specification.columns == END_COLUMNS:
        command += " --end"
    elif row is None and specification.columns != columns:
        tables += " --columns FILE"
    if specification.faults:
        tables += " --faults FILE"
    return f"# {command}{tables}: 'synthpower remake .' needs no FILE" if tables else command


def _alike(manifest: Manifest) -> dict[tuple[str, str, str], list[tuple[str, str]]]:
    """Return the dates and names of files by what they have in common, whatever their number."""
    groups: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for name, found in manifest.files.items():
        entry = as_entry(found)
        if not entry:
            continue
        start, end = (str(entry.record.get(key)) for key in ("start", "end"))
        hour = start[:13] == end[:13] or start[:10] == end[:10] or end[11:13] != start[11:13]
        date = start[:13].replace(" ", "T") if hour else start[:10]
        own_name = "" if parse_data_name(name) else name
        with suppress(InputError):  # of an entry that makes no sense
            own_name = entry.pattern(name) or own_name
        different = {"start", "end", "location"}
        if LOCATION in own_name:
            different |= {"inventory", "facts", "offsets"}
        if NAME in own_name:
            different.add("measurements")
        common = {k: v for k, v in entry.record.items() if k not in different}
        how = json.dumps([common, entry.format, str(entry.options), hour], sort_keys=True)
        groups.setdefault((entry.format, how, own_name), []).append((date, name))
    return groups


def _whole_days(dates: Iterable[str]) -> list[str]:
    """Return dates in order, a day in place of its 24 hours."""
    hours = Counter(date[:10] for date in dates)
    return sorted({date[:10] if hours[date[:10]] == 24 else date for date in dates})


def _runs_of_days(dates: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield the first date, and how many there are, of dates that follow each other."""
    first, days = dates[0], 1
    for before, after in pairwise(dates):
        hour = "T" in before + after
        if not hour and Date.fromisoformat(after) - Date.fromisoformat(before) == DAY:
            days += 1
            continue
        yield first, days
        first, days = after, 1
    yield first, days


def _options(specification: Specification, seed: int | None) -> str:
    """Return the options that say what is not as it is by default."""
    options = ""
    if specification.interval != HOUR:
        options += f" --interval {specification.interval}"
    if specification.fuzz:
        options += f" --fuzz {specification.fuzz}"
    if specification.signal != DEFAULT_SIGNAL:
        options += f" --signal {specification.signal}"
    if specification.seed != seed:
        options += f" --seed {specification.seed}"
    if specification.part != WHOLE:
        options = f" --shard {specification.part.number}/{specification.part.of}{options}"
    return options


def _form(entry: Entry) -> str:
    """Return the options that say in which form a file is."""
    options = f" --format {entry.format}" if entry.format != DEFAULT_FORMAT else ""
    given = entry.options.given()
    for word, value in sorted((word_of(field), value) for field, value in given.items()):
        flag = word.replace("_", "-")
        text = shlex.quote(str(value).replace("\t", "\\t"))
        between = "=" if text.startswith(("-", "'-")) else " "
        options += f" --no-{flag}" if value is False else f" --{flag}{between}{text}"
    return options


def front_matter(store: Store) -> dict[str, str]:
    """Return the plain pairs of the front matter of the store's README.md, as strings."""
    try:
        lines = _lines(store)
    except (OSError, InputError):
        return {}
    if not lines or lines[0].rstrip() != "---" or "---" not in map(str.rstrip, lines[1:]):
        return {}
    end = [line.rstrip() for line in lines].index("---", 1)
    pairs = (line.partition(":")[::2] for line in lines[1:end] if ":" in line)
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}


def readme_seed(store: Store) -> int | None:
    """Return the seed in the front matter of README.md, None where there is none.

    Raises
    ------
    InputError
        Where it is not a whole number of 0 to 2**63 - 1.
    """
    label = store.label(README)
    if not store.exists(README):
        return None
    try:
        lines = _lines(store)
    except OSError as error:
        raise InputError(f"{label}: cannot be read: {error.strerror}") from None
    if not lines or lines[0].rstrip() != "---":
        return None
    for number, line in enumerate(lines[1:], 2):
        if line.rstrip() == "---":
            break
        if found := re.fullmatch(_SEED_LINE, line):
            return checked_seed((found[1] or "").strip().strip("'\""), f"{label}:{number}")
    return None


def _lines(store: Store) -> list[str]:
    with store.open(README) as file:
        return file.read().decode("utf-8-sig", "replace").splitlines()
