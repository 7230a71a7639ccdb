"""Files of any columns against the reference, to the byte, over what Hypothesis draws."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from fractions import Fraction
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from drawn import ZONES, load_spans, of_load, seeds, serials, spans, texts
from drawn import measurement as any_measurement
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from memory_store import MemoryStore
from support import measured_by

from synthpower import Fault, Inventory, Location, Measurement, Readings, ServerType
from synthpower.engine import Job, Run
from synthpower.formats.arrow import Arrow
from synthpower.formats.interface import Format, Options
from synthpower.formats.parquet import Parquet
from synthpower.formats.parquet.writer import Sizes
from synthpower.formats.text.formats import Csv, JsonLines, Pattern, TextFormat
from synthpower.formats.text.row import pattern_columns
from synthpower.model.columns import FIELDS, FORMATS, Column, Kind, field_of
from synthpower.model.grid import Part
from synthpower.model.specification import Specification

TIMES = ("start_time", "end_time")
STRINGS = [name for name, field in FIELDS.items() if field.kind is Kind.STRING]
OF_MEASUREMENTS = ("unit", "name")
DELIMITERS = st.sampled_from(sorted("\t!#$%&'()*,/;<=>?@[\\]^`{|}~"))
# Nothing of a table is longer than the four blocks that are copied whatever a text's size, but few.
long_texts = texts | st.sampled_from(
    ['O\'Brien "the 2nd", Ltd.', "a\\b\\", "=1+1", "{x}", "é" * 70, "x" * 300, "😀, 'ß'", " "]
)
tables_of_facts = ("inventory", "server_types", "locations", "measurements")


@pytest.fixture(scope="session")
def columns_reference(reference: ModuleType) -> ModuleType:
    return importlib.import_module("columns_reference")


def is_further(name: str) -> bool:
    """Return whether a text can be the name of a further column, in a pattern, too."""
    return not (
        name in FIELDS
        or name in ("time_zone", "weight", "load_curve", "sockets")
        or name.startswith(("=", "value:"))
        or set(name) & set("{}:")
        or "\\n" in name
        or "\\t" in name
    )


further_names = long_texts.filter(is_further)


def formats_of(measurements: Sequence[Measurement]) -> list[str]:
    """Return the formats that a column of the values of some measurements may have."""
    formats = ["", "double"]
    decimals = {m.decimals for m in measurements}
    if all(max(abs(m.minimum), abs(m.scale)) < 10**38 for m in measurements):
        formats.append("float")
    if decimals == {0}:
        formats.append("integer")
    if None not in decimals:
        places = max(m.decimals or 0 for m in measurements)
        most = max(
            max(abs(m.min_count), abs(m.max_count)) * 10 ** (places - (m.decimals or 0))
            for m in measurements
        )
        if places <= 18 and most < 10**18:
            formats.append("decimal")
    return formats


@st.composite
def world(
    draw: st.DrawFn, spans: st.SearchStrategy[dict[str, Any]], table: st.SearchStrategy[Any]
) -> dict[str, Any]:
    """Return servers, their facts, measurements and a span."""
    sns = draw(st.lists(serials, min_size=1, max_size=5, unique=True))
    models = draw(st.lists(long_texts, min_size=1, max_size=3, unique=True))
    sites = draw(st.lists(long_texts, min_size=1, max_size=3, unique=True))
    servers = [
        (sn, models[i % len(models)], f"P{i % len(models)}", sites[i // 2 % len(sites)])
        for i, sn in enumerate(sns)
    ]
    measurements = draw(table)
    rows = {
        "inventory": sns,
        "server_types": [f"P{i}" for i in range(len(models))],
        "locations": sites,
        "measurements": [m.name for m in measurements],
    }
    names = draw(st.lists(further_names, max_size=4, unique=True))
    facts: dict[str, dict[str, dict[str, str]]] = {
        table: {each: {} for each in each_of} for table, each_of in rows.items()
    }
    for name in names:
        table_of = draw(st.sampled_from(tables_of_facts))
        for each in rows[table_of]:
            facts[table_of][each][name] = draw(long_texts | st.just(""))
    for site in sites:
        facts["locations"][site]["time_zone"] = draw(st.sampled_from(ZONES))
    measurements = [
        Measurement(m.name, m.unit, m.scale, m.decimals, m.quantity, m.minimum,
                    tuple(facts["measurements"][m.name].items()))
        for m in measurements
    ]  # fmt: skip
    span = draw(spans)
    if span["date"] >= "9999-12-30":
        span["fuzz"] = 0  # local time ends with the year
    known = [
        name for name in names if any(name in row for t in facts.values() for row in t.values())
    ]
    return {
        "servers": servers, "facts": facts, "measurements": measurements, "span": span,
        "seed": draw(seeds), "names": known,
    }  # fmt: skip


@st.composite
def sources(draw: st.DrawFn, made: Mapping[str, Any], wide: bool) -> list[tuple[str, str]]:
    """Return sources with their formats; one at least is a value."""
    measurements: list[Measurement] = made["measurements"]
    of_measurements = {name for facts in made["facts"]["measurements"].values() for name in facts}
    strings = [*STRINGS, *made["names"]]
    if wide:
        strings = [s for s in strings if s not in of_measurements and s not in OF_MEASUREMENTS]
    times = [f for f in FORMATS[Kind.TIMESTAMP] if f != "ns" or made["span"]["date"] < "2262"]
    string = st.tuples(st.sampled_from(strings) | texts.map("={}".format), st.just(""))
    time = st.tuples(st.sampled_from(TIMES), st.sampled_from(["", *times]))
    if wide:
        values = [(f"value:{m.name}", format) for m in measurements for format in formats_of([m])]
    else:
        values = [("measurement_value", format) for format in formats_of(measurements)]
    value = st.sampled_from(values)
    chosen = draw(st.lists(string | time | value, max_size=7))
    chosen.insert(draw(st.integers(0, len(chosen))), draw(value))
    return chosen


def fleet_of(made: Mapping[str, Any]) -> Inventory:
    facts = made["facts"]
    own = facts["inventory"]
    columns = {"sn": pa.array([s[0] for s in made["servers"]])}
    for i, name in enumerate(("model", "product_id", "location"), 1):
        columns[name] = pa.array([s[i] for s in made["servers"]]).dictionary_encode()

    def further(name: str) -> pa.DictionaryArray | None:
        texts = [own[s[0]].get(name) for s in made["servers"]]
        return None if None in texts else pa.array(texts).dictionary_encode()

    models = dict.fromkeys((s[2], s[1]) for s in made["servers"])
    known = facts["server_types"]
    types = [ServerType(model, product_id, facts=known[product_id]) for product_id, model in models]
    sites = [Location(site, facts=known) for site, known in facts["locations"].items()]
    return Inventory(pa.table(columns), None, (types, sites), further)


def written(
    specification: Specification, fleet: Inventory, format: TextFormat, options: Options
) -> bytes:
    """Return the bytes of a file, which are no more than its writer says."""
    options.check(format)
    store = MemoryStore()
    job = Job(specification, store, "x", format, options)
    Run([job], fleet, 1).write()
    text = b"".join(map(bytes, store.files["x"]))
    writer = format.writer(specification, fleet, options)
    assert len(text) <= writer.size(specification).bytes <= writer.estimate(specification)
    return text


def check(
    reference: ModuleType,
    judge: ModuleType,
    made: Mapping[str, Any],
    columns: Sequence[tuple[str, str, str]],
    form: tuple[TextFormat, Options],
    part: Part | None = None,
    typed: Sequence[Format] = (),
    **changes: Any,
) -> None:
    """See that a file is the reference's, or the rows of it that a shard has."""
    fleet = fleet_of(made)
    format, options = form
    if isinstance(format, Pattern):
        chosen: Sequence[Column] = pattern_columns(options.row or "")
    else:
        chosen = [Column(name, field_of(source), form) for name, source, form in columns]
    given = {"date": made["span"]["date"], **made["span"], "seed": made["seed"], **changes}
    readings = Readings(
        fleet, columns=chosen, measurements=made["measurements"], **given,
        **({"part": part} if part else {}),
    )  # fmt: skip
    facts = made["facts"]
    table = measured_by(reference, made["measurements"])
    arguments: dict[str, Any] = {"signal": given.get("signal", "uniform")}
    if arguments["signal"] == "load":
        arguments["zones"] = {site: f["time_zone"] for site, f in facts["locations"].items()}
        arguments["faults"] = tuple(
            reference.Fault(f.kind, Fraction(f.share), f.scope) for f in given.get("faults", ())
        )
    servers = [reference.Server(*server) for server in made["servers"]]
    theirs = list(reference.readings(servers, table, made["seed"], **made["span"], **arguments))
    theirs_columns = [judge.Column(*column) for column in columns]
    if isinstance(format, Pattern):
        theirs_columns = judge.pattern_columns(options.row)
    rows = list(judge.rows_of(theirs, theirs_columns))
    cells = judge.cells_of(table, judge.Facts(**facts))
    if part:
        pairs = len(theirs) // len(table)
        rows = rows[slice(*(len(rows) // pairs * end for end in part.range(pairs)))]
    if isinstance(format, Csv):
        lines = judge.csv_lines(rows, theirs_columns, cells, options.delimiter, options.header)
    elif isinstance(format, JsonLines):
        lines = judge.json_lines(rows, theirs_columns, cells)
    else:
        lines = judge.pattern_lines(rows, options.row, cells)
    assert written(readings.specification, fleet, format, options) == "".join(lines).encode()
    if not isinstance(format, Pattern):
        expected = [
            [judge.typed(cells(row, column), column, table) for column in theirs_columns]
            for row in rows
        ]
        rows_of_reference = [list(map(exact, row)) for row in expected]
        assert rows_in(readings.to_table()) == rows_of_reference
        assert (
            rows_in(pq.read_table(pa.BufferReader(binary(readings, typed[0])))) == rows_of_reference
        )
        reader = pa.ipc.open_file(pa.BufferReader(binary(readings, typed[1])))
        assert rows_in(reader.read_all()) == rows_of_reference


def binary(readings: Readings, format: Format) -> bytes:
    store = MemoryStore()
    job = Job(readings.specification, store, "x", format, Options())
    Run([job], readings.inventory, 1).write()
    return b"".join(map(bytes, store.files["x"]))


def exact(value: Any) -> Any:
    return value.hex() if isinstance(value, float) else value


def rows_in(table: pa.Table) -> list[list[Any]]:
    columns = [
        column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
        for column in table.columns
    ]
    lists = (map(exact, column.to_pylist()) for column in columns)
    return [list(row) for row in zip(*lists, strict=True)]


def named(draw: st.DrawFn, chosen: Sequence[tuple[str, str]]) -> list[tuple[str, str, str]]:
    names = draw(st.lists(long_texts, min_size=len(chosen), max_size=len(chosen), unique=True))
    return [(name, *each) for name, each in zip(names, chosen, strict=True)]


in_pattern = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=5) | st.sampled_from(
    ["", " ", ",", r"\n", r"\t", "{{", "}}", "'", "a long literal of more than thirty-two bytes "]
)


def pattern_of(draw: st.DrawFn, chosen: Sequence[tuple[str, str]]) -> str:
    pattern = ""
    for source, format in chosen:
        literal = draw(in_pattern)
        pattern += literal if literal in ("{{", "}}") else literal.replace("{", "").replace("}", "")
        is_string = source not in TIMES and not source.startswith(("value:", "measurement_value"))
        if is_string and not set(source) & set("{}:"):
            escape = draw(st.sampled_from(["", "csv", "json", "sql", "tag"]))
            pattern += f"{{{source}:{escape}}}" if escape else f"{{{source}}}"
        elif not is_string and not set(source.removeprefix("value:")) & set("{}:"):
            pattern += f"{{{source}:{format}}}" if format else f"{{{source}}}"
    return pattern


@st.composite
def cases(
    draw: st.DrawFn, spans: st.SearchStrategy[dict[str, Any]], table: st.SearchStrategy[Any]
) -> dict[str, Any]:
    """Return the arguments of `check`."""
    made = draw(world(spans, table))
    chosen = draw(sources(made, draw(st.booleans())))
    rows = draw(st.integers(1, 40))
    kind = draw(st.sampled_from(["csv", "jsonl", "text"]))
    if kind == "text":
        row = pattern_of(draw, chosen)
        if not any(f"{{{s}" in row for s, _ in chosen if s.startswith(("value:", "measurement_v"))):
            kind = "csv"  # no measurement's name can be in a pattern
    forms: dict[str, tuple[TextFormat, Options]] = {
        "csv": (Csv(rows), Options(delimiter=draw(DELIMITERS), header=draw(st.booleans()))),
        "jsonl": (JsonLines(rows), Options()),
    }
    if kind == "text":
        forms["text"] = (Pattern(rows), Options(row=row))
    of = draw(st.integers(1, 5))
    part = draw(st.none() | st.integers(1, of).map(lambda number: Part(number, of)))
    columns = named(draw, chosen)
    sizes = Sizes(rows, draw(st.integers(1, 40)), draw(st.sampled_from([0, 4])))
    typed = (Parquet(sizes), Arrow(rows))
    return {"made": made, "columns": columns, "form": forms[kind], "part": part, "typed": typed}


measurements = st.lists(any_measurement(), min_size=1, max_size=3, unique_by=lambda m: m.name)


@given(cases(spans(), measurements), st.sampled_from(["uniform", "triangular"]))
@settings(max_examples=120)
def test_files_of_any_columns_are_the_references(
    reference: ModuleType, columns_reference: ModuleType, case: dict[str, Any], signal: str
) -> None:
    check(reference, columns_reference, **case, signal=signal)


@given(cases(load_spans(), of_load), st.sampled_from([(), (Fault("off", "0.2"),)]))
@pytest.mark.slow
@settings(max_examples=60)
def test_files_of_the_load_signal_are_the_references_absent_values_too(
    reference: ModuleType, columns_reference: ModuleType, case: dict[str, Any], faults: Any
) -> None:
    row = case["form"][1].row
    sources = pattern_sources(row) if row else [source for _, source, _ in case["columns"]]
    wanted = {source.removeprefix("value:") for source in sources if source.startswith("value:")}
    made = {m.quantity for m in case["made"]["measurements"] if not wanted or m.name in wanted}
    assume(made != {None})
    check(reference, columns_reference, **case, signal="load", faults=faults)


def pattern_sources(row: str) -> list[str]:
    return [column.field.name for column in pattern_columns(row)]
