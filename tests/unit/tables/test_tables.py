from __future__ import annotations

import csv
import dataclasses
import re
import zoneinfo
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthpower import InputError, Location, Measurement, Notice, ServerType, tables
from synthpower.model.columns import Column, field_of
from synthpower.tables import columns_text, read_columns
from synthpower.tables.reader import read_rows

ORIGINAL_TYPES = [
    "P04654-B21",
    "P04655-B21",
    "P16696-291",
    "P15735-B21",
    "P15535-B21",
    "P18612-B21",
    "P43249-B21",
    "P38477-291",
    "R8F01A",
    "R8V67A",
    "P40792-B21",
    "P42679-B21",
    "P17642-B21",
    "P17640-B21",
    "P31733-B21",
    "P31734-B21",
    "P31732-B21",
    "P31735-B21",
    "P31736-B21",
]


def test_the_originals_server_types_come_first() -> None:
    types = tables.read_server_types()
    assert [kind.product_id for kind in types[:19]] == ORIGINAL_TYPES
    assert len(types) >= 44


def test_the_originals_sites_come_first() -> None:
    sites = [site.location for site in tables.read_locations()]
    assert sites[:8] == [
        "US-ND-01", "US-ND-02", "DE-B-01", "DE-M-01", "DE-M-02", "US-WA-02", "US-WA-03", "UK-S1-01",
    ]  # fmt: skip
    assert len(sites) >= 16


def test_every_site_has_a_time_zone_that_exists() -> None:
    rows = read_rows(tables.shipped(tables.LOCATIONS), ("location", "time_zone"))
    assert all(zoneinfo.ZoneInfo(row["time_zone"]) for _, row in rows)


def test_shipped_measurements_are_cpu_and_power() -> None:
    assert tables.read_measurements() == [
        Measurement("server cpu utilization", "%", Decimal(100), 2, "cpu_utilization"),
        Measurement("server power", "W", Decimal(300), 2, "power"),
    ]


def test_the_shipped_load_table_has_each_quantity_in_its_unit() -> None:
    table = tables.read_measurements("load")
    assert [(m.quantity, m.unit) for m in table] == [
        ("cpu_utilization", "%"), ("power_minimum", "W"), ("power", "W"), ("power_peak", "W"),
        ("inlet_temperature", "Cel"), ("energy", "J"), ("cpu_power", "W"),
    ]  # fmt: skip


def test_a_file_that_is_called_as_a_shipped_table_goes_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "load").write_text("name,unit,scale\na,W,3\n")
    monkeypatch.chdir(tmp_path)
    assert tables.read_measurements("./load") == [Measurement("a", "W", Decimal(3))]


def table_of(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffname,unit,scale\na,W,3\n",
        "name,unit,scale\r\na,W,3\r\n",
        '"name","unit","scale"\n"a","W","3"\n',
        "unit,more,scale,name\nW,whatever,3,a\n",
        "\nname,unit,scale\n\na,W,3",
        "name,unit,scale,decimals\na,W,3,\n",
    ],
)
def test_csv_of_many_kinds_is_read(tmp_path: Path, text: str) -> None:
    (found,) = tables.read_measurements(table_of(tmp_path, text))
    assert found.with_facts(()) == Measurement("a", "W", Decimal(3))
    assert dict(found.facts) == ({"more": "whatever"} if "more" in text else {})


def test_weights_are_read(tmp_path: Path) -> None:
    path = table_of(tmp_path, "location,weight\nA,2.5\nB,\nC,0\n")
    weights = [site.weight for site in tables.read_locations(path)]
    assert weights == [Decimal("2.5"), 1, 0]


@pytest.mark.parametrize(
    ("read", "text", "line", "words"),
    [
        ("read_locations", "", None, "the file is empty"),
        ("read_locations", "location\n", None, "no row"),
        ("read_locations", "site\nA\n", 1, "no column location"),
        ("read_locations", "location,location\nA,B\n", 1, "twice"),
        ("read_locations", "location,weight\nA,1\nB\n", 3, "1 fields, where the header has 2"),
        ("read_locations", "location,weight\nA,1\n,1\n", 3, "empty location"),
        ("read_locations", "location\nA\nB\nA\n", 4, "listed twice"),
        ("read_locations", "location\nA\x00\n", 2, "U+0000"),
        ("read_locations", 'location\n"A\nB"\n', 2, "U+000A"),
        ("read_locations", "location\nA\x85\n", 2, "U+0085"),
        ("read_locations", b"location\nA\n\xff\n", 3, "not UTF-8"),
        ("read_locations", 'location\nA\n"B\n', 3, "not a CSV row"),
        ("read_locations", "location,weight\nA,-1\n", 2, "must not be negative"),
        ("read_locations", "location,weight\nA,nan\n", 2, "finite number"),
        ("read_locations", "location,weight\nA,0\nB,0e5\n", None, "all weights are zero"),
        ("read_server_types", "model,product_id\nA,P1\nA,P1\n", 3, "listed twice"),
        ("read_server_types", "model,product_id\nA,P1\nB,P1\n", 3, "two models"),
        ("read_measurements", "name,unit,scale\na,W,3\na,V,3\n", 3, "listed twice"),
        ("read_measurements", "name,unit,scale\na,W,-3\n", 2, "positive"),
        ("read_measurements", "name,unit,scale\na,W,0.0\n", 2, "positive"),
        ("read_measurements", "name,unit,scale\na,W,1e-400\n", 2, "positive"),
        ("read_measurements", "name,unit,scale\na,W,inf\n", 2, "finite"),
        ("read_measurements", "name,unit,scale\na,W,1e400\n", 2, "finite"),
        ("read_measurements", "name,unit,scale\na,W,NaN\n", 2, "finite"),
        ("read_measurements", "name,unit,scale\na,W,3_0\n", 2, "finite"),
        ("read_measurements", "name,unit,scale\na,W,٣\n", 2, "finite"),
        ("read_measurements", "name,unit,scale,quantity\na,W,3,watts\n", 2, "quantity 'watts'"),
        ("read_measurements", "name,unit,scale,quantity\na,kW,3,power\n", 2, "power is in W"),
        ("read_measurements", "name,unit,scale,decimals\na,W,3,-1\n", 2, "decimals '-1'"),
        ("read_measurements", "name,unit,scale,decimals\na,W,3,1.0\n", 2, "decimals '1.0'"),
        ("read_measurements", "name,unit,scale,decimals\na,W,3,23\n", 2, "0 to 22"),
        ("read_measurements", "name,unit,scale,decimals\na,W,1e16,0\n", 2, "a double can hold"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, read: str, text: str | bytes, line: int | None, words: str
) -> None:
    path = table_of(tmp_path, text)
    where = f"{path}:{line}: " if line else f"{path}: "
    with pytest.raises(InputError) as error:
        getattr(tables, read)(path)
    assert str(error.value).startswith(where)
    assert words in str(error.value)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: no such file"):
        tables.read_locations(tmp_path / "none.csv")


def test_a_directory_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        tables.read_locations(tmp_path)


def test_a_table_without_an_end_is_refused() -> None:
    with pytest.raises(InputError, match="/dev/zero: it has no end"):
        tables.read_measurements(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("read", "header", "meant"),
    [
        ("read_locations", "location,wieght", "weight"),
        ("read_locations", "location,Weight", "weight"),
        ("read_locations", "location,timezone", "time_zone"),
        ("read_server_types", "model,product_id,weigth", "weight"),
        ("read_measurements", "name,unit,scale,decimal", "decimals"),
    ],
)
def test_a_column_that_is_nearly_called_like_one_that_counts_is_asked_about(
    tmp_path: Path, read: str, header: str, meant: str
) -> None:
    row = ",".join("1" for _ in header.split(","))
    path = table_of(tmp_path, f"{header}\n{row}\n")
    with pytest.warns(Notice) as found:
        getattr(tables, read)(path)
    column = header.rpartition(",")[2]
    assert [str(w.message) for w in found] == [
        f"{path}:1: column {column!r} has no meaning; was {meant!r} meant?"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "location,height_u,note\nA,1,x\n",
        "location,weight,wieght\nA,1,x\n",  # what it might be is there, too
    ],
)
def test_other_columns_are_not_asked_about(tmp_path: Path, text: str) -> None:
    assert [site.location for site in tables.read_locations(table_of(tmp_path, text))] == ["A"]


def test_a_minimum_may_be_empty(tmp_path: Path) -> None:
    path = table_of(tmp_path, "name,unit,minimum,scale\na,Cel,-20.5,0\nb,W,,3\n")
    assert [(m.minimum, m.scale) for m in tables.read_measurements(path)] == [
        (Decimal("-20.5"), Decimal(0)), (Decimal(0), Decimal(3)),
    ]  # fmt: skip


@pytest.mark.parametrize("minimum", ["nan", "1e400", "3", " -1", "--1", "-inf"])
def test_a_minimum_that_cannot_be_is_an_error(tmp_path: Path, minimum: str) -> None:
    path = table_of(tmp_path, f"name,unit,scale,minimum\na,W,3,1\nb,W,3,{minimum}\n")
    with pytest.raises(InputError, match=r":3: (minimum|scale 3: it must be above)"):
        tables.read_measurements(path)


def test_an_unknown_time_zone_is_an_error(tmp_path: Path) -> None:
    path = table_of(tmp_path, "location,time_zone\nA,Europe/Berlin\nB,Europe/Bielefeld\n")
    with pytest.raises(InputError, match=r":3: time zone 'Europe/Bielefeld' is not known"):
        tables.read_locations(path)


def test_further_columns_are_facts(tmp_path: Path) -> None:
    path = table_of(tmp_path, "rack,location,time_zone,weight\nR1,A,Europe/Berlin,2\n,B,,\n")
    assert tables.read_locations(path) == [
        Location("A", Decimal(2), {"rack": "R1", "time_zone": "Europe/Berlin"}),
        Location("B", Decimal(1), {"rack": "", "time_zone": ""}),
    ]


def test_the_process_keeps_its_limit_of_a_field(tmp_path: Path) -> None:
    long = "x" * (csv.field_size_limit() + 1)
    limit = csv.field_size_limit()
    path = table_of(tmp_path, f"location,note\nA,{long}\nB,\n")
    assert [site.location for site in tables.read_locations(path)] == ["A", "B"]
    assert csv.field_size_limit() == limit


def test_the_process_keeps_its_limit_of_a_field_after_an_error(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    with pytest.raises(InputError):
        tables.read_locations(table_of(tmp_path, 'location\nA\n"B\n'))
    assert csv.field_size_limit() == limit


strings = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=20).filter(
    lambda text: text != "\ufeff"
)
weights = st.decimals(0, 100, places=2)
facts = st.dictionaries(st.sampled_from(["rack", "note, quoted", "owner"]), strings, max_size=2)


@given(st.lists(st.builds(ServerType, strings, strings, weights), min_size=1,
                unique_by=lambda t: t.product_id).filter(lambda ts: any(t.weight for t in ts)),
       facts)  # fmt: skip
def test_server_types_come_back_from_their_text(
    tmp_path: Path, types: list[ServerType], more: dict[str, str]
) -> None:
    types = [dataclasses.replace(t, facts=more) for t in types]
    path = table_of(tmp_path, tables.server_types_text(types))
    assert tables.read_server_types(path) == types


@given(st.lists(st.builds(Location, strings, weights), min_size=1,
                unique_by=lambda s: s.location).filter(lambda sites: any(s.weight for s in sites)),
       facts)  # fmt: skip
def test_locations_come_back_from_their_text(
    tmp_path: Path, sites: list[Location], more: dict[str, str]
) -> None:
    sites = [dataclasses.replace(site, facts=more) for site in sites]
    assert tables.read_locations(table_of(tmp_path, tables.locations_text(sites))) == sites


@given(st.lists(st.builds(Measurement, strings, strings, st.decimals(1, 10**6, places=3),
                          st.none() | st.integers(0, 6))
                | st.builds(Measurement, strings, st.just("W"), st.just(Decimal(9)), st.just(1),
                            st.sampled_from(["power", "cpu_power", None]))
                | st.builds(Measurement, strings, strings, st.decimals(1, 10**6, places=3),
                            st.none() | st.integers(0, 6),
                            minimum=st.decimals(-(10**6), 0, places=3)),
                min_size=1, unique_by=lambda m: m.name))  # fmt: skip
def test_measurements_come_back_from_their_text(
    tmp_path: Path, measured: list[Measurement]
) -> None:
    path = table_of(tmp_path, tables.measurements_text(measured))
    assert tables.read_measurements(path) == measured


@pytest.mark.parametrize("name", tables.TABLES)
def test_shipped_tables_come_back_from_their_text(tmp_path: Path, name: str) -> None:
    stem, _, _ = name.removesuffix(".csv").partition("_load")
    read, text = getattr(tables, f"read_{stem}"), getattr(tables, f"{stem}_text")
    rows = read(tables.shipped(name))
    assert rows
    assert read(table_of(tmp_path, text(rows))) == rows


def test_columns_are_read_below_comments(tmp_path: Path) -> None:
    path = tmp_path / "columns.csv"
    path.write_bytes(
        b'\xef\xbb\xbf# a "comment", with quotes\r\n\r\n#,"\r\nformat,source,column\r\n'
        b'iso,end_time,"a, b"\r\n# another\r\n,measurement_value,"#v"\r\n,=# no comment,c\r\n'
    )
    found = [(c.name, c.field.name, c.format) for c in read_columns(path)]
    assert found == [
        ("a, b", "end_time", "iso"), ("#v", "measurement_value", "double"), ("c", "=# no comment", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", ": the file is empty; its first line must name column,source"),
        ("# only a comment\n", ": the file is empty; its first line must name column,source"),
        ("# x\ncolumn\n", ":2: no column source; the header must name column,source"),
        ("column,source,source\n", ":1: column source is there twice"),
        ("column,source\n# x\n\na,\n", ":4: empty source: each must have a value"),
        ('column,source\na,"=x\ny"\n', ":2: control character U\\+000A in source: remove it"),
        ("column,source,format\na,sn,iso\n", ":2: format 'iso' of sn: leave it empty"),
        ("column,source\na,sn\n", ": no column holds measurement_value; one must"),
        ("column,source\na,sn\na,measurement_value\n", ": column 'a' is listed twice"),
        ("column,source\na,value:m\nb,unit\n", ": column 'b': unit differs by measurement"),
    ],
)
def test_what_is_wrong_with_columns_is_named_with_its_line(
    tmp_path: Path, text: str, error: str
) -> None:
    path = tmp_path / "columns.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}{error}"):
        read_columns(path)


@given(
    st.lists(strings, min_size=1, max_size=4, unique=True),
    st.lists(st.sampled_from(["sn", "=", '=a, "b"', "rack", "end_time", "value:a, b"]), min_size=4),
    st.sampled_from(["", "iso", "local", "ms"]),
)
def test_columns_come_back_from_their_text(
    tmp_path: Path, names: list[str], sources: list[str], format: str
) -> None:
    columns = [
        Column(name, field_of(source), format if source == "end_time" else "")
        for name, source in zip(names, sources, strict=False)
    ]
    columns[0] = Column(f"#{names[0]}", field_of("value:a, b"), "float")
    if len({column.name for column in columns}) == len(columns):
        (tmp_path / "columns.csv").write_text(columns_text(columns))
        assert read_columns(tmp_path / "columns.csv") == tuple(columns)
